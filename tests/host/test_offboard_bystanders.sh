#!/bin/bash
# Who must not be harmed when somebody leaves; and what is only being born then.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153 source=offboard.sh
. "$(dirname "$(readlink -f "$0")")/offboard.sh"
people_setup
t_root_key "$T_DIR/own"
t_local_user grace local-pw "$T_DIR/own"

# Starts in the background, on the host, as root: prints nothing, lives on.
behind() {
	host_run "$HOST" sh -c 'setsid sh -c "$1" >/dev/null 2>&1 </dev/null &' - "$1"
}
# as UID CMD: with the uid put on by hand.
as() {
	echo "exec setpriv --reuid=$1 --regid=$1 --clear-groups $2"
}

person leaver secret-1
leaver=$ID uid=$PERSON_UID
person stayer secret-1
person twin secret-1
twin=$ID twin_uid=$PERSON_UID

log_in stayer 'setsid nohup sleep 7301 >/dev/null 2>&1 </dev/null &'
stayer_login=$LOGIN
host_ssh "$HOST" grace "$T_DIR/own" 'sleep 7302; :' </dev/null &
grace_login=$!
host_ssh "$HOST" root "$T_DIR/own" 'sleep 7303; :' </dev/null &
root_login=$!
log_in leaver 'setsid nohup sleep 7399 >/dev/null 2>&1 </dev/null &'
behind "cd /home/leaver && exec sleep 7304 9>/home/leaver/of-root"
behind "$(as 300000 'sleep 7305')"  # above every range
behind "$(as 500 'sleep 7306')"     # a service's
behind "$(as 65534 'sleep 7307')"   # nobody
behind "$(as 99999 'sleep 7308')"   # of our range, but nobody has had it
T_POLL=0.1
# Each as what it becomes in the end.
t_wait 30000 eval '[ "$(pids_of "^(sleep|.*-bash.*sleep) 730[1-8]" | wc -l)" = 8 ]'
before=$(pids_of '^(sleep|.*-bash.*sleep) 730[1-8]' | sort)
is "eight bystanders" 8 "$(wc -l <<<"$before")"

if scim_offboard "$leaver" "$uid"; then
	t_pass "the leaver is gone after $SCIM_GONE_MS ms"
else
	t_fail "PATCH: $(scim_said)"
fi
is "their own process is gone" "" "$(pids_of 'sleep 7399')"
is "all eight live on" "$before" "$(pids_of '^(sleep|.*-bash.*sleep) 730[1-8]' | sort)"
for login in $stayer_login $grace_login $root_login; do
	ok "a session of others goes on" kill -0 "$login"
done
is "the stayer gets in" stayer "$(host_ssh "$HOST" stayer "$T_DIR/key" id -un)"
is "grace gets in" grace "$(host_ssh "$HOST" grace "$T_DIR/own" id -un)"
is "root gets in" root "$(host_ssh "$HOST" root "$T_DIR/own" id -un)"

# A local account that has the uid of somebody who leaves: root's files decide.
host_run "$HOST" useradd -o -u "$twin_uid" -M -s /bin/bash local
behind "$(as "$twin_uid" 'sleep 7310')"
t_wait 30000 eval '[ -n "$(pids_of "sleep 7310")" ]'
scim_active "$twin" false
like "PATCH of somebody whose uid is local by now: $SCIM_STATUS" '^(20[04]|4..)$' "$SCIM_STATUS"
sleep 1
ok "the local account's process lives" test -n "$(pids_of 'sleep 7310')"
host_run "$HOST" systemctl restart scimd-warden
sleep 1
ok "… also when the warden starts anew" test -n "$(pids_of 'sleep 7310')"
is "… and all others too" "$before" "$(pids_of '^(sleep|.*-bash.*sleep) 730[1-8]' | sort)"

# Born during the kill: root's processes that become the person after their checks.
person late secret-1
late=$ID late_uid=$PERSON_UID
log_in late true
host_run "$HOST" sh -c 'for ms in 0.00 0.01 0.02 0.03 0.05 0.08 0.12 0.2 0.4 0.6 0.9 1.5 3; do
	setsid sh -c "sleep $(echo "$ms" 0.3 | awk "{print \$1 + \$2}")
		exec setpriv --reuid=$1 --regid=$1 --clear-groups sleep 7311" >/dev/null 2>&1 </dev/null &
	done' - "$late_uid" &
sleep 0.3
scim_active "$late" false
like "PATCH while 13 processes are about to become the person" '^20[04]$' "$SCIM_STATUS"
sleep 3
ok "each was ended within 5 s of the publication" t_wait 4000 eval '[ -z "$(pids_of "sleep 7311")" ]'
wait $!
# Somebody leaves, and while the warden still looks for what is left, root makes the uid a local one.
person heir
scim_active "$ID" false
host_run "$HOST" useradd -o -u "$PERSON_UID" -M -s /bin/bash heirloom
behind "$(as "$PERSON_UID" 'sleep 7313')"
sleep 1
behind "$(as "$late_uid" 'sleep 7312')"
t_wait 20000 eval '[ -n "$(pids_of "^sleep 7312")" ]'
ok "what comes much later is found by the sweep" t_wait 40000 eval '[ -z "$(pids_of "sleep 7312")" ]'
ok "a uid that root made local in the meantime is not ended" test -n "$(pids_of '^sleep 7313')"
receipt=$(host_run "$HOST" scimctl receipt late --json)
ok "the receipt has what came late" \
	jq -e '[.ended[] | select(.command == "sleep" or .command == "setpriv")] | length > 0' <<<"$receipt"
host_destroy "$HOST"
t_end
