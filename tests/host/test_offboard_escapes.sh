#!/bin/bash
# Processes that do not want to end, and processes by the thousand.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153 source=offboard.sh
. "$(dirname "$(readlink -f "$0")")/offboard.sh"
people_setup
admins_group

start_deaf() { # every signal there is to ignore
	in_login "$1" 'setsid bash -c "trap \"\" \$(seq 1 8) \$(seq 10 18) \$(seq 20 64)
		while :; do sleep 7101; done" >/dev/null 2>&1 </dev/null &'
}
start_stopped() {
	in_login "$1" 'setsid sleep 7102 >/dev/null 2>&1 </dev/null & sleep 0.2; kill -STOP $!'
}
start_zombies() { # a parent that never asks how its children ended
	in_login "$1" 'setsid perl -e "\$0 = q(zombies 7103); for (1..20) { fork or exit } sleep 7103" \
		>/dev/null 2>&1 </dev/null &'
}
start_userns() {
	in_login "$1" 'setsid unshare -Ur --fork sleep 7104 >/dev/null 2>&1 </dev/null &'
}
# A container without root: its processes have uids of a range of the person's own.
start_subuid() {
	in_login "$1" 'setsid unshare -U --keep-caps sh -c "until grep -q . /proc/self/uid_map; do
		sleep 0.05; done
		exec setpriv --reuid 7 sleep 7105" >/dev/null 2>&1 </dev/null &'
	T_POLL=0.1 t_wait 30000 host_run "$HOST" sh -c 'for pid in $(pgrep -u "$1" -x sh); do
		[ "$(readlink /proc/$pid/ns/user)" != "$(readlink /proc/1/ns/user)" ] || continue
		echo "0 500000 65536" >/proc/$pid/uid_map && exit 0
	done; exit 1' - "$1"
}
start_bomb() {
	in_login "$1" 'ulimit -u 300; setsid bash -c "b() { b | b & }; b; sleep 7106" \
		>/dev/null 2>&1 </dev/null &'
}
start_crowd() {
	in_login "$1" 'setsid bash -c "for ((i = 0; i < 2000; i++)); do sleep 7107 & done; wait" \
		>/dev/null 2>&1 </dev/null &'
}
# Always another pid, always another name. Each lives for 2 ms, every hundredth long enough for this test
# to see it.
start_runner() {
	in_login "$1" 'setsid perl -e "for (;;) { fork and exit; \$0 = q(runner) . rand;
		select undef, undef, undef, \$\$ % 100 ? 0.002 : 0.4 }" >/dev/null 2>&1 </dev/null &'
}
# As root, out of the slice: neither the control group nor the uid helps.
start_rootrunner() {
	in_sudo "$1" "sh -c 'echo \$\$ >/sys/fs/cgroup/init.scope/cgroup.procs
		setsid perl -e \"for (;;) { fork and exit; \\\$0 = q(rootrunner) . rand;
		select undef, undef, undef, \\\$\\\$ % 100 ? 0.002 : 0.4 }\" >/dev/null 2>&1 </dev/null &'"
}
start_otheruid() { # somebody else's uid, put on by root
	in_sudo "$1" "sh -c 'setsid setpriv --reuid 500007 --clear-groups nohup sleep 7109 \
		>/dev/null 2>&1 </dev/null &'"
}

kind deaf 1 start_deaf 'sleep 7101'
kind stopped 1 start_stopped 'sleep 7102'
kind zombies 1 start_zombies 'zombies 7103'
kind userns 1 start_userns 'sleep 7104'
kind subuid 1 start_subuid 'sleep 7105'
kind otheruid 1 start_otheruid 'sleep 7109'
kind runner 1 start_runner '^runner0'
kind rootrunner 1 start_rootrunner '^rootrunner0'
T_POLL=0.1
t_wait 30000 eval '[ -n "$(pids_of "^sleep 7105")" ]'
is "the container's process has a uid of its range" 500007 \
	"$(stat -c %u "/proc/$(pids_of '^sleep 7105')")"
kinds_leave
kinds=("${KINDS[@]}")
KINDS=()
kind crowd 2000 start_crowd 'sleep 7107'
kinds_leave
kinds+=("${KINDS[@]}")
KINDS=()
kind bomb 250 start_bomb
kinds_leave
KINDS+=("${kinds[@]}")
kinds_stay_gone 6
host_destroy "$HOST"
t_end
