#!/bin/bash
# A broken configuration breaks neither apt nor logins; neither does dpkg killed at any moment.
# shellcheck disable=SC2016 source=package.sh
. "$(dirname "$(readlink -f "$0")")/package.sh"
package_setup

# dpkg with its scripts is one process group, killed when dpkg has named its step number $1 (0: never);
# at every other step a little later, in the middle of it. Prints how many steps it named.
dpkg_killed() {
	host_run "$HOST" bash -c '
		at=$1; shift; n=0
		mkfifo /run/steps.$$
		setsid sh -c "echo \$\$ >/run/group; exec dpkg --status-fd 3 \"\$@\"" - "$@" \
			3>/run/steps.$$ >/run/dpkg.log 2>&1 &
		while read -r step; do
			n=$((n + 1))
			[ $n = "$at" ] || continue
			[ $((n % 2)) = 0 ] || sleep 0.02
			kill -9 -- -$(cat /run/group)
			break
		done </run/steps.$$
		wait
		rm /run/steps.$$
		echo $n' - "$@" </dev/null 2>/dev/null
}
debs=(/root/debs/libnss-scim.deb /root/debs/libpam-scim.deb /root/debs/scimd.deb)
packages=(scimd libpam-scim libnss-scim)
hurt=0

install_steps=$(dpkg_killed 0 -i "${debs[@]}")
package_works "a whole installation"
remove_steps=$(dpkg_killed 0 --purge "${packages[@]}")
package_gone "a whole removal"
ok "dpkg names its steps ($install_steps and $remove_steps)" \
	test "$install_steps" -ge 15 -a "$remove_steps" -ge 10
for ((step = 1; step <= install_steps; step += 5)); do
	dpkg_killed $step -i "${debs[@]}" >/dev/null
	[ -z "$(host_run "$HOST" dpkg --audit)" ] || hurt=$((hurt + 1))
	locals_work "installing, killed at step $step"
	ok "… goes on" package_run dpkg -i "${debs[@]}"
	ok "… and to its end" package_run dpkg --configure -a
	is "… nothing is half installed" "" "$(host_run "$HOST" dpkg --audit)"
	ok "… and goes away" package_purge
	is "… leaving all as it was" "$BEFORE" "$(package_files)"
done
for ((step = 1; step <= remove_steps; step += 5)); do
	ok "installed" package_run dpkg -i "${debs[@]}"
	dpkg_killed $step --purge "${packages[@]}" >/dev/null
	locals_work "removing, killed at step $step"
	ok "… goes on" package_purge
	is "… leaving all as it was" "$BEFORE" "$(package_files)"
done
ok "dpkg was killed in the middle ($hurt times)" test $hurt -ge 2

# A configuration with a mistake, there before the packages.
host_run "$HOST" rm -rf /var/lib/scimd
ok "install" package_install
package_connect okta
person ada secret-1
printf '[server]\nlisten = nonsense\n' | scim_configure broken
refused "scimd -t names the mistake" 'broken.conf:2: listen must be' host_run "$HOST" scimd -t
refused "a reload with the mistake fails" 'Job for scimd.service failed' \
	host_run "$HOST" systemctl reload scimd
like "… and is told where the mistake is" 'broken.conf:2: listen must be' \
	"$(host_run "$HOST" systemctl status --no-pager scimd)"
ok "… scimd goes on" host_run "$HOST" systemctl -q is-active scimd
scim GET "/Users/$ID"
sent "… with the old configuration" 200
ok "an installation over it succeeds" package_run apt-get install -y -q --reinstall \
	/root/debs/scimd.deb /root/debs/libnss-scim.deb /root/debs/libpam-scim.deb
is "… nothing is half installed" "" "$(host_run "$HOST" dpkg --audit)"
refused "… scimd does not run" 'inactive|activating|failed' host_run "$HOST" systemctl is-active scimd
ok "… the warden does" host_run "$HOST" systemctl -q is-active scimd-warden
locals_work "broken configuration"
is "… a person who is let in gets in" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"
ok "… other packages install" package_run apt-get install -y -q --reinstall /root/debs/libnss-scim.deb
host_run "$HOST" rm /etc/scimd/scimd.conf.d/broken.conf
host_run "$HOST" systemctl reset-failed scimd
ok "mended: scimd starts" host_run "$HOST" systemctl start scimd
scim_ready
scim_active "$ID" false
sent "mended: an offboarding works" 200
refused "mended: … and keeps out" 'Permission denied' host_ssh "$HOST" ada "$T_DIR/key" true
t_end
