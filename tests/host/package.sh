# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# package.sh - for tests of the packages themselves, to be sourced: people.sh, and what a host must
# look like with and without them.

# shellcheck source=people.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/people.sh"

# Boots a host with a local person, and the packages as /root/debs/NAME.deb in it.
package_setup() {
	local deb list debs=()
	t_boot "$HOST"
	t_key "$T_DIR/key"
	t_key "$T_DIR/own"
	PUBLIC_KEY=$(cat "$T_DIR/key.pub")
	list=$(scim_debs) || { t_fail "there are packages"; t_end; }
	mapfile -t debs <<<"$list"
	host_run "$HOST" mkdir -p /root/debs
	for deb in "${debs[@]}"; do
		ok "push ${deb##*/}" host_push "$HOST" "$deb" "/root/debs/$(package_name "$deb").deb"
	done
	t_root_key "$T_DIR/own"
	t_local_user grace local-pw "$T_DIR/own"
	BEFORE=$(package_files)
}

package_name() {
	local name=${1##*/}
	echo "${name%%_*}"
}

# What the packages may change of the host's own files, and must change back.
package_files() {
	host_run "$HOST" sh -c 'md5sum /etc/nsswitch.conf /etc/pam.d/common-* /etc/ssh/sshd_config
		ls -A /etc/ssh/sshd_config.d /etc/pam.d'
}

# Commands inside the host, with the environment that apt and dpkg want.
package_run() {
	host_run "$HOST" env DEBIAN_FRONTEND=noninteractive "$@" </dev/null
}

package_install() {
	package_run apt-get install -y -q --no-install-recommends --allow-downgrades \
		-o Dpkg::Options::=--force-confold \
		/root/debs/scimd.deb /root/debs/libnss-scim.deb /root/debs/libpam-scim.deb
}

# Not by ok, which runs commands in a subshell: this one fills variables.
package_connect() {
	scim_configure_usual
	host_run "$HOST" systemctl restart scimd
	scim_connect "$1" && t_pass "connected as $1" || t_fail "connected as $1"
}

package_purge() {
	package_run dpkg --purge scimd libpam-scim libnss-scim
}

# Local people and root get in, with a name and their groups: locals_work WHEN
locals_work() {
	is "$1: a local person gets in" grace "$(host_ssh "$HOST" grace "$T_DIR/own" id -un)"
	is "$1: root gets in" root "$(host_ssh "$HOST" root "$T_DIR/own" id -un)"
	is "$1: root may use sudo" 0 "$(host_run "$HOST" sudo -n id -u)"
}

# Everything is installed and in use: package_works WHEN
package_works() {
	local state unit
	for unit in scimd scimd-warden; do
		ok "$1: $unit runs" t_wait 20000 host_run "$HOST" systemctl -q is-active "$unit"
		ok "$1: $unit starts at boot" host_run "$HOST" systemctl -q is-enabled "$unit"
	done
	state=$(host_run "$HOST" cat /etc/nsswitch.conf)
	like "$1: passwd is looked up" '^passwd:.* scim$' "$state"
	like "$1: group is looked up and merged" '^group:.*files \[SUCCESS=merge\].* scim$' "$state"
	like "$1: shadow is looked up" '^shadow:.* scim$' "$state"
	state=$(host_run "$HOST" cat /etc/pam.d/common-account)
	like "$1: a denial is terminal" '^account.*default=die\].*pam_scim.so' "$state"
	is "$1: the session check is last" pam_scim.so "$(host_run "$HOST" \
		awk '$1 == "session" { last = $NF } END { print last }' /etc/pam.d/common-session)"
	like "$1: sshd asks for keys" '^authorizedkeyscommand /usr/libexec/scim-authorized-keys' \
		"$(host_run "$HOST" sshd -T)"
	is "$1: nothing is half installed" "" "$(host_run "$HOST" dpkg --audit)"
	locals_work "$1"
}

# Nothing of the packages is in use any more: package_gone WHEN
package_gone() {
	is "$1: nsswitch, PAM and sshd are as before" "$BEFORE" "$(package_files)"
	locals_work "$1"
}
