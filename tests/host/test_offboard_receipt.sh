#!/bin/bash
# What a receipt says, how long it is kept, and what happens when the deadline passes before
# everything has ended.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153 source=offboard.sh
. "$(dirname "$(readlink -f "$0")")/offboard.sh"
people_setup
admins_group
began=$(date -u +%Y-%m-%dT%H:%M:%SZ)
person ada secret-1
scim_add_member "$ADMINS" "$ID" ada@corp.example

receipt() {
	host_run "$HOST" scimctl receipt "$1" --json
}
# says WHAT JQ-EXPRESSION: of $RECEIPT
says() {
	ok "$1" jq -e "$2" <<<"$RECEIPT"
}
# As in t.sh, but `ok WHAT jq …` asks about $RECEIPT.
ok() {
	local what=$1
	shift
	if [ "$1" = jq ]; then
		if [ "$(jq -r "($3) == true" <<<"$RECEIPT" 2>&1)" = true ]; then
			t_pass "$what"
		else
			t_fail "$what: $3"
			t_indent "$(head -c 2500 <<<"$RECEIPT")"
		fi
	elif "$@" >/dev/null 2>&1 </dev/null; then
		t_pass "$what"
	else
		t_fail "$what: $*"
	fi
}

scim GET "/Users/$ID"
log_in ada 'setsid nohup sleep 7801 >/dev/null 2>&1 </dev/null &
	echo secret-1 | sudo -S -p "" sh -c "echo \$\$ >/sys/fs/cgroup/init.scope/cgroup.procs
	setsid nohup sleep 7802 >/dev/null 2>&1 </dev/null &"'
sleep 1.2
scim PUT "/Users/$ID" "$(jq -c '.active = false | .password = "never-shown-7"' <<<"$SCIM_BODY")"
sent "PUT with a password and active false" 200
RECEIPT=$(receipt ada)
says "whose it is" '.user == "ada" and .uid == '"$PERSON_UID"' and .id == "'"$ID"'"'
says "who asked" '.connection == "okta" and (.request_id | length) > 0 and
	(.peer | startswith("198.18."))'
says "what they sent" '.request == "PUT /Users/'"$ID"'" and (.payload | fromjson | .active == false)'
says "no password in it" 'tostring | contains("never-shown-7") | not'
says "when: received, durable, visible, first signal, last gone, in this order" \
	'.received_us <= .durable_us and .durable_us <= .visible_us and
	.visible_us <= .first_signal_us and .first_signal_us <= .last_gone_us'
says "how long it took" '.took_ms >= 0 and .took_ms < 2000 and
	.took_us == .last_gone_us - .received_us'
says "it is done, and nothing is left" '.state == "done" and .processes_left == 0 and .left == []'
says "the logind session" '(.sessions | length) >= 1'
says "every process, with pid, command, uid and age" '(.ended | length) == .processes_ended and
	all(.ended[]; .pid > 1 and (.command | length) > 0 and has("uid") and .age_s >= 0)'
says "those that slept for a second are a second old" \
	'[.ended[] | select(.command == "sleep") | .age_s] | min >= 1'
says "root's process, found by its login uid" \
	'any(.ended[]; .command == "sleep" and .uid == 0 and .found_by == "login uid")'
says "what is denied now" '.denied | contains(["pam_account", "ssh_keys", "password", "shell"])'

# Kept.
host_run "$HOST" systemctl restart scimd scimd-warden
T_POLL=0.1
scim_ready
ok "it is the same after a restart" t_wait 20000 eval \
	'[ "$(receipt ada | jq -c "del(.number)")" = "$(jq -c "del(.number)" <<<"$RECEIPT")" ]'
scim DELETE "/Users/$ID"
sent "DELETE" 204
RECEIPT=$(receipt ada)
says "DELETE keeps it" '.user == "ada" and .state == "done"'
RECEIPT=$(host_run "$HOST" scimctl receipts --since "$began" --json)
says "all since a time, as an array" 'length >= 1 and all(.[]; .user == "ada")'
RECEIPT=$(host_run "$HOST" scimctl receipts --since 2099-01-01 --json)
says "none since a later one" '. == []'

# A process that not even SIGKILL ends: it writes to a file system that is frozen.
ok "a file system to freeze" bash -c 'truncate -s 16M "$1" && mkfs.ext4 -q -F "$1"' - "$T_DIR/fs"
loop=$(losetup --show -f "$T_DIR/fs")
trap 'host_run "$HOST" fsfreeze -u /mnt 2>/dev/null; losetup -d "$loop"; t_cleanup' EXIT
# shellcheck disable=SC2046
host_run "$HOST" mknod /dev/frozen b $(stat -c '0x%t 0x%T' "$loop")
host_run "$HOST" sh -c 'mount /dev/frozen /mnt && chmod 777 /mnt'
person bob secret-1
log_in bob 'setsid sh -c "until [ -e /tmp/go ]; do sleep 0.05; done; echo >/mnt/x" >/dev/null 2>&1 \
	</dev/null &'
freeze() {
	host_run "$HOST" fsfreeze -f /mnt
	host_run "$HOST" touch /tmp/go
	ok "a process in uninterruptible sleep" t_wait 20000 eval \
		'host_run "$HOST" ps -u bob -o state= | grep -q D'
}
thaw() {
	host_run "$HOST" fsfreeze -u /mnt
	host_run "$HOST" rm -f /tmp/go
}
pending() {
	host_run "$HOST" scimctl status --json | jq .pending
}
freeze
before=$(host_now_ms)
scim_active "$ID" false
took=$(($(host_now_ms) - before))
like "2xx all the same" '^20[04]$' "$SCIM_STATUS"
ok "… when the deadline of 2 s was over: $took ms" test $took -ge 1900 -a $took -le 6000
RECEIPT=$(receipt bob)
says "the receipt is open, and says what is left and why" '.state == "open" and
	.processes_left == 1 and (.left | length) == 1 and (.left[0].why | contains("uninterruptible"))'
says "… and what was ended" '.processes_ended >= 2'
RECEIPT=$(host_run "$HOST" scimctl events --user bob --type session.ended --json)
says "the event says so" 'any(.[]; .detail | contains("1 left"))'
is "status shows it" 1 "$(pending)"
RECEIPT=$(host_run "$HOST" scimctl doctor --json 2>/dev/null)
says "doctor warns, with a fix" 'any(.checks[]; .check == "offboarding" and .status == "warning" and
	(.detail | startswith("1 going on")) and (.fix | contains("session.ended")))'
metric() {
	host_run "$HOST" scimctl metrics | sed -n 's/^scimd_offboardings_pending //p'
}
is "and so do the metrics" 1 "$(metric)"
refused "the person is out in any case" 'Permission denied' host_ssh "$HOST" bob "$T_DIR/key" true
thaw
ok "it goes on trying: gone soon after" t_wait 10000 eval '[ -z "$(scim_pids '"$PERSON_UID"')" ]'
ok "the receipt is complete then" t_wait 10000 eval 'receipt bob | jq -e ".state == \"done\""'
RECEIPT=$(receipt bob)
says "… with the process that took so long" '.processes_left == 0 and .left == [] and
	any(.ended[]; .command == "sh")'
is "nothing is pending" 0 "$(pending)"
is "nor in the metrics" 0 "$(metric)"

# Let in again while something was left.
scim_active "$ID" true
log_in bob 'setsid sh -c "until [ -e /tmp/go ]; do sleep 0.05; done; echo >/mnt/x" >/dev/null 2>&1 \
	</dev/null &'
freeze
scim_active "$ID" false
scim_active "$ID" true
ok "let in again: the receipt is closed" t_wait 10000 eval 'receipt bob | jq -e ".state == \"done\""'
RECEIPT=$(receipt bob)
says "… and says why" '.note | contains("let in again")'
is "nothing is pending" 0 "$(pending)"
thaw
is "back in" bob "$(host_ssh "$HOST" bob "$T_DIR/key" id -un)"
host_run "$HOST" umount /mnt
host_destroy "$HOST"
t_end
