#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "scimctl/scimctl.h"
#include "shared/names.h"

#define DEPTH_MAX 8

/* Characters, near enough: what is not the continuation of one in UTF-8. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* Whether these three bytes are a character that turns the direction of a line, so that it reads as
 * something else: U+202A to U+202E and U+2066 to U+2069. */
static bool turns_line(const unsigned char *text)
{
	return text[0] == 0xe2 && ((text[1] == 0x80 && text[2] >= 0xaa && text[2] <= 0xae) ||
				   (text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9));
}

/* The size of the character at text that may go to a terminal, 0 if it may not. */
static size_t harmless_size(const char *text, size_t left)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t size = printable_size(bytes, left);

	return size == 3 && turns_line(bytes) ? 0 : size;
}

void text_tame(char *text)
{
	size_t left = strlen(text), size;
	char *to = text;

	for (; left > 0; text += size, left -= size) {
		size = harmless_size(text, left);
		if (size > 0) {
			memmove(to, text, size);
			to += size;
		} else {
			size = printable_size((unsigned char *)text, left);
			size = size ? size : 1;
			*to++ = '?';
		}
	}
	*to = '\0';
}

void print_tame(const char *text)
{
	_cleanup_free_ char *copy = strdup(text);

	if (!copy)
		return;
	text_tame(copy);
	fputs(copy, stdout);
}

/* Whether standard output takes colours. */
static bool colours(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (!no || !*no) && term && strcmp(term, "dumb") != 0;
}

void print_styled(enum style style, size_t width, const char *text)
{
	static const char *const codes[] = {
		[STYLE_PLAIN] = "", [STYLE_HEADING] = "\033[1m", [STYLE_GOOD] = "\033[32m",
		[STYLE_ATTENTION] = "\033[33m", [STYLE_BAD] = "\033[31;1m",
		[STYLE_DIM] = "\033[2m",
	};
	bool colour = style != STYLE_PLAIN && colours();

	fputs(colour ? codes[style] : "", stdout);
	print_tame(text);
	fputs(colour ? "\033[0m" : "", stdout);
	for (size_t at = text_width(text); at < width; at++)
		putchar(' ');
	if (width)
		putchar(' ');
}

char *text_format(const char *fmt, va_list args)
{
	char *text;

	if (vasprintf(&text, fmt, args) < 0)
		return NULL;
	text_tame(text);
	return text;
}

void print_line(const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, fmt);
	text = text_format(fmt, args);
	va_end(args);
	puts(text ? text : "");
}

long long json_number(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	if (json_object_is_type(object, json_type_object))
		(void)json_object_object_get_ex(object, key, &value);
	return (long long)json_object_get_int64(value);
}

const char *json_string(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return "";
	return json_object_get_string(value);
}

size_t json_count(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

/* A list's items with commas between them, written through out. */
static void list_write(struct json_object *array, FILE *out)
{
	for (size_t i = 0; i < json_count(array); i++) {
		struct json_object *item = json_object_array_get_idx(array, i);

		fprintf(out, "%s%s", i ? "," : "", item ? json_object_get_string(item) : "");
	}
}

/* A value on one line, owned; NULL without memory. */
static char *value_text(struct json_object *value)
{
	char *text = NULL;
	size_t size;
	FILE *out;

	switch (json_object_get_type(value)) {
	case json_type_null:
		text = strdup("-");
		break;
	case json_type_boolean:
		text = strdup(json_object_get_boolean(value) ? "yes" : "no");
		break;
	case json_type_array:
		out = open_memstream(&text, &size);
		if (!out)
			return NULL;
		list_write(value, out);
		if (fclose(out) != 0) {
			free(text);
			return NULL;
		}
		break;
	default:
		text = strdup(json_object_get_string(value));
	}
	if (text && !*text) {
		free(text);
		text = strdup("-");
	}
	if (text)
		text_tame(text);
	return text;
}

/* The escape of a character that is not harmless; returns its size. */
static size_t json_escape(const unsigned char *bytes, size_t left)
{
	size_t size = printable_size(bytes, left);

	if (size == 3) { /* one that turns the line */
		printf("\\u20%02x", (bytes[1] & 1u) << 6 | (bytes[2] & 0x3fu));
		return size;
	}
	if (*bytes == 0xc2 && left > 1 && bytes[1] >= 0x80 && bytes[1] < 0xa0) {
		printf("\\u%04x", bytes[1]);
		return 2;
	}
	printf("\\u%04x", *bytes == 0x7f ? *bytes : 0xfffd);
	return 1;
}

/* What a terminal would obey is escaped, which is the same to a program; json-c does so below space alone.
 * Outside of strings there is none of it. */
static void json_write(const char *text)
{
	size_t left = strlen(text), run = 0, size;

	for (; left > 0; left -= size) {
		const unsigned char *bytes = (const unsigned char *)text + run;

		size = *bytes == '\n' ? 1 : harmless_size(text + run, left);
		if (size > 0) {
			run += size;
			continue;
		}
		fwrite(text, 1, run, stdout);
		size = json_escape(bytes, left);
		text += run + size;
		run = 0;
	}
	fwrite(text, 1, run, stdout);
	putchar('\n');
}

static int json_print(struct json_object *object, int flags)
{
	const char *text = json_object_to_json_string_ext(object, flags);

	if (!text)
		return complain("out of memory");
	json_write(text);
	return EXIT_SUCCESS;
}

int print_json(struct json_object *object)
{
	return json_print(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
}

int print_json_line(struct json_object *object)
{
	return json_print(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* --- tables --- */

#define COLUMN_MIN 6u /* characters a column keeps however narrow the terminal */
#define LAST_MIN 24u  /* and the last, a sentence, before optional columns go */

struct table {
	char **cells; /* rows times count, owned */
	size_t *widths; /* 0: the column is left out */
	size_t rows, count;
};

static void table_done(struct table *table)
{
	for (size_t i = 0; table->cells && i < table->rows * table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table->widths);
}

/* "2026-01-31T15:30:00.123Z", as JSON has it, becomes "2026-01-31 16:30" where it is an hour later. */
static void time_shorten(char *text)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd";
	struct tm tm = { 0 };
	time_t at;

	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return;
	if (text[strlen(text) - 1] != 'Z' || !strptime(text, "%Y-%m-%dT%H:%M:%S", &tm))
		return;
	at = timegm(&tm);
	if (localtime_r(&at, &tm))
		(void)strftime(text, sizeof(form), "%Y-%m-%d %H:%M", &tm); /* shorter than it was */
}

char *time_text(const char *time)
{
	char *text = strdup(time);

	if (text)
		time_shorten(text);
	return text;
}

static char *cell_text(struct json_object *array, size_t row, const char *key)
{
	struct json_object *item = json_object_array_get_idx(array, row);
	struct json_object *value = NULL;
	char *text;

	if (json_object_is_type(item, json_type_object))
		(void)json_object_object_get_ex(item, key, &value);
	text = value_text(value);
	if (text)
		time_shorten(text);
	return text;
}

static int table_fill(struct table *table, struct json_object *array, const struct column *columns)
{
	table->cells = calloc(table->rows * table->count + 1, sizeof(*table->cells));
	table->widths = calloc(table->count, sizeof(*table->widths));
	if (!table->cells || !table->widths)
		return -ENOMEM;
	for (size_t c = 0; c < table->count; c++)
		table->widths[c] = strlen(columns[c].title);
	for (size_t i = 0; i < table->rows * table->count; i++) {
		size_t c = i % table->count, width;

		table->cells[i] = cell_text(array, i / table->count, columns[c].key);
		if (!table->cells[i])
			return -ENOMEM;
		width = text_width(table->cells[i]);
		if (width > table->widths[c])
			table->widths[c] = width;
	}
	return 0;
}

/* COLUMNS, else the terminal's; 0: no terminal, as wide as needed. */
static size_t terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	unsigned long wanted = columns ? strtoul(columns, NULL, 10) : 0;
	struct winsize size;

	if (wanted > 0 && wanted < 10000)
		return wanted;
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col;
}

/* Of the columns as they are, but for `last_most` of the last one. */
static size_t table_width(const struct table *table, size_t last_most)
{
	size_t total = 0;

	for (size_t c = 0; c < table->count; c++) {
		size_t width = table->widths[c];

		if (c + 1 == table->count && width > last_most)
			width = last_most;
		total += width ? width + (total ? 2 : 0) : 0;
	}
	return total;
}

static bool column_is_empty(const struct table *table, size_t column)
{
	for (size_t row = 0; row < table->rows; row++)
		if (strcmp(table->cells[row * table->count + column], "-") != 0)
			return false;
	return table->rows > 0;
}

/* Leaves out columns in which nothing is until the others fit whole, then optional ones from the right
 * until the others fit whole, the last one cut. */
static void table_drop(struct table *table, const struct column *columns, size_t width)
{
	for (size_t c = table->count; c > 1 && table_width(table, SIZE_MAX) > width; c--)
		if (column_is_empty(table, c - 1))
			table->widths[c - 1] = 0;
	for (size_t c = table->count; c > 0 && table_width(table, LAST_MIN) > width; c--)
		if (columns[c - 1].optional)
			table->widths[c - 1] = 0;
}

/* A state that is cut is none. */
static bool is_state(const struct column *column)
{
	return strcmp(column->key, "status") == 0 || strcmp(column->key, "state") == 0;
}

/* Takes from the last column, then from the widest, until the line fits. */
static void table_fit(struct table *table, const struct column *columns, size_t width)
{
	size_t total = table_width(table, SIZE_MAX), last = table->count - 1, widest;

	for (; width && total > width; total--) {
		widest = last;
		for (size_t c = 0; table->widths[last] <= LAST_MIN && c < last; c++)
			if (table->widths[c] > table->widths[widest] && !is_state(&columns[c]))
				widest = c;
		if (table->widths[widest] <= COLUMN_MIN)
			return;
		table->widths[widest]--;
	}
}

/* At most width characters, the last an ellipsis if some are missing. */
static void text_cut(char **text, size_t width)
{
	size_t seen = 0, at = 0;
	char *cut;

	if (text_width(*text) <= width)
		return;
	for (; (*text)[at]; at++)
		if (((unsigned char)(*text)[at] & 0xc0) != 0x80 && seen++ == width - 1)
			break;
	if (asprintf(&cut, "%.*s\xe2\x80\xa6", (int)at, *text) < 0)
		return;
	free(*text);
	*text = cut;
}

static enum style cell_style(const struct column *column, const char *text)
{
	static const struct {
		const char *text;
		enum style style;
	} known[] = {
		{ "active", STYLE_GOOD },    { "locked", STYLE_BAD },  { "denied", STYLE_ATTENTION },
		{ "deactivated", STYLE_DIM }, { "done", STYLE_GOOD }, { "open", STYLE_ATTENTION },
	};

	if (!is_state(column))
		return STYLE_PLAIN;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(known[i].text, text) == 0)
			return known[i].style;
	return STYLE_PLAIN;
}

static void cell_print(enum style style, const char *text, size_t width, bool last)
{
	print_styled(style, last ? 0 : width + 1, text);
	if (last)
		putchar('\n');
}

/* The last column that is shown. */
static size_t table_last(const struct table *table)
{
	size_t last = table->count - 1;

	while (last > 0 && !table->widths[last])
		last--;
	return last;
}

static void heading_print(const char *title, size_t width, bool last)
{
	_cleanup_free_ char *text = width ? strdup(title) : NULL;

	if (!text)
		return;
	text_cut(&text, width);
	cell_print(STYLE_HEADING, text, width, last);
}

int print_table(const struct context *context, struct json_object *array,
		const struct column *columns, size_t count)
{
	_cleanup_(table_done) struct table table = { .count = count };
	size_t width, last;

	table.rows = json_count(array);
	if (table_fill(&table, array, columns) < 0)
		return complain("out of memory");
	if (context->quiet) {
		for (size_t row = 0; row < table.rows; row++)
			if (strcmp(table.cells[row * count], "-") != 0) /* it has no name here */
				puts(table.cells[row * count]);
		return EXIT_SUCCESS;
	}
	width = terminal_width();
	if (width)
		table_drop(&table, columns, width);
	table_fit(&table, columns, width);
	last = table_last(&table);
	for (size_t c = 0; c < count; c++)
		heading_print(columns[c].title, table.widths[c], c == last);
	for (size_t i = 0; i < table.rows * count; i++) {
		size_t c = i % count;

		if (!table.widths[c])
			continue;
		text_cut(&table.cells[i], table.widths[c]);
		cell_print(cell_style(&columns[c], table.cells[i]), table.cells[i],
			   table.widths[c], c == last);
	}
	return EXIT_SUCCESS;
}

/* --- objects --- */

static bool is_nested(struct json_object *value)
{
	if (json_object_is_type(value, json_type_object))
		return true;
	return json_count(value) > 0 &&
	       json_object_is_type(json_object_array_get_idx(value, 0), json_type_object);
}

/* Microseconds of what stands there for people too: "received_us" beside "received". */
static bool is_twin(struct json_object *object, const char *key)
{
	static const char *const ends[] = { "", "_ms" };
	size_t len = strlen(key);
	char twin[64];

	if (len < 4 || len >= sizeof(twin) - 3 || strcmp(key + len - 3, "_us") != 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		(void)snprintf(twin, sizeof(twin), "%.*s%s", (int)(len - 3), key, ends[i]);
		if (json_object_object_get_ex(object, twin, NULL))
			return true;
	}
	return false;
}

/* "processes_left" and "displayName" are "processes left" and "display name" for people. */
static void key_print(const char *key)
{
	for (; *key; key++)
		if (*key >= 'A' && *key <= 'Z')
			printf(" %c", *key - 'A' + 'a');
		else if (*key == '_')
			putchar(' ');
		else
			putchar(*key >= ' ' && *key <= '~' ? *key : '?');
}

/* One object of a list as a line: "key value, key value". */
static int item_print(struct json_object *item, int indent)
{
	const char *separator = "";

	printf("%*s- ", indent, "");
	if (!json_object_is_type(item, json_type_object)) {
		_cleanup_free_ char *text = value_text(item);

		puts(text ? text : "");
		return EXIT_SUCCESS;
	}
	json_object_object_foreach(item, key, value)
	{
		_cleanup_free_ char *text = is_twin(item, key) ? NULL : value_text(value);

		if (is_twin(item, key))
			continue;
		if (!text)
			return complain("out of memory");
		fputs(separator, stdout);
		key_print(key);
		printf(" %s", text);
		separator = ", ";
	}
	putchar('\n');
	return EXIT_SUCCESS;
}

static void field_print(const char *key, int indent, bool ours)
{
	printf("%*s", indent, "");
	if (ours)
		key_print(key);
	else
		print_tame(key);
	putchar(':');
}

/* ours: the keys are scimd's, not the configuration's. */
static int object_print(struct json_object *object, int indent, bool ours)
{
	int code = EXIT_SUCCESS;

	if (indent > 2 * DEPTH_MAX)
		return EXIT_SUCCESS;
	json_object_object_foreach(object, key, value)
	{
		_cleanup_free_ char *text = NULL;

		if (ours && is_twin(object, key))
			continue;
		field_print(key, indent, ours);
		if (is_nested(value)) {
			putchar('\n');
			if (json_object_is_type(value, json_type_object))
				code = object_print(value, indent + 2,
						    strcmp(key, "attributes") != 0);
			else
				for (size_t i = 0; i < json_count(value); i++)
					code = item_print(json_object_array_get_idx(value, i),
							  indent + 2);
			continue;
		}
		text = value_text(value);
		if (!text)
			return complain("out of memory");
		printf(" %s\n", text);
	}
	return code;
}

int print_object(struct json_object *object)
{
	if (!json_object_is_type(object, json_type_object))
		return complain("scimd's answer is not what was asked for");
	return object_print(object, 0, true);
}

int show_table(const struct context *context, const char *path, const struct column *columns,
	       size_t count)
{
	_cleanup_(json_putp) struct json_object *array = NULL;
	int code = client_get(context, path, &array);

	if (code != EXIT_SUCCESS)
		return code;
	return context->json ? print_json(array) : print_table(context, array, columns, count);
}

int show_object(const struct context *context, const char *prefix, const char *name)
{
	_cleanup_(json_putp) struct json_object *object = NULL;
	_cleanup_free_ char *path = name ? client_path(prefix, name) : strdup(prefix);
	int code;

	if (!path)
		return complain("out of memory");
	code = client_get(context, path, &object);
	if (code != EXIT_SUCCESS)
		return code;
	return context->json ? print_json(object) : print_object(object);
}
