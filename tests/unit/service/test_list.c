/* Queries: order, pages, and what is looked through. */
#include "tests/unit/service/fixture.h"

#include "scimd/service/cursor.h"
#include "scimd/service/list.h"

/* The userNames or displayNames of the answer, up to "@", with spaces between them. */
static const char *names(const struct fixture *f)
{
	static char text[512];
	char path[64];

	text[0] = '\0';
	for (size_t i = 0; i < length_of(f, "Resources"); i++) {
		const char *name;

		snprintf(path, sizeof(path), "Resources/%zu/userName", i);
		name = at(f, path);
		snprintf(path, sizeof(path), "Resources/%zu/displayName", i);
		name = name ? name : at(f, path);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%.*s", i ? " " : "",
			 (int)strcspn(name ? name : "?", "@"), name ? name : "?");
	}
	return text;
}

static void people(struct fixture *f)
{
	static const char *const bodies[] = {
		"{\"userName\":\"cyd@b\",\"title\":\"b\",\"name\":{\"familyName\":\"Young\"}}",
		"{\"userName\":\"Ada@b\",\"title\":\"A\",\"emails\":[{\"value\":\"Ada@X.example\"},"
		"{\"value\":\"a2@x.example\",\"type\":\"work\"}]}",
		"{\"userName\":\"bob@b\",\"title\":\"a\",\"emails\":[{\"value\":\"ada@x.example\"}]}",
		"{\"userName\":\"dan@b\"}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
		T_INT(ask(f, "POST", bodies[i], "/Users"), 201);
}

static void sorts(void)
{
	static const struct {
		const char *query, *want, *total;
	} cases[] = {
		{ "", "cyd Ada bob dan", "4" },
		{ "sortBy=userName", "Ada bob cyd dan", "4" },
		{ "sortBy=userName&sortOrder=descending", "dan cyd bob Ada", "4" },
		{ "sortOrder=descending", "cyd Ada bob dan", "4" },
		/* Without value last, or first the other way round; ties in order of id. */
		{ "sortBy=title", "Ada bob cyd dan", "4" },
		{ "sortBy=title&sortOrder=descending", "dan cyd Ada bob", "4" },
		{ "sortBy=name.familyName", "cyd Ada bob dan", "4" },
		{ "sortBy=meta.created", "cyd Ada bob dan", "4" },
		{ "sortBy=userName&startIndex=2&count=2", "bob cyd", "4" },
		{ "sortBy=userName&startIndex=9", "", "4" },
		{ "sortBy=userName&count=0", "", "4" },
		{ "sortBy=userName&filter=title+eq+%22a%22", "Ada bob", "2" },
		{ "sortBy=" URN_USER ":userName&count=1", "Ada", "4" },
	};
	FIXTURE(f);

	people(f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		T_INT(ask(f, "GET", NULL, "/Users?%s", cases[i].query), 200);
		T_STR(names(f), cases[i].want);
		T_STR(at(f, "totalResults"), cases[i].total);
	}
}

static void finds_by_email(void)
{
	static const struct {
		const char *filter, *want;
	} cases[] = {
		{ "emails.value+eq+%22ADA@x.example%22", "Ada bob" },
		{ "emails+eq+%22a2@x.example%22", "Ada" },
		{ "emails[type+eq+%22work%22].value+eq+%22a2@x.example%22", "Ada" },
		{ "emails[type+eq+%22work%22+and+value+eq+%22ada@x.example%22]", "" },
		{ "emails.value+eq+%22none%22", "" },
		{ "emails.value+eq+%22a%5Cnb%22", "" },
		{ "emails.value+co+%22x.example%22", "Ada bob" },
	};
	FIXTURE(f);

	people(f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		T_INT(ask(f, "GET", NULL, "/Users?filter=%s", cases[i].filter), 200);
		T_STR(names(f), cases[i].want);
	}
	/* The index is what answers: nothing is looked through. */
	f->service->scan_max = 0;
	T_INT(ask(f, "GET", NULL, "/Users?filter=%s", cases[0].filter), 200);
	T_STR(names(f), "Ada bob");
	T_INT(ask(f, "GET", NULL, "/Users?filter=%s", cases[6].filter), 400);
	T_STR(at(f, "scimType"), "tooMany");
	f->with.authorization = "Bearer two";
	T_INT(ask(f, "GET", NULL, "/Users?filter=%s", cases[0].filter), 200);
	T_STR(names(f), "");
}

static void finds_mail_with_a_newline(void)
{
	FIXTURE(f);

	T_INT(ask(f, "POST", "{\"userName\":\"x\",\"emails\":[{\"value\":\"a\\nb\"}]}", "/Users"),
	      201);
	T_INT(ask(f, "GET", NULL, "/Users?filter=emails.value+eq+%s", "%22a%5Cnb%22"), 200);
	T_STR(names(f), "x");
	T_INT(ask(f, "GET", NULL, "/Users?filter=emails.value+eq+%s", "%22a%22"), 200);
	T_STR(names(f), "");
}

static void searches_by_body(void)
{
	FIXTURE(f);

	people(f);
	T_INT(ask(f, "POST",
		  "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:SearchRequest\"],"
		  "\"filter\":\"title eq \\\"a\\\"\",\"sortBy\":\"userName\","
		  "\"sortOrder\":\"descending\",\"attributes\":[\"userName\"],\"count\":1}",
		  "/Users/.search"),
	      200);
	T_STR(names(f), "bob");
	T_STR(at(f, "totalResults"), "2");
	T_TRUE(at(f, "Resources/0/id") != NULL);
	T_TRUE(!at(f, "Resources/0/title"));
	T_INT(ask(f, "POST", "{\"excludedAttributes\":[\"title\"]}", "/Users/.search"), 200);
	T_INT(length_of(f, "Resources"), 4);
	T_TRUE(!at(f, "Resources/0/title"));
	T_STR(at(f, "Resources/0/userName"), "cyd@b");
	T_INT(f->engine.changes, 4);
	T_STR(f->engine.event_type, "");
}

static void looks_at_all_types(void)
{
	static const struct {
		const char *query, *want, *total;
	} cases[] = {
		{ "", "cyd Ada bob dan Staff bobs", "6" },
		{ "startIndex=4&count=2", "dan Staff", "6" },
		{ "startIndex=6", "bobs", "6" },
		{ "startIndex=7", "", "6" },
		{ "filter=meta.resourceType+eq+%22Group%22", "Staff bobs", "2" },
		{ "filter=meta.resourceType+eq+%22User%22&count=1&startIndex=2", "Ada", "4" },
		/* An attribute of one type has no value in the other. */
		{ "filter=userName+sw+%22b%22+or+displayName+sw+%22b%22", "bob bobs", "2" },
		{ "filter=not+(userName+pr)", "Staff bobs", "2" },
		{ "filter=displayName+eq+%22staff%22", "Staff", "1" },
		{ "sortBy=displayName&count=3", "bobs Staff cyd", "6" },
	};
	FIXTURE(f);

	people(f);
	create_group(f, 0, "Staff", "");
	create_group(f, 1, "bobs", "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		T_INT(ask(f, "GET", NULL, "/?%s", cases[i].query), 200);
		T_STR(names(f), cases[i].want);
		T_STR(at(f, "totalResults"), cases[i].total);
	}
	T_INT(ask(f, "POST", "{\"filter\":\"userName eq \\\"bob@b\\\"\"}", "/.search"), 200);
	T_STR(names(f), "bob");
	T_INT(ask(f, "POST", "{\"filter\":\"displayName pr\"}", "/Groups/.search"), 200);
	T_STR(names(f), "Staff bobs");
	f->with.authorization = "Bearer two";
	T_INT(ask(f, "GET", NULL, "/"), 200);
	T_STR(at(f, "totalResults"), "0");
}

/* Walk through all pages; the names of all of them, with "|" between pages. */
static const char *walk(struct fixture *f, const char *path, const char *query)
{
	static char all[1024];
	char cursor[1024] = "";

	all[0] = '\0';
	for (size_t page = 0; page < 20; page++) {
		const char *next;

		T_INT(ask(f, "GET", NULL, "%s?cursor=%s&%s", path, cursor, query), 200);
		if (f->response.status != 200)
			break;
		T_TRUE(!at(f, "startIndex"));
		T_TRUE(at(f, "itemsPerPage") != NULL);
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", page ? "|" : "",
			 names(f));
		next = at(f, "nextCursor");
		if (!next)
			break;
		snprintf(cursor, sizeof(cursor), "%s", next);
	}
	return all;
}

static void pages_by_cursor(void)
{
	static const struct {
		const char *path, *query, *want, *total;
	} cases[] = {
		{ "/Users", "count=3", "cyd Ada bob|dan", "4" },
		{ "/Users", "count=2", "cyd Ada|bob dan", "4" },
		{ "/Users", "count=1", "cyd|Ada|bob|dan", "4" },
		{ "/Users", "count=100", "cyd Ada bob dan", "4" },
		{ "/Users", "", "cyd Ada bob dan", "4" },
		{ "/Users", "count=0", "", "4" },
		{ "/Users", "count=-1", "", "4" },
		{ "/Users", "count=1&filter=title+pr", "cyd|Ada|bob", "3" },
		{ "/Users", "count=1&filter=emails.value+eq+%22ada@x.example%22", "Ada|bob", "2" },
		{ "/Users", "count=1&filter=userName+eq+%22ada@b%22", "Ada", "1" },
		{ "/Users", "count=3&sortBy=userName", "Ada bob cyd|dan", "4" },
		{ "/Users", "count=1&sortBy=title&sortOrder=descending", "dan|cyd|Ada|bob", "4" },
		{ "/Users", "count=1&sortBy=title", "Ada|bob|cyd|dan", "4" },
		{ "/", "count=3", "cyd Ada bob|dan Staff bobs", "6" },
		{ "/", "count=4", "cyd Ada bob dan|Staff bobs", "6" },
		{ "/", "count=5&filter=id+pr", "cyd Ada bob dan Staff|bobs", "6" },
		{ "/", "count=1&filter=displayName+pr", "Staff|bobs", "2" },
		{ "/Groups", "count=1", "Staff|bobs", "2" },
	};
	FIXTURE(f);

	people(f);
	create_group(f, 0, "Staff", "");
	create_group(f, 1, "bobs", "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		T_STR(walk(f, cases[i].path, cases[i].query), cases[i].want);
		T_STR(at(f, "totalResults"), cases[i].total);
	}
}

static void pages_groups_of_a_user(void)
{
	char member[64], query[128];
	FIXTURE(f);

	snprintf(member, sizeof(member), "{\"value\":\"%s\"}", create_user(f, 0, "ada"));
	create_group(f, 1, "one", member);
	create_group(f, 2, "none", "");
	create_group(f, 3, "two", member);
	create_group(f, 4, "three", member);
	snprintf(query, sizeof(query), "count=1&filter=members+eq+%%22%s%%22", f->ids[0]);
	T_STR(walk(f, "/Groups", query), "one|two|three");
}

/* Others come and go between two pages, and nobody is left out or shown twice. */
static void cursors_are_stable(void)
{
	static const char *const queries[] = { "count=2", "count=2&filter=active+eq+true",
					       "count=2&sortBy=userName" };

	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		char cursor[1024] = "";
		FIXTURE(f);

		create_user(f, 0, "a");
		create_user(f, 1, "b");
		create_user(f, 2, "c");
		create_user(f, 3, "d");
		T_INT(ask(f, "GET", NULL, "/Users?cursor&%s", queries[i]), 200);
		T_STR(names(f), "a b");
		snprintf(cursor, sizeof(cursor), "%s", at(f, "nextCursor"));
		T_INT(ask(f, "DELETE", NULL, "/Users/%s", f->ids[0]), 204);
		T_INT(ask(f, "DELETE", NULL, "/Users/%s", f->ids[1]), 204);
		create_user(f, 4, "e");
		T_INT(ask(f, "GET", NULL, "/Users?cursor=%s&%s", cursor, queries[i]), 200);
		T_STR(names(f), "c d");
		snprintf(cursor, sizeof(cursor), "%s", at(f, "nextCursor"));
		T_INT(ask(f, "GET", NULL, "/Users?cursor=%s&%s", cursor, queries[i]), 200);
		T_STR(names(f), "e");
		T_TRUE(!at(f, "nextCursor"));
	}
}

static void cursors_belong_to_their_query(void)
{
	static const struct {
		const char *query, *scim_type; /* NULL: fine */
	} cases[] = {
		{ "count=1", NULL },
		{ "COUNT=1&unknown=x", NULL },
		{ "count=2", "invalidCount" },
		{ "", "invalidCount" },
		{ "count=1&filter=id+pr", "invalidCursor" },
		{ "count=1&sortBy=id", "invalidCursor" },
		{ "count=1&sortOrder=descending", "invalidCursor" },
		{ "count=1&attributes=id", "invalidCursor" },
		{ "count=1&excludedAttributes=id", "invalidCursor" },
		{ "count=1&startIndex=2", "invalidCursor" },
	};
	FIXTURE(f);
	char cursor[1024];

	people(f);
	T_INT(ask(f, "GET", NULL, "/Users?cursor=&count=1"), 200);
	snprintf(cursor, sizeof(cursor), "%s", at(f, "nextCursor"));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		T_INT(ask(f, "GET", NULL, "/Users?cursor=%s&%s", cursor, cases[i].query),
		      cases[i].scim_type ? 400 : 200);
		T_STR(at(f, "scimType"), cases[i].scim_type);
	}
	T_INT(ask(f, "GET", NULL, "/Groups?cursor=%s&count=1", cursor), 400);
	T_STR(at(f, "scimType"), "invalidCursor");
	T_INT(ask(f, "GET", NULL, "/?cursor=%s&count=1", cursor), 400);
	cursor[20] ^= 1;
	T_INT(ask(f, "GET", NULL, "/Users?cursor=%s&count=1", cursor), 400);
	T_STR(at(f, "scimType"), "invalidCursor");
	cursor[20] ^= 1;
	f->with.authorization = "Bearer two";
	T_INT(ask(f, "GET", NULL, "/Users?cursor=%s&count=1", cursor), 400);
	T_STR(at(f, "scimType"), "invalidCursor");
}

static void cursors_expire(void)
{
	_cleanup_free_ char *old = NULL;
	const unsigned char *secret;
	struct cursor cursor;
	FIXTURE(f);

	people(f);
	secret = store_secret(f->engine.store);
	T_INT(ask(f, "GET", NULL, "/Users?cursor=&count=1"), 200);
	T_OK(cursor_parse(secret, at(f, "nextCursor"), &cursor));
	cursor.expires_s -= CURSOR_TIMEOUT_S + 5;
	T_OK(cursor_print(secret, &cursor, &old));
	T_INT(ask(f, "GET", NULL, "/Users?cursor=%s&count=1", old), 400);
	T_STR(at(f, "scimType"), "expiredCursor");
}

T_MAIN("list", T(sorts), T(finds_by_email), T(finds_mail_with_a_newline), T(searches_by_body),
       T(looks_at_all_types), T(pages_by_cursor), T(pages_groups_of_a_user),
       T(cursors_are_stable), T(cursors_belong_to_their_query),
       T(cursors_expire))
