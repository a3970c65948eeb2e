# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# people.sh - for tests that want a host with our packages and people on it, to be sourced:
# t.sh, scim.sh, and what several tests check about a person who left.

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=t.sh
. "$here/t.sh"
# shellcheck source=scim.sh
. "$here/scim.sh"
SCIM_DIR=$T_DIR

# Boots the test's host and makes it one that takes pushes. Ends the test if that fails.
people_setup() {
	t_boot "$HOST"
	t_key "$T_DIR/key"
	t_key "$T_DIR/own"
	PUBLIC_KEY=$(cat "$T_DIR/key.pub")
	# Not by ok, which runs commands in a subshell: this one fills variables.
	if scim_setup >"$T_DIR/setup" 2>&1; then
		t_pass "install, configure, connect"
	else
		t_fail "install, configure, connect"
		t_indent "$(cat "$T_DIR/setup")"
		t_end
	fi
}

# person NAME [PASSWORD]: creates NAME@corp.example with the test's key; fills ID and PERSON_UID.
person() {
	if ! scim_add_user "$1@corp.example" "${1^}" Tester "$PUBLIC_KEY" "${2:-}"; then
		t_fail "POST $1: $(scim_said)"
		return 1
	fi
	ID=$(scim_id)
	PERSON_UID=$(host_run "$HOST" id -u "$1")
	like "POST $1: resolves at once" '^[0-9]+$' "$PERSON_UID"
}

# sent DESCRIPTION STATUS: the last request was answered so.
sent() {
	[ "$SCIM_STATUS" = "$2" ] && t_pass "$1" && return
	t_fail "$1: wanted $2, got $(scim_said)"
	return 1
}

# Keeps an ssh session of NAME open which runs a command first: log_in NAME COMMAND. Fills LOGIN.
log_in() {
	: >"$T_DIR/login.$1"
	host_ssh "$HOST" "$1" "$T_DIR/key" "$2
		echo ready; exec sleep 3600" >"$T_DIR/login.$1" 2>&1 </dev/null &
	LOGIN=$!
	t_wait 30000 log_in_settled "$1" "$LOGIN" && grep -q ready "$T_DIR/login.$1" && return
	t_fail "$1 does not get in: $(cat "$T_DIR/login.$1")"
	return 1
}

log_in_settled() {
	grep -q ready "$T_DIR/login.$1" || ! kill -0 "$2"
}

sessions_of() {
	host_run "$HOST" loginctl list-sessions --no-legend | awk -v u="$1" '$2 == u'
}

# Whether sshd asks us for keys, what its main process has been since it last read its configuration, and
# how many sockets it listens at.
sshd_state() {
	host_run "$HOST" sh -c 'test -e /etc/ssh/sshd_config.d/50-scim.conf; echo $?
		cut -d " " -f 26,28 "/proc/$(cat /run/sshd.pid)/stat"
		ss -Hltn "sport = :22" | wc -l' </dev/null 2>/dev/null | xargs
}

# scimctl, and until sshd has read what that changed of its configuration: it is only sent a signal.
ctl_sshd() {
	local before now rc=0 tries
	read -ra before <<<"$(sshd_state)"
	host_run "$HOST" scimctl "$@" || rc=$?
	for ((tries = 0; tries < 200; tries++)); do
		read -ra now <<<"$(sshd_state)"
		[ "${now[0]}" != "${before[0]}" ] || break
		[ "${now[*]:1:2}" = "${before[*]:1:2}" ] || [ "${now[3]:-0}" = 0 ] || break
		sleep 0.05
	done
	return $rc
}

# Everything that holds for somebody who may not be here: gone NAME UID
gone() {
	local name=$1 uid=$2
	is "$name: no process is left" "" "$(scim_pids "$uid" | while read -r pid; do
		tr '\0' ' ' <"/proc/$pid/cmdline"; done)"
	# Nothing runs in it any more; logind itself may take 20 s to forget it.
	t_wait 30000 eval '[ -z "$(sessions_of '"$uid"')" ]'
	is "$name: no session is left" "" "$(sessions_of "$uid")"
	refused "$name: ssh with the provider's key is denied" 'Permission denied' \
		host_ssh "$HOST" "$name" "$T_DIR/key" true
	is "$name: shadow is locked" yes "$(host_run "$HOST" getent shadow "$name" |
		awk -F: '{ print $2 ~ /^[!*]/ ? "yes" : $2 }')"
}

# As gone, for a person who still resolves.
gone_but_known() {
	like "$1: has no shell" ":$2:$2:.*:/usr/sbin/nologin\$" \
		"$(host_run "$HOST" getent passwd "$1")"
	is "$1: has no groups but their own" "$2" "$(host_run "$HOST" id -G "$1")"
	gone "$@"
}
