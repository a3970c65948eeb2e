#!/bin/bash
# When people last logged in, with a terminal or without one, by whatever service; and how connections were
# used: both outlive scimd, and no login waits for it.
# shellcheck disable=SC2015,SC2016,SC2154 source=people.sh
. "$(dirname "$(readlink -f "$0")")/people.sh"
people_setup
person ada
person bob

ctl() {
	host_run "$HOST" scimctl "$@"
}
# last NAME FIELD…: of NAME, as JSON has it.
last() {
	local name=$1
	shift
	ctl user "$name" --json | jq -r --args '[.[$ARGS.positional[]]] | map(. // "-") | join(" ")' "$@"
}
# seen NAME SERVICE: their last login is one by SERVICE, now or soon.
seen() {
	t_wait 20000 eval '[ "$(last '"$1"' last_login_service)" = '"$2 ]" &&
		t_pass "$1's last login is one by $2" ||
		t_fail "$1's last login by $2: $(last "$1" last_login last_login_service)"
}
restart() {
	ok "scimd restarts" host_run "$HOST" systemctl restart scimd
	ok "… and serves" scim_ready
}

is "nobody has logged in yet" "- - -" "$(last ada last_login last_login_service last_login_from)"
before=$(host_run "$HOST" date -u +%Y-%m-%dT%H:%M:%S)
ok "ssh without a terminal" host_ssh "$HOST" ada "$T_DIR/key" true
seen ada sshd
like "… from the machine" '^198\.18\.' "$(last ada last_login_from)"
at=$(last ada last_login)
ok "… at that time ($before, $at)" test ! "$at" \< "$before"
is "lastlog knows nothing of it" 1 "$(host_run "$HOST" lastlog -u ada | grep -c 'Never logged in')"
is "the table shows it" "$(host_run "$HOST" date -d "$at" '+%Y-%m-%d %H:%M')" "$(host_run "$HOST" env \
	COLUMNS=200 scimctl users ada | sed -n 2p | grep -oE '20[0-9-]{8} [0-9:]{5}' | tail -n 1)"
is "bob has not logged in" "-" "$(last bob last_login)"

sleep 1.1
ok "su" host_run "$HOST" su ada -s /bin/sh -c true
seen ada su
is "… from nowhere else" "-" "$(last ada last_login_from)"
sleep 1.1
ok "sudo" host_run "$HOST" sudo -n -u ada true
seen ada sudo
newer=$(last ada last_login)
ok "… is newer" test "$newer" \> "$at"

# With a terminal sshd notes it too, which counts for one login.
sleep 1.1
ssh_tty=$(host_ssh "$HOST" ada "$T_DIR/key" -tt true 2>&1) || t_fail "ssh with a terminal: $ssh_tty"
seen ada sshd
is "lastlog knows of it as well" 0 "$(host_run "$HOST" lastlog -u ada | grep -c 'Never logged in')"
# Somebody whom sshd let in while scimd was away.
host_run "$HOST" systemctl stop scimd
host_run "$HOST" perl -e 'open F, "+<", "/var/log/lastlog"; seek F, $ARGV[0] * 292, 0;
	print F pack "L a32 a256", time + 100, "pts/7", "192.0.2.9"' "$(host_run "$HOST" id -u bob)"
host_run "$HOST" systemctl start scimd
ok "scimd is back" scim_ready
is "the newest of both is shown" "- 192.0.2.9" "$(last bob last_login_service last_login_from)"

# A restart, and a crash.
kept=$(last ada last_login last_login_service last_login_from)
used=$(ctl connection list --json | jq -c '.[0] | [.last_used, .requests, .errors]')
like "the connection was used" '^\["20.*Z",[1-9][0-9]*,[0-9]+\]$' "$used"
restart
is "a restart keeps the last login" "$kept" "$(last ada last_login last_login_service last_login_from)"
is "… and how the connection was used" "$used" \
	"$(ctl connection list --json | jq -c '.[0] | [.last_used, .requests, .errors]')"
scim GET /Users/none
sent "GET of nobody" 404
is "… and counts on" "$(jq -c '[.[1] + 1, .[2] + 1]' <<<"$used")" \
	"$(ctl connection list --json | jq -c '.[0] | [.requests, .errors]')"
sleep 1.1
ok "su" host_run "$HOST" su ada -s /bin/sh -c true
seen ada su
kept=$(last ada last_login last_login_service last_login_from)
host_run "$HOST" sh -c 'kill -KILL "$(systemctl show -P MainPID scimd)"'
ok "scimd is back after a kill" scim_ready
is "a crash keeps the last login" "$kept" "$(last ada last_login last_login_service last_login_from)"

# Who is no root tells nothing, and nobody waits.
refused "ada cannot write there" 'Permission denied' host_run "$HOST" runuser -u ada -- \
	sh -c ': >/run/scimd/control/login.sock'
# forty WHAT: fills TOOK, in ms.
forty() {
	local started
	started=$(host_now_ms)
	host_run "$HOST" sh -c 'for i in $(seq 1 40); do su ada -s /bin/sh -c true || exit; done' || t_fail "su $1"
	TOOK=$(($(host_now_ms) - started))
}
forty "while scimd runs"
running=$TOOK
host_run "$HOST" sh -c 'kill -STOP "$(systemctl show -P MainPID scimd)"'
forty "while scimd is stopped"
host_run "$HOST" sh -c 'kill -CONT "$(systemctl show -P MainPID scimd)"'
ok "forty sessions do not wait for a scimd that is stopped ($TOOK ms, $running ms when it runs)" \
	test "$TOOK" -lt $((running * 2 + 3000))
ok "their number is in the metrics" t_wait 20000 eval \
	'host_run "$HOST" scimctl metrics | grep -qE "^scimd_login_opened_total [1-9]"'
t_end
