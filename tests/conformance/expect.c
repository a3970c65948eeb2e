#include "tests/conformance/conformance.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#define ERROR_URN "urn:ietf:params:scim:api:messages:2.0:Error"

static const char *json_show(struct json_object *json)
{
	return json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN |
							    JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* A value as the text a variable takes: a string without its quotes. */
static const char *json_plain(struct json_object *json)
{
	return json_object_is_type(json, json_type_string) ? json_object_get_string(json) :
							     json_show(json);
}

/* --- paths: .a.b  .a[0]  .a["key with:colons"]  .a[type=work] -------------------------------- */

static bool step_name(struct json_object **at, const char *name, size_t len)
{
	_cleanup_free_ char *key = strndup(name, len);

	return key && json_object_object_get_ex(*at, key, at);
}

static bool step_index(struct json_object **at, size_t index)
{
	if (!json_object_is_type(*at, json_type_array) || index >= json_object_array_length(*at))
		return false;
	*at = json_object_array_get_idx(*at, index);
	return true;
}

/* The first element whose member is the value. */
static bool step_match(struct json_object **at, const char *text, size_t len)
{
	const char *equals = memchr(text, '=', len);
	_cleanup_free_ char *name = equals ? strndup(text, (size_t)(equals - text)) : NULL;
	_cleanup_free_ char *value = equals ? strndup(equals + 1,
						      len - (size_t)(equals + 1 - text)) : NULL;

	if (!name || !value || !json_object_is_type(*at, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(*at); i++) {
		struct json_object *element = json_object_array_get_idx(*at, i), *member;

		if (json_object_object_get_ex(element, name, &member) &&
		    strcmp(json_plain(member), value) == 0) {
			*at = element;
			return true;
		}
	}
	return false;
}

static bool step_bracket(struct json_object **at, const char *text, size_t len)
{
	if (len >= 2 && text[0] == '"')
		return step_name(at, text + 1, len - 2);
	if (isdigit((unsigned char)text[0]))
		return step_index(at, strtoul(text, NULL, 10));
	return step_match(at, text, len);
}

/* Whether there is something at path; *ret is borrowed, NULL for null. */
static bool path_find(struct json_object *json, const char *path, struct json_object **ret)
{
	struct json_object *at = json;

	while (*path) {
		size_t len;

		if (*path == '.') {
			len = strcspn(++path, ".[");
			if (len > 0 && !step_name(&at, path, len))
				return false;
			path += len;
			continue;
		}
		if (*path != '[')
			return false;
		len = *++path == '"' ? strcspn(path + 1, "\"") + 2 : strcspn(path, "]");
		if (path[len] != ']' || !step_bracket(&at, path, len))
			return false;
		path += len + 1;
	}
	*ret = at;
	return json != NULL;
}

/* --- comparing -------------------------------------------------------------------------------- */

static bool includes(struct json_object *have, struct json_object *want);

static bool any_includes(struct json_object *array, struct json_object *want)
{
	for (size_t i = 0; i < json_object_array_length(array); i++)
		if (includes(json_object_array_get_idx(array, i), want))
			return true;
	return false;
}

/* Whether all of want is in have: members of an object, elements of an array in any order. */
static bool includes(struct json_object *have, struct json_object *want)
{
	if (json_object_is_type(want, json_type_object)) {
		json_object_object_foreach(want, key, member) {
			struct json_object *other;

			if (!json_object_object_get_ex(have, key, &other) ||
			    !includes(other, member))
				return false;
		}
		return json_object_is_type(have, json_type_object);
	}
	if (json_object_is_type(want, json_type_array)) {
		if (!json_object_is_type(have, json_type_array))
			return false;
		for (size_t i = 0; i < json_object_array_length(want); i++)
			if (!any_includes(have, json_object_array_get_idx(want, i)))
				return false;
		return true;
	}
	return json_object_equal(have, want);
}

static bool has(struct json_object *have, struct json_object *want)
{
	if (json_object_is_type(have, json_type_array) &&
	    !json_object_is_type(want, json_type_array))
		return any_includes(have, want);
	return includes(have, want);
}

static bool text_matches(const char *text, const char *pattern)
{
	regex_t regex;
	bool found;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	found = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return found;
}

/* --- lines ------------------------------------------------------------------------------------ */

static bool explain(struct text *why, const char *what, const char *have)
{
	text_puts(why, what);
	if (have)
		text_puts(why, have);
	return false;
}

/* Operators that take JSON. -1: it is none of these. */
static int compare_json(const char *op, const char *operand, struct json_object *have)
{
	struct json_object *want = json_tokener_parse(operand);
	int result = -1;

	if (strcmp(op, "==") == 0)
		result = json_object_equal(have, want);
	else if (strcmp(op, "!=") == 0)
		result = !json_object_equal(have, want);
	else if (strcmp(op, "has") == 0)
		result = has(have, want);
	else if (strcmp(op, "lacks") == 0)
		result = !has(have, want);
	if (result > 0 && !want && strcmp(operand, "null") != 0)
		result = 0; /* what is expected is not JSON itself */
	json_object_put(want);
	return result;
}

static size_t json_length(struct json_object *json)
{
	if (json_object_is_type(json, json_type_array))
		return json_object_array_length(json);
	if (json_object_is_type(json, json_type_object))
		return (size_t)json_object_object_length(json);
	return (size_t)json_object_get_string_len(json);
}

static bool expect_json(const struct response *response, const char *path, const char *op,
			const char *operand, struct variables *variables, struct text *ret_why)
{
	struct json_object *have = NULL;
	bool found = path_find(response->json, path, &have);
	int result;

	if (strcmp(op, "absent") == 0)
		return !found || explain(ret_why, "it is ", json_show(have));
	if (!found)
		return explain(ret_why, "there is none", NULL);
	if (strcmp(op, "present") == 0)
		return true;
	if (strcmp(op, "->") == 0) {
		variable_set(variables, operand, json_plain(have));
		return true;
	}
	if (strcmp(op, "matches") == 0)
		result = text_matches(json_plain(have), operand);
	else if (strcmp(op, "length") == 0)
		result = json_length(have) == strtoul(operand, NULL, 10);
	else
		result = compare_json(op, operand, have);
	if (result < 0)
		return explain(ret_why, "unknown operator ", op);
	return result > 0 || explain(ret_why, "it is ", json_show(have));
}

static bool expect_header(const struct response *response, const char *name, const char *op,
			  const char *operand, struct variables *variables, struct text *ret_why)
{
	_cleanup_free_ char *have = response_header(response, name);
	bool holds = false;

	if (strcmp(op, "absent") == 0)
		return !have || explain(ret_why, "it is ", have);
	if (!have)
		return explain(ret_why, "there is none", NULL);
	if (strcmp(op, "->") == 0) {
		variable_set(variables, operand, have);
		return true;
	}
	if (strcmp(op, "present") == 0)
		holds = true;
	else if (strcmp(op, "==") == 0)
		holds = strcmp(have, operand) == 0;
	else if (strcmp(op, "!=") == 0)
		holds = strcmp(have, operand) != 0;
	else if (strcmp(op, "matches") == 0)
		holds = text_matches(have, operand);
	return holds || explain(ret_why, "it is ", have);
}

/* Cut the next word off; brackets and quotes keep theirs together. */
static char *word_cut(char **line)
{
	char *start = *line, *p = start;
	bool quoted = false;
	int depth = 0;

	for (; *p && (quoted || depth > 0 || *p != ' '); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (!quoted && *p == '[')
			depth++;
		else if (!quoted && *p == ']')
			depth--;
	}
	if (*p)
		*p++ = '\0';
	*line = p + strspn(p, " ");
	return start;
}

bool expect_line(const struct response *response, const char *line, struct variables *variables,
		 struct text *ret_why)
{
	_cleanup_free_ char *copy = strdup(line);
	char *rest = copy, *subject, *name, *op;

	if (!copy)
		exit(2);
	subject = word_cut(&rest);
	if (strcmp(subject, "header") == 0) {
		name = word_cut(&rest);
		op = word_cut(&rest);
		return expect_header(response, name, op, rest, variables, ret_why);
	}
	op = word_cut(&rest);
	if (strcmp(subject, "body") == 0 && strcmp(op, "empty") == 0)
		return response->body.size == 0 || explain(ret_why, "it is ", response->body.bytes);
	if (strcmp(subject, "body") == 0 && strcmp(op, "lacks") == 0)
		return !response->body.bytes || !strstr(response->body.bytes, rest) ||
		       explain(ret_why, "it is ", response->body.bytes);
	if (subject[0] != '.')
		return explain(ret_why, "this is no expectation", NULL);
	return expect_json(response, subject, op, rest, variables, ret_why);
}

static bool is_text(struct json_object *json, const char *path, const char *want)
{
	struct json_object *have;

	if (!path_find(json, path, &have) || !json_object_is_type(have, json_type_string))
		return false;
	return want ? strcmp(json_object_get_string(have), want) == 0 :
		      json_object_get_string_len(have) > 0;
}

bool expect_always(const struct request *request, const struct response *response,
		   struct text *ret_why)
{
	_cleanup_free_ char *type = response_header(response, "Content-Type");
	char status[16];

	/* What is no request at all, the library may answer in its own words. */
	if (strcmp(request->method, "RAW") == 0 && response->status >= 400 && !type)
		return true;
	if (strcmp(request->method, "HEAD") == 0)
		return response->body.size == 0 || explain(ret_why, "HEAD got a body", NULL);
	if (response->status == 204 || response->status == 304)
		return response->body.size == 0 || explain(ret_why, "there is a body", NULL);
	if (!type || strncmp(type, "application/scim+json", 21) != 0)
		return explain(ret_why, "Content-Type: ", type ? type : "none");
	if (!response->json)
		return explain(ret_why, "the body is not JSON: ", response->body.bytes);
	if (response->status < 400)
		return true;
	(void)snprintf(status, sizeof(status), "%d", response->status);
	if (!is_text(response->json, ".schemas[0]", ERROR_URN) ||
	    !is_text(response->json, ".status", status) ||
	    !is_text(response->json, ".detail", NULL))
		return explain(ret_why, "not a SCIM error: ", json_show(response->json));
	return true;
}
