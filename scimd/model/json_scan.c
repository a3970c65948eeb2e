/* The grammar of RFC 8259, strictly, with the checks that json-c lacks. Nothing is built here
 * except one set of names per open object, which finds duplicates however they are escaped. */
#include "scimd/model/json_private.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scimd/model/json.h"
#include "scimd/model/utf8.h"

#define NUMBER_MAX_BYTES 64

struct scanner {
	const char *text;
	size_t len, at;
	unsigned int depth;
	char key[JSON_KEY_MAX + 4 + 1]; /* the last name, unescaped */
	size_t key_len;
	struct fault *fault;
};

static int scan_value(struct scanner *s);

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

/* After the opening quote; keep: into s->key. */
static int scan_string(struct scanner *s, bool keep)
{
	uint32_t character = 0;
	int r;

	s->key_len = 0;
	while (peek(s) != '"') {
		r = scan_character(s, &character);
		if (r < 0)
			return r;
		if (!keep)
			continue;
		if (s->key_len >= JSON_KEY_MAX)
			return bad(s, "a name that is too long");
		s->key_len += utf8_encode(character, s->key + s->key_len);
	}
	s->at++;
	if (keep)
		s->key[s->key_len] = '\0';
	return 0;
}

static bool scan_digits(struct scanner *s)
{
	size_t start = s->at;

	while (peek(s) >= '0' && peek(s) <= '9')
		s->at++;
	return s->at > start;
}

static int scan_number(struct scanner *s)
{
	char text[NUMBER_MAX_BYTES + 1];
	size_t start = s->at;
	bool whole = true;

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
		(void)strtoll(text, NULL, 10);
	if ((whole && errno == ERANGE) || (!whole && !isfinite(strtod(text, NULL))))
		return bad(s, "a number out of range");
	return 0;
}

static int scan_literal(struct scanner *s)
{
	static const char *const literals[] = { "true", "false", "null" };

	for (size_t i = 0; i < ARRAY_SIZE(literals); i++) {
		size_t len = strlen(literals[i]);

		if (s->len - s->at >= len && memcmp(s->text + s->at, literals[i], len) == 0) {
			s->at += len;
			return 0;
		}
	}
	return bad(s, s->at < s->len ? "an unexpected character" : "an unexpected end");
}

/* A name and its colon; names holds those the object has already. */
static int scan_name(struct scanner *s, struct json_object *names)
{
	struct json_object *found;
	size_t start = s->at;
	int r;

	if (peek(s) != '"')
		return bad(s, "no name in double quotes");
	s->at++;
	r = scan_string(s, true);
	if (r < 0)
		return r;
	if (json_object_object_get_ex(names, s->key, &found))
		return fault_set(s->fault, 400, "invalidSyntax",
				 "JSON: the name \"%.64s\" comes twice, again at byte %zu", s->key,
				 start);
	if (json_object_object_add(names, s->key, NULL) < 0)
		return -ENOMEM;
	skip_space(s);
	if (peek(s) != ':')
		return bad(s, "no colon after a name");
	s->at++;
	return 0;
}

/* After the opening brace. */
static int scan_object(struct scanner *s)
{
	_cleanup_(json_putp) struct json_object *names = json_object_new_object();
	int r;

	if (!names)
		return -ENOMEM;
	skip_space(s);
	if (peek(s) == '}') {
		s->at++;
		return 0;
	}
	for (;;) {
		skip_space(s);
		r = scan_name(s, names);
		if (r < 0)
			return r;
		r = scan_value(s);
		if (r < 0)
			return r;
		skip_space(s);
		if (peek(s) == '}')
			break;
		if (peek(s) != ',')
			return bad(s, "neither a comma nor a brace");
		s->at++;
	}
	s->at++;
	return 0;
}

/* After the opening bracket. */
static int scan_array(struct scanner *s)
{
	int r;

	skip_space(s);
	if (peek(s) == ']') {
		s->at++;
		return 0;
	}
	for (;;) {
		r = scan_value(s);
		if (r < 0)
			return r;
		skip_space(s);
		if (peek(s) == ']')
			break;
		if (peek(s) != ',')
			return bad(s, "neither a comma nor a bracket");
		s->at++;
	}
	s->at++;
	return 0;
}

static int scan_value(struct scanner *s)
{
	int c, r;

	skip_space(s);
	c = peek(s);
	if (c == '"') {
		s->at++;
		return scan_string(s, false);
	}
	if (c == '-' || (c >= '0' && c <= '9'))
		return scan_number(s);
	if (c != '{' && c != '[')
		return scan_literal(s);
	if (s->depth >= JSON_DEPTH_MAX)
		return bad(s, "nesting that is too deep");
	s->at++;
	s->depth++;
	r = c == '{' ? scan_object(s) : scan_array(s);
	s->depth--;
	return r;
}

int json_scan(const char *text, size_t len, size_t *ret_start, size_t *ret_end,
	      struct fault *fault)
{
	struct scanner s = { .text = text, .len = len, .fault = fault };
	size_t start, end;
	int r;

	skip_space(&s);
	start = s.at;
	r = scan_value(&s);
	if (r < 0)
		return r;
	end = s.at;
	skip_space(&s);
	if (s.at != s.len)
		return bad(&s, "something after the value");
	*ret_start = start;
	*ret_end = end;
	return 0;
}
