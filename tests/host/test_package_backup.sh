#!/bin/bash
# Backup while pushes run, restore on another host and on the same one: numbers, events, receipts and locks
# are the same there, and nobody is let in again silently.
# shellcheck disable=SC2016 source=package.sh
. "$(dirname "$(readlink -f "$0")")/package.sh"
package_setup
ok "install" package_install
package_connect okta

scim_add_group "Linux Admins"
admins=$(scim_id)
person ada secret-1
ada_id=$ID ada_uid=$PERSON_UID
scim_add_member "$admins" "$ID" ada@corp.example
person brian secret-1
scim_active "$ID" false
sent "somebody left" 200
person carl secret-1
ok "somebody is locked" host_run "$HOST" scimctl lock carl --reason lost
person dora secret-1
dora_id=$ID

at_last() {
	scim_ready
	t_wait 30000 host_run "$HOST" getent passwd ada
}
# What must be the same elsewhere, once everybody is confirmed: shells and groups as well.
state() {
	host_run "$HOST" sh -c 'getent passwd ada brian carl dora; getent group linux-admins; id -G ada
		getent passwd | grep "^during"; scimctl groups --json
		scimctl users --json |
			jq -S "map(del(.last_login, .last_login_service, .last_login_from, .changed))"
		scimctl ids export
		scimctl receipt brian --json; scimctl receipt carl --json' 2>&1
}
events() {
	host_run "$HOST" scimctl events --json -n 1000 | jq -cS '.[]'
}

# People are created all the time while the backup is made.
rm -f "$T_DIR/enough"
(
	n=0
	while [ ! -e "$T_DIR/enough" ]; do
		n=$((n + 1))
		scim_add_user "during$n@corp.example" During Tester || echo "push $n: $(scim_said)"
		echo "$n"
	done
) >"$T_DIR/pushes" 2>&1 &
pusher=$!
t_wait 60000 grep -q 5 "$T_DIR/pushes"
before=$(tail -n 1 "$T_DIR/pushes")
ok "a backup" host_run "$HOST" scimctl backup /root/backup
after=$(tail -n 1 "$T_DIR/pushes")
touch "$T_DIR/enough"
wait $pusher
is "every push was accepted meanwhile" "" "$(grep push "$T_DIR/pushes")"
ok "the sums are right" host_run "$HOST" sh -c 'cd /root/backup && sha256sum --strict --quiet -c SHA256SUMS'
is "only root may look into it" "700 root:root" "$(host_run "$HOST" stat -c '%a %U:%G' /root/backup)"
is "no file in it is for others" "" "$(host_run "$HOST" find /root/backup -type f -perm /077)"
is "nothing is left beside the store" "" "$(host_run "$HOST" sh -c 'ls -d /var/lib/scimd/db/backup 2>/dev/null')"
refused "a backup does not replace another" 'is there already' host_run "$HOST" scimctl backup /root/backup
users=$(host_run "$HOST" jq .users /root/backup/manifest.json)
ok "it has all of a moment: $users people, between $before and $after of those pushed" \
	test "$users" -ge $((before + 4)) -a "$users" -le $((after + 5))
like "it says which version made it" '"version":' "$(host_run "$HOST" cat /root/backup/manifest.json)"
like "it has the token's hash, and no token" '^token_sha256 = [0-9a-f]{64}' \
	"$(host_run "$HOST" cat /root/backup/conf.d/connection-okta.conf)"

# The host as of the backup: what came later is taken away, but for the numbers.
for ((n = users - 3; n <= $(tail -n 1 "$T_DIR/pushes"); n++)); do
	id=$(host_run "$HOST" scimctl user "during$n" --json 2>/dev/null | jq -r .id)
	[ "$id" = null ] || [ -z "$id" ] || scim DELETE "/Users/$id"
done
kept=$(state)
like "there is a state" 'linux-admins.*ada' "$kept"
log=$(events | head -n 12)

# Later somebody leaves, and somebody comes.
scim_active "$dora_id" false
sent "dora left after the backup" 200
person eve secret-1
eve_uid=$PERSON_UID
log_in ada true
session=$LOGIN

# Nothing that is not whole is put in place.
main_pid() {
	host_run "$HOST" systemctl show -P MainPID scimd
}
pid=$(main_pid)
host_run "$HOST" sh -c 'cp -r /root/backup /root/damaged
	printf x | dd of=/root/damaged/store/resource.db bs=1 seek=5000 conv=notrunc 2>/dev/null
	cp -r /root/backup /root/newer; cd /root/newer
	sed -i "s/\"store_format\": *[0-9]*/\"store_format\": 99/" manifest.json
	sha256sum store/* conf/* conf.d/* tls/* ids.json manifest.json >SHA256SUMS
	cp -r /root/backup /root/part; rm /root/part/store/meta.db
	cp -r /root/backup /root/linked; cd /root/linked/conf; mv scimd.conf x; ln -s x scimd.conf'
refused "a damaged backup is refused" 'resource.db: damaged' host_run "$HOST" scimctl restore /root/damaged
refused "one of another version is refused" 'install that version' host_run "$HOST" scimctl restore /root/newer
refused "a part of one is refused" 'meta.db: No such file' host_run "$HOST" scimctl restore /root/part
refused "one with a link is refused" 'scimd.conf: ' host_run "$HOST" scimctl restore /root/linked
refused "what is none is refused" 'no backup' host_run "$HOST" scimctl restore /etc
is "and scimd was not even stopped" "$pid" "$(main_pid)"

# On the same host: who is in stays in, who left since stays out.
ok "restored here" host_run "$HOST" scimctl restore /root/backup
at_last
is "a session went on all the time" ada "$(kill -0 "$session" && echo ada)"
is "who is in stays in" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"
refused "who left since the backup stays out" 'Permission denied' host_ssh "$HOST" dora "$T_DIR/key" true
is "… and is to be confirmed" unconfirmed "$(host_run "$HOST" scimctl user dora --json | jq -r .status)"
# carl is locked, and held besides.
is "so says the status" 2 "$(host_run "$HOST" scimctl status --json | jq .unconfirmed)"
scim GET "/Users/$dora_id"
is "the identity provider sees that she is inactive" false "$(jq .active <<<"$SCIM_BODY")"
is "who came after the backup is known by name" "$eve_uid" "$(host_run "$HOST" id -u eve)"
refused "… and not let in" 'Permission denied' host_ssh "$HOST" eve "$T_DIR/key" true
person frank secret-1
ok "nobody gets the number of who came after the backup ($PERSON_UID)" test "$PERSON_UID" -gt "$eve_uid"
is "what was there is kept" 1 "$(host_run "$HOST" sh -c 'ls -d /var/lib/scimd/db.before-*' | wc -l)"
is "the configuration is the host's" 1 "$(host_run "$HOST" sh -c 'ls -d /etc/scimd/scimd.conf.d*' | wc -l)"
is "the canary is as before" 1 "$(host_run "$HOST" getent passwd | grep -c ^scim-canary)"
person eve secret-1
is "who came after the backup comes back with the number" "$eve_uid" "$PERSON_UID"
is "… and is in" eve "$(host_ssh "$HOST" eve "$T_DIR/key" id -un)"
scim_active "$dora_id" true
sent "the identity provider confirms her" 200
is "… and she is in" dora "$(host_ssh "$HOST" dora "$T_DIR/key" id -un)"
is "… as before" "$(grep ^dora:.*Tester <<<"$kept")" "$(host_run "$HOST" getent passwd dora)"

# The store is lost without a backup: an empty one gives everybody their number back.
host_run "$HOST" sh -c 'systemctl stop scimd; rm -rf /var/lib/scimd/db; systemctl start scimd'
at_last
t_wait 30000 eval 'host_run "$HOST" getent passwd ada | grep -q :/usr/sbin/nologin'
is "without a store: files keep their owners' names" ada "$(host_run "$HOST" stat -c %U /home/ada)"
refused "without a store: nobody is let in" 'Permission denied' host_ssh "$HOST" ada "$T_DIR/key" true
person new1 secret-1
ok "without a store: a new person gets a new number" test "$PERSON_UID" -gt "$eve_uid"
person ada secret-1
is "without a store: who comes back has the old one" "$ada_uid" "$PERSON_UID"
is "without a store: … and their home" ada "$(host_ssh "$HOST" ada "$T_DIR/key" 'touch here && stat -c %U here')"

# On another host: nobody is in until confirmed.
first=$HOST HOST=$HOST-b
t_boot "$HOST"
host_run "$HOST" mkdir -p /root/debs /root/backup
for name in scimd libnss-scim libpam-scim; do
	host_push "$HOST" "$(scim_debs | grep "/${name}_")" "/root/debs/$name.deb"
done
host_run "$first" tar -C /root/backup -c . | host_run "$HOST" tar -C /root/backup -x
ok "another host" package_install
ok "restored there" host_run "$HOST" scimctl restore /root/backup
at_last
SCIM_ADDRESS=$(host_address "$HOST")
scim GET "/Users/$ada_id"
sent "the identity provider's token and certificate are as before" 200
is "there: the numbers are the same" "$(grep -E '^(ada|brian|carl|dora|during[0-9]+):.*Tester' <<<"$kept" | cut -d : -f 1-6)" \
	"$(host_run "$HOST" getent passwd | grep -E '^(ada|brian|carl|dora|during[0-9]+):' | sort -t : -k 3n | cut -d : -f 1-6)"
refused "there: nobody is let in" 'Permission denied' host_ssh "$HOST" ada "$T_DIR/key" true
like "there: the sentence says why" 'not confirmed by the identity provider since' \
	"$(host_run "$HOST" scimctl user ada --json | jq -r .reason)"
ok "there: the log says it" t_wait 20000 t_journal 'people have to be confirmed' -u scimd
is "there: the events are the same" "$log" "$(events | head -n 12)"
is "there: the last one tells of the restore" store.restored "$(host_run "$HOST" scimctl events --json -n 1 | jq -r '.[0].type')"
ok "there: somebody is confirmed" host_run "$HOST" scimctl confirm ada
is "there: … and is in" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"
refused "there: … once" 'does not wait' host_run "$HOST" scimctl confirm ada
refused "there: nobody else is" 'Permission denied' host_ssh "$HOST" dora "$T_DIR/key" true
ok "there: everybody is confirmed" host_run "$HOST" scimctl confirm --all
is "there: nobody is left to be" 0 "$(host_run "$HOST" scimctl status --json | jq .unconfirmed)"
is "there: all is the same" "$kept" "$(state)"
refused "there: who was locked is locked" 'Permission denied' host_ssh "$HOST" carl "$T_DIR/key" true
person gina secret-1
ok "there: a new person gets a number beyond those that may have been given ($PERSON_UID)" \
	test "$PERSON_UID" -gt $((eve_uid + 500))
t_end
