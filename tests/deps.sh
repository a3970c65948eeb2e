#!/bin/bash
# deps.sh - Debian packages that scimd needs, installed only where they are missing.
#
#   tests/deps.sh build	what `make`, `make deb` and the unit tests need
#   tests/deps.sh test	the same and what real hosts (tests/host/) need
#
# A run with nothing to do asks dpkg once and ends; it needs neither root nor a network.
set -euo pipefail

build=(
	build-essential pkg-config binutils
	libmicrohttpd-dev libgnutls28-dev libjson-c-dev libunistring-dev libdb5.3-dev libcurl4-gnutls-dev
	libpam0g-dev libcrypt-dev libsystemd-dev libcunit1-dev
	debhelper dh-nss lintian fakeroot xz-utils
	curl jq openssl procps python3
)
hosts=(mmdebstrap debian-archive-keyring iproute2 util-linux mount e2fsprogs openssh-client tar ansible-core mandoc)

case ${1:-} in
build) wanted=("${build[@]}") ;;
test) wanted=("${build[@]}" "${hosts[@]}") ;;
*)
	echo "usage: $0 build|test" >&2
	exit 2
	;;
esac

installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || :)
missing=()
for package in "${wanted[@]}"; do
	grep -qx "installed $package" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "installing ${#missing[@]} Debian packages: ${missing[*]}"
if [ "$(id -u)" -ne 0 ]; then
	echo "$0: must be root to install them" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update && apt-get install -y --no-install-recommends \
	-o Dpkg::Options::=--force-unsafe-io -o Dpkg::Options::=--force-confold \
	"${missing[@]}"; } >"$log" 2>&1 </dev/null; then
	cat "$log" >&2
	exit 1
fi
