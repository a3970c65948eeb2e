#!/bin/bash
# Two builds, in different folders, with different umask, locale and time zone, give the same packages.
# shellcheck disable=SC2016 source=t.sh
. "$(dirname "$(readlink -f "$0")")/t.sh"
top=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")

ok "a build" "$top/debian/build-packages" "$T_DIR/one"
ok "another" env TZ=Asia/Tokyo LC_ALL=C LANG=C sh -c 'umask 0027; exec "$@"' - \
	"$top/debian/build-packages" "$T_DIR/another/further/away"
sums() {
	(cd "$1/deb" && sha256sum ./*.deb)
}
is "three packages" 3 "$(sums "$T_DIR/one" | wc -l)"
is "they are the same" "$(sums "$T_DIR/one")" "$(sums "$T_DIR/another/further/away")"
t_end
