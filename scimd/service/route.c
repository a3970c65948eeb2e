#include "scimd/service/route.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "scimd/service/query.h"

enum { VERB_GET, VERB_POST, VERB_PUT, VERB_PATCH, VERB_DELETE, VERBS };

static const char *const verb_names[VERBS] = { "GET", "POST", "PUT", "PATCH", "DELETE" };

struct route {
	const char *pattern; /* relative to the base */
	bool id;             /* one more segment follows */
	enum route_action actions[VERBS];
};

#define EVERY_VERB(action) { action, action, action, action, action }

static const struct route routes[] = {
	{ "/Users/.search", false, { [VERB_POST] = ROUTE_USER_SEARCH } },
	{ "/Groups/.search", false, { [VERB_POST] = ROUTE_GROUP_SEARCH } },
	{ "/.search", false, { [VERB_POST] = ROUTE_ROOT_SEARCH } },
	{ "/Bulk", false, { [VERB_POST] = ROUTE_BULK } },
	{ "", false, { [VERB_GET] = ROUTE_ROOT_LIST } },
	{ "/Me", false, EVERY_VERB(ROUTE_UNSUPPORTED) },
	{ "/Users", false, { [VERB_GET] = ROUTE_USER_LIST, [VERB_POST] = ROUTE_USER_CREATE } },
	{ "/Users", true,
	  { [VERB_GET] = ROUTE_USER_READ,
	    [VERB_PUT] = ROUTE_USER_REPLACE,
	    [VERB_PATCH] = ROUTE_USER_PATCH,
	    [VERB_DELETE] = ROUTE_USER_DELETE } },
	{ "/Groups", false, { [VERB_GET] = ROUTE_GROUP_LIST, [VERB_POST] = ROUTE_GROUP_CREATE } },
	{ "/Groups", true,
	  { [VERB_GET] = ROUTE_GROUP_READ,
	    [VERB_PUT] = ROUTE_GROUP_REPLACE,
	    [VERB_PATCH] = ROUTE_GROUP_PATCH,
	    [VERB_DELETE] = ROUTE_GROUP_DELETE } },
	{ "/ServiceProviderConfig", false, { [VERB_GET] = ROUTE_PROVIDER_CONFIG } },
	{ "/ServiceProviderConfigs", false, { [VERB_GET] = ROUTE_PROVIDER_CONFIG } },
	{ "/ResourceTypes", false, { [VERB_GET] = ROUTE_RESOURCE_TYPES } },
	{ "/ResourceTypes", true, { [VERB_GET] = ROUTE_RESOURCE_TYPES } },
	{ "/Schemas", false, { [VERB_GET] = ROUTE_SCHEMAS } },
	{ "/Schemas", true, { [VERB_GET] = ROUTE_SCHEMAS } },
};

/* The part of a pattern's one further segment in path, or NULL if the route is another. */
static const char *route_matches(const struct route *route, const char *path)
{
	size_t len = strlen(route->pattern);

	/* Clients that know only frameworks without case ask for "/users". */
	if (strncasecmp(path, route->pattern, len) != 0)
		return NULL;
	path += len;
	if (!route->id)
		return *path == '\0' ? path : NULL;
	if (path[0] != '/' || path[1] == '\0' || strchr(path + 1, '/'))
		return NULL;
	return path + 1;
}

static void allow_fill(const struct route *route, char ret[static ROUTE_ALLOW_SIZE])
{
	size_t used = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < VERBS; i++) {
		if (route->actions[i] == ROUTE_NONE)
			continue;
		used += (size_t)snprintf(ret + used, ROUTE_ALLOW_SIZE - used, "%s%s%s",
					 used > 0 ? ", " : "", verb_names[i],
					 i == VERB_GET ? ", HEAD" : "");
	}
	snprintf(ret + used, ROUTE_ALLOW_SIZE - used, ", OPTIONS");
}

static int verb_find(const char *method)
{
	if (strcmp(method, "HEAD") == 0)
		return VERB_GET;
	for (int i = 0; i < VERBS; i++)
		if (strcmp(method, verb_names[i]) == 0)
			return i;
	return -1;
}

static int not_found(struct fault *fault)
{
	return fault_set(fault, 404, NULL, "there is no such endpoint below " ROUTE_BASE);
}

/* Take the base off the path. "/scim/v1/…" and the like ask for a protocol that we do not speak. */
static int base_strip(const char *path, const char **ret, struct fault *fault)
{
	static const char prefix[] = "/scim/v";
	size_t base_len = strlen(ROUTE_BASE);
	size_t digits;

	if (strncmp(path, ROUTE_BASE, base_len) == 0 &&
	    (path[base_len] == '\0' || path[base_len] == '/')) {
		path += base_len;
		/* A base that was configured with its slash, joined with "/Users". No endpoint has an
		 * empty first segment, so this can mean nothing else. */
		*ret = path[0] == '/' && path[1] == '/' && path[2] != '/' ? path + 1 : path;
		return 0;
	}
	if (strncmp(path, prefix, strlen(prefix)) != 0)
		return not_found(fault);
	digits = strspn(path + strlen(prefix), "0123456789.");
	path += strlen(prefix) + digits;
	if (digits == 0 || (*path != '\0' && *path != '/'))
		return not_found(fault);
	return fault_set(fault, 400, "invalidVers", "only SCIM 2.0 is spoken, at " ROUTE_BASE);
}

static int id_decode(const char *text, char ret[static ROUTE_ID_SIZE], struct fault *fault)
{
	_cleanup_free_ char *id = NULL;
	int r;

	r = query_decode(text, strlen(text), false, &id);
	if (r == -EINVAL)
		return fault_set(fault, 400, "invalidSyntax",
				 "the path holds a bad escape, a NUL, or what is not UTF-8");
	if (r < 0)
		return r;
	if (strlen(id) >= ROUTE_ID_SIZE)
		return fault_set(fault, 404, NULL, "nothing has an id of this length");
	strcpy(ret, id);
	return 0;
}

static int route_choose(const struct route *route, const char *method, const char *id,
			struct route_match *ret, struct fault *fault)
{
	struct route_match match = {};
	int verb = verb_find(method);
	int r;

	if (strcmp(method, "OPTIONS") == 0) {
		*ret = (struct route_match){ .action = ROUTE_OPTIONS };
		allow_fill(route, ret->allow);
		return 0;
	}
	if (verb < 0 || route->actions[verb] == ROUTE_NONE) {
		allow_fill(route, ret->allow);
		return fault_set(fault, 405, NULL, "this method is not for this endpoint, only %s",
				 ret->allow);
	}
	match.action = route->actions[verb];
	r = id_decode(id, match.id, fault);
	if (r < 0)
		return r;
	*ret = match;
	return 0;
}

int route_find(const char *method, const char *path, struct route_match *ret,
	       struct fault *fault)
{
	_cleanup_free_ char *relative = NULL;
	const char *rest = NULL;
	size_t len;
	int r;

	r = base_strip(path, &rest, fault);
	if (r < 0)
		return r;
	len = strlen(rest);
	relative = strndup(rest, len > 0 && rest[len - 1] == '/' ? len - 1 : len);
	if (!relative)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		const char *id = route_matches(&routes[i], relative);

		if (id)
			return route_choose(&routes[i], method, id, ret, fault);
	}
	return not_found(fault);
}
