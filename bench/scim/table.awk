# Rows of bench/scim/run as a table: a block for each size, ours beside the limit's and
# the peer's, with our rate as a multiple of theirs.
BEGIN { FS = "\t" }

function label(us) {
	return us < 1000 ? sprintf("%.2f", us / 1000) : us < 100000 ? sprintf("%.1f", us / 1000) : \
		sprintf("%.0f", us / 1000)
}

!($2 in seen) { seen[$2] = 1; sizes[++size_count] = $2 }

$3 ~ /^# / {
	if ($1 == "scimd" || $3 ~ /RSS/)
		notes[$2] = notes[$2] sprintf("%-44s %10s\n", substr($3, 3), $4)
	next
}

!($3 in named) { named[$3] = 1; names[++name_count] = $3 }
{ p50[$1, $2, $3] = $4; p99[$1, $2, $3] = $5; rate[$1, $2, $3] = $6; peer[$1, $2] = 1 }

function cell(server, n, name) {
	if (!((server, n, name) in p50))
		return sprintf("%9s %9s %8s", "-", "-", "-")
	return sprintf("%9s %9s %8d", label(p50[server, n, name]), label(p99[server, n, name]),
		rate[server, n, name])
}

function beside(server, n, name) {
	printf "      %s  ", cell(server, n, name)
	if ((server, n, name) in rate && rate[server, n, name] > 0)
		printf "%8.2f", rate["scimd", n, name] / rate[server, n, name]
	else
		printf "%8s", ""
}

END {
	for (s = 1; s <= size_count; s++) {
		n = sizes[s]
		both = (("scimmy", n) in peer)
		limited = (("limit", n) in peer)
		printf "\n%-32s %28s", n " users", "scimd: p50 ms    p99 ms      /s"
		if (limited)
			printf "   %28s  %8s", "limit: p50 ms    p99 ms      /s", "times"
		if (both)
			printf "   %28s  %8s", "scimmy: p50 ms    p99 ms      /s", "times"
		printf "\n"
		for (i = 1; i <= name_count; i++) {
			name = names[i]
			if (!(("scimd", n, name) in p50))
				continue
			printf "%-32s %s", name, cell("scimd", n, name)
			if (limited)
				beside("limit", n, name)
			if (both)
				beside("scimmy", n, name)
			printf "\n"
		}
		printf "%s", notes[n]
	}
	if (size_count < 2)
		exit
	small = sizes[1]
	large = sizes[size_count]
	printf "\np50 at %d users as a multiple of p50 at %d:", large, small
	for (i = 1; i <= name_count; i++)
		if ((("scimd", small, names[i]) in p50) && (("scimd", large, names[i]) in p50))
			printf "\n  %-30s %6.2f", names[i],
				p50["scimd", large, names[i]] / p50["scimd", small, names[i]]
	printf "\n"
}
