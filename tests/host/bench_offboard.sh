#!/bin/bash
# How long it takes until the last process of somebody who leaves is gone: from the first byte of
# the PATCH, beside `loginctl terminate-user` and `pkill -KILL -u` from the moment they are executed,
# in turn on the same host; and what each of the three leaves alive. offboard_time.c takes both times, in
# the process that sends the PATCH or starts the command.
#
# ROUNDS (200) for each of COUNTS (1 10 1000) processes started in an ssh session; QUICK=1: 10. The
# others have every PEERS-th (10) round; PEERS=1: all.
# Prints the table, and writes it with all rounds to docs/bench/offboard.{txt,tsv,svg}.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153,SC2154 source=offboard.sh
. "$(dirname "$(readlink -f "$0")")/offboard.sh"
[ -z "${QUICK:-}" ] || ROUNDS=${ROUNDS:-10} PEERS=${PEERS:-2}
PEERS=${PEERS:-10}
ROUNDS=${ROUNDS:-200}
COUNTS=${COUNTS:-1 10 1000}
OUT=${OUT:-$SCIM_TOP/docs/bench}
METHODS="scimd loginctl pkill"
ulimit -n 8192
people_setup
admins_group
person ada secret-1
scim_add_member "$ADMINS" "$ID" ada@corp.example
INIT=$(host_pid "$HOST")
for program in offboard_time crowd; do
	ok "$program is compiled" cc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 \
		-o "$T_DIR/$program" "$here/$program.c" -lcurl -lpthread
done
ok "a static crowd" cc -O2 -static -o "$T_DIR/crowd" "$here/crowd.c"
host_push "$HOST" "$T_DIR/crowd" /usr/local/bin/crowd
# For "a setuid program" below.
host_run "$HOST" sh -c 'cp /bin/sleep /usr/local/bin/rootsleep; chmod 4755 /usr/local/bin/rootsleep'

# Nobody logs in as often as this does.
for unit in user@ user-runtime-dir@; do
	host_run "$HOST" mkdir -p "/etc/systemd/system/$unit.service.d"
	host_run "$HOST" sh -c 'printf "[Unit]\nStartLimitIntervalSec=0\n" \
		>"/etc/systemd/system/$1.service.d/often.conf"' - "$unit"
done
host_run "$HOST" systemctl daemon-reload

# Ends ada by METHOD; prints "found ms left".
end() {
	case $1 in
	scimd)
		"$T_DIR/offboard_time" "$PERSON_UID" "$INIT" patch "$SCIM_URL/Users/$ID" \
			"localhost:$SCIM_PORT:$SCIM_ADDRESS:$SCIM_PORT" "$SCIM_CA" "$SCIM_DIR/auth" \
			"$(scim_patch '{"op":"replace","value":{"active":false}}')"
		;;
	loginctl) "$T_DIR/offboard_time" "$PERSON_UID" "$INIT" run loginctl terminate-user ada ;;
	pkill) "$T_DIR/offboard_time" "$PERSON_UID" "$INIT" run pkill -KILL -u ada ;;
	esac </dev/null
}

# round METHOD COUNT: a session that has started COUNT processes; one line to the table.
round() {
	local method=$1 count=$2 found ms left
	# As long as systemd is tidying up, a login may come without a session.
	host_run "$HOST" sh -c 'for i in $(seq 200); do
		[ -e "/sys/fs/cgroup/user.slice/user-$1.slice" ] || break; sleep 0.01; done' - "$PERSON_UID"
	log_in ada "crowd $count" || return
	if ! read -r found ms left < <(end "$method"); then
		t_fail "$method: no time"
		return
	fi
	printf '%s\t%d\t%d\t%s\t%d\n' "$method" "$count" "$found" "$ms" "$left" >>"$T_DIR/rounds"
	[ "$method" != scimd ] || scim_active "$ID" true || t_fail "back: $(scim_said)"
	[ "$method" = scimd ] || host_run "$HOST" systemctl kill -s KILL user-"$PERSON_UID".slice 2>/dev/null
	kill "$LOGIN" 2>/dev/null # if it is not over
	wait "$LOGIN" 2>/dev/null
}

# --- what each leaves alive ---------------------------------------------------------------------

declare -A ALIVE
# A pattern for the command line, and what it is.
KINDS=(
	"7901 a process in the ssh session"
	"7902 setsid nohup, after logging out"
	"7903 tmux"
	"7913 screen"
	"7904 a service of systemd --user, lingering"
	"7914 a timer of systemd --user, every second"
	"7915 a process that ignores every signal"
	"7916 a stopped process"
	"7908 one that forks and changes its name"
	"7917 a process in a user namespace"
	"7909 a job of at"
	"7918 a job of cron"
	"7912 a setuid program"
	"7905 a root process from sudo"
	"7906 a root process from sudo, out of the slice"
	"7907 another person's, by su from sudo"
	"7910 a service by sudo systemd-run"
	"7911 a service by sudo systemd-run, restarting"
	"7919 a timer by sudo systemd-run, every second"
)
leave_behind() {
	host_run "$HOST" loginctl enable-linger ada
	host_run "$HOST" install -d -o ada -g ada /home/ada
	in_login ada 'setsid nohup sleep 7902 >/dev/null 2>&1 </dev/null &
		tmux new-session -d "sleep 7903"; screen -dmS x sleep 7913
		systemd-run --user --quiet -p Restart=always -p RestartSec=0 sleep 7904
		systemd-run --user --quiet --on-active=1 --on-unit-active=1 \
			--timer-property=AccuracySec=1ms sleep 7914
		setsid bash -c "trap \"\" \$(seq 1 8) \$(seq 10 18) \$(seq 20 64)
			while :; do sleep 7915; done" >/dev/null 2>&1 </dev/null &
		setsid sleep 7916 >/dev/null 2>&1 </dev/null & sleep 0.2; kill -STOP $!
		setsid unshare -Ur --fork sleep 7917 >/dev/null 2>&1 </dev/null &
		setsid rootsleep 7912 >/dev/null 2>&1 </dev/null &
		setsid perl -e "for (;;) { fork and exit; \$0 = q(runner 7908 ) . rand;
			select undef, undef, undef, \$\$ % 100 ? 0.002 : 0.4 }" >/dev/null 2>&1 </dev/null &'
	in_sudo ada 'sh -c "setsid nohup sleep 7905 >/dev/null 2>&1 </dev/null &"'
	in_sudo ada 'sh -c "echo \$\$ >/sys/fs/cgroup/init.scope/cgroup.procs
		setsid nohup sleep 7906 >/dev/null 2>&1 </dev/null &"'
	in_sudo ada 'su - grace -c "setsid nohup sleep 7907 >/dev/null 2>&1 </dev/null &"'
	in_sudo ada 'systemd-run --quiet sleep 7910'
	in_sudo ada 'systemd-run --quiet -p Restart=always sleep 7911'
	in_sudo ada 'systemd-run --quiet --on-active=1 --on-unit-active=1 \
		--timer-property=AccuracySec=1ms sleep 7919'
	in_login ada '(cd /; echo "exec sleep 7909" | at now) 2>/dev/null
		echo "* * * * * exec sleep 7918" | crontab -'
	log_in ada 'sleep 7901 &'
	for kind in "${KINDS[@]}"; do # cron's comes with the next minute
		T_POLL=0.1 t_wait 63000 is_alive "$kind" || t_fail "did not start: $kind"
	done
	host_run "$HOST" crontab -u ada -r
}
is_alive() {
	[ -n "$(pids_of "(sleep|runner) ${1%% *}")" ]
}
alive_after() {
	local method=$1 kind
	leave_behind
	OFFBOARD_TIMEOUT_MS=2000 end "$method" >/dev/null
	sleep 2
	for kind in "${KINDS[@]}"; do
		ALIVE[$method:${kind%% *}]=$(T_POLL=0 t_wait 300 is_alive "$kind" && echo alive || echo -)
	done
	if [ "$(host_ssh "$HOST" ada "$T_DIR/key" id -un 2>/dev/null)" = ada ]; then
		ALIVE[$method:login]=yes
	else
		ALIVE[$method:login]=-
	fi
	scim_active "$ID" false
	is "after $method, scimd's own end leaves nothing" "" "$(scim_pids "$PERSON_UID")"
	scim_active "$ID" true
}

# --- the table ----------------------------------------------------------------------------------

# percentile P of column 4 of the rounds of METHOD and COUNT
percentile() {
	awk -F '\t' -v m="$2" -v c="$3" '$1 == m && $2 == c { print $4 }' "$T_DIR/rounds" | sort -n |
		awk -v p="$1" '{ v[NR] = $1 } END { i = int(NR * p / 100 + 0.999999)
			i = (i < 1) ? 1 : (i > NR) ? NR : i
			printf "%.1f", v[i] }'
}
report() {
	local count method kind
	echo "Until the last process is gone, in ms: scimd from the first byte of the PATCH, the others from"
	echo "their execution. Rounds in turn on one host; $(nproc) cores, load average during the run $LOAD (what"
	echo "else the machine did is in the numbers)."
	echo "\"left\": rounds after which something of the person was still alive or had come anew."
	echo
	printf '%-10s %9s %9s %8s %8s %8s %8s %6s\n' method started found rounds p50 p99 worst left
	for count in $COUNTS; do
		for method in $METHODS; do
			printf '%-10s %9s %18s %8s %8s %8s %6s\n' "$method" "$count" \
				"$(awk -F '\t' -v m="$method" -v c="$count" '$1 == m && $2 == c {
					s += $3; n++ } END { printf "%.0f %8d", s / n, n }' "$T_DIR/rounds")" \
				"$(percentile 50 "$method" "$count")" "$(percentile 99 "$method" "$count")" \
				"$(percentile 100 "$method" "$count")" \
				"$(awk -F '\t' -v m="$method" -v c="$count" \
					'$1 == m && $2 == c && $5 > 0' "$T_DIR/rounds" | wc -l)"
		done
	done
	echo
	echo "What is alive two seconds later:"
	echo
	printf '%-52s %8s %9s %8s\n' "" scimd loginctl pkill
	for kind in "${KINDS[@]}"; do
		printf '%-52s %8s %9s %8s\n' "${kind#* }" "${ALIVE[scimd:${kind%% *}]}" \
			"${ALIVE[loginctl:${kind%% *}]}" "${ALIVE[pkill:${kind%% *}]}"
	done
	printf '%-52s %8s %9s %8s\n' "can log in again" "${ALIVE[scimd:login]}" \
		"${ALIVE[loginctl:login]}" "${ALIVE[pkill:login]}"
}

# Cumulative share of rounds over time, one panel for each count, time on a logarithmic axis.
plot() {
	sort -t "$(printf '\t')" -k 2,2n -k 1,1 -k 4,4n "$T_DIR/rounds" | awk -F '\t' '
	function log10(v) { return log(v < 1 ? 1 : v) / log(10) }
	function x(ms) { return left + log10(ms) / 4 * width }
	{ key = $2 "\t" $1; n[key]++; v[key, n[key]] = $4
	  if (!($2 in panel)) { panel[$2] = ++panels; count[panels] = $2 } }
	END {
		width = 520; height = 130; left = 60; gap = 46
		colour["scimd"] = "#0b6e4f"; colour["loginctl"] = "#c8553d"; colour["pkill"] = "#7768ae"
		total = 40 + panels * (height + gap)
		printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"680\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n", total
		printf "<text x=\"%d\" y=\"20\" font-size=\"14\">Share of rounds whose last process was gone within … ms</text>\n", left
		for (p = 1; p <= panels; p++) {
			top = 40 + (p - 1) * (height + gap); c = count[p]
			printf "<text x=\"%d\" y=\"%d\">%d process%s started in an ssh session</text>\n", left + 6, top + 14, c, c == 1 ? "" : "es"
			printf "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#999\"/>\n", left, top, width, height
			for (e = 0; e <= 4; e++)
				printf "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"#ddd\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>\n", x(10 ^ e), x(10 ^ e), top, top + height, x(10 ^ e), top + height + 15, 10 ^ e
			for (y = 0; y <= 100; y += 50)
				printf "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%d %%</text>\n", left - 6, top + height - y / 100 * height + 4, y
			split("scimd loginctl pkill", m, " ")
			for (i = 1; i <= 3; i++) {
				key = c "\t" m[i]
				printf "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" d=\"M%.1f %.1f", colour[m[i]], x(v[key, 1]), top + height
				for (r = 1; r <= n[key]; r++) {
					h = top + height - r / n[key] * height
					printf " H%.1f V%.1f", x(v[key, r]), h
				}
				printf "\"/>\n<text x=\"%d\" y=\"%d\" fill=\"%s\">%s</text>\n", left + width + 8, top + 14 + 16 * i, colour[m[i]], m[i]
			}
		}
		print "</svg>"
	}'
}

if [ -n "${FROM:-}" ]; then # rounds of an earlier run: its table's lines, to be added to
	tail -n +2 "$FROM" >"$T_DIR/rounds"
else
	: >"$T_DIR/rounds"
fi
echo "${FROM_LOAD:-}" | grep . >"$T_DIR/load"
t_local_user grace local-pw "$T_DIR/own"
for count in $COUNTS; do
	for ((i = 0; i < ROUNDS; i++)); do
		cat /proc/loadavg >>"$T_DIR/load"
		for method in $METHODS; do
			[ "$method" != scimd ] && [ $((i % PEERS)) -gt 0 ] && continue
			round "$method" "$count"
		done
	done
done
LOAD=$(awk '{ s += $1 } END { printf "%.1f", s / NR }' "$T_DIR/load")
for method in $METHODS; do
	alive_after "$method"
done
mkdir -p "$OUT"
report | tee "$OUT/offboard.txt"
{ printf 'method\tstarted\tfound\tms\tleft\n'; cat "$T_DIR/rounds"; } >"$OUT/offboard.tsv"
plot >"$OUT/offboard.svg"
is "scimd leaves nothing" "" "$(awk -F '\t' '$1 == "scimd" && $5 > 0' "$T_DIR/rounds")$(
	for key in "${!ALIVE[@]}"; do [ "${key%%:*}:${ALIVE[$key]}" = scimd:- ] ||
		[ "${key%%:*}" != scimd ] || echo "$key"; done)"
t_end
