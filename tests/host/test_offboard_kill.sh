#!/bin/bash
# scimd or the warden killed -9 at each step between the commit and the last process gone: within
# two seconds of the restart, and without a new push, the person is out. Then both down, with a
# directory from a backup that says so.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153,SC2154 source=offboard.sh
. "$(dirname "$(readlink -f "$0")")/offboard.sh"
steps_setup

main_pid() {
	pids_of "^/usr/(sbin|libexec)/$1\$"
}
is_out() {
	[ -z "$(scim_pids "$uid")$(pids_of 'sleep 7700')" ] &&
		host_run "$HOST" getent passwd ada | grep -q ':/usr/sbin/nologin$' &&
		host_run "$HOST" getent shadow ada | grep -q '^ada:[!*]'
}
present() {
	log_in ada 'setsid nohup sleep 7700 >/dev/null 2>&1 </dev/null &
		echo secret-1 | sudo -S -p "" sh -c "echo \$\$ >/sys/fs/cgroup/init.scope/cgroup.procs
		setsid nohup sleep 7700 >/dev/null 2>&1 </dev/null &"' &&
		t_wait 20000 eval '[ "$(pids_of "^sleep 7700" | wc -l)" = 2 ]'
}
back() {
	T_POLL=0.1 t_wait 30000 scim_active "$ID" true ||
		t_fail "$1: back: $(scim_said)"
}

# killed_at UNIT STEP WHAT
killed_at() {
	local unit=$1 step=$2 what="$1 killed $3" old patch
	present || return
	old=$(main_pid "$unit")
	host_run "$HOST" sh -c 'echo "$1" >/run/scimd-step' - "$step"
	scim_active "$ID" false &
	patch=$!
	ok "$what: it came to that" t_wait 20000 eval "! kill -0 $old"
	host_run "$HOST" rm -f /run/scimd-step
	ok "$what: started again" t_wait 20000 eval '[ -n "$(main_pid '"$unit"')" ]'
	ok "$what: out within 2 s" t_wait 2000 is_out
	refused "$what: denied" 'Permission denied' host_ssh "$HOST" ada "$T_DIR/key" true
	wait "$patch"
	ok "$what: the receipt is complete" t_wait 10000 eval \
		'host_run "$HOST" scimctl receipt ada --json | jq -e ".state == \"done\""'
	# Two sleeps and the session's own, whichever of two wardens ended them, and each once.
	is "$what: it names what was ended, each once" "[3,true]" \
		"$(host_run "$HOST" scimctl receipt ada --json | jq -c '[([.ended[] |
			select(.command == "sleep")] | length), ([.ended[].pid] | length == (unique | length))]')"
	back "$what"
}

killed_at scimd send-12 "after the commit, before the publication"
killed_at scimd sent-12 "with the publication sent"
killed_at scimd received-67 "when it was published"
killed_at scimd received-68 "when it was reported"
killed_at scimd-warden received-12 "before publishing"
killed_at scimd-warden sync "while publishing"
killed_at scimd-warden send-67 "after publishing, before saying so"
killed_at scimd-warden sent-67 "after saying so"
killed_at scimd-warden linger "before lingering was off"
killed_at scimd-warden cgroup "before killing by control group"
killed_at scimd-warden cgrouped "after killing by control group"
killed_at scimd-warden signal "before the first signal"
killed_at scimd-warden signalled "after the first signal"
killed_at scimd-warden send-68 "before the report"
killed_at scimd-warden sent-68 "after the report"

# Both down, and the directory of an evening on which the person was out.
scim_active "$ID" false
host_run "$HOST" cp -a /var/lib/scimd/public /root/public
back "directory of a backup"
present
host_run "$HOST" systemctl stop scimd scimd-warden
is "with both down, everybody goes on" 2 "$(pids_of '^sleep 7700' | wc -l)"
is "… and gets in" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"
host_run "$HOST" sh -c 'cp -a /root/public/. /var/lib/scimd/public/'
refused "… which already denies at the next login" 'is deactivated' host_ssh "$HOST" ada "$T_DIR/key" true
host_run "$HOST" systemctl start scimd-warden
ok "a restored directory that says otherwise is enforced at start" t_wait 2000 is_out
refused "… and denies" 'Permission denied' host_ssh "$HOST" ada "$T_DIR/key" true
host_run "$HOST" systemctl start scimd
ok "scimd's own state wins when it is back" t_wait 20000 eval \
	'[ "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)" = ada ]'
host_destroy "$HOST"
t_end
