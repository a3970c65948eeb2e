#!/bin/bash
# Before Linux 6.13 a pidfd tells nothing of its process, and the warden reads the status of each. Here that is
# so because its unit does not let it ask.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153 source=offboard.sh
. "$(dirname "$(readlink -f "$0")")/offboard.sh"
people_setup
admins_group
host_run "$HOST" mkdir -p /etc/systemd/system/scimd-warden.service.d
host_run "$HOST" sh -c 'printf "[Service]\nSystemCallFilter=~ioctl\n" \
	>/etc/systemd/system/scimd-warden.service.d/older.conf; systemctl daemon-reload
	systemctl restart scimd-warden
	cp /bin/sleep /usr/local/bin/rootsleep; chmod 4755 /usr/local/bin/rootsleep'
held() { # what the warden holds of each process
	host_run "$HOST" sh -c 'ls -l /proc/$(pidof scimd-warden)/fd' | grep -c "/proc/[0-9]*/$1\$"
}
T_POLL=0.1
ok "it holds the status of processes" t_wait 10000 eval '[ "$(held status)" -gt 2 ]'
ok "… and their login uids" test "$(held loginuid)" -gt 2

start_plain() {
	log_in "$1" 'setsid nohup sleep 7941 >/dev/null 2>&1 </dev/null &'
}
start_setuid() {
	log_in "$1" 'setsid rootsleep 7942 >/dev/null 2>&1 </dev/null &'
}
# Out of the slice, and with the uid of somebody else: the login uid alone says whose it is.
start_other() {
	in_sudo "$1" "sh -c 'echo \$\$ >/sys/fs/cgroup/init.scope/cgroup.procs
		setsid setpriv --reuid 500007 --clear-groups nohup sleep 7943 >/dev/null 2>&1 </dev/null &'"
}
# The same the other way round: no login of the person's, their real uid alone.
start_real() {
	host_run "$HOST" sh -c "setsid setpriv --ruid $PERSON_UID sleep 7944 >/dev/null 2>&1 </dev/null &"
}
kind plain 1 start_plain 'sleep 7941'
kind setuid 1 start_setuid 'rootsleep 7942'
kind other 1 start_other 'sleep 7943'
kind real 1 start_real 'sleep 7944'
person stays secret-1
log_in stays 'setsid sleep 7945 >/dev/null 2>&1 </dev/null &'
kinds_leave
kinds_stay_gone 2
ok "somebody else's is not touched" test -n "$(pids_of '^sleep 7945')"
sleep 0.3
ok "it still holds the status of processes" test "$(held status)" -gt 2
t_end
