#!/bin/bash
# The order of a login and a deactivation, made certain: a pause is put between each two steps of
# the PAM stack (A account, L login uid, S session scope, C session check, R run), and the person is
# deactivated during it. At C or before, the login ends there; after C, what it became is ended.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153 source=offboard.sh
. "$(dirname "$(readlink -f "$0")")/offboard.sh"
people_setup
person ada secret-1
ada=$ID ada_uid=$PERSON_UID
host_run "$HOST" install -d -o ada -g ada /home/ada
host_run "$HOST" sh -c 'cp -a /etc/pam.d /root/pam.d
	printf "#!/bin/sh\nuntil [ -e /run/pause-over ]; do sleep 0.02; done\n" >/usr/local/bin/pause
	chmod 755 /usr/local/bin/pause'

# Cron has its minute: pauses of its own, before A and between C and R, for one person each. It goes on
# beside the others, whose stacks it does not use.
host_run "$HOST" sh -c 'printf "#!/bin/sh\nexec sleep 5.7\$1\n" >/usr/local/bin/pause-cron
	chmod 755 /usr/local/bin/pause-cron; cd /root/pam.d
	{ echo "account optional pam_exec.so quiet /usr/local/bin/pause-cron 1"; cat cron
	echo "session optional pam_exec.so quiet /usr/local/bin/pause-cron 2"; } >cron.new
	mv cron.new cron; cp cron /etc/pam.d/cron'
cron_ids=()
for n in 1 2; do
	person "cron$n" secret-1
	cron_ids+=("$ID")
	cron_uids+=("$PERSON_UID")
	host_run "$HOST" install -d -o "cron$n" -g "cron$n" "/home/cron$n"
	echo "* * * * * echo ran >/tmp/ran.cron$n; exec sleep 7601" | host_run "$HOST" crontab -u "cron$n" -
done
ID=$ada PERSON_UID=$ada_uid
cron_steps() {
	local n
	SCIM_DIR=$T_DIR/cron
	for n in 1 2; do # both jobs come to the first pause, and who is let go on to the second
		T_POLL=0.05 t_wait 90000 eval '[ -n "$(pids_of "^sleep 5.7'$n'")" ]' || echo "no pause $n"
		scim_active "${cron_ids[n - 1]}" false || echo "cron$n: $(scim_said)"
	done
	sleep 6
}
mkdir "$T_DIR/cron"
cp "$T_DIR/auth" "$T_DIR/cron/"
cron_steps >"$T_DIR/cron/said" 2>&1 &
cron=$!

# pause_at FILE PATTERN before|after TYPE: from the Debian stacks, with a pause at one place.
pause_at() {
	host_run "$HOST" sh -c 'cp -a /root/pam.d/. /etc/pam.d/
		awk -v pattern="$2" -v place="$3" -v type="$4" "
			BEGIN { pause = type \" optional pam_exec.so quiet /usr/local/bin/pause\" }
			\$0 ~ pattern && !done { done = 1
				if (place == \"before\") print pause; print
				if (place == \"after\") print pause
				next }
			{ print }
			END { exit !done }" "/root/pam.d/$1" >"/etc/pam.d/$1"' - "$@"
}
pausing() {
	[ -n "$(pids_of '^/bin/sh /usr/local/bin/pause$')" ]
}

in_ssh() {
	host_ssh "$HOST" ada "$T_DIR/key" "$1"
}
in_su() {
	host_run "$HOST" su - ada -c "$1"
}
in_sudo_u() {
	host_run "$HOST" sudo -u ada sh -c "$1"
}
in_at() {
	host_run "$HOST" setpriv --reuid="$PERSON_UID" --regid="$PERSON_UID" --clear-groups \
		sh -c 'cd /; echo "$1" | at now' - "$1"
}
in_console() {
	host_run "$HOST" script -qec "login -f ada" /dev/null <<<"$1"
}

# step WHAT WAY denied|ended: the login by WAY (a function) stops at the pause that is set.
step() {
	local what=$1 way=$2 wanted=$3 login
	host_run "$HOST" rm -f /tmp/ran /run/pause-over
	"$way" 'echo ran >/tmp/ran; exec sleep 7600' >"$T_DIR/way" 2>&1 </dev/null &
	login=$!
	T_POLL=0.02
	if ! t_wait 30000 pausing; then
		t_fail "$what: the login does not come to the pause: $(tail -n 3 "$T_DIR/way")"
	fi
	scim_active "$ID" false
	like "$what: 2xx" '^20[04]$' "$SCIM_STATUS"
	# The pause itself ends with the process that is found; a root process without a login uid
	# goes on to the next step. What only becomes the person then does so between two late looks.
	[ "$wanted" = denied ] || sleep 1.5
	host_run "$HOST" touch /run/pause-over
	ok "$what: the login has ended" t_wait 10000 eval "! kill -0 $login && ! pausing"
	if [ "$wanted" = denied ]; then
		refused "$what: the command did not run" 'No such file' host_run "$HOST" ls /tmp/ran
	fi
	ok "$what: nothing lives" t_wait 6500 eval '[ -z "$(scim_pids "$PERSON_UID")" ]'
	t_wait 30000 eval '[ -z "$(sessions_of "$PERSON_UID")" ]'
	is "$what: no session" "" "$(sessions_of "$PERSON_UID")"
	host_run "$HOST" sh -c 'cp -a /root/pam.d/. /etc/pam.d/'
	scim_active "$ID" true || t_fail "$what: back: $(scim_said)"
}

pause_at common-account 'pam_scim' before account && step "ssh before A" in_ssh denied
pause_at sshd 'pam_loginuid' before session && step "ssh between A and L" in_ssh denied
pause_at common-session 'pam_systemd' before session && step "ssh between L and S" in_ssh denied
pause_at common-session 'pam_systemd' after session && step "ssh between S and C" in_ssh denied
pause_at common-session 'pam_scim' after session && step "ssh between C and R" in_ssh denied
pause_at common-account 'pam_scim' before account && step "su before A" in_su denied
pause_at common-session 'pam_scim' before session && step "su between A and C" in_su denied
pause_at common-session 'pam_scim' after session && step "su between C and R" in_su ended
pause_at common-session-noninteractive 'pam_scim' before session &&
	step "sudo between A and C" in_sudo_u denied
pause_at common-session-noninteractive 'pam_scim' after session &&
	step "sudo between C and R" in_sudo_u ended
pause_at atd 'pam_loginuid' before session && step "at between A and L" in_at denied
pause_at common-session-noninteractive 'pam_scim' before session && step "at between L and C" in_at denied
pause_at common-session-noninteractive 'pam_scim' after session && step "at between C and R" in_at denied
pause_at login 'pam_loginuid' before session && step "console before L" in_console denied
pause_at common-session 'pam_scim' after session && step "console between C and R" in_console denied

# systemd never notices that a scope is empty whose first process died while it was being put there, and
# logind would keep the session for ever: here that process is a zombie all along.
host_run "$HOST" bash -c '(true & exec sleep 7602) & sleep 0.2
	busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager \
		CreateSession "uusssssussbssa(sv)" "$1" "$(pgrep -P $!)" \
		sshd tty user "" "" 0 "" "" true "" 198.18.0.1 0' - "$PERSON_UID" >"$T_DIR/way" 2>&1
t_wait 5000 eval '[ -n "$(sessions_of "$PERSON_UID")" ]'
like "a session in which nothing ever ran" . "$(sessions_of "$PERSON_UID")"
scim_active "$ID" false
ok "… is gone as well" t_wait 6500 eval '[ -z "$(sessions_of "$PERSON_UID")" ]'
scim_active "$ID" true
wait $cron
is "cron came to its pauses" "" "$(cat "$T_DIR/cron/said")"
is "cron before A, and between C and R: no job ran" "" \
	"$(host_run "$HOST" sh -c 'ls /tmp/ran.cron* 2>/dev/null')$(pids_of '^sleep 7601')"
is "… and nothing lives" "" "$(scim_pids "${cron_uids[0]}")$(scim_pids "${cron_uids[1]}")"
is "all is as before" ada "$(in_ssh 'id -un')"
t_end
