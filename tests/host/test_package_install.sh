#!/bin/bash
# The packages one by one in each order, on a host where systemd does not run (as in a chroot), and
# their removal, purge and return.
# shellcheck disable=SC2016 source=package.sh
. "$(dirname "$(readlink -f "$0")")/package.sh"
package_setup

orders=("scimd libnss-scim libpam-scim" "scimd libpam-scim libnss-scim"
	"libnss-scim scimd libpam-scim" "libnss-scim libpam-scim scimd"
	"libpam-scim scimd libnss-scim" "libpam-scim libnss-scim scimd")
for order in "${orders[@]}"; do
	# Before its dependencies a package is unpacked and waits: dpkg says so and fails.
	for name in $order; do
		package_run dpkg -i "/root/debs/$name.deb" >"$T_DIR/dpkg" 2>&1
	done
	ok "$order: configured" package_run dpkg --configure -a
	package_works "$order"
	ok "$order: purged" package_purge
	package_gone "$order, purged"
	# The next order finds a host that never had a ledger.
	host_run "$HOST" rm -rf /var/lib/scimd
done

# systemd does not run: what maintainer scripts see in a chroot or an image build.
no_systemd() {
	host_run "$HOST" unshare --mount sh -c 'mount -t tmpfs tmpfs /run &&
		exec env DEBIAN_FRONTEND=noninteractive "$@"' - "$@" </dev/null
}
ok "chroot: installed" no_systemd apt-get install -y -q --no-install-recommends \
	/root/debs/scimd.deb /root/debs/libnss-scim.deb /root/debs/libpam-scim.deb
refused "chroot: nothing was started" 'inactive' host_run "$HOST" systemctl is-active scimd
is "chroot: a local lookup" grace "$(host_run "$HOST" id -un grace)"
refused "chroot: a lookup of nobody" '^$' host_run "$HOST" getent passwd nobody-here
# What the next boot does.
ok "chroot: folders" host_run "$HOST" systemd-tmpfiles --create scimd.conf
ok "chroot: units" host_run "$HOST" sh -c 'systemctl daemon-reload &&
	systemctl start scimd-warden scimd; systemctl reload ssh'
package_works "chroot, booted"

# Removed: state and configuration stay. Purged: state goes, but for the ledger and the homes.
package_connect okta
person ada secret-1
old_uid=$PERSON_UID
log_in ada true
ok "the timer runs" host_run "$HOST" systemctl start scimd-metrics.timer
ok "PAM is changed by hand" host_run "$HOST" sh -c 'scimctl disable pam && scimctl enable pam'
ok "removed" package_run apt-get remove -y -q scimd libnss-scim libpam-scim
package_gone "removed"
is "removed: no copies of PAM's files are left" "" "$(host_run "$HOST" sh -c 'ls -d /var/lib/libpam-scim 2>/dev/null')"
refused "removed: the timer has ended" 'inactive|unknown' host_run "$HOST" systemctl is-active scimd-metrics.timer
refused "removed: the person is unknown" '^$' host_run "$HOST" getent passwd ada
ok "removed: the configuration stays" host_run "$HOST" \
	test -s /etc/scimd/scimd.conf.d/connection-okta.conf
is "removed: files keep their number" "$old_uid" "$(host_run "$HOST" stat -c %u /home/ada)"
ok "back" package_install
package_works "back"
is "back: the person has the old uid" "$old_uid" "$(host_run "$HOST" id -u ada)"
is "back: the person gets in" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"
scim_ready
scim_active "$ID" true
sent "back: the token still works" 200

# What a restore leaves that is killed on the way.
host_run "$HOST" mkdir -p /var/lib/scimd/tls.new-x /var/lib/scimd/db.new-x /etc/scimd/scimd.conf.d.new-x
out=$(package_purge 2>&1)
is "purge succeeds" 0 $?
like "purge says what stays" 'home directories stay, and so does /var/lib/scimd/db' "$out"
package_gone "purged"
refused "purged: no configuration" 'No such file' host_run "$HOST" ls /etc/scimd
is "purged: only the ledger is left" db "$(host_run "$HOST" ls /var/lib/scimd)"
is "purged: homes stay" "$old_uid" "$(host_run "$HOST" stat -c %u /home/ada)"
ok "after purge: installed" package_install
package_works "after purge"
package_connect entra
person brian secret-1
ok "after purge: a new person does not get a uid that files carry" \
	test "$PERSON_UID" -gt 0 -a "$PERSON_UID" != "$old_uid"
t_end
