#!/bin/bash
# The units: how they are confined, that they come up from nothing, watch themselves, and
# present a renewed certificate.
# shellcheck disable=SC2016 source=package.sh
. "$(dirname "$(readlink -f "$0")")/package.sh"
package_setup
ok "install" package_install
package_connect okta

# exposure UNIT MOST: systemd's own measure, 0 to 10, is at most that.
exposure() {
	local score
	score=$(host_run "$HOST" systemd-analyze security --no-pager "$1" |
		sed -nE 's/.*exposure level for .*: ([0-9.]+) .*/\1/p')
	ok "$1: exposure $score is at most $2" awk -v a="$score" -v b="$2" \
		'BEGIN { exit !(a != "" && a + 0 <= b) }'
}
exposure scimd.service 1.5
exposure scimd-warden.service 2.5
is "systemd has nothing to say about them" "" "$(host_run "$HOST" systemd-analyze verify --man=no \
	/lib/systemd/system/scimd.service /lib/systemd/system/scimd-warden.service 2>&1 |
	grep scimd)"
is "scimd has no capability" 0000000000000000 "$(host_run "$HOST" sh -c \
	'awk "/^CapBnd/ { print \$2 }" /proc/$(systemctl show -P MainPID scimd)/status')"
# What only attacks on the kernel would need.
for unit in scimd scimd-warden; do
	is "$unit: no call of io_uring, keys, memfd_create or userfaultfd" "" "$(host_run "$HOST" systemctl show -P SystemCallFilter $unit |
		tr ' ' '\n' | grep -xE 'io_uring_.*|io_submit|add_key|keyctl|memfd_create|userfaultfd')"
done
# runs FOLDER UNIT: what is put there begins as a program, as the unit sees it.
runs() {
	host_run "$HOST" sh -c 'cp /usr/bin/true "$1/program" && chmod 755 "$1/program"
		nsenter -m -t "$(systemctl show -P MainPID "$2")" "$1/program"; status=$?
		rm "$1/program"; exit $status' - "$@"
}
ok "a program in the store's folder runs" host_run "$HOST" sh -c 'cp /usr/bin/true /var/lib/scimd/db/program &&
	/var/lib/scimd/db/program; status=$?; rm /var/lib/scimd/db/program; exit $status'
for folder in /var/lib/scimd/db /run/scimd/control; do
	refused "… but not for scimd: $folder" 'Permission denied' runs $folder scimd
done
for folder in /var/lib/scimd/public /run/scimd; do
	refused "… nor for the warden: $folder" 'Permission denied' runs $folder scimd-warden
done
# writable UNIT: where root could write with no more than the unit's own mounts in the way.
writable() {
	host_run "$HOST" sh -c 'cd /; nsenter -m -t "$(systemctl show -P MainPID "$1")" sh -c "
		for folder in / /boot /dev /dev/shm /etc /home /opt /root /run /run/lock /run/scimd /run/scimd/control \
			/run/systemd /run/systemd/system /run/user /srv /sys /tmp /usr /usr/lib /var /var/cache /var/lib \
			/var/lib/scimd /var/lib/scimd/db /var/lib/scimd/public /var/lib/scimd/tls /var/lib/systemd/linger \
			/var/log /var/spool /var/spool/cron /var/tmp; do
			if touch \$folder/.w 2>/dev/null; then echo \$folder; rm \$folder/.w; fi
		done"' - "$1" | xargs
}
is "where scimd may write" "/run/scimd/control /tmp /var/lib/scimd/db /var/lib/scimd/tls /var/tmp" \
	"$(writable scimd)"
is "where the warden may write" "/run/scimd /run/scimd/control /tmp /var/lib/scimd/public /var/lib/systemd/linger /var/tmp" \
	"$(writable scimd-warden)"
is "the warden has no network" lo "$(host_run "$HOST" sh -c \
	'awk "NR > 2 { sub(\":\", \"\", \$1); print \$1 }" /proc/$(systemctl show -P MainPID scimd-warden)/net/dev')"

# mode PATH OWNER:GROUP MODE
mode() {
	is "$1 is $2 $3" "$2 $3" "$(host_run "$HOST" stat -c '%U:%G %a' "$1")"
}
modes() {
	mode /var/lib/scimd root:root 755
	mode /var/lib/scimd/db scimd:scimd 700
	mode /var/lib/scimd/public root:root 755
	mode /var/lib/scimd/public/directory root:root 644
	mode /var/lib/scimd/public/shadow root:shadow 640
	mode /var/lib/scimd/tls scimd:scimd 700
	mode /var/lib/scimd/tls/key.pem scimd:scimd 600
	mode /run/scimd/warden.sock root:scimd 660
	mode /run/scimd/control/control.sock scimd:scimd-admin 660
	mode /etc/scimd/scimd.conf root:scimd 640
	mode /etc/scimd/scimd.conf.d root:scimd 2750
	mode /etc/scimd/scimd.conf.d/connection-okta.conf root:scimd 640
}
modes

# What root writes there with a strict umask is scimd's to read, and a reload finds it.
host_run "$HOST" sh -c 'umask 027; echo "[server]" >/etc/scimd/scimd.conf.d/strict.conf'
mode /etc/scimd/scimd.conf.d/strict.conf root:scimd 640
ok "a drop-in of umask 027 is taken over" scim_reload
# What is asked over the control socket is not in the journal, what is done is.
host_run "$HOST" scimctl status >/dev/null
host_run "$HOST" systemctl --no-pager status scimd >"$T_DIR/status"
is "scimctl status leaves no line" 0 "$(grep -c 'GET /v1/status' "$T_DIR/status")"

# Both may look before anybody logs in, and from nothing: no folder, no store, no directory.
like "the warden is up before logins" 'systemd-user-sessions.service' \
	"$(host_run "$HOST" systemctl show -P Before scimd-warden)"
host_run "$HOST" sh -c 'systemctl stop scimd scimd-warden; rm -rf /var/lib/scimd'
begin=$(host_now_ms)
ok "from nothing: both start" host_run "$HOST" systemctl start scimd-warden scimd
ok "from nothing: in under 3 s ($(($(host_now_ms) - begin)) ms)" \
	test $(($(host_now_ms) - begin)) -lt 3000
ok "from nothing: there is a directory" t_wait 20000 host_run "$HOST" test -s "$SCIM_DIRECTORY"
modes
locals_work "from nothing"

# A process that hangs is ended and started again.
host_run "$HOST" sh -c 'for unit in scimd scimd-warden; do
	mkdir -p /run/systemd/system/$unit.service.d
	printf "[Service]\nWatchdogSec=2\nTimeoutAbortSec=2\n" >/run/systemd/system/$unit.service.d/w.conf
	done; systemctl daemon-reload; systemctl restart scimd-warden scimd'
main_pid() {
	host_run "$HOST" systemctl show -P MainPID "$1"
}
for unit in scimd scimd-warden; do
	hung=$(main_pid $unit)
	host_run "$HOST" kill -STOP "$hung"
	ok "$unit: the watchdog ends what hangs, and another comes" t_wait 30000 eval \
		'now=$(main_pid '$unit'); [ "$now" != '"$hung"' ] && [ "$now" != 0 ] &&
		host_run "$HOST" systemctl -q is-active '$unit
done
host_run "$HOST" sh -c 'rm -r /run/systemd/system/scimd*.service.d; systemctl daemon-reload
	systemctl restart scimd-warden scimd'

certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
		-subj "/CN=$1" -addext "subjectAltName=DNS:localhost" -keyout "$T_DIR/key.pem" \
		-out "$T_DIR/cert.pem" 2>/dev/null
	chmod 0640 "$T_DIR/key.pem"
	host_push "$HOST" "$T_DIR/cert.pem" "$2/cert.pem"
	host_push "$HOST" "$T_DIR/key.pem" "$2/key.pem"
}
presented() {
	openssl s_client -connect "$SCIM_ADDRESS:$SCIM_PORT" -servername localhost </dev/null \
		2>/dev/null | openssl x509 -noout -subject | sed 's/.*CN *= *//'
}
# Renewal: files in place, one reload; what is connected goes on.
host_run "$HOST" install -d -o root -g scimd -m 0750 /etc/scimd/tls
certificate first /etc/scimd/tls
host_run "$HOST" sh -c 'chown root:scimd /etc/scimd/tls/*'
scim_configure tls <<-END
	[server]
	tls_cert = /etc/scimd/tls/cert.pem
	tls_key = /etc/scimd/tls/key.pem
END
scim_reload
ok "a certificate from files: presented after a reload" t_wait 20000 eval '[ "$(presented)" = first ]'
# One connection with two requests and a renewal in between.
request="GET /scim/v2/Users?count=0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer $SCIM_TOKEN\r\n"
{
	printf '%b\r\n' "$request"
	until [ -e "$T_DIR/renewed" ]; do sleep 0.05; done
	printf '%bConnection: close\r\n\r\n' "$request"
	T_POLL=0.05 t_wait 20000 eval '[ "$(grep -c "HTTP/1.1 200" "$T_DIR/two")" = 2 ]'
} | openssl s_client -quiet -connect "$SCIM_ADDRESS:$SCIM_PORT" -servername localhost \
	>"$T_DIR/two" 2>/dev/null &
two=$!
t_wait 20000 grep -q 'HTTP/1.1 200' "$T_DIR/two"
certificate renewed /etc/scimd/tls
scim_reload
ok "renewed: presented after a reload" t_wait 20000 eval '[ "$(presented)" = renewed ]'
touch "$T_DIR/renewed"
wait $two
is "renewed: the connection went on" 2 "$(grep -c 'HTTP/1.1 200' "$T_DIR/two")"
# A pair that does not fit stays out.
host_run "$HOST" sh -c 'echo nonsense >/etc/scimd/tls/cert.pem'
scim_reload
ok "a broken one is named" t_wait 20000 t_journal 'the certificate stays the one it was' -u scimd
is "a broken one: the old one stays" renewed "$(presented)"
t_end
