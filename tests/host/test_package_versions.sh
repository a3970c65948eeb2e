#!/bin/bash
# An upgrade whose scimd does not know the store's format, and back; and a directory of another format.
# Nothing is changed before a refusal, lookups, logins and denials go on, and apt is not broken.
# shellcheck disable=SC2016 source=package.sh
. "$(dirname "$(readlink -f "$0")")/package.sh"
build=$(dirname "$SCIM_DEBS")

# other_deb VERSION FORMAT: the packages with a scimd of another store format, as a later version.
other_deb() {
	local name dir other=$T_DIR/other/build
	# What is built already, but for what the format is compiled into, and what is older than its headers: make
	# knows these by the objects' old place.
	mkdir -p "$other" && cp -a "$build/obj" "$build/lib" "$other/" &&
		find "$other/obj" -name '*.d' -exec sed -i -E "s|^[^ :]*obj/|$other/obj/|" {} + &&
		rm "$other"/obj/scimd/store/{format,backup}.o "$other/lib/store.a" &&
		env -u MAKEFLAGS -u MAKELEVEL make -s -C "$SCIM_TOP" BUILD="$other" \
			EXTRA_CFLAGS="-DSTORE_FORMAT=$2u" "$other/scimd" || return
	for name in scimd libnss-scim libpam-scim; do
		dir=$T_DIR/other/$name
		rm -rf "$dir"
		dpkg-deb -R "$(scim_debs | grep "/${name}_")" "$dir" &&
			sed -i -E "s/^Version: .*/Version: $1/; s/\(= [^)]*\)/(= $1)/g" \
				"$dir/DEBIAN/control" || return
		[ $name != scimd ] || install -m 0755 "$other/scimd" "$dir/usr/sbin/scimd"
		dpkg-deb --root-owner-group -b "$dir" "$T_DIR/other/$name.deb" >/dev/null &&
			host_push "$HOST" "$T_DIR/other/$name.deb" "/root/debs/other-$name.deb" || return
	done
}
other_install() {
	package_run apt-get install -y -q --no-install-recommends \
		/root/debs/other-scimd.deb /root/debs/other-libnss-scim.deb /root/debs/other-libpam-scim.deb
}

package_setup
ok "install" package_install
package_connect okta
person ada secret-1
ada_id=$ID ada_uid=$PERSON_UID
person brian secret-1
scim_active "$ID" false
sent "somebody left" 200
log_in ada true
session=$LOGIN
ok "packages with another store format" other_deb 0.9.9-1 99

people() {
	host_run "$HOST" sh -c 'getent passwd | grep -E "^(ada|brian):"; id ada; getent group ada'
}
tables() {
	host_run "$HOST" sh -c 'cd /var/lib/scimd/db && sha256sum *.db'
}
before=$(people)
host_run "$HOST" systemctl stop scimd
stopped=$(tables)

# What holds while scimd refuses the store: refuses WHEN
refuses() {
	ok "$1: the journal says it in a sentence" t_wait 20000 t_journal \
		'was made by another version of scimd.* nothing was changed, install that version' -u scimd
	is "$1: the unit does not try again and again" "ActiveState=failed ExecMainStatus=78 NRestarts=0" \
		"$(host_run "$HOST" systemctl show scimd -p ActiveState -p ExecMainStatus -p NRestarts |
			sort | paste -sd ' ')"
	ok "$1: the warden runs" host_run "$HOST" systemctl -q is-active scimd-warden
	is "$1: lookups go on" "$before" "$(people)"
	is "$1: logins go on" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"
	refused "$1: denials go on" 'Permission denied' host_ssh "$HOST" brian "$T_DIR/key" true
	locals_work "$1"
	is "$1: a session stays" 0 "$(kill -0 "$session"; echo $?)"
	is "$1: nothing is half installed" "" "$(host_run "$HOST" dpkg --audit)"
	scim GET "/Users/$ada_id"
	is "$1: a push gets no answer, so that it is sent again" 000 "$SCIM_STATUS"
}

ok "upgrade: apt succeeds" other_install
is "upgrade: it is there" 0.9.9-1 "$(host_run "$HOST" dpkg-query -W -f '${Version}' scimd)"
t_wait 30000 host_run "$HOST" systemctl -q is-failed scimd
refuses "upgrade"
is "upgrade: no table was changed" "$stopped" "$(tables)"
ok "back: apt succeeds" package_install
host_run "$HOST" systemctl reset-failed scimd
host_run "$HOST" systemctl start scimd
scim_ready
scim GET "/Users/$ada_id"
sent "back: pushes are taken" 200
is "back: everybody is there" "$before" "$(people)"
person carl secret-1

# The other way round: a store of the later version, and this one.
ok "again: apt succeeds" other_install
host_run "$HOST" sh -c 'systemctl stop scimd; cp -a /var/lib/scimd/db /root/db; rm -rf /var/lib/scimd/db
	journalctl --rotate -q; journalctl --vacuum-time=1s -q; systemctl reset-failed scimd; systemctl start scimd'
ok "the later version makes a store of its own" host_run "$HOST" systemctl -q is-active scimd
# Its empty store lets nobody in, and shuts nobody out of their names.
is "… files keep their owners' names" "$ada_uid" "$(host_run "$HOST" id -u ada)"
host_run "$HOST" systemctl stop scimd
stopped=$(tables)
ok "downgrade: apt succeeds" package_install
t_wait 30000 host_run "$HOST" systemctl -q is-failed scimd
ok "downgrade: the journal says it" t_wait 20000 t_journal 'was made by another version of scimd' -u scimd
is "downgrade: no table was changed" "$stopped" "$(tables)"
locals_work "downgrade"
host_run "$HOST" sh -c 'rm -rf /var/lib/scimd/db; mv /root/db /var/lib/scimd/db
	systemctl reset-failed scimd; systemctl start scimd'
scim_ready
scim GET "/Users/$ada_id"
sent "the former store back: pushes are taken" 200
is "… everybody is there" "$before" "$(people)"
ok "… a login" t_wait 20000 host_ssh "$HOST" ada "$T_DIR/key" true

# A directory of another format is made anew from the store; nothing else looks at it meanwhile.
for format in 0 99; do
	host_run "$HOST" sh -c 'systemctl stop scimd scimd-warden
		printf "\\$1" | dd of=/var/lib/scimd/public/directory bs=1 seek=8 conv=notrunc 2>/dev/null' - \
		"$(printf %o $format)"
	sleep 0.6 # readers look at the file four times a second
	locals_work "directory of format $format"
	refused "directory of format $format: nobody of ours gets in by it" 'Permission denied' \
		host_ssh "$HOST" ada "$T_DIR/key" true
	ok "directory of format $format: both start" host_run "$HOST" systemctl start scimd-warden scimd
	scim_ready
	ok "directory of format $format: made anew" t_wait 20000 host_run "$HOST" getent passwd ada
	is "directory of format $format: … as before" "$before" "$(people)"
	ok "directory of format $format: … a login" t_wait 20000 host_ssh "$HOST" ada "$T_DIR/key" true
done
scim_active "$ada_id" false
sent "an offboarding after all" 200
is "… is one" "" "$(scim_pids "$ada_uid")"
t_end
