#include <stdio.h>
#include <string.h>

#include "scimctl/scimctl.h"

#define DEPTH_MAX 8
#define JSON_FLAGS (JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE)

/* Characters, near enough: what is not the continuation of one in UTF-8. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* Names and reasons come from outside and must not control the terminal: C0, DEL and C1. */
static void text_tame(char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c == 0x7f)
			*text = '?';
		else if (c == 0xc2 && (unsigned char)text[1] >= 0x80 &&
			 (unsigned char)text[1] <= 0x9f)
			*text++ = '?', *text = '?';
	}
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

	printf("%s%s%s", colour ? codes[style] : "", text, colour ? "\033[0m" : "");
	for (size_t at = text_width(text); at < width; at++)
		putchar(' ');
	if (width)
		putchar(' ');
}

void print_tame(const char *text)
{
	_cleanup_free_ char *copy = strdup(text);

	if (!copy)
		return;
	text_tame(copy);
	fputs(copy, stdout);
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

/* A list's items with commas between them, written through out. */
static void list_write(struct json_object *array, FILE *out)
{
	for (size_t i = 0; i < json_object_array_length(array); i++) {
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

int print_json(struct json_object *object)
{
	const char *text = json_object_to_json_string_ext(object, JSON_FLAGS);

	if (!text)
		return complain("out of memory");
	puts(text);
	return EXIT_SUCCESS;
}

static char *cell_text(struct json_object *array, size_t row, const char *key)
{
	struct json_object *item = json_object_array_get_idx(array, row);
	struct json_object *value = NULL;

	if (json_object_is_type(item, json_type_object))
		(void)json_object_object_get_ex(item, key, &value);
	return value_text(value);
}

static void cell_print(const char *text, size_t width, bool last)
{
	fputs(text, stdout);
	if (last) {
		putchar('\n');
		return;
	}
	for (size_t at = text_width(text); at < width + 2; at++)
		putchar(' ');
}

int print_table(struct json_object *array, const struct column *columns, size_t count)
{
	size_t rows = json_object_is_type(array, json_type_array) ? json_object_array_length(array)
								  : 0;
	_cleanup_free_ size_t *widths = calloc(count, sizeof(*widths));

	if (!widths)
		return complain("out of memory");
	for (size_t c = 0; c < count; c++) {
		widths[c] = strlen(columns[c].title);
		for (size_t row = 0; row < rows; row++) {
			_cleanup_free_ char *text = cell_text(array, row, columns[c].key);
			size_t width = text ? text_width(text) : 0;

			if (width > widths[c])
				widths[c] = width;
		}
	}
	for (size_t c = 0; c < count; c++)
		cell_print(columns[c].title, widths[c], c + 1 == count);
	for (size_t row = 0; row < rows; row++)
		for (size_t c = 0; c < count; c++) {
			_cleanup_free_ char *text = cell_text(array, row, columns[c].key);

			if (!text)
				return complain("out of memory");
			cell_print(text, widths[c], c + 1 == count);
		}
	return EXIT_SUCCESS;
}

static bool is_nested(struct json_object *value)
{
	if (json_object_is_type(value, json_type_object))
		return true;
	return json_object_is_type(value, json_type_array) && json_object_array_length(value) > 0 &&
	       json_object_is_type(json_object_array_get_idx(value, 0), json_type_object);
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
		_cleanup_free_ char *text = value_text(value);

		if (!text)
			return complain("out of memory");
		printf("%s%s %s", separator, key, text);
		separator = ", ";
	}
	putchar('\n');
	return EXIT_SUCCESS;
}

static int object_print(struct json_object *object, int indent)
{
	int code = EXIT_SUCCESS;

	if (indent > 2 * DEPTH_MAX)
		return EXIT_SUCCESS;
	json_object_object_foreach(object, key, value)
	{
		_cleanup_free_ char *text = NULL;

		if (is_nested(value)) {
			printf("%*s%s:\n", indent, "", key);
			if (json_object_is_type(value, json_type_object))
				code = object_print(value, indent + 2);
			else
				for (size_t i = 0; i < json_object_array_length(value); i++)
					code = item_print(json_object_array_get_idx(value, i),
							  indent + 2);
			continue;
		}
		text = value_text(value);
		if (!text)
			return complain("out of memory");
		printf("%*s%s: %s\n", indent, "", key, text);
	}
	return code;
}

int print_object(struct json_object *object)
{
	if (!json_object_is_type(object, json_type_object))
		return complain("scimd's answer is not what was asked for");
	return object_print(object, 0);
}

int show_table(const struct context *context, const char *path, const struct column *columns,
	       size_t count)
{
	_cleanup_(json_putp) struct json_object *array = NULL;
	int code = client_get(context, path, &array);

	if (code != EXIT_SUCCESS)
		return code;
	return context->json ? print_json(array) : print_table(array, columns, count);
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
