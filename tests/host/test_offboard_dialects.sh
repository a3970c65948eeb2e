#!/bin/bash
# A deactivation, and the loss of the group that lets in or of a role, in each spelling of the identity
# providers; and in spellings that nobody knows: those are refused, never a 2xx that did nothing.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153 source=offboard.sh
. "$(dirname "$(readlink -f "$0")")/offboard.sh"
people_setup
admins_group
scim_add_group "Everybody" || t_fail "POST a group: $(scim_said)"
everybody=$(scim_id)
person ada secret-1
ada=$ID uid=$PERSON_UID
person bob secret-1
bob=$ID
USER_URN=urn:ietf:params:scim:schemas:core:2.0:User
GROUP_URN=urn:ietf:params:scim:schemas:core:2.0:Group
BULK_URN=urn:ietf:params:scim:api:messages:2.0:BulkRequest
PATCH_URN=urn:ietf:params:scim:api:messages:2.0:PatchOp

present() {
	log_in ada 'setsid nohup sleep 7401 >/dev/null 2>&1 </dev/null &'
}
out() {
	like "$1: 2xx" '^20[04]$' "$SCIM_STATUS" || t_indent "$(scim_said)"
	is "$1: nothing runs" "" "$(scim_pids "$uid")"
	refused "$1: denied" 'Permission denied' host_ssh "$HOST" ada "$T_DIR/key" true
}
bulk() { # METHOD PATH DATA
	scim POST /Bulk "$(jq -cn --arg urn $BULK_URN --arg method "$1" --arg path "$2" --argjson data "$3" \
		'{schemas: [$urn], Operations: [{method: $method, path: $path, data: $data}]}')" &&
		SCIM_STATUS=$(jq -r '.Operations[0].status' <<<"$SCIM_BODY")
}

# --- deactivation ------------------------------------------------------------------------------------
while read -r form; do
	present && scim PATCH "/Users/$ada" "$(scim_patch "$form")"
	out "PATCH $form"
	scim_active "$ada" true || t_fail "back: $(scim_said)"
done <<-'END_FORMS'
	{"op":"replace","path":"active","value":false}
	{"op":"replace","value":{"active":false}}
	{"op":"Replace","path":"active","value":"False"}
	{"op":"Add","path":"Active","value":"false"}
	{"op":"add","value":{"active":"False"}}
	{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:User:active","value":false}
	{"op":"replace","value":{"urn:ietf:params:scim:schemas:core:2.0:User:active":false}}
	{"op":"replace","value":{"urn:ietf:params:scim:schemas:core:2.0:User":{"active":false}}}
	{"op":"replace","value":{"id":"x","displayName":"Ada","active":false,"name.givenName":"A"}}
END_FORMS
present && scim PATCH "/Users/$ada" "$(jq -cn --arg urn $PATCH_URN '{schemas: [$urn], Operations: [
	{op: "Replace", path: "displayName", value: "Ada T"}, {op: "Replace", path: "active", value: "False"},
	{op: "Add", path: "title", value: "left"}]}')"
out "PATCH of three operations, as Entra sends them"
scim_active "$ada" true

# Not understood is refused, and harms nobody.
present
while read -r form; do
	scim PATCH "/Users/$ada" "$(scim_patch "$form")"
	like "PATCH $form is refused" '^400 .{10,}' "$SCIM_STATUS $(jq -r .detail <<<"$SCIM_BODY")"
	ok "… and the session goes on" kill -0 "$LOGIN"
done <<-'END_FORMS'
	{"op":"replace","path":"active","value":"no"}
	{"op":"replace","path":"active","value":0}
	{"op":"replace","path":"active","value":"0"}
	{"op":"replace","path":"active","value":""}
	{"op":"replace","path":"active","value":{"value":false}}
	{"op":"replace","path":"active","value":[true,false]}
	{"op":"replace","path":"active.value","value":false}
	{"op":"replace","path":"active[value eq true]","value":false}
	{"op":"replace","path":"status","value":"inactive"}
	{"op":"replace","path":"User.active","value":false}
	{"op":"disable","path":"active"}
	{"op":"replace","path":"active"}
	{"path":"active","value":false}
END_FORMS
kill "$LOGIN" 2>/dev/null

# --- the group that lets in --------------------------------------------------------------------------
scim_configure access <<<$'[access]\nallow_groups = Everybody'
scim_add_member "$everybody" "$ada" ada@corp.example && scim_add_member "$everybody" "$bob" bob@corp.example
scim_reload
t_wait 20000 host_ssh "$HOST" ada "$T_DIR/key" true
log_in bob true
bob_login=$LOGIN
while read -r method whom form; do
	form=${form//ADA/$ada} form=${form//BOB/$bob}
	present
	case $method in
	PATCH) scim PATCH "/Groups/$everybody" "$(scim_patch "$form")" ;;
	PUT) scim PUT "/Groups/$everybody" "$form" ;;
	BULK) bulk PATCH "/Groups/$everybody" "$(scim_patch "$form")" ;;
	esac
	out "$method of the group $form"
	scim PUT "/Groups/$everybody" "$(jq -cn --arg ada "$ada" --arg bob "$bob" --arg urn $GROUP_URN \
		'{schemas: [$urn], displayName: "Everybody", members: [{value: $ada}, {value: $bob}]}')"
	if [ "$whom" = one ]; then
		ok "… and bob's session goes on" kill -0 "$bob_login"
	else
		log_in bob true
		bob_login=$LOGIN
	fi
done <<-'END_FORMS'
	PATCH one {"op":"remove","path":"members[value eq \"ADA\"]"}
	PATCH one {"op":"Remove","path":"members","value":[{"$ref":null,"value":"ADA"}]}
	PATCH one {"op":"replace","path":"members","value":[{"value":"BOB","display":"bob@corp.example"}]}
	PATCH one {"op":"replace","value":{"members":[{"value":"BOB"}],"id":"g","displayName":"Everybody"}}
	PATCH all {"op":"replace","path":"members","value":[]}
	PATCH all {"op":"replace","value":{"members":[],"id":"g","displayName":"Everybody"}}
	PATCH all {"op":"remove","path":"members"}
	PATCH all {"op":"replace","value":{"id":"g","displayName":"Others"}}
	PUT one {"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Everybody","members":[{"value":"BOB"}]}
	BULK one {"op":"remove","path":"members[value eq \"ADA\"]"}
END_FORMS
scim_configure access <<<$'[access]\ndeny_groups = Everybody'
present
scim_reload
T_POLL=0.05
ok "a reload that denies a group" t_wait 20000 eval '[ -z "$(scim_pids '"$uid"')" ]'
ok "… all of it" t_wait 20000 eval "! kill -0 $bob_login"
host_run "$HOST" rm /etc/scimd/scimd.conf.d/access.conf
scim_reload
ok "… and one that takes it back lets in" t_wait 20000 host_ssh "$HOST" ada "$T_DIR/key" true

# --- a role ------------------------------------------------------------------------------------------
log_in bob true
bob_login=$LOGIN
log_in ada 'setsid nohup sleep 7402 >/dev/null 2>&1 </dev/null &'
without=$LOGIN
# loses WHAT CMD…: the session that has the role ends, the one without goes on.
loses() {
	local what=$1
	shift
	scim_add_member "$ADMINS" "$ada" ada@corp.example || t_fail "the role: $(scim_said)"
	log_in ada 'setsid nohup sleep 7403 >/dev/null 2>&1 </dev/null &'
	"$@" >/dev/null 2>&1 </dev/null || t_fail "$what: $(scim_said)"
	ok "$what: the session with it is cut off" t_wait 20000 eval "! kill -0 $LOGIN"
	is "$what: what it started is gone" "" "$(pids_of '^sleep 7403')"
	ok "$what: the one without goes on" kill -0 "$without"
	is "$what: new sessions are without" "" \
		"$(host_ssh "$HOST" ada "$T_DIR/key" id -nG | tr ' ' '\n' | grep -x sudo)"
}
without_role() { # reload a configuration in which the group gives no local group
	host_run "$HOST" sed -i 's/^local_groups = sudo/local_groups =/' /etc/scimd/scimd.conf.d/host.conf
	scim_reload
	T_POLL=0.05 t_wait 20000 eval '! host_ssh "$HOST" ada "$T_DIR/key" id -nG | grep -qw sudo'
}
loses "PATCH remove with a filter" scim_remove_member "$ADMINS" "$ada"
loses "PATCH remove with a value, as Entra" scim PATCH "/Groups/$ADMINS" \
	"$(scim_patch "{\"op\":\"Remove\",\"path\":\"members\",\"value\":[{\"\$ref\":null,\"value\":\"$ada\"}]}")"
loses "PATCH replace, as Okta's Push Now" scim PATCH "/Groups/$ADMINS" \
	"$(scim_patch '{"op":"replace","path":"members","value":[]}')"
loses "PUT of the group" scim PUT "/Groups/$ADMINS" \
	"{\"schemas\":[\"$GROUP_URN\"],\"displayName\":\"Linux Admins\",\"members\":[]}"
loses "Bulk" bulk PATCH "/Groups/$ADMINS" "$(scim_patch '{"op":"remove","path":"members"}')"
loses "a reload that narrows the role" without_role
host_run "$HOST" sed -i 's/^local_groups =$/local_groups = sudo/' /etc/scimd/scimd.conf.d/host.conf
scim_remove_member "$ADMINS" "$ada"
scim_reload
loses "DELETE of the group" scim DELETE "/Groups/$ADMINS"
ok "all the while the session without it went on" kill -0 "$without"
ok "… and bob's" kill -0 "$bob_login"
t_end
