#!/bin/bash
# Backup and restore as docs/operations.md has them, its very commands, also on another host.
# shellcheck disable=SC2016 source=package.sh
. "$(dirname "$(readlink -f "$0")")/package.sh"
package_setup
ok "install" package_install
package_connect okta

# documented HEADING: the first block of commands behind it.
documented() {
	awk -v heading="$1" '
		index($0, heading) { found = 1 }
		found && /^```/ { if (inside) exit; inside = 1; next }
		inside { print }' "$SCIM_TOP/docs/operations.md"
}
backup=$(documented '## Backup')
restore=$(documented '**Restore**')
like "the document says how to save" 'tar -C /var/lib/scimd -cf' "$backup"
like "the document says how to restore" 'tar -C /var/lib/scimd -xf' "$restore"

scim_add_group "Linux Admins"
admins=$(scim_id)
person ada secret-1
ada_id=$ID
scim_add_member "$admins" "$ID" ada@corp.example
person brian secret-1
scim_active "$ID" false
sent "somebody left" 200

# What must be the same afterwards and elsewhere.
state() {
	host_run "$HOST" sh -c 'getent passwd ada brian; getent group linux-admins; id -G ada
		scimctl users --json | jq -S "map(del(.last_login))"; scimctl groups --json
		scimctl receipt brian --json; scimctl events --json -n 1000' 2>&1
}
at_last() {
	t_wait 5000 host_run "$HOST" sh -c '[ "$(scimctl status --json | jq .warden.connected)" = true ]'
	t_wait 5000 host_run "$HOST" getent passwd ada
}
before=$(state)
like "there is a state" 'linux-admins.*ada' "$before"
ok "saved" host_run "$HOST" sh -e -c "$backup"
at_last
is "saving changes nothing" "$before" "$(state)"
host_run "$HOST" cat /var/backups/scimd.tar >"$T_DIR/scimd.tar"

scim DELETE "/Users/$ada_id"
sent "somebody is deleted by mistake" 204
ok "restored" host_run "$HOST" sh -e -c "$restore"
at_last
is "all is as it was" "$before" "$(state)"
scim GET "/Users/$ada_id"
sent "and the identity provider finds it" 200

first=$HOST HOST=$HOST-b
t_boot "$HOST"
host_run "$HOST" mkdir -p /root/debs /var/backups
for name in scimd libnss-scim libpam-scim; do
	host_push "$HOST" "$(scim_debs | grep "/${name}_")" "/root/debs/$name.deb"
done
ok "another host" package_install
host_run "$first" tar -C /etc/scimd -c . | host_run "$HOST" tar -C /etc/scimd -x
host_push "$HOST" "$T_DIR/scimd.tar" /var/backups/scimd.tar
ok "restored there" host_run "$HOST" sh -e -c "$restore"
at_last
is "all is the same there" "$before" "$(state)"
host_destroy "$first"
host_destroy "$HOST"
t_end
