/* Bulk: operations on their own, references between them, and when it stops. */
#include "tests/unit/service/fixture.h"

#include <stdlib.h>

#include "scimd/service/bulk.h"

#define URN_BULK "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
#define POST(name, id, data) \
	"{\"method\":\"POST\",\"path\":\"" name "\",\"bulkId\":\"" id "\",\"data\":" data "}"

/* Send operations, a format, with more members of the envelope before them. */
static int bulk(struct fixture *f, const char *more, const char *operations, ...)
	_printf_(3, 4);
static int bulk(struct fixture *f, const char *more, const char *operations, ...)
{
	char body[8192];
	int used = snprintf(body, sizeof(body),
			    "{\"schemas\":[\"" URN_BULK "\"],%s\"Operations\":[", more);
	va_list args;

	va_start(args, operations);
	used += vsnprintf(body + used, sizeof(body) - (size_t)used, operations, args);
	va_end(args);
	snprintf(body + used, sizeof(body) - (size_t)used, "]}");
	return ask(f, "POST", body, "/Bulk");
}

/* The statuses of the answer, with spaces between them. */
static const char *statuses(const struct fixture *f)
{
	static char text[256];
	char path[64];

	text[0] = '\0';
	for (size_t i = 0; i < length_of(f, "Operations"); i++) {
		snprintf(path, sizeof(path), "Operations/%zu/status", i);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			 at(f, path) ? at(f, path) : "?");
	}
	return text;
}

/* The id at the end of a result's location. */
static const char *id_of(struct fixture *f, size_t result)
{
	char path[64];
	const char *location;

	snprintf(path, sizeof(path), "Operations/%zu/location", result);
	location = at(f, path);
	location = location ? strrchr(location, '/') : NULL;
	snprintf(f->ids[result], RESOURCE_ID_SIZE, "%s", location ? location + 1 : "");
	return f->ids[result];
}

static void writes_many(void)
{
	FIXTURE(f);
	const char *id = create_user(f, 0, "ada"), *gone = create_user(f, 1, "bob");
	char location[256];

	T_INT(bulk(f, "",
		   POST("/Users", "q", "{\"userName\":\"new\"}") ","
		   "{\"method\":\"PUT\",\"path\":\"/Users/%s\",\"version\":\"W/\\\"1\\\"\","
		   "\"data\":{\"userName\":\"ada2\"}},"
		   "{\"method\":\"patch\",\"path\":\"/Users/%s\",\"data\":{\"Operations\":["
		   "{\"op\":\"replace\",\"path\":\"active\",\"value\":false}]}},"
		   "{\"method\":\"DELETE\",\"path\":\"/Users/%s\"},"
		   "{\"method\":\"PUT\",\"path\":\"/Users/%s\",\"version\":\"W/\\\"1\\\"\","
		   "\"data\":{\"userName\":\"ada3\"}}",
		   id, id, gone, id),
	      200);
	T_STR(at(f, "schemas/0"), URN_BULK_RESPONSE);
	T_STR(statuses(f), "201 200 200 204 412");
	T_STR(at(f, "Operations/0/method"), "POST");
	T_STR(at(f, "Operations/0/bulkId"), "q");
	T_STR(at(f, "Operations/0/version"), "W/\"1\"");
	T_TRUE(!at(f, "Operations/0/response"));
	snprintf(location, sizeof(location), BASE "/Users/%s", id);
	T_STR(at(f, "Operations/1/location"), location);
	T_STR(at(f, "Operations/2/version"), "W/\"3\"");
	T_TRUE(!at(f, "Operations/3/version"));
	T_STR(at(f, "Operations/4/location"), location);
	T_STR(at(f, "Operations/4/response/status"), "412");
	T_STR(at(f, "Operations/4/response/schemas/0"), URN_ERROR);
	T_INT(ask(f, "GET", NULL, "/Users/%s", id), 200);
	T_STR(at(f, "userName"), "ada2");
	T_STR(at(f, "active"), "false");
	T_INT(ask(f, "GET", NULL, "/Users/%s", gone), 404);
}

/* Earlier, later, in a path, in a $ref, and in a circle. */
static void resolves_references(void)
{
	FIXTURE(f);

	T_INT(bulk(f, "",
		   POST("/Groups", "g", "{\"displayName\":\"Staff\",\"members\":["
					"{\"value\":\"bulkId:a\"},{\"value\":\"bulkId:b\"},"
					"{\"$ref\":\"/Users/bulkId:c\"}]}") ","
		   POST("/Users", "a", "{\"userName\":\"a\",\"" URN_ENTERPRISE "\":"
				       "{\"manager\":{\"value\":\"bulkId:b\"}}}") ","
		   POST("/Users", "b", "{\"userName\":\"b\",\"" URN_ENTERPRISE "\":"
				       "{\"manager\":{\"value\":\"bulkId:a\"}}}") ","
		   POST("/Users", "c", "{\"userName\":\"c\",\"title\":\"see bulkId:none\"}") ","
		   "{\"method\":\"PATCH\",\"path\":\"/Users/bulkId:c\",\"data\":{\"Operations\":["
		   "{\"op\":\"replace\",\"path\":\"active\",\"value\":false}]}},"
		   "{\"method\":\"PATCH\",\"path\":\"/Groups/bulkId:g\",\"data\":{\"Operations\":["
		   "{\"op\":\"remove\",\"path\":\"members[value eq \\\"bulkId:b\\\"]\"}]}}"),
	      200);
	T_STR(statuses(f), "201 201 201 201 200 204");
	for (size_t i = 0; i < 4; i++)
		id_of(f, i);
	T_INT(ask(f, "GET", NULL, "/Groups/%s", f->ids[0]), 200);
	T_INT(length_of(f, "members"), 2);
	T_STR(at(f, "members/0/value"), f->ids[1]);
	T_STR(at(f, "members/1/value"), f->ids[3]);
	T_INT(ask(f, "GET", NULL, "/Users/%s", f->ids[1]), 200);
	T_STR(at(f, URN_ENTERPRISE "/manager/value"), f->ids[2]);
	T_INT(ask(f, "GET", NULL, "/Users/%s", f->ids[2]), 200);
	T_STR(at(f, URN_ENTERPRISE "/manager/value"), f->ids[1]);
	T_INT(ask(f, "GET", NULL, "/Users/%s", f->ids[3]), 200);
	T_STR(at(f, "active"), "false");
	T_STR(at(f, "title"), "see bulkId:none");
}

static void failures_stay_apart(void)
{
	FIXTURE(f);

	create_user(f, 0, "ada");
	T_INT(bulk(f, "", "%s",
		   POST("/Users", "a", "{\"userName\":\"ada@b.example\"}") ","
		   POST("/Groups", "g", "{\"displayName\":\"G\",\"members\":[\"bulkId:a\"]}") ","
		   POST("/Groups", "h", "{\"displayName\":\"H\",\"members\":[\"bulkId:zz\"]}") ","
		   POST("/Groups", "i", "{\"displayName\":\"I\"}") ","
		   POST("/Groups", "i", "{\"displayName\":\"J\"}") ","
		   POST("/Nothing", "k", "{}") ","
		   POST("/Bulk", "l", "{}") ","
		   POST("/Users", "m", "7") ","
		   POST("/Users?x", "n", "{}") ","
		   "{\"method\":\"POST\",\"path\":\"/Users\",\"data\":{\"userName\":\"x\"}},"
		   "{\"method\":\"GET\",\"path\":\"/Users\"},7,{},"
		   "{\"method\":\"DELETE\",\"path\":\"/Users/" NOBODY "\"}"),
	      200);
	T_STR(statuses(f), "409 409 400 201 400 404 400 400 400 400 400 400 400 404");
	T_STR(at(f, "Operations/0/response/scimType"), "uniqueness");
	T_TRUE(!at(f, "Operations/0/location"));
	T_TRUE(at(f, "Operations/3/location") != NULL);
	T_STR(at(f, "Operations/13/location"), BASE "/Users/" NOBODY);
	T_INT(f->engine.changes, 2);
}

static void stops_after_errors(void)
{
	static const struct {
		const char *more, *want;
	} cases[] = {
		{ "", "400 400 201 400 201" },
		{ "\"failOnErrors\":1,", "400" },
		{ "\"failOnErrors\":0,", "400" },
		{ "\"failOnErrors\":2,", "400 400" },
		{ "\"failOnErrors\":3,", "400 400 201 400" },
		{ "\"failOnErrors\":9,", "400 400 201 400 201" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		FIXTURE(f);

		T_INT(bulk(f, cases[i].more, "%s",
			   POST("/Users", "1", "{}") "," POST("/Users", "2", "{}") ","
			   POST("/Users", "3", "{\"userName\":\"c\"}") ","
			   POST("/Users", "4", "{}") ","
			   POST("/Users", "5", "{\"userName\":\"e\"}")),
		      200);
		T_STR(statuses(f), cases[i].want);
	}
}

static void is_bounded(void)
{
	_cleanup_free_ char *many = malloc(64 * 1024 + 64);
	FIXTURE(f);
	size_t used;

	used = (size_t)sprintf(many, "{\"Operations\":[");
	for (size_t i = 0; i < BULK_OPERATIONS_MAX; i++)
		used += (size_t)sprintf(many + used, "{},");
	sprintf(many + used, "{}]}");
	T_INT(ask(f, "POST", many, "/Bulk"), 413);
	T_TRUE(strstr(at(f, "detail"), "1000") && strstr(at(f, "detail"), "maxOperations"));
	sprintf(many + used - 1, "]}");
	T_INT(ask(f, "POST", many, "/Bulk"), 200);
	T_INT(length_of(f, "Operations"), BULK_OPERATIONS_MAX);
	f->conf.server.max_body = 100;
	T_INT(ask(f, "POST", many, "/Bulk"), 413);
	T_TRUE(strstr(at(f, "detail"), "100 ") && strstr(at(f, "detail"), "maxPayloadSize"));
	T_INT(ask(f, "GET", NULL, "/ServiceProviderConfig"), 200);
	T_STR(at(f, "bulk/supported"), "true");
	T_STR(at(f, "bulk/maxOperations"), "1000");
	T_STR(at(f, "bulk/maxPayloadSize"), "100");
}

static void refuses_envelopes(void)
{
	static const struct {
		const char *body, *scim_type;
	} cases[] = {
		{ "{}", "invalidSyntax" },
		{ "{\"Operations\":{}}", "invalidSyntax" },
		{ "{\"Operations\":[]}", "invalidSyntax" },
		{ "{\"failOnErrors\":\"1\",\"Operations\":[{}]}", "invalidValue" },
		{ "{\"failOnErrors\":-1,\"Operations\":[{}]}", "invalidValue" },
	};
	FIXTURE(f);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		T_INT(ask(f, "POST", cases[i].body, "/Bulk"), 400);
		T_STR(at(f, "scimType"), cases[i].scim_type);
	}
}

/* Each on its own in events, without the password. */
static void is_told_apart(void)
{
	FIXTURE(f);

	f->conf.identity.passwords = true;
	T_INT(bulk(f, "", "%s",
		   POST("/Users", "a", "{\"userName\":\"a\",\"password\":\"hunter2\"}")),
	      200);
	T_STR(statuses(f), "201");
	T_STR(f->engine.request, "POST /Users");
	T_STR(f->engine.payload, "{\"userName\":\"a\"}");
	T_INT(bulk(f, "", "%s", POST("/Users", "a", "{\"userName\":\"a\"}")), 200);
	T_STR(f->engine.event_type, "scim.provisioning_failed");
	T_STR(f->engine.payload, "{\"userName\":\"a\"}");
}

T_MAIN("bulk", T(writes_many), T(resolves_references), T(failures_stay_apart),
       T(stops_after_errors), T(is_bounded), T(refuses_envelopes), T(is_told_apart))
