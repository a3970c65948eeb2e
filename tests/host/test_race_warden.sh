#!/bin/bash
# The order of a login and a deactivation from the other side: scimd or the warden waits at one step of the
# deactivation while the person logs in. Before the publication the login comes in, and is ended; after it,
# it is denied, although nothing has been ended yet.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153,SC2154 source=offboard.sh
. "$(dirname "$(readlink -f "$0")")/offboard.sh"
steps_setup

# A thread of the daemon is at the step.
is_paused() {
	grep -qsx paused /proc/"$(pids_of "^/usr/(sbin|libexec)/$1\$")"/task/*/comm
}
nothing_lives() {
	[ -z "$(scim_pids "$uid")$(pids_of '^sleep 7701')" ]
}
# Gets in by ssh, and leaves a root process behind that only the login uid gives away.
gets_in() {
	log_in ada 'echo secret-1 | sudo -S -p "" sh -c "echo \$\$ >/sys/fs/cgroup/init.scope/cgroup.procs
		setsid nohup sleep 7701 >/dev/null 2>&1 </dev/null &"' &&
		ok "$1: comes in" t_wait 20000 eval '[ -n "$(pids_of "^sleep 7701")" ]'
}
has_slice() {
	host_run "$HOST" test -e "/sys/fs/cgroup/user.slice/user-$uid.slice"
}
# While systemd is tidying up after the last session, a login may come without a slice: another one then.
log_in_with_slice() {
	local try
	for ((try = 0; try < 10; try++)); do
		log_in ada true || return
		t_wait 1000 has_slice && return
		kill "$LOGIN"
	done
	t_fail "$1: no login has a slice"
	return 1
}
# during UNIT STEP in|denied WHAT
during() {
	local unit=$1 step=$2 wanted=$3 what=$4 patch first
	log_in_with_slice "$what" || return # so that there is something to end
	first=$LOGIN
	host_run "$HOST" sh -c 'echo "pause $1" >/run/scimd-step' - "$step"
	scim_active "$ID" false &
	patch=$!
	ok "$what: it came to that" t_wait 30000 is_paused "$unit"
	if [ "$wanted" = in ]; then
		gets_in "$what"
	else
		refused "$what: ssh is denied" 'Permission denied' host_ssh "$HOST" ada "$T_DIR/key" true
		refused "$what: su is denied" '.' host_run "$HOST" su - ada -s /bin/sh -c true
		refused "$what: sudo -u is denied" '.' host_run "$HOST" sudo -u ada true
	fi
	ok "$what: the deactivation still waits" kill -0 $patch
	host_run "$HOST" rm -f /run/scimd-step
	wait $patch
	ok "$what: answered, and nothing lives" nothing_lives
	ok "$what: the clients were cut off" t_wait 10000 eval "! kill -0 $first && ! kill -0 $LOGIN"
	T_POLL=0.1 t_wait 30000 scim_active "$ID" true || t_fail "$what: back: $(scim_said)"
}

during scimd send-12 in "committed, not yet sent"
during scimd-warden received-12 in "before publishing"
during scimd-warden sync in "while it goes to the disk"
during scimd-warden send-67 denied "published, not yet said"
during scimd-warden cgroup denied "before the kill by control group"
during scimd-warden cgrouped denied "after the kill by control group"
during scimd-warden send-68 denied "before the report"
during scimd received-67 denied "when scimd learns that it is published"
is "all is as before" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"
t_end
