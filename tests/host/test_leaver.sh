#!/bin/bash
# Leavers, each with something running that wants to stay: an ssh session, a setsid nohup process,
# tmux, a root process from sudo; and each way to stop being allowed here.
# shellcheck disable=SC2016 source=people.sh
. "$(dirname "$(readlink -f "$0")")/people.sh"
people_setup
t_root_key "$T_DIR/own"
t_local_user grace local-pw "$T_DIR/own"
host_ssh "$HOST" grace "$T_DIR/own" 'exec sleep 3600' </dev/null &
grace=$!
scim_add_group "Linux Admins"
admins=$(scim_id)

# leaver NAME LEAST COMMAND: logs in, runs it, is deactivated; LEAST processes at least must end.
leaver() {
	local name=$1 least=$2 command=$3
	person "$name" secret-1 || return
	if [ "$name" = sudoer ]; then
		scim_add_member "$admins" "$ID" "$name@corp.example"
	fi
	log_in "$name" "$command" || return
	# A key of their own, so that sshd says yes and PAM has to say no.
	host_run "$HOST" runuser -u "$name" -- sh -c 'umask 077; mkdir -p "$1/.ssh" &&
		cat >>"$1/.ssh/authorized_keys"' - "/home/$name" <"$T_DIR/own.pub"
	is "$name: the own key works before" "$name" "$(host_ssh "$HOST" "$name" "$T_DIR/own" id -un)"
	t_wait 20000 eval '[ "$(scim_pids $PERSON_UID | wc -l)" -ge '"$least ]"
	if scim_offboard "$ID" "$PERSON_UID"; then
		t_pass "$name: $SCIM_ENDED processes gone when the reply came, after $SCIM_GONE_MS ms"
	else
		t_fail "$name: PATCH active false: $(scim_said)"
	fi
	ok "$name: that were $least at least" test "$SCIM_ENDED" -ge "$least"
	ok "$name: the ssh client was cut off" t_wait 10000 eval "! kill -0 $LOGIN"
	gone_but_known "$name" "$PERSON_UID"
	refused "$name: the own key is denied, with a sentence" '[A-Za-z]+ [a-z]+ [a-z]+ ' \
		host_ssh "$HOST" "$name" "$T_DIR/own" true
	refused "$name: the password is denied" 'Permission denied' \
		host_ssh "$HOST" "$name" password:secret-1 true
	is "$name: files stay" "$name" "$(host_run "$HOST" stat -c %U "/home/$name")"
	like "$name: there is a receipt" '^object$' \
		"$(host_run "$HOST" scimctl receipt "$name" --json | jq -r type)"
}

leaver session 3 'true'
leaver nohup 4 'setsid nohup sleep 3600 >/dev/null 2>&1 </dev/null &'
leaver tmux 5 'tmux new-session -d "sleep 3600"; tmux new-window -d "sleep 3600"'
leaver sudoer 4 "echo secret-1 | sudo -S -p '' sh -c 'setsid nohup sleep 3600 >/dev/null 2>&1 &'"

# Back again, with the same uid, and out by each other way.
back() {
	scim_active "$ID" true
	like "back: PATCH active true" '^20[04]$' "$SCIM_STATUS"
	is "back: gets in" sudoer "$(host_ssh "$HOST" sudoer "$T_DIR/key" id -un)"
	is "back: the uid is the old one" "$PERSON_UID" "$(host_run "$HOST" id -u sudoer)"
	log_in sudoer 'setsid nohup sleep 3600 >/dev/null 2>&1 </dev/null &'
}
for form in '{"op":"Replace","path":"active","value":"False"}' \
	'{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:User:active","value":false}' \
	'{"op":"add","value":{"active":"false"}}'; do
	back || continue
	scim PATCH "/Users/$ID" "$(scim_patch "$form")"
	like "PATCH $form" '^20[04]$' "$SCIM_STATUS"
	gone_but_known sudoer "$PERSON_UID"
done
if back; then
	scim GET "/Users/$ID"
	scim PUT "/Users/$ID" "$(jq -c '.active = false' <<<"$SCIM_BODY")"
	sent "PUT with active false" 200
	gone_but_known sudoer "$PERSON_UID"
fi
if back; then
	scim PATCH "/Users/$ID" "$(scim_patch '{"op":"replace","path":"active","value":"nope"}')"
	sent "a form that is none is refused" 400
	ok "… and ends nobody" host_ssh "$HOST" sudoer "$T_DIR/key" true
	scim DELETE "/Users/$ID"
	sent "DELETE" 204
	refused "a deleted user does not resolve" '^$' host_run "$HOST" getent passwd sudoer
	is "… has no process left" "" "$(scim_pids "$PERSON_UID")"
	refused "… is denied" 'Permission denied' host_ssh "$HOST" sudoer "$T_DIR/key" true
	old_uid=$PERSON_UID
	person sudoer secret-1
	ok "the next of the name has another uid" test "$PERSON_UID" != "$old_uid"
fi

ok "a local user's session went on all the time" kill -0 $grace
is "a local user gets in" grace "$(host_ssh "$HOST" grace "$T_DIR/own" id -un)"
is "root gets in" root "$(host_ssh "$HOST" root "$T_DIR/own" id -un)"
t_end
