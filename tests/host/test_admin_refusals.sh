#!/bin/bash
# Every way in which a change can be refused: the identity provider and the administrator read the same
# words, with the same status and type, and there is no half an account. What is accepted and has no effect
# here, a group that is none of this host's or a person who may not be here, is told alike too.
# shellcheck disable=SC2016,SC2154 source=people.sh
. "$(dirname "$(readlink -f "$0")")/people.sh"
people_setup
ctl() {
	host_run "$HOST" scimctl "$@"
}
group_urn=${SCIM_POSIX%User}Group
# same WHAT STATUS TYPE PATTERN: the last request was refused so, and the last event has the same words.
same() {
	local detail event seen
	detail=$(jq -r '.detail // .Operations[-1].response.detail' <<<"$SCIM_BODY" 2>/dev/null)
	seen=$(jq -r 'if .Operations then .Operations[-1].response else . end |
		"\(.status) \(.scimType // "-")"' <<<"$SCIM_BODY" 2>/dev/null)
	is "$1: status and type" "$2 $3" "$seen"
	like "$1: says why" "$4" "$detail"
	event=$(ctl events --type scim.provisioning_failed -n 1 --json |
		jq -r '.[-1].detail | sub("; userName .*$"; "")')
	is "$1: the event has the same words" "$2$([ "$3" = - ] || echo " $3"): $detail" "$event"
}
# user NAME [JQ]: POST of NAME@corp.example, changed by a program of jq.
user() {
	scim POST /Users "$(scim_user "$1@corp.example" A B | jq -c --arg urn "$SCIM_POSIX" "${2:-.}")"
}
group() {
	scim POST /Groups "$(jq -cn --arg name "$1" --arg urn "$group_urn" "{displayName: \$name,
		schemas: [\"urn:ietf:params:scim:schemas:core:2.0:Group\"]} | ${2:-.}")"
}
patch_of() {
	scim PATCH "$1" "$(scim_patch "$2")"
}

person ada
ada=$ID
ada_uid=$PERSON_UID
person bob
bob=$ID
group Makers
makers=$(scim_id)
host_run "$HOST" useradd -u 70123 zoe
host_run "$HOST" groupadd crew
scim_patch '{"op":"replace","path":"userName","value":"bobby@corp.example"}' >"$T_DIR/rename"
scim PATCH "/Users/$bob" "$(cat "$T_DIR/rename")"

# --- of policy: names ---
long=$(printf 'x%.0s' {1..33})
while IFS='|' read -r name status type pattern; do
	user "$name"
	same "the name \"${name:0:20}\"" "$status" "$type" "$pattern"
done <<-END
	|400|invalidValue|is no user name: it takes 1 to 32
	1ada|400|invalidValue|"1ada", made by \[identity\] username = userName local-part lower, is no
	a b|400|invalidValue|"a b", made by
	ünï|400|invalidValue|is no user name
	ada.|400|invalidValue|does not end with a dot
	$long|400|invalidValue|is no user name
	root|400|invalidValue|"root", .* is reserved for the system
	systemd-network|400|invalidValue|reserved
	scim-canary|400|invalidValue|reserved
	zoe|400|invalidValue|zoe
	crew|400|invalidValue|crew
	ADA|409|uniqueness|userName is taken by the user with id $ada
	makers|409|uniqueness|"makers" is taken by another person or group
	bob|409|uniqueness|"bob" was somebody else's and is kept from others until 20.*name_quarantine_days
END
scim POST /Users "$(scim_user ada@other.example A B)"
same "two people of one name" 409 uniqueness '"ada" is taken'
is "zoe is the host's" 70123 "$(host_run "$HOST" id -u zoe)"

# --- of policy: numbers, homes, and what else an account has ---
while IFS='|' read -r change status type pattern; do
	user dora "$change"
	same "$change" "$status" "$type" "$pattern"
done <<-END
	.[\$urn].uidNumber = 1000|400|invalidValue|uidNumber 1000 is outside uid_range
	.[\$urn].uidNumber = 65534|400|invalidValue|uidNumber 65534 is outside
	.[\$urn].uidNumber = 4294967295|400|invalidValue|uidNumber must be a whole number from 1 to 4294967294
	.[\$urn].uidNumber = 0|400|invalidValue|uidNumber must be a whole number from 1
	.[\$urn].uidNumber = 61184|400|invalidValue|uidNumber 61184 is outside
	.[\$urn].uidNumber = 70123|400|invalidValue|70123
	.[\$urn].uidNumber = $ada_uid|409|uniqueness|uidNumber $ada_uid is or was somebody else's
	.[\$urn].homeDirectory = "home"|400|invalidValue|"home" \(homeDirectory\) is not usable
	.[\$urn].homeDirectory = "/home/../etc"|400|invalidValue|is not usable
	.[\$urn].homeDirectory = "/home/a:b"|400|invalidValue|is not usable
	.password = ("x" * 600)|400|invalidValue|password must have 1 to 511 bytes
	.active = "perhaps"|400|invalidValue|active
	.userName = 5|400|invalidValue|userName
	del(.userName)|400|invalidValue|userName is required
END
refused "nobody got half an account" '^$' host_run "$HOST" getent passwd dora
is "nobody else is known" "ada bobby" "$(ctl users -q | xargs)"

# --- of changes to who is there ---
while IFS='|' read -r path operation status type pattern; do
	patch_of "$path" "$operation"
	same "PATCH ${path%/*} $operation" "$status" "$type" "$pattern"
done <<-END
	/Users/$ada|{"op":"replace","path":"$SCIM_POSIX:uidNumber","value":70001}|400|mutability|is $ada_uid and cannot be changed to 70001: files belong to it
	/Users/$ada|{"op":"replace","path":"userName","value":"root@corp.example"}|400|invalidValue|reserved
	/Users/$ada|{"op":"replace","path":"userName","value":"bobby@corp.example"}|409|uniqueness|userName is taken
	/Users/$ada|{"op":"replace","path":"active","value":"off"}|400|invalidValue|active
	/Users/$ada|{"op":"replace","path":"nothing","value":"x"}|400|invalidPath|nothing
	/Users/$ada|{"op":"frob","path":"active","value":false}|400|invalidSyntax|op
	/Groups/$makers|{"op":"add","path":"members","value":[{"value":"$makers","type":"Group"}]}|400|invalidValue|member
	/Users/00000000-0000-7000-8000-000000000000|{"op":"replace","path":"active","value":false}|404|-|.
END
is "ada is who she was" "$ada_uid" "$(host_run "$HOST" id -u ada)"

# --- of groups ---
while IFS='|' read -r name change status type pattern; do
	group "$name" "$change"
	same "the group \"$name\" $change" "$status" "$type" "$pattern"
done <<-END
	MAKERS|.|409|uniqueness|displayName is taken
	Numbers|.[\$urn].gidNumber = $ada_uid|409|uniqueness|gidNumber $ada_uid is or was somebody else's
	Numbers|.[\$urn].gidNumber = 5|400|invalidValue|gidNumber 5 is outside uid_range
	x|del(.displayName)|400|invalidValue|displayName
END

# --- of requests ---
scim POST /Users '{"userName":'
same "half a document" 400 invalidSyntax .
scim POST /Users '{"userName":"a@corp.example","userName":"b@corp.example"}'
same "a name given twice" 400 invalidSyntax .
scim POST /Bulk "$(jq -cn --argjson data "$(scim_user root@corp.example A B)" '{
	schemas: ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
	Operations: [{method: "POST", path: "/Users", bulkId: "1", data: $data}]}')"
same "inside a Bulk" 400 invalidValue reserved

# --- accepted, and without effect here ---
# told GROUP PATTERN: scimctl and the event say the same of a group that is none of this host's.
told() {
	local reason
	group "$1"
	sent "the group \"$1\" is accepted" 201
	reason=$(ctl group "$1" --json | jq -r .reason)
	like "… scimctl says why it is none here" "$2" "$reason"
	like "… and an event, in the same words" "^true$" "$(ctl events -n 3 --json |
		jq --arg reason "$reason" 'any(.[]; .detail | contains($reason))')"
}
told Crew crew
told Root 'reserved'
told '!!!' 'nothing in its name'
told '1st floor' 'must begin with'
told bobby 'taken|bobby'
scim_configure access <<-END
	[access]
	deny_groups = Makers
END
ok "reload" scim_reload
scim_add_member "$makers" "$ada" ada@corp.example
reason=$(ctl user ada --json | jq -r .reason)
is "who is denied reads why in users" "in the denied group Makers" "$reason"
like "… in the event" "$reason" "$(ctl events --user ada -n 2 --json | jq -r '.[].detail')"
is "… in the receipt" "$reason" "$(ctl receipt ada --json | jq -r .reason)"
refused "… she does not get in" . host_run "$HOST" pamtester sshd ada acct_mgmt
ok "… and in the log when she tries" t_wait 20000 t_journal "denied user=ada .*reason=\"$reason\""

# --- of the host: no number is left ---
scim_configure range <<-END
	[identity]
	uid_range = 65536-65540
END
ok "reload" scim_reload
for n in 1 2 3 4 5 6; do
	user "p$n"
	[ "$SCIM_STATUS" = 201 ] || break
done
same "a range that is used up" 507 - 'uid_range 65536-65540 is used up'
t_end
