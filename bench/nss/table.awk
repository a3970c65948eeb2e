# Lines of WHAT N OPERATION VALUE become the table. -v about=TEXT
BEGIN {
	print "Lookups: how long a caller waits for one, each with its ratio to the limit of its block"
	print "(bench/nss/limit.h: a bare hash table in shared memory). Enumeration: for each user."
	print about "."
	split("hit miss uid group gid grouplist everybody enumerate hit/2 uid/2 gid/2 grouplist/2 cold calls", ops, " ")
	split("limit module|glibc:limit glibc:scim glibc:files glibc:extrausers glibc:cache glibc:db|" \
	      "glibc:limit-hot glibc:scim-hot glibc:nscd-hot glibc:sss-hot", blocks, "|")
	title["limit"] = "called directly: limit"; title["module"] = "libnss_scim"
	title["glibc:limit"] = "through glibc: limit"; title["glibc:scim"] = "scim"
	title["glibc:files"] = "files"; title["glibc:extrausers"] = "extrausers"
	title["glibc:cache"] = "libnss-cache"; title["glibc:db"] = "libnss-db"
	title["glibc:limit-hot"] = "1,000 names: limit"; title["glibc:scim-hot"] = "scim"
	title["glibc:nscd-hot"] = "nscd"; title["glibc:sss-hot"] = "SSSD memcache"
}
$1 == "publish" { publish[++published] = substr($0, 9); next }
$1 == "strict" { if ($5 == "0") kept[$2]++; else broke[$2] = broke[$2] " " $4; next }
{
	value[$2, $1, $3] = $4
	if (!($2 in known)) { known[$2]; sizes[++size_count] = $2 }
}
function unit(ns) {
	if (ns < 9999.5) return sprintf("%.0f", ns)
	if (ns < 9999500) return sprintf("%.0fu", ns / 1e3)
	return ns < 9999500000 ? sprintf("%.0fm", ns / 1e6) : sprintf("%.0fs", ns / 1e9)
}
function ratio(r) { return r < 9.995 ? sprintf("%.2fx", r) : sprintf("%.0fx", r) }
function cell(n, who, base, op,    v, b) {
	v = value[n, who, op]; b = value[n, base, op]
	if (v == "") return ""
	if (v == "-") return "-"
	if (v == "over") return ">10s"
	if (v == "late") return "."
	if (op == "calls") return v
	if (op == "cold") { # microseconds; beside files with the few people of any host
		b = value[n, "few:files", op]
		return sprintf("%.0fu", v) (b > 0 ? sprintf(" %6s", ratio(v / b)) : "")
	}
	return unit(v) (b > 0 ? sprintf(" %6s", ratio(v / b)) : "")
}
function block(n, names,    who, count, w, o) {
	count = split(names, who, " ")
	for (w = 1; w <= count; w++) {
		if (!((n, who[w], "hit") in value)) continue
		printf "%-24s", title[who[w]]
		for (o = 1; o in ops; o++) printf "%15s", cell(n, who[w], who[1], ops[o])
		printf "\n"
	}
}
END {
	for (s = 1; s <= size_count; s++) {
		n = sizes[s]
		printf "\n%d users, %d groups, nanoseconds\n%-24s", n, n / 20 + 1, ""
		for (o = 1; o in ops; o++) printf "%15s", ops[o]
		printf "\n"
		for (b = 1; b in blocks; b++) block(n, blocks[b])
		if (broke[n] != "") print "System calls of a warm lookup by libnss_scim:" broke[n]
		else printf "System calls of a warm lookup by libnss_scim: none, of %d kinds (the kernel would have killed it)\n", kept[n]
	}
	if (published) print "\nPublishing: one change after another, each on the disk and visible to every process."
	for (p = 1; p <= published; p++) print publish[p]
	print ""
	print "hit, miss: getpwnam(3) of random names. uid: getpwuid. group, gid: getgrnam, getgrgid, 160 members,"
	print "whose names the limit finds one after another by strlen(3), and libnss_scim by sizes that it keeps."
	print "grouplist: getgrouplist, 9 groups. everybody: a group with all users. /2: two threads, the slower."
	print "enumerate: each user of setpwent/getpwent. The limit reads one record behind another, without a lock and"
	print "with a file that cannot change; libnss_scim visits its index, and takes its lock where there are threads."
	print "cold: what one getpwnam adds to a process that is started for it; the ratio is to files with 20"
	print "people. calls: system calls for a hit. u: microseconds, m: milliseconds, s: seconds. -: the service"
	print "does not answer this (caches enumerate nothing) or not rightly; >10s: none measured in ten seconds;"
	print "a dot: the service had had its 40 seconds for this size by then; no row: it was not ready within 90."
	print "1,000 names: each looked up before, as a cache needs it (SSSD: as many of them as it takes in within 8"
	print "seconds, as many groups in 8 more). SSSD and nscd fill their caches from the limit and have room for all"
	print "of that; what they do not hold goes to the daemon. SSSD's first group list would have it store the group"
	print "with everybody, member by member: it is asked for that with 1,000 people alone."
	print "Every lookup through glibc would make one more system call, glibc's own stat(2) of nsswitch.conf;"
	print "it is left out for all alike."
}
