#!/bin/bash
# kill -9 before any command of any maintainer script: local people get in, what was begun can be gone on
# with, and taken back wholly. KILL_EVERY=1 takes each command instead of some.
# shellcheck disable=SC2016 source=package.sh
. "$(dirname "$(readlink -f "$0")")/package.sh"
package_setup
every=${KILL_EVERY:-27}

# The same packages with scripts that count their commands and kill dpkg, with themselves, before the one
# that /run/kill-at says: traced_deb NAME
traced_deb() {
	local dir=$T_DIR/traced/$1 script
	mkdir -p "$T_DIR/traced" && dpkg-deb -R "$(scim_debs | grep "/$1_")" "$dir" || return
	for script in "$dir"/DEBIAN/{pre,post}{inst,rm}; do
		[ ! -f "$script" ] || sed -i '1c #!/bin/bash\
set -o functrace\
trap '\''n=$(($(cat /run/step) + 1)); echo $n >/run/step\
	[ $n != "$(cat /run/kill-at)" ] || kill -9 -- -$(cat /run/group)'\'' DEBUG' "$script"
	done
	dpkg-deb --root-owner-group -b "$dir" "$T_DIR/traced/$1.deb" >/dev/null &&
		host_push "$HOST" "$T_DIR/traced/$1.deb" "/root/debs/traced-$1.deb"
}
for name in scimd libnss-scim libpam-scim; do
	ok "$name with traced scripts" traced_deb "$name"
done

# dpkg_killed N ARGUMENT…: dpkg, killed before the scripts' command number N (0: never). Prints how many
# commands there were.
dpkg_killed() {
	host_run "$HOST" bash -c '
		echo "$1" >/run/kill-at; echo 0 >/run/step; shift
		setsid --wait sh -c "echo \$\$ >/run/group; exec dpkg \"\$@\"" - "$@" >/run/dpkg.log 2>&1
		cat /run/step' - "$@" </dev/null 2>/dev/null
}
traced=(/root/debs/traced-libnss-scim.deb /root/debs/traced-libpam-scim.deb /root/debs/traced-scimd.deb)
packages=(scimd libpam-scim libnss-scim)
install_steps=$(dpkg_killed 0 -i "${traced[@]}")
package_works "a whole installation"
upgrade_steps=$(dpkg_killed 0 -i "${traced[@]}")
package_works "a whole upgrade"
remove_steps=$(dpkg_killed 0 --purge "${packages[@]}")
package_gone "a whole removal"
ok "the scripts have commands: $install_steps, $upgrade_steps and $remove_steps" \
	test "$install_steps" -ge 30 -a "$upgrade_steps" -ge 30 -a "$remove_steps" -ge 20
hurt=0

# killed WHAT N ARGUMENT…
killed() {
	local what="$1, killed before command $2" n
	n=$(dpkg_killed "${@:2}")
	is "$what: it was" "$2" "$n"
	[ -z "$(host_run "$HOST" dpkg --audit)" ] || hurt=$((hurt + 1))
	locals_work "$what"
}
for ((step = 1; step <= install_steps; step += every)); do
	killed installing $step -i "${traced[@]}"
	ok "… goes on" package_run dpkg -i /root/debs/libnss-scim.deb /root/debs/libpam-scim.deb /root/debs/scimd.deb
	is "… nothing is half installed" "" "$(host_run "$HOST" dpkg --audit)"
	for unit in scimd scimd-warden; do
		ok "… $unit runs" t_wait 20000 host_run "$HOST" systemctl -q is-active $unit
	done
	ok "… and goes away" package_purge
	is "… leaving all as it was" "$BEFORE" "$(package_files)"
done
for ((step = 1 + every / 3; step <= upgrade_steps; step += every)); do
	ok "installed" package_run dpkg -i "${traced[@]}"
	killed upgrading $step -i "${traced[@]}"
	ok "… goes on" package_run dpkg -i /root/debs/libnss-scim.deb /root/debs/libpam-scim.deb /root/debs/scimd.deb
	ok "… and to its end" package_run dpkg --configure -a
	is "… nothing is half installed" "" "$(host_run "$HOST" dpkg --audit)"
	ok "… scimd runs" t_wait 20000 host_run "$HOST" systemctl -q is-active scimd
done
for ((step = 1 + every * 2 / 3; step <= remove_steps; step += every)); do
	ok "installed" package_run dpkg -i "${traced[@]}"
	killed removing $step --purge "${packages[@]}"
	ok "… goes on" package_purge
	is "… leaving all as it was" "$BEFORE" "$(package_files)"
done
ok "dpkg was killed in the middle ($hurt times)" test $hurt -ge 3
t_end
