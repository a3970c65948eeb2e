#!/bin/bash
# PAM's denial is final for every service: each file of /etc/pam.d with an account stack, asked
# through the real libpam, and then the real programs: sshd, su, sudo, login, cron, at.
# shellcheck disable=SC2016 source=people.sh
. "$(dirname "$(readlink -f "$0")")/people.sh"
people_setup
person leaver secret-1 || t_end
leaver=$ID
leaver_uid=$PERSON_UID
person stayer secret-1 || t_end
t_local_user grace local-pw "$T_DIR/own"

# cron and at: something due after the deactivation, for each of the three; so not right before a minute ends.
while [ "$(date +%S)" -gt 40 ]; do
	sleep 0.2
done
for name in leaver stayer grace; do
	home=$(host_run "$HOST" getent passwd "$name" | cut -d : -f 6)
	host_run "$HOST" install -d -o "$name" -g "$name" "$home"
	host_run "$HOST" sh -c 'echo "* * * * * echo ran >>/tmp/cron.$1; id -un >>/tmp/cron.$1" |
		crontab -u "$1" -' - "$name"
	host_run "$HOST" runuser -u "$name" -- \
		sh -c 'cd /; echo "echo ran >/tmp/at.$1" | at now + 1 minute' - "$name" 2>/dev/null
done
is "three crontabs" 3 "$(host_run "$HOST" sh -c 'ls /var/spool/cron/crontabs | wc -l')"
is "three jobs of at" 3 "$(host_run "$HOST" atq | wc -l)"
scim_active "$leaver" false
like "PATCH active false" '^20[04]$' "$SCIM_STATUS"
host_run "$HOST" sh -c 'rm -f /tmp/cron.*'

# The account stacks.
asked=0
for service in $(host_run "$HOST" sh -c 'cd /etc/pam.d && grep -lE \
	"^(@include +common-account|account|-account)" $(ls | grep -vE "^(common-|other)")'); do
	asked=$((asked + 1))
	refused "$service: the leaver is denied" '[Dd]enied|failure|expired|locked|not allowed' \
		host_run "$HOST" pamtester "$service" leaver acct_mgmt
	ok "$service: the stayer is not" host_run "$HOST" pamtester "$service" stayer acct_mgmt
	ok "$service: a local user is not" host_run "$HOST" pamtester "$service" grace acct_mgmt
	ok "$service: root is not" host_run "$HOST" pamtester "$service" root acct_mgmt
done
ok "services were asked ($asked)" test "$asked" -ge 6
# Nothing after the denial can turn it into a yes.
host_run "$HOST" sh -c '{ cat /etc/pam.d/common-account; echo "account sufficient pam_permit.so"
	echo "account required pam_permit.so"; } >/etc/pam.d/t-more'
refused "a permit further down changes nothing" '.' \
	host_run "$HOST" pamtester t-more leaver acct_mgmt
ok "… and lets the stayer in" host_run "$HOST" pamtester t-more stayer acct_mgmt

# The programs. The leaver's own processes are not to be had any more, so su and sudo are asked by
# root, or with the uid put on by hand, as somebody would who found a way in.
refused "su" '.' host_run "$HOST" su leaver -s /bin/sh -c 'echo in'
refused "su -" '.' host_run "$HOST" su - leaver -s /bin/sh -c 'echo in'
is "su to the stayer" in "$(host_run "$HOST" su stayer -s /bin/sh -c 'echo in')"
host_run "$HOST" sh -c 'umask 0227; printf "%s ALL=(ALL) NOPASSWD: ALL\n" leaver stayer grace \
	>/etc/sudoers.d/t'
# as_uid NAME CMD…: with the person's uid, without PAM.
as_uid() {
	local name=$1 uid
	shift
	uid=$(host_run "$HOST" id -u "$name")
	host_run "$HOST" setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@"
}
refused "sudo by the leaver" '.' as_uid leaver sudo -n id -un
is "sudo by the stayer" root "$(as_uid stayer sudo -n id -un)"
is "sudo by a local user" root "$(as_uid grace sudo -n id -un)"
log_in_at_tty() {
	host_run "$HOST" timeout 10 script -qec "login -f $1" /dev/null <<<$'echo I-am-$(id -un)\nexit'
}
is "login" 0 "$(log_in_at_tty leaver 2>&1 | grep -c I-am-leaver)"
like "login of the stayer" 'I-am-stayer' "$(log_in_at_tty stayer 2>&1)"
like "login of a local user" 'I-am-grace' "$(log_in_at_tty grace 2>&1)"

# cron and at, when their minute has come.
T_POLL=0.5
ok "the stayer's cron job ran" t_wait 90000 host_run "$HOST" test -s /tmp/cron.stayer
# The login above may have come after it: the last one is not older than the job.
is_noted_since() {
	local last
	last=$(host_run "$HOST" scimctl user stayer --json | jq -r .last_login)
	[ "$(date -d "$last" +%s)" -ge "$(($(host_run "$HOST" stat -c %Y "$1") - 2))" ]
}
ok "… and is a login" t_wait 20000 is_noted_since /tmp/cron.stayer
ok "the local user's cron job ran" t_wait 20000 host_run "$HOST" test -s /tmp/cron.grace
ok "the stayer's at job ran" t_wait 90000 host_run "$HOST" test -s /tmp/at.stayer
ok "the local user's at job ran" t_wait 20000 host_run "$HOST" test -s /tmp/at.grace
refused "the leaver's cron job did not" 'No such file' host_run "$HOST" ls /tmp/cron.leaver
refused "the leaver's at job did not" 'No such file' host_run "$HOST" ls /tmp/at.leaver
for service in cron atd; do
	ok "it was PAM that denied it to $service" t_wait 20000 \
		t_journal "pam_scim\\($service:account\\): scim: denied user=leaver"
done
is "nothing of the leaver's runs" "" "$(scim_pids "$leaver_uid")"
t_end
