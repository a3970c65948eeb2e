#include "tests/conformance/conformance.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

static void *checked(void *memory)
{
	if (!memory) {
		(void)fputs("out of memory\n", stderr);
		exit(2);
	}
	return memory;
}

void text_add(struct text *text, const char *bytes, size_t size)
{
	if (text->size + size + 1 > text->room) {
		text->room = 2 * (text->size + size + 1);
		text->bytes = checked(realloc(text->bytes, text->room));
	}
	if (size > 0)
		memcpy(text->bytes + text->size, bytes, size);
	text->size += size;
	text->bytes[text->size] = '\0';
}

void text_puts(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

void text_done(struct text *text)
{
	free(text->bytes);
	*text = (struct text){ .bytes = NULL };
}

void variable_set(struct variables *variables, const char *name, const char *value)
{
	size_t i = 0;

	while (i < variables->count && strcmp(variables->items[i].name, name) != 0)
		i++;
	if (i == variables->count) {
		variables->items = checked(reallocarray(variables->items, i + 1,
							sizeof(*variables->items)));
		variables->items[i].name = checked(strdup(name));
		variables->count++;
	} else {
		free(variables->items[i].value);
	}
	variables->items[i].value = checked(strdup(value));
}

const char *variable_get(const struct variables *variables, const char *name)
{
	for (size_t i = 0; i < variables->count; i++)
		if (strcmp(variables->items[i].name, name) == 0)
			return variables->items[i].value;
	return NULL;
}

void variables_done(struct variables *variables)
{
	for (size_t i = 0; i < variables->count; i++) {
		free(variables->items[i].name);
		free(variables->items[i].value);
	}
	free(variables->items);
	*variables = (struct variables){ .items = NULL };
}

static void expand_repeat(const char *what, struct text *ret)
{
	char *text;
	unsigned long times = strtoul(what, &text, 10);

	for (; *text == ':' && times > 0; times--)
		text_puts(ret, text + 1);
}

/* A value as a JSON string, for values that have quotes in them. */
static void expand_json(const char *value, struct text *ret)
{
	struct json_object *string = json_object_new_string(value);

	text_puts(ret, json_object_to_json_string_ext(string, JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(string);
}

static bool expand_name(const struct variables *variables, const char *name, struct text *ret)
{
	const char *value;

	if (strncmp(name, "hex:", 4) == 0) {
		text_puts(ret, "${");
		text_puts(ret, name);
		text_puts(ret, "}");
		return true;
	}
	if (strncmp(name, "repeat:", 7) == 0) {
		expand_repeat(name + 7, ret);
		return true;
	}
	if (strncmp(name, "json:", 5) == 0) {
		value = variable_get(variables, name + 5);
		if (value)
			expand_json(value, ret);
		return value != NULL;
	}
	value = variable_get(variables, name);
	if (value)
		text_puts(ret, value);
	return value != NULL;
}

bool variables_expand(const struct variables *variables, const char *from, struct text *ret)
{
	text_add(ret, "", 0);
	while (*from) {
		const char *start = strstr(from, "${");
		const char *end = start ? strchr(start, '}') : NULL;
		_cleanup_free_ char *name = NULL;

		if (!end) {
			text_puts(ret, from);
			return true;
		}
		text_add(ret, from, (size_t)(start - from));
		name = checked(strndup(start + 2, (size_t)(end - start - 2)));
		if (!expand_name(variables, name, ret)) {
			text_done(ret);
			text_puts(ret, name);
			return false;
		}
		from = end + 1;
	}
	return true;
}

void text_unhex(struct text *text)
{
	struct text from = *text;

	*text = (struct text){ .bytes = NULL };
	text_add(text, "", 0);
	for (size_t i = 0; i < from.size;) {
		unsigned int byte;
		int used;

		if (strncmp(from.bytes + i, "${hex:", 6) != 0) {
			text_add(text, from.bytes + i++, 1);
			continue;
		}
		i += 6;
		for (; sscanf(from.bytes + i, "%2x%n", &byte, &used) == 1; i += (size_t)used)
			text_add(text, (const char[]){ (char)byte }, 1);
		i++; /* "}" */
	}
	text_done(&from);
}
