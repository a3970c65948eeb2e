# shellcheck shell=bash disable=SC2016,SC2034
# scim.sh - a host with our packages, and an identity provider to it, to be sourced after lib.sh.
#
# HOST names the host, SCIM_DIR is a scratch folder. scim_setup fills SCIM_TOKEN, SCIM_CA and
# SCIM_URL; scim sends one request as Okta does and fills SCIM_STATUS and SCIM_BODY.

SCIM_TOP=$(dirname "$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")")
SCIM_DEBS=${SCIM_DEBS:-$SCIM_TOP/${BUILD:-build}/deb}
case ${BUILD:-} in /*) SCIM_DEBS=$BUILD/deb ;; esac
SCIM_PORT=8643
SCIM_DIRECTORY=/var/lib/scimd/public/directory
SCIM_POSIX=urn:ietf:params:scim:schemas:extension:posix:2.0:User
SCIM_STATUS=
SCIM_BODY=

# The packages' files, one line each; fails if one of the three is missing.
scim_debs() {
	local name found
	for name in scimd libnss-scim libpam-scim; do
		found=$(find "$SCIM_DEBS" -maxdepth 1 -name "${name}_*.deb" -printf '%T@ %p\n' \
			2>/dev/null | sort -rn | head -n 1 | cut -d ' ' -f 2-)
		if [ -z "$found" ]; then
			echo "no package $name in $SCIM_DEBS: make deb" >&2
			return 1
		fi
		echo "$found"
	done
}

scim_install() {
	local debs=() list
	list=$(scim_debs) || return
	mapfile -t debs <<<"$list"
	host_install "$HOST" "${debs[@]}"
}

# Puts a configuration drop-in (stdin) in place: scim_configure NAME
scim_configure() {
	host_run "$HOST" sh -c 'umask 022; mkdir -p /etc/scimd/scimd.conf.d &&
		cat >"/etc/scimd/scimd.conf.d/$1.conf"' - "$1"
}

# What an administrator writes to let the identity provider in and to map one group to sudo.
scim_configure_usual() {
	scim_configure host <<-END
		[server]
		listen = 0.0.0.0:$SCIM_PORT

		[identity]
		passwords = on

		[role admin]
		groups = Linux Admins
		local_groups = sudo
	END
}

# Until scimd answers and has its warden, without which pushes are to be sent again.
scim_ready() {
	local tries
	for ((tries = 0; tries < 300; tries++)); do
		[ "$(host_run "$HOST" scimctl status --json 2>/dev/null </dev/null |
			jq .warden.connected)" = true ] && return
		sleep 0.1
	done
	echo "scimd is not ready after 30 s" >&2
	return 1
}

scim_reloads() {
	host_run "$HOST" journalctl -b -u scimd -o cat --no-pager </dev/null |
		grep -cE 'configuration reloaded$|reload refused|reload, the old configuration stays'
}

# A reload, until scimd says what came of it: systemctl only sends the signal.
scim_reload() {
	local before tries
	before=$(scim_reloads)
	host_run "$HOST" systemctl reload scimd </dev/null || return
	for ((tries = 0; tries < 300; tries++)); do
		[ "$(scim_reloads)" -gt "$before" ] && return
		sleep 0.05
	done
	echo "scimd has not said what came of the reload" >&2
	return 1
}

# Adds the connection inside and keeps what an identity provider is given: scim_connect NAME
scim_connect() {
	local json
	json=$(host_run "$HOST" scimctl connection add "$1" --json </dev/null) || return
	SCIM_TOKEN=$(jq -er .token <<<"$json") && SCIM_BASE_URL=$(jq -er .base_url <<<"$json") &&
		[ "$(jq -r .name <<<"$json")" = "$1" ] || return
	printf 'Authorization: Bearer %s\n' "$SCIM_TOKEN" >"$SCIM_DIR/auth"
	chmod 0600 "$SCIM_DIR/auth"
	SCIM_CA=$SCIM_DIR/ca.pem
	host_run "$HOST" cat /var/lib/scimd/tls/cert.pem </dev/null >"$SCIM_CA" || return
	SCIM_ADDRESS=$(host_address "$HOST") || return
	# The certificate is the host's own, for localhost among others.
	SCIM_URL=https://localhost:$SCIM_PORT/scim/v2
	scim_ready
}

# Installs, configures, connects: from a bare host to one that takes pushes.
scim_setup() {
	scim_install && scim_configure_usual && host_run "$HOST" systemctl restart scimd &&
		scim_connect okta
}

# Arguments for curl that every request has, one line each.
scim_curl_arguments() {
	printf '%s\n' -sS --max-time "${SCIM_TIMEOUT:-60}" --cacert "$SCIM_CA" \
		--connect-to "localhost:$SCIM_PORT:$SCIM_ADDRESS:$SCIM_PORT" \
		-H "@$SCIM_DIR/auth" -H 'Accept: application/scim+json' \
		-H 'Accept-Charset: utf-8' -H 'User-Agent: Okta SCIM Client 1.0.0'
}

# scim METHOD PATH [JSON]: sends it, fills SCIM_STATUS (000: no answer), SCIM_BODY and
# SCIM_SENT_US, the time when the request left. Succeeds for a 2xx.
scim() {
	local method=$1 path=$2 body=${3:-} arguments out status total pretransfer
	mapfile -t arguments < <(scim_curl_arguments)
	if [ -n "$body" ]; then
		arguments+=(-H 'Content-Type: application/scim+json; charset=utf-8'
			--data-binary @-)
	fi
	: >"$SCIM_DIR/body"
	out=$(curl "${arguments[@]}" -X "$method" -o "$SCIM_DIR/body" \
		-w '%{http_code} %{time_total} %{time_pretransfer}' "$SCIM_URL$path" \
		<<<"$body" 2>"$SCIM_DIR/curl.log") || :
	SCIM_DONE_US=${EPOCHREALTIME/[.,]/}
	read -r status total pretransfer <<<"$out"
	SCIM_STATUS=${status:-000}
	# curl gives seconds with six decimals: microseconds without the dot.
	SCIM_SENT_US=$((SCIM_DONE_US - 10#${total/[.,]/} + 10#${pretransfer/[.,]/}))
	SCIM_BODY=$(cat "$SCIM_DIR/body")
	[[ $SCIM_STATUS == 2* ]]
}

# What went wrong, for people: status and detail of the last answer.
scim_said() {
	local detail
	detail=$(jq -r '.detail // empty' <<<"$SCIM_BODY" 2>/dev/null)
	echo "HTTP $SCIM_STATUS ${detail:-${SCIM_BODY:0:200}}$(cat "$SCIM_DIR/curl.log")"
}

scim_id() {
	jq -r .id <<<"$SCIM_BODY"
}

# The user Okta would create: scim_user USERNAME GIVEN FAMILY [PUBLIC-KEY] [PASSWORD]
scim_user() {
	jq -cn --arg user "$1" --arg given "$2" --arg family "$3" --arg key "${4:-}" \
		--arg password "${5:-$(openssl rand -hex 12)}" --arg posix "$SCIM_POSIX" '{
		schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
		userName: $user, name: {givenName: $given, familyName: $family},
		emails: [{primary: true, value: $user, type: "work"}],
		displayName: "\($given) \($family)", locale: "en-US",
		externalId: "00u\($user | @base64 | gsub("[^A-Za-z0-9]"; ""))",
		groups: [], password: $password, active: true
		} + if $key == "" then {} else
		{schemas: ["urn:ietf:params:scim:schemas:core:2.0:User", $posix],
		 ($posix): {sshPublicKeys: [$key]}} end'
}

# A PATCH of one operation: scim_patch JSON-OPERATION
scim_patch() {
	jq -cn --argjson operation "$1" '{
		schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
		Operations: [$operation]}'
}

# scim_add_user USERNAME GIVEN FAMILY [PUBLIC-KEY] [PASSWORD]: creates it; SCIM_BODY has the id.
scim_add_user() {
	scim POST /Users "$(scim_user "$@")"
}

# scim_add_group NAME: creates an empty one.
scim_add_group() {
	scim POST /Groups "$(jq -cn --arg name "$1" '{
		schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
		displayName: $name, members: []}')"
}

# scim_add_member GROUP-ID USER-ID USERNAME
scim_add_member() {
	scim PATCH "/Groups/$1" "$(scim_patch "$(jq -cn --arg id "$2" --arg user "$3" \
		'{op: "add", path: "members", value: [{value: $id, display: $user}]}')")"
}

# scim_remove_member GROUP-ID USER-ID
scim_remove_member() {
	scim PATCH "/Groups/$1" "$(scim_patch "$(jq -cn --arg id "$2" \
		'{op: "remove", path: "members[value eq \"\($id)\"]"}')")"
}

# scim_active USER-ID true|false: Okta's form, without a path.
scim_active() {
	scim PATCH "/Users/$1" "$(scim_patch "{\"op\":\"replace\",\"value\":{\"active\":$2}}")"
}

# --- processes of a person, seen from the machine ----------------------------------------------

# The machine's pids of processes in the host whose real, effective, saved or filesystem uid or
# audit login uid is the given one. Zombies have nothing left to run and are left out.
scim_pids() {
	local uid=$1 init namespace pid
	init=$(host_pid "$HOST") || return
	namespace=$(readlink "/proc/$init/ns/pid")
	{
		grep -sE '^(State|Uid):' /proc/[0-9]*/status
		grep -sH . /proc/[0-9]*/loginuid
	} | awk -v uid="$uid" '
		{ split($1, path, "/"); pid = path[3] }
		$1 ~ /State:$/ && $2 == "Z" { zombie[pid] = 1 }
		$1 ~ /Uid:$/ && ($2 == uid || $3 == uid || $4 == uid || $5 == uid) { theirs[pid] = 1 }
		$1 ~ /loginuid:/ { split($1, part, ":"); if (part[2] == uid) theirs[pid] = 1 }
		END { for (pid in theirs) if (!(pid in zombie)) print pid }' |
		while read -r pid; do
			if [ "$(readlink "/proc/$pid/ns/pid" 2>/dev/null)" = "$namespace" ]; then
				echo "$pid"
			fi
		done
}

# Waits until the given processes are gone or zombies, prints when that was, in microseconds.
scim_watch_gone() {
	local pid stat nap deadline_us=$((${EPOCHREALTIME/[.,]/} + ${SCIM_WATCH_MS:-15000} * 1000))
	# Reading from a pipe that never has anything is a sleep without a process.
	exec {nap}<> <(:)
	while [ $# -gt 0 ]; do
		pid=$1
		if read -r stat 2>/dev/null <"/proc/$pid/stat"; then
			stat=${stat##*) }
			case $stat in
			[ZX]*) shift ;;
			*)
				[ "${EPOCHREALTIME/[.,]/}" -lt "$deadline_us" ] || return 1
				read -r -t 0.001 -u "$nap" || :
				;;
			esac
		else
			shift
		fi
	done
	echo "${EPOCHREALTIME/[.,]/}"
}

# scim_offboard USER-ID UID: deactivates and fills SCIM_GONE_MS, from the PATCH leaving to the
# last of the person's processes gone; SCIM_ENDED is how many there were. Fails if the PATCH was
# refused, there was nothing to end, or something is left.
scim_offboard() {
	local id=$1 uid=$2 pids=() gone_us watcher left tries
	# Who always has another pid is not in every look.
	for ((tries = 0; tries < 100; tries++)); do
		mapfile -t pids < <(scim_pids "$uid")
		[ ${#pids[@]} -eq 0 ] || break
		sleep 0.05
	done
	SCIM_ENDED=${#pids[@]}
	SCIM_GONE_MS=
	if [ "$SCIM_ENDED" -eq 0 ]; then
		SCIM_STATUS=000 SCIM_BODY=
		echo "nothing to end" >"$SCIM_DIR/curl.log"
		return 1
	fi
	scim_watch_gone "${pids[@]}" >"$SCIM_DIR/gone" &
	watcher=$!
	scim_active "$id" false || { kill $watcher; wait $watcher 2>/dev/null; return 1; }
	wait $watcher || return
	gone_us=$(cat "$SCIM_DIR/gone")
	left=$(scim_pids "$uid")
	[ -z "$left" ] || { echo "left: $left" >"$SCIM_DIR/curl.log"; return 1; }
	SCIM_GONE_MS=$(((gone_us - SCIM_SENT_US + 500) / 1000))
}
