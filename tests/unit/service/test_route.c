#include "scimd/service/route.h"

#include "tests/unit/t.h"

static void finds(void)
{
	static const struct {
		const char *method, *path;
		enum route_action action;
		const char *id;
	} cases[] = {
		{ "GET", "/scim/v2/Users", ROUTE_USER_LIST, "" },
		{ "GET", "/scim/v2/Users/", ROUTE_USER_LIST, "" },
		{ "HEAD", "/scim/v2/Users", ROUTE_USER_LIST, "" },
		{ "POST", "/scim/v2/Users", ROUTE_USER_CREATE, "" },
		{ "GET", "/scim/v2/Users/x", ROUTE_USER_READ, "x" },
		{ "HEAD", "/scim/v2/Users/x", ROUTE_USER_READ, "x" },
		{ "GET", "/scim/v2/Users/x/", ROUTE_USER_READ, "x" },
		{ "GET", "/scim/v2/Users/a%2Fb%20+", ROUTE_USER_READ, "a/b +" },
		{ "PUT", "/scim/v2/Users/x", ROUTE_USER_REPLACE, "x" },
		{ "PATCH", "/scim/v2/Users/x", ROUTE_USER_PATCH, "x" },
		{ "DELETE", "/scim/v2/Users/x", ROUTE_USER_DELETE, "x" },
		{ "GET", "/scim/v2/Groups", ROUTE_GROUP_LIST, "" },
		{ "POST", "/scim/v2/Groups", ROUTE_GROUP_CREATE, "" },
		{ "GET", "/scim/v2/Groups/y", ROUTE_GROUP_READ, "y" },
		{ "PUT", "/scim/v2/Groups/y", ROUTE_GROUP_REPLACE, "y" },
		{ "PATCH", "/scim/v2/Groups/y", ROUTE_GROUP_PATCH, "y" },
		{ "DELETE", "/scim/v2/Groups/y", ROUTE_GROUP_DELETE, "y" },
		{ "GET", "/scim/v2/ServiceProviderConfig", ROUTE_PROVIDER_CONFIG, "" },
		{ "GET", "/scim/v2/ServiceProviderConfigs", ROUTE_PROVIDER_CONFIG, "" },
		{ "GET", "/scim/v2/ResourceTypes", ROUTE_RESOURCE_TYPES, "" },
		{ "GET", "/scim/v2/ResourceTypes/User", ROUTE_RESOURCE_TYPES, "User" },
		{ "GET", "/scim/v2/Schemas", ROUTE_SCHEMAS, "" },
		{ "GET", "/scim/v2/Schemas/urn%3Aa:b", ROUTE_SCHEMAS, "urn:a:b" },
		{ "GET", "/scim/v2/Me", ROUTE_UNSUPPORTED, "" },
		{ "PATCH", "/scim/v2/Me", ROUTE_UNSUPPORTED, "" },
		{ "POST", "/scim/v2/Bulk", ROUTE_BULK, "" },
		{ "OPTIONS", "/scim/v2/Users", ROUTE_OPTIONS, "" },
		{ "OPTIONS", "/scim/v2/Users/x", ROUTE_OPTIONS, "" },
		{ "POST", "/scim/v2/.search", ROUTE_ROOT_SEARCH, "" },
		{ "POST", "/scim/v2/Users/.search", ROUTE_USER_SEARCH, "" },
		{ "POST", "/scim/v2/Groups/.search", ROUTE_GROUP_SEARCH, "" },
		{ "GET", "/scim/v2", ROUTE_ROOT_LIST, "" },
		{ "GET", "/scim/v2/", ROUTE_ROOT_LIST, "" },
		{ "GET", "/scim/v2//", ROUTE_ROOT_LIST, "" },
		{ "GET", "/scim/v2//Users", ROUTE_USER_LIST, "" },
		{ "GET", "/scim/v2//Users/", ROUTE_USER_LIST, "" },
		{ "PATCH", "/scim/v2//Users/x", ROUTE_USER_PATCH, "x" },
		{ "GET", "/scim/v2//ServiceProviderConfig", ROUTE_PROVIDER_CONFIG, "" },
		{ "GET", "/scim/v2/users", ROUTE_USER_LIST, "" },
		{ "PATCH", "/scim/v2/USERS/xY", ROUTE_USER_PATCH, "xY" },
		{ "POST", "/scim/v2/groups/.SEARCH", ROUTE_GROUP_SEARCH, "" },
		{ "GET", "/scim/v2/serviceproviderconfig", ROUTE_PROVIDER_CONFIG, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct route_match got = {};
		struct fault fault = {};

		T_OK(route_find(cases[i].method, cases[i].path, &got, &fault));
		T_INT(got.action, cases[i].action);
		T_STR(got.id, cases[i].id);
	}
}

static void refuses(void)
{
	static const struct {
		const char *method, *path;
		int status;
		const char *allow;
	} cases[] = {
		{ "GET", "/", 404, "" },
		{ "GET", "", 404, "" },
		{ "GET", "/scim", 404, "" },
		{ "GET", "/scim/v2x/Users", 404, "" },
		{ "GET", "/scim/v2/Users//", 404, "" },
		{ "GET", "/scim/v2///Users", 404, "" },
		{ "GET", "/scim/v2///", 404, "" },
		{ "GET", "/scim/v2//Users//x", 404, "" },
		{ "GET", "/scim/v2/Users//x", 404, "" },
		{ "GET", "/scim//v2/Users", 404, "" },
		{ "GET", "//scim/v2/Users", 404, "" },
		{ "GET", "/scim/v2/Usersx", 404, "" },
		{ "GET", "/scim/v2/Users/x/y", 404, "" },
		{ "GET", "/scim/v2/Devices", 404, "" },
		{ "GET", "/scim/v2/../scim/v2/Users", 404, "" },
		{ "GET", "/scim/v1/Users", 400, "" },
		{ "GET", "/scim/v3", 400, "" },
		{ "GET", "/scim/v2/Users/%00", 400, "" },
		{ "GET", "/scim/v2/Users/%zz", 400, "" },
		{ "GET", "/scim/v2/Users/%ff", 400, "" },
		{ "DELETE", "/scim/v2/Users", 405, "GET, HEAD, POST, OPTIONS" },
		{ "BREW", "/scim/v2/Users", 405, "GET, HEAD, POST, OPTIONS" },
		{ "get", "/scim/v2/Users", 405, "GET, HEAD, POST, OPTIONS" },
		{ "POST", "/scim/v2/Users/x", 405, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS" },
		{ "POST", "/scim/v2/Schemas", 405, "GET, HEAD, OPTIONS" },
		{ "GET", "/scim/v2/Bulk", 405, "POST, OPTIONS" },
		{ "GET", "/scim/v2/Users/.search", 405, "POST, OPTIONS" },
		{ "OPTIONS", "/scim/v2/nowhere", 404, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct route_match got = {};
		struct fault fault = {};

		T_INT(route_find(cases[i].method, cases[i].path, &got, &fault), -EPROTO);
		T_INT(fault.status, cases[i].status);
		T_STR(got.allow, cases[i].allow);
		T_INT(got.action, ROUTE_NONE);
	}
}

static void bounds_ids(void)
{
	char path[sizeof("/scim/v2/Users/") + ROUTE_ID_SIZE] = "/scim/v2/Users/";
	size_t at = strlen(path);
	struct route_match got = {};
	struct fault fault = {};

	memset(path + at, 'a', ROUTE_ID_SIZE - 1);
	path[at + ROUTE_ID_SIZE - 1] = '\0';
	T_OK(route_find("GET", path, &got, &fault));
	T_INT(strlen(got.id), ROUTE_ID_SIZE - 1);
	memset(path + at, 'a', ROUTE_ID_SIZE);
	path[at + ROUTE_ID_SIZE] = '\0';
	T_INT(route_find("GET", path, &got, &fault), -EPROTO);
	T_INT(fault.status, 404);
}

T_MAIN("route", T(finds), T(refuses), T(bounds_ids))
