#!/bin/bash
# With grace_ms, who leaves is asked first: a process that catches SIGTERM has that time to put its things
# away, one that ignores it is killed when the time is over, and so is what was started meanwhile.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153 source=offboard.sh
. "$(dirname "$(readlink -f "$0")")/offboard.sh"
GRACE_MS=1500
people_setup
printf '[offboard]\ngrace_ms = %s\ndeadline_ms = 6000\n' "$GRACE_MS" | scim_configure grace
ok "scimd takes the configuration" host_run "$HOST" systemctl restart scimd
person ada secret-1
person bob secret-1
BOB=$ID
scim GET "/Users?filter=userName%20eq%20%22ada@corp.example%22"
ADA=$(jq -r '.Resources[0].id' <<<"$SCIM_BODY")
ADA_UID=$(host_run "$HOST" id -u ada)

said() { # what a process of ada's wrote last, in microseconds of the epoch
	host_run "$HOST" sh -c "tail -n 1 /tmp/ada-$1 | tr -d ." 2>/dev/null
}
log_in ada '
	setsid bash -c "trap \"sleep 0.2; echo \\\$EPOCHREALTIME >/tmp/ada-polite; exit\" TERM
		while :; do sleep 0.05; done" >/dev/null 2>&1 </dev/null &
	setsid bash -c "trap \"\" TERM
		while :; do echo \$EPOCHREALTIME >>/tmp/ada-deaf; sleep 0.05; done" >/dev/null 2>&1 </dev/null &
	setsid bash -c "trap \"setsid sleep 7931 & exit\" TERM
		while :; do sleep 0.05; done" >/dev/null 2>&1 </dev/null &'
log_in bob 'setsid sleep 7932 >/dev/null 2>&1 </dev/null &'
T_POLL=0.1
ok "all of it runs" t_wait 10000 eval '[ -n "$(said deaf)" ] && [ -n "$(pids_of "^sleep 7932")" ]'
sleep 0.5

SCIM_TIMEOUT=20 scim_active "$ADA" false
sent "PATCH active false" 200
is "nothing of ada's is left" "" "$(scim_pids "$ADA_UID")"
is "what was started at the last moment is gone" "" "$(pids_of '^sleep 7931')"
ok "bob's is not" test -n "$(pids_of '^sleep 7932')"

RECEIPT=$(host_run "$HOST" scimctl receipt ada --json)
field() {
	jq -r "$1" <<<"$RECEIPT"
}
first=$(field .first_signal_us) last=$(field .last_gone_us)
polite=$(said polite) deaf=$(said deaf)
ok "the polite one wrote its file after the first signal" test "${polite:-0}" -gt "$first"
ok "… within the grace: $(((polite - first) / 1000)) ms" test $((polite - first)) -lt $((GRACE_MS * 1000))
ok "the deaf one was there after that: $(((deaf - first) / 1000)) ms" test "$deaf" -gt "$polite"
ok "… until the grace was nearly over" test $((deaf - first)) -gt $((GRACE_MS * 1000 - 500000))
ok "… and not for long after it" test $((deaf - first)) -lt $((GRACE_MS * 1000 + 1000000))
ok "the last one went after the grace: $(((last - first) / 1000)) ms" \
	test $((last - first)) -ge $((GRACE_MS * 1000 - 5000))
is "the receipt says that it is done" "done 0" "$(field '"\(.state) \(.processes_left)"')"
ok "… and took the grace" test "$(field .took_ms)" -ge "$GRACE_MS"
ok "… and names the processes" test "$(field '[.ended[] | select(.command == "bash")] | length')" -ge 3
ok "… the late one too" test "$(field '[.ended[] | select(.command == "sleep")] | length')" -ge 1

# Nothing to ask: nobody waits for the grace.
host_ssh "$HOST" bob "$T_DIR/key" true
kill "$LOGIN" 2>/dev/null
host_run "$HOST" systemctl kill -s KILL "user-$(host_run "$HOST" id -u bob).slice"
ok "bob has nothing left" t_wait 5000 eval '[ -z "$(scim_pids "$PERSON_UID")" ]'
before=$(host_now_ms)
scim_active "$BOB" false
sent "PATCH active false of somebody who has nothing" 200
took=$(($(host_now_ms) - before))
ok "… is answered at once: $took ms" test "$took" -lt "$GRACE_MS"
t_end
