#!/bin/bash
# The Ansible role, by Debian's ansible over ssh: install, configure, rotate a token, remove; a second
# run of each changes nothing, and --check says what a run would change and changes nothing.
# shellcheck disable=SC2016 source=package.sh
. "$(dirname "$(readlink -f "$0")")/package.sh"
package_setup

# Ansible wants a Python on the host. The machine's will do: both are the same Debian.
python_push() {
	local python files
	python=$(readlink -f /usr/bin/python3)
	files=$(ldd "$python" /usr/lib/python3.*/lib-dynload/*.so 2>/dev/null |
		awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u)
	# shellcheck disable=SC2086
	tar -h -c --ignore-failed-read --exclude='*/__pycache__' --exclude='*/test' \
		--exclude='*/idlelib' -P "$python" /usr/bin/python3 "/usr/lib/${python##*/}" $files |
		host_run "$HOST" tar -x -P --skip-old-files
	host_run "$HOST" python3 -c 'import json, ssl, ctypes, subprocess, tempfile'
}
ok "the host has a Python" python_push

address=$(host_address "$HOST")
cat >"$T_DIR/hosts" <<END
[all]
$HOST ansible_host=$address ansible_user=root ansible_ssh_private_key_file=$T_DIR/own ansible_python_interpreter=/usr/bin/python3 ansible_ssh_common_args='-F none -o UserKnownHostsFile=$(host_dir "$HOST")/known_hosts -o IdentityAgent=none -o IdentitiesOnly=yes'
END
list=$(scim_debs)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
	-subj "/CN=first" -addext "subjectAltName=DNS:localhost" \
	-keyout "$T_DIR/key.pem" -out "$T_DIR/cert.pem" 2>/dev/null

# vars TOKEN-HASHES [EXTRA-JSON]
vars() {
	jq -n --arg debs "$list" --arg cert "$T_DIR/cert.pem" --arg key "$T_DIR/key.pem" \
		--argjson hashes "$1" --argjson extra "${2:-{\}}" '{
		scimd_debs: ($debs | split("\n")), scimd_tls_cert: $cert, scimd_tls_key: $key,
		scimd_config: {
			server: {listen: "0.0.0.0:8643"},
			identity: {passwords: true},
			access: {allow_groups: []},
			"role admin": {groups: ["Linux Admins", "Other Admins"], local_groups: "sudo"}},
		scimd_connections: [{name: "okta", token_sha256: $hashes}]} + $extra' >"$T_DIR/vars.json"
}

# play WHAT CHANGED [OPTION…]: runs it; CHANGED is yes or no.
play() {
	local changed options=("${@:3}")
	ANSIBLE_HOST_KEY_CHECKING=True ANSIBLE_RETRY_FILES_ENABLED=False ANSIBLE_NOCOWS=1 ANSIBLE_PIPELINING=True \
		ANSIBLE_LOCAL_TEMP=$T_DIR/ansible ANSIBLE_HOME=$T_DIR/ansible \
		run_playbook -e "@$T_DIR/vars.json" "${options[@]}" >"$T_DIR/play" 2>&1 </dev/null
	is "$1: the play succeeds" 0 $? || t_indent "$(tail -n 40 "$T_DIR/play")"
	changed=$(sed -nE 's/.* changed=([0-9]+) .*/\1/p' "$T_DIR/play")
	if [ "$2" = yes ]; then
		like "$1: something changed" '^[1-9]' "$changed"
	else
		is "$1: nothing changed" 0 "$changed" ||
			t_indent "$(grep -B3 '^changed' "$T_DIR/play")"
	fi
}

# As configuration-management.md says, from the top of the tree: its command, its inventory.
run_playbook() {
	(cd "$T_DIR/tree" && ansible-playbook -i hosts etc/ansible/site.yml "$@")
}
mkdir "$T_DIR/tree"
ln -s "$SCIM_TOP/etc" "$T_DIR/tree/etc"
mv "$T_DIR/hosts" "$T_DIR/tree/hosts"

# What the play may change of the host.
state() {
	host_run "$HOST" sh -c 'dpkg-query -W; find /etc/scimd -type f -exec md5sum {} + 2>/dev/null; cat /etc/nsswitch.conf'
}

sha() { printf %s "$1" | sha256sum | cut -d ' ' -f 1; }
use_token() {
	SCIM_CA=$T_DIR/cert.pem SCIM_ADDRESS=$address SCIM_URL=https://localhost:$SCIM_PORT/scim/v2
	printf 'Authorization: Bearer %s\n' "$1" >"$SCIM_DIR/auth"
}

# The variables that configuration-management.md shows, but for where the packages are.
sed -n '/^```yaml$/,/^```$/p' "$SCIM_TOP/docs/configuration-management.md" | grep -v '^```' >"$T_DIR/example.yml"
jq -n --arg debs "$list" '{scimd_debs: ($debs | split("\n"))}' >"$T_DIR/vars.json"
before=$(state)
play "first run with --check" yes --check -e "@$T_DIR/example.yml" -e "@$T_DIR/vars.json"
is "--check changes nothing" "$before" "$(state)"
play "the example of the documents" yes -e "@$T_DIR/example.yml" -e "@$T_DIR/vars.json"
state=$(host_run "$HOST" scimd -t)
like "its groups are in force" '^allow_groups = Linux Users, Linux Admins$' "$state"
like "its connection is in force" '^token_sha256 = 7692c3ad' "$state"

vars "[\"$(sha one)\"]"
before=$(state)
play "other variables with --check" yes --check
is "--check changes nothing then either" "$before" "$(state)"
play "first run" yes
package_works "first run"
play "second run" no
use_token one
scim_ready
scim GET '/Users?count=1'
sent "the token is taken, the certificate is the copied one" 200
like "the configuration is in force" '^local_groups = sudo$' "$(host_run "$HOST" scimd -t)"
person ada secret-1
log_in ada true

vars "[\"$(sha two)\", \"$(sha one)\"]"
play "rotation" yes
use_token two
t_wait 20000 scim GET '/Users?count=1'
scim GET '/Users?count=1'
sent "the new token is taken" 200
use_token one
scim GET '/Users?count=1'
sent "the old one as well" 200
vars "[\"$(sha two)\"]"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
	-subj "/CN=renewed" -addext "subjectAltName=DNS:localhost" \
	-keyout "$T_DIR/key.pem" -out "$T_DIR/cert.pem" 2>/dev/null
play "rotation finished, certificate renewed" yes
t_wait 20000 eval 'scim GET "/Users?count=1"; [ "$SCIM_STATUS" = 401 ]'
scim GET '/Users?count=1'
sent "the old token is refused" 401
use_token two
t_wait 20000 scim GET '/Users?count=1'
scim GET '/Users?count=1'
sent "the renewed certificate is presented" 200
ok "a session went on all the time" kill -0 "$LOGIN"

vars "[\"$(sha two)\"]" '{"scimd_state": "absent"}'
play "removal" yes
package_gone "removed"
play "removal again" no
vars "[\"$(sha two)\"]" '{"scimd_state": "absent", "scimd_purge": true}'
play "purge" yes
t_end
