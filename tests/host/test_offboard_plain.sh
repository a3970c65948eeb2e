#!/bin/bash
# Without systemd: a host whose init is a shell, with sshd and cron, no control groups, no logind. The
# warden finds everything in /proc alone.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153,SC2154,SC2317 source=offboard.sh
. "$(dirname "$(readlink -f "$0")")/offboard.sh"

# The host's own init is replaced as soon as its file tree is there, and cgroup2 is not mounted.
cat >"$T_DIR/plain.sh" <<-END
	. "$HOST_LIB"
	HOST_LIB=$T_DIR/plain.sh
END
cat >>"$T_DIR/plain.sh" <<'END'
mount() {
	case "$*" in
	*cgroup2*sys/fs/cgroup) return ;;
	esac
	command mount "$@" || return
	case "$*" in
	*'-t overlay'*)
		rm -f "$dir/root/usr/sbin/init"
		printf '%s\n' '#!/bin/bash' 'printf systemd >/proc/1/comm' \
			'mkdir -p /run/sshd; /usr/sbin/sshd; /usr/sbin/cron; /usr/sbin/atd' \
			'while :; do sleep 1; done' >"$dir/root/usr/sbin/init"
		chmod 755 "$dir/root/usr/sbin/init"
		;;
	esac
}
END
HOST_LIB=$T_DIR/plain.sh
host_wait_up() {
	t_wait 60000 host_run "$1" pgrep -x sshd
}
behind() {
	host_run "$HOST" setsid sh -c '"$@" >>/run/log 2>&1 </dev/null &' - "$@"
}

t_boot "$HOST"
t_key "$T_DIR/key"
t_key "$T_DIR/own"
PUBLIC_KEY=$(cat "$T_DIR/key.pub")
ok "there is no systemd" eval '! host_run "$HOST" test -e /run/systemd/system'
refused "… nor a control group" '.' host_run "$HOST" sh -c 'ls -d /sys/fs/cgroup/user.slice'
ok "install" scim_install
scim_configure_usual
host_run "$HOST" sh -c 'install -d -m 0755 /run/scimd; install -d -o scimd -g scimd /run/scimd/control'
# What the package asks of systemd elsewhere: sshd reads its configuration again.
host_run "$HOST" sh -c 'kill -HUP "$(cat /run/sshd.pid)"'
start_warden() {
	behind /usr/libexec/scimd-warden
}
start_warden
behind setpriv --reuid=scimd --regid=scimd --init-groups --inh-caps=-all /usr/sbin/scimd
T_POLL=0.1
ok "both daemons run" t_wait 30000 host_run "$HOST" scimctl status
scim_connect okta || t_fail "no connection"
admins_group
t_local_user grace local-pw "$T_DIR/own"
host_ssh "$HOST" grace "$T_DIR/own" 'exec sleep 3600' </dev/null &
grace=$!

start_session() {
	log_in "$1" 'sleep 7961 &'
}
start_nohup() {
	in_login "$1" 'setsid nohup sleep 7962 >/dev/null 2>&1 </dev/null &'
}
start_rootshell() {
	in_sudo "$1" 'sh -c "setsid nohup sleep 7963 >/dev/null 2>&1 </dev/null &"'
}
start_other() {
	in_sudo "$1" 'su - grace -c "setsid nohup sleep 7964 >/dev/null 2>&1 </dev/null &"'
}
start_at() {
	in_login "$1" '(cd /; echo "exec sleep 7965" | at now) 2>/dev/null'
}
# Each lives for 2 ms, every hundredth long enough for this test to see it.
start_runner() {
	in_login "$1" 'setsid nohup sleep 7966 >/dev/null 2>&1 </dev/null &
		setsid perl -e "for (;;) { fork and exit; \$0 = q(runner) . rand;
		select undef, undef, undef, \$\$ % 100 ? 0.002 : 0.4 }" >/dev/null 2>&1 </dev/null &'
}
start_bomb() {
	in_login "$1" 'ulimit -u 150; setsid bash -c "b() { b | b & }; b; sleep 7967" \
		>/dev/null 2>&1 </dev/null &'
}
kind session 2 start_session 'sleep 7961'
kind nohup 1 start_nohup 'sleep 7962'
kind rootshell 1 start_rootshell 'sleep 7963'
kind suother 1 start_other 'sleep 7964'
kind atjob 1 start_at 'sleep 7965'
kind runner 1 start_runner '^runner0'
kind bomb 100 start_bomb
kinds_leave
sleep 6
for name in "${!KIND_UID[@]}"; do
	is "$name: nothing is back" "" "$(scim_pids "${KIND_UID[$name]}")"
	refused "$name: denied" 'Permission denied' host_ssh "$HOST" "$name" "$T_DIR/key" true
done
ok "a local user's session went on all the time" kill -0 $grace

# The sweep at start, without anybody asking.
scim_active "${KIND_ID[nohup]}" true
start_nohup nohup
t_wait 20000 eval '[ -n "$(pids_of "^sleep 7962")" ]'
kill -9 "$(pids_of '^/usr/libexec/scimd-warden$')"
ok "with the warden down a deactivation is refused, to be sent again" eval \
	'! scim_active "${KIND_ID[nohup]}" false; [ "$SCIM_STATUS" = 503 ]'
start_warden
ok "with the warden back it comes through" t_wait 20000 scim_active "${KIND_ID[nohup]}" false
is "and nothing is left" "" "$(scim_pids "${KIND_UID[nohup]}")"
host_destroy "$HOST"
t_end
