# shellcheck shell=bash disable=SC2016
# lib.sh - real Debian hosts in namespaces, to be sourced; tests/host/host is the command over it.
#
# A host is systemd as PID 1 in its own pid, mount, uts, ipc, cgroup and network namespaces, on an
# overlay over one cached Debian root. It reaches the machine, and is reached, by a veth pair:
# machine 198.18.N.1, host 198.18.N.2. Nothing of a host outlives its PID 1 but a folder and an
# empty cgroup, which host_destroy removes.
#
# Every function takes the host's name first, answers 0 or the failure's exit code, and writes
# what went wrong to stderr. Needs root.

HOSTS_DIR=${SCIMD_HOSTS:-/var/cache/scimd-hosts}
HOST_LIB=${BASH_SOURCE[0]}
HOST_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# What the cached root holds: a small server, and the libraries of our packages, because apt
# installs those inside a host without a network.
HOST_PACKAGES=(
	systemd systemd-sysv dbus libpam-systemd openssh-server sudo cron at tmux screen
	login passwd util-linux procps iproute2 curl jq openssl
	pamtester adduser libpam-runtime libmicrohttpd12 libgnutls30 libunistring2 libjson-c5
	libdb5.3 libcurl3-gnutls libsystemd0 libcrypt1 libpam0g ca-certificates
)

host_fail() {
	echo "host: $*" >&2
	return 1
}

host_now_ms() {
	local us=${EPOCHREALTIME/[.,]/}
	echo $((us / 1000))
}

# --- the cached root ---------------------------------------------------------------------------

# Debian's own sources of this machine, one line each: entries whose suite is the release or its
# updates and whose component is main. Other vendors' sources stay out of the hosts.
host_sources() {
	local codename=$1 files=() file
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
		/etc/apt/sources.list.d/*.sources; do
		[ -f "$file" ] && files+=("$file")
	done
	[ ${#files[@]} -eq 0 ] || awk -v release="$codename" '
	function ours(suite) {
		return suite == release || suite == release "-updates" ||
			suite == release "-security" || suite == release "/updates"
	}
	function stanza(   u, s, i, j, n, m, options) {
		options = field["signed-by"] ~ /^\// ? "[signed-by=" field["signed-by"] "] " : ""
		if (field["trusted"] == "yes")
			options = "[trusted=yes] "
		n = split(field["uris"], u, " ")
		m = split(field["suites"], s, " ")
		if (field["types"] ~ /(^| )deb( |$)/ && field["enabled"] != "no" &&
		    " " field["components"] " " ~ / main /)
			for (i = 1; i <= n; i++)
				for (j = 1; j <= m; j++)
					if (ours(s[j]))
						print "deb " options u[i], s[j], "main"
		split("", field)
	}
	FILENAME != last { if (deb822) stanza(); last = FILENAME; deb822 = FILENAME ~ /\.sources$/ }
	/^[ \t]*#/ { next }
	deb822 && NF == 0 { stanza(); next }
	deb822 && /^[A-Za-z-]+:/ {
		key = tolower(substr($0, 1, index($0, ":") - 1))
		field[key] = substr($0, index($0, ":") + 1)
		gsub(/^[ \t]+|[ \t]+$/, "", field[key])
		next
	}
	!deb822 && $1 == "deb" {
		at = 2; options = ""
		if ($2 ~ /^\[/) {
			for (; at <= NF; at++) { options = options $at " "; if ($at ~ /\]$/) break }
			at++
		}
		if (!ours($(at + 1)))
			next
		for (i = at + 2; i <= NF; i++)
			if ($i == "main")
				print "deb " options $at, $(at + 1), "main"
	}
	END { if (deb822) stanza() }' "${files[@]}" | sort -u
}

# The machine's way to the mirror: proxies, time-outs, date checks.
host_apt_options() {
	apt-config dump | grep -E '^Acquire::(https?|ftp|Check-|Retries|Force)[^ ]* "[^"]+";$' || :
}

host_codename() {
	# shellcheck disable=SC1091
	(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
}

# Where the root of this library's version is or will be.
host_root_path() {
	local hash
	hash=$({ host_codename; echo "${HOST_PACKAGES[@]}"; declare -f host_root_build; } |
		sha256sum | cut -c1-16)
	echo "$HOSTS_DIR/root-$hash"
}

# Builds the root in folder $1.
host_root_build() {
	local dir=$1 codename sources packages unit
	codename=$(host_codename)
	sources=$(host_sources "$codename")
	[ -n "$sources" ] || sources="deb http://deb.debian.org/debian $codename main"
	packages=$(IFS=,; echo "${HOST_PACKAGES[*]}")
	host_apt_options >"$dir.apt"
	mmdebstrap --quiet --mode=root --variant=minbase --format=directory --include="$packages" \
		--aptopt="$dir.apt" --aptopt='APT::Install-Recommends "false"' \
		--aptopt='Acquire::Languages "none"' \
		--dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		"$codename" "$dir" - <<<"$sources" || return
	rm -f "$dir.apt" "$dir/etc/resolv.conf"
	# A host must not touch what the kernel shares with the machine, and needs no consoles.
	for unit in console-getty.service getty@tty1.service systemd-sysctl.service \
		systemd-modules-load.service kmod-static-nodes.service systemd-random-seed.service \
		apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
		e2scrub_reap.service fstrim.timer dev-hugepages.mount sys-kernel-debug.mount \
		sys-kernel-tracing.mount sys-fs-fuse-connections.mount; do
		ln -sf /dev/null "$dir/etc/systemd/system/$unit" || return
	done
	: >"$dir/etc/fstab"
	mkdir -p "$dir/etc/systemd/journald.conf.d"
	# Tests read the journal in bursts: none of it may be dropped.
	printf '[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n' \
		>"$dir/etc/systemd/journald.conf.d/hosts.conf"
}

# Builds the root unless it is there; two at once wait for each other. Prints its path.
host_root() {
	local root started
	root=$(host_root_path)
	if [ ! -d "$root" ]; then
		mkdir -p "$HOSTS_DIR" && chmod 0755 "$HOSTS_DIR" || return
		(
			flock 9
			[ -d "$root" ] && exit 0
			started=$(host_now_ms)
			rm -rf "$root.new"
			echo "host: building the Debian root $root (once)" >&2
			host_root_build "$root.new" 9>&- >"$root.log" 2>&1 </dev/null || {
				tail -n 30 "$root.log" >&2
				exit 1
			}
			mv "$root.new" "$root"
			echo "host: root built in $(($(host_now_ms) - started)) ms" >&2
		) 9>"$HOSTS_DIR/root.lock" || return
	fi
	echo "$root"
}

# --- what this machine permits -----------------------------------------------------------------

# Runs inside fresh namespaces: tries each mount a host needs and names the first refused.
host_possible_inside() {
	local dir=$1 cgroup
	mount -t tmpfs tmpfs "$dir" || { echo "tmpfs"; return 1; }
	mkdir "$dir/lower" "$dir/upper" "$dir/work" "$dir/root" "$dir/cgroup"
	mount -t overlay overlay \
		-o "lowerdir=$dir/lower,upperdir=$dir/upper,workdir=$dir/work" "$dir/root" ||
		{ echo "overlayfs"; return 1; }
	mknod "$dir/root/null" c 1 3 || { echo "device nodes"; return 1; }
	mount -t proc proc "$dir/root" || { echo "proc"; return 1; }
	mount -t cgroup2 cgroup2 "$dir/cgroup" || { echo "cgroup2"; return 1; }
	# Not by $$, which is 1 in here: another may try at the same time.
	cgroup=$dir/cgroup/scimd-possible-${dir##*/}
	{ mkdir "$cgroup" && rmdir "$cgroup"; } || { echo "making a cgroup"; return 1; }
	ip link add eth0 type veth peer name eth1 || { echo "veth interfaces"; return 1; }
}

# Says in a sentence whether hosts can be booted here; the exit code says the same.
host_possible() {
	local dir what
	if [ "$(id -u)" -ne 0 ]; then
		echo "Real hosts are not possible here: this needs root."
		return 1
	fi
	dir=$(mktemp -d)
	if ! unshare --pid --mount --uts --ipc --net --cgroup --fork true 2>/dev/null; then
		what="the kernel or a container's policy refuses new namespaces"
		mountpoint -q / || what="/ is no mount point, as in a chroot; bind it onto itself"
	elif ! what=$(unshare --pid --mount --uts --ipc --net --fork bash -c \
		'. "$1"; host_possible_inside "$2" 2>/dev/null' - "$HOST_LIB" "$dir"); then
		what="namespaces are permitted, but not this in them: ${what:-mounts}"
	else
		rmdir "$dir"
		echo "Real hosts are possible here: namespaces, overlayfs, cgroup2 and veth work."
		return 0
	fi
	rmdir "$dir"
	echo "Real hosts are not possible here: $what."
	return 1
}

# --- state -------------------------------------------------------------------------------------

host_dir() {
	case $1 in
	'' | *[!a-z0-9-]* | -*) host_fail "'$1' is no host name (a-z, 0-9, -)" ;;
	*) echo "$HOSTS_DIR/run/$1" ;;
	esac
}

host_starttime() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return
	# shellcheck disable=SC2086
	set -- ${stat##*) }
	echo "${20}"
}

# Prints the host's PID 1 as the machine sees it, if that very process still lives.
host_pid() {
	local dir pid start
	dir=$(host_dir "$1") || return
	read -r pid start 2>/dev/null <"$dir/pid" || return 1
	[ "$(host_starttime "$pid")" = "$start" ] && echo "$pid"
}

host_address() {
	local dir
	dir=$(host_dir "$1") || return
	cat "$dir/address" 2>/dev/null || host_fail "there is no host $1"
}

# --- boot --------------------------------------------------------------------------------------

# Takes a free number for the veth pair and makes the host's folder; prints the number.
host_reserve() {
	local dir=$1 number
	mkdir -p "$HOSTS_DIR/run"
	(
		flock 9
		if ! mkdir "$dir" 2>/dev/null; then
			host_fail "$dir exists: destroy that host first"
			exit 1
		fi
		for ((number = 1; number < 255; number++)); do
			grep -qsx "$number" "$HOSTS_DIR"/run/*/number && continue
			ip link show "sch$number" >/dev/null 2>&1 && continue
			ip -4 addr | grep -q " 198\.18\.$number\." && continue
			echo "$number" | tee "$dir/number"
			exit 0
		done
		rmdir "$dir"
		host_fail "no free network number"
		exit 1
	) 9>"$HOSTS_DIR/run.lock"
}

# First half of the way in, in new mount, uts, ipc and network namespaces but still the machine's
# pids: an own cgroup (hosts that share one would share their slices) and the network.
host_enter_outer() {
	local name=$1 dir=$2 number=$3 machine_pid=$4
	mkdir -p "$dir/cgroup2"
	mount -t cgroup2 cgroup2 "$dir/cgroup2" || return
	mkdir -p "$dir/cgroup2/scimd-host-$name" || return
	echo $$ >"$dir/cgroup2/scimd-host-$name/cgroup.procs" || return
	umount "$dir/cgroup2"
	# The login uid of whoever started us must not be the one of every daemon in there.
	echo 4294967295 2>/dev/null >/proc/self/loginuid || :
	hostname "$name"
	ip link add eth0 type veth peer name "sch$number" netns "$machine_pid" || return
	ip link set lo up
	ip addr add "198.18.$number.2/30" dev eth0
	ip link set eth0 up
	exec unshare --pid --cgroup --fork bash -c '. "$1"; shift; host_enter_inner "$@"' - \
		"$HOST_LIB" "$@"
}

host_make_dev() {
	local dev=$1 node
	mount -t tmpfs -o mode=0755,nosuid tmpfs "$dev" || return
	for node in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9' 'tty 5 0'; do
		# shellcheck disable=SC2086
		set -- $node
		mknod -m 0666 "$dev/$1" c "$2" "$3" || return
	done
	mkdir "$dev/pts" "$dev/shm"
	mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$dev/pts" || return
	mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$dev/shm"
	ln -s pts/ptmx "$dev/ptmx"
	ln -s /proc/self/fd "$dev/fd"
	ln -s /proc/self/fd/0 "$dev/stdin"
	ln -s /proc/self/fd/1 "$dev/stdout"
	ln -s /proc/self/fd/2 "$dev/stderr"
}

# Second half: PID 1 of the host, which builds its own file tree and becomes systemd.
host_enter_inner() {
	local name=$1 dir=$2 number=$3 root=$5 top=$2
	# An overlay cannot be another overlay's upper layer; memory can.
	if [ "$(stat -f -c %T "$dir")" = overlayfs ]; then
		mount -t tmpfs tmpfs "$dir/layers" && top=$dir/layers || return
	fi
	mkdir -p "$top/upper" "$top/work"
	mount -t overlay overlay \
		-o "lowerdir=$root,upperdir=$top/upper,workdir=$top/work" "$dir/root" || return
	cd "$dir/root" || return
	mount -t proc -o nosuid,nodev,noexec proc proc || return
	mount -t sysfs -o nosuid,nodev,noexec sysfs sys || return
	mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup || return
	mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs run || return
	mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs tmp || return
	host_make_dev "$PWD/dev" || return
	# The kernel's own settings are the machine's.
	mount --bind proc/sys proc/sys && mount -o remount,bind,ro proc/sys || return
	if [ -e proc/sysrq-trigger ]; then
		mount --bind dev/null proc/sysrq-trigger || return
	fi
	echo "$name" >etc/hostname
	printf '127.0.0.1 localhost\n::1 localhost\n198.18.%s.2 %s\n' "$number" "$name" >etc/hosts
	tr -d - <proc/sys/kernel/random/uuid >etc/machine-id
	mkdir -p run/.machine
	# In a chroot the root of the mount namespace is another than ours, and who is not at that
	# root makes no user namespaces. setns goes there: once to make it ours, once to enter it.
	if nsenter --mount=/proc/self/ns/mnt --wd=. pivot_root . run/.machine; then
		exec nsenter --mount=/proc/self/ns/mnt sh -c '
			umount -l /run/.machine && rmdir /run/.machine
			exec env -i container=test "PATH=$1" /sbin/init --log-target=journal' \
			- "$HOST_PATH"
	fi
	rmdir run/.machine
	exec env -i container=test "PATH=$HOST_PATH" \
		chroot . /sbin/init --log-target=journal
}

host_wait_up() {
	local name=$1 deadline state
	deadline=$(($(host_now_ms) + ${HOST_BOOT_MS:-120000}))
	while [ "$(host_now_ms)" -lt "$deadline" ]; do
		state=$(host_run "$name" systemctl is-system-running 2>/dev/null </dev/null)
		case $state in
		running | degraded) return 0 ;;
		esac
		host_pid "$name" >/dev/null || break
		sleep 0.05
	done
	host_fail "$name did not come up (${state:-no answer})"
}

# Boots a host; returns when systemd says that it runs.
host_boot() {
	local name=$1 dir root number unshare_pid pid deadline
	root=$(host_root) && dir=$(host_dir "$name") && number=$(host_reserve "$dir") || return
	mkdir -p "$dir/root" "$dir/layers"
	setsid unshare --mount --uts --ipc --net \
		bash -c '. "$1"; shift; host_enter_outer "$@"' - "$HOST_LIB" \
		"$name" "$dir" "$number" "$$" "$root" >"$dir/log" 2>&1 </dev/null &
	unshare_pid=$!
	disown
	deadline=$(($(host_now_ms) + 60000))
	# unshare and the shell replace each other by exec: the one child there is, is PID 1.
	until pid=$(pgrep -P "$unshare_pid") && [ "$(cat "/proc/$pid/comm")" = systemd ]; do
		if ! kill -0 "$unshare_pid" 2>/dev/null || [ "$(host_now_ms)" -gt "$deadline" ]; then
			cat "$dir/log" >&2
			host_destroy "$name"
			host_fail "$name did not start"
			return 1
		fi
		sleep 0.02
	done
	echo "$pid $(host_starttime "$pid")" >"$dir/pid"
	ip addr add "198.18.$number.1/30" dev "sch$number" && ip link set "sch$number" up || return
	sed "s/^/198.18.$number.2 /" "$root"/etc/ssh/ssh_host_*_key.pub >"$dir/known_hosts"
	echo "198.18.$number.2" >"$dir/address"
	host_wait_up "$name" || {
		host_run "$name" journalctl -b --no-pager 2>&1 | tail -n 40 >&2
		host_destroy "$name"
		return 1
	}
}

# --- use ---------------------------------------------------------------------------------------

# Runs a command inside as root; it stays in the caller's cgroup and has no login uid.
host_run() {
	local name=$1 pid
	shift
	pid=$(host_pid "$name") || { host_fail "there is no running host $name"; return 125; }
	nsenter -t "$pid" -m -u -i -n -p -C -r -w -- \
		env -i "PATH=$HOST_PATH" HOME=/root LANG=C.UTF-8 TERM=dumb USER=root LOGNAME=root "$@"
}

# Runs a command inside as a service of its own, in its own cgroup.
host_unit() {
	local name=$1
	shift
	host_run "$name" systemd-run --quiet --wait --pipe --collect --service-type=exec -- "$@"
}

# Copies a file or a folder into the host.
host_push() {
	local name=$1 src=$2 dst=$3 mode
	if [ -d "$src" ]; then
		tar -C "$src" -c . |
			host_run "$name" sh -c 'mkdir -p "$1" && tar -C "$1" -x --no-same-owner' - "$dst"
	else
		mode=$(stat -c %a "$src") || return
		host_run "$name" sh -c 'cat >"$1" && chmod "$2" "$1"' - "$dst" "$mode" <"$src"
	fi
}

# Installs .deb files with the host's apt, which has no network.
host_install() {
	local name=$1 deb paths=()
	shift
	host_run "$name" mkdir -p /run/debs || return
	for deb in "$@"; do
		host_push "$name" "$deb" "/run/debs/${deb##*/}" || return
		paths+=("/run/debs/${deb##*/}")
	done
	host_run "$name" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
		--no-install-recommends --allow-downgrades "${paths[@]}" </dev/null
}

# host_ssh NAME USER KEYFILE|password:PW CMD…: the real ssh client, from outside. A daemon that reads its
# configuration again listens anew: who meets no daemon at all, in between, comes again.
host_ssh() {
	local name=$1 dir log rc tries=0
	dir=$(host_dir "$name") && log=$(mktemp -p "$dir" ssh.XXXXXX) || return
	while :; do
		rc=0
		host_ssh_once "$log" "$@" || rc=$?
		if [ $rc -ne 255 ] || [ $((++tries)) -ge 50 ] || ! grep -qsE \
			'^(ssh: connect to host .*: Connection refused|kex_exchange_identification: )' "$log"; then
			break
		fi
		: >"$log"
		sleep 0.1
	done
	cat "$log" >&2 2>/dev/null
	rm -f "$log"
	return $rc
}

# host_ssh_once LOG NAME USER KEYFILE|password:PW CMD…
host_ssh_once() {
	local log=$1 name=$2 user=$3 how=$4 dir address options=()
	shift 4
	dir=$(host_dir "$name") && address=$(host_address "$name") || return
	options=(-F none -T -E "$log" -o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$dir/known_hosts"
		-o GlobalKnownHostsFile=/dev/null -o IdentitiesOnly=yes -o IdentityAgent=none
		-o ConnectTimeout=30 -o ControlPath=none -o LogLevel=INFO)
	case $how in
	password:*)
		printf '#!/bin/sh\nprintf "%%s\\n" "$HOST_PASSWORD"\n' >"$dir/askpass"
		chmod 0700 "$dir/askpass"
		HOST_PASSWORD=${how#password:} SSH_ASKPASS=$dir/askpass SSH_ASKPASS_REQUIRE=force \
			ssh "${options[@]}" -o PubkeyAuthentication=no \
			-o PreferredAuthentications=password,keyboard-interactive \
			-o NumberOfPasswordPrompts=1 "$user@$address" "$@"
		;;
	*)
		ssh "${options[@]}" -o BatchMode=yes -o PreferredAuthentications=publickey \
			-i "$how" "$user@$address" "$@"
		;;
	esac
}

# --- the end -----------------------------------------------------------------------------------

# Ends whatever is left in the host's cgroup (a boot that failed half-way has no known PID 1) and
# removes it, children first. Cgroups empty a moment after their processes are gone.
host_remove_cgroup() {
	unshare --mount bash -c '
		dir=$(mktemp -d) && mount -t cgroup2 cgroup2 "$dir" || exit
		for ((i = 0; i < 500; i++)); do
			echo 1 2>/dev/null >"$dir/$1/cgroup.kill"
			[ -d "$dir/$1" ] || break
			find "$dir/$1" -depth -type d -exec rmdir {} + 2>/dev/null && break
			sleep 0.02
		done
		umount "$dir" && rmdir "$dir"' - "scimd-host-$1"
}

# Gives the network number back, and the interface with it: whoever takes the number next has an interface
# of the same name, which nobody may remove who still believes the number to be of this host.
host_release() {
	local dir=$1 number
	(
		flock 9
		number=$(cat "$dir/number" 2>/dev/null) || exit 0
		ip link del "sch$number" 2>/dev/null
		rm -f "$dir/number"
	) 9>"$HOSTS_DIR/run.lock"
}

# Ends the host and removes what is left of it. Destroying what is not there is no error.
host_destroy() {
	local name=$1 dir pid
	dir=$(host_dir "$name") || return
	[ -d "$dir" ] || return 0
	if pid=$(host_pid "$name"); then
		kill -9 "$pid"
		while host_pid "$name" >/dev/null && [ -e "/proc/$pid/ns/pid" ]; do
			sleep 0.01
		done
	fi
	host_remove_cgroup "$name"
	host_release "$dir"
	# Somebody who prunes may be removing it as well.
	rm -rf --one-file-system "$dir" 2>/dev/null || rm -rf --one-file-system "$dir"
}

# One line each: name, state, address, PID 1.
host_list() {
	local dir name pid
	for dir in "$HOSTS_DIR"/run/*/; do
		[ -d "$dir" ] || continue
		name=$(basename "$dir")
		if pid=$(host_pid "$name"); then
			echo "$name running $(host_address "$name") $pid"
		else
			echo "$name dead"
		fi
	done
}

# Destroys the hosts whose PID 1 is gone.
host_prune() {
	local dir name
	for dir in "$HOSTS_DIR"/run/*/; do
		[ -d "$dir" ] || continue
		name=$(basename "$dir")
		# A host that is just being booted has no pid yet.
		[ -n "$(find "$dir" -maxdepth 0 -mmin +1)" ] || continue
		host_pid "$name" >/dev/null || host_destroy "$name"
	done
}
