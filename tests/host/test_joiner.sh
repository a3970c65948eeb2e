#!/bin/bash
# A joiner and a mover: from the push to a login, by key and by password, and what a rename and a
# role change.
# shellcheck disable=SC2016 source=people.sh
. "$(dirname "$(readlink -f "$0")")/people.sh"
people_setup

like "the base URL is one for an identity provider" '^https://[^/]+:8643/scim/v2$' "$SCIM_BASE_URL"
scim GET '/Users?filter=userName%20eq%20%22ada%40corp.example%22&startIndex=1&count=100'
sent "nobody is found before" 200
is "… an empty list" 0 "$(jq .totalResults <<<"$SCIM_BODY")"
person ada secret-1 || t_end
sent "POST" 201
is "the password is not returned" null "$(jq .password <<<"$SCIM_BODY")"
scim POST /Users "$(scim_user ADA@corp.example Ada Again)"
sent "a second one of the name is a conflict" 409
like "the uid is from the range" '^(6[5-9]|[7-9][0-9])[0-9]{3}$' "$PERSON_UID"

# lookups
line=$(host_run "$HOST" getent passwd ada)
is "by name and by uid the same" "$line" "$(host_run "$HOST" getent passwd "$PERSON_UID")"
is "enumeration has it" "$line" "$(host_run "$HOST" getent passwd | grep ^ada:)"
like "home and shell" ":/home/ada:/bin/bash$" "$line"
is "a private group" "ada:x:$PERSON_UID:" "$(host_run "$HOST" getent group "$PERSON_UID")"
refused "nobody else" '^$' host_run "$HOST" getent passwd adam
is "root comes first and once" "root:x:0:0:root:/root:/bin/bash" \
	"$(host_run "$HOST" getent passwd | grep ^root:)"
like "root reads the shadow entry: yescrypt" '^ada:\$y\$' "$(host_run "$HOST" getent shadow ada)"
is "nobody else does" "" "$(host_run "$HOST" runuser -u nobody -- getent shadow ada)"

# logins
is "login by the provider's key" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"
is "login by password" ada "$(host_ssh "$HOST" ada password:secret-1 id -un)"
refused "a wrong password is refused" 'Permission denied' \
	host_ssh "$HOST" ada password:secret-2 true
refused "a foreign key is refused" 'Permission denied' host_ssh "$HOST" ada "$T_DIR/own" true
is "the session starts at home" /home/ada "$(host_ssh "$HOST" ada "$T_DIR/key" pwd)"
is "home is the person's own" "ada:ada" "$(host_run "$HOST" stat -c %U:%G /home/ada)"
is "the session has a login uid" "$PERSON_UID" \
	"$(host_ssh "$HOST" ada "$T_DIR/key" cat /proc/self/loginuid)"
like "the session is in the person's slice" "user-$PERSON_UID.slice/session-" \
	"$(host_ssh "$HOST" ada "$T_DIR/key" cat /proc/self/cgroup)"
refused "the person is no sudoer" 'not (in the sudoers|allowed)|may not run' \
	host_ssh "$HOST" ada "$T_DIR/key" "echo secret-1 | sudo -S -p '' id -un"
refused "a password the provider owns is not changed here" '[a-z]' \
	host_ssh "$HOST" ada "$T_DIR/key" 'printf "secret-1\nNew-pass-77\nNew-pass-77\n" | passwd'
is "… and still is what it was" ada "$(host_ssh "$HOST" ada password:secret-1 id -un)"

# groups
scim_add_group Engineering
sent "POST a group" 201
group=$(scim_id)
scim_add_member "$group" "$ID" ada@corp.example
like "PATCH adds a member" '^20[04]$' "$SCIM_STATUS"
like "the group resolves with its member" '^engineering:x:[0-9]+:ada$' \
	"$(host_run "$HOST" getent group engineering)"
like "id shows it" '\(engineering\)' "$(host_run "$HOST" id ada)"
like "so does a session" 'engineering' "$(host_ssh "$HOST" ada "$T_DIR/key" id -Gn)"

# the mover
scim GET "/Users/$ID"
scim PUT "/Users/$ID" "$(jq -c '.userName = "countess@corp.example"' <<<"$SCIM_BODY")"
sent "PUT renames" 200
like "the new name has the old uid and home" \
	"^countess:[^:]*:$PERSON_UID:$PERSON_UID:[^:]*:/home/ada:" \
	"$(host_run "$HOST" getent passwd countess)"
refused "the old name is nobody's" '^$' host_run "$HOST" getent passwd ada
is "login under the new name" countess "$(host_ssh "$HOST" countess "$T_DIR/key" id -un)"
refused "the old name is refused" 'Permission denied' host_ssh "$HOST" ada "$T_DIR/key" true
scim_add_group "Linux Admins"
sent "POST the role's group" 201
admins=$(scim_id)
scim_add_member "$admins" "$ID" countess@corp.example
like "the role grants sudo" '(^| )sudo( |$)' "$(host_run "$HOST" id -Gn countess)"
is "sudo works" root \
	"$(host_ssh "$HOST" countess "$T_DIR/key" "echo secret-1 | sudo -S -p '' id -un" 2>&1)"
is "the local group's own line is as it was" "sudo:x:27:" \
	"$(host_run "$HOST" grep ^sudo: /etc/group)"

# losing the role ends the sessions that carry its gid
log_in countess 'true'
scim_remove_member "$admins" "$ID"
like "PATCH removes the member" '^20[04]$' "$SCIM_STATUS"
is "the role is gone" "" "$(host_run "$HOST" id -Gn countess | tr ' ' '\n' | grep -x sudo)"
is "no process carries the lost gid" "" "$(scim_pids "$PERSON_UID" |
	while read -r pid; do grep -s '^Groups:.*\b27\b' "/proc/$pid/status"; done)"
is "the person still gets in" countess "$(host_ssh "$HOST" countess "$T_DIR/key" id -un)"
t_end
