#!/bin/bash
# How long it takes from the identity provider's PATCH leaving to the last process of the person
# being gone: 50 rounds, each with an ssh session and a setsid nohup process. Prints the median
# and the worst, and writes them with all rounds to docs/bench/offboard.txt.
# shellcheck disable=SC2016 source=people.sh
. "$(dirname "$(readlink -f "$0")")/people.sh"

ROUNDS=${ROUNDS:-50}
OUT=${OUT:-$SCIM_TOP/docs/bench/offboard.txt}

people_setup
person ada secret-1 || t_end
for ((round = 1; round <= ROUNDS; round++)); do
	log_in ada 'setsid nohup sleep 3600 >/dev/null 2>&1 </dev/null &' || t_end
	if ! scim_offboard "$ID" "$PERSON_UID"; then
		t_fail "round $round: $(scim_said)"
		t_end
	fi
	echo "$SCIM_GONE_MS $SCIM_ENDED $(((SCIM_DONE_US - SCIM_SENT_US) / 1000))" >>"$T_DIR/rounds"
	wait "$LOGIN"
	scim_active "$ID" true || { t_fail "round $round: back: $(scim_said)"; t_end; }
done
report() {
	local sorted
	sorted=$(awk '{print $1}' "$T_DIR/rounds" | sort -n)
	echo "From PATCH sent to the last process gone, $ROUNDS rounds, each with an ssh session and a"
	echo "setsid nohup process ($(awk '{s += $2} END {printf "%.1f", s / NR}' "$T_DIR/rounds")" \
		"processes on average), $(nproc) cores:"
	echo
	echo "  median  $(sed -n "$(((ROUNDS + 1) / 2))p" <<<"$sorted") ms"
	echo "  worst   $(tail -n 1 <<<"$sorted") ms"
	echo "  the reply came after $(awk '{print $3}' "$T_DIR/rounds" | sort -n |
		sed -n "$(((ROUNDS + 1) / 2))p") ms (median)"
	echo
	echo "All rounds in ms:" && fmt -w 90 <<<"$(awk '{print $1}' "$T_DIR/rounds")"
}
mkdir -p "$(dirname "$OUT")"
report | tee "$OUT"
t_pass "$ROUNDS rounds"
t_end
