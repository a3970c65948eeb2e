#!/bin/bash
# An upgrade while people are logged in, look each other up, log in and are offboarded.
# shellcheck disable=SC2016 source=package.sh
. "$(dirname "$(readlink -f "$0")")/package.sh"
package_setup

# The same build as a version before this one; or another build, from $SCIM_OLD_DEBS: older_deb NAME
older_deb() {
	local dir=$T_DIR/old/$1 deb
	if [ -n "${SCIM_OLD_DEBS:-}" ]; then
		host_push "$HOST" "$(echo "$SCIM_OLD_DEBS/$1"_*.deb)" "/root/debs/old-$1.deb"
		return
	fi
	deb=$(scim_debs | grep "/$1_")
	mkdir -p "$T_DIR/old" && dpkg-deb -R "$deb" "$dir" &&
		sed -i -E 's/^Version: .*/Version: 0.0.9-1/; s/\(= [^)]*\)/(= 0.0.9-1)/g' \
			"$dir/DEBIAN/control" &&
		dpkg-deb -b "$dir" "$T_DIR/old/$1.deb" >/dev/null &&
		host_push "$HOST" "$T_DIR/old/$1.deb" "/root/debs/old-$1.deb"
}
for name in scimd libnss-scim libpam-scim; do
	ok "an older $name" older_deb "$name"
done
ok "the older version is installed" package_run apt-get install -y -q --no-install-recommends \
	/root/debs/old-scimd.deb /root/debs/old-libnss-scim.deb /root/debs/old-libpam-scim.deb
package_connect okta
host_run "$HOST" sh -c 'echo "# kept" >>/etc/scimd/scimd.conf'
person brian secret-1
brian_id=$ID brian_uid=$PERSON_UID
log_in brian 'setsid sleep 3600 >/dev/null 2>&1 </dev/null &'
person ada secret-1
ada_id=$ID ada_uid=$PERSON_UID
log_in ada 'setsid sleep 3600 >/dev/null 2>&1 </dev/null &'
ada=$LOGIN

# The older build may be older than the timer.
timer=$(host_run "$HOST" sh -c 'systemctl cat scimd-metrics.timer >/dev/null 2>&1 &&
	systemctl start scimd-metrics.timer && echo active')

# All the time: lookups of all kinds, in short processes and in one that lives through it; logins.
host_run "$HOST" sh -c 'n=0; while [ ! -e /run/enough ]; do
	n=$((n + 1))
	getent passwd ada >/dev/null && getent passwd '"$ada_uid"' >/dev/null &&
		getent group ada >/dev/null && id brian >/dev/null || echo "lookup $n failed"
	/usr/libexec/scim-authorized-keys ada | grep -q ssh-ed25519 || echo "keys $n failed"
done; echo "$n rounds"' >"$T_DIR/lookups" 2>&1 </dev/null &
lookups=$!
host_run "$HOST" perl -e 'my $n = 0; until (-e "/run/enough") {
	$n++; getpwnam("ada") or print "lookup $n failed\n"; select(undef, undef, undef, 0.002);
} print "$n rounds\n"' >"$T_DIR/lasting" 2>&1 </dev/null &
lasting=$!
while [ ! -e "$T_DIR/enough" ]; do
	host_ssh "$HOST" ada "$T_DIR/key" true || echo "a login failed"
	echo "one login"
done >"$T_DIR/logins" 2>&1 </dev/null &
logins=$!
package_install >"$T_DIR/upgrade" 2>&1 &
upgrade=$!

# Meanwhile the identity provider deactivates somebody, and tries again like one if there is no 2xx.
sleep 0.5
tries=1
until scim_active "$brian_id" false || [ $tries -ge 300 ]; do
	tries=$((tries + 1))
	sleep 0.05
done
sent "an offboarding during the upgrade is done (try $tries)" 200
is "… and nothing is left of them" "" "$(scim_pids "$brian_uid")"
wait $upgrade
is "the upgrade succeeds" 0 $?
t_indent "$(grep -iE 'warn|error|fail' "$T_DIR/upgrade")"
touch "$T_DIR/enough"
host_run "$HOST" touch /run/enough
wait $lookups $lasting $logins
is "no lookup failed" "" "$(grep failed "$T_DIR/lookups")"
is "no lookup in a process that lived through it failed" "" "$(grep failed "$T_DIR/lasting")"
like "… of many" '^[0-9]{2,} rounds' "$(cat "$T_DIR/lookups")"
is "no login failed" "" "$(grep -v '^one login' "$T_DIR/logins")"
ok "… of several ($(wc -l <"$T_DIR/logins"))" test "$(wc -l <"$T_DIR/logins")" -ge 3

package_works "upgraded"
like "the new version is there" '^0\.[1-9]' \
	"$(host_run "$HOST" dpkg-query -W -f '${Version}' scimd)"
ok "a session stays" kill -0 "$ada"
ok "… with what it started" test "$(scim_pids "$ada_uid" | wc -l)" -ge 3
is "the configuration stays" "# kept" "$(host_run "$HOST" tail -n 1 /etc/scimd/scimd.conf)"
[ -z "$timer" ] || is "a timer that was on stays on" active \
	"$(host_run "$HOST" systemctl is-active scimd-metrics.timer)"
is "nsswitch has scim once" 3 "$(host_run "$HOST" grep -o ' scim' /etc/nsswitch.conf | wc -l)"
refused "who was offboarded stays out" 'Permission denied' \
	host_ssh "$HOST" brian "$T_DIR/key" true
ID=$ada_id
if scim_offboard "$ada_id" "$ada_uid"; then
	t_pass "an offboarding after it: $SCIM_ENDED processes of the old session ended"
else
	t_fail "an offboarding after it: $(scim_said)"
fi
gone_but_known ada "$ada_uid"
t_end
