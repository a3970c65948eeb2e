#!/bin/bash
# Each check of scimctl doctor can fail, and says what to type: files and their modes one by one, dates, the
# clock, the disk, caches, sshd's settings, tokens, pushes, the daemons, services that do not end.
# shellcheck disable=SC2016,SC2154 source=people.sh
. "$(dirname "$(readlink -f "$0")")/people.sh"
people_setup
person ada || t_end
scim_active "$ID" false # before the token is another
like "deactivated" '^20[04]$' "$SCIM_STATUS"
cc -shared -fPIC -O1 -Wall -Werror -o "$T_DIR/times.so" "$here/times.c" || t_fail "cc times.c"
host_push "$HOST" "$T_DIR/times.so" /usr/local/lib/times.so
DAY=86400

# examine [NAME=VALUE…]: asks doctor, with variables of its own.
examine() {
	host_run "$HOST" env "$@" scimctl doctor --json >"$T_DIR/doctor" 2>/dev/null
	EXAMINED=$?
}
# found CHECK STATUS: "detail -- fix" of those.
found() {
	jq -r --arg check "$1" --arg status "$2" \
		'.checks[] | select(.check == $check and .status == $status) | "\(.detail) -- \(.fix)"' \
		"$T_DIR/doctor"
}
# says WHAT CHECK STATUS PATTERN: and the exit code agrees, and whatever is wrong has a fix.
says() {
	like "$1" "$4" "$(found "$2" "$3")"
	is "$1: a fix goes with it" 0 "$(found "$2" "$3" | grep -c -- '-- null$')"
	[ "$3" != failure ] || is "$1: the exit code says it" 1 "$EXAMINED"
}
# broken WHAT CHECK STATUS PATTERN BREAK MEND
broken() {
	host_run "$HOST" sh -c "$5" >/dev/null 2>&1
	examine
	says "$1" "$2" "$3" "$4"
	host_run "$HOST" sh -c "$6" >/dev/null 2>&1
}
PRELOAD=LD_PRELOAD=/usr/local/lib/times.so
examine $PRELOAD
is "a healthy host: no failure" "" "$(jq -r '.checks[] | select(.status == "failure") | .detail' \
	"$T_DIR/doctor")"
is "… exit code 0" 0 "$EXAMINED"
like "the clock is fine" 'is synchronized, within 1 ms' "$(found clock ok)"

# Owners and modes, of each.
while read -r path owner group mode; do
	fix="chown $owner:$group $path; chmod $mode $path"
	# In a folder of scimd's root follows no link.
	[ "${path##*/}" != key.pem ] || fix="chown -h $owner:$group $path; runuser -u $owner -- chmod $mode $path"
	examine
	host_run "$HOST" chmod o+w "$path"
	examine
	says "$path for everybody to write" files failure "^$path belongs to .* -- $fix\$"
	host_run "$HOST" sh -c "$fix"
	host_run "$HOST" chown -h games "$path"
	examine
	says "$path of somebody else" files failure "^$path belongs to .* -- $fix\$"
	host_run "$HOST" sh -c "$fix"
done <<-END
	/etc/scimd/scimd.conf root scimd 0640
	/etc/scimd/scimd.conf.d root scimd 2750
	/var/lib/scimd root root 0755
	/var/lib/scimd/db scimd scimd 0700
	/var/lib/scimd/tls scimd scimd 0700
	/var/lib/scimd/tls/key.pem scimd scimd 0600
	/var/lib/scimd/public root root 0755
	/var/lib/scimd/public/directory root root 0644
	/var/lib/scimd/public/shadow root shadow 0640
	/run/scimd root root 0755
	/run/scimd/control scimd scimd-admin 2755
	/run/scimd/warden.sock root scimd 0660
END
broken "a file that is not there" files failure 'public/shadow: No such file.*systemctl restart' \
	'mv /var/lib/scimd/public/shadow /root/' 'mv /root/shadow /var/lib/scimd/public/'
broken "a webhook's secret for everybody" files failure 'secret of the webhook and mode 0644.*chmod 0640' \
	'echo secret-of-the-webhook-0123456789abcdef >/etc/scimd/secret; chmod 0644 /etc/scimd/secret
	printf "[events]\nwebhook = https://127.0.0.1:9/\nsecret_file = /etc/scimd/secret\n" \
		>/etc/scimd/scimd.conf.d/hook.conf' 'rm /etc/scimd/scimd.conf.d/hook.conf /etc/scimd/secret'

# Dates: the certificate's, tokens', pushes', and the clock itself.
end=$(found certificate ok | grep -oE 'ends in [0-9]+' | cut -d ' ' -f 3)
examine $PRELOAD TIMES_SHIFT=$(((end - 10) * DAY))
says "a certificate that ends soon" certificate warning 'ends in (9|10) days'
examine $PRELOAD TIMES_SHIFT=$(((end + 3) * DAY)) TIMES_UNSYNC=1
says "a certificate that has ended" certificate failure 'ended [0-9]+ days ago.*rm .*restart scimd'
says "a push long ago" 'last push' warning 'that of okta was [0-9]{3,} days ago.*provisioning log'
says "a token as old" token warning 'that of okta is [0-9]{3,} days old -- scimctl connection rotate okta'
says "a clock that nobody sets" clock warning 'not synchronized.*timedatectl'
examine $PRELOAD TIMES_SHIFT=$((-3000 * DAY))
says "a certificate of tomorrow" certificate failure 'is not valid yet.*timedatectl'
says "a clock that stands" clock failure 'time lies in the past'
ok "rotate" host_run "$HOST" scimctl connection rotate okta
examine $PRELOAD TIMES_SHIFT=$((8 * DAY))
says "two tokens for a week" token warning 'two tokens for [78] days -- scimctl connection rotate okta --finish'
ok "finish" host_run "$HOST" scimctl connection rotate okta --finish
ok "another connection" host_run "$HOST" scimctl connection add entra
examine
says "one that never pushed" 'last push' warning 'none from entra yet'
ok "remove it" host_run "$HOST" scimctl connection remove entra
broken "no certificate" certificate failure 'cert.pem: .*restart scimd' \
	'mv /var/lib/scimd/tls/cert.pem /root/' 'mv /root/cert.pem /var/lib/scimd/tls/'

# The disk, caches.
broken "a disk nearly full" disk failure 'has [0-9]+ MiB left -- make room' \
	'mount -t tmpfs -o size=32m tmpfs /var/lib/scimd' 'umount /var/lib/scimd'
broken "a disk that fills" disk warning 'has [0-9]+ MiB left' \
	'mount -t tmpfs -o size=300m tmpfs /var/lib/scimd' 'umount /var/lib/scimd'
host_run "$HOST" sh -c 'mkdir -p /run/nscd; exec perl -MSocket -e "
	socket S, PF_UNIX, SOCK_STREAM, 0; bind S, sockaddr_un(q(/run/nscd/socket)); listen S, 9
		or die; close C while accept C, S"' &
nscd=$!
t_wait 20000 host_run "$HOST" test -S /run/nscd/socket
examine
says "a cache" cache failure 'nscd keeps answers.*systemctl disable --now nscd'
broken "one that keeps people alone" cache failure 'nscd keeps' \
	'printf "enable-cache passwd yes\nenable-cache group no\n" >/etc/nscd.conf' true
host_run "$HOST" sh -c 'printf "enable-cache passwd no\n\tenable-cache group no\n" >/etc/nscd.conf'
examine
like "one that keeps neither is fine" 'neither passwd nor group' "$(found cache ok)"
kill $nscd
host_run "$HOST" rm -r /run/nscd /etc/nscd.conf

# nsswitch, sshd.
broken "nsswitch without a line" nsswitch failure 'no line shadow:.*enable nss' \
	'cp /etc/nsswitch.conf /root/n; sed -i /^shadow/d /etc/nsswitch.conf' 'cp /root/n /etc/nsswitch.conf'
broken "groups that are not merged" nsswitch warning 'does not merge' \
	'cp /etc/nsswitch.conf /root/n; sed -i "s/^group:.*/group: files scim/" /etc/nsswitch.conf' \
	'cp /root/n /etc/nsswitch.conf'
broken "a local account of the canary's name" lookups failure 'canary has the shell /bin/sh' \
	'cp -p /etc/passwd /root/p; echo scim-canary:x:64999:64999::/:/bin/sh >>/etc/passwd' \
	'cp -p /root/p /etc/passwd'
broken "an sshd that does not start" sshd failure 'does not tell its settings.*sshd -t' \
	'cp /etc/ssh/sshd_config /root/s; echo Nonsense >>/etc/ssh/sshd_config' 'cp /root/s /etc/ssh/sshd_config'
broken "keys asked for as root" sshd warning 'runs as root.*CommandUser nobody' \
	'cp /etc/ssh/sshd_config.d/50-scim.conf /root/k
	sed -i "s/CommandUser.*/CommandUser root/" /etc/ssh/sshd_config.d/50-scim.conf' \
	'cp /root/k /etc/ssh/sshd_config.d/50-scim.conf'
host_run "$HOST" sh -c 'mkdir /etc/ssh/keys; touch /etc/ssh/keys/ada; cp /etc/ssh/sshd_config /root/s
	sed -i "1i AuthorizedKeysFile /etc/ssh/none/%u /etc/ssh/keys/%u" /etc/ssh/sshd_config'
examine
like "own keys are seen, wherever sshd looks for them" 'keeps out 1 who have keys' "$(found sshd ok)"
host_run "$HOST" cp /root/s /etc/ssh/sshd_config
examine
like "… and not elsewhere" 'keeps out 0 who have keys' "$(found sshd ok)"

# Services, daemons.
broken "a service that others deny" pam warning '^t-deny denies the canary, but not by pam_scim.*enable pam' \
	'echo "account required pam_deny.so" >/etc/pam.d/t-deny' 'rm /etc/pam.d/t-deny'
broken "a service that does not end" pam warning '^t-sleep cannot be asked: .*does not end' \
	'echo "account required pam_exec.so /bin/sleep 60" >/etc/pam.d/t-sleep' 'rm /etc/pam.d/t-sleep'
broken "no directory" directory failure 'cannot be read.*restart scimd-warden' \
	'mv /var/lib/scimd/public/directory /root/' 'mv /root/directory /var/lib/scimd/public/'
broken "no warden" warden failure 'not connected; nobody is offboarded.*restart scimd-warden' \
	'kill -STOP "$(systemctl show -P MainPID scimd-warden)"; systemctl kill -s KILL scimd-warden
	mkdir -p /run/systemd/system/scimd-warden.service.d
	printf "[Service]\nRestart=no\nExecStart=\nExecStart=/bin/sleep 1000\n" \
		>/run/systemd/system/scimd-warden.service.d/no.conf
	systemctl daemon-reload; systemctl restart --no-block scimd-warden
	for i in $(seq 200); do
		[ "$(scimctl status --json | jq .warden.connected)" != false ] || break; sleep 0.1
	done' \
	'rm /run/systemd/system/scimd-warden.service.d/no.conf; systemctl daemon-reload
	systemctl restart scimd-warden scimd'
scim_ready
# Nobody but a scimd that was taken over says of the canary that it may be here.
ok "a hostile scimd is compiled" cc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -O1 \
	-I"$SCIM_TOP" -o "$T_DIR/hostile" "$here/hostile.c"
host_push "$HOST" "$T_DIR/hostile" /usr/local/bin/hostile
host_run "$HOST" systemctl stop scimd
ok "the canary is let in" host_run "$HOST" setpriv --reuid=scimd --regid=scimd --clear-groups \
	hostile canary "$(host_run "$HOST" id -u scim-canary)"
examine
says "a directory that lets the canary in" directory failure 'lets the canary in.*restart scimd-warden scimd'
host_run "$HOST" systemctl restart scimd-warden scimd
scim_ready
t_wait 20000 eval 'host_run "$HOST" getent passwd scim-canary | grep -q :/usr/sbin/nologin'
examine
is "all is mended" "" "$(jq -r '.checks[] | select(.status == "failure") | .detail' "$T_DIR/doctor")"
t_end
