#!/bin/bash
# What others start for a person: systemd --user, lingering, timers, cron and at.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153 source=offboard.sh
. "$(dirname "$(readlink -f "$0")")/offboard.sh"
people_setup
admins_group

RUN='systemd-run --user --quiet'
start_service() {
	in_login "$1" "$RUN --unit=stay sleep 7201; sleep 0.3"
	log_in "$1" true # without a session, or lingering, the manager would end by itself
}
start_timer() {
	in_login "$1" "$RUN --on-active=1 --on-unit-active=1 --timer-property=AccuracySec=1ms \
		sleep 7202; sleep 0.3"
	log_in "$1" true
}
start_scope() {
	in_login "$1" "(setsid $RUN --scope sleep 7203 >/dev/null 2>&1 </dev/null &); sleep 0.5"
	log_in "$1" true
}
start_linger() {
	host_run "$HOST" loginctl enable-linger "$1"
	in_login "$1" 'mkdir -p ~/.config/systemd/user/default.target.wants
		cd ~/.config/systemd/user && printf "[Service]\nExecStart=sleep 7204\nRestart=always\nRestartSec=0" >stay.service &&
		ln -s ../stay.service default.target.wants/ && systemctl --user daemon-reload &&
		systemctl --user start stay'
}
start_rootscope() {
	in_sudo "$1" 'sh -c "setsid systemd-run --quiet --scope sleep 7205 >/dev/null 2>&1 </dev/null &"'
}
start_cron() {
	local home=/home/$1
	host_run "$HOST" install -d -o "$1" -g "$1" "$home"
	host_run "$HOST" sh -c 'echo "* * * * * exec sleep 7206" | crontab -u "$1" -' - "$1"
}
start_at() {
	host_run "$HOST" install -d -o "$1" -g "$1" "/home/$1"
	host_run "$HOST" runuser -u "$1" -- sh -c 'cd /; echo "exec sleep 7207" | at now' 2>/dev/null
}
start_later() { # from within a session
	in_login "$1" '(sleep 0.1; cd /; echo "exec sleep 7208" | at now) 2>/dev/null'
}

# A service of the system's that root runs as them: systemd starts it again, and asks no PAM.
start_asthem() {
	printf '[Unit]\nStartLimitIntervalSec=0\n[Service]\nUser=%s\nExecStart=sleep 7209\nRestart=always\nRestartSec=%s\n' \
		"$1" "$2" | host_run "$HOST" tee "/etc/systemd/system/for-$1.service"
	host_run "$HOST" systemctl start "for-$1"
}
start_again() {
	start_asthem "$1" 300ms
}
# "failed", if systemd was told to stop it before it had seen that its process was killed.
is_stopped() {
	case $(host_run "$HOST" systemctl is-active "for-$1") in
	inactive | failed) ;;
	*) return 1 ;;
	esac
}

kind again 1 start_again 'sleep 7209'
kind cron 1 start_cron 'sleep 7206'
kind service 2 start_service 'sleep 7201'
kind timer 2 start_timer 'sleep 7202'
kind scope 2 start_scope 'sleep 7203'
kind linger 2 start_linger 'sleep 7204'
kind rootscope 1 start_rootscope 'sleep 7205'
kind at 1 start_at 'sleep 7207'
kind later 1 start_later 'sleep 7208'
running=$(host_run "$HOST" systemctl show -P MainPID cron atd ssh dbus systemd-logind | xargs)
T_POLL=0.5
ok "the crontab's job has started" t_wait 90000 kind_runs cron 'sleep 7206'
kinds_leave
is "the services that others run in live on" "$running" \
	"$(host_run "$HOST" systemctl show -P MainPID cron atd ssh dbus systemd-logind | xargs)"
like "a service as them is stopped, and that is said" 'stopped for-again.service, which runs as uid' \
	"$(host_run "$HOST" journalctl -b --no-pager -u scimd-warden)"
# One that systemd starts again without a pause may come once more before systemd is told.
person atonce secret-1
start_asthem atonce 0
ok "a service without a pause has started" t_wait 10000 eval '[ -n "$(scim_pids "$PERSON_UID")" ]'
scim_active "$ID" false
like "… its person leaves" '^20[04]$' "$SCIM_STATUS"
ok "… and it is stopped" t_wait 5000 is_stopped atonce
is "… with all that ran in it" "" "$(scim_pids "$PERSON_UID")"
# Somebody starts it once more: the next sweep finds it, mostly that of a warden which has just started, and
# if that one met it between two starts, the one half a minute later.
host_run "$HOST" systemctl start for-again
t_wait 5000 eval '[ -n "$(pids_of "sleep 7209")" ]'
host_run "$HOST" systemctl restart scimd-warden
ok "started again, it is stopped again" t_wait 40000 is_stopped again
host_run "$HOST" sed -i 's/^User=.*/&\nPAMName=login/' /etc/systemd/system/for-again.service
host_run "$HOST" systemctl daemon-reload
host_run "$HOST" systemctl start for-again
ok "with PAMName= it is PAM that denies it" t_wait 10000 t_journal 'pam_scim\(login:account\): scim: denied user=again'
host_run "$HOST" systemctl stop for-again
# Their jobs come due again in less than a minute: test_services waits for that.
kinds_stay_gone 3
is "linger comes back" 204 "$(scim_active "${KIND_ID[linger]}" true; echo "${SCIM_STATUS/200/204}")"
is "… with the same uid" "${KIND_UID[linger]}" "$(host_ssh "$HOST" linger "$T_DIR/key" id -u)"
# Right after the last time a login may be none to logind, which says nothing of them then.
lingers() {
	in_login linger true
	lingers=$(host_run "$HOST" loginctl show-user linger -P Linger) && [ -n "$lingers" ]
}
t_wait 30000 lingers
is "… and lingering stays off" no "$lingers"
host_destroy "$HOST"
t_end
