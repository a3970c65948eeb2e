#!/bin/bash
# scimctl enable and disable: idempotent, exactly undone, on a stock host and on one where SSSD is
# configured; people get in and out with it; root always gets in.
# shellcheck disable=SC2016 source=people.sh
. "$(dirname "$(readlink -f "$0")")/people.sh"
people_setup
person ada || t_end
t_root_key "$T_DIR/own"

ctl() {
	ctl_sshd "$@"
}
files() {
	host_run "$HOST" sh -c 'md5sum /etc/nsswitch.conf /etc/pam.d/common-* /etc/ssh/sshd_config \
		/etc/ssh/sshd_config.d/* 2>/dev/null'
}
# round WHAT: disable and enable, both twice; ada and root at each point.
round() {
	local what=$1 on off
	on=$(files)
	is "$what: enable changes nothing when on" \
		"nss: was enabled already pam: was enabled already ssh: was enabled already" \
		"$(ctl enable | xargs)"
	is "$what: … really" "$on" "$(files)"
	is "$what: disable" "ssh: disabled pam: disabled nss: disabled" "$(ctl disable | xargs)"
	off=$(files)
	is "$what: scim is nowhere" "" "$(host_run "$HOST" grep -lr scim /etc/nsswitch.conf \
		/etc/pam.d /etc/ssh 2>/dev/null)"
	ok "$what: disable again" ctl disable
	is "$what: … changes nothing" "$off" "$(files)"
	refused "$what: ada is out" 'Permission denied' host_ssh "$HOST" ada "$T_DIR/key" true
	is "$what: root is in" root "$(host_ssh "$HOST" root "$T_DIR/own" id -un)"
	is "$what: enable" "nss: enabled pam: enabled ssh: enabled" "$(ctl enable | xargs)"
	is "$what: exactly as it was" "$on" "$(files)"
	is "$what: ada is in" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"
	is "$what: root is in still" root "$(host_ssh "$HOST" root "$T_DIR/own" id -un)"
	ok "$what: doctor agrees" ctl doctor
}
round stock

is "one part alone" "ssh: disabled" "$(ctl disable ssh | xargs)"
refused "… its keys are not used" 'Permission denied' host_ssh "$HOST" ada "$T_DIR/key" true
ok "… and back" ctl enable ssh
refused "an unknown part" 'parts are' ctl enable everything
is "… is wrong usage" 2 "$(ctl enable everything >/dev/null 2>&1; echo $?)"

# As the packages of SSSD leave a host: sss behind the others, actions in between.
ok "disable before SSSD comes" ctl disable
host_run "$HOST" sh -c 'cat >/etc/nsswitch.conf' <<-END
	passwd:         files systemd sss
	group:          files systemd sss
	shadow:         files sss     # local first
	hosts:          files dns
	services:       db files sss
	sudoers:        files sss
END
before=$(host_run "$HOST" md5sum /etc/nsswitch.conf)
ok "enable beside SSSD" ctl enable
is "sss stays before us" 3 "$(host_run "$HOST" grep -c 'sss scim' /etc/nsswitch.conf)"
round sssd
ok "disable beside SSSD" ctl disable nss
is "… exactly" "$before" "$(host_run "$HOST" md5sum /etc/nsswitch.conf)"
ok "… enable nss" ctl enable nss

# Somebody who changed PAM by hand is not overruled, and told.
ok "disable pam" ctl disable pam
host_run "$HOST" sed -i 's/^account.*pam_permit.so/& # mine/' /etc/pam.d/common-account
host_run "$HOST" sed -i '/here.s the fallback/d; /pam-auth-update/d' /etc/pam.d/common-account
if host_run "$HOST" scimctl enable pam >"$T_DIR/out" 2>&1; then
	ok "enabled beside a change by hand" \
		host_run "$HOST" grep -q pam_scim.so /etc/pam.d/common-account
else
	like "a change by hand is not overruled" 'pam-auth-update' "$(cat "$T_DIR/out")"
fi
is "root is in at the end" root "$(host_ssh "$HOST" root "$T_DIR/own" id -un)"
t_local_user grace local-pw "$T_DIR/own"
refused "not for everybody" 'only root' host_run "$HOST" runuser -u grace -- scimctl disable
t_end
