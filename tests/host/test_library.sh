#!/bin/bash
# The library itself: three hosts at once, people in them, and nothing left afterwards.
# shellcheck disable=SC2016,SC2034 source=t.sh
. "$(dirname "$(readlink -f "$0")")/t.sh"

if ! sentence=$(host_possible); then
	echo "$sentence"
	exit 1
fi
ok "the root is cached" host_root

names=("$HOST" "$HOST-b" "$HOST-c")
pids=()
T_HOSTS=("${names[@]}")
for name in "${names[@]}"; do
	(
		started=$(host_now_ms)
		host_boot "$name" && echo $(($(host_now_ms) - started)) >"$T_DIR/$name.ms"
	) &
	pids+=($!)
done
for i in 0 1 2; do
	wait "${pids[i]}"
	is "host $((i + 1)) of three at once booted" 0 $?
	ms=$(cat "$T_DIR/${names[i]}.ms")
	ok "… in under 30 s ($ms ms)" test "$ms" -lt 30000
done
interfaces=$(for name in "${names[@]}"; do
	cat "/sys/class/net/sch$(cat "$HOSTS_DIR/run/$name/number")/ifindex"; done)
is "they have three interfaces" 3 "$(sort -u <<<"$interfaces" | wc -w)"
is "they have three addresses" 3 \
	"$(host_list | grep -F "$HOST" | awk '{print $3}' | sort -u | wc -l)"
is "no unit failed" "" "$(host_run "$HOST" systemctl --failed --plain --no-legend)"

# run, unit, push
host_run "$HOST" sh -c 'exit 37'
is "run passes the exit code on" 37 $?
host_unit "$HOST" sh -c 'exit 38'
is "unit passes the exit code on" 38 $?
is "run starts with a clean environment" "" "$(T_LEAK=1 host_run "$HOST" printenv T_LEAK)"
is "run starts in /" / "$(host_run "$HOST" pwd)"
like "a unit has a cgroup of its own" '/system.slice/run-.*\.service$' \
	"$(host_unit "$HOST" cat /proc/self/cgroup)"
head -c 100000 /dev/urandom >"$T_DIR/blob"
chmod 0640 "$T_DIR/blob"
ok "push" host_push "$HOST" "$T_DIR/blob" /root/blob
is "push copies the bytes" "$(sha256sum <"$T_DIR/blob")" "$(host_run "$HOST" sha256sum </dev/null \
	/root/blob | sed 's|/root/blob|-|')"
is "push keeps the mode" 640 "$(host_run "$HOST" stat -c %a /root/blob)"
refused "another host does not see it" 'No such file' host_run "$HOST-b" ls /root/blob
refused "nor does the cached root" 'No such file' ls "$(host_root_path)/root/blob"
refused "the kernel's settings are out of reach" 'Read-only|Permission' \
	host_run "$HOST" sh -c 'echo 1 >/proc/sys/kernel/panic'
ok "loopback works" host_run "$HOST" ip -4 route get 127.0.0.1

# people
t_key "$T_DIR/key"
ok "a local user" t_local_user ada secret-1 "$T_DIR/key"
is "login by key" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"
is "login by password" ada "$(host_ssh "$HOST" ada password:secret-1 id -un)"
refused "a wrong password is refused" 'Permission denied' host_ssh "$HOST" ada password:wrong true
t_key "$T_DIR/other"
refused "a wrong key is refused" 'Permission denied' host_ssh "$HOST" ada "$T_DIR/other" true
refused "the user is this host's only" 'Permission denied' host_ssh "$HOST-b" ada "$T_DIR/key" true
uid=$(host_run "$HOST" id -u ada)
is "a login has a login uid" "$uid" "$(host_ssh "$HOST" ada "$T_DIR/key" cat /proc/self/loginuid)"
like "a login has a logind session" "user-$uid.slice/session-[0-9]+.scope" \
	"$(host_ssh "$HOST" ada "$T_DIR/key" cat /proc/self/cgroup)"
host_ssh "$HOST" ada "$T_DIR/key" 'setsid nohup sleep 300 >/dev/null 2>&1 & sleep 300' &
client=$!
ok "processes of a session are found" t_wait 20000 eval 'test $(t_processes_of $uid | wc -l) -ge 3'
like "loginctl lists the session" " $uid ada " \
	"$(host_run "$HOST" loginctl list-sessions --no-legend)"
like "its slice can be killed" 'cgroup.kill' \
	"$(host_run "$HOST" ls "/sys/fs/cgroup/user.slice/user-$uid.slice")"
is "another host has no such session" "" "$(host_run "$HOST-b" loginctl list-sessions --no-legend)"

# the end
pid=$(host_pid "$HOST")
ok "destroy" host_destroy "$HOST"
wait $client
like "the ssh client was cut off" '^[1-9]' $?
ok "destroy again" host_destroy "$HOST"
ok "the others live" host_run "$HOST-b" true
refused "a destroyed host runs nothing" 'no running host' host_run "$HOST" true
ok "its PID 1 is gone" test ! -e "/proc/$pid/exe"
# A host whose PID 1 dies by itself is pruned, and a live one is not.
kill -9 "$(host_pid "$HOST-c")"
ok "a host can die" t_wait 20000 eval '! host_pid "$HOST-c"'
touch -d '2 minutes ago' "$HOSTS_DIR/run/$HOST-c" "$HOSTS_DIR/run/$HOST-b"
ok "prune" host_prune
ok "prune removed the dead one" test ! -e "$HOSTS_DIR/run/$HOST-c"
ok "prune left the live one" host_run "$HOST-b" true
ok "destroy the last" host_destroy "$HOST-b"
is "no folder left" "" "$(find "$HOSTS_DIR/run" -maxdepth 1 -name "$HOST*")"
is "no mount left" "" "$(grep -F "$HOST" /proc/self/mounts)"
# By index, which is never used again: others boot hosts here as well.
is "no interface left of theirs" "" "$(ip -o link | cut -d : -f 1 | grep -xF "$interfaces")"
# Zombies that the machine's own PID 1 has yet to collect have no program any more.
is "no process left" "" "$(grep -lsF "scimd-host-$HOST" /proc/[0-9]*/cgroup |
	while read -r file; do readlink "${file%cgroup}exe"; done)"
t_end
