#!/bin/bash
# A host that asks SSSD already: enable beside it, people of both get in, a leaver does not although
# SSSD is in the stack; each part of it alone, on and off; and disable leaves every file of the host's
# own as it was, byte for byte.
# shellcheck disable=SC2016 source=people.sh
. "$(dirname "$(readlink -f "$0")")/people.sh"
# shellcheck source=../docs/world.sh
. "$here/../docs/world.sh"
t_boot "$HOST"
t_key "$T_DIR/key"
t_key "$T_DIR/own"
PUBLIC_KEY=$(cat "$T_DIR/key.pub")
t_root_key "$T_DIR/own"
ok "SSSD is installed" packages sssd-common libnss-sss libpam-sss

# carol is nobody's but SSSD's: its own passwd file stands for a directory.
host_run "$HOST" sh -c 'set -e; umask 077
	cat >/etc/sssd/sssd.conf
	install -d -m 0755 /etc/sssd/corp
	echo "carol:x:20000:20000:Carol:/home/carol:/bin/bash" >/etc/sssd/corp/passwd
	echo "carol:x:20000:" >/etc/sssd/corp/group
	chmod 0644 /etc/sssd/corp/*
	systemctl enable sssd; systemctl restart sssd' <<-END >"$T_DIR/sssd" 2>&1
	[sssd]
	services = nss, pam
	domains = corp
	[domain/corp]
	id_provider = files
	pwfield = *
	passwd_files = /etc/sssd/corp/passwd
	group_files = /etc/sssd/corp/group
	access_provider = permit
END
ok "SSSD knows carol" t_wait 60000 host_run "$HOST" getent passwd carol
host_run "$HOST" sh -c 'install -d -m 0700 -o 20000 -g 20000 /home/carol /home/carol/.ssh
	cat >/home/carol/.ssh/authorized_keys' <"$T_DIR/own.pub"

# files: every byte that enable may touch, with modes and owners.
files() {
	host_run "$HOST" sh -c 'cd /; tar --sort=name -c etc/nsswitch.conf etc/pam.d etc/ssh \
		etc/sssd | tar -tv; tar --sort=name --mtime=@0 -c etc/nsswitch.conf etc/pam.d etc/ssh \
		etc/sssd | sha256sum' | awk '{ $4 = ""; $5 = ""; print }'
}
before=$(files)
like "SSSD is asked, and we are not" 'files.* sss' "$(host_run "$HOST" grep ^passwd: /etc/nsswitch.conf)"
is "carol is in before" carol "$(host_ssh "$HOST" carol "$T_DIR/own" id -un)"

ok "install" scim_install
scim_configure_usual
ok "start" host_run "$HOST" systemctl restart scimd
scim_connect okta || t_fail "connect"
person ada
ctl() {
	ctl_sshd "$@"
}
both_in() {
	is "$1: ada is in" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"
	is "$1: carol is in" carol "$(host_ssh "$HOST" carol "$T_DIR/own" id -un)"
	is "$1: root is in" root "$(host_ssh "$HOST" root "$T_DIR/own" id -un)"
}
both_in "installed"
ok "SSSD stands before us" host_run "$HOST" grep -qE '^passwd:.* sss scim' /etc/nsswitch.conf
on=$(files)
is "enable again changes nothing" "$on" "$(ctl enable >"$T_DIR/out"; files)"
like "copies are kept" 'nsswitch.conf.before' "$(host_run "$HOST" ls /var/lib/libnss-scim)"

# A leaver is out by the whole stack, whatever SSSD says in it.
person leaver
host_run "$HOST" su - leaver -c true
scim_active "$ID" false
refused "a leaver is out of ssh" 'Permission denied' host_ssh "$HOST" leaver "$T_DIR/key" true
for service in sshd su login sudo cron; do
	refused "a leaver is out of $service" '.' host_run "$HOST" pamtester "$service" leaver acct_mgmt
	ok "carol is not out of $service" host_run "$HOST" pamtester "$service" carol acct_mgmt
done

# Each part alone.
is "disable ssh" "ssh: disabled" "$(ctl disable ssh)"
refused "… ada's key is not asked for" 'Permission denied' host_ssh "$HOST" ada "$T_DIR/key" true
is "… carol is in" carol "$(host_ssh "$HOST" carol "$T_DIR/own" id -un)"
is "enable ssh" "ssh: enabled" "$(ctl enable ssh)"
is "disable pam" "pam: disabled" "$(ctl disable pam)"
is "… carol is in" carol "$(host_ssh "$HOST" carol "$T_DIR/own" id -un)"
is "enable pam" "pam: enabled" "$(ctl enable pam)"
is "disable nss" "nss: disabled" "$(ctl disable nss)"
refused "… ada is not known" '^$' host_run "$HOST" getent passwd ada
is "… carol is" 20000 "$(host_run "$HOST" id -u carol)"
is "enable nss" "nss: enabled" "$(ctl enable nss)"
is "all parts are as before" "$on" "$(files)"
both_in "each part off and on"

ok "disable" ctl disable
is "every byte is as before we came" "$before" "$(files)"
is "carol is in after" carol "$(host_ssh "$HOST" carol "$T_DIR/own" id -un)"
ok "disable again" ctl disable
is "… changes nothing" "$before" "$(files)"
ok "enable" ctl enable
is "… is as it was" "$on" "$(files)"
both_in "enabled again"
host_run "$HOST" sh -c 'DEBIAN_FRONTEND=noninteractive dpkg --purge scimd libpam-scim libnss-scim' \
	>"$T_DIR/purge" 2>&1
is "purged: every byte is as before we came" "$before" "$(files)"
is "purged: carol is in" carol "$(host_ssh "$HOST" carol "$T_DIR/own" id -un)"
t_end
