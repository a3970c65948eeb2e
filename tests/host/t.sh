# shellcheck shell=bash disable=SC2016
# t.sh - what the host tests share, to be sourced: checks that print one line each, a host of the
# test's own, and its removal at the end. A test ends with t_end; a failed check does not end it.
# HOST is the name of the test's host; T_DIR is a scratch folder. KEEP=1 keeps both.

set -uo pipefail
# shellcheck source=lib.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib.sh"

T_NAME=$(basename "$0" .sh)
T_FAILED=0
T_CHECKS=0
T_DIR=$(mktemp -d)
T_HOSTS=()
T_BEGAN_MS=$(host_now_ms)

# A host name of at most 20 bytes that no other run uses.
t_host_name() {
	local name=${T_NAME#test_}
	name=${name//_/-}
	echo "t-${name:0:11}-$$"
}
HOST=$(t_host_name)

# Boots the test's host, or another one by name; it is destroyed at the end.
t_boot() {
	local name=${1:-$HOST}
	T_HOSTS+=("$name")
	if ! host_boot "$name"; then
		t_fail "boot of $name"
		t_end
	fi
}

# What the test has started on the machine and not waited for, with its children: not every client notices
# that its host is gone.
t_end_jobs() {
	local pid
	for pid in $(jobs -pr); do
		pkill -P "$pid"
		kill "$pid"
	done 2>/dev/null
}

t_cleanup() {
	local name
	for name in "${T_HOSTS[@]}"; do
		if [ "$T_FAILED" -gt 0 ] && host_pid "$name" >/dev/null; then
			echo "--- journal of $name, last lines"
			host_run "$name" journalctl -b --no-pager -n "${T_JOURNAL:-60}" 2>&1
		fi
		if [ "${KEEP:-}" = 1 ]; then
			echo "kept: tests/host/host run $name bash"
		else
			host_destroy "$name"
		fi
	done
	t_end_jobs
	[ "${KEEP:-}" = 1 ] || rm -rf "$T_DIR"
}
trap t_cleanup EXIT
trap 'T_FAILED=$((T_FAILED + 1)); exit 1' INT TERM

t_pass() {
	T_CHECKS=$((T_CHECKS + 1))
	echo "ok     $*"
}

t_fail() {
	local ms=$(($(host_now_ms) - T_BEGAN_MS))
	T_CHECKS=$((T_CHECKS + 1))
	T_FAILED=$((T_FAILED + 1))
	printf 'FAILED %s (at %d.%03d s)\n' "$*" $((ms / 1000)) $((ms % 1000))
}

t_indent() {
	[ -z "$1" ] || echo "       | ${1//$'\n'/$'\n'       | }"
}

# ok DESCRIPTION CMD…: the command must succeed.
ok() {
	local what=$1 out rc
	shift
	out=$("$@" 2>&1 </dev/null)
	rc=$?
	if [ $rc -eq 0 ]; then
		t_pass "$what"
	else
		t_fail "$what: exit code $rc from: $*"
		t_indent "$out"
	fi
	return $rc
}

# refused DESCRIPTION PATTERN CMD…: the command must fail and say what the pattern (ERE) wants.
refused() {
	local what=$1 pattern=$2 out rc
	shift 2
	out=$("$@" 2>&1 </dev/null)
	rc=$?
	if [ $rc -eq 0 ]; then
		t_fail "$what: succeeded: $*"
	elif ! grep -qE -- "$pattern" <<<"$out"; then
		t_fail "$what: failed ($rc) without saying '$pattern'"
	else
		t_pass "$what"
		return 0
	fi
	t_indent "$out"
	return 1
}

# is DESCRIPTION WANTED GOT
is() {
	if [ "$2" = "$3" ]; then
		t_pass "$1"
	else
		t_fail "$1"
		t_indent "wanted: $2"$'\n'"got:    $3"
		return 1
	fi
}

# like DESCRIPTION PATTERN GOT
like() {
	if grep -qE -- "$2" <<<"$3"; then
		t_pass "$1"
	else
		t_fail "$1"
		t_indent "wanted: /$2/"$'\n'"got:    $3"
		return 1
	fi
}

# t_wait MS CMD…: until the command succeeds or the time is over; looks every T_POLL seconds.
t_wait() {
	local deadline=$(($(host_now_ms) + $1))
	shift
	until "$@" >/dev/null 2>&1 </dev/null; do
		[ "$(host_now_ms)" -lt "$deadline" ] || return 1
		sleep "${T_POLL:-0.02}"
	done
}

t_end() {
	if [ "$T_CHECKS" -eq 0 ]; then
		t_fail "no check ran"
	fi
	echo "$T_NAME: $((T_CHECKS - T_FAILED)) of $T_CHECKS checks passed"
	[ "$T_FAILED" -eq 0 ]
	exit
}

# The journal has a line of the pattern (ERE); it gets there a moment after it was written. More arguments are
# journalctl's: t_journal PATTERN [ARGUMENT…]
t_journal() {
	host_run "$HOST" journalctl -b --no-pager "${@:2}" </dev/null | grep -E -- "$1" >/dev/null
}

# A local account of the host with a password and an ssh key: t_local_user NAME PASSWORD KEYFILE
t_local_user() {
	host_run "$HOST" useradd -m -s /bin/bash "$1" &&
		host_run "$HOST" chpasswd <<<"$1:$2" &&
		host_run "$HOST" install -d -m 0700 -o "$1" -g "$1" "/home/$1/.ssh" &&
		host_run "$HOST" sh -c 'cat >"$1/authorized_keys"' - "/home/$1/.ssh" <"$3.pub" &&
		host_run "$HOST" chown "$1:$1" "/home/$1/.ssh/authorized_keys"
}

# Root's key, so that tests see whether root still gets in: t_root_key KEYFILE
t_root_key() {
	host_run "$HOST" install -d -m 0700 /root/.ssh &&
		host_run "$HOST" sh -c 'cat >/root/.ssh/authorized_keys' <"$1.pub"
}

# t_key FILE: makes an ssh key.
t_key() {
	ssh-keygen -q -t ed25519 -N '' -C test -f "$1" </dev/null
}

# Processes of the host that belong to a uid in any way: real, effective, saved or filesystem uid,
# or audit login uid. Prints "pid command" lines.
t_processes_of() {
	host_run "$HOST" sh -c '
		for dir in /proc/[0-9]*; do
			who=$(cat "$dir/loginuid" 2>/dev/null) || continue
			ids=$(grep ^Uid: "$dir/status" 2>/dev/null)
			case " $who $ids " in
			*[!0-9]"$1"[!0-9]*) echo "${dir#/proc/} $(tr "\0" " " <"$dir/cmdline")" ;;
			esac
		done' - "$1" 2>/dev/null
}
