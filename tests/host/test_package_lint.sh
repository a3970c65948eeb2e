#!/bin/bash
# What can be said of the packages without installing them: lintian, what the programs need, the man
# pages, and that pages, help texts and the sample configuration tell the same.
# shellcheck disable=SC2016 source=t.sh
. "$(dirname "$(readlink -f "$0")")/t.sh"
# shellcheck source=scim.sh
. "$(dirname "$(readlink -f "$0")")/scim.sh"
SCIM_DIR=$T_DIR
man=$SCIM_TOP/man

list=$(scim_debs) || { t_fail "there are packages"; t_end; }
mapfile -t debs <<<"$list"
for deb in "${debs[@]}"; do
	dpkg-deb -x "$deb" "$T_DIR/root"
done
root=$T_DIR/root

# Errors and warnings that debian/*.lintian-overrides explains are not shown.
# It leaves a file or two in its temporary folder.
is "lintian --pedantic" "" "$(TMPDIR=$T_DIR lintian --allow-root --pedantic --fail-on none "${debs[@]}" 2>&1)"

# needs FILE WANTED: exactly these libraries. The modules live in every process.
needs() {
	is "${1##*/} needs $2" "$2" "$(objdump -p "$root/$1" |
		awk '$1 == "NEEDED" { print $2 }' | sort | paste -sd ' ')"
}
library=usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
needs "$library/libnss_scim.so.2" "libc.so.6"
needs "$library/security/pam_scim.so" "libc.so.6 libpam.so.0"
needs usr/libexec/scim-authorized-keys "libc.so.6"
needs usr/libexec/scimd-warden "libc.so.6 libsystemd.so.0"
needs usr/sbin/scimd "libc.so.6 libcrypt.so.1 libcurl-gnutls.so.4 libdb-5.3.so libgnutls.so.30 libjson-c.so.5 libmicrohttpd.so.12"
needs usr/bin/scimctl "libc.so.6 libcurl-gnutls.so.4 libgnutls.so.30 libjson-c.so.5 libpam.so.0"

# Each page is there, and groff has nothing to say about it.
for page in scimctl.1 scimd.conf.5 scimd.8 scimd-warden.8 nss_scim.8 pam_scim.8 \
	scim-authorized-keys.8; do
	ok "$page is installed" test -s "$root/usr/share/man/man${page##*.}/$page.gz"
	is "$page has no warnings" "" \
		"$(groff -mandoc -Tutf8 -ww -Kutf8 -rLL=78n -z "$man/$page" 2>&1)"
	groff -mandoc -Tascii -P -cbou -rLL=200n "$man/$page" 2>/dev/null | tr -s ' ' \
		>"$T_DIR/${page%.*}.text"
done

# said PAGE WHAT TEXT: the page has this text.
said() {
	grep -qF -- "$3" "$T_DIR/$1.text" && t_pass "$1 names $2" || t_fail "$1 does not name $2"
}

# options PAGE FILE: each long option of a help text.
options() {
	local option
	for option in $(grep -oE -- '--[a-z][a-z-]+' "$2" | sort -u); do
		said "$1" "$option" "$option"
	done
	ok "$1: options were found" grep -q -- -- "$2"
}
"$root/usr/sbin/scimd" --help >"$T_DIR/scimd.help"
"$root/usr/bin/scimctl" --help >"$T_DIR/scimctl.help"
"$root/usr/libexec/scimd-warden" --help 2>&1 | sed -n '/^usage/,$p' >"$T_DIR/warden.help"
options scimd "$T_DIR/scimd.help"
options scimctl "$T_DIR/scimctl.help"
options scimd-warden "$T_DIR/warden.help"
# The commands, by their words before the first operand or option.
while read -r command; do
	said scimctl "$command" "$command"
done < <(grep -E '^  [a-z]' "$T_DIR/scimctl.help" | sed -E 's/^ +//; s/ ([[-]|[A-Z]).*//')

# Each key that scimd knows is in the page and, with its default, in the sample.
: >"$T_DIR/empty.conf"
printf '[role a]\ngroups = x\n[attribute a]\nsource = title\n[connection a]\ntoken_sha256 = %064d\n' 1 \
	>"$T_DIR/all.conf"
"$root/usr/sbin/scimd" -t -c "$T_DIR/all.conf" -C '' >"$T_DIR/keys"
ok "keys are listed" test "$(grep -c ' = ' "$T_DIR/keys")" -ge 20
while IFS= read -r line; do
	case $line in
	'['*) said scimd.conf "section $line" "[${line:1:4}" ;;
	*' = '*)
		key=${line%% = *}
		said scimd.conf "$key" "$key"
		ok "the sample has $key" grep -qE "^#$key =" "$root/etc/scimd/scimd.conf"
		;;
	esac
done <"$T_DIR/keys"
is "the sample is what scimd does without it" \
	"$("$root/usr/sbin/scimd" -t -c "$T_DIR/empty.conf" -C '')" \
	"$("$root/usr/sbin/scimd" -t -c "$root/etc/scimd/scimd.conf" -C '')"
# With the comment's sign of each key gone, the defaults in it are the defaults; sections with names,
# which come last, are examples.
sed -nE '/^#\[/q; s/^#([a-z_0-9]+ = .+)$/\1/p; s/^(\[[a-z]+\])$/\1/p' \
	"$root/etc/scimd/scimd.conf" >"$T_DIR/shown.conf"
is "the defaults that it shows are the defaults" \
	"$("$root/usr/sbin/scimd" -t -c "$T_DIR/empty.conf" -C '')" \
	"$("$root/usr/sbin/scimd" -t -c "$T_DIR/shown.conf" -C '')"

# The configurations in the documents are ones that scimd takes.
for document in "$SCIM_TOP"/docs/*.md "$SCIM_TOP/README.md"; do
	awk -v out="$T_DIR/$(basename "$document")" '
		/^```ini( \/|$)/ { n++; inside = 1; next }
		/^```$/ { inside = 0 }
		inside { print >(out "." n ".ini") }' "$document"
done
for ini in "$T_DIR"/*.ini; do
	ok "${ini##*/} is a configuration" "$root/usr/sbin/scimd" -t -c "$ini" -C ''
done
# So are the commands: each `scimctl` and its words.
while read -r command; do
	if grep -qE "^  $command( |\$)" "$T_DIR/scimctl.help"; then
		t_pass "the documents' scimctl $command exists"
	else
		t_fail "the documents' scimctl $command does not exist"
	fi
done < <(grep -hoE 'scimctl (connection )?[a-z]+' "$SCIM_TOP"/docs/*.md "$SCIM_TOP/README.md" |
	sed 's/^scimctl //' | sort -u)
t_end
