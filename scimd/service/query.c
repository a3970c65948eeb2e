#include "scimd/service/query.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "scimd/model/utf8.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool text_is_utf8(const char *text, size_t len)
{
	uint32_t character;

	for (int step; len > 0; text += step, len -= (size_t)step) {
		step = utf8_decode(text, len, &character);
		if (step <= 0)
			return false;
	}
	return true;
}

int query_decode(const char *text, size_t len, bool plus, char **ret)
{
	_cleanup_free_ char *out = malloc(len + 1);
	size_t used = 0;

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '%') {
			int high = i + 1 < len ? hex_value(text[i + 1]) : -1;
			int low = i + 2 < len ? hex_value(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return -EINVAL;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (c == '\0')
			return -EINVAL;
		out[used++] = c;
	}
	out[used] = '\0';
	if (!text_is_utf8(out, used))
		return -EINVAL;
	*ret = TAKE_PTR(out);
	return 0;
}

/* A whole number; what does not fit is cut to the ends of the range. */
static int number_parse(const char *text, int64_t *ret)
{
	const char *digits = text + (*text == '-');
	char *end;
	long long value;

	if (!isdigit((unsigned char)*digits))
		return -EINVAL;
	value = strtoll(text, &end, 10);
	if (*end != '\0')
		return -EINVAL;
	*ret = value;
	return 0;
}

static int set_text(char **slot, char **value, const char *name, struct fault *fault)
{
	if (*slot)
		return fault_set(fault, 400, "invalidValue", "%s is given twice", name);
	*slot = TAKE_PTR(*value);
	return 0;
}

/* startIndex below 1 means 1, count below 0 means 0 (RFC 7644 section 3.4.2.4). */
static int set_number(struct query *query, bool is_count, int64_t number, struct fault *fault)
{
	bool *has = is_count ? &query->has_count : &query->has_start;

	if (*has)
		return fault_set(fault, 400, "invalidValue", "%s is given twice",
				 is_count ? "count" : "startIndex");
	*has = true;
	if (is_count)
		query->count = number < 0 ? 0 : (uint64_t)number;
	else
		query->start = number < 1 ? 1 : (uint64_t)number;
	return 0;
}

static int set_number_text(struct query *query, bool is_count, const char *value,
			   struct fault *fault)
{
	int64_t number;

	if (number_parse(value, &number) < 0)
		return fault_set(fault, 400, "invalidValue", "%s is not a whole number",
				 is_count ? "count" : "startIndex");
	return set_number(query, is_count, number, fault);
}

static int set_order(struct query *query, const char *value, struct fault *fault)
{
	if (query->has_order)
		return fault_set(fault, 400, "invalidValue", "sortOrder is given twice");
	query->has_order = true;
	query->descending = strcasecmp(value, "descending") == 0;
	if (query->descending || strcasecmp(value, "ascending") == 0)
		return 0;
	return fault_set(fault, 400, "invalidValue",
			 "sortOrder is either ascending or descending");
}

/* The parameters that are text. */
static char **text_slot(struct query *query, const char *name)
{
	const struct {
		const char *name;
		char **slot;
	} slots[] = {
		{ "filter", &query->filter },
		{ "attributes", &query->attributes },
		{ "excludedAttributes", &query->excluded },
		{ "sortBy", &query->sort_by },
		{ "cursor", &query->cursor },
	};

	for (size_t i = 0; i < ARRAY_SIZE(slots); i++)
		if (strcasecmp(name, slots[i].name) == 0)
			return slots[i].slot;
	return NULL;
}

/* An empty text says nothing, but for a filter (which is a mistake) and a cursor (the first). */
static bool is_left_out(const struct query *query, char *const *slot, const char *value)
{
	return !*value && slot != &query->filter && slot != &query->cursor;
}

static int set_parameter(struct query *query, const char *name, char **value,
			 struct fault *fault)
{
	char **slot = text_slot(query, name);

	if (slot)
		return is_left_out(query, slot, *value) ? 0
							 : set_text(slot, value, name, fault);
	if (strcasecmp(name, "startIndex") == 0)
		return set_number_text(query, false, *value, fault);
	if (strcasecmp(name, "count") == 0)
		return set_number_text(query, true, *value, fault);
	if (strcasecmp(name, "sortOrder") == 0 && **value)
		return set_order(query, *value, fault);
	return 0;
}

static int parse_pair(struct query *query, const char *pair, size_t len, struct fault *fault)
{
	_cleanup_free_ char *name = NULL, *value = NULL;
	const char *equals = memchr(pair, '=', len);
	size_t name_len = equals ? (size_t)(equals - pair) : len;
	const char *rest = equals ? equals + 1 : pair + len;
	int r;

	r = query_decode(pair, name_len, true, &name);
	if (r >= 0)
		r = query_decode(rest, (size_t)(pair + len - rest), true, &value);
	if (r == -EINVAL)
		return fault_set(fault, 400, "invalidSyntax",
				 "the query holds a bad escape, a NUL, or what is not UTF-8");
	if (r < 0)
		return r;
	return set_parameter(query, name, &value, fault);
}

static int query_check(struct query *query, struct fault *fault)
{
	if (query->attributes && query->excluded)
		return fault_set(fault, 400, "invalidValue",
				 "attributes and excludedAttributes exclude each other");
	if (query->cursor && query->has_start && query->start != 1)
		return fault_set(fault, 400, "invalidCursor",
				 "cursor and startIndex exclude each other");
	if (query->start == 0)
		query->start = 1;
	return 0;
}

int query_parse(const char *text, struct query *ret, struct fault *fault)
{
	_cleanup_(query_done) struct query query = {};
	int r;

	while (text && *text) {
		size_t len = strcspn(text, "&");

		r = parse_pair(&query, text, len, fault);
		if (r < 0)
			return r;
		text += len + (text[len] == '&');
	}
	r = query_check(&query, fault);
	if (r < 0)
		return r;
	*ret = query;
	query = (struct query){};
	return 0;
}

/* A list of names, or text that is one already, as a comma list. */
static int list_join(const char *name, struct json_object *value, char **ret, struct fault *fault)
{
	_cleanup_free_ char *joined = NULL;
	size_t size = 0;
	FILE *out;

	if (json_object_is_type(value, json_type_string)) {
		*ret = strdup(json_object_get_string(value));
		return *ret ? 0 : -ENOMEM;
	}
	if (!json_object_is_type(value, json_type_array))
		return fault_set(fault, 400, "invalidValue", "%s must be a list of names", name);
	out = open_memstream(&joined, &size);
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *item = json_object_array_get_idx(value, i);

		fprintf(out, "%s%s", i > 0 ? "," : "",
			json_object_is_type(item, json_type_string) ? json_object_get_string(item)
								     : "");
	}
	if (fclose(out) != 0)
		return -ENOMEM;
	*ret = TAKE_PTR(joined);
	return 0;
}

static int read_text(struct query *query, const char *name, struct json_object *value,
		     struct fault *fault)
{
	_cleanup_free_ char *text = NULL;
	char **slot = text_slot(query, name);
	bool is_list = slot && (slot == &query->attributes || slot == &query->excluded);
	int r;

	if (!is_list && !json_object_is_type(value, json_type_string))
		return fault_set(fault, 400, "invalidValue", "%s must be a string", name);
	if (is_list) {
		r = list_join(name, value, &text, fault);
		if (r < 0)
			return r;
	} else {
		text = strdup(json_object_get_string(value));
		if (!text)
			return -ENOMEM;
	}
	return set_parameter(query, name, &text, fault);
}

static int read_member(struct query *query, const char *name, struct json_object *value,
		       struct fault *fault)
{
	bool is_count = strcasecmp(name, "count") == 0;

	if (!value)
		return 0; /* null: not given */
	if (text_slot(query, name) || strcasecmp(name, "sortOrder") == 0)
		return read_text(query, name, value, fault);
	if (!is_count && strcasecmp(name, "startIndex") != 0)
		return 0;
	if (!json_object_is_type(value, json_type_int))
		return fault_set(fault, 400, "invalidValue", "%s must be a whole number", name);
	return set_number(query, is_count, json_object_get_int64(value), fault);
}

int query_read(struct json_object *body, struct query *ret, struct fault *fault)
{
	_cleanup_(query_done) struct query query = {};
	int r;

	json_object_object_foreach(body, name, value) {
		r = read_member(&query, name, value, fault);
		if (r < 0)
			return r;
	}
	r = query_check(&query, fault);
	if (r < 0)
		return r;
	*ret = query;
	query = (struct query){};
	return 0;
}

bool query_shows_all(const struct query *query)
{
	return (!query->attributes || !*query->attributes) &&
	       (!query->excluded || !*query->excluded);
}

void query_done(struct query *query)
{
	free(query->filter);
	free(query->attributes);
	free(query->excluded);
	free(query->sort_by);
	free(query->cursor);
	*query = (struct query){};
}
