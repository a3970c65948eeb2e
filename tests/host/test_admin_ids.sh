#!/bin/bash
# A host that has people already is adopted without a chown, names from other sources, names that
# rest after a rename, and groups that a reload exposes or not: all seen by a real host. What is refused
# is said in the same words to the identity provider and to the administrator.
# shellcheck disable=SC2016 source=people.sh
. "$(dirname "$(readlink -f "$0")")/people.sh"
people_setup
ctl() {
	host_run "$HOST" scimctl "$@"
}
# What the last event of a refusal says, after the status and type which it begins with.
refusal() {
	ctl events --type scim.provisioning_failed --json |
		jq -r '.[-1].detail | sub("^[0-9]+ [A-Za-z]+: "; "") | sub("; userName [^ ]*$"; "")'
}

scim_configure range <<-END
	[identity]
	uid_range = 5000-60000
	name_replacement = -
	[attribute room]
	source = title
	gecos = room
END
ok "reload" scim_reload
# A fleet as it was: people, a team of theirs, and files of both.
host_run "$HOST" useradd -m -u 5005 olga
host_run "$HOST" groupadd -g 5100 builders
host_run "$HOST" sh -c 'echo mine >/home/olga/file; chown 5005:5005 /home/olga/file
	install -d -o 5005 -g 5100 -m 2770 /srv/build'
host_run "$HOST" cp /etc/passwd /etc/group /root
before=$(host_run "$HOST" find /home/olga /srv/build -printf '%p %U:%G\n')
like "import" '^1 numbers of people and 1 of groups are kept, [0-9]+ others' \
	"$(ctl ids import /root/passwd --group /root/group)"
ok "import again" ctl ids import /root/passwd --group /root/group
is "export" olga:x:5005:5005::: "$(ctl ids export)"
is "export of groups" builders:x:5100: "$(ctl ids export groups)"
host_run "$HOST" sh -c 'userdel olga; groupdel builders'
person peter
ok "others get other numbers" test "$PERSON_UID" != 5005
person olga
is "olga has the number" 5005 "$PERSON_UID"
is "… and the files" mine "$(host_ssh "$HOST" olga "$T_DIR/key" cat file)"
olga=$ID
scim_add_group Builders
builders=$(scim_id)
scim_add_member "$builders" "$olga" olga@corp.example
like "the group has its number" '^builders:[^:]*:5100:olga$' "$(host_run "$HOST" getent group builders)"
ok "… and its folder" host_ssh "$HOST" olga "$T_DIR/key" touch /srv/build/new
is "nobody owns anything else than before" "$before" \
	"$(host_run "$HOST" sh -c 'rm /srv/build/new; find /home/olga /srv/build -printf "%p %U:%G\\n" |
		grep -v /.cache')"
# What was exported here is what another host, or this one made anew, is given.
is "export is import" "5005 5100" "$({ ctl ids export; ctl ids export groups; } |
	awk -F: '/^(olga|builders):/ { print $3 }' | sort | xargs)"

# A number that is asked for is honoured or refused, and no other is given.
ask_for() {
	scim POST /Users "$(scim_user "$1@corp.example" As K |
		jq -c --arg urn "$SCIM_POSIX" --argjson n "$2" '.[$urn].uidNumber = $n')"
}
ask_for rita 5050
sent "a uidNumber that is free" 201
is "… is the one that was asked for" 5050 "$(host_run "$HOST" id -u rita)"
ask_for sven 5050
sent "a uidNumber that is taken" 409
is "… in the same words" "$(jq -r .detail <<<"$SCIM_BODY")" "$(refusal)"
ask_for sven 4999
sent "a uidNumber out of range" 400
like "… which says so" 'uidNumber 4999 is outside uid_range 5000-60000' "$SCIM_BODY"
refused "… makes no account" '^$' host_run "$HOST" getent passwd sven
scim POST /Groups "$(jq -cn --arg urn "${SCIM_POSIX%User}Group" '{displayName: "Testers",
	schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group", $urn], ($urn): {gidNumber: 5060}}')"
sent "a gidNumber that is free" 201
like "… is the one that was asked for" ':5060:' "$(host_run "$HOST" getent group testers)"
scim POST /Groups "$(jq -cn --arg urn "${SCIM_POSIX%User}Group" '{displayName: "Others",
	schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group", $urn], ($urn): {gidNumber: 5050}}')"
sent "a gidNumber that is somebody's uid" 409
printf 'peter:x:5999:5999::/:\n' | host_run "$HOST" sh -c 'cat >/root/other'
refused "another number for somebody who has one" 'peter 5999' ctl ids import /root/other
refused "a file without people" 'nobody' ctl ids import /dev/null
is "no file at all is wrong usage" 2 "$(ctl ids import >/dev/null 2>&1; echo $?)"

# A number that an account of the host's own has is passed over, and refused to who asks for it.
person tina
next=$((PERSON_UID + 1))
host_run "$HOST" useradd -u "$next" -U zelda
person ulla
is "a local account's number is passed over" $((next + 1)) "$PERSON_UID"
ask_for vera "$next"
sent "… and refused to who asks for it" 400
like "… which says so" "id $next belongs to a local account" "$SCIM_BODY"
host_run "$HOST" userdel zelda
person wim
is "… and stays passed over" $((next + 2)) "$PERSON_UID"

# Refusals: the same words in the answer and in the event.
scim POST /Users "$(scim_user olga@other.example Ol Ga)"
sent "a second one of the name is refused" 409
detail=$(jq -r .detail <<<"$SCIM_BODY")
like "… which names it" 'olga' "$detail"
is "… and the event has the same words" "$detail" "$(refusal)"
scim POST /Users "$(scim_user root@corp.example Ro Ot)"
sent "a reserved name is refused" 400
is "… in the same words" "$(jq -r .detail <<<"$SCIM_BODY")" \
	"$(refusal)"
host_run "$HOST" useradd zoe
scim POST /Users "$(scim_user zoe@corp.example Zo E)"
sent "a local name is refused" 400
is "… in the same words, the warden's" "$(jq -r .detail <<<"$SCIM_BODY")" \
	"$(refusal)"

# Names.
scim POST /Users "$(scim_user "j o'neil@corp.example" Jo Neil "$PUBLIC_KEY" |
	jq -c '.title = "R 5.17"')"
sent "a name with a blank and an apostrophe" 201
is "… has them replaced" j-o-neil "$(host_ssh "$HOST" j-o-neil "$T_DIR/key" id -un)"
like "… and a room" ':Jo Neil,R 5.17:' "$(host_run "$HOST" getent passwd j-o-neil)"
scim PATCH "/Users/$olga" "$(scim_patch '{"op":"replace","path":"userName",
	"value":"olga-k@corp.example"}')"
like "rename" '^20[04]$' "$SCIM_STATUS"
is "the uid stays" 5005 "$(host_run "$HOST" id -u olga-k)"
is "the home stays" mine "$(host_ssh "$HOST" olga-k "$T_DIR/key" cat file)"
refused "the old name stops" '^$' host_run "$HOST" getent passwd olga
scim POST /Users "$(scim_user olga@other.example Ol Ga)"
sent "the old name rests" 409
like "… until a date, by a key" 'until 20.*name_quarantine_days' "$SCIM_BODY"

# Roles: the first by precedence decides the shell, and without it the next.
scim_configure roles <<-END
	[role late]
	groups = Late
	shell = /bin/sh
	precedence = 20
	[role early]
	groups = Early
	shell = /bin/dash
	precedence = 10
END
ok "reload" scim_reload
shell_of() {
	host_run "$HOST" getent passwd olga-k | cut -d : -f 7
}
is "no role: the configured shell" /bin/bash "$(shell_of)"
scim_add_group Late
late=$(scim_id)
scim_add_member "$late" "$olga" olga-k@corp.example
is "a role: its shell" /bin/sh "$(shell_of)"
scim_add_group Early
early=$(scim_id)
scim_add_member "$early" "$olga" olga-k@corp.example
is "two: that of the first by precedence" /bin/dash "$(shell_of)"
is "… and both are hers" early,late "$(ctl user olga-k --json | jq -r '.roles | join(",")')"
scim_remove_member "$early" "$olga"
is "the group is lost: the next one's" /bin/sh "$(shell_of)"
scim DELETE "/Groups/$late"
sent "the other group is deleted" 204
is "… and none is left" "/bin/bash " "$(shell_of) $(ctl user olga-k --json | jq -r '.roles | join(",")')"
is "each step is an event" "role.granted late role.granted early role.lost early role.lost late" "$(ctl events \
	--user olga-k --type 'role.*' --json | jq -r '.[] | "\(.type) \(.detail)"' | xargs)"

# Groups.
like "the renamed one is in the group" 'olga-k' "$(host_run "$HOST" getent group builders)"
scim_configure groups <<-END
	[identity]
	expose_groups = Linux Admins
END
ok "reload without it" scim_reload
t_wait 20000 eval '! host_run "$HOST" getent group builders'
refused "the group is gone" '^$' host_run "$HOST" getent group builders
like "scimctl says why" 'expose_groups' "$(ctl group Builders --json | jq -r .reason)"
is "… from the person too" 5005 "$(host_run "$HOST" id -G olga-k)"
host_run "$HOST" rm /etc/scimd/scimd.conf.d/groups.conf
ok "reload with it" scim_reload
ok "the group is back" t_wait 20000 host_run "$HOST" getent group builders
t_end
