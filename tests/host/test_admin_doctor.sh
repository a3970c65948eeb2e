#!/bin/bash
# scimctl doctor: a healthy host has no failure; each thing broken on purpose is found, with a fix,
# and the exit code says so.
# shellcheck disable=SC2016 source=people.sh
. "$(dirname "$(readlink -f "$0")")/people.sh"
people_setup
person ada || t_end

doctor() {
	host_run "$HOST" scimctl doctor --json 2>/dev/null
}
# Lines of one check with one status: found CHECK STATUS
found() {
	doctor | jq -r --arg check "$1" --arg status "$2" \
		'.checks[] | select(.check == $check and .status == $status) | "\(.detail) -- \(.fix)"'
}
# broken WHAT CHECK PATTERN BREAK MEND: after BREAK the check fails and says PATTERN; MEND mends it.
broken() {
	host_run "$HOST" sh -c "$4" >/dev/null 2>&1
	like "$1 is found" "$3" "$(found "$2" failure)"
	ok "$1: the exit code says it" eval '! host_run "$HOST" scimctl doctor'
	host_run "$HOST" sh -c "$5" >/dev/null 2>&1
	[ "$2" != scimd ] || scim_ready
	is "$1: and mended" "" "$(found "$2" failure)"
}

ok "a healthy host: exit code 0" host_run "$HOST" scimctl doctor
is "… and no failure" "" "$(doctor | jq -r '.checks[] | select(.status == "failure") | .detail')"
like "every service denies the canary" '^(1[0-9]|[2-9][0-9])$' \
	"$(found pam ok | grep -c 'denies the canary --')"
for service in sshd login su sudo cron atd; do
	like "$service is asked" "^$service denies" "$(found pam ok)"
done
like "the canary resolves without a shell" ':/usr/sbin/nologin$' \
	"$(host_run "$HOST" getent passwd scim-canary)"
like "the last push" 'that of okta was at' "$(found 'last push' ok)"
like "the certificate" 'ends in [0-9]+ days' "$(found certificate ok)"
like "text has fixes for people" 'self-signed' "$(host_run "$HOST" scimctl doctor -q)"
scim POST /Users "$(scim_user scim-canary@corp.example Ca Nary)"
sent "nobody gets the canary's name" 400
like "… says why" 'reserved' "$SCIM_BODY"

scim_active "$ID" false
host_run "$HOST" sh -c 'mkdir -p /home/ada/.ssh; echo key >/home/ada/.ssh/authorized_keys'
like "own keys of who may not be here" 'keeps out 1 who' "$(found sshd ok)"

broken "a service without the account line" pam '^t-open lets the canary in.*enable pam' \
	'printf "account required pam_permit.so\n" >/etc/pam.d/t-open' 'rm /etc/pam.d/t-open'
broken "an account line that ignores the denial" pam '^t-hole lets the canary in' \
	'printf "account [default=ignore] pam_scim.so\naccount required pam_permit.so\n" \
		>/etc/pam.d/t-hole' 'rm /etc/pam.d/t-hole'
broken "nsswitch without scim" nsswitch 'passwd does not ask scim.*enable nss' \
	'cp /etc/nsswitch.conf /root/n; sed -i "/^passwd/s/ scim//" /etc/nsswitch.conf' \
	'cp /root/n /etc/nsswitch.conf'
broken "nsswitch in the wrong order" nsswitch 'before local files' \
	'cp /etc/nsswitch.conf /root/n; sed -i "s/^passwd:.*/passwd: scim files/" /etc/nsswitch.conf' \
	'cp /root/n /etc/nsswitch.conf'
broken "UsePAM no" sshd 'UsePAM is no' \
	'cp /etc/ssh/sshd_config /root/s; sed -i "1i UsePAM no" /etc/ssh/sshd_config' \
	'cp /root/s /etc/ssh/sshd_config'
broken "an open configuration" files 'scimd.conf belongs to .*chmod 0640' \
	'chmod 0666 /etc/scimd/scimd.conf' 'chmod 0640 /etc/scimd/scimd.conf'
broken "drop-ins that scimd could not read" files 'conf.d belongs to .*chmod 2750' \
	'chmod 0750 /etc/scimd/scimd.conf.d; chmod g-s /etc/scimd/scimd.conf.d' \
	'chmod 2750 /etc/scimd/scimd.conf.d'
broken "a bad configuration" configuration 'zz.conf:1' \
	'echo nonsense >/etc/scimd/scimd.conf.d/zz.conf' 'rm /etc/scimd/scimd.conf.d/zz.conf'
broken "scimd stopped" scimd 'does not answer.*systemctl restart' \
	'systemctl stop scimd' 'systemctl start scimd'
host_run "$HOST" systemctl stop scimd
is "… and that is complained about once" 1 \
	"$(host_run "$HOST" scimctl doctor 2>&1 | grep -c 'scimd does not run')"
host_run "$HOST" systemctl start scimd
scim_ready
host_run "$HOST" mv /etc/ssh/sshd_config.d/50-scim.conf /root/
like "no AuthorizedKeysCommand is a warning" 'enable ssh' "$(found sshd warning)"
host_run "$HOST" mv /root/50-scim.conf /etc/ssh/sshd_config.d/
# A small range has a canary too; a tiny one has not, and that is said as it is.
small() {
	printf '[identity]\nuid_range = 70000-%s\n' "$1" | scim_configure range
	scim_reload
}
small 70100
ok "a canary in a hundred numbers" t_wait 20000 eval \
	'[ "$(host_run "$HOST" id -u scim-canary)" = 70100 ] && [[ $(found directory ok) = *"holds the canary"* ]]'
is "… is the last of them" 70100 "$(host_run "$HOST" id -u scim-canary)"
small 70099
ok "none in fewer" t_wait 20000 eval '[[ $(found directory warning) = *"uid_range is too small"* ]]'
t_local_user grace local-pw "$T_DIR/own"
refused "not for everybody" 'only root' host_run "$HOST" runuser -u grace -- scimctl doctor
t_end
