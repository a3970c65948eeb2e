#!/bin/bash
# How long it takes until the last process of somebody who leaves is gone: from the first byte of
# the PATCH, beside `loginctl terminate-user` and `pkill -KILL -u` from the moment they are started,
# in turn on the same host; and what each of the three leaves alive.
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

# Each prints when it began, in microseconds.
end_scimd() {
	local arguments answer us total sent received
	mapfile -t arguments < <(scim_curl_arguments)
	exec {answer}< <(curl -N "${arguments[@]}" -X PATCH -H 'Content-Type: application/scim+json' \
		--data-binary @"$T_DIR/patch" -w '\n%{time_total} %{time_pretransfer}\n' \
		"$SCIM_URL/Users/$ID")
	# curl tells how long before the end of the answer it sent the first byte.
	read -r _ <&"$answer"
	us=${EPOCHREALTIME/[.,]/}
	read -r total sent <&"$answer"
	exec {answer}<&-
	us=$((us - 10#${total/[.,]/} + 10#${sent/[.,]/}))
	# This shell may have got its turn late; the host cannot have received it before it was sent.
	received=$(host_run "$HOST" scimctl receipt ada --json </dev/null | jq .received_us)
	echo $((received < us ? received : us))
}
end_loginctl() {
	host_run "$HOST" bash -c 'echo "${EPOCHREALTIME/./}"; exec loginctl terminate-user ada'
}
end_pkill() {
	host_run "$HOST" bash -c 'echo "${EPOCHREALTIME/./}"; exec pkill -KILL -u ada'
}
scim_patch '{"op":"replace","value":{"active":false}}' >"$T_DIR/patch"

# round METHOD COUNT: a session that has started COUNT processes; one line to the table.
round() {
	local method=$1 count=$2 watcher began found gone left
	log_in ada "perl -e 'for (1..$count) { fork or exec qw(sleep 7900) }'" || return
	coproc watch { "$here/watch_gone" "$PERSON_UID" "$INIT"; }
	watcher=$!
	exec {result}<&"${watch[0]}"
	read -r found <&"$result"
	began=$("end_$method")
	if ! read -r gone left <&"$result"; then
		t_fail "$method: the watcher died"
	fi
	exec {result}<&-
	wait "$watcher" 2>/dev/null
	printf '%s\t%d\t%d\t%.3f\t%d\n' "$method" "$count" "$found" \
		"$(awk -v us=$((gone - began)) 'BEGIN { print us / 1000 }')" "$left" >>"$T_DIR/rounds"
	[ "$method" != scimd ] || scim_active "$ID" true || t_fail "back: $(scim_said)"
	[ "$method" = scimd ] || host_run "$HOST" systemctl kill -s KILL user-"$PERSON_UID".slice 2>/dev/null
	wait "$LOGIN" 2>/dev/null
}

# --- what each leaves alive ---------------------------------------------------------------------

declare -A ALIVE
KINDS=(
	"7901 a process in the ssh session"
	"7902 setsid nohup, after logging out"
	"7903 tmux"
	"7904 a service of systemd --user, lingering"
	"7905 a root process from sudo"
	"7906 a root process from sudo, out of the slice"
	"7907 another person's, by su from sudo"
	"7908 one that forks and changes its name"
	"7909 a job of at"
)
leave_behind() {
	host_run "$HOST" loginctl enable-linger ada
	in_login ada 'setsid nohup sleep 7902 >/dev/null 2>&1 </dev/null &
		tmux new-session -d "sleep 7903"
		systemd-run --user --quiet -p Restart=always -p RestartSec=0 sleep 7904
		setsid perl -e "for (;;) { fork and exit; \$0 = q(runner 7908 ) . rand;
			select undef, undef, undef, \$\$ % 100 ? 0.002 : 0.4 }" >/dev/null 2>&1 </dev/null &'
	in_sudo ada 'sh -c "setsid nohup sleep 7905 >/dev/null 2>&1 </dev/null &"'
	in_sudo ada 'sh -c "echo \$\$ >/sys/fs/cgroup/init.scope/cgroup.procs
		setsid nohup sleep 7906 >/dev/null 2>&1 </dev/null &"'
	in_sudo ada 'su - grace -c "setsid nohup sleep 7907 >/dev/null 2>&1 </dev/null &"'
	in_login ada '(cd /; echo "exec sleep 7909" | at now) 2>/dev/null'
	log_in ada 'sleep 7901 &'
	T_POLL=0.1 t_wait 5000 eval '[ -n "$(pids_of "sleep 7909")" ]'
}
alive_after() {
	local method=$1 kind
	leave_behind
	"end_$method" >/dev/null
	sleep 2
	for kind in "${KINDS[@]}"; do
		ALIVE[$method:${kind%% *}]=$(T_POLL=0 t_wait 300 eval "[ -n \"\$(pids_of \"(sleep|runner) ${kind%% *}\")\" ]" &&
			echo alive || echo -)
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
	echo "their start. Rounds in turn on one host; $(nproc) cores, load average during the run $LOAD (what"
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
