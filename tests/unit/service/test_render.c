/* Members are printed as text or built as objects, whichever the answer needs: both say the same. */
#include "tests/unit/service/fixture.h"

static void members_are_the_same(void)
{
	static const char *const names[] = { "plain", "qu\\\"ote", "back\\\\slash", "line\\u000a\\u0001",
					     "\xc3\xa4\xe2\x82\xac" };
	char members[512] = "{\"value\":\"stranger \\\"x\\\"\"}", body[256];
	FIXTURE(f);
	_cleanup_free_ char *text = NULL;

	f->connections[0].pending_members = CONF_PENDING_KEEP;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(body, sizeof(body), "{\"userName\":\"%s\"}", names[i]);
		T_INT(ask(f, "POST", body, "/Users"), 201);
		snprintf(members + strlen(members), sizeof(members) - strlen(members),
			 ",{\"value\":\"%s\"}", at(f, "id"));
	}
	create_group(f, 0, "Staff", members);
	T_INT(length_of(f, "members"), ARRAY_SIZE(names) + 1);
	T_INT(ask(f, "GET", NULL, "/Groups/%s", f->ids[0]), 200);
	text = strdup(at(f, "members"));
	T_TRUE(strstr(text, "stranger") && strstr(text, "https:"));
	T_INT(ask(f, "GET", NULL, "/Groups/%s?attributes=members", f->ids[0]), 200);
	T_STR(at(f, "members"), text);
	T_INT(ask(f, "GET", NULL, "/Groups?filter=members.value+pr&excludedAttributes=meta"), 200);
	T_STR(at(f, "Resources/0/members"), text);
	T_INT(ask(f, "GET", NULL, "/Groups/%s?excludedAttributes=members.display", f->ids[0]), 200);
	T_INT(length_of(f, "members"), ARRAY_SIZE(names) + 1);
	T_TRUE(!at(f, "members/0/display") && at(f, "members/0/value"));
	T_INT(ask(f, "GET", NULL, "/Groups/%s?excludedAttributes=members", f->ids[0]), 200);
	T_TRUE(!at(f, "members"));
	create_group(f, 1, "Empty", "");
	T_INT(ask(f, "GET", NULL, "/Groups/%s", f->ids[1]), 200);
	T_TRUE(!at(f, "members"));
}

/* A resource that is shown whole is put together from the stored text, unless that cannot be told. */
static void whole_is_the_same(void)
{
#define ENTERPRISE "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	static const struct {
		const char *more;
		const char *schemas; /* how many */
	} cases[] = {
		{ "", "1" },
		{ ",\"displayName\":\"qu\\\"ote \\u0001 \xc3\xa4\",\"active\":false,"
		  "\"emails\":[{\"value\":\"a@b\"}]",
		  "1" },
		{ ",\"" ENTERPRISE "\":{\"department\":\"d\"}", "2" },
		{ ",\"title\":\"urn:what\",\"" ENTERPRISE "\":{\"department\":\"d\"}", "2" },
		{ ",\"title\":\"\\\"" ENTERPRISE "\\\":{\"", "1" },
		{ ",\"nickName\":\"} ,\\\\\"", "1" },
		{ ",\"urn:x:y:Z\":{\"a\":1}", "2" },
		{ ",\"URN:x:y:Z\":{\"a\":1}", "2" },
		{ ",\"URN:x:y:Z\":{\"" ENTERPRISE "\":{\"a\":1}}", "2" },
	};
	FIXTURE(f);

	f->connections[0].unknown_schemas = CONF_UNKNOWN_KEEP;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char body[512], count[16];
		struct json_object *parsed;

		snprintf(body, sizeof(body), "{\"userName\":\"u%zu\"%s}", i, cases[i].more);
		T_INT(ask(f, "POST", body, "/Users"), 201);
		snprintf(f->ids[0], RESOURCE_ID_SIZE, "%s", at(f, "id"));
		snprintf(body, sizeof(body),
			 "{\"displayName\":\"g%zu\",\"members\":[{\"value\":\"%s\"}]}", i,
			 f->ids[0]);
		T_INT(ask(f, "POST", body, "/Groups"), 201);
		T_INT(ask(f, "GET", NULL, "/Users/%s", f->ids[0]), 200);
		parsed = json_object_get(f->json);
		snprintf(count, sizeof(count), "%zu", length_of(f, "schemas"));
		T_STR(count, cases[i].schemas);
		T_INT(length_of(f, "groups"), 1);
		/* Nothing is left out, but the text cannot be taken. */
		T_INT(ask(f, "GET", NULL, "/Users/%s?excludedAttributes=locale", f->ids[0]), 200);
		T_TRUE(json_object_equal(parsed, f->json));
		json_object_put(parsed);
	}
}

T_MAIN("render", T(members_are_the_same), T(whole_is_the_same))
