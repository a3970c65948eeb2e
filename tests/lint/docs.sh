#!/bin/bash
# shellcheck disable=SC2016
# docs.sh BUILD - what is written against what is there; `make lint` runs it.
#
# Manual pages are well formed and have each command and option that the programs have, and no other;
# bash completes the same; each key that the configuration's parser knows is in scimd.conf(5) and in
# etc/scimd.conf, with the default that is in force; links, paths, tests and make's targets that the
# documents name exist. One line for each that does not hold, and exit code 1 if there are any.
# If all is well it looks at a copy of the tree with mistakes in it, all of which it has to find.
set -euo pipefail
build=$(readlink -f "${1:?usage: docs.sh BUILD}")
top=$(readlink -f "$(dirname "$0")/../..")

# both NAME-A NAME-B SENTENCE: lines on the one file that are not in the other, both ways.
both() {
	comm -23 "$work/$1" "$work/$2" | sed "s/^/$1 has, and $2 has not: /"
	comm -13 "$work/$1" "$work/$2" | sed "s/^/$2 has, and $1 has not: /"
}

sorted() {
	LC_ALL=C sort -u >"$work/$1"
}

# --- manual pages -----------------------------------------------------------------------------------

pages() {
	mandoc -T lint -W warning man/*.[158] 2>&1 | grep -v 'outdated mandoc.db' || :
}

# page_options PAGE: the options in its lists, one a line.
page_options() {
	sed -nE '/^\.It Fl /s/^\.It //p' "$1" | tr ',' '\n' |
		sed -nE 's/^ *Fl (-?[A-Za-z-]+).*/-\1/p'
}

# Words that look like options in a program's summary.
help_options() {
	grep -oE -- '(^|[ [(|])--?[A-Za-z][A-Za-z-]*' | sed 's/^[ [(|]//'
}

options() {
	"$build/scimd" --help | help_options | sorted "scimd --help"
	page_options man/scimd.8 | sorted "scimd(8)"
	both "scimd --help" "scimd(8)"
	{
		sed -nE 's/^\t\t\{ "([a-z-]+)", (required|no)_argument.*/--\1/p' scimd/warden/main.c
		sed -nE 's/.*getopt_long\([^"]*"([^"]*)".*/\1/p' scimd/warden/main.c | tr -d ':' |
			fold -w 1 | sed 's/^/-/'
	} | sorted "scimd-warden's options"
	page_options man/scimd-warden.8 | sorted "scimd-warden(8)"
	both "scimd-warden's options" "scimd-warden(8)"
}

# --- scimctl ------------------------------------------------------------------------------------------

# "command: its options besides --json and -q, which the summary leaves out where they say little"
help_commands() {
	"$build/scimctl" --help | sed -nE '/^Options/q; s/^  ([a-z].*)$/\1/p' | awk '{
		name = $1
		if ($2 ~ /^[a-z]+$/) name = name " " $2
		options = ""
		for (i = 2; i <= NF; i++)
			if ($i ~ /^\[?-/) { gsub(/[][]/, "", $i); if ($i !~ /^(--json|-q)$/) options = options " " $i }
		print name ":" options
	}'
}

page_commands() {
	awk '/^\.It Xo/ { open = 1; line = ".It"; next }
		open && /^\.Xc/ { open = 0; print line; next }
		open { sub(/^\./, " "); line = line $0; next }
		/^\.It Cm/ { print }' man/scimctl.1 | awk '{
		name = ""; options = ""; at = "name"
		for (i = 2; i <= NF; i++) {
			if ($i == "Cm" && name == "") continue
			if (at == "name" && $i ~ /^[a-z]+$/) { name = name (name == "" ? "" : " ") $i; continue }
			at = "rest"
			if ($i == "Fl" && $(i + 1) !~ /^(-json|q)$/) options = options " -" $(i + 1)
		}
		print name ":" options
	}'
}

# What bash offers for a command line whose last word is begun.
completed() {
	bash -c '. etc/scimctl.bash-completion; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _scimctl
		printf "%s\n" "${COMPREPLY[@]}"' - scimctl "$@" 2>/dev/null
}

scimctl() {
	local command name option
	help_commands | sorted "scimctl --help"
	page_commands | sorted "scimctl(1)"
	both "scimctl --help" "scimctl(1)"
	cut -d : -f 1 "$work/scimctl --help" | cut -d ' ' -f 1 | sorted "scimctl's commands"
	completed "" | grep -v '^-' | sorted "the completion"
	both "scimctl's commands" "the completion"
	while IFS=: read -r name command; do
		case $name in
		*' '*) grep -qx "${name#* }" <<<"$(completed "${name% *}" "")" ||
			echo "the completion does not offer $name" ;;
		esac
		for option in $command; do
			case $option in
			--*) ;;
			-f) option=--follow ;;
			-n) option=--limit ;;
			esac
			# shellcheck disable=SC2086
			grep -qx -- "$option" <<<"$(completed $name -)" ||
				echo "the completion does not offer $option for $name"
		done
	done <"$work/scimctl --help"
	# The options that are explained in a list of their own.
	"$build/scimctl" --help | sed -n '/^Options/,$p' | help_options |
		grep -v '^--$' | sorted "scimctl's options"
	page_options man/scimctl.1 | sorted "scimctl(1)'s options"
	comm -23 "$work/scimctl's options" "$work/scimctl(1)'s options" |
		sed 's/^/scimctl(1) does not explain /'
}

# --- configuration --------------------------------------------------------------------------------

# "section key", from the parser's tables, the manual page and the example.
parser_keys() {
	awk '/^static const struct key [a-z]+_keys\[\]/ { section = $5; sub(/_keys.*/, "", section) }
		section && match($0, /^\t\{ "[a-z0-9_]+"/) {
			key = substr($0, RSTART + 4, RLENGTH - 5); print section, key }
		/^\};/ { section = "" }' shared/conf.c
}

page_keys() {
	awk '/^\.Ss \[/ { section = $2; gsub(/[][]/, "", section) }
		/^\.Sh/ { section = "" }
		section && /^\.It Sy/ { for (i = 3; i <= NF; i++) if ($i != ",") print section, $i }' man/scimd.conf.5
}

example_keys() {
	awk '/^#?\[[a-z]+( [a-z_]+)?\]$/ { section = $1; gsub(/[][#]/, "", section) }
		/^#[a-z0-9_]+ =/ { sub(/^#/, "", $1); print section, $1 }' etc/scimd.conf
}

# The example with every default made a setting must mean the same as without.
example_defaults() {
	sed -E '/^#\[/,$s/^/#/; s/^#([a-z0-9_]+ =)/\1/' etc/scimd.conf >"$work/set.conf"
	: >"$work/empty.conf"
	"$build/scimd" -t -C '' -c "$work/set.conf" >"$work/set" 2>&1 || {
		echo "etc/scimd.conf with its defaults set is not valid: $(cat "$work/set")"
		return 0
	}
	"$build/scimd" -t -C '' -c "$work/empty.conf" >"$work/empty" 2>&1
	diff "$work/empty" "$work/set" | sed -n 's/^> /etc\/scimd.conf shows another default: /p'
}

configuration() {
	parser_keys | sorted "the parser"
	[ "$(wc -l <"$work/the parser")" -ge 40 ] || echo "the parser's tables were not found in shared/conf.c"
	page_keys | sorted "scimd.conf(5)"
	example_keys | sorted "the example"
	both "the parser" "scimd.conf(5)"
	both "the parser" "the example"
	example_defaults
}

# --- what documents name ------------------------------------------------------------------------

# An anchor as a heading gets it: lower case, blanks to hyphens, no punctuation.
anchors() {
	sed -nE 's/^#+ //p' "$1" | tr '[:upper:]' '[:lower:]' | sed -E 's/[^a-z0-9 _-]//g; s/ /-/g'
}

links() {
	local file=$1 link path
	grep -oE '\]\([^)#]*(#[^)]*)?\)' "$file" | sed -E 's/^\]\(//; s/\)$//' | grep -vE '^https?:' |
		while read -r link; do
			path=$(dirname "$file")/${link%%#*}
			[ -n "${link%%#*}" ] || path=$file
			if [ ! -e "$path" ]; then
				echo "$file: there is no $link"
			elif [[ $link == *'#'* ]] && ! grep -qx -- "${link#*#}" <<<"$(anchors "$path")"; then
				echo "$file: there is no heading $link"
			fi
		done
	sed -nE 's/.*\]\[([^]]+)\].*/&/p' "$file" | grep -oE '\]\[[^]]+\]' | sed 's/^\]\[//; s/\]$//' | sort -u |
		while read -r link; do
			grep -q "^\[$link\]: " "$file" || echo "$file: the link [$link] goes nowhere"
		done
}

names() {
	local file=$1 name
	# Fenced blocks are run by a test of their own.
	sed '/^```/,/^```$/d' "$file" | grep -oE '`[^`]+`' | tr -d '`' >"$work/code" || :
	grep -E '^(tests|docs|etc|man|scimd|shared|pam_scim|nss_scim|scimctl|systemd|debian|bench)/[A-Za-z0-9_./-]+$' \
		"$work/code" | while read -r name; do
		[ -e "$name" ] || echo "$file: there is no $name"
	done
	grep -E '^test_[a-z_]+\.sh$' "$work/code" | while read -r name; do
		[ -e "tests/host/$name" ] || echo "$file: there is no tests/host/$name"
	done
	{
		sed -nE 's/^(sudo )?make ([a-z-]+).*/\2/p' "$work/code"
		sed -nE 's/^(sudo )?make ([a-z-]+).*/\2/p' "$file"
	} | sort -u | while read -r name; do
		grep -qE "^([a-z -]* )?$name( [a-z -]*)?:([^=]|$)" Makefile || echo "$file: make has no target $name"
	done
	sed -nE 's/^(sudo )?scimctl ([a-z]+)( ([a-z]+))?.*/\2 \4/p' "$work/code" | sort -u |
		while read -r name; do
			grep -qE "^${name% *}( |:)" "$work/scimctl --help" ||
				grep -qE "^$name( |:)" "$work/scimctl --help" ||
				echo "$file: scimctl has no command $name"
		done
}

documents() {
	local file
	for file in README.md docs/*.md tests/*/README.md; do
		links "$file"
		names "$file"
	done
}

look() {
	work=$(mktemp -d)
	pages
	options
	scimctl
	configuration
	documents
	rm -rf "$work"
}

# The mistakes that must be found: file, change by sed, and what is said about it.
mistakes='
man/nss_scim.8|s/^\.Bl -bullet/.Bl -bulled/|nss_scim.8
man/scimd.8|s/^\.It Fl -state/.It Fl -stat/|scimd --help has, and scimd.8. has not: --state
man/scimd-warden.8|s/^\.It Fl -no-reap/.It Fl -no-kill/|scimd-warden.8. has, and .* has not: --no-kill
man/scimctl.1|s/^(\.It Cm lock .*)-reason/\1-because/|scimctl.1. has, and .* has not: lock: --because
man/scimctl.1|s/^\.It Cm unlock/.It Cm open/|scimctl --help has, and .* has not: unlock:
etc/scimctl.bash-completion|s/ doctor / /|the completion has not: doctor
etc/scimctl.bash-completion|s/ --finish//|the completion does not offer --finish
etc/scimd.conf|s/^#deadline_ms = 2000/#deadline_ms = 3000/|another default: deadline_ms = 3000
etc/scimd.conf|s/^#grace_ms = 0//|the example has not: offboard grace_ms
man/scimd.conf.5|s/^\.It Sy max_body/.It Sy max_size/|scimd.conf.5. has not: server max_body
shared/conf.c|s/^\t\{ "rate_limit"/\t{ "rate"/|the parser has, and .* has not: server rate
README.md|s/docs\/okta\.md/docs\/oktta.md/|README.md: there is no docs/oktta.md
README.md|s/^\[sssd-conf\]/[sssd-config]/|README.md: the link .sssd-conf. goes nowhere
docs/security.md|s/test_leaver\.sh/test_lever.sh/|there is no tests/host/test_lever.sh
docs/offboarding.md|s/make torture/make tortures/|make has no target tortures
docs/troubleshooting.md|s/`scimctl lock`/`scimctl block`/|scimctl has no command block
docs/okta.md|s/#hosts-that-okta/#hosts-which-okta/|there is no heading #hosts-which-okta
'

self() {
	local copy found file change sentence
	copy=$(mktemp -d)
	tar -C "$top" -c --warning=no-file-changed --exclude=./.git --exclude=./build --exclude=./tests/fuzz/corpus . | tar -x -C "$copy" || :
	cd "$copy"
	while IFS='|' read -r file change sentence; do
		[ -z "$file" ] || sed -i -E "$change" "$file"
	done <<<"$mistakes"
	found=$(look)
	cd "$top"
	rm -rf "$copy"
	while IFS='|' read -r file change sentence; do
		[ -z "$file" ] || grep -q -- "$sentence" <<<"$found" ||
			{ echo "docs.sh does not find $change in $file"; result=1; }
	done <<<"$mistakes"
}

cd "$top"
found=$(look)
[ -z "$found" ] || { echo "$found"; exit 1; }
result=0
self
exit $result
