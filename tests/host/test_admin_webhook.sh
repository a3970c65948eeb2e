#!/bin/bash
# Events to a receiver over TLS: only to one whose certificate the host trusts, in order, each at least
# once and signed, through a receiver that fails, does not answer and goes away, and through a scimd
# that is killed; a push never waits for it.
# shellcheck disable=SC2016 source=people.sh
. "$(dirname "$(readlink -f "$0")")/people.sh"
people_setup
ok "the receiver is compiled" cc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -O1 \
	-o "$T_DIR/receiver" "$here/receiver.c" -lgnutls
host_push "$HOST" "$T_DIR/receiver" /usr/local/bin/receiver
secret=$(openssl rand -base64 32)
host_run "$HOST" sh -c 'umask 027; cat >/etc/scimd/webhook.secret
	chgrp scimd /etc/scimd/webhook.secret; mkdir /run/hook; echo 204 >/run/hook/status
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
		-subj /CN=localhost -addext subjectAltName=DNS:localhost \
		-keyout /run/hook/key.pem -out /run/hook/cert.pem' <<<"whsec_$secret" 2>"$T_DIR/openssl"

receiver() {
	host_run "$HOST" systemd-run -q --unit "receiver-$((++receivers))" \
		-p Restart=no receiver 9443 "$secret" /run/hook /run/hook/cert.pem /run/hook/key.pem
	t_wait 10000 eval '[ -n "$(host_run "$HOST" ss -Hltn "sport = :9443")" ]'
}
receivers=0
webhook() {
	host_run "$HOST" scimctl status --json | jq -r ".webhook$1"
}
webhook_is() {
	[ "$(webhook "$1")" = "$2" ]
}
log() {
	host_run "$HOST" cat /run/hook/log 2>"$T_DIR/log.err"
}
# Whose creations came, each once, in order.
created() {
	log | grep -F '"type":"scim.user.created"' | sort -u -k 1,1 -t ' ' |
		sort -t _ -k 3,3n | sed 's/^[^ ]* [^ ]* //' | jq -r .data.user | xargs
}
created_are() {
	[ "$(created)" = "$1" ]
}

is "without a webhook there is none" null "$(webhook '')"
scim_configure webhook <<-END
	[events]
	webhook = http://198.18.0.1/
	secret_file = /etc/scimd/webhook.secret
END
refused "without TLS only to this host" 'webhook.conf:2: webhook must be' \
	host_run "$HOST" scimd -t
scim_configure webhook <<-END
	[events]
	webhook = https://localhost:9443/hook
	secret_file = /etc/scimd/webhook.secret
END
ok "configure" scim_reload
t_wait 30000 webhook_is .host https://localhost:9443 || t_fail "status does not name the host"
receiver
person ada
t_wait 30000 webhook_is '.error != null' true
like "a certificate that nobody vouches for is refused" '[Cc]ertificate' "$(webhook .error)"
is "… nothing was sent" "" "$(log)"
like "… doctor warns" 'certificate' "$(host_run "$HOST" scimctl doctor --json |
	jq -r '.checks[] | select(.check == "webhook") | .detail')"
like "… the lag is measured" '^scimd_webhook_waiting_events [1-9]' "$(host_run "$HOST" scimctl metrics)"
host_run "$HOST" sh -c 'cp /run/hook/cert.pem /usr/local/share/ca-certificates/hook.crt &&
	update-ca-certificates' >"$T_DIR/ca" 2>&1
ok "trusted, a reload tries at once" scim_reload
ok "the event comes" t_wait 30000 created_are ada
is "… signed" "" "$(log | awk '$2 != "yes"')"
is "… with the host's name" "$(host_run "$HOST" hostname)" \
	"$(log | head -n 1 | cut -d ' ' -f 3- | jq -r .data.host)"

hook() {
	scim_configure webhook <<-END
		[events]
		webhook = https://$1:9443/hook
		secret_file = /etc/scimd/webhook.secret
	END
	scim_reload
}
ok "the same receiver by a name that its certificate lacks" hook 127.0.0.1
person abe
t_wait 30000 webhook_is '.error != null' true
like "… is refused" '127\.0\.0\.1' "$(webhook .error)"
ok "… gets nothing" created_are ada
ok "by its own name" hook localhost
ok "… it gets what waited" t_wait 30000 created_are "ada abe"

host_run "$HOST" chmod 0644 /etc/scimd/webhook.secret
like "doctor: a secret that all can read" 'secret of the webhook and mode 0644' \
	"$(host_run "$HOST" scimctl doctor --json | jq -r '.checks[] | select(.check == "files") | .detail')"
host_run "$HOST" chmod 0640 /etc/scimd/webhook.secret

echo 503 | host_run "$HOST" tee /run/hook/status >"$T_DIR/status"
person bob
t_wait 30000 webhook_is .error 'answered 503'
is "a failure is shown" "answered 503" "$(webhook .error)"
echo 0 | host_run "$HOST" tee /run/hook/status >"$T_DIR/status"
scim_reload
started=$(host_now_ms)
person cleo
scim_active "$ID" false
took=$(($(host_now_ms) - started))
ok "a push does not wait for a receiver that does not answer ($took ms)" test "$took" -lt 3000
host_run "$HOST" sh -c 'kill -9 "$(systemctl show -P MainPID scimd)"'
ok "scimd is back after a kill" scim_ready
host_run "$HOST" systemctl stop receiver-1
person dora
echo 204 | host_run "$HOST" tee /run/hook/status >"$T_DIR/status"
receiver
ok "reload" scim_reload
ok "all came, in order" t_wait 30000 created_are "ada abe bob cleo dora"
ok "nothing waits" t_wait 30000 webhook_is .waiting 0
is "all were signed" "" "$(log | awk '$2 != "yes"')"
is "each event has one id" "" "$(log | sed 's/^\([^ ]*\) [^ ]* /\1 /' | sort -u |
	cut -d ' ' -f 1 | uniq -d)"
is "sequences have no gap" "" "$(log | cut -d ' ' -f 3- | jq .data.sequence | sort -nu |
	awk 'NR > 1 && $1 != last + 1 { print last, $1 } { last = $1 }')"
is "the secret is in no log" 0 "$(host_run "$HOST" journalctl -b -u scimd -u scimd-warden -o cat | grep -cF "$secret")"
is "… and not in the configuration shown" 0 "$(host_run "$HOST" scimd -t | grep -cF "$secret")"
t_end
