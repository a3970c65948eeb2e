#include "scimd/model/sort.h"

#include <stdlib.h>

#include "scimd/model/json.h"
#include "tests/unit/t.h"

static char *key_of(const char *by, const char *text)
{
	_cleanup_(json_putp) struct json_object *resource = json_tokener_parse(text);
	_cleanup_(sort_freep) struct sort *sort = NULL;
	struct fault fault = {};
	char *key = NULL;

	T_FATAL(sort_parse(RESOURCE_USER, false, by, &sort, &fault) == 0);
	T_OK(sort_key(sort, resource, &key));
	return key;
}

/* Each has a resource that comes before another. */
static void orders(void)
{
	static const struct {
		const char *by, *before, *after;
	} cases[] = {
		{ "userName", "{\"userName\":\"ada\"}", "{\"userName\":\"Bob\"}" },
		{ "externalId", "{\"externalId\":\"Zoe\"}", "{\"externalId\":\"ada\"}" },
		{ "name.familyName", "{\"name\":{\"familyName\":\"a\"}}", "{}" },
		{ "name.familyName", "{\"name\":{\"familyName\":\"a\"}}",
		  "{\"name\":{\"givenName\":\"a\"}}" },
		{ "active", "{\"active\":false}", "{\"active\":true}" },
		{ URN_POSIX_USER ":uidNumber", "{\"" URN_POSIX_USER "\":{\"uidNumber\":-3}}",
		  "{\"" URN_POSIX_USER "\":{\"uidNumber\":20}}" },
		{ "uidNumber", "{\"" URN_POSIX_USER "\":{\"uidNumber\":9}}",
		  "{\"" URN_POSIX_USER "\":{\"uidNumber\":10}}" },
		{ "meta.created", "{\"meta\":{\"created\":\"2024-01-01T02:00:00+02:00\"}}",
		  "{\"meta\":{\"created\":\"2024-01-01T00:00:01Z\"}}" },
		{ "emails", "{\"emails\":[{\"value\":\"z\"},{\"value\":\"a\",\"primary\":true}]}",
		  "{\"emails\":[{\"value\":\"b\"},{\"value\":\"a\"}]}" },
		{ "emails.type", "{\"emails\":[{\"type\":\"home\"}]}",
		  "{\"emails\":[{\"type\":\"work\"}]}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *before = key_of(cases[i].by, cases[i].before);
		_cleanup_free_ char *after = key_of(cases[i].by, cases[i].after);

		T_TRUE(sort_compare(before, after) < 0);
		T_TRUE(sort_compare(after, before) > 0);
		T_INT(sort_compare(before, before), 0);
	}
	T_INT(sort_compare(NULL, NULL), 0);
}

static void keys_are_short(void)
{
	char text[1200] = "{\"userName\":\"";
	_cleanup_free_ char *key = NULL;

	for (size_t i = 0; i < 200; i++)
		strcat(text, "\xe2\x82\xac");
	strcat(text, "\"}");
	key = key_of("userName", text);
	T_INT(strlen(key), SORT_KEY_MAX - SORT_KEY_MAX % 3); /* whole characters */
}

static void refuses(void)
{
	static const char *const names[] = { "nothing", "name", "password", "members", "groups",
					     "groups.value", "", URN_USER, "meta", "schemas",
					     "addresses" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(sort_freep) struct sort *sort = NULL;
		struct fault fault = {};

		T_INT(sort_parse(RESOURCE_USER, true, names[i], &sort, &fault), -EPROTO);
		T_STR(fault.scim_type, "invalidValue");
	}
}

static void other_types_are_known(void)
{
	_cleanup_(json_putp) struct json_object *group =
		json_tokener_parse("{\"displayName\":\"x\"}");
	_cleanup_(sort_freep) struct sort *sort = NULL;
	struct fault fault = {};
	char *key = (char *)"";

	T_INT(sort_parse(RESOURCE_GROUP, false, "userName", &sort, &fault), -EPROTO);
	T_OK(sort_parse(RESOURCE_GROUP, true, "userName", &sort, &fault));
	T_OK(sort_key(sort, group, &key));
	T_TRUE(key == NULL);
}

T_MAIN("sort", T(orders), T(keys_are_short), T(refuses), T(other_types_are_known))
