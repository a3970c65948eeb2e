/* The grammar of RFC 8259, strictly, and json-c's objects made of it on the way. json-c's own parser is
 * too lenient to be asked. */
#include "scimd/model/json.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scimd/model/utf8.h"

#define NAME_MAX_BYTES 4096u
#define NUMBER_MAX_BYTES 64

/* What a string says, without a terminator. */
struct span {
	const char *text;
	size_t len;
};

struct scanner {
	const char *text;
	size_t len, at;
	unsigned int depth;
	char name[NAME_MAX_BYTES + 1]; /* the last one */
	char *unescaped; /* owned; of the last string with escapes. As much room as text has */
	size_t unescaped_max; /* bytes of it that were ever written */
	struct fault *fault;
};

static int scan_value(struct scanner *s, struct json_object **ret);

static int bad(struct scanner *s, const char *what)
{
	return fault_set(s->fault, 400, "invalidSyntax", "JSON: %s at byte %zu", what, s->at);
}

static int peek(const struct scanner *s)
{
	return s->at < s->len ? (unsigned char)s->text[s->at] : -1;
}

static void skip_space(struct scanner *s)
{
	while (s->at < s->len && memchr(" \t\r\n", s->text[s->at], 4))
		s->at++;
}

static int scan_hex4(struct scanner *s, uint32_t *ret)
{
	uint32_t unit = 0;

	for (int i = 0; i < 4; i++, s->at++) {
		int c = peek(s);

		if (c >= '0' && c <= '9')
			unit = unit << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			unit = unit << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return bad(s, "a broken \\u escape");
	}
	*ret = unit;
	return 0;
}

/* After "\u". */
static int scan_unicode(struct scanner *s, uint32_t *ret)
{
	uint32_t high, low;
	int r;

	r = scan_hex4(s, &high);
	if (r < 0)
		return r;
	if (high == 0)
		return bad(s, "\\u0000");
	if (high < 0xd800 || high > 0xdfff) {
		*ret = high;
		return 0;
	}
	if (high > 0xdbff || s->len - s->at < 2 || memcmp(s->text + s->at, "\\u", 2) != 0)
		return bad(s, "a lone surrogate");
	s->at += 2;
	r = scan_hex4(s, &low);
	if (r < 0)
		return r;
	if (low < 0xdc00 || low > 0xdfff)
		return bad(s, "a lone surrogate");
	*ret = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return 0;
}

/* After the backslash. */
static int scan_escape(struct scanner *s, uint32_t *ret)
{
	static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	int c = peek(s);
	const char *found = c > 0 ? strchr(names, c) : NULL;

	if (c == 'u') {
		s->at++;
		return scan_unicode(s, ret);
	}
	if (!found)
		return bad(s, "an unknown escape");
	s->at++;
	*ret = (unsigned char)meanings[found - names];
	return 0;
}

/* One character of a string, at something that is not its closing quote. */
static int scan_character(struct scanner *s, uint32_t *ret)
{
	int c = peek(s), size;

	if (c < 0)
		return bad(s, "an unfinished string");
	if (c < 0x20)
		return bad(s, "a raw control character in a string");
	if (c == '\\') {
		s->at++;
		return scan_escape(s, ret);
	}
	size = utf8_decode(s->text + s->at, s->len - s->at, ret);
	if (size < 0)
		return bad(s, "invalid UTF-8");
	s->at += (size_t)size;
	return 0;
}

/* From the first backslash of a string that began at start. */
static int scan_escaped(struct scanner *s, size_t start, struct span *ret)
{
	size_t len = s->at - start;
	uint32_t character = 0;
	int r;

	if (!s->unescaped)
		s->unescaped = malloc(s->len);
	if (!s->unescaped)
		return -ENOMEM;
	memcpy(s->unescaped, s->text + start, len);
	for (r = 0; r >= 0 && peek(s) != '"';) {
		r = scan_character(s, &character);
		if (r >= 0) /* no character is longer than its escape */
			len += utf8_encode(character, s->unescaped + len);
	}
	if (len > s->unescaped_max)
		s->unescaped_max = len;
	if (r < 0)
		return r;
	s->at++;
	*ret = (struct span){ s->unescaped, len };
	return 0;
}

/* What most strings are made of, without looking at each character twice. */
static void skip_plain(struct scanner *s)
{
	while (s->at < s->len && s->text[s->at] >= 0x20 && s->text[s->at] < 0x7f &&
	       s->text[s->at] != '"' && s->text[s->at] != '\\')
		s->at++;
}

/* After the opening quote. *ret holds until the next string. */
static int scan_string(struct scanner *s, struct span *ret)
{
	size_t start = s->at;
	uint32_t character;
	int c, r;

	for (skip_plain(s); (c = peek(s)) != '"'; skip_plain(s)) {
		if (c == '\\')
			return scan_escaped(s, start, ret);
		r = scan_character(s, &character);
		if (r < 0)
			return r;
	}
	*ret = (struct span){ s->text + start, s->at - start };
	s->at++;
	return 0;
}

static bool scan_digits(struct scanner *s)
{
	size_t start = s->at;

	while (peek(s) >= '0' && peek(s) <= '9')
		s->at++;
	return s->at > start;
}

static int scan_number(struct scanner *s, struct json_object **ret)
{
	char text[NUMBER_MAX_BYTES + 1];
	size_t start = s->at;
	bool whole = true;
	int64_t integer = 0;
	double decimal = 0;

	if (peek(s) == '-')
		s->at++;
	if (peek(s) == '0')
		s->at++;
	else if (!scan_digits(s))
		return bad(s, "a number without digits");
	if (peek(s) == '.') {
		whole = false;
		s->at++;
		if (!scan_digits(s))
			return bad(s, "a number without digits after its point");
	}
	if (peek(s) == 'e' || peek(s) == 'E') {
		whole = false;
		s->at++;
		if (peek(s) == '+' || peek(s) == '-')
			s->at++;
		if (!scan_digits(s))
			return bad(s, "a number without digits in its exponent");
	}
	if (s->at - start > NUMBER_MAX_BYTES)
		return bad(s, "a number that is too long");
	memcpy(text, s->text + start, s->at - start);
	text[s->at - start] = '\0';
	errno = 0;
	if (whole)
		integer = strtoll(text, NULL, 10);
	else
		decimal = strtod(text, NULL);
	if ((whole && errno == ERANGE) || !isfinite(decimal))
		return bad(s, "a number out of range");
	/* A decimal keeps its text, and so its digits. */
	*ret = whole ? json_object_new_int64(integer) : json_object_new_double_s(decimal, text);
	return *ret ? 0 : -ENOMEM;
}

static int scan_literal(struct scanner *s, struct json_object **ret)
{
	static const char *const literals[] = { "true", "false", "null" };
	enum { TRUE, FALSE, NONE };

	for (size_t i = 0; i < ARRAY_SIZE(literals); i++) {
		size_t len = strlen(literals[i]);

		if (s->len - s->at < len || memcmp(s->text + s->at, literals[i], len) != 0)
			continue;
		s->at += len;
		*ret = i == NONE ? NULL : json_object_new_boolean(i == TRUE);
		return *ret || i == NONE ? 0 : -ENOMEM;
	}
	return bad(s, s->at < s->len ? "an unexpected character" : "an unexpected end");
}

/* A name and its colon: a member without a value so far, the object's last. Names are compared
 * without their escapes. */
static int scan_name(struct scanner *s, struct json_object *object)
{
	size_t start = s->at;
	struct span span;
	int r;

	if (peek(s) != '"')
		return bad(s, "no name in double quotes");
	s->at++;
	r = scan_string(s, &span);
	if (r < 0)
		return r;
	if (span.len > NAME_MAX_BYTES)
		return bad(s, "a name that is too long");
	memcpy(s->name, span.text, span.len);
	s->name[span.len] = '\0';
	if (json_object_object_get_ex(object, s->name, NULL))
		return fault_set(s->fault, 400, "invalidSyntax",
				 "JSON: the name \"%.64s\" comes twice, again at byte %zu", s->name,
				 start);
	if (json_object_object_add_ex(object, s->name, NULL, JSON_C_OBJECT_ADD_KEY_IS_NEW) < 0)
		return -ENOMEM;
	skip_space(s);
	if (peek(s) != ':')
		return bad(s, "no colon after a name");
	s->at++;
	return 0;
}

static int scan_member(struct scanner *s, struct json_object *object)
{
	struct json_object *value;
	int r;

	skip_space(s);
	r = scan_name(s, object);
	if (r >= 0)
		r = scan_value(s, &value);
	if (r >= 0)
		lh_entry_set_val(json_object_get_object(object)->tail, value);
	return r;
}

static int scan_element(struct scanner *s, struct json_object *array)
{
	struct json_object *value;
	int r = scan_value(s, &value);

	if (r < 0 || json_object_array_add(array, value) == 0)
		return r;
	json_object_put(value);
	return -ENOMEM;
}

/* After the opening brace or bracket: members or elements until the closing one. */
static int scan_items(struct scanner *s, struct json_object *container,
		      int (*scan_item)(struct scanner *s, struct json_object *container), int end)
{
	int r;

	skip_space(s);
	if (peek(s) == end) {
		s->at++;
		return 0;
	}
	for (;;) {
		r = scan_item(s, container);
		if (r < 0)
			return r;
		skip_space(s);
		if (peek(s) == end)
			break;
		if (peek(s) != ',')
			return bad(s, end == '}' ? "neither a comma nor a brace"
						 : "neither a comma nor a bracket");
		s->at++;
	}
	s->at++;
	return 0;
}

/* What a broken text has of a password is nobody's any more. */
static void value_dropp(struct json_object **value)
{
	json_wipe(*value);
	json_putp(value);
}

/* At the opening brace or bracket. */
static int scan_container(struct scanner *s, struct json_object **ret)
{
	bool is_object = peek(s) == '{';
	_cleanup_(value_dropp) struct json_object *container =
		is_object ? json_object_new_object() : json_object_new_array();
	int r;

	if (s->depth >= JSON_DEPTH_MAX)
		return bad(s, "nesting that is too deep");
	if (!container)
		return -ENOMEM;
	s->at++;
	s->depth++;
	r = scan_items(s, container, is_object ? scan_member : scan_element, is_object ? '}' : ']');
	s->depth--;
	if (r >= 0)
		*ret = TAKE_PTR(container);
	return r;
}

static int scan_value(struct scanner *s, struct json_object **ret)
{
	struct span span;
	int c, r;

	skip_space(s);
	c = peek(s);
	if (c == '{' || c == '[')
		return scan_container(s, ret);
	if (c == '-' || (c >= '0' && c <= '9'))
		return scan_number(s, ret);
	if (c != '"')
		return scan_literal(s, ret);
	s->at++;
	r = scan_string(s, &span);
	if (r < 0)
		return r;
	*ret = json_object_new_string_len(span.text, (int)span.len);
	return *ret ? 0 : -ENOMEM;
}

/* It may hold a password. */
static void scanner_done(struct scanner *s)
{
	if (s->unescaped)
		explicit_bzero(s->unescaped, s->unescaped_max);
	free(s->unescaped);
}

int json_parse(const char *text, size_t len, struct json_object **ret, struct fault *fault)
{
	_cleanup_(scanner_done) struct scanner s = { .text = text, .len = len, .fault = fault };
	_cleanup_(value_dropp) struct json_object *value = NULL;
	int r;

	if (len > INT_MAX)
		return fault_set(fault, 400, "invalidSyntax", "JSON: too long");
	r = scan_value(&s, &value);
	if (r < 0)
		return r;
	skip_space(&s);
	if (s.at != s.len)
		return bad(&s, "something after the value");
	*ret = TAKE_PTR(value);
	return 0;
}
