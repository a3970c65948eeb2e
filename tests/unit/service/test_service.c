#include "tests/unit/service/fixture.h"

/* Heads of operations on members. */
#define ADD "{\"op\":\"add\",\"path\":\"members\",\"value\":["
#define REPLACE "{\"op\":\"replace\",\"path\":\"members\",\"value\":["
#define REMOVE "{\"op\":\"remove\",\"path\":\"members\",\"value\":["

static void authenticates(void)
{
	FIXTURE(f);

	f->with.authorization = NULL;
	T_INT(ask(f, "GET", NULL, "/Users"), 401);
	T_STR(at(f, "status"), "401");
	T_STR(at(f, "schemas/0"), URN_ERROR);
	T_TRUE(at(f, "detail") && *at(f, "detail"));
	T_STR(header(f, "WWW-Authenticate"), "Bearer realm=\"scim\"");
	f->with.authorization = "non-token";
	T_INT(ask(f, "GET", NULL, "/nowhere"), 401);
	T_INT(ask(f, "POST", "{\"userName\":\"x\"}", "/Users"), 401);
	T_INT(f->engine.changes, 0);
	f->with.authorization = "two";
	T_INT(ask(f, "GET", NULL, "/Users"), 200);
}

static void creates_reads_deletes(void)
{
	FIXTURE(f);
	const char *id = create_user(f, 0, "ada");
	char location[256];

	snprintf(location, sizeof(location), BASE "/Users/%s", id);
	T_STR(header(f, "Location"), location);
	T_STR(header(f, "ETag"), "W/\"1\"");
	T_STR(at(f, "userName"), "ada@b.example");
	T_STR(at(f, "externalId"), "ext-ada");
	T_STR(at(f, "active"), "true");
	T_STR(at(f, "meta/resourceType"), "User");
	T_STR(at(f, "meta/location"), location);
	T_STR(at(f, "meta/version"), "W/\"1\"");
	T_STR(at(f, "meta/created"), at(f, "meta/lastModified"));
	T_STR(at(f, "schemas/0"), URN_USER);
	T_TRUE(!at(f, "groups"));
	T_STR(f->engine.request, "POST /Users");

	T_INT(ask(f, "GET", NULL, "/Users/%s", id), 200);
	T_STR(at(f, "id"), id);
	T_STR(header(f, "ETag"), "W/\"1\"");
	f->with.if_none_match = "W/\"1\"";
	T_INT(ask(f, "GET", NULL, "/Users/%s", id), 304);
	T_TRUE(!f->response.body);
	f->with.if_none_match = "W/\"2\"";
	T_INT(ask(f, "GET", NULL, "/Users/%s", id), 200);
	T_INT(ask(f, "GET", NULL, "/Groups/%s", id), 404);

	T_INT(ask(f, "DELETE", NULL, "/Users/%s", id), 204);
	T_TRUE(!f->response.body);
	T_INT(ask(f, "GET", NULL, "/Users/%s", id), 404);
	T_STR(at(f, "status"), "404");
	f->engine.event_type[0] = '\0';
	T_INT(ask(f, "DELETE", NULL, "/Users/%s", id), 404);
	T_STR(f->engine.event_type, "");
}

static void conflicts_are_409(void)
{
	FIXTURE(f);

	create_user(f, 0, "ada");
	T_INT(ask(f, "POST", "{\"userName\":\"ADA@B.example\"}", "/Users"), 409);
	T_STR(at(f, "scimType"), "uniqueness");
	T_STR(at(f, "status"), "409");
	T_TRUE(strstr(at(f, "detail"), "userName") != NULL);
	T_STR(f->engine.event_type, "scim.provisioning_failed");
	T_TRUE(strncmp(f->engine.event_detail, "409 uniqueness: ", 16) == 0);
	T_TRUE(strstr(f->engine.event_detail, "; userName ADA@B.example") != NULL);
	T_STR(f->engine.payload, "{\"userName\":\"ADA@B.example\"}");
	f->with.authorization = "Bearer two"; /* userName is unique on the host */
	T_INT(ask(f, "POST", "{\"userName\":\"ada@b.example\"}", "/Users"), 409);
}

static void connections_do_not_see_each_other(void)
{
	FIXTURE(f);
	const char *id = create_user(f, 0, "ada"), *group = create_group(f, 1, "Staff", "");
	char room[1024];

	f->with.authorization = "Bearer two";
	T_INT(ask(f, "GET", NULL, "/Users/%s", id), 404);
	T_INT(ask(f, "DELETE", NULL, "/Users/%s", id), 404);
	T_INT(ask(f, "PUT", "{\"userName\":\"x\"}", "/Users/%s", id), 404);
	patch(room, sizeof(room), "{\"op\":\"replace\",\"value\":{\"active\":false}}");
	T_INT(ask(f, "PATCH", room, "/Users/%s", id), 404);
	T_INT(ask(f, "GET", NULL, "/Groups/%s", group), 404);
	T_INT(ask(f, "GET", NULL, "/Users"), 200);
	T_STR(at(f, "totalResults"), "0");
	T_INT(ask(f, "GET", NULL, "/Users?filter=userName+eq+%%22ada@b.example%%22"), 200);
	T_STR(at(f, "totalResults"), "0");
	T_INT(ask(f, "GET", NULL, "/Users?filter=id+eq+%%22%s%%22", id), 200);
	T_STR(at(f, "totalResults"), "0");

	/* Nor can one put the other's people into its groups. */
	create_group(f, 2, "Staff", ""); /* displayName is per connection */
	patch(room, sizeof(room), ADD "{\"value\":\"%s\"}]}", id);
	T_INT(ask(f, "PATCH", room, "/Groups/%s", f->ids[2]), 404);
	T_TRUE(strstr(at(f, "detail"), id) != NULL);
	T_STR(f->engine.event_type, "scim.provisioning_failed");
}

static void patches_users(void)
{
	FIXTURE(f);
	const char *id = create_user(f, 0, "ada");
	char room[1024], modified[64];

	patch(room, sizeof(room), "{\"op\":\"replace\",\"value\":{\"active\":false}}");
	T_INT(ask(f, "PATCH", room, "/Users/%s", id), 200);
	T_STR(at(f, "active"), "false");
	T_STR(at(f, "userName"), "ada@b.example");
	T_STR(header(f, "ETag"), "W/\"2\"");
	snprintf(modified, sizeof(modified), "%s", at(f, "meta/lastModified"));

	T_INT(ask(f, "PATCH", room, "/Users/%s", id), 200); /* nothing changes */
	T_INT(f->engine.writes, 0);
	T_STR(header(f, "ETag"), "W/\"2\"");
	T_STR(at(f, "meta/version"), "W/\"2\"");
	T_STR(at(f, "meta/lastModified"), modified);

	patch(room, sizeof(room), "{\"op\":\"Replace\",\"path\":\"active\",\"value\":\"True\"}");
	T_INT(ask(f, "PATCH", room, "/Users/%s?attributes=active", id), 200);
	T_STR(at(f, "active"), "true");
	T_TRUE(!at(f, "userName"));
	T_STR(at(f, "id"), id);

	patch(room, sizeof(room), "{\"op\":\"replace\",\"path\":\"active\",\"value\":\"perhaps\"}");
	T_INT(ask(f, "PATCH", room, "/Users/%s", id), 400);
	T_STR(f->engine.event_type, "scim.provisioning_failed");
	T_STR(f->engine.event_user, "ada");
	T_INT(ask(f, "GET", NULL, "/Users/%s", id), 200);
	T_STR(at(f, "meta/version"), "W/\"3\"");
}

static void replaces_users(void)
{
	FIXTURE(f);
	const char *id = create_user(f, 0, "ada");

	T_INT(ask(f, "PUT",
		   "{\"id\":\"other\",\"userName\":\"lovelace@b.example\",\"active\":\"False\","
		   "\"meta\":{\"version\":\"9\"},\"groups\":[]}",
		   "/Users/%s", id),
	      200);
	T_STR(at(f, "id"), id);
	T_STR(at(f, "userName"), "lovelace@b.example");
	T_STR(at(f, "active"), "false");
	T_TRUE(!at(f, "externalId"));
	T_TRUE(!at(f, "emails"));
	T_STR(at(f, "meta/version"), "W/\"2\"");
	T_INT(ask(f, "GET", NULL, "/Users?filter=externalId+eq+%%22ext-ada%%22"), 200);
	T_STR(at(f, "totalResults"), "0");
	T_INT(ask(f, "PUT", "{\"displayName\":\"x\"}", "/Users/%s", id), 400);
	T_INT(ask(f, "PUT", "{\"userName\":\"x\"}", "/Users/" NOBODY), 404);
	T_STR(f->engine.event_type, "scim.provisioning_failed");
}

static void honours_preconditions(void)
{
	FIXTURE(f);
	const char *id = create_user(f, 0, "ada");
	char room[256];

	patch(room, sizeof(room), "{\"op\":\"replace\",\"value\":{\"title\":\"Countess\"}}");
	f->with.if_match = "W/\"2\"";
	T_INT(ask(f, "PATCH", room, "/Users/%s", id), 412);
	T_INT(ask(f, "PUT", "{\"userName\":\"x\"}", "/Users/%s", id), 412);
	T_INT(ask(f, "DELETE", NULL, "/Users/%s", id), 412);
	T_INT(ask(f, "GET", NULL, "/Users/%s", id), 412);
	f->with.if_match = "\"7\" , W/\"1\"";
	f->with.if_none_match = "*";
	T_INT(ask(f, "PATCH", room, "/Users/%s", id), 412);
	f->with.if_none_match = "W/\"7\"";
	T_INT(ask(f, "PATCH", room, "/Users/%s", id), 200);
	f->with.if_none_match = NULL;
	f->with.if_match = "*";
	T_INT(ask(f, "DELETE", NULL, "/Users/%s", id), 204);
}

static void speaks_dialects(void)
{
	static const struct {
		enum conf_dialect dialect;
		int small, capital;
	} cases[] = {
		{ CONF_DIALECT_AUTO, 400, 200 },
		{ CONF_DIALECT_RFC, 400, 400 },
		{ CONF_DIALECT_OKTA, 400, 400 },
		{ CONF_DIALECT_ENTRA, 200, 200 },
	};
	char room[1024];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		FIXTURE(f);
		const char *id = create_user(f, 0, "ada");

		f->connections[0].dialect = cases[i].dialect;
		patch(room, sizeof(room), "{\"op\":\"%s\",\"path\":\"roles[type eq \\\"a\\\"]"
		      ".value\",\"value\":\"v\"}", "replace");
		T_INT(ask(f, "PATCH", room, "/Users/%s", id), cases[i].small);
		patch(room, sizeof(room), "{\"op\":\"%s\",\"path\":\"roles[type eq \\\"b\\\"]"
		      ".value\",\"value\":\"v\"}", "Replace");
		T_INT(ask(f, "PATCH", room, "/Users/%s", id), cases[i].capital);
	}
}

static void refuses_requests(void)
{
	static const struct {
		const char *method, *target, *body, *content_type, *accept;
		int status;
		const char *scim_type;
	} cases[] = {
		{ "GET", "/nowhere", NULL, NULL, NULL, 404, NULL },
		{ "GET", "/Users/" NOBODY, NULL, NULL, NULL, 404, NULL },
		{ "GET", "/Users/x%2F..%2Fy", NULL, NULL, NULL, 404, NULL },
		{ "DELETE", "/Users", NULL, NULL, NULL, 405, NULL },
		{ "GET", "/Me", NULL, NULL, NULL, 501, NULL },
		{ "POST", "/Bulk", "{}", NULL, NULL, 400, "invalidSyntax" },
		{ "POST", "/Users/.search", "[]", NULL, NULL, 400, "invalidSyntax" },
		{ "POST", "/.search", "{\"filter\":3}", NULL, NULL, 400, "invalidValue" },
		{ "POST", "/.search", "{}", "text/plain", NULL, 415, NULL },
		{ "POST", "/Users", NULL, NULL, NULL, 400, "invalidSyntax" },
		{ "POST", "/Users", "", NULL, NULL, 400, "invalidSyntax" },
		{ "POST", "/Users", "[]", NULL, NULL, 400, "invalidSyntax" },
		{ "POST", "/Users", "{\"userName\":\"a\",\"userName\":\"b\"}", NULL, NULL, 400,
		  "invalidSyntax" },
		{ "POST", "/Users", "{}", NULL, NULL, 400, "invalidValue" },
		{ "POST", "/Users", "{\"userName\":\"a\"}", "text/plain", NULL, 415, NULL },
		{ "POST", "/Users", "{\"userName\":\"a\"}", NULL, "text/html", 406, NULL },
		{ "POST", "/Users?attributes=id&excludedAttributes=name", "{\"userName\":\"a\"}",
		  NULL, NULL, 400, "invalidValue" },
		{ "POST", "/Users?x=%00", "{\"userName\":\"a\"}", NULL, NULL, 400,
		  "invalidSyntax" },
		{ "GET", "/Users", NULL, NULL, "text/html", 406, NULL },
		{ "GET", "/Users?filter=userName+is+1", NULL, NULL, NULL, 400, "invalidFilter" },
		{ "GET", "/Users?filter=", NULL, NULL, NULL, 400, "invalidFilter" },
		{ "GET", "/Users?cursor=x", NULL, NULL, NULL, 400, "invalidCursor" },
		{ "GET", "/Users?cursor&count=1001", NULL, NULL, NULL, 400, "invalidCount" },
		{ "GET", "/Users?sortBy=nothing", NULL, NULL, NULL, 400, "invalidValue" },
		{ "GET", "/Users?sortBy=password", NULL, NULL, NULL, 400, "invalidValue" },
		{ "GET", "/?filter=nothing+pr", NULL, NULL, NULL, 400, "invalidFilter" },
		{ "GET", "/Schemas?filter=id+pr", NULL, NULL, NULL, 403, NULL },
		{ "GET", "/Schemas/urn:none", NULL, NULL, NULL, 404, NULL },
		{ "GET", "/ResourceTypes/None", NULL, NULL, NULL, 404, NULL },
	};
	FIXTURE(f);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char status[8];

		f->with.content_type = cases[i].content_type;
		f->with.accept = cases[i].accept;
		snprintf(status, sizeof(status), "%d", cases[i].status);
		T_INT(ask(f, cases[i].method, cases[i].body, "%s", cases[i].target),
		      cases[i].status);
		T_STR(at(f, "schemas/0"), URN_ERROR);
		T_STR(at(f, "status"), status);
		T_STR(at(f, "scimType"), cases[i].scim_type);
		T_TRUE(at(f, "detail") && *at(f, "detail"));
	}
	T_INT(f->engine.changes, 0);
	T_INT(ask(f, "DELETE", NULL, "/Users"), 405);
	T_STR(header(f, "Allow"), "GET, HEAD, POST, OPTIONS");
	f->with.accept = NULL;
	T_INT(ask(f, "OPTIONS", NULL, "/Groups/x"), 204);
	T_STR(header(f, "Allow"), "GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
	T_TRUE(!f->response.body);
}

static void bounds_rate_and_size(void)
{
	FIXTURE(f);

	f->conf.server.max_body = 10;
	T_INT(ask(f, "POST", "{\"userName\":\"a\"}", "/Users"), 413);
	f->conf.server.rate_limit = 1;
	T_INT(ask(f, "GET", NULL, "/Users"), 200);
	T_INT(ask(f, "GET", NULL, "/Users"), 429);
	T_STR(header(f, "Retry-After"), "1");
	f->with.peer = "192.0.2.2";
	T_INT(ask(f, "GET", NULL, "/Users"), 200);
}

/* Whoever guesses is slowed down; who knows a token is not, behind the same address. */
static void bounds_unknown_tokens(void)
{
	FIXTURE(f);
	int status = 401, tries = 0;

	f->with.authorization = "Bearer guess";
	for (; status == 401 && tries < 1000; tries++)
		status = ask(f, "GET", NULL, "/Users");
	T_INT(status, 429);
	T_TRUE(tries > 1);
	T_STR(header(f, "Retry-After"), "1");
	f->with.authorization = "Bearer one";
	T_INT(ask(f, "GET", NULL, "/Users"), 200);
	f->with.authorization = "Bearer guess";
	f->with.peer = "192.0.2.2";
	T_INT(ask(f, "GET", NULL, "/Users"), 401);
}

static void keeps_to_limits(void)
{
	static const struct {
		const char *method, *target, *body;
		int status;
		const char *detail;
	} cases[] = {
		{ "POST", "/Users", "{\"userName\":\"a\",\"x\":[[[[1]]]]}", 400, "4 levels" },
		{ "POST", "/Users", "{\"userName\":\"b\",\"x\":[[[1]]]}", 201, NULL },
		{ "POST", "/Users", "{\"x\":[0,0,0,0,0,0,0,0]}", 400, "userName" },
		{ "POST", "/Users", "{\"x\":[0,0,0,0,0,0,0,0,0]}", 413, "10 values" },
		{ "POST", "/Bulk", "{\"Operations\":[{},{},{}]}", 413, "2 operations" },
		{ "POST", "/Bulk", "{\"Operations\":[{},{}]}", 200, NULL },
		{ "GET", "/Users?filter=userName+eq+%22aaaaaa%22", NULL, 200, NULL },
		{ "GET", "/Users?filter=userName+eq+%22aaaaaaa%22", NULL, 400, "20 bytes" },
		{ "POST", "/Users/.search", "{\"filter\":\"userName eq \\\"aaaaaaaaaa\\\"\"}", 400,
		  "20 bytes" },
		{ "POST", "/Groups", "{\"displayName\":\"g\",\"members\":[\"a\",\"b\",\"c\"]}", 413,
		  "2 members" },
		{ "GET", "/Users?cursor&count=12", NULL, 400, "11 resources" },
		{ "GET", "/Users?filter=title+pr", NULL, 200, NULL },
		{ "POST", "/Users", "{\"userName\":\"d\"}", 201, NULL },
		{ "GET", "/Users?filter=title+pr", NULL, 400, "more than 1 " },
	};
	FIXTURE(f);

	f->conf.limits.depth = 4;
	f->conf.limits.values = 10;
	f->conf.limits.operations = 2;
	f->conf.limits.filter_bytes = 20;
	f->conf.limits.members = 2;
	f->conf.limits.results = 11;
	f->conf.limits.scan = 1;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		T_INT(ask(f, cases[i].method, cases[i].body, "%s", cases[i].target),
		      cases[i].status);
		if (cases[i].detail)
			T_TRUE(at(f, "detail") && strstr(at(f, "detail"), cases[i].detail));
	}
	T_INT(ask(f, "GET", NULL, "/ServiceProviderConfig"), 200);
	T_STR(at(f, "bulk/maxOperations"), "2");
	T_STR(at(f, "filter/maxResults"), "11");
	T_STR(at(f, "pagination/maxPageSize"), "11");
	T_STR(at(f, "pagination/defaultPageSize"), "11");
}

static void passes_faults_on(void)
{
	FIXTURE(f);

	f->engine.refuse_status = 503;
	T_INT(ask(f, "POST", "{\"userName\":\"a\"}", "/Users"), 503);
	T_STR(header(f, "Retry-After"), "7");
	T_STR(f->engine.event_type, "");
}

static void lists_in_pages(void)
{
	static const struct {
		const char *query, *total, *start, *shown;
		int first; /* slot of the first one shown, -1: none */
	} cases[] = {
		{ "", "5", "1", "5", 0 },
		{ "?startIndex=1&count=2", "5", "1", "2", 0 },
		{ "?startIndex=3&count=2", "5", "3", "2", 2 },
		{ "?startindex=5&count=2", "5", "5", "1", 4 },
		{ "?startIndex=6&count=2", "5", "6", "0", -1 },
		{ "?startIndex=0&count=-1", "5", "1", "0", -1 },
		{ "?count=0", "5", "1", "0", -1 },
		{ "?count=100000", "5", "1", "5", 0 },
		{ "?filter=userName+eq+%22CY@b.EXAMPLE%22", "1", "1", "1", 2 },
		{ "?filter=userName+eq+%22nobody%22", "0", "1", "0", -1 },
		{ "?filter=externalId+eq+%22ext-ben%22", "1", "1", "1", 1 },
		{ "?filter=userName+eq+%22cy@b.example%22+and+active+eq+false", "0", "1", "0", -1 },
		{ "?filter=emails%5Btype+eq+%22work%22%5D.value+eq+%22eve@b.example%22", "1", "1",
		  "1", 4 },
		{ "?filter=active+eq+true&startIndex=2&count=2", "5", "2", "2", 1 },
		{ "?filter=active+eq+true&count=0", "5", "1", "0", -1 },
		{ "?filter=not+(userName+sw+%22ada%22)&count=1", "4", "1", "1", 1 },
		{ "?filter=id+eq+%22nothing%22", "0", "1", "0", -1 },
	};
	static const char *const names[] = { "ada", "ben", "cy", "dee", "eve" };
	FIXTURE(f);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		create_user(f, i, names[i]);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		T_INT(ask(f, "GET", NULL, "/Users%s", cases[i].query), 200);
		T_STR(at(f, "schemas/0"), URN_LIST);
		T_STR(at(f, "totalResults"), cases[i].total);
		T_STR(at(f, "startIndex"), cases[i].start);
		T_STR(at(f, "itemsPerPage"), cases[i].shown);
		T_INT(length_of(f, "Resources"), atoi(cases[i].shown));
		T_STR(at(f, "Resources/0/id"), cases[i].first < 0 ? NULL : f->ids[cases[i].first]);
	}
	T_INT(ask(f, "GET", NULL, "/Users?filter=id+eq+%%22%s%%22&attributes=userName", f->ids[3]),
	      200);
	T_STR(at(f, "Resources/0/userName"), "dee@b.example");
	T_TRUE(!at(f, "Resources/0/emails"));
}

static void bounds_scans(void)
{
	FIXTURE(f);

	create_user(f, 0, "ada");
	create_user(f, 1, "ben");
	f->service->scan_max = 2;
	T_INT(ask(f, "GET", NULL, "/Users?filter=title+pr"), 200);
	f->service->scan_max = 1;
	T_INT(ask(f, "GET", NULL, "/Users?filter=title+pr"), 400);
	T_STR(at(f, "scimType"), "tooMany");
	T_INT(ask(f, "GET", NULL, "/Users?filter=userName+eq+%%22ben@b.example%%22"), 200);
	T_STR(at(f, "totalResults"), "1");
	T_INT(ask(f, "GET", NULL, "/Users"), 200);
	T_STR(at(f, "totalResults"), "2");
}

/* Comparing what members are called loads them, of however few groups. */
static void bounds_members_looked_at(void)
{
	static const struct {
		const char *filter;
		int at_three, at_two; /* status with so many allowed */
	} cases[] = {
		{ "members.display+co+%22e%22", 200, 400 },
		{ "displayName+eq+%22Staff%22+and+members.display+co+%22e%22", 200, 400 },
		{ "members+pr", 200, 400 },
		{ "members.value+eq+%22none%22", 200, 200 },
		{ "displayName+eq+%22Staff%22", 200, 200 },
	};
	char members[256];
	FIXTURE(f);

	f->connections[0].pending_members = CONF_PENDING_KEEP;
	create_user(f, 0, "ada");
	create_user(f, 1, "ben");
	snprintf(members, sizeof(members), "{\"value\":\"%s\"},{\"value\":\"%s\"},{\"value\":\"x\"}",
		 f->ids[0], f->ids[1]);
	create_group(f, 0, "Staff", members);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		f->service->scan_max = 3;
		T_INT(ask(f, "GET", NULL, "/Groups?filter=%s", cases[i].filter), cases[i].at_three);
		f->service->scan_max = 2;
		T_INT(ask(f, "GET", NULL, "/Groups?filter=%s", cases[i].filter), cases[i].at_two);
		if (cases[i].at_two == 400)
			T_STR(at(f, "scimType"), "tooMany");
	}
}

static void groups_have_members(void)
{
	FIXTURE(f);
	const char *ada = create_user(f, 0, "ada"), *ben = create_user(f, 1, "ben");
	char members[128], location[256];
	const char *group;

	snprintf(members, sizeof(members), "{\"value\":\"%s\",\"display\":\"x\"}", ben);
	group = create_group(f, 2, "Linux Admins", members);
	snprintf(location, sizeof(location), BASE "/Users/%s", ben);
	T_INT(length_of(f, "members"), 1);
	T_STR(at(f, "members/0/value"), ben);
	T_STR(at(f, "members/0/$ref"), location);
	T_STR(at(f, "members/0/display"), "ben@b.example");
	T_STR(at(f, "members/0/type"), "User");
	T_STR(at(f, "meta/resourceType"), "Group");

	T_INT(ask(f, "GET", NULL, "/Users/%s", ben), 200);
	snprintf(location, sizeof(location), BASE "/Groups/%s", group);
	T_STR(at(f, "groups/0/value"), group);
	T_STR(at(f, "groups/0/$ref"), location);
	T_STR(at(f, "groups/0/display"), "Linux Admins");
	T_STR(at(f, "groups/0/type"), "direct");
	T_INT(ask(f, "GET", NULL, "/Users/%s", ada), 200);
	T_TRUE(!at(f, "groups"));

	T_INT(ask(f, "GET", NULL, "/Groups?excludedAttributes=members&filter=displayName+eq+"
				   "%%22linux+admins%%22"),
	      200);
	T_STR(at(f, "totalResults"), "1");
	T_STR(at(f, "Resources/0/id"), group);
	T_TRUE(!at(f, "Resources/0/members"));
	T_INT(ask(f, "DELETE", NULL, "/Users/%s", ben), 204);
	T_INT(ask(f, "GET", NULL, "/Groups/%s", group), 200);
	T_TRUE(!at(f, "members"));
	T_INT(ask(f, "DELETE", NULL, "/Groups/%s", group), 204);
	T_INT(ask(f, "GET", NULL, "/Groups/%s", group), 404);
}

/* Who is in the group: "ab" for ada and ben. */
static const char *members_of(struct fixture *f, const char *group, char room[static 8])
{
	size_t used = 0;

	T_INT(ask(f, "GET", NULL, "/Groups/%s", group), 200);
	for (size_t slot = 0; slot < 3; slot++)
		for (size_t i = 0; i < length_of(f, "members"); i++) {
			char path[64];

			snprintf(path, sizeof(path), "members/%zu/value", i);
			if (strcmp(at(f, path), f->ids[slot]) == 0)
				room[used++] = "abc"[slot];
		}
	room[used] = '\0';
	return room;
}

/* In operations, A, B, C stand for the quoted ids. */
static void expand(struct fixture *f, const char *text, char *out)
{
	for (; *text; text++) {
		if (*text >= 'A' && *text <= 'C')
			out += sprintf(out, "\"%s\"", f->ids[*text - 'A']);
		else
			*out++ = *text;
	}
	*out = '\0';
}

static void patches_members(void)
{
	static const struct {
		const char *operations, *members;
		int writes; /* calls on the change: each member moved, and the group itself */
	} cases[] = {
		{ ADD "{\"value\":A}]}", "a", 2 },
		{ ADD "{\"value\":A}]}", "a", 0 }, /* again: nothing */
		{ ADD "{\"$ref\":null,\"value\":B},{\"value\":C}]}", "abc", 3 },
		{ REMOVE "{\"value\":B}]}", "ac", 2 },
		{ REMOVE "{\"value\":\"" NOBODY "\"}]}", "ac", 0 },
		{ REMOVE "{\"value\":\"no id of ours, far too long to be one\"}]}", "ac",
		  0 },
		{ REPLACE "{\"value\":A},{\"value\":C}]}", "ac", 0 }, /* nobody out and in again */
		{ REPLACE "{\"value\":A},{\"value\":B}]}", "ab", 3 },
		{ REMOVE "{\"value\":A}]}," ADD "{\"value\":A}]}", "ab", 0 },
		{ "{\"op\":\"remove\",\"path\":\"members\"}," ADD "{\"value\":B}]}", "b", 2 },
		{ "{\"op\":\"replace\",\"value\":{\"id\":\"x\",\"displayName\":\"New\"}}", "b", 1 },
		{ REPLACE "]}", "", 2 },
	};
	FIXTURE(f);
	char body[2048], operations[1024], room[8];
	const char *group;

	create_user(f, 0, "ada");
	create_user(f, 1, "ben");
	create_user(f, 2, "cy");
	group = create_group(f, 3, "Staff", "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char before[32];

		T_INT(ask(f, "GET", NULL, "/Groups/%s?attributes=id", group), 200);
		snprintf(before, sizeof(before), "%s", header(f, "ETag"));
		expand(f, cases[i].operations, operations);
		patch(body, sizeof(body), "%s", operations);
		T_INT(ask(f, "PATCH", body, "/Groups/%s", group), 200);
		T_STR(at(f, "id"), group);
		T_INT(length_of(f, "members"), strlen(cases[i].members));
		T_INT(f->engine.writes, cases[i].writes);
		T_INT(strcmp(header(f, "ETag"), before) != 0, cases[i].writes > 0);
		T_STR(members_of(f, group, room), cases[i].members);
	}
}

static void answers_group_patches_if_asked(void)
{
	FIXTURE(f);
	const char *ada = create_user(f, 0, "ada"), *group = create_group(f, 1, "Staff", "");
	char room[512];

	patch(room, sizeof(room), ADD "{\"value\":\"%s\"}]}", ada);
	T_INT(ask(f, "PATCH", room, "/Groups/%s?attributes=members", group), 200);
	T_STR(at(f, "members/0/value"), ada);
	T_INT(ask(f, "PATCH", room, "/Groups/%s?excludedAttributes=members", group), 200);
	T_STR(at(f, "displayName"), "Staff");
	T_TRUE(!at(f, "members"));

	patch(room, sizeof(room), ADD "{\"value\":\"" NOBODY "\"}]}");
	T_INT(ask(f, "PATCH", room, "/Groups/%s", group), 404);
	patch(room, sizeof(room), ADD "{\"value\":\"%s\"}]}", group);
	T_INT(ask(f, "PATCH", room, "/Groups/%s", group), 400);
}

static void put_sets_members(void)
{
	FIXTURE(f);
	char body[512], room[8];
	const char *group;

	create_user(f, 0, "ada");
	create_user(f, 1, "ben");
	snprintf(body, sizeof(body), "{\"value\":\"%s\"}", f->ids[0]);
	group = create_group(f, 3, "Staff", body);
	snprintf(body, sizeof(body),
		 "{\"displayName\":\"Crew\",\"members\":[{\"value\":\"%s\",\"display\":\"x\"}]}",
		 f->ids[1]);
	T_INT(ask(f, "PUT", body, "/Groups/%s", group), 200);
	T_STR(at(f, "displayName"), "Crew");
	T_STR(at(f, "meta/version"), "W/\"2\"");
	T_STR(members_of(f, group, room), "b");
	T_INT(ask(f, "PUT", body, "/Groups/%s", group), 200);
	T_INT(f->engine.writes, 0);
	T_STR(at(f, "meta/version"), "W/\"2\"");
	T_INT(ask(f, "PUT", "{\"displayName\":\"Crew\"}", "/Groups/%s", group), 200);
	T_STR(members_of(f, group, room), "");
}

static void finds_memberships(void)
{
	static const struct {
		const char *filter, *total; /* with A, B, C as above */
	} cases[] = {
		{ "members eq A", "2" },
		{ "members.value eq B", "1" },
		{ "members.value eq C", "0" },
		{ "members eq A and displayName eq \"Staff\"", "1" },
		{ "members eq C and displayName eq \"Staff\"", "0" },
		{ "members eq A and not (members eq B)", "1" },
		{ "members eq A and members eq B", "1" },
		{ "members eq A and members.display sw \"ben\"", "1" },
		{ "members eq \"no id\"", "0" },
	};
	FIXTURE(f);
	char members[256];

	create_user(f, 0, "ada");
	create_user(f, 1, "ben");
	create_user(f, 2, "cy");
	snprintf(members, sizeof(members), "{\"value\":\"%s\"},{\"value\":\"%s\"}", f->ids[0],
		 f->ids[1]);
	create_group(f, 3, "Staff", members);
	snprintf(members, sizeof(members), "{\"value\":\"%s\"}", f->ids[0]);
	create_group(f, 4, "Crew", members);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char filter[512], query[1024] = "";
		size_t used = 0;

		expand(f, cases[i].filter, filter);
		for (const char *c = filter; *c; c++)
			used += (size_t)sprintf(query + used, "%%%02x", (unsigned char)*c);
		T_INT(ask(f, "GET", NULL, "/Groups?filter=%s", query), 200);
		T_STR(at(f, "totalResults"), cases[i].total);
	}
}

static void handles_passwords(void)
{
	static const char body[] = "{\"userName\":\"ada\",\"password\":\"hunter2hunter2\"}";
	FIXTURE(f);
	char *stored;

	for (int on = 0; on <= 1; on++) {
		_cleanup_(store_resource_done) struct store_resource row = {};
		_cleanup_(store_abortp) struct store_txn *txn = NULL;
		char room[256];

		f->conf.identity.passwords = on;
		T_INT(ask(f, "POST", body, "/Users"), 201);
		T_TRUE(!strstr(f->response.body, "hunter2"));
		T_STR(f->engine.payload, "{\"userName\":\"ada\"}");
		snprintf(f->ids[0], RESOURCE_ID_SIZE, "%s", at(f, "id"));
		patch(room, sizeof(room),
		      "{\"op\":\"replace\",\"path\":\"password\",\"value\":\"hunter3\"}");
		T_INT(ask(f, "PATCH", room, "/Users/%s", f->ids[0]), 200);
		T_STR(header(f, "ETag"), on ? "W/\"2\"" : "W/\"1\"");
		T_TRUE(!strstr(f->engine.payload, "hunter3"));
		T_OK(store_begin(f->engine.store, NULL, false, &txn));
		T_OK(store_resource_get(txn, f->ids[0], &row));
		stored = row.password;
		T_INT(stored != NULL, on);
		T_TRUE(!stored || strncmp(stored, "$y$", 3) == 0);
		T_TRUE(!strstr(row.json, "hunter"));
		store_abortp(&txn);
		T_INT(ask(f, "DELETE", NULL, "/Users/%s", f->ids[0]), 204);
	}
}

static void knows_where_it_is(void)
{
	static const struct {
		const char *public_url, *host, *want;
	} cases[] = {
		{ NULL, "h.example", "https://h.example/scim/v2/Users/" },
		{ NULL, "[2001:db8::1]:8643", "https://[2001:db8::1]:8643/scim/v2/Users/" },
		{ NULL, NULL, "https://127.0.0.1:8643/scim/v2/Users/" },
		{ NULL, "h/evil?\"", "https://127.0.0.1:8643/scim/v2/Users/" },
		{ "https://p.example", "h", "https://p.example/scim/v2/Users/" },
		{ "https://p.example/", "h", "https://p.example/scim/v2/Users/" },
		{ "https://p.example/scim/v2/", "h", "https://p.example/scim/v2/Users/" },
		{ "https://p.example/x", "h", "https://p.example/x/scim/v2/Users/" },
	};
	FIXTURE(f);
	const char *id = create_user(f, 0, "ada");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char want[256];

		snprintf(want, sizeof(want), "%s%s", cases[i].want, id);
		f->conf.server.public_url = (char *)cases[i].public_url;
		f->with.host = cases[i].host;
		T_INT(ask(f, "GET", NULL, "/Users/%s", id), 200);
		T_STR(at(f, "meta/location"), want);
	}
}

static void describes_itself(void)
{
	FIXTURE(f);

	T_INT(ask(f, "GET", NULL, "/ServiceProviderConfig"), 200);
	T_STR(at(f, "filter/maxResults"), "1000");
	T_INT(ask(f, "GET", NULL, "/ServiceProviderConfigs?sortBy=x"), 200);
	T_INT(ask(f, "GET", NULL, "/ResourceTypes"), 200);
	T_STR(at(f, "schemas/0"), URN_LIST);
	T_INT(ask(f, "GET", NULL, "/ResourceTypes/User"), 200);
	T_STR(at(f, "endpoint"), "/Users");
	T_INT(ask(f, "GET", NULL, "/Schemas/" URN_USER), 200);
	T_STR(at(f, "id"), URN_USER);
	T_INT(ask(f, "GET", NULL, "/Schemas"), 200);
	T_TRUE(length_of(f, "Resources") >= 3);
}

T_MAIN("service", T(authenticates), T(creates_reads_deletes), T(conflicts_are_409),
       T(connections_do_not_see_each_other), T(patches_users), T(replaces_users),
       T(honours_preconditions), T(speaks_dialects), T(refuses_requests), T(bounds_rate_and_size), T(bounds_unknown_tokens),
       T(keeps_to_limits), T(passes_faults_on), T(lists_in_pages), T(bounds_scans),
       T(bounds_members_looked_at), T(groups_have_members),
       T(patches_members), T(answers_group_patches_if_asked), T(put_sets_members),
       T(finds_memberships), T(handles_passwords), T(knows_where_it_is), T(describes_itself))
