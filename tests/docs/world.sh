# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# world.sh - what is around the reader of a page: a host, an editor, certificates, an identity provider,
# people who log in. To be sourced by tests/host/test_docs.sh.

# Boots the page's host: with the packages, or for README.md with the files that `make deb` leaves.
world_start() {
	t_boot "$HOST"
	rm -f "$T_DIR"/key* "$T_DIR"/own*
	t_key "$T_DIR/key"
	t_key "$T_DIR/own"
	PUBLIC_KEY=$(cat "$T_DIR/key.pub")
	SCIM_ADDRESS=$(host_address "$HOST")
	: >"$SCIM_DIR/curl.log"
	host_run "$HOST" sh -c 'echo "APT::Install-Recommends \"false\"; APT::Get::Assume-Yes \"true\";" \
		>/etc/apt/apt.conf.d/90docs; mkdir -p /usr/local/bin; cat >/usr/local/bin/editor
		chmod 0755 /usr/local/bin/editor' <<-'END'
		#!/bin/sh
		# The block that follows on the page says what is written; here it must only be possible.
		for file; do umask 022; touch "$file" || exit; done
	END
	case $PAGE in
	README.md) world_sources ;;
	*) scim_install >"$T_DIR/install" 2>&1 || { cat "$T_DIR/install"; return 1; } ;;
	esac
}

world_end() {
	if [ "$T_FAILED" -gt "$failed_before" ] && [ "$PAGE" != tests/docs/broken.md ]; then
		host_run "$HOST" journalctl -b --no-pager -n 15 2>&1 | sed 's/^/       | /'
	fi
	[ "${KEEP:-}" = 1 ] || host_destroy "$HOST"
}

# world_debs DIR: our packages, in a folder of root's home.
world_debs() {
	local debs deb
	mapfile -t debs < <(scim_debs)
	host_run "$HOST" mkdir -p "/root/$1"
	for deb in "${debs[@]}"; do
		host_push "$HOST" "$deb" "/root/$1/${deb##*/}"
	done
}

# A source tree as far as README.md needs it: the packages were made before this test.
world_sources() {
	world_debs build/deb
	host_run "$HOST" sh -c 'cat >/usr/local/bin/make; chmod 0755 /usr/local/bin/make' <<-'END'
		#!/bin/sh
		[ "$*" = deb ] && ls build/deb/scimd_*.deb
	END
}

# The token that a command printed; requests carry it from now on.
world_token() {
	SCIM_TOKEN=$1
	printf 'Authorization: Bearer %s\n' "$1" >"$SCIM_DIR/auth"
	chmod 0600 "$SCIM_DIR/auth"
	SCIM_URL=https://localhost:$SCIM_PORT/scim/v2
	SCIM_CA=$SCIM_DIR/ca.pem
	world_certificate_is "$(host_run "$HOST" scimd -t | sed -n 's/^tls_cert = //p')"
}

world_certificate_is() {
	host_run "$HOST" cat "${1:-/var/lib/scimd/tls/cert.pem}" >"$SCIM_DIR/ca.pem" </dev/null
}

# certificate DIR NAME…: a certificate for these names and localhost, as DIR/fullchain.pem and privkey.pem
# which user scimd can read.
certificate() {
	local dir=$1 name names=DNS:localhost
	shift
	for name; do
		names+=,DNS:$name
	done
	host_run "$HOST" sh -c 'set -e; install -d -m 0755 "$1"; openssl req -x509 -newkey ec -nodes -days 30 \
		-pkeyopt ec_paramgen_curve:prime256v1 -subj /CN=host.example.com -addext "subjectAltName=$2" \
		-keyout "$1/privkey.pem" -out "$1/fullchain.pem" 2>/dev/null
		chmod 0644 "$1"/*.pem; ! getent group scimd >/dev/null || {
			chgrp scimd "$1/privkey.pem"; chmod 0640 "$1/privkey.pem"; }' - "$dir" "$names" </dev/null
}

# packages_fetch ROOT DIR NAME…: what the names need beyond what ROOT has, into DIR.
packages_fetch() {
	local root=$1 dir=$2
	shift 2
	apt-get -q -y --download-only --no-install-recommends -o Dir::State::status="$root/var/lib/dpkg/status" \
		-o Dir::Cache::archives="$dir" -o APT::Sandbox::User=root install "$@"
}

# packages NAME…: installs Debian packages, and what they need, as the host's administrator would with a
# network. They are kept beside the hosts' Debian.
packages() {
	local root dir
	root=$(host_root) && dir=$root.packages/$(tr ' ' _ <<<"$*") || return
	(
		flock 9
		if [ ! -e "$dir/.complete" ]; then
			mkdir -p "$dir/partial"
			# The machine's lists of packages may be old or missing.
			{ packages_fetch "$root" "$dir" "$@" || { apt-get -q update &&
				packages_fetch "$root" "$dir" "$@"; }; } && touch "$dir/.complete"
		fi
	) 9>"$HOSTS_DIR/packages.lock" >"$T_DIR/packages" 2>&1 || { cat "$T_DIR/packages"; return 1; }
	host_install "$HOST" "$dir"/*.deb >"$T_DIR/packages" 2>&1 || { cat "$T_DIR/packages"; return 1; }
}

# connected NAME: a host whose identity provider NAME is connected.
connected() {
	scim_configure_usual
	host_run "$HOST" systemctl restart scimd && scim_connect "$1"
}

# own_key NAME: a person has put a key of their own into their home.
own_key() {
	host_run "$HOST" sh -c 'set -e; umask 077; mkdir -p "/home/$1/.ssh"
		cat >"/home/$1/.ssh/authorized_keys"; chown -R "$1:" "/home/$1"' - "$1" <"$T_DIR/own.pub"
}

journal_says() {
	host_run "$HOST" journalctl -b --no-pager -o cat | grep -- "$1" >/dev/null
}

# group NAME [PERSON-ID…]: the identity provider pushes a group; fills GROUP.
group() {
	local id
	scim_add_group "$1" || return
	GROUP=$(scim_id)
	shift
	for id; do
		scim_add_member "$GROUP" "$id" member || return
	done
}

# As Microsoft Entra ID spells them: entra_add GROUP-ID USER-ID, entra_active USER-ID True|False.
entra_add() {
	scim PATCH "/Groups/$1" "$(scim_patch "$(jq -cn --arg id "$2" \
		'{op: "Add", path: "members", value: [{"$ref": null, value: $id}]}')")"
}

entra_active() {
	scim PATCH "/Users/$1" "$(scim_patch "{\"op\":\"Replace\",\"path\":\"active\",\"value\":\"$2\"}")"
}

# The ssh session that log_in opened is over.
login_ended() {
	! kill -0 "$LOGIN"
}

# What the identity provider sees through a proxy for NAME on port 443: a read, a change, and a location
# which is the proxy's: through_proxy NAME.
through_proxy() {
	local name=$1 url=https://$1/scim/v2
	# The certificate is the page's, or by Caddy's own authority. Caddy makes both when it has started.
	t_wait 10000 world_through "$name" "$url/ServiceProviderConfig"
	world_through "$name" "$url/Users?count=1"
	is "a request through the proxy" 200 "$SCIM_STATUS" || t_indent "$(cat "$SCIM_DIR/curl.log")"
	world_through "$name" -H 'Content-Type: application/scim+json' --data-binary @- "$url/Users" \
		<<<"$(scim_user "through@corp.example" Th Rough "$PUBLIC_KEY")"
	is "a push through the proxy" 201 "$SCIM_STATUS"
	like "its location is the proxy's" "^$url/Users/" "$(jq -r .meta.location "$SCIM_DIR/body")"
	world_through "$name" -X DELETE "$(jq -r .meta.location "$SCIM_DIR/body")"
	is "a removal through the proxy" 204 "$SCIM_STATUS"
}

world_through() {
	local name=$1
	shift
	host_run "$HOST" sh -c 'cat /var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt \
		"/etc/letsencrypt/live/$1/fullchain.pem" 2>/dev/null; :' - "$name" >"$SCIM_DIR/proxy.pem" </dev/null
	SCIM_STATUS=$(curl -sS --max-time 10 --connect-to "$name:443:$SCIM_ADDRESS:443" \
		-H "@$SCIM_DIR/auth" --cacert "$SCIM_DIR/proxy.pem" -o "$SCIM_DIR/body" \
		-w '%{http_code}' "$@" 2>"$SCIM_DIR/curl.log")
	[[ $SCIM_STATUS == 2* ]]
}

# certificate_presented DESCRIPTION FILE: scimd shows this certificate within a few seconds.
certificate_presented() {
	host_run "$HOST" cat "$2" >"$SCIM_DIR/presented.pem" </dev/null
	presented() {
		curl -sS --max-time 5 --cacert "$SCIM_DIR/presented.pem" --connect-to "::$SCIM_ADDRESS:" \
			-H "@$SCIM_DIR/auth" "https://scim.example.com:8643/scim/v2/ServiceProviderConfig"
	}
	ok "scimd presents the certificate ($1)" t_wait 5000 presented
}

# own_authority: the host has no way to a public authority; Caddy makes its own then.
own_authority() {
	host_run "$HOST" sed -i '1s/^/{\n\tlocal_certs\n\tskip_install_trust\n}\n/' /etc/caddy/Caddyfile
}

# scimd with an RSA certificate, for which there are suites without forward secrecy.
rsa_certificate() {
	host_run "$HOST" sh -c 'set -e; mkdir -p /etc/scimd/tls; cd /etc/scimd/tls
		openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \
			-addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem 2>/dev/null
		chgrp scimd key.pem; chmod 0640 key.pem; printf "[server]\ntls_cert = %s\ntls_key = %s\n" \
			"$PWD/cert.pem" "$PWD/key.pem" >../scimd.conf.d/rsa.conf; systemctl restart scimd' </dev/null
	world_certificate_is /etc/scimd/tls/cert.pem
}

# tls_suite NAME: scimd takes this suite of TLS 1.2.
tls_suite() {
	openssl s_client -connect "$SCIM_ADDRESS:$SCIM_PORT" -tls1_2 -cipher "$1" </dev/null 2>/dev/null |
		grep "Cipher is $1" >/dev/null
}

# documented HEADING COMMAND…: what the command prints has each field that the page's table under the
# heading names in its first column. Of arrays the first element counts.
documented() {
	local heading=$1 field fields json
	shift
	fields=$(awk -v heading="## $heading" '
		$0 == heading { under = 1; next }
		/^## / { under = 0 }
		under && /^\| `/ { split($0, cell, "|"); print cell[2] }' "$SCIM_TOP/$PAGE" | grep -o '`[^`]*`' | tr -d '`')
	json=$(host_run "$HOST" "$@" </dev/null)
	[ -n "$fields" ] && [ -n "$json" ] || return
	for field in $fields; do
		is "$*: has $field" true "$(jq --arg field "$field" \
			'if type == "array" then .[0] else . end | has($field)' <<<"$json")"
	done
}

# apparmor_has PATH: a profile with the abstraction nameservice may read it.
apparmor_has() {
	host_run "$HOST" sh -c 'printf "#include <tunables/global>\nprofile t /t {\n#include <abstractions/nameservice>\n}\n" |
		apparmor_parser -Q -K -D rule-exprs 2>&1' </dev/null | grep -- "$1" >/dev/null
}
