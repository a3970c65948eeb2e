#!/bin/bash
# Logins that race with the deactivation of the same person: by ssh with a key and with a password,
# su, sudo, at and cron. Whatever comes first, afterwards nothing of the person lives.
# ROUNDS (50): how many; tests/host/torture asks for a thousand.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153 source=offboard.sh
. "$(dirname "$(readlink -f "$0")")/offboard.sh"
ROUNDS=${ROUNDS:-50}
CRON_PEOPLE=8
people_setup

# The way in: marks that it got there, and stays.
STAY='echo in >>/tmp/in.$(id -un); exec sleep 7500'
login_key() {
	host_ssh "$HOST" "$1" "$T_DIR/key" "$STAY"
}
login_password() {
	host_ssh "$HOST" "$1" password:secret-1 "$STAY"
}
login_su() {
	host_run "$HOST" su - "$1" -c "$STAY"
}
login_sudo() {
	host_run "$HOST" sudo -u "$1" sh -c "$STAY"
}
login_at() {
	host_run "$HOST" setpriv --reuid="$(cat "$SCIM_DIR/uid")" --regid="$(cat "$SCIM_DIR/uid")" \
		--clear-groups sh -c 'cd /; echo "$1" | at now' - "$STAY"
}

# A su or sudo that was opening its session when the person's manager was killed: root's process,
# waiting for logind, with the last check still before it. Its client is not waited for.
end_stuck() {
	local pid
	for pid in $(pids_of "su - $2 -c|sudo -u $2 sh"); do
		echo "$1 $pid uid $(stat -c %u "/proc/$pid") $(cat "/proc/$pid/wchan") $(tr '\0' ' ' \
			<"/proc/$pid/cmdline")"
		if [ "$(stat -c %u "/proc/$pid")" = 0 ] && ! host_run "$HOST" test -e "/tmp/in.$2"; then
			kill -9 "$pid"
		fi
	done
}

nothing_left() {
	[ -z "$(scim_pids "$1")" ]
}

# When the deactivation is sent, in ms after the login has begun: from … to …, so that both win.
declare -A FROM=([key]=-20 [password]=0 [su]=-60 [sudo]=-60 [at]=-60)
declare -A TO=([key]=350 [password]=900 [su]=40 [sudo]=40 [at]=100)
# How long what came late may live: ssh, at and cron have a login uid before the check, su and sudo
# are root's until they are the person, and are met by the looks that follow.
declare -A LIMIT=([key]=1500 [password]=1500 [su]=7000 [sudo]=7000 [at]=1500)
CLIENT_LIMIT=15000 # a client that was told no may be slow: wrong passwords are answered late

# race_round KIND NAME ID UID: one line "KIND in|denied MS-UNTIL-NOTHING-WAS-LEFT" or "… FAILED why".
race_round() {
	local kind=$1 name=$2 id=$3 uid=$4 login delay done_ms state=denied
	delay=$((FROM[$kind] + RANDOM % (TO[$kind] - FROM[$kind])))
	host_run "$HOST" rm -f "/tmp/in.$name"
	{
		[ $delay -ge 0 ] || sleep "$(printf '0.%03d' $((-delay)))"
		"login_$kind" "$name"
	} >/dev/null 2>&1 </dev/null &
	login=$!
	[ $delay -le 0 ] || sleep "$(printf '0.%03d' $delay)"
	if ! scim_active "$id" false; then
		echo "$kind FAILED PATCH: $(scim_said)"
		return
	fi
	done_ms=$(host_now_ms)
	if ! T_POLL=0.03 t_wait "${LIMIT[$kind]}" nothing_left "$uid"; then
		echo "$kind FAILED at $delay ms: $(t_processes_of "$uid" | head -n 5 | tr '\n' ';')"
		return
	fi
	done_ms=$(($(host_now_ms) - done_ms))
	if ! T_POLL=0.03 t_wait $CLIENT_LIMIT eval "! kill -0 $login"; then
		end_stuck "$kind" "$name" >>"$SCIM_DIR/stuck"
		T_POLL=0.03 t_wait 1000 eval "! kill -0 $login" ||
			echo "$kind FAILED at $delay ms: the login goes on"
	fi
	nothing_left "$uid" || echo "$kind FAILED at $delay ms: it came back"
	host_run "$HOST" test -e "/tmp/in.$name" && state=in
	echo "$kind $state $done_ms"
	scim_active "$id" true || echo "$kind FAILED back: $(scim_said)"
}

# lane NUMBER ROUNDS KIND…: rounds of the kinds in turn, for a person of its own.
lane() {
	local number=$1 rounds=$2 i kinds id uid
	shift 2
	kinds=("$@")
	SCIM_DIR=$T_DIR/lane.$number
	id=$(cat "$SCIM_DIR/id") uid=$(cat "$SCIM_DIR/uid")
	for ((i = 0; i < rounds; i++)); do
		race_round "${kinds[i % ${#kinds[@]}]}" "racer$number" "$id" "$uid"
	done >"$SCIM_DIR/rounds"
	# And once more when all late looks are over.
	sleep 0.5
	nothing_left "$uid" || scim_active "$id" false
}

lanes=("key" "password" "su sudo at")
for n in "${!lanes[@]}"; do
	person "racer$n" secret-1 >"$T_DIR/person" || { cat "$T_DIR/person"; t_end; }
	mkdir "$T_DIR/lane.$n"
	cp "$T_DIR/auth" "$T_DIR/lane.$n/"
	echo "$ID" >"$T_DIR/lane.$n/id"
	echo "$PERSON_UID" >"$T_DIR/lane.$n/uid"
	host_run "$HOST" install -d -o "racer$n" -g "racer$n" "/home/racer$n"
done

# Cron starts everybody's job at the full minute: as many races at once.
cron_ids=() cron_uids=()
for ((n = 0; n < CRON_PEOPLE; n++)); do
	person "cron$n" secret-1 >"$T_DIR/person" || { cat "$T_DIR/person"; t_end; }
	cron_ids+=("$ID") cron_uids+=("$PERSON_UID")
	host_run "$HOST" install -d -o "cron$n" -g "cron$n" "/home/cron$n"
	echo "* * * * * echo in >>/tmp/in.cron$n; exec sleep 7500" |
		host_run "$HOST" crontab -u "cron$n" -
done
cron_minute() {
	local n us
	SCIM_DIR=$T_DIR/cron
	us=${EPOCHREALTIME/[.,]/}
	sleep "$(awk -v us="$us" 'BEGIN { printf "%.3f", 60.0 - (us / 1e6) % 60 }')"
	# Cron is awake within a second or so: from before it to after it.
	for ((n = 0; n < CRON_PEOPLE; n++)); do
		scim_active "${cron_ids[n]}" false || echo "cron FAILED PATCH: $(scim_said)"
		sleep "$(printf '0.%03d' $((RANDOM % 150)))"
	done
	sleep 1.5
	for ((n = 0; n < CRON_PEOPLE; n++)); do
		if ! nothing_left "${cron_uids[n]}"; then
			echo "cron FAILED: $(t_processes_of "${cron_uids[n]}" | tr '\n' ';')"
		elif host_run "$HOST" test -e "/tmp/in.cron$n"; then
			echo "cron in 0"
		else
			echo "cron denied 0"
		fi
		host_run "$HOST" rm -f "/tmp/in.cron$n"
		scim_active "${cron_ids[n]}" true || echo "cron FAILED back: $(scim_said)"
	done
}
mkdir "$T_DIR/cron"
cp "$T_DIR/auth" "$T_DIR/cron/"
cron_until_lanes_end() {
	cron_minute
	until [ -e "$T_DIR/lanes-ended" ]; do
		cron_minute
	done
}
cron_until_lanes_end >"$T_DIR/cron/rounds" 2>&1 &
cron=$!

each=$(((ROUNDS - CRON_PEOPLE + ${#lanes[@]} - 1) / ${#lanes[@]}))
pids=()
for n in "${!lanes[@]}"; do
	# shellcheck disable=SC2086
	lane "$n" "$each" ${lanes[n]} 2>"$T_DIR/lane.$n/log" &
	pids+=($!)
done
wait "${pids[@]}"
touch "$T_DIR/lanes-ended"
wait $cron

cat "$T_DIR"/lane.*/rounds "$T_DIR/cron/rounds" >"$T_DIR/rounds"
is "no round left anything" "" "$(grep FAILED "$T_DIR/rounds" | head -n 5)"
ok "rounds: $(wc -l <"$T_DIR/rounds")" test "$(wc -l <"$T_DIR/rounds")" -ge "$ROUNDS"
awk '{ n[$1]++; won[$1] += $2 == "in"; if ($3 > worst[$1]) worst[$1] = $3 }
	END { for (k in n) printf "       %-9s %4d rounds, %4d got in first, all gone within %d ms\n",
		k, n[k], won[k], worst[k] }' "$T_DIR/rounds" | sort
cat "$T_DIR"/lane.*/stuck 2>/dev/null | sed 's/^/       still asking logind: /'
# A race that always ends the same way is none.
ok "some got in" grep -q ' in ' "$T_DIR/rounds"
ok "some were denied" grep -q ' denied ' "$T_DIR/rounds"
is "no process is left" "" "$(for n in "${!lanes[@]}"; do scim_active "$(cat "$T_DIR/lane.$n/id")" false
	scim_pids "$(cat "$T_DIR/lane.$n/uid")"; done)$(pids_of 'sleep 7500' | while read -r pid; do
	stat -c %u "/proc/$pid"; done | grep -vxF "$(printf '%s\n' "${cron_uids[@]}")")"
for n in "${!cron_ids[@]}"; do
	scim_active "${cron_ids[n]}" false
done
sessions() {
	host_run "$HOST" loginctl list-sessions --no-legend | grep -E 'racer|cron'
}
# Nothing runs in it any more; logind itself may take 20 s to forget it.
t_wait 30000 eval '[ -z "$(sessions)" ]'
is "no session is left" "" "$(sessions | while read -r id rest; do
	echo "$id $rest"
	host_run "$HOST" loginctl show-session "$id"
	host_run "$HOST" sh -c 'systemctl show "session-$1.scope" -p ActiveState -p SubState -p Job -p ControlGroup
		cd /sys/fs/cgroup/user.slice/user-*.slice/session-$1.scope && head cgroup.events cgroup.procs cgroup.freeze
		journalctl -b --no-pager -o short-precise | grep -E "session-$1.scope|ession $1\\b"' - "$id" 2>&1
done)"
t_end
