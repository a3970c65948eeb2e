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

T_MAIN("render", T(members_are_the_same))
