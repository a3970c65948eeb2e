#include "scimd/service/payload.h"

#include "scimd/model/json.h"
#include "tests/unit/t.h"

static struct json_object *parse(const char *text)
{
	struct json_object *object = NULL;
	struct fault fault = {};

	T_FATAL(json_parse(text, strlen(text), &object, &fault) == 0);
	return object;
}

#define URN "urn:ietf:params:scim:schemas:core:2.0:User"

static void takes_passwords_out(void)
{
	static const struct {
		const char *body, *want;
		bool found;
	} cases[] = {
		{ "{\"a\":1}", "{\"a\":1}", false },
		{ "{\"note\":\"password\"}", "{\"note\":\"password\"}", false },
		{ "{\"password\":\"s\",\"a\":1}", "{\"a\":1}", true },
		{ "{\"PassWord\":\"s\"}", "{}", true },
		{ "{\"p\\u0061ssword\":\"s\"}", "{}", true },
		{ "{\"" URN ":password\":\"s\"}", "{}", true },
		{ "{\"" URN "\":{\"password\":\"s\"}}", "{\"" URN "\":{}}", true },
		{ "{\"x.password\":{\"y\":[\"s\"]}}", "{}", true },
		{ "{\"Operations\":[{\"op\":\"replace\",\"value\":{\"password\":\"s\"}}]}",
		  "{\"Operations\":[{\"op\":\"replace\",\"value\":{}}]}", true },
		{ "{\"Operations\":[{\"op\":\"add\",\"path\":\"password\",\"value\":\"s\"}]}",
		  "{\"Operations\":[{\"op\":\"add\",\"path\":\"password\"}]}", true },
		{ "{\"Operations\":[{\"VALUE\":\"s\",\"PATH\":\"" URN ":Password\"}]}",
		  "{\"Operations\":[{\"PATH\":\"" URN ":Password\"}]}", true },
		{ "{\"Operations\":[{\"path\":\"title\",\"value\":\"t\"}]}",
		  "{\"Operations\":[{\"path\":\"title\",\"value\":\"t\"}]}", false },
		{ "{\"a\":[[{\"password\":\"s\"}]]}", "{\"a\":[[{}]]}", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(json_putp) struct json_object *body = parse(cases[i].body);
		_cleanup_free_ char *text = NULL;

		T_INT(payload_has_password(body), cases[i].found);
		T_OK(payload_text(body, payload_has_password(body), &text));
		T_STR(text, cases[i].want);
		T_INT(payload_has_password(body), cases[i].found); /* the body is as it was */
	}
}

static void wipes_in_place(void)
{
	_cleanup_(json_putp) struct json_object *body = parse("{\"password\":\"secret\"}");
	const char *memory = json_get_string(body, "password");

	T_STR(memory, "secret");
	payload_wipe(body);
	T_STR(memory, "******");
}

static void cuts_at_a_character(void)
{
	static const char start[] = "{\"a\":\"";
	_cleanup_free_ char *long_text = calloc(1, 2 * PAYLOAD_MAX_BYTES);
	size_t used = strlen(start);

	T_FATAL(long_text != NULL);
	strcpy(long_text, start);
	if (used % 2 == PAYLOAD_MAX_BYTES % 2)
		long_text[used++] = 'x'; /* so that the limit falls inside a character */
	while (used < PAYLOAD_MAX_BYTES + 64) {
		memcpy(long_text + used, "\xc3\xa9", 2);
		used += 2;
	}
	strcpy(long_text + used, "\"}");
	_cleanup_(json_putp) struct json_object *body = parse(long_text);
	_cleanup_free_ char *text = NULL;

	T_OK(payload_text(body, payload_has_password(body), &text));
	T_INT(strlen(text), PAYLOAD_MAX_BYTES - 1);
	T_INT((unsigned char)text[strlen(text) - 1], 0xa9);
}

T_MAIN("payload", T(takes_passwords_out), T(wipes_in_place), T(cuts_at_a_character))
