#include "scimd/model/json.h"

#include "scimd/model/json_private.h"
#include "tests/unit/model/model.h"

static int parse(const char *text, size_t len, struct fault *fault)
{
	_cleanup_(json_putp) struct json_object *object = NULL;
	/* A copy of exactly len bytes: the sanitizer sees any look beyond. */
	_cleanup_free_ char *copy = malloc(len ? len : 1);

	memcpy(copy, text, len);
	return json_parse(copy, len, &object, fault);
}

static void test_refused(void)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "end" },
		{ "  ", "end" },
		{ "{\"a\":1,\"a\":2}", "twice" },
		{ "{\"a\":1,\"\\u0061\":2}", "twice" },
		{ "{\"x\":{\"b\":1,\"c\":[{\"\\/\":1,\"/\":2}]}}", "twice" },
		{ "{\"\\u00e9\":1,\"\xc3\xa9\":2}", "twice" },
		{ "{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", "twice" },
		{ "9223372036854775808", "range" },
		{ "[-9223372036854775809]", "range" },
		{ "99999999999999999999", "range" },
		{ "1e999", "range" },
		{ "{\"a\":\"b\\u0000c\"}", "u0000" },
		{ "{\"a\\u0000\":1}", "u0000" },
		{ "'a'", "unexpected" },
		{ "{'a':1}", "name" },
		{ "{a:1}", "name" },
		{ "NaN", "unexpected" },
		{ "nan", "unexpected" },
		{ "Infinity", "unexpected" },
		{ "-Infinity", "digits" },
		{ "\"a\nb\"", "control" },
		{ "\"a\tb\"", "control" },
		{ "\"\x01\"", "control" },
		{ "\"\x1f\"", "control" },
		{ "\"\\ud800\"", "surrogate" },
		{ "\"\\udc00\"", "surrogate" },
		{ "\"\\ud800\\u0041\"", "surrogate" },
		{ "\"\\ud800\\ud800\"", "surrogate" },
		{ "\"\\ud800x\"", "surrogate" },
		{ "\"\\udfff\"", "surrogate" },
		{ "\"\\udc00\\udc00\"", "surrogate" },
		{ "\"\\ud800\\udbff\"", "surrogate" },
		{ "\"\\ud800\\ue000\"", "surrogate" },
		{ "\"\xff\"", "UTF-8" },
		{ "\"\xc0\xaf\"", "UTF-8" },
		{ "\"\xed\xa0\x80\"", "UTF-8" },
		{ "\"\xf4\x90\x80\x80\"", "UTF-8" },
		{ "\"\xe2\x82\"", "UTF-8" },
		{ "{} x", "after" },
		{ "{}{}", "after" },
		{ "1 2", "after" },
		{ "[1,]", "unexpected" },
		{ "{\"a\":1,}", "name" },
		{ "[1 2]", "comma" },
		{ "[1;2]", "comma" },
		{ "[1", "comma" },
		{ "{\"a\" 1}", "colon" },
		{ "{\"a\":1", "comma" },
		{ "{/**/}", "name" },
		{ "[1,// x\n2]", "unexpected" },
		{ "01", "after" },
		{ "-", "digits" },
		{ "1.", "digits" },
		{ ".5", "unexpected" },
		{ "1e", "digits" },
		{ "+1", "unexpected" },
		{ "0x10", "after" },
		{ "True", "unexpected" },
		{ "nul", "unexpected" },
		{ "\"a", "unfinished" },
		{ "\"\\x41\"", "escape" },
		{ "\"\\u12g4\"", "escape" },
		{ "\"\\", "escape" },
		{ "\xef\xbb\xbf{}", "unexpected" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fault fault = { .status = 0 };
		int r = parse(cases[i].text, strlen(cases[i].text), &fault);

		if (r != -EPROTO || !strstr(fault.detail, cases[i].why))
			fprintf(stderr, "<%s>: %d %s\n", cases[i].text, r, fault.detail);
		T_INT(r, -EPROTO);
		T_INT(fault.status, 400);
		T_STR(fault.scim_type, "invalidSyntax");
		T_TRUE(strstr(fault.detail, cases[i].why) != NULL);
	}
}

static void test_accepted(void)
{
	static const char *const cases[] = {
		"{}", " [ ] ", "null", "true", "false", "0", "-0", "9223372036854775807",
		"-9223372036854775808", "1.5e-3", "\"\"", "\"\\ud83d\\ude00\\n\\/\"",
		"{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}],\"A\":3}", "\t\r\n{\"x\" : [1 , 2]} \n",
		"\"\xf0\x9f\x98\x80\"",
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fault fault = { .detail = "" };
		int r = parse(cases[i], strlen(cases[i]), &fault);

		if (r < 0)
			fprintf(stderr, "<%s>: %s\n", cases[i], fault.detail);
		T_OK(r);
	}
}

/* What is read is what was meant. */
static void test_values(void)
{
	static const struct {
		const char *text, *string; /* or the value as text */
	} cases[] = {
		{ "\"plain\"", "plain" },
		{ "\"abc\\ndef\"", "abc\ndef" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
		{ "\"\\u00e9\\uFFAa\\u000a\"", "\xc3\xa9\xef\xbe\xaa\n" },
		{ "\"\\u0001\\u007f\x7f\"", "\x01\x7f\x7f" },
		{ "\"\\ud7ff\\ue000\"", "\xed\x9f\xbf\xee\x80\x80" },
		{ "\"\\ud800\\udc00\\udbff\\udfff\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
		{ "\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80" },
		{ "true", "true" },
		{ "false", "false" },
		{ "[null]", "[null]" },
		{ "-12", "-12" },
		{ "1.10", "1.10" },
		{ "1E2", "1E2" },
		{ "1e+2", "1e+2" },
		{ "1e-2", "1e-2" },
		{ "{\"a\\u0062\":[1,\"x\"],\"c\":{}}", "{\"ab\":[1,\"x\"],\"c\":{}}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(json_putp) struct json_object *value = NULL;
		_cleanup_free_ char *text = NULL;
		struct fault fault;

		T_FATAL(json_parse(cases[i].text, strlen(cases[i].text), &value, &fault) == 0);
		text = json_text(value);
		T_STR(json_object_is_type(value, json_type_string) ? json_object_get_string(value) : text,
		      cases[i].string);
	}
}

/* The longest number and the longest name there may be, and those that are longer by a byte. */
static void test_longest(void)
{
	char text[4200] = "{\"";
	struct fault fault;

	memset(text + 2, 'n', 4097);
	memcpy(text + 2 + 4096, "\":1}", 4);
	T_OK(parse(text, 2 + 4096 + 4, &fault));
	memcpy(text + 2 + 4096, "n\":1}", 5);
	T_INT(parse(text, 2 + 4097 + 4, &fault), -EPROTO);
	T_TRUE(strstr(fault.detail, "name that is too long") != NULL);
	memset(text, '1', 65);
	memcpy(text, "0.", 2);
	T_OK(parse(text, 64, &fault));
	T_INT(parse(text, 65, &fault), -EPROTO);
	T_TRUE(strstr(fault.detail, "number that is too long") != NULL);
}

/* A NUL byte in the middle is no end. */
static void test_nul(void)
{
	struct fault fault;

	T_INT(parse("{}\0{}", 5, &fault), -EPROTO);
	T_INT(parse("\"a\0b\"", 5, &fault), -EPROTO);
	T_OK(parse("{}\0{}", 2, &fault));
}

static void test_depth(void)
{
	char text[2 * JSON_DEPTH_MAX + 3], many[3 * (JSON_DEPTH_MAX + 1) + 1];
	struct fault fault;

	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	T_OK(parse(text, 2 * JSON_DEPTH_MAX, &fault));
	memset(text, '[', JSON_DEPTH_MAX + 1);
	memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	T_INT(parse(text, 2 * JSON_DEPTH_MAX + 2, &fault), -EPROTO);
	T_TRUE(strstr(fault.detail, "nesting") != NULL);
	/* Beside one another there may be more. */
	for (size_t i = 0; i <= JSON_DEPTH_MAX; i++)
		memcpy(many + 1 + 3 * i, "[],", 3);
	many[0] = '[';
	many[sizeof(many) - 1] = ']';
	T_OK(parse(many, sizeof(many), &fault));
}

static void test_members(void)
{
	_cleanup_(json_putp) struct json_object *object =
		object_of("{'userName':'a/b','Count':3,'none':null}");
	_cleanup_free_ char *text = json_text(object);

	T_STR(json_get_string(object, "USERNAME"), "a/b");
	T_INT(json_object_get_int(json_get(object, "count")), 3);
	T_TRUE(json_get_string(object, "count") == NULL);
	T_TRUE(json_get(object, "absent") == NULL);
	T_TRUE(json_get(NULL, "absent") == NULL);
	T_STR(text, "{\"userName\":\"a/b\",\"Count\":3,\"none\":null}");
}

static void test_copy(void)
{
	_cleanup_(json_putp) struct json_object *object = object_of("{'a':{'b':[1]}}");
	_cleanup_(json_putp) struct json_object *copy = json_copy(object);

	json_object_object_del(json_get(object, "a"), "b");
	T_TRUE(is_json(copy, "{'a':{'b':[1]}}"));
}

static void test_fold(void)
{
	static const struct {
		const char *text, *folded;
	} cases[] = {
		{ "", "" },
		{ "Barbara@EXAMPLE.com", "barbara@example.com" },
		{ "\xc3\x89mile", "\xc3\xa9mile" },		   /* É */
		{ "E\xcc\x81mile", "\xc3\xa9mile" },		   /* E + acute */
		{ "\xd0\x98\xd0\x92\xd0\x90\xd0\x9d", "\xd0\xb8\xd0\xb2\xd0\xb0\xd0\xbd" },
		{ "\xce\xa3\xcf\x82", "\xcf\x83\xcf\x83" },	   /* Σς */
		{ "\xe1\xba\x9e", "\xc3\x9f" },			   /* ẞ */
		{ "\xc8\xba", "\xe2\xb1\xa5" },			   /* grows from 2 to 3 bytes */
		{ "\xe2\x84\xaa", "k" },			   /* Kelvin */
		{ "e\xcc\x82\xcc\x81", "\xe1\xba\xbf" },	   /* two marks */
		{ "a\xff" "B", "a\xff" "b" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *folded = json_fold(cases[i].text);

		T_STR(folded, cases[i].folded);
	}
}

static void test_fault(void)
{
	struct fault fault;
	_cleanup_free_ char *text = NULL;
	_cleanup_(json_putp) struct json_object *body = NULL;

	T_INT(fault_set(&fault, 409, "uniqueness", "\"%.3s\" is\ntaken", "ab\xc3\xa9"), -EPROTO);
	T_STR(fault.detail, "\"ab?\" is?taken");
	text = fault_to_json(&fault);
	T_FATAL(text != NULL);
	body = object_of(text);
	T_TRUE(is_json(body, "{'schemas':['urn:ietf:params:scim:api:messages:2.0:Error'],"
			     "'status':'409','scimType':'uniqueness',"
			     "'detail':'\\u0022ab?\\u0022 is?taken'}"));
}

static void test_fault_cut(void)
{
	char text[2 * FAULT_DETAIL_SIZE];
	struct fault fault;

	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i + 1, "\xc3\xa9", 2);
	text[0] = 'x';
	text[sizeof(text) - 1] = '\0';
	(void)fault_set(&fault, 400, NULL, "xx%s", text + 1);
	T_INT(strlen(fault.detail), FAULT_DETAIL_SIZE - 2); /* not in the middle of a character */
}

T_MAIN("json", T(test_refused), T(test_accepted), T(test_values), T(test_longest), T(test_nul), T(test_depth),
       T(test_members), T(test_copy), T(test_fold), T(test_fault), T(test_fault_cut))
