# Lines of WHAT N OPERATION VALUE become an SVG: one panel for each operation, both axes logarithmic.
function log10(x) { return log(x) / log(10) }
function x_of(n) { return left + (width - 20) * (log10(n) - log10(x_min)) / (log10(x_max) - log10(x_min) + (x_max == x_min)) + 10 }
function y_of(ns) { return top + height - height * (log10(ns) - y_low) / (y_high - y_low) }
function time_of(e) {
	if (e < 3) return 10 ^ e " ns"
	if (e < 6) return 10 ^ (e - 3) " µs"
	return e < 9 ? 10 ^ (e - 6) " ms" : 10 ^ (e - 9) " s"
}
function count_of(n) { return n >= 1000000 ? n / 1000000 "M" : n >= 1000 ? n / 1000 "k" : n }
BEGIN {
	split("hit miss uid group gid grouplist everybody enumerate", ops, " ")
	split("getpwnam, hit|getpwnam, miss|getpwuid|getgrnam, 160 members|getgrgid, 160 members|" \
	      "getgrouplist, 9 groups|a group with all users|enumeration, per user", titles, "|")
	split("glibc:limit glibc:scim glibc:files glibc:extrausers glibc:cache glibc:db glibc:nscd-hot glibc:sss-hot", who, " ")
	split("the limit|scim|files|libnss-extrausers|libnss-cache|libnss-db|nscd (1,000 names)|SSSD memcache (1,000 names)", names, "|")
	split("#888888 #d62728 #1f77b4 #17becf #2ca02c #9467bd #ff7f0e #8c564b", colours, " ")
	width = 250; height = 190; columns = 4
}
$1 ~ /^glibc:/ && $4 + 0 > 0 {
	value[$2, $1, $3] = $4
	if (!($2 in known)) { known[$2]; sizes[++size_count] = $2 }
	if (x_min == "" || $2 < x_min) x_min = $2 + 0
	if ($2 > x_max) x_max = $2 + 0
	if ($4 > most[$3]) most[$3] = $4 + 0
	if (!($3 in least) || $4 < least[$3]) least[$3] = $4 + 0
}
function panel(p,    op, i, w, s, points, x, e) {
	op = ops[p]
	left = 70 + (p - 1) % columns * (width + 70)
	top = 60 + int((p - 1) / columns) * (height + 75)
	y_low = int(log10(least[op])); y_high = int(log10(most[op])) + 1
	printf "<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s</text>\n", left, top - 10, titles[p]
	printf "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#bbb\"/>\n", left, top, width, height
	for (e = y_low; e <= y_high; e++) {
		printf "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#eee\"/>\n", left, left + width, y_of(10 ^ e), y_of(10 ^ e)
		printf "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\" font-size=\"11\">%s</text>\n", left - 5, y_of(10 ^ e) + 4, time_of(e)
	}
	for (s = 1; s <= size_count; s++)
		printf "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" font-size=\"11\">%s</text>\n", x_of(sizes[s]), top + height + 15, count_of(sizes[s])
	for (w = 1; w in who; w++) {
		points = ""
		for (s = 1; s <= size_count; s++)
			if ((sizes[s], who[w], op) in value) {
				points = points sprintf("%.1f,%.1f ", x_of(sizes[s]), y_of(value[sizes[s], who[w], op]))
				printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x_of(sizes[s]), y_of(value[sizes[s], who[w], op]), colours[w]
			}
		printf "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"%s\"/>\n", points, colours[w], w == 2 ? 2.5 : 1.5
	}
}
END {
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"640\" font-family=\"sans-serif\" font-size=\"13\">\n", 70 + columns * (width + 70)
	print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
	printf "<text x=\"70\" y=\"25\" font-size=\"16\">One lookup through glibc, by number of users (%s)</text>\n", about
	for (p = 1; p in ops; p++)
		if (ops[p] in least) panel(p)
	for (w = 1; w in who; w++) {
		printf "<rect x=\"%d\" y=\"600\" width=\"12\" height=\"12\" fill=\"%s\"/>\n", 70 + (w - 1) * 155, colours[w]
		printf "<text x=\"%d\" y=\"611\" font-size=\"11\">%s</text>\n", 87 + (w - 1) * 155, names[w]
	}
	print "</svg>"
}
