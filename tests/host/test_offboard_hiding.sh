#!/bin/bash
# People who prepare for the day they leave: processes that try not to be seen, files for others to run,
# links for root to follow, and the host's resources used up. And a warden that hangs at its start, for
# which nobody else waits.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153,SC2154 source=offboard.sh
. "$(dirname "$(readlink -f "$0")")/offboard.sh"
people_setup
t_local_user grace local-pw "$T_DIR/own"
ok "what hides is compiled" cc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -O1 -pthread \
	-o "$T_DIR/hide" "$here/hide.c"
host_push "$HOST" "$T_DIR/hide" /usr/local/bin/hide
person peggy
in_login peggy 'cp /usr/local/bin/hide /var/tmp/as-peggy; chmod 4755 /var/tmp/as-peggy'

start_hide() {
	in_login "$1" "setsid hide $1 >/var/tmp/said-$1 2>&1 </dev/null &"
}
# In a control group of the person's own: frozen, or deeper than anybody looks.
start_frozen() {
	in_login "$1" '(setsid systemd-run --user --scope -q -p Delegate=yes bash -c "
		cd /sys/fs/cgroup\$(cut -d: -f3 /proc/self/cgroup); mkdir ice
		hide plain & echo \$! >ice/cgroup.procs; echo 1 >ice/cgroup.freeze
		sleep 7201" >/dev/null 2>&1 </dev/null &); sleep 0.5'
	log_in "$1" true # without a session their manager would end by itself
}
start_nested() {
	in_login "$1" '(setsid systemd-run --user --scope -q -p Delegate=yes bash -c "
		cd /sys/fs/cgroup\$(cut -d: -f3 /proc/self/cgroup)
		for i in {1..40}; do mkdir a; mkdir b{1..20}; cd a; done
		echo \$\$ >cgroup.procs; exec sleep 7202" >/dev/null 2>&1 </dev/null &); sleep 1'
	log_in "$1" true
}
start_pidns() { # its PID 1 takes no signal from inside
	in_login "$1" 'setsid unshare -Urpf unshare -Urpf sleep 7203 >/dev/null 2>&1 </dev/null &'
}
# A colleague left a setuid program for them, and it gives up their uid for good.
start_lent() {
	in_login "$1" 'setsid /var/tmp/as-peggy become >/dev/null 2>&1 </dev/null &'
}
# They left one themselves, which a local user runs.
start_lender() {
	in_login "$1" 'cp /usr/local/bin/hide /var/tmp/as-lender; chmod 4755 /var/tmp/as-lender'
	host_ssh "$HOST" grace "$T_DIR/own" 'setsid /var/tmp/as-lender plain >/dev/null 2>&1 </dev/null &'
}
for mode in named login traced waiting hunter; do
	kind $mode 1 start_hide "^hide $mode"
done
kind headless 1 start_hide # without its first thread it has no command line
kind frozen 1 start_frozen 'sleep 7201'
kind nested 1 start_nested 'sleep 7202'
kind pidns 1 start_pidns 'sleep 7203'
kind lent 1 start_lent 'as-peggy become'
kind lender 1 start_lender 'as-lender plain'
peggy_uid=$(host_run "$HOST" id -u peggy)
T_POLL=0.1
t_wait 30000 eval '[ -n "$(pids_of "as-peggy become")" ]'
is "what was lent has nothing of theirs but the login" "$peggy_uid" \
	"$(stat -c %u "/proc/$(pids_of 'as-peggy become')")"
is "nobody changed a login uid" "" "$(host_run "$HOST" cat /var/tmp/said-login)"
headless() {
	pids_of '' | while read -r pid; do
		grep -qsx "$(printf 'Name:\thide')" "/proc/$pid/status" && ! [ -s "/proc/$pid/cmdline" ] &&
			echo "$pid"
	done
}
t_wait 20000 eval '[ -n "$(headless)" ]'
like "one has lost its first thread" '^[0-9]+$' "$(headless)"
kinds_leave
is "… and is gone with it" "" "$(headless)"

# --- afterwards ---
# A home behind a link into somebody else's: root makes nothing there.
person mallory
mallory=$ID mallory_uid=$PERSON_UID
in_login mallory 'ln -s /etc way; mkdir -m 0700 .ssh; cat >.ssh/authorized_keys' <"$T_DIR/own.pub"
scim POST /Users "$(scim_user trent@corp.example Trent Tester "$PUBLIC_KEY" |
	jq -c --arg posix "$SCIM_POSIX" '.[$posix].homeDirectory = "/home/mallory/way/systemd/system/a.d"')"
sent "a person whose home lies behind a link" 201
is "… gets in without it" trent "$(in_login trent 'id -un' 2>/dev/null)"
refused "… which root did not make" 'cannot access' host_run "$HOST" ls /etc/systemd/system/a.d

segments() { # and files of shared memory
	host_run "$HOST" sh -c 'ipcs -m; ls -l /dev/shm' | grep -w mallory
}
# All the shared memory that there may be, and the number that the warden would take.
ok "mallory takes all shared memory" in_login mallory 'perl -e "
	shmget(hex(q('"$(sed -n 's/^#define DIRECTORY_SEGMENT_KEY 0x\([0-9a-f]*\).*/\1/p' \
		"$SCIM_TOP"/s*/*.h "$SCIM_TOP"/scimd/warden/*.[ch])"')), 4096, 01600) or die;
	1 while defined shmget(0, 4096, 01600); open(F, q(>/dev/shm/of-mallory))"'
like "… and it is hers" '^0x[0-9a-f]+ .* mallory ' "$(segments)"
like "… a file of it too" ' of-mallory$' "$(segments)"
like "a local user runs what the lender left" '^as-lender$' "$(host_ssh "$HOST" grace "$T_DIR/own" \
	'setsid /var/tmp/as-lender plain >/dev/null 2>&1 </dev/null &
	for i in {1..1000}; do grep -sx as-lender /proc/$!/comm && break; sleep 0.01; done')"
host_run "$HOST" systemctl restart scimd-warden
ok "… and the next sweep ends it" t_wait 10000 eval '[ -z "$(pids_of "as-lender plain")" ]'
person walter
walter=$ID walter_uid=$PERSON_UID
log_in walter 'setsid sleep 7204 >/dev/null 2>&1 </dev/null &'
ok "… and people come and go all the same" scim_offboard "$walter" "$walter_uid"
gone_but_known walter "$walter_uid"
log_in mallory true
ok "mallory leaves" scim_offboard "$mallory" "$mallory_uid"
ok "… and logind removes the shared memory with the last session" t_wait 40000 eval '[ -z "$(segments)" ]'
refused "mallory's own key does not help" 'is deactivated' \
	host_ssh "$HOST" mallory "$T_DIR/own" true
host_run "$HOST" sh -c 'loginctl enable-linger mallory; systemctl start "user@$1"' - "$mallory_uid" \
	>/dev/null 2>&1
is "nor does root who lets them linger" "" "$(scim_pids "$mallory_uid")"
host_run "$HOST" rm -f /var/lib/systemd/linger/mallory

kinds_stay_gone 0

# --- a warden that hangs ---
host_run "$HOST" sh -c 'systemctl stop scimd-warden systemd-user-sessions; touch /run/nologin
	mv /usr/libexec/scimd-warden /usr/libexec/scimd-warden.away
	printf "#!/bin/sh\nsleep 20\nexec /usr/libexec/scimd-warden.away\n" >/usr/libexec/scimd-warden
	chmod 0755 /usr/libexec/scimd-warden'
host_run "$HOST" systemctl start scimd-warden systemd-user-sessions 2>/dev/null
is "a warden that hangs at its start keeps no local user out" grace \
	"$(host_ssh "$HOST" grace "$T_DIR/own" id -un)"
refused "… nor lets anybody in" 'Permission denied' host_ssh "$HOST" mallory "$T_DIR/key" true
ok "… and comes up in the end" t_wait 40000 host_run "$HOST" systemctl -q is-active scimd-warden
host_destroy "$HOST"
t_end
