#!/bin/bash
# The host boots again, without a network and with nothing of ours in memory: no deadlock, people are known
# and let in before scimd is reached by anybody, and who is out stays out; also without a directory, and
# with nobody but PID 1 to start the warden.
# shellcheck disable=SC2016 source=package.sh
. "$(dirname "$(readlink -f "$0")")/package.sh"

# reboot_inside: in the namespaces that the host left behind, becomes its next PID 1.
# shellcheck disable=SC2317 # bash -c runs it
reboot_inside() {
	local mount
	echo $$ >/sys/fs/cgroup/cgroup.procs || return
	for mount in /run /tmp /dev/shm; do
		mount -t tmpfs -o mode=$([ $mount = /run ] && echo 0755 || echo 1777),nosuid,nodev tmpfs $mount ||
			return
	done
	exec unshare --pid --ipc --cgroup --fork sh -c '
		# The kernel'"'"'s own settings are the machine'"'"'s.
		mount -t proc -o nosuid,nodev,noexec proc /proc && mount --bind /proc/sys /proc/sys &&
		mount -o remount,bind,ro /proc/sys &&
		{ [ ! -e /proc/sysrq-trigger ] || mount --bind /dev/null /proc/sysrq-trigger; } &&
		exec env -i container=test "PATH=$1" /sbin/init --log-target=journal' - "$HOST_PATH"
}

# reboot NAME COMMAND…: pulls the plug, runs a command on what is left, and boots.
reboot() {
	local name=$1 dir pid keeper unshare_pid deadline
	shift
	dir=$(host_dir "$name") && pid=$(host_pid "$name") || return
	# Namespaces live as long as somebody is in them, and the pid namespace is nobody's.
	nsenter -t "$pid" -m -u -n -r -w sleep 600 </dev/null >/dev/null 2>&1 &
	keeper=$!
	t_wait 20000 eval '[ "$(cat "/proc/'$keeper'/comm")" = sleep ]'
	touch "$dir" # nobody prunes a host that is just being booted
	kill -9 "$pid"
	while [ -e "/proc/$pid/ns/pid" ]; do sleep 0.01; done
	nsenter -t "$keeper" -m -u -n -r -w "$@" || return
	setsid nsenter -t "$keeper" -m -u -n -r -w bash -c \
		"HOST_PATH=$HOST_PATH; $(declare -f reboot_inside); reboot_inside" >>"$dir/log" 2>&1 </dev/null &
	unshare_pid=$!
	deadline=$(($(host_now_ms) + 60000))
	until pid=$(pgrep -P "$unshare_pid") && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = systemd ]; do
		[ "$(host_now_ms)" -lt "$deadline" ] && kill -0 "$unshare_pid" 2>/dev/null ||
			{ cat "$dir/log"; kill "$keeper"; return 1; }
		sleep 0.02
	done
	echo "$pid $(host_starttime "$pid")" >"$dir/pid"
	kill "$keeper"
	host_wait_up "$name"
}

package_setup
ok "install" package_install
package_connect okta
person ada secret-1
ada_uid=$PERSON_UID
person brian secret-1
scim_active "$ID" false
sent "somebody left" 200
boot_id=$(host_run "$HOST" systemctl show -P KernelTimestampMonotonic -P UserspaceTimestamp)

# After a boot, from inside: there is no network. known WHEN
known() {
	is "$1: there is no network" "" "$(host_run "$HOST" ip -br link show up dev eth0)"
	is "$1: no unit failed" "" "$(host_run "$HOST" systemctl --failed --no-legend --plain | grep -v '^ssh')"
	for unit in scimd-warden scimd; do
		ok "$1: $unit runs" t_wait 20000 host_run "$HOST" systemctl -q is-active $unit
	done
	is "$1: local people are known" grace "$(host_run "$HOST" id -un grace)"
	ok "$1: a local person logs in at the console" host_run "$HOST" pamtester login grace acct_mgmt open_session close_session
	is "$1: root may use sudo" 0 "$(host_run "$HOST" sudo -n id -u)"
	ok "$1: our people are known" t_wait 20000 host_run "$HOST" getent passwd ada
	is "$1: … as before" "$ada_uid" "$(host_run "$HOST" id -u ada)"
	ok "$1: … log in at the console" host_run "$HOST" pamtester login ada acct_mgmt open_session close_session
	refused "$1: who left is denied" 'denied|not|Permission' host_run "$HOST" pamtester login brian acct_mgmt
}

down="ip link set eth0 down"
# shellcheck disable=SC2086
reboot "$HOST" $down && t_pass "boots" || { t_fail "boots"; t_end; }
ok "it was a boot" test "$boot_id" != "$(host_run "$HOST" systemctl show -P KernelTimestampMonotonic -P UserspaceTimestamp)"
known "booted"
like "the warden was there before logins were allowed" '^[0-9]+ [0-9]+ before$' "$(host_run "$HOST" sh -c '
	a=$(systemctl show -P ActiveEnterTimestampMonotonic scimd-warden)
	b=$(systemctl show -P InactiveExitTimestampMonotonic systemd-user-sessions)
	echo $a $b $([ $a -le $b ] && echo before)')"
# Nothing published, nothing to ask: only the store is there.
reboot "$HOST" sh -c "$down; rm -rf /var/lib/scimd/public" && t_pass "boots without a directory" ||
	{ t_fail "boots without a directory"; t_end; }
known "without a directory"
# scimd and the warden do not start at all.
reboot "$HOST" sh -c "$down; chmod a-x /usr/sbin/scimd /usr/libexec/scimd-warden" && t_pass "boots without daemons" ||
	{ t_fail "boots without daemons"; t_end; }
is "without daemons: local people are known" grace "$(host_run "$HOST" id -un grace)"
ok "without daemons: … log in" host_run "$HOST" pamtester login grace acct_mgmt open_session close_session
is "without daemons: our people are known" "$ada_uid" "$(host_run "$HOST" id -u ada)"
ok "without daemons: … log in" host_run "$HOST" pamtester login ada acct_mgmt open_session close_session
refused "without daemons: who left is denied" 'denied|not|Permission' host_run "$HOST" pamtester login brian acct_mgmt
host_run "$HOST" sh -c 'chmod a+x /usr/sbin/scimd /usr/libexec/scimd-warden; systemctl reset-failed scimd; systemctl start scimd-warden scimd
	ip link set eth0 up'
scim_ready
t_wait 20000 scim GET "/Users/$ID"
scim DELETE "/Users/$ID"
sent "with a network again: pushes are taken" 204
t_end
