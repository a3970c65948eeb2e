# shellcheck shell=bash disable=SC2034,SC2154
# pages.sh - runs the code blocks of a page, to be sourced by tests/host/test_docs.sh after people.sh.
# README.md says what the blocks mean. A page's commands go to one shell on the page's host, so that
# variables and the current folder last from block to block.

PAGE=
PAGES=0
PAGES_RUN=0
PAGES_COMPARED=0
PAGES_FILES=0
PAGES_EXCUSED=()
PAGE_TIMEOUT=${PAGE_TIMEOUT:-30}

page_fail() {
	t_fail "$PAGE:$1: $2"
	t_indent "${3:-}"
}

# --- the page's shell ----------------------------------------------------------------------------

page_shell_start() {
	coproc PAGE_SHELL { host_run "$HOST" bash 2>&1; }
	page_pid=$PAGE_SHELL_PID
	page_shell 'set -uo pipefail; cd; export PAGER=cat DEBIAN_FRONTEND=noninteractive EDITOR=editor'
}

page_shell_stop() {
	eval "exec ${PAGE_SHELL[1]}>&-"
	wait "$page_pid" 2>/dev/null
}

# page_shell COMMAND: runs it; fills PAGE_OUTPUT and PAGE_STATUS.
page_shell() {
	local line
	PAGE_OUTPUT=
	PAGE_STATUS=
	printf '{ %s\n} </dev/null; printf "\\n@@%%s\\n" $?\n' "$1" >&"${PAGE_SHELL[1]}"
	while IFS= read -r -t "$PAGE_TIMEOUT" -u "${PAGE_SHELL[0]}" line; do
		if [[ $line =~ ^@@([0-9]+)$ ]]; then
			PAGE_STATUS=${BASH_REMATCH[1]}
			while [[ $PAGE_OUTPUT == *$'\n' ]]; do
				PAGE_OUTPUT=${PAGE_OUTPUT%$'\n'}
			done
			return "$PAGE_STATUS"
		fi
		PAGE_OUTPUT+=$line$'\n'
	done
	PAGE_STATUS="none in $PAGE_TIMEOUT s"
	return 1
}

# --- blocks --------------------------------------------------------------------------------------

# page_command LINE COMMAND
page_command() {
	local wrong
	PAGES_RUN=$((PAGES_RUN + 1))
	if ! wrong=$(bash -n <<<"$2" 2>&1) || [ -n "$wrong" ]; then
		page_fail "$1" "is no command: $2" "$wrong"
	elif page_shell "$2"; then
		t_pass "$PAGE:$1: ${2%%$'\n'*}"
		page_noticed
	else
		page_fail "$1" "exit code $PAGE_STATUS from: $2" "$PAGE_OUTPUT"
	fi
}

# What else the reader would take along from a command's output: the token.
page_noticed() {
	if [[ $PAGE_OUTPUT =~ Token:\ +([A-Za-z0-9_-]{43}) ]]; then
		world_token "${BASH_REMATCH[1]}"
	fi
}

# page_sh LINE TEXT: a command goes on as long as the shell says that it is not complete.
page_sh() {
	local number=$1 line command=
	while IFS= read -r line; do
		number=$((number + 1))
		command+=${command:+$'\n'}$line
		# An open here-document is a mere warning.
		if [[ $line == *\\ ]] || [ -n "$(bash -n <<<"$command" 2>&1)" ]; then
			continue
		fi
		[[ $command =~ ^[[:space:]]*(#.*)?$ ]] || page_command "$number" "$command"
		command=
	done <<<"$2"
	[ -z "$command" ] || page_command "$number" "$command"
}

# page_matches WANTED GOT
page_matches() {
	local wanted got line skip=
	mapfile -t wanted < <(sed -E 's/[[:blank:]]+/ /g; s/ $//; s/[][*?\\]/\\&/g; s/…/*/g' <<<"$1")
	mapfile -t got < <(sed -E 's/[[:blank:]]+/ /g; s/ $//' <<<"$2")
	for line in "${wanted[@]}"; do
		if [ "$line" = '*' ]; then
			skip=1
			continue
		fi
		# shellcheck disable=SC2053
		while [ ${#got[@]} -gt 0 ] && [[ ${got[0]} != $line ]]; do
			[ -n "$skip" ] || return 1
			got=("${got[@]:1}")
		done
		[ ${#got[@]} -gt 0 ] || return 1
		got=("${got[@]:1}")
		skip=
	done
	[ -n "$skip" ] || [ ${#got[@]} -eq 0 ]
}

page_compare() {
	[ -n "$2" ] || return 0
	PAGES_COMPARED=$((PAGES_COMPARED + 1))
	if page_matches "$2" "$PAGE_OUTPUT"; then
		t_pass "$PAGE:$1: prints what the page says"
	else
		page_fail "$1" "prints something else than the page says" "$PAGE_OUTPUT"
	fi
}

page_console() {
	local number=$1 line text='' at=
	while IFS= read -r line; do
		number=$((number + 1))
		if [[ $line == '# '* ]]; then
			[ -z "$at" ] || page_compare "$at" "$text"
			page_command "$number" "${line#??}"
			at=$number
			text=
		elif [ -z "$at" ]; then
			page_fail "$number" "output before the first command"
		else
			text+=${text:+$'\n'}$line
		fi
	done <<<"$2"
	page_compare "$at" "$text"
}

# page_file LINE PATH TEXT
page_file() {
	PAGES_FILES=$((PAGES_FILES + 1))
	host_run "$HOST" sh -c 'umask 022; mkdir -p "${1%/*}" && cat >"$1"' - "$2" <<<"$3" ||
		page_fail "$1" "cannot write $2"
	if [[ $3 == '#!'* ]]; then
		host_run "$HOST" chmod 0755 "$2"
	fi
	t_pass "$PAGE:$1: is $2"
}

page_ini() {
	local said
	PAGES_FILES=$((PAGES_FILES + 1))
	if said=$(host_run "$HOST" sh -c 'cat >/run/fragment.conf && scimd -t -c /run/fragment.conf -C ""' \
		<<<"$2" 2>&1); then
		t_pass "$PAGE:$1: is a valid configuration"
	else
		page_fail "$1" "is no valid configuration" "$said"
	fi
}

# page_elsewhere LINE TEST TEXT
page_elsewhere() {
	local line
	PAGES_EXCUSED+=("$PAGE:$1: run by $2")
	while IFS= read -r line; do
		grep -qF -- "${line#sudo }" "$SCIM_TOP/$2" ||
			page_fail "$1" "$2 does not run this" "$line"
	done <<<"$3"
}

page_block() {
	local number=$1 info=$2 text=$3
	case $info in
	sh | bash) page_sh "$number" "$text" ;;
	console) page_console "$number" "$text" ;;
	*' not run: '?*) PAGES_EXCUSED+=("$PAGE:$number: ${info#* not run: }") ;;
	'sh on the machine: '?*) page_elsewhere "$number" "${info#sh on the machine: }" "$text" ;;
	[a-z]*' /'*) page_file "$number" "${info#* }" "$text" ;;
	ini) page_ini "$number" "$text" ;;
	text | yaml | json | nginx) ;;
	*) page_fail "$number" "a code block that does not say what it is: '$info'" ;;
	esac
}

# --- pages ---------------------------------------------------------------------------------------

page_walk() {
	local line number=0 info text='' start=
	while IFS= read -r line <&"$1"; do
		number=$((number + 1))
		if [ -n "$start" ]; then
			if [ "$line" = '```' ]; then
				page_block "$start" "$info" "$text"
				start=
			else
				text+=${text:+$'\n'}$line
			fi
		elif [[ $line == '```'* ]]; then
			info=${line#'```'}
			text=
			start=$number
		elif [[ $line =~ ^'<!-- test: '(.*)' -->'$ ]]; then
			eval "${BASH_REMATCH[1]}" || page_fail "$number" "${BASH_REMATCH[1]}: $(scim_said)"
		fi
	done
	[ -z "$start" ] || page_fail "$start" "a code block that does not end"
}

# page_run FILE: a host, the page's blocks in order, and the host's end.
page_run() {
	local page
	PAGE=$1
	PAGES=$((PAGES + 1))
	HOST=t-docs-$PAGES-$$
	failed_before=$T_FAILED
	world_start || { page_fail 0 "no host"; world_end; return; }
	page_shell_start
	exec {page}<"$SCIM_TOP/$1"
	page_walk "$page"
	exec {page}<&-
	page_shell_stop
	world_end
}

page_report() {
	local excused
	T_NAME="docs ($PAGES_RUN run, $PAGES_COMPARED compared, $PAGES_FILES files, ${#PAGES_EXCUSED[@]} excused)"
	for excused in "${PAGES_EXCUSED[@]}"; do
		echo "excused $excused"
	done
}
