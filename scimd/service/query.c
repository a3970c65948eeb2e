#include "scimd/service/query.h"

#include <ctype.h>
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
static int set_number(struct query *query, bool is_count, const char *value, struct fault *fault)
{
	const char *name = is_count ? "count" : "startIndex";
	bool twice = is_count ? query->has_count : query->start != 0;
	int64_t number;

	if (twice)
		return fault_set(fault, 400, "invalidValue", "%s is given twice", name);
	if (number_parse(value, &number) < 0)
		return fault_set(fault, 400, "invalidValue", "%s is not a whole number", name);
	if (is_count) {
		query->count = number < 0 ? 0 : (uint64_t)number;
		query->has_count = true;
	} else {
		query->start = number < 1 ? 1 : (uint64_t)number;
	}
	return 0;
}

static int set_parameter(struct query *query, const char *name, char **value,
			 struct fault *fault)
{
	if (strcasecmp(name, "filter") == 0)
		return set_text(&query->filter, value, "filter", fault);
	if (strcasecmp(name, "attributes") == 0 && **value)
		return set_text(&query->attributes, value, "attributes", fault);
	if (strcasecmp(name, "excludedAttributes") == 0 && **value)
		return set_text(&query->excluded, value, "excludedAttributes", fault);
	if (strcasecmp(name, "startIndex") == 0)
		return set_number(query, false, *value, fault);
	if (strcasecmp(name, "count") == 0)
		return set_number(query, true, *value, fault);
	if (strcasecmp(name, "cursor") == 0)
		return fault_set(fault, 400, "invalidCursor",
				 "paging by cursor is not offered, use startIndex and count");
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

int query_parse(const char *text, struct query *ret, struct fault *fault)
{
	_cleanup_(query_done) struct query query = {};

	while (text && *text) {
		size_t len = strcspn(text, "&");
		int r = parse_pair(&query, text, len, fault);

		if (r < 0)
			return r;
		text += len + (text[len] == '&');
	}
	if (query.attributes && query.excluded)
		return fault_set(fault, 400, "invalidValue",
				 "attributes and excludedAttributes exclude each other");
	if (query.start == 0)
		query.start = 1;
	*ret = query;
	query = (struct query){};
	return 0;
}

void query_done(struct query *query)
{
	free(query->filter);
	free(query->attributes);
	free(query->excluded);
	*query = (struct query){};
}
