#!/bin/bash
# kill -9 of scimctl enable and disable before each rename and each removal that they and their programs do:
# root and local people get in, and what was begun goes on to its end, either way. KILL_EVERY=3 takes
# every third step of PAM alone.
# shellcheck disable=SC2015,SC2016,SC2154 source=people.sh
. "$(dirname "$(readlink -f "$0")")/people.sh"
people_setup
t_root_key "$T_DIR/own"
t_local_user grace local-pw "$T_DIR/own"
person ada
every=${KILL_EVERY:-1}
cc -shared -fPIC -O1 -Wall -Werror -o "$T_DIR/renames.so" "$here/renames.c" || t_fail "cc renames.c"
host_push "$HOST" "$T_DIR/renames.so" /usr/local/lib/renames.so

# ctl_killed N ARGUMENT…: scimctl, killed before step N (0: never). Prints how many steps there were.
ctl_killed() {
	host_run "$HOST" bash -c '
		echo "$1" >/run/renames-kill; : >/run/renames; shift
		setsid --wait sh -c "echo \$\$ >/run/renames-group
			LD_PRELOAD=/usr/local/lib/renames.so exec scimctl \"\$@\"" - "$@" >/run/scimctl.log 2>&1
		stat -c %s /run/renames' - "$@" </dev/null 2>/dev/null
}
# Every byte that they may touch, with modes and owners, and what Debian notes of PAM.
files() {
	host_run "$HOST" sh -c 'cd /; set -- etc/nsswitch.conf* etc/pam.d etc/ssh var/lib/pam
		find "$@" -type f -printf "%M %u:%g %p\n" | sort; find "$@" -type f | sort | xargs sha256sum'
}
on=$(files)
# gets_in: root and a local person, by PAM as sshd, login and cron ask it.
gets_in() {
	host_run "$HOST" sh -c 'set -e
		for user in root grace; do
			getent passwd $user >/dev/null; getent shadow $user >/dev/null; id $user >/dev/null
			for service in sshd login cron; do
				pamtester $service $user acct_mgmt open_session close_session
			done
		done' >"$T_DIR/in" 2>&1
}
# changes TO FROM PART WANTED WAS: every step of one part on its way there.
changes() {
	local to=$1 from=$2 part=$3 wanted=$4 was=$5 steps step
	steps=$(ctl_killed 0 "$to" "$part")
	ok "$to $part has steps: $steps" test "${steps:-0}" -ge 1
	for ((step = 1; step <= steps; step += steps > 4 ? every : 1)); do
		ok "$from" host_run "$HOST" scimctl $from $part
		is "$to $part, killed before step $step: it was" $step "$(ctl_killed $step "$to" "$part")"
		gets_in && t_pass "… root and a local person get in" || t_fail "… $(tail -n 3 "$T_DIR/in")"
		if [ $((step % 2)) = 0 ]; then
			ok "… goes back" host_run "$HOST" scimctl "$from" $part
			is "… to where it was" "$was" "$(files)"
		fi
		ok "… goes on" host_run "$HOST" scimctl "$to" $part
		is "… to its end" "$wanted" "$(files)"
	done
}
for part in nss pam ssh; do
	ok "disable $part" host_run "$HOST" scimctl disable $part
	off=$(files)
	changes enable disable $part "$on" "$off"
	changes disable enable $part "$off" "$on"
	ok "enable $part" host_run "$HOST" scimctl enable $part
done
is "root is in at the end" root "$(host_ssh "$HOST" root "$T_DIR/own" id -un)"
is "grace is in" grace "$(host_ssh "$HOST" grace "$T_DIR/own" id -un)"
is "ada is in" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"
# Whatever root's umask, others may read what they have to.
ok "with another umask" host_run "$HOST" sh -c 'umask 077; scimctl disable && scimctl enable'
is "… all is as it was" "$on" "$(files)"
t_end
