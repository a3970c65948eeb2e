#!/bin/bash
# Services that PID 1 starts for somebody who may use sudo: `sudo systemd-run`. Only sudo's own entry in
# the journal says whose they are. Those that it gives to the leaver are ended; those of others, of root,
# and those that somebody pretends to own are not; what cannot be told is named in the receipt.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153 source=offboard.sh
. "$(dirname "$(readlink -f "$0")")/offboard.sh"
people_setup
admins_group

as_root() {
	host_run "$HOST" "$@" </dev/null
}
alive() {
	[ -n "$(pids_of "$1")" ]
}
receipt() {
	as_root scimctl receipt "$1" --json
}
units() { # the commands in a list of the receipt of a person
	receipt "$1" | jq -r ".$2[]? | select(.unit) | .command" | sort | tr '\n' ';'
}
leaves() { # NAME
	if scim_active "${ID_OF[$1]}" false; then
		t_pass "$1 leaves"
	else
		t_fail "$1 leaves: $(scim_said)"
	fi
}

declare -A ID_OF
for name in ada bob eve; do
	person "$name" secret-1
	ID_OF[$name]=$ID
	[ "$name" = eve ] || scim_add_member "$ADMINS" "$ID" "$name@corp.example"
done

# --- theirs, in the ways to write it; and the same command of others ---------------------------------
in_sudo ada 'systemd-run sleep 7401'
in_sudo bob 'systemd-run sleep 7401'
as_root systemd-run sleep 7401
in_sudo ada 'systemd-run -q -p Restart=always -p RestartSec=0 sh -c "sleep 7402; echo  a b"'
in_sudo ada 'systemd-run --unit named --slice=machine.slice -- sleep 7403'
in_sudo ada 'systemd-run --on-active=5 --timer-property=AccuracySec=1ms --unit=soon sleep 7404'
in_sudo ada 'systemd-run --on-active=600 sleep 7405'
in_sudo ada "sh -c \"trap '' TERM; setsid systemd-run --pipe sleep 7406 >/dev/null 2>&1 </dev/null &\""
log_in ada "echo secret-1 | sudo -S -p '' systemd-run --pipe sleep 7407 &"
# Root starts the same while ada's sudo still runs: either might be hers.
log_in ada "echo secret-1 | sudo -S -p '' systemd-run --pipe sleep 7418 &"
t_wait 20000 alive '^/usr/bin/sleep 7418'
as_root systemd-run sleep 7418
as_root systemd-run --unit=ofroot --on-active=600 sleep 7408
in_sudo bob 'systemd-run sh -c "systemd-run sleep 7409"'
T_POLL=0.1
ok "all of them run" t_wait 20000 eval 'alive "sleep 7406" && alive "sleep 7407" && alive "sleep 7409"'
theirs=$(as_root systemctl list-units --no-legend --plain 'run-r*' | grep -c 'sleep 7401')
is "three with the same command" 3 "$theirs"
before=$(date +%s%N)
leaves ada
took=$((($(date +%s%N) - before) / 1000000))
ok "… and the provider does not wait long for that: $took ms" test "$took" -lt 2000
is "of those with the same command, bob's and root's live on" 2 "$(pids_of '^/usr/bin/sleep 7401' | wc -l)"
is "of two that fit equally well neither is ended" 2 "$(pids_of '^/usr/bin/sleep 7418' | wc -l)"
for n in 2 3 7; do
	is "ended: sleep 740$n" "" "$(pids_of "sleep 740$n")"
done
is "the timers are gone" "" "$(as_root systemctl list-timers --all --no-legend | grep -E 'soon|run-r')"
ok "root's timer is not" as_root systemctl is-active ofroot.timer
ok "bob's other one is not" alive 'sleep 7409'
like "the receipt names the units that were ended" \
	"^/usr/bin/sh -c 'sleep 7402; echo  a b';/usr/bin/sleep 7401;/usr/bin/sleep 7403;/usr/bin/sleep 7407;" \
	"$(receipt ada | jq -r '.units[] | select(.command != "") | .command' | grep -v 7404 | sort | tr '\n' ';')"
ok "… and their processes" jq -e '[.ended[] | select(.found_by == "unit of sudo systemd-run")] | length >= 4' \
	<<<"$(receipt ada)"
is "… and what is left because sudo's entries do not say whose it is" \
	"/usr/bin/sleep 7401;/usr/bin/sleep 7406;/usr/bin/sleep 7409;/usr/bin/sleep 7418;/usr/bin/sleep 7418;" \
	"$(receipt ada | jq -r '.left[] | select(.command != "") | .command' | sort | tr '\n' ';')"
ok "… each with a reason" jq -e 'all(.left[]; (.why | length) > 20 and (.unit | length) > 4)' <<<"$(receipt ada)"
is "it is done all the same" "done" "$(receipt ada | jq -r .state)"
sleep 5 # the timer would have started it by now
for n in 2 3 4 7; do
	is "5 s later still ended: sleep 740$n" "" "$(pids_of "sleep 740$n")"
done

# --- those who pretend -------------------------------------------------------------------------------
# eve may not use sudo. She says in the journal what sudo would say, just before root starts a unit.
forge='use Socket; socket(S, AF_UNIX, SOCK_DGRAM, 0); connect(S, sockaddr_un("/dev/log"));
	send(S, "<85>sudo[$$]: $ARGV[0]", 0); exec @ARGV[1..$#ARGV] if @ARGV > 1;'
line='      eve : TTY=pts/0 ; PWD=/home/eve ; USER=root ; COMMAND=/usr/bin/systemd-run sleep 7411'
closed='pam_unix(sudo:session): session closed for user root'
log_in eve true
host_ssh "$HOST" eve "$T_DIR/key" "cp /usr/bin/perl sudo; ./sudo -e '$forge' '$line' ./sudo -e '$forge' \
	'pam_unix(sudo:session): session opened for user root(uid=0) by (uid=$PERSON_UID)'
	./sudo -e '$forge' '$closed'"
as_root systemd-run sleep 7411
host_ssh "$HOST" eve "$T_DIR/key" "./sudo -e '$forge' '${line/7411/7412}' sudo -n systemd-run sleep 7412
	echo x | sudo -S -p '' systemd-run sleep 7412" 2>/dev/null
as_root systemd-run sleep 7412
# ada may: she says it before she becomes sudo, so that sudo proves her to be root.
scim_active "${ID_OF[ada]}" true
in_sudo ada true
host_ssh "$HOST" ada "$T_DIR/key" "(echo secret-1; sleep 1) | perl -e '$forge' '${line/7411/7413}' \
	sudo -S -p '' sleep 1.51" &
forger=$!
t_wait 20000 alive '^sleep 1.51'
as_root systemd-run sleep 7413
wait $forger
# A folder, and an argument, that look like a command of sudo's.
host_ssh "$HOST" ada "$T_DIR/key" "mkdir -p 'x ; COMMAND=/usr/bin/systemd-run sleep 7414'
	cd 'x ; COMMAND=/usr/bin/systemd-run sleep 7414' && echo secret-1 | sudo -S -p '' sleep 1.52" &
forger=$!
t_wait 20000 alive '^sleep 1.52'
as_root systemd-run sleep 7414
wait $forger
host_ssh "$HOST" ada "$T_DIR/key" \
	"echo secret-1 | sudo -S -p '' sh -c 'sleep 1.53' \; COMMAND=/usr/bin/systemd-run sleep 7415" &
forger=$!
t_wait 20000 alive '^sleep 1.53'
as_root systemd-run sleep 7415
wait $forger
# The name of a unit that root has.
as_root systemd-run --unit=important sleep 7416
in_sudo ada 'systemd-run --unit=important sleep 7416' 2>/dev/null
leaves eve
leaves ada
for n in 1 2 3 4 5 6; do
	ok "root's unit lives whatever was pretended: sleep 741$n" alive "^/usr/bin/sleep 741$n"
done
is "nothing of root's is named to eve as hers" "" "$(units eve units)"
is "… nor to ada" "" "$(receipt ada | jq -r '.units[]?.unit')"

# --- a stopped warden, a journal that is gone --------------------------------------------------------
in_sudo bob 'systemd-run sleep 7421'
as_root sh -c 'systemctl stop systemd-journald.socket systemd-journald-dev-log.socket \
	systemd-journald-audit.socket systemd-journald 2>/dev/null; rm -rf /run/log/journal/*'
leaves bob
ok "without a journal it is left" alive '^/usr/bin/sleep 7421'
ok "… and said" jq -e 'any(.left[]; .command == "/usr/bin/sleep 7421" and (.why | contains("no journal")))' \
	<<<"$(receipt bob)"
host_destroy "$HOST"
t_end
