#!/bin/bash
# What scimctl shows: people with filters, one person complete, sessions as they are, events with
# filters and followed, receipts; tables for people, names and JSON for programs.
# shellcheck disable=SC2016 source=people.sh
. "$(dirname "$(readlink -f "$0")")/people.sh"
people_setup
scim_configure attribute <<-END
	[attribute login]
	source = userName
	env = SCIM_LOGIN
END
ok "reload" scim_reload
scim_add_group "Linux Admins"
admins=$(scim_id)
person ada
ada_uid=$PERSON_UID
scim_add_member "$admins" "$ID" ada@corp.example
person bob
bob=$ID
person cleo
log_in ada 'export SSH_CONNECTION="6.6.6.6 1 6.6.6.6 22"; sleep 3600 & sleep 3600 &'

ctl() {
	host_run "$HOST" scimctl "$@"
}
is "all" "ada bob cleo" "$(ctl users -q | xargs)"
is "a part of a name" "bob" "$(ctl users -q BOB@ | xargs)"
is "by role" "ada" "$(ctl users -q role=admin | xargs)"
is "by group" "ada" "$(ctl users -q 'group=linux admins' | xargs)"
is "by connection" "ada bob cleo" "$(ctl users -q connection=okta | xargs)"
is "by two" "" "$(ctl users -q role=admin bob | xargs)"
scim_active "$bob" false
is "by status" "bob" "$(ctl users -q status=deactivated | xargs)"
refused "an unknown filter" 'filters are' ctl users colour=red
is "… is wrong usage" 2 "$(ctl users colour=red >/dev/null 2>&1; echo $?)"
like "a table has headings" '^NAME +UID +STATUS +ROLES' "$(ctl users | head -n 1)"
like "… fits the terminal" '^(40|3[0-9])$' "$(host_run "$HOST" script -qec \
	'stty cols 40; TERM=xterm NO_COLOR=1 scimctl users' /dev/null | tr -d '\r' |
	LC_ALL=C.UTF-8 wc -L)"
# table WIDTH COMMAND…: how wide its longest line is, as a terminal counts.
table() {
	local width=$1
	shift
	host_run "$HOST" env COLUMNS="$width" LC_ALL=C.UTF-8 scimctl "$@" | LC_ALL=C.UTF-8 wc -L
}
for width in 40 60 80 200; do
	for command in users groups events receipts "connection list"; do
		# shellcheck disable=SC2086 # the command's words
		ok "$command fits $width columns" test "$(table $width $command)" -le $width
	done
done
like "at 80 columns names and states are whole" '^bob +[0-9]+ +deactivated ' \
	"$(host_run "$HOST" env COLUMNS=80 scimctl users)"
like "… and times are short and whole" '^([0-9]+ +)?20[0-9-]{8} [0-9]{2}:[0-9]{2}  scim.user.created ' \
	"$(host_run "$HOST" env COLUMNS=80 scimctl events)"
is "… and of this place" "$(host_run "$HOST" env TZ=XXX-5 date -d "$(ctl users --json | jq -r '.[0].changed')" \
	'+%Y-%m-%d %H:%M')" "$(host_run "$HOST" env TZ=XXX-5 scimctl users | sed -n 2p |
	grep -oE '20[0-9-]{8} [0-9]{2}:[0-9]{2}' | head -n 1)"
like "at 46 a state is whole" '^bob +[0-9]+ +deactivated ' \
	"$(host_run "$HOST" env COLUMNS=46 scimctl users)"
like "a column in which nothing is goes first" ' USER NAME +CHANGED *$' \
	"$(host_run "$HOST" env COLUMNS=80 scimctl users cleo | head -n 1)"
like "… in JSON exact" '^20[0-9-]{8}T[0-9:]{8}\.[0-9]{3}Z$' "$(ctl users --json | jq -r '.[0].changed')"
like "… in colour" $'\e\\[32m' "$(host_run "$HOST" script -qec \
	'TERM=xterm scimctl users' /dev/null)"
is "… without colour where that is asked for" 0 "$(host_run "$HOST" script -qec \
	'TERM=xterm NO_COLOR=1 scimctl users' /dev/null | grep -c $'\e')"
is "… nor in a pipe" 0 "$(host_run "$HOST" env TERM=xterm scimctl users | grep -c $'\e')"

user=$(ctl user ada --json)
is "user: home" /home/ada "$(jq -r .home <<<"$user")"
is "user: shell" /bin/bash "$(jq -r .shell <<<"$user")"
is "user: gecos" "Ada Tester" "$(jq -r .gecos <<<"$user")"
is "user: attribute" ada@corp.example "$(jq -r .attributes.login <<<"$user")"
is "user: keys" 1 "$(jq -r .sshKeys <<<"$user")"
is "the session has the attribute" ada@corp.example \
	"$(host_ssh "$HOST" ada "$T_DIR/key" 'echo $SCIM_LOGIN')"

# A key in a certificate opens ssh until the certificate ends; sshd itself sees to that.
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=cert -keyout "$T_DIR/cert.key" \
	-outform DER -out "$T_DIR/cert.der" 2>"$T_DIR/openssl"
chmod 0600 "$T_DIR/cert.key"
certificates() {
	jq -cn --arg user "$1@corp.example" --arg value "$(base64 -w 0 "$T_DIR/cert.der")" '{
		schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"], userName: $user, active: true,
		x509Certificates: [{value: $value}, {value: "MIIB"}]}'
}
scim POST /Users "$(certificates cert)"
sent "POST with a certificate" 201
cert=$(scim_id)
line=$(host_run "$HOST" /usr/libexec/scim-authorized-keys cert)
like "the line ends with the certificate" '^expiry-time="20[0-9]{12}Z" ssh-rsa ' "$line"
openssl x509 -inform DER -in "$T_DIR/cert.der" -pubkey -noout >"$T_DIR/cert.pub"
is "… holds the key that ssh-keygen makes of it" \
	"$(ssh-keygen -i -m PKCS8 -f "$T_DIR/cert.pub")" "$(cut -d ' ' -f 2,3 <<<"$line")"
is "… and opens ssh" cert "$(host_ssh "$HOST" cert "$T_DIR/cert.key" id -un)"
like "one that is none is ignored, with an event" \
	'x509Certificates\[1\] is ignored: it is no X.509 certificate in DER' \
	"$(ctl events --type scim.key_ignored --user cert --json | jq -r '.[].detail')"
# sshd's own reading of the date, with one that is over.
host_run "$HOST" sh -c 'useradd -m past; install -d -o past -m 700 /home/past/.ssh
	sed "s/expiry-time=\"[^\"]*/expiry-time=\"20240101000000Z/" >/home/past/.ssh/authorized_keys
	chown past /home/past/.ssh/authorized_keys' <<<"$line"
refused "… until it ends" 'Permission denied' host_ssh "$HOST" past "$T_DIR/cert.key" true
host_run "$HOST" sh -c 'printf "%s\n" "$1" >/home/past/.ssh/authorized_keys' - "$line"
ok "… and not before" host_ssh "$HOST" past "$T_DIR/cert.key" true
scim DELETE "/Users/$cert"
sent "DELETE" 204

# Options that are allowed come along, and sshd obeys them; a key with others is left out.
scim_configure options <<<"[identity]"$'\n'"key_options = restrict, command"
ok "reload" scim_reload
scim POST /Users "$(jq -cn --arg key "$(cut -d ' ' -f 1,2 "$T_DIR/key.pub")" --arg urn "$SCIM_POSIX" '{
	schemas: ["urn:ietf:params:scim:schemas:core:2.0:User", $urn], userName: "opt@corp.example",
	active: true, ($urn): {sshPublicKeys: [
		"restrict,command=\"echo \\\"forced, $USER\\\"\" \($key)", "pty \($key)"]}}')"
sent "POST with options" 201
opt=$(scim_id)
is "sshd obeys the options of a key" "forced, opt" "$(host_ssh "$HOST" opt "$T_DIR/key" id)"
like "one with another option is ignored, with an event" 'sshPublicKeys\[1\] is ignored: .*key_options' \
	"$(ctl events --type scim.key_ignored --user opt --json | jq -r '.[].detail')"
scim DELETE "/Users/$opt"
sent "DELETE" 204

# Passwords are the identity provider's.
scim_configure password <<-END
	[identity]
	password_url = https://id.corp.example/password
END
ok "reload" scim_reload
like "passwd says where to go" 'identity provider\. Change it at https://id.corp.example/password\.' \
	"$(host_run "$HOST" runuser -u ada -- passwd 2>&1 </dev/null)"

# Those that have logged out above are forgotten a moment later, by logind and by the kernel.
one_session() {
	sessions=$(ctl sessions --json)
	[ "$(jq '[.[] | select(.session != null)] | length' <<<"$sessions")" = 1 ] &&
		[ "$(jq '[.[].processes] | add' <<<"$sessions")" = "$(scim_pids "$ada_uid" | wc -l)" ]
}
t_wait 30000 one_session
is "one session" 1 "$(jq '[.[] | select(.session != null)] | length' <<<"$sessions")"
is "… of ada" "$ada_uid" "$(jq '.[] | select(.session != null) | .uid' <<<"$sessions")"
like "… from the machine, whatever she says" '^198\.18\.' \
	"$(jq -r '.[] | select(.session != null) | .from' <<<"$sessions")"
like "… since this year" '^20' "$(jq -r '.[] | select(.session != null) | .since' <<<"$sessions")"
is "… with all its processes" "$(scim_pids "$ada_uid" | wc -l)" \
	"$(jq '[.[].processes] | add' <<<"$sessions")"

is "events of a user" bob "$(ctl events --user bob --json | jq -r '.[].user' | sort -u)"
like "events by pattern" '^role.granted$' "$(ctl events --type 'role.*' --json | jq -r '.[].type')"
is "events of the last minute" true "$(ctl events --since 1m --json | jq 'length > 3')"
is "events since tomorrow" 0 "$(ctl events --since 2099-01-01 --json | jq length)"
refused "events since nonsense" 'since takes' ctl events --since yesterday
ctl events -f --json >"$T_DIR/follow" &
follow=$!
t_wait 20000 grep -q scim.user.created "$T_DIR/follow"
ok "lock while following" ctl lock cleo
ok "the event is seen" t_wait 20000 grep -q '"type":"user.locked".*"user":"cleo"' "$T_DIR/follow"
is "each event is followed once" 1 "$(grep -c '"type":"user.locked"' "$T_DIR/follow")"
kill $follow
host_run "$HOST" timeout 2 scimctl events -f >"$T_DIR/follow"
is "people read the same times there as in the table" \
	"$(ctl events --type user.locked | grep -oE '20[0-9-]{8} [0-9]{2}:[0-9]{2} ' | xargs)" \
	"$(grep user.locked "$T_DIR/follow" | grep -oE '^20[0-9-]{8} [0-9]{2}:[0-9]{2} ' | xargs)"
# Denials, as events: scimd hears of them, and nobody waits for it.
host_run "$HOST" su bob -c true >"$T_DIR/su" 2>&1
host_run "$HOST" pamtester -I rhost=192.0.2.7 sshd cleo acct_mgmt >>"$T_DIR/su" 2>&1
denied_of() {
	ctl events --type login.denied --user "$1" --json | jq -r ".[0].$2"
}
t_wait 20000 eval '[ "$(ctl events --type login.denied --json | jq length)" = 2 ]' || t_fail "login.denied: $(ctl events --type login.denied)"
is "login.denied: the service" su "$(denied_of bob service)"
is "… from where" 192.0.2.7 "$(denied_of cleo peer)"
like "… and why" 'deactivated' "$(denied_of bob detail)"
metrics=$(ctl metrics)
like "… counted by reason" '^scimd_login_denied_total\{reason="deactivated"\} 1$' "$metrics"
like "… lock too" '^scimd_login_denied_total\{reason="locked"\} 1$' "$metrics"
host_run "$HOST" runuser -u ada -- sh -c 'printf x | curl -s --unix-socket \
	/run/scimd/control/login.sock http://x/' && t_fail "anybody may write to login.sock"
# twenty denials: fills TOOK, in ms.
twenty() {
	local i started
	started=$(host_now_ms)
	for i in {1..20}; do
		host_run "$HOST" pamtester sshd bob acct_mgmt >>"$T_DIR/su" 2>&1
	done
	TOOK=$(($(host_now_ms) - started))
}
twenty
running=$TOOK
host_run "$HOST" sh -c 'kill -STOP "$(systemctl show -P MainPID scimd)"'
twenty
host_run "$HOST" sh -c 'kill -CONT "$(systemctl show -P MainPID scimd)"'
ok "twenty denials do not wait for a scimd that is stopped ($TOOK ms, $running ms when it runs)" \
	test "$TOOK" -lt $((running * 2 + 2000))
receipt=$(ctl receipt cleo)
like "a receipt is for people" '^processes left: 0$' "$receipt"
is "… without microseconds of what is there already" "" "$(grep -E '[ _]us:? ' <<<"$receipt")"
like "… in JSON with them" '^[0-9]+$' "$(ctl receipt cleo --json | jq .received_us)"
like "… and an attribute keeps its name" '^  login: ada@corp.example$' "$(ctl user ada)"
like "an event names its group" '^Linux Admins$' \
	"$(ctl events --type scim.group.created --json | jq -r '.[].detail')"
refused "to unlock who is not locked names them" '^scimctl: ada is not locked$' ctl unlock ada
refused "half a command shows the whole" '^Usage: scimctl connection add' ctl connection
is "… as wrong usage" 2 "$(ctl connection >/dev/null 2>&1; echo $?)"
is "receipts" "bob cert opt cleo" "$(ctl receipts --json | jq -r '.[].user' | xargs)"
is "receipts of one" "cleo" "$(ctl receipts --user cleo --json | jq -r '.[].user' | xargs)"
metrics=$(ctl metrics)
like "metrics: people by status" '^scimd_users\{status="locked"\} 1$' "$metrics"
like "metrics: pushes" '^scimd_requests_total\{connection="okta",method="POST",code="2xx"\} [1-9]' \
	"$metrics"
like "metrics: offboardings" '^scimd_offboarding_duration_seconds_count [1-9]' "$metrics"
like "metrics: sizes" '^scimd_store_bytes [1-9]' "$metrics"
ok "a textfile for node_exporter" ctl metrics /tmp/scimd.prom
is "… is whole, and for others to read" "644 yes" "$(host_run "$HOST" sh -c \
	'stat -c %a /tmp/scimd.prom; grep -q scimd_info /tmp/scimd.prom && echo yes' | xargs)"
is "its timer is off" disabled "$(host_run "$HOST" systemctl is-enabled scimd-metrics.timer)"
host_run "$HOST" mkdir -p /var/lib/prometheus/node-exporter
ok "… and can be turned on" host_run "$HOST" systemctl enable --now scimd-metrics.timer
ok "… writes the file" t_wait 30000 host_run "$HOST" \
	grep -q scimd_info /var/lib/prometheus/node-exporter/scimd.prom
like "connections have counts" '^[1-9]' "$(ctl connection list --json | jq '.[0].requests')"
like "completion expands nothing" '^0$' "$(host_run "$HOST" bash -c '
	scimctl() { echo "\$(touch /tmp/expanded) \`touch /tmp/expanded\`"; }
	. /usr/share/bash-completion/completions/scimctl
	COMP_WORDS=(scimctl unlock "") COMP_CWORD=2; _scimctl; eval "typed=${COMPREPLY[0]}"
	[ "$typed" = "$(scimctl)" ] && ls /tmp/expanded 2>/dev/null | wc -l')"
for typed in Linux 'Linux\ A' '"Linux A' "'Linux"; do
	wanted='Linux\ Admins'
	[[ $typed != [\"\']* ]] || wanted='Linux Admins' # readline has the quotes already
	is "completion knows names with blanks ($typed)" "$wanted" "$(host_run "$HOST" bash -c '
		. /usr/share/bash-completion/completions/scimctl
		scimctl() { printf "%s\n" "Linux Admins" Linus "a b"; }
		COMP_WORDS=(scimctl group "$1") COMP_CWORD=2; _scimctl; echo "${COMPREPLY[*]}"' - "$typed")"
done
is "completion knows filters" "status= " "$(host_run "$HOST" bash -c '
	. /usr/share/bash-completion/completions/scimctl
	COMP_WORDS=(scimctl users stat) COMP_CWORD=2; _scimctl; echo "${COMPREPLY[*]} "')"
for words in "status =" "status = d"; do
	like "… and what they can be ($words)" '^(active )?denied deactivated' "$(host_run "$HOST" bash -c '
		. /usr/share/bash-completion/completions/scimctl
		COMP_WORDS=(scimctl users $1) COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _scimctl
		echo "${COMPREPLY[*]}"' - "$words")"
done
like "completion knows names" '^cleo$' "$(host_run "$HOST" bash -c '
	. /usr/share/bash-completion/completions/scimctl
	COMP_WORDS=(scimctl unlock cl) COMP_CWORD=2; _scimctl; echo "${COMPREPLY[*]}"')"
t_end
