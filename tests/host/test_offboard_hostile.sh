#!/bin/bash
# A scimd that was taken over, with raw messages to the warden's socket: nothing of it is published,
# nobody who may be here is harmed, and the warden stays up.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153,SC2154 source=offboard.sh
. "$(dirname "$(readlink -f "$0")")/offboard.sh"
people_setup
t_local_user grace local-pw "$T_DIR/own"
person mallory
gone_uid=$PERSON_UID
scim_active "$ID" false
person ada secret-1
uid=$PERSON_UID
log_in ada 'setsid nohup sleep 7951 >/dev/null 2>&1 </dev/null &'
ada=$LOGIN
host_ssh "$HOST" grace "$T_DIR/own" 'exec sleep 7952' </dev/null &
grace=$!
grace_uid=$(host_run "$HOST" id -u grace)
ok "the hostile client is compiled" cc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -O1 \
	-I"$SCIM_TOP" -o "$T_DIR/hostile" "$here/hostile.c"
host_push "$HOST" "$T_DIR/hostile" /usr/local/bin/hostile

# All that lookups say.
world() {
	host_run "$HOST" sh -c 'getent passwd; getent group; getent shadow
		for n in root grace ada daemon; do id "$n"; done
		cat /etc/passwd /etc/group; sha256sum /etc/shadow; /usr/libexec/scim-authorized-keys ada'
}
before=$(world)
warden=$(pids_of '^/usr/libexec/scimd-warden$')
bash_of_scimd() {
	host_run "$HOST" setpriv --reuid=scimd --regid=scimd --clear-groups "$@"
}

refused "another user does not get a word in" 'Permission denied|does not answer' host_run "$HOST" \
	setpriv --reuid=grace --regid=grace --clear-groups hostile "$grace_uid" "$uid" "$gone_uid"
host_run "$HOST" systemctl stop scimd
rss() {
	awk '/^VmRSS:/ { print $2 }' "/proc/$warden/status"
}
rss_before=$(rss)
# But for what it holds of each process on the host, two for as long as that lives.
fds() {
	find "/proc/$warden/fd" -mindepth 1 -printf '%l\n' | grep -cvE 'pidfd|/[0-9]+/(loginuid|status)$'
}
fds_before=$(fds)
said=$(bash_of_scimd timeout 100 hostile "$grace_uid" "$uid" "$gone_uid" 2>&1)
like "the warden answered to the end: $said" '^refused [0-9]{3,}, published' "$said"
# It closes a connection when it learns that the other side has hung up.
t_wait 20000 eval '[ "$(fds)" -le '"$((fds_before + 2)) ]"
ok "it has no more open and in memory than before" test "$(fds)" -le "$((fds_before + 2))" \
	-a "$(rss)" -le "$((rss_before + 4096))"
is "it is the same process" "$warden" "$(pids_of '^/usr/libexec/scimd-warden$')"
is "lookups say what they said" "$before" "$(world)"
ok "ada's session goes on" kill -0 "$ada"
ok "ada's process too" test -n "$(pids_of '^sleep 7951')"
ok "grace's session goes on" kill -0 "$grace"
refused "scimd's user does not read the shadow file" 'Permission denied' \
	bash_of_scimd cat /var/lib/scimd/public/shadow
refused "… nor writes the directory" 'Permission denied' \
	bash_of_scimd sh -c 'echo >>/var/lib/scimd/public/directory'
refused "… nor kills" 'not permitted' bash_of_scimd sh -c 'kill -9 '"$(host_run "$HOST" pgrep -x sleep | head -n 1)"
host_run "$HOST" systemctl start scimd
T_POLL=0.1
scim_ready
ok "the real one is back" t_wait 20000 scim GET "/Users/$ID"
is "ada gets in" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"
scim_offboard "$ID" "$uid"
is "and is ended when she leaves" "" "$(scim_pids "$uid")"
ok "grace's session goes on" kill -0 "$grace"
host_destroy "$HOST"
t_end
