#!/bin/bash
# A local lock: at once, with a receipt, stronger than the identity provider, across pushes, restarts
# and a person who is deleted and comes back; and unlock gives back what the provider says.
# shellcheck disable=SC2016 source=people.sh
. "$(dirname "$(readlink -f "$0")")/people.sh"
people_setup
scim_add_group "Linux Admins"
admins=$(scim_id)
person mallory || t_end
scim_add_member "$admins" "$ID" mallory@corp.example
log_in mallory 'setsid nohup sleep 3600 >/dev/null 2>&1 </dev/null &'

show() {
	host_run "$HOST" scimctl user mallory --json | jq -r "$1"
}

refused "nobody of that name" 'nobody of that name' host_run "$HOST" scimctl lock nobody-here
refused "a lock without reason text" '.' host_run "$HOST" scimctl lock mallory --reason ''
ok "lock" host_run "$HOST" scimctl lock mallory --reason "laptop stolen"
ok "the ssh client was cut off" t_wait 10000 eval "! kill -0 $LOGIN"
gone_but_known mallory "$PERSON_UID"
is "status" locked "$(show .status)"
is "who" root "$(show .lock.by)"
is "why" "laptop stolen" "$(show .lock.reason)"
like "when" '^20..-' "$(show .lock.at)"
is "no roles" 0 "$(show '.roles | length')"
is "the receipt is done" done "$(host_run "$HOST" scimctl receipt mallory --json | jq -r .state)"
like "the receipt says why" 'locked on this host' \
	"$(host_run "$HOST" scimctl receipt mallory --json | jq -r .reason)"
like "the event" 'laptop stolen' \
	"$(host_run "$HOST" scimctl events --type user.locked --json | jq -r '.[].detail')"
refused "locking again" 'locked already' host_run "$HOST" scimctl lock mallory
is "the reason is not for everybody" 0 \
	"$(host_run "$HOST" grep -c 'laptop stolen' "$SCIM_DIRECTORY")"

# The identity provider says yes, in each way it can.
scim_active "$ID" true
like "PATCH active true" '^20[04]$' "$SCIM_STATUS"
gone_but_known mallory "$PERSON_UID"
scim_active "$ID" false
scim_active "$ID" true
gone_but_known mallory "$PERSON_UID"
scim_remove_member "$admins" "$ID"
scim_add_member "$admins" "$ID" mallory@corp.example
gone_but_known mallory "$PERSON_UID"
host_run "$HOST" systemctl restart scimd-warden scimd
scim_ready
gone_but_known mallory "$PERSON_UID"
is "locked after a restart" locked "$(show .status)"

ok "unlock" host_run "$HOST" scimctl unlock mallory
is "gets in again" mallory "$(host_ssh "$HOST" mallory "$T_DIR/key" id -un)"
is "the uid is the old one" "$PERSON_UID" "$(host_run "$HOST" id -u mallory)"
like "with the role" 'sudo' "$(host_run "$HOST" id -Gn mallory)"
is "no lock is shown" null "$(show .lock)"
refused "unlocking again" 'not locked' host_run "$HOST" scimctl unlock mallory

# Deleted and pushed anew: another person for SCIM, but the same name at the door.
ok "lock before the deletion" host_run "$HOST" scimctl lock mallory
scim DELETE "/Users/$ID"
sent "DELETE" 204
person mallory
refused "who comes back under the name is locked" 'Permission denied' \
	host_ssh "$HOST" mallory "$T_DIR/key" true
is "… and shown so" locked "$(show .status)"
ok "unlock the one who came back" host_run "$HOST" scimctl unlock mallory
is "… who gets in" mallory "$(host_ssh "$HOST" mallory "$T_DIR/key" id -un)"
ok "lock, delete" host_run "$HOST" scimctl lock mallory
scim DELETE "/Users/$ID"
ok "unlock somebody who is gone" host_run "$HOST" scimctl unlock mallory
person mallory
is "… so that the next is not locked" mallory "$(host_ssh "$HOST" mallory "$T_DIR/key" id -un)"

# Administrators without root may look, not act.
t_local_user grace local-pw "$T_DIR/own"
refused "others see nothing" 'root' host_run "$HOST" runuser -u grace -- scimctl users
host_run "$HOST" usermod -aG scimd-admin grace
like "group scimd-admin looks" 'mallory' "$(host_run "$HOST" runuser -u grace -- scimctl users)"
refused "group scimd-admin cannot lock" 'only root' \
	host_run "$HOST" runuser -u grace -- scimctl lock mallory
t_end
