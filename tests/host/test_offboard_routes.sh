#!/bin/bash
# Every way to lose access ends everything, as deactivation does; losing a role ends what carries
# its gid, and no more.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153 source=offboard.sh
. "$(dirname "$(readlink -f "$0")")/offboard.sh"
people_setup
admins_group
scim_add_group "Everybody" || t_fail "POST a group: $(scim_said)"
everybody=$(scim_id)
BULK=urn:ietf:params:scim:api:messages:2.0:BulkRequest

person ada secret-1
ada=$ID uid=$PERSON_UID
scim_add_group "Engineers" && scim_add_member "$(scim_id)" "$ada" ada@corp.example
scim GET "/Users/$ada"
whole=$SCIM_BODY

# In again, with something running.
present() {
	log_in ada 'setsid nohup sleep 7401 >/dev/null 2>&1 </dev/null &'
}
# What holds after the last request, and back in by the command given.
out() {
	local what=$1
	like "$what" '^20[014]$' "$SCIM_STATUS" || t_indent "$(scim_said)"
	is "$what: nothing runs" "" "$(scim_pids "$uid")$(pids_of 'sleep 7401')"
	refused "$what: denied" 'Permission denied' host_ssh "$HOST" ada "$T_DIR/key" true
}
in_again() {
	"$@" >/dev/null
	is "… in again at once, as before" "$as_before" "$(as_ada)"
}
# The group of the tests below comes and goes.
as_ada() {
	host_ssh "$HOST" ada "$T_DIR/key" 'id | sed "s/,[0-9]*(everybody)//"; getent passwd ada; stat -c "%U %G %a" ~ ~/mine; cat ~/mine'
}
like "ada has uid, groups, a home" "^uid=$uid\\(ada\\) .*\\(engineers\\)" \
	"$(host_ssh "$HOST" ada "$T_DIR/key" 'echo mine >~/mine; id')"
as_before=$(as_ada)
patch() {
	scim PATCH "/Users/$ada" "$(scim_patch "$1")"
}

# In each spelling there is: test_offboard_dialects.sh.
present && patch '{"op":"replace","value":{"active":false}}' && out "PATCH"
in_again scim_active "$ada" true
if present; then
	scim PUT "/Users/$ada" "$(jq -c '.active = false' <<<"$whole")"
	out "PUT active false"
	in_again scim PUT "/Users/$ada" "$(jq -c '.active = true' <<<"$whole")"
fi
if present; then
	scim POST /Bulk "$(jq -cn --arg id "$ada" --arg urn $BULK \
		--argjson data "$(scim_patch '{"op":"replace","value":{"active":false}}')" \
		'{schemas: [$urn], Operations: [{method: "PATCH", path: "/Users/\($id)", data: $data}]}')"
	is "Bulk: the operation's status" 200 "$(jq -r '.Operations[0].status' <<<"$SCIM_BODY" | sed s/204/200/)"
	out "Bulk"
	in_again scim_active "$ada" true
fi

# A narrower [access], and the groups that let one in.
access() {
	scim_configure access <<<"[access]"$'\n'"allow_groups = $1"
	scim_reload
}
gone_soon() {
	T_POLL=0.05
	ok "$1" t_wait 20000 eval '[ -z "$(scim_pids '"$uid"')" ]'
	SCIM_STATUS=200
	out "$1"
}
if present; then
	access Everybody
	gone_soon "a reload that lets only a group in"
	in_again scim_add_member "$everybody" "$ada" ada@corp.example
fi
if present; then
	scim_remove_member "$everybody" "$ada"
	out "PATCH of the group that let in"
	in_again scim_add_member "$everybody" "$ada" ada@corp.example
fi
if present; then
	scim PUT "/Groups/$everybody" "$(jq -cn '{schemas:
		["urn:ietf:params:scim:schemas:core:2.0:Group"], displayName: "Everybody", members: []}')"
	out "PUT of the group that let in"
	in_again scim_add_member "$everybody" "$ada" ada@corp.example
fi
if present; then
	scim PATCH "/Groups/$everybody" \
		"$(scim_patch '{"op":"replace","path":"displayName","value":"Some"}')"
	out "a new name for the group that let in"
	in_again scim PATCH "/Groups/$everybody" \
		"$(scim_patch '{"op":"replace","path":"displayName","value":"Everybody"}')"
fi
if present; then
	scim DELETE "/Groups/$everybody"
	out "DELETE of the group that let in"
	host_run "$HOST" rm /etc/scimd/scimd.conf.d/access.conf
	scim_reload
	T_POLL=0.1 t_wait 20000 host_ssh "$HOST" ada "$T_DIR/key" true
	in_again true
fi
if present; then
	host_run "$HOST" scimctl lock ada >/dev/null
	SCIM_STATUS=200
	out "scimctl lock"
	in_again host_run "$HOST" scimctl unlock ada
fi

# A role: the session from before carries its gid, the one from after does not.
sudo_gid=$(host_run "$HOST" getent group sudo | cut -d : -f 3)
log_in ada 'setsid nohup sleep 7402 >/dev/null 2>&1 </dev/null &'
without=$LOGIN
scim_add_member "$ADMINS" "$ada" ada@corp.example
host_ssh "$HOST" ada "$T_DIR/key" 'setsid nohup sleep 7403 >/dev/null 2>&1 </dev/null &
	echo secret-1 | sudo -S -p "" sh -c "setsid nohup sleep 7404 >/dev/null 2>&1 </dev/null &"
	exec sleep 3600' </dev/null &
with=$!
T_POLL=0.1
ok "a session with the role, and a root process" t_wait 20000 eval \
	'[ -n "$(pids_of "sleep 7403")" ] && [ -n "$(pids_of "^sleep 7404")" ]'
like "it carries the gid" "\\b$sudo_gid\\b" \
	"$(grep Groups: "/proc/$(pids_of '^sleep 7403')/status")"
scim_remove_member "$ADMINS" "$ada"
like "PATCH: the role is lost" '^20[04]$' "$SCIM_STATUS"
ok "what carried it is gone" t_wait 1000 eval '[ -z "$(pids_of "sleep 740[34]")" ]'
ok "its session was cut off" t_wait 10000 eval "! kill -0 $with"
ok "the session without it goes on" kill -0 "$without"
ok "its process too" test -n "$(pids_of '^sleep 7402')"
is "new sessions do not have the gid" "" \
	"$(host_ssh "$HOST" ada "$T_DIR/key" id -G | tr ' ' '\n' | grep -x "$sudo_gid")"
scim_configure roles <<<$'[offboard]\non_role_loss = keep'
scim_reload
host_run "$HOST" systemctl restart scimd-warden
scim_ready
T_POLL=0.2 t_wait 20000 scim_add_member "$ADMINS" "$ada" ada@corp.example
log_in ada 'setsid nohup sleep 7405 >/dev/null 2>&1 </dev/null &'
scim_remove_member "$ADMINS" "$ada"
sleep 0.5
ok "on_role_loss = keep: the session goes on" kill -0 "$LOGIN"
ok "… and what it started" test -n "$(pids_of '^sleep 7405')"
# As if the warden had been killed before it ended them.
scim_configure roles <<<$'[offboard]\non_role_loss = end-sessions'
host_run "$HOST" systemctl kill --kill-whom=main -s KILL scimd-warden
ok "a warden that starts ends what carries a lost role" t_wait 10000 eval '[ -z "$(pids_of "^sleep 7405")" ]'
ok "… with its session" t_wait 10000 eval "! kill -0 $LOGIN"
ok "… and nothing else" test -n "$(pids_of '^sleep 7402')"
scim_ready

# Gone for good, and somebody new of the same name.
scim DELETE "/Users/$ada"
is "DELETE" 204 "$SCIM_STATUS"
is "DELETE: nothing runs" "" "$(scim_pids "$uid")$(pids_of '^sleep 7405')"
refused "DELETE: denied" 'Permission denied' host_ssh "$HOST" ada "$T_DIR/key" true
like "the receipt outlives the person" '"state": *"done"' \
	"$(host_run "$HOST" scimctl receipt ada --json)"
person ada secret-1
ada=$ID uid=$PERSON_UID
if present; then
	scim POST /Users "$(scim_user ada@corp.example Ada Again | jq -c '.active = false')"
	is "POST over an existing person is a conflict" 409 "$SCIM_STATUS"
	ok "… and ends nobody" kill -0 "$LOGIN"
fi
scim POST /Users "$(scim_user bob@corp.example Bob B "$PUBLIC_KEY" | jq -c '.active = false')"
is "POST of somebody inactive" 201 "$SCIM_STATUS"
refused "… who does not get in" 'Permission denied' host_ssh "$HOST" bob "$T_DIR/key" true
host_destroy "$HOST"
t_end
