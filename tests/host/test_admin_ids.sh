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
		jq -r '.[-1].detail | sub("^[0-9]+ [A-Za-z]+: "; "")'
}

scim_configure range <<-END
	[identity]
	uid_range = 5000-60000
	name_replacement = -
	[attribute room]
	source = title
	gecos = room
END
ok "reload" host_run "$HOST" systemctl reload scimd
host_run "$HOST" useradd -m -u 5005 olga
host_run "$HOST" sh -c 'echo mine >/home/olga/file; chown 5005:5005 /home/olga/file'
host_run "$HOST" cp /etc/passwd /root/passwd
like "import" '^1 numbers are kept, [0-9]+ system accounts' "$(ctl ids import /root/passwd)"
ok "import again" ctl ids import /root/passwd
like "export" '^olga:x:5005:5005:' "$(ctl ids export)"
host_run "$HOST" userdel olga
person peter
ok "others get other numbers" test "$PERSON_UID" != 5005
person olga
is "olga has the number" 5005 "$PERSON_UID"
is "… and the files" mine "$(host_ssh "$HOST" olga "$T_DIR/key" cat file)"
olga=$ID
printf 'peter:x:5999:5999::/:\n' | host_run "$HOST" sh -c 'cat >/root/other'
refused "another number for somebody who has one" 'peter 5999' ctl ids import /root/other
refused "a file without people" 'no people' ctl ids import /dev/null

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

# Groups.
scim_add_group Builders
builders=$(scim_id)
scim_add_member "$builders" "$olga" olga-k@corp.example
like "the group is on the host" 'olga-k' "$(host_run "$HOST" getent group builders)"
scim_configure groups <<-END
	[identity]
	expose_groups = Linux Admins
END
ok "reload without it" host_run "$HOST" systemctl reload scimd
t_wait 5000 eval '! host_run "$HOST" getent group builders'
refused "the group is gone" '^$' host_run "$HOST" getent group builders
like "scimctl says why" 'expose_groups' "$(ctl group Builders --json | jq -r .reason)"
is "… from the person too" 5005 "$(host_run "$HOST" id -G olga-k)"
host_run "$HOST" rm /etc/scimd/scimd.conf.d/groups.conf
ok "reload with it" host_run "$HOST" systemctl reload scimd
ok "the group is back" t_wait 5000 host_run "$HOST" getent group builders
t_end
