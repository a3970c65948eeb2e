#!/bin/bash
# Whatever happens to the directory file, and with both daemons stopped: local accounts and root
# behave as if we were not installed, our people get a right answer or none, nothing crashes.
# shellcheck disable=SC2016 source=people.sh
. "$(dirname "$(readlink -f "$0")")/people.sh"
people_setup
person ada secret-1 || t_end
t_root_key "$T_DIR/own"
t_local_user grace local-pw "$T_DIR/own"
host_run "$HOST" usermod -aG sudo grace
host_ssh "$HOST" ada "$T_DIR/key" true
right=$(host_run "$HOST" getent passwd ada)
root_line=$(host_run "$HOST" getent passwd root)

# A process that looked things up before and goes on: its mapping is the old one. It counts.
host_run "$HOST" bash -c 'echo $$ >/run/t-reader; n=0; while :; do
	for name in ada grace root nobody-here; do eval "home=~$name"; done
	n=$((n + 1)); echo $n >/run/t-count; read -r -t 0.01 <> <(:); done' </dev/null 2>/dev/null &
disown

# Local things: as ever. locals WHEN
locals() {
	local when=$1 got
	got=$(host_ssh "$HOST" grace "$T_DIR/own" "id -un; getent passwd root; echo local-pw |
		sudo -S -p '' id -un; id -un ada >/dev/null 2>&1; echo \$?; getent passwd | grep -c ^grace:;
		getent group | grep -c ^sudo:" 2>&1 | tr '\n' ' ')
	if [[ $got =~ ^"grace $root_line root "[0-9]+" 1 1 "$ ]] &&
		[ "$(awk '{print $(NF - 2)}' <<<"$got")" -lt 126 ]; then
		good=$((good + 1))
	else
		t_fail "$when: a local user over ssh, with sudo: $got"
	fi
	got=$(host_ssh "$HOST" root "$T_DIR/own" id -un 2>&1)
	[ "$got" = root ] || t_fail "$when: root over ssh: $got"
}

# Our person: let in as who they are, or denied. person_right_or_denied WHEN
person_right_or_denied() {
	local when=$1 got rc
	got=$(host_run "$HOST" getent passwd ada 2>&1 </dev/null)
	rc=$?
	{ [ $rc -eq 0 ] && [ "$got" = "$right" ]; } || { [ $rc -le 2 ] && [ -z "$got" ]; } ||
		t_fail "$when: getent passwd ada: $rc '$got'"
	got=$(host_ssh "$HOST" ada "$T_DIR/key" id -u 2>&1)
	rc=$?
	{ [ $rc -eq 0 ] && [ "$got" = "$PERSON_UID" ]; } || [ $rc -eq 255 ] ||
		t_fail "$when: ssh ada: $rc '$got'"
}

# What it has counted; empty while it writes that.
count() {
	host_run "$HOST" cat /run/t-count
}

reader_counts() {
	local before now
	t_wait 20000 eval 'before=$(count) && [ "$before" ]' &&
		t_wait 20000 eval 'now=$(count) && [ "$now" ] && [ "$now" != "$before" ]'
}

both() {
	good=0
	locals "$1"
	person_right_or_denied "$1"
	reader_counts || t_fail "$1: a process that had it open stopped"
	[ $good -eq 0 ] || t_pass "$1: local users and root as ever"
}

ok "a long-lived reader reads" reader_counts

host_run "$HOST" systemctl stop scimd
both "scimd stopped"
is "scimd stopped: who may log in, can" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"
is "scimd stopped: by password, too" ada "$(host_ssh "$HOST" ada password:secret-1 id -un)"
host_run "$HOST" systemctl stop scimd-warden
both "scimd and the warden stopped"
is "both stopped: who may log in, can" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"
host_run "$HOST" cp -p "$SCIM_DIRECTORY" /root/directory

# Truncated in place, each length shorter than the one before, so that every mapping there is
# loses its end; what a header, its fields and a page are, is among the lengths.
size=$(host_run "$HOST" stat -c %s "$SCIM_DIRECTORY")
ok "the directory has a size ($size)" test "$size" -gt 256
lengths=$({
	printf '%s\n' 0 1 7 8 16 63 64 127 128 255 256 511 512 1024 4095 4096 4097 8192 \
		$((size - 1)) $((size - 4096))
	for ((i = 1; i <= 64; i++)); do echo $((size * i / 65)); done
} | awk -v size="$size" '$1 >= 0 && $1 < size' | sort -rnu | awk '
	{ all[NR] = $1 }
	END { # 64 of them, the longest and the short ones for sure
		for (i = 1; i <= NR; i++) if (NR - i < 18 || i <= 46) print all[i] }' | tail -n 64)
is "lengths to try" 64 "$(wc -l <<<"$lengths")"
whole=0
for length in $lengths; do
	good=0
	host_run "$HOST" truncate -s "$length" "$SCIM_DIRECTORY" </dev/null
	failed=$T_FAILED
	locals "truncated to $length"
	person_right_or_denied "truncated to $length"
	[ "$T_FAILED" -eq "$failed" ] && whole=$((whole + 1))
done
is "truncated: held at each length" 64 "$whole"
ok "truncated: a process that had it open lives" reader_counts

# replace NAME COMMAND: puts another file in the place and looks.
replace() {
	host_run "$HOST" sh -c "$2" - "$SCIM_DIRECTORY" "$size" </dev/null || t_fail "$1: $2"
	both "$1"
	is "$1: getent passwd root" "$root_line" "$(host_run "$HOST" getent passwd root)"
}
replace "the old file again" 'cp -p /root/directory "$1.n" && mv "$1.n" "$1"'
is "the old file again: ada is let in" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"
replace "removed" 'rm "$1"'
refused "removed: ada is denied" 'Permission denied|closed' host_ssh "$HOST" ada "$T_DIR/key" true
replace "full of zeros" 'head -c "$2" /dev/zero >"$1.n" && mv "$1.n" "$1"'
replace "full of noise" 'head -c "$2" /dev/urandom >"$1.n" && mv "$1.n" "$1"'
replace "noise behind a good header" '{ head -c 4096 /root/directory; head -c "$2" /dev/urandom; } |
	head -c "$2" >"$1.n" && mv "$1.n" "$1"'
replace "overwritten with noise in place" 'cp -p /root/directory "$1.n" && mv "$1.n" "$1" &&
	getent passwd ada >/dev/null; dd if=/dev/urandom of="$1" bs=4096 conv=notrunc status=none \
	count=$(($2 / 4096))'
replace "a folder" 'rm "$1" && mkdir "$1"'
replace "a fifo" 'rmdir "$1" && mkfifo "$1"'
replace "somebody else's" 'rm "$1"; cp /root/directory "$1" && chown nobody "$1"'
refused "somebody else's: it is not believed" '.' \
	host_run "$HOST" sh -c 'getent passwd ada || { echo no; false; }'
replace "writable by all" 'rm "$1"; cp /root/directory "$1" && chmod 0666 "$1"'
replace "the folder removed" 'mv "${1%/*}" /root/public'

# It is derived data: with the daemons back, it is right again.
host_run "$HOST" mv /root/public "${SCIM_DIRECTORY%/*}"
host_run "$HOST" rm -f "$SCIM_DIRECTORY"
ok "the daemons start" host_run "$HOST" systemctl start scimd-warden scimd
ok "rebuilt" t_wait 30000 eval '[ "$(host_run "$HOST" getent passwd ada)" = "$right" ]'
is "rebuilt: ada gets in" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"
both "rebuilt"
is "nothing crashed" "" "$(host_run "$HOST" journalctl -b --no-pager |
	grep -iE 'segfault|SIG(SEGV|BUS|ABRT)|signal (11|7|6)|=[0-9]*/(SEGV|BUS|ABRT)|core.?dump')"
t_end
