# Rows of bench/scim/run as SVG: a bar for each row's p50, on a logarithmic scale, 10 us to 10 s.
BEGIN { FS = "\t"; left = 230; unit = 75; low = 1; step = 13 }

$3 ~ /^# / { next }
{ key = $1 " " $2 }
!(key in column) { column[key] = ++columns; keys[columns] = key }
!($3 in row) { row[$3] = ++rows; names[rows] = $3 }
{ p50[row[$3], column[key]] = $4 }

function x(us) {
	return us <= 10 ? 0 : (log(us) / log(10) - low) * unit
}

END {
	split("#1f77b4 #4fa3d9 #9ecae1 #d95f02 #fdae6b", colour, " ")
	height = 60 + rows * (columns * step + 8) + 20 * columns
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n", left + 6 * unit + 90, height
	printf "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
	y = 20
	for (c = 1; c <= columns; c++) {
		printf "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" fill=\"%s\"/><text x=\"%d\" y=\"%d\">%s users</text>\n", left, y - 10, colour[c], left + 18, y, keys[c]
		y += 18
	}
	top = y
	for (r = 1; r <= rows; r++) {
		y += 8
		printf "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", left - 8, y + columns * step / 2 + 4, names[r]
		for (c = 1; c <= columns; c++) {
			if ((r, c) in p50)
				printf "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/><text x=\"%.1f\" y=\"%d\" font-size=\"10\">%.2f ms</text>\n", left, y, x(p50[r, c]) + 1, step - 2, colour[c], left + x(p50[r, c]) + 5, y + step - 4, p50[r, c] / 1000
			y += step
		}
	}
	split("10 us,100 us,1 ms,10 ms,100 ms,1 s,10 s", ticks, ",")
	for (t = 0; t <= 6; t++)
		printf "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"#cccccc\"/><text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", left + t * unit, top, left + t * unit, y + 4, left + t * unit, y + 18, ticks[t + 1]
	print "</svg>"
}
