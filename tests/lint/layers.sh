#!/bin/bash
# layers.sh - who may include whom, and how long functions and files may be; `make lint` runs it.
#
# Prints one line for each violation, as file:line: sentence, and ends with 1 if there are any. Before
# that it looks at a small tree of its own in which it has to find every kind of violation.
set -euo pipefail

FUNCTION_LINES_MAX=80
FILE_LINES_MAX=1200

# Each folder and what its files may include besides the system's headers. "scimd" is scimd/*.c.
layers='
shared            shared
nss_scim          shared nss_scim
pam_scim          shared pam_scim
scimctl           shared scimctl
scimd/base        shared scimd/base
scimd/model       shared scimd/base scimd/model
scimd/store       shared scimd/base scimd/model scimd/store
scimd/policy      shared scimd/base scimd/model scimd/policy
scimd/change      shared scimd/base scimd/model scimd/store scimd/policy scimd/change
scimd/webhook     shared scimd/base scimd/model scimd/store scimd/policy scimd/change scimd/webhook
scimd/service     shared scimd/base scimd/model scimd/store scimd/policy scimd/change scimd/webhook scimd/service
scimd/http        shared scimd/base scimd/model scimd/store scimd/policy scimd/change scimd/webhook scimd/service scimd/http
scimd             shared scimd/base scimd/model scimd/store scimd/policy scimd/change scimd/webhook scimd/service scimd/http scimd
scimd/warden      shared scimd/base scimd/warden
'

# Libraries which stay behind one layer: the start of the header, and where it may be included.
libraries='
microhttpd.h      scimd/http
db.h              scimd/store
systemd/          scimd/warden
security/         pam_scim scimctl
curl/             scimctl scimd/webhook
json-c/           scimd/model scimd/store scimd/policy scimd/change scimd/webhook scimd/service scimd scimctl
'

# --- looking ------------------------------------------------------------------------------------

# sources: every C file of the current folder's tree that is ours.
sources() {
	local folders=() folder
	for folder in shared nss_scim pam_scim scimctl scimd tests bench; do
		[ ! -d "$folder" ] || folders+=("$folder")
	done
	find "${folders[@]}" -name '*.[ch]' -type f | LC_ALL=C sort
}

# includes FILE...: every #include against the tables. Tests and benchmarks may include anything.
includes() {
	LAYERS=$layers LIBRARIES=$libraries awk '
	function folder(path) {
		return path ~ /\// ? substr(path, 1, match(path, /\/[^\/]*$/) - 1) : ""
	}
	function complain(sentence) {
		print FILENAME ":" FNR ": " sentence
	}
	function read(text, table, names,    lines, words, count, i, j) {
		count = split(text, lines, "\n")
		for (i = 1; i <= count; i++) {
			if (split(lines[i], words, " ") == 0)
				continue
			names[words[1]] = 1
			for (j = 2; j in words; j++)
				table[words[1], words[j]] = 1
			delete words
		}
	}
	BEGIN {
		read(ENVIRON["LAYERS"], may, layers)
		read(ENVIRON["LIBRARIES"], allowed, libraries)
	}
	FNR == 1 {
		from = folder(FILENAME)
		free = from ~ /^(tests|bench)(\/|$)/
		if (!free && !(from in layers))
			complain("this folder is in no layer")
	}
	free || !match($0, /^[ \t]*#[ \t]*include[ \t]*[<"][^>"]+/) { next }
	{
		header = substr($0, RSTART, RLENGTH)
		quoted = header ~ /"/
		sub(/^[^<"]*[<"]/, "", header)
		to = folder(header)
		if (to in layers || header ~ /^(tests|bench|scimd)\//) {
			if (!((from, to) in may))
				complain(from "/ may not include " header)
		} else if (quoted) {
			complain("\"" header "\" does not begin at the top of the tree")
		}
		for (library in libraries)
			if (index(header, library) == 1 && !((library, from) in allowed))
				complain(from "/ may not include <" header ">")
	}' "$@"
}

# sizes FILE...: functions and files that are too long. A function is what lies between a brace alone
# at the start of a line and the next closing one there; tables in it are not counted.
sizes() {
	awk -v function_max="$FUNCTION_LINES_MAX" -v file_max="$FILE_LINES_MAX" '
	function file_end() {
		if (last > file_max)
			print name ":" last ": the file has " last " lines, more than " file_max
	}
	FNR == 1 { file_end(); name = FILENAME; inside = table = 0 }
	{ last = FNR }
	/^\{/ { inside = 1; start = FNR; lines = 0; next }
	inside && /^\}/ {
		inside = 0
		if (lines > function_max)
			print name ":" start ": the function has " lines " lines, more than " function_max
	}
	inside && /^\t+(static const|\}) .*= \{$/ { table = 1 }
	inside && !table { lines++ }
	table && /^\t+\};/ { table = 0 }
	END { file_end() }' "$@"
}

# look DIR: all violations of a tree, on standard output.
look() {
	(
		cd "$1"
		mapfile -t files < <(sources)
		[ ${#files[@]} -gt 0 ] || { echo "$1:1: there is no source in it"; exit 0; }
		includes "${files[@]}"
		sizes "${files[@]}"
	)
}

# --- proving that it can fail -------------------------------------------------------------------

# long N: a function of N lines.
long() {
	printf 'int f(void)\n{\n'
	yes '	g();' | head -n "$1" || : # yes ends by SIGPIPE
	printf '}\n'
}

# A tree whose files with "bad" in their names have one violation each, and no others have any.
plant() {
	mkdir -p shared nss_scim pam_scim scimctl tests/unit scimd/{base,model,store,policy,change,webhook,service,http,warden}
	echo '#include "scimd/base/log.h"' >shared/bad1.c
	echo '#include <json-c/json.h>' >shared/bad2.h
	echo '#include "log.h"' >scimd/base/bad1.c
	echo '#include "scimd/store/store.h"' >scimd/model/bad1.c
	echo '#include <db.h>' >scimd/model/bad2.c
	echo '  #  include <scimd/policy/policy.h>' >scimd/store/bad1.c
	echo '#include "scimd/store/store.h"' >scimd/policy/bad1.c
	echo '#include "scimd/warden/reap.h"' >scimd/change/bad1.c
	echo '#include "scimd/http/http.h"' >scimd/service/bad1.c
	echo '#include "scimd/service/service.h"' >scimd/webhook/bad1.c
	echo '#include <microhttpd.h>' >scimd/service/bad2.c
	echo '#include <systemd/sd-bus.h>' >scimd/http/bad1.c
	echo '#include "scimd/options.h"' >scimd/http/bad2.c
	echo '#include "scimd/warden/reap.h"' >scimd/bad1.c
	echo '#include "tests/unit/t.h"' >scimd/bad2.c
	echo '#include "scimd/model/json.h"' >scimd/warden/bad1.c
	echo '#include "scimd/base/log.h"' >scimctl/bad1.c
	echo '#include "pam_scim/x.h"' >nss_scim/bad1.c
	echo '#include <curl/curl.h>' >pam_scim/bad1.c
	mkdir scimd/new && echo '#include <stdio.h>' >scimd/new/bad1.c
	long $((FUNCTION_LINES_MAX + 1)) >scimd/store/bad2.c
	yes '' | head -n $((FILE_LINES_MAX + 1)) >tests/bad1.c || :

	{
		printf '#include "scimd/http/http.h"\n#include "scimd/options.h"\n'
		printf '#include <stdio.h>\n#include "shared/names.h"\n'
	} >scimd/good.c
	printf '#include <db.h>\n#include "scimd/model/json.h"\n' >scimd/store/good.c
	printf '#include "scimd/warden/reap.h"\n#include <db.h>\n#include "x.h"\n' >tests/unit/good.c
	long "$FUNCTION_LINES_MAX" >scimd/http/good.c
	{
		printf 'int f(void)\n{\n\tstatic const struct {\n\t\tint x;\n\t} cases[] = {\n'
		yes '		1,' | head -n "$FUNCTION_LINES_MAX" || :
		printf '\t};\n\treturn 0;\n}\n'
	} >scimd/change/good.c
}

# Every planted violation is found, once, and nothing else is.
prove() {
	local tree=$1 wanted found
	(cd "$tree" && plant)
	wanted=$(cd "$tree" && find . -name 'bad*' | sed 's|^\./||' | LC_ALL=C sort)
	found=$(look "$tree" | cut -d : -f 1 | LC_ALL=C sort)
	[ "$found" = "$wanted" ] && return
	echo "$0: does not find what it must find (<) or finds more (>):"
	diff <(echo "$wanted") <(echo "$found") || :
	return 1
}

cd "$(dirname "$(readlink -f "$0")")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prove "$scratch"
violations=$(look .)
[ -z "$violations" ] && exit 0
echo "$violations"
exit 1
