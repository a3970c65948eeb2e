#!/bin/bash
# Every command in README.md and docs/*.md, run as it stands there on a host of the page's own;
# tests/docs/README.md has the rules. An argument is a page to run instead of all of them.
# shellcheck disable=SC2016,SC2034 source=people.sh
. "$(dirname "$(readlink -f "$0")")/people.sh"
# shellcheck source=../docs/pages.sh
. "$SCIM_TOP/tests/docs/pages.sh"
# shellcheck source=../docs/world.sh
. "$SCIM_TOP/tests/docs/world.sh"
cd "$SCIM_TOP" || exit

# A command that fails, output that differs and a block that says nothing must each be found.
found=$(
	T_FAILED=0
	page_run tests/docs/broken.md
	echo "$T_FAILED failed"
)
is "a page with eight mistakes has eight" "8 failed" "$(tail -n 1 <<<"$found")" || t_indent "$found"

[ $# -gt 0 ] || set -- README.md docs/*.md
for page; do
	page_run "$page"
done
page_report
t_end
