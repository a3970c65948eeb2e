#!/bin/sh
# symbols.sh BUILD_DIR: what the modules that live in other programs need and show. They load libc
# (and libpam) alone, export their entry points alone, and have no thread-local storage.
LC_ALL=C
export LC_ALL
[ $# -eq 1 ] || { echo "usage: symbols.sh BUILD_DIR" >&2; exit 2; }
build=$1
failed=0

bad() {
	echo "symbols: $*" >&2
	failed=1
}

# same WHAT EXPECTED FOUND: two lists of words, in any order.
same() {
	expected=$(echo "$2" | tr -s ' \t\n' '\n' | sed '/^$/d' | sort)
	found=$(echo "$3" | tr -s ' \t\n' '\n' | sed '/^$/d' | sort)
	[ "$expected" = "$found" ] && return
	bad "$1: expected:" $expected "- found:" ${found:-nothing}
}

# entry_points MAP: the global symbols of a version script.
entry_points() {
	sed -n '/^global:/,/^local:/s/^[[:space:]]*\([A-Za-z_0-9]*\);.*/\1/p' "$1"
}

# look FILE NEEDED EXPORTS
look() {
	file=$build/$1
	if [ ! -f "$file" ]; then
		bad "$file: missing"
		return
	fi
	same "$1: NEEDED" "$2" "$(objdump -p "$file" | awk '$1 == "NEEDED" {print $2}')"
	# glibc's start files make a program export two words of its own.
	same "$1: exports" "$3" "$(nm -D --defined-only "$file" |
		awk '{print $NF}' | sed 's/@.*//' | grep -vxE '_IO_stdin_used|stdin|stdout|stderr')"
	if readelf -lW "$file" | grep -qw TLS; then
		bad "$1: has a TLS segment"
	fi
	if readelf -sW "$file" | awk '$4 == "TLS" {found = 1} END {exit !found}'; then
		bad "$1: has TLS symbols"
	fi
}

here=$(dirname "$0")/../..
nss=$(entry_points "$here/nss_scim/nss_scim.map")
pam=$(entry_points "$here/pam_scim/pam_scim.map")
[ "$(echo "$nss" | wc -l)" -eq 15 ] || bad "nss_scim.map does not name 15 entry points"
[ "$(echo "$pam" | wc -l)" -eq 6 ] || bad "pam_scim.map does not name 6 entry points"

look libnss_scim.so.2 "libc.so.6" "$nss"
same "libnss_scim.so.2: SONAME" libnss_scim.so.2 \
	"$(objdump -p "$build/libnss_scim.so.2" | awk '$1 == "SONAME" {print $2}')"
look pam_scim.so "libc.so.6 libpam.so.0" "$pam"
look scim-authorized-keys "libc.so.6" ""
exit "$failed"
