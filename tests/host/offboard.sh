# shellcheck shell=bash disable=SC1091,SC2016,SC2034,SC2154
# offboard.sh - for tests of what people leave behind, to be sourced: each "kind" is something that
# a person of its own starts, and which must be gone when the provider has read 2xx.

# shellcheck source=people.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/people.sh"

KINDS=()
declare -A KIND_ID KIND_UID KIND_LEAST KIND_LOGIN

# Machine pids of the host's processes whose command line contains the text.
pids_of() {
	local init namespace pid
	init=$(host_pid "$HOST") || return
	namespace=$(readlink "/proc/$init/ns/pid")
	for pid in $(pgrep -f -- "$1"); do
		[ "$(readlink "/proc/$pid/ns/pid" 2>/dev/null)" = "$namespace" ] && echo "$pid"
	done
}

# kind NAME LEAST START [MARK]: a person NAME for whom `START NAME` (a function here) is run; then
# at least LEAST processes with MARK ("sleep 7NAME" by default) in their command line are there.
kind() {
	local name=$1 least=$2 start=$3 mark=${4:-}
	person "$name" secret-1 >"$T_DIR/person" || { cat "$T_DIR/person"; return 1; }
	KIND_ID[$name]=$ID
	KIND_UID[$name]=$PERSON_UID
	KIND_LEAST[$name]=$least
	[ -z "${ADMINS:-}" ] || scim_add_member "$ADMINS" "$ID" "$name@corp.example"
	LOGIN=
	"$start" "$name" >"$T_DIR/start.$name" 2>&1
	KIND_LOGIN[$name]=$LOGIN
	KINDS+=("$name:$mark")
}

# Everything was started; now each person leaves, and nobody else does.
kinds_leave() {
	local entry name mark uid
	for entry in "${KINDS[@]}"; do
		name=${entry%%:*} mark=${entry#*:} uid=${KIND_UID[$name]}
		T_POLL=0.1
		if ! t_wait 60000 kind_runs "$name" "$mark"; then
			t_fail "$name: did not start: $(scim_pids "$uid" | wc -l) of ${KIND_LEAST[$name]}"
			t_indent "$(tail -n 5 "$T_DIR/start.$name")"
			continue
		fi
		if scim_offboard "${KIND_ID[$name]}" "$uid"; then
			t_pass "$name: $SCIM_ENDED processes gone after $SCIM_GONE_MS ms"
		else
			t_fail "$name: $(scim_said)"
			t_indent "$(t_processes_of "$uid" | tail -n 10)"
		fi
		[ -z "$mark" ] || is "$name: nothing of '$mark'" "" "$(pids_of "$mark")"
		[ -z "${KIND_LOGIN[$name]}" ] || ok "$name: the client was cut off" \
			t_wait 10000 eval "! kill -0 ${KIND_LOGIN[$name]}"
	done
}

kind_runs() {
	[ "$(scim_pids "${KIND_UID[$1]}" | wc -l)" -ge "${KIND_LEAST[$1]}" ] &&
		{ [ -z "$2" ] || [ -n "$(pids_of "$2")" ]; }
}

kinds_sessions() {
	host_run "$HOST" loginctl list-sessions --no-legend | grep -wE "$(IFS='|'; echo "${!KIND_UID[*]}")"
}

# A while later still nothing is left of any of them, and no session.
kinds_stay_gone() {
	local entry name uid left=
	sleep "${1:-2}"
	for entry in "${KINDS[@]}"; do
		name=${entry%%:*} uid=${KIND_UID[$name]}
		[ -z "$(scim_pids "$uid")" ] || left+="$name: $(t_processes_of "$uid" | tail -n 5) "
	done
	is "${1:-2} s later nothing of anybody is back" "" "$left"
	# logind itself may take 20 s to forget one in which nothing runs any more.
	t_wait 30000 eval '[ -z "$(kinds_sessions)" ]'
	is "no session is left" "" "$(kinds_sessions)"
	is "nobody lingers" "" "$(host_run "$HOST" ls /var/lib/systemd/linger 2>/dev/null)"
}

# The host's ssh client options with our own on top: ssh_with NAME OPTION… [CMD…]
ssh_with() {
	local name=$1 dir
	shift
	dir=$(host_dir "$HOST")
	ssh -F none -o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$dir/known_hosts" \
		-o GlobalKnownHostsFile=/dev/null -o IdentitiesOnly=yes -o BatchMode=yes \
		-i "$T_DIR/key" -l "$name" "$(host_address "$HOST")" "$@"
}

# Runs a command in a login of its own and logs out again.
in_login() {
	host_ssh "$HOST" "$1" "$T_DIR/key" "$2"
}

# The same as root by sudo.
in_sudo() {
	host_ssh "$HOST" "$1" "$T_DIR/key" "echo secret-1 | sudo -S -p '' $2"
}

admins_group() {
	scim_add_group "Linux Admins" || t_fail "POST the admins: $(scim_said)"
	ADMINS=$(scim_id)
}

# Both daemons run with steps.c in them, which a word in the host's /run/scimd-step stops at a step.
steps_install() {
	local unit
	ok "what stops at a step is compiled" cc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -O1 \
		-shared -fPIC -o "$T_DIR/steps.so" "$here/steps.c"
	host_push "$HOST" "$T_DIR/steps.so" /usr/local/lib/steps.so
	for unit in scimd scimd-warden; do
		host_run "$HOST" mkdir -p "/etc/systemd/system/$unit.service.d"
		host_run "$HOST" sh -c 'printf "[Service]\nEnvironment=LD_PRELOAD=/usr/local/lib/steps.so\n" \
			>"/etc/systemd/system/$1.service.d/steps.conf"' - "$unit"
	done
	host_run "$HOST" systemctl daemon-reload
	host_run "$HOST" systemctl restart scimd-warden scimd
	scim_ready
}

# A host with an administrator, ada, and both daemons so prepared: her processes are those of $uid.
steps_setup() {
	people_setup
	admins_group
	person ada secret-1
	uid=$PERSON_UID
	scim_add_member "$ADMINS" "$ID" ada@corp.example
	steps_install
	T_POLL=0.02
}
