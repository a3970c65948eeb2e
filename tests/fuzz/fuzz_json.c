/* JSON: what is taken prints to a text that parses to the same again, and to the same text; it is what
 * json-c's own parser reads; and it is taken exactly if a reader of our own takes it, which knows RFC
 * 8259 and what json.h refuses besides, and works otherwise: without recursion, with names kept as code
 * points and compared one by one. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>

#include "scimd/model/json.h"
#include "tests/fuzz/fuzz.h"

#define NAME_MAX_BYTES 4096u /* as UTF-8 */
#define NUMBER_MAX_BYTES 64u
#define NAMES_MAX 4096u

struct name {
	uint32_t *points; /* owned */
	size_t count;
	unsigned int level; /* of the object that it is in */
};

struct reference {
	const uint8_t *at, *end;
	bool broken;
	char open[JSON_DEPTH_MAX + 1]; /* '{' and '[' */
	unsigned int depth;
	struct name names[NAMES_MAX]; /* of all open objects, the innermost last */
	size_t name_count;
};

static int next(struct reference *r)
{
	return r->at < r->end ? *r->at++ : -1;
}

static int peek(const struct reference *r)
{
	return r->at < r->end ? *r->at : -1;
}

static void blank(struct reference *r)
{
	while (peek(r) == ' ' || peek(r) == '\t' || peek(r) == '\n' || peek(r) == '\r')
		r->at++;
}

static uint32_t hex(struct reference *r)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdef0123456789ABCDEF";
		int c = next(r);
		const char *digit = c > 0 ? strchr(digits, c) : NULL;

		if (!digit) {
			r->broken = true;
			return 0;
		}
		value = value * 16 + (uint32_t)((digit - digits) % 16);
	}
	return value;
}

/* After "\". */
static uint32_t escaped(struct reference *r)
{
	uint32_t unit, low;

	switch (next(r)) {
	case '"':
		return '"';
	case '\\':
		return '\\';
	case '/':
		return '/';
	case 'b':
		return 8;
	case 'f':
		return 12;
	case 'n':
		return 10;
	case 'r':
		return 13;
	case 't':
		return 9;
	case 'u':
		break;
	default:
		r->broken = true;
		return 0;
	}
	unit = hex(r);
	if (unit == 0 || (unit & 0xfc00) == 0xdc00)
		r->broken = true;
	if ((unit & 0xfc00) != 0xd800)
		return unit;
	if (next(r) != '\\' || next(r) != 'u') {
		r->broken = true;
		return 0;
	}
	low = hex(r);
	if ((low & 0xfc00) != 0xdc00)
		r->broken = true;
	return 0x10000 + (unit & 0x3ff) * 0x400 + (low & 0x3ff);
}

/* A character of more than one byte, after its first. */
static uint32_t multibyte(struct reference *r, int first)
{
	static const struct {
		int mask, mark, more;
		uint32_t least;
	} forms[] = { { 0xe0, 0xc0, 1, 0x80 }, { 0xf0, 0xe0, 2, 0x800 }, { 0xf8, 0xf0, 3, 0x10000 } };

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		uint32_t point = (uint32_t)(first & ~forms[i].mask & 0xff);

		if ((first & forms[i].mask) != forms[i].mark)
			continue;
		for (int k = 0; k < forms[i].more; k++) {
			int c = next(r);

			if (c < 0x80 || c > 0xbf)
				r->broken = true;
			point = point << 6 | (uint32_t)(c & 0x3f);
		}
		if (point < forms[i].least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
			r->broken = true;
		return point;
	}
	r->broken = true;
	return 0;
}

/* After the quote. The name is NULL for a value. */
static void string(struct reference *r, struct name *name)
{
	size_t bytes = 0;

	while (!r->broken) {
		int c = next(r);
		uint32_t point = (uint32_t)c;

		if (c == '"')
			return;
		if (c < 0x20)
			r->broken = true;
		else if (c == '\\')
			point = escaped(r);
		else if (c >= 0x80)
			point = multibyte(r, c);
		if (!name || r->broken)
			continue;
		bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
		if (bytes > NAME_MAX_BYTES)
			r->broken = true;
		name->points = realloc(name->points, (name->count + 1) * sizeof(*name->points));
		HOLDS(name->points != NULL);
		name->points[name->count++] = point;
	}
}

static size_t digits(struct reference *r)
{
	size_t count = 0;

	for (; peek(r) >= '0' && peek(r) <= '9'; count++)
		r->at++;
	return count;
}

static void number(struct reference *r)
{
	const uint8_t *start = r->at;
	char text[NUMBER_MAX_BYTES + 1];
	bool whole = true;
	size_t size;

	if (peek(r) == '-')
		r->at++;
	if (peek(r) == '0')
		r->at++;
	else if (digits(r) == 0)
		r->broken = true;
	if (peek(r) == '.') {
		whole = false;
		r->at++;
		if (digits(r) == 0)
			r->broken = true;
	}
	if (peek(r) == 'e' || peek(r) == 'E') {
		whole = false;
		r->at++;
		if (peek(r) == '+' || peek(r) == '-')
			r->at++;
		if (digits(r) == 0)
			r->broken = true;
	}
	size = (size_t)(r->at - start);
	if (size > NUMBER_MAX_BYTES || r->broken) {
		r->broken = true;
		return;
	}
	memcpy(text, start, size);
	text[size] = '\0';
	errno = 0;
	if (whole && (strtoll(text, NULL, 10), errno) == ERANGE)
		r->broken = true;
	if (!whole && isinf(strtod(text, NULL)))
		r->broken = true;
}

static void word(struct reference *r)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t len = strlen(words[i]);

		if ((size_t)(r->end - r->at) >= len && memcmp(r->at, words[i], len) == 0) {
			r->at += len;
			return;
		}
	}
	r->broken = true;
}

/* A name and its colon. */
static void member(struct reference *r)
{
	struct name *name = &r->names[r->name_count];

	blank(r);
	if (next(r) != '"' || r->name_count + 1 >= NAMES_MAX) {
		r->broken = true;
		return;
	}
	*name = (struct name){ .level = r->depth };
	r->name_count++;
	string(r, name);
	for (struct name *other = r->names; other < name; other++)
		if (other->level == name->level && other->count == name->count &&
		    (name->count == 0 || memcmp(other->points, name->points,
						name->count * sizeof(uint32_t)) == 0))
			r->broken = true;
	blank(r);
	if (next(r) != ':')
		r->broken = true;
}

static void names_drop(struct reference *r, unsigned int level)
{
	while (r->name_count > 0 && r->names[r->name_count - 1].level >= level)
		free(r->names[--r->name_count].points);
}

/* A value has ended: close what ends with it, and go to where the next one begins. False at the end. */
static bool proceed(struct reference *r)
{
	while (!r->broken && r->depth > 0) {
		int c;

		blank(r);
		c = next(r);
		if (c == ',') {
			if (r->open[r->depth] == '{')
				member(r);
			return true;
		}
		if (c != (r->open[r->depth] == '{' ? '}' : ']'))
			r->broken = true;
		names_drop(r, r->depth);
		r->depth--;
	}
	return false;
}

/* At the beginning of a value. True if it is a list or object which is not empty. */
static bool enter(struct reference *r, int c)
{
	if (r->depth >= JSON_DEPTH_MAX) {
		r->broken = true;
		return false;
	}
	r->open[++r->depth] = (char)c;
	r->at++;
	blank(r);
	if (peek(r) == (c == '{' ? '}' : ']')) {
		r->at++;
		r->depth--;
		return false;
	}
	if (c == '{')
		member(r);
	return true;
}

static bool reference_takes(const uint8_t *data, size_t size)
{
	static struct reference reference;
	struct reference *r = &reference;
	bool more = true;

	*r = (struct reference){ .at = data, .end = data + size };
	while (more && !r->broken) {
		int c;

		blank(r);
		c = peek(r);
		if (c == '{' || c == '[') {
			if (enter(r, c))
				continue;
		} else if (c == '"') {
			r->at++;
			string(r, NULL);
		} else if (c == '-' || (c >= '0' && c <= '9')) {
			number(r);
		} else {
			word(r);
		}
		more = proceed(r);
	}
	blank(r);
	names_drop(r, 0);
	return !r->broken && r->at == r->end;
}

/* What json-c makes of a text that has nothing in it which it would misread. */
static bool library_agrees(const uint8_t *data, size_t size, struct json_object *ours)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 2);
	struct json_object *theirs = json_tokener_parse_ex(tokener, (const char *)data, (int)size);
	bool agrees;

	/* A number alone could go on: only a terminator ends it. */
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		theirs = json_tokener_parse_ex(tokener, "", 1);
	agrees = json_tokener_get_error(tokener) == json_tokener_success &&
		 json_object_equal(theirs, ours);
	json_object_put(theirs);
	json_tokener_free(tokener);
	return agrees;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(json_putp) struct json_object *first = NULL, *second = NULL;
	_cleanup_free_ char *text = NULL, *again = NULL;
	struct fault fault = { 0 };
	int r = json_parse((const char *)data, size, &first, &fault);

	if (size < NAMES_MAX)
		HOLDS(reference_takes(data, size) == (r == 0));
	if (r < 0) {
		HOLDS(r == -EPROTO && fault.status == 400 && fault.detail[0] != '\0');
		return 0;
	}
	HOLDS(library_agrees(data, size, first));
	text = json_text(first);
	HOLDS(text != NULL);
	HOLDS(json_parse(text, strlen(text), &second, &fault) == 0);
	HOLDS(json_object_equal(first, second));
	again = json_text(second);
	HOLDS(again != NULL && strcmp(text, again) == 0);
	return 0;
}
