/* Members who are not known yet: refused, or waited for. */
#include "tests/unit/service/fixture.h"

#define STRANGER "0190a1b2-0000-7000-8000-00000000abcd"

static int add(struct fixture *f, const char *group, const char *member)
{
	char room[512];

	patch(room, sizeof(room), "{\"op\":\"add\",\"path\":\"members\",\"value\":[{\"value\":\"%s\"}]}", member);
	return ask(f, "PATCH", room, "/Groups/%s", group);
}

static void are_refused(void)
{
	FIXTURE(f);
	const char *group = create_group(f, 0, "Staff", "");

	T_INT(add(f, group, STRANGER), 404);
	T_INT(add(f, group, "ext-ada"), 404);
	create_user(f, 1, "ada");
	T_INT(add(f, group, "ext-ada"), 404); /* an id is what it has to be */
	T_INT(ask(f, "GET", NULL, "/Groups/%s", group), 200);
	T_TRUE(!at(f, "members"));
}

static void become_members(void)
{
	FIXTURE(f);
	const char *group, *id;

	f->connections[0].pending_members = CONF_PENDING_KEEP;
	group = create_group(f, 0, "Staff", "{\"value\":\"ext-ada\"},{\"value\":\"" STRANGER "\"}");
	T_INT(length_of(f, "members"), 2);
	T_INT(ask(f, "GET", NULL, "/Groups?filter=members+eq+%%22ext-ada%%22"), 200);
	T_STR(at(f, "totalResults"), "1");
	T_INT(add(f, group, "ext-ada"), 204);
	T_STR(header(f, "ETag"), "W/\"1\""); /* as before */
	id = create_user(f, 1, "ada");
	T_STR(at(f, "groups/0/value"), group);
	T_INT(ask(f, "GET", NULL, "/Groups/%s", group), 200);
	T_STR(header(f, "ETag"), "W/\"2\"");
	T_INT(length_of(f, "members"), 2);
	T_STR(at(f, "members/0/value"), id);
	T_STR(at(f, "members/0/display"), "ada@b.example");
	T_STR(at(f, "members/1/value"), STRANGER);
	T_TRUE(!at(f, "members/1/type"));
	/* Of another connection somebody with this externalId is somebody else. */
	f->with.authorization = "Bearer two";
	T_INT(ask(f, "POST", "{\"userName\":\"x\",\"externalId\":\"" STRANGER "\"}", "/Users"), 201);
	T_TRUE(!at(f, "groups"));
}

/* Whoever came in by an externalId can be taken out by it, and stays when it is repeated. */
static void go_again(void)
{
	FIXTURE(f);
	const char *group, *id;
	char room[512];

	f->connections[0].pending_members = CONF_PENDING_KEEP;
	id = create_user(f, 1, "ada");
	group = create_group(f, 0, "Staff", "{\"value\":\"ext-ada\"},{\"value\":\"y\"}");
	T_STR(at(f, "members/0/value"), id);
	T_INT(ask(f, "PUT", "{\"displayName\":\"Staff\",\"members\":[{\"value\":\"ext-ada\"}]}",
		  "/Groups/%s", group),
	      200);
	T_INT(f->engine.writes, 1); /* the group's version, for y; no member came or went */
	T_INT(length_of(f, "members"), 1);
	patch(room, sizeof(room), "%s",
	      "{\"op\":\"remove\",\"path\":\"members[value eq \\\"ext-ada\\\"]\"}");
	T_INT(ask(f, "PATCH", room, "/Groups/%s", group), 204);
	T_INT(ask(f, "GET", NULL, "/Groups/%s", group), 200);
	T_TRUE(!at(f, "members"));
	T_INT(add(f, group, "y"), 204);
	patch(room, sizeof(room), "%s",
	      "{\"op\":\"remove\",\"path\":\"members[value eq \\\"y\\\"]\"}");
	T_INT(ask(f, "PATCH", room, "/Groups/%s", group), 204);
	T_INT(add(f, group, "z"), 204);
	patch(room, sizeof(room), "%s", "{\"op\":\"remove\",\"path\":\"members\"}");
	T_INT(ask(f, "PATCH", room, "/Groups/%s", group), 204);
	T_INT(ask(f, "GET", NULL, "/Groups/%s", group), 200);
	T_TRUE(!at(f, "members"));
}

T_MAIN("pending", T(are_refused), T(become_members), T(go_again))
