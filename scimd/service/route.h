/* route.h - from method and path to what is to be done. Layer: service, but it needs the model
 * alone. Threads: any; constant. */
#ifndef SCIMD_SERVICE_ROUTE_H
#define SCIMD_SERVICE_ROUTE_H

#include "scimd/model/fault.h"
#include "shared/attrs.h"

#define ROUTE_BASE "/scim/v2"
#define ROUTE_ID_SIZE 257 /* longer ids and schema URNs exist nowhere: 404 */

enum route_action {
	ROUTE_NONE,
	ROUTE_USER_LIST,
	ROUTE_USER_SEARCH,
	ROUTE_USER_CREATE,
	ROUTE_USER_READ,
	ROUTE_USER_REPLACE,
	ROUTE_USER_PATCH,
	ROUTE_USER_DELETE,
	ROUTE_GROUP_LIST,
	ROUTE_GROUP_SEARCH,
	ROUTE_GROUP_CREATE,
	ROUTE_GROUP_READ,
	ROUTE_GROUP_REPLACE,
	ROUTE_GROUP_PATCH,
	ROUTE_GROUP_DELETE,
	ROUTE_ROOT_LIST, /* over all types */
	ROUTE_ROOT_SEARCH,
	ROUTE_BULK,
	ROUTE_OPTIONS, /* of any endpoint: allow is set */
	ROUTE_PROVIDER_CONFIG,
	ROUTE_RESOURCE_TYPES, /* all of them without an id, else one */
	ROUTE_SCHEMAS,        /* the same */
	ROUTE_UNSUPPORTED,    /* a part of SCIM that is not offered: 501 */
	ROUTE_ACTIONS,        /* their number */
};

#define ROUTE_ALLOW_SIZE 64

struct route_match {
	enum route_action action;
	char id[ROUTE_ID_SIZE];       /* decoded last segment, or "" */
	char allow[ROUTE_ALLOW_SIZE]; /* for the Allow header: "GET, HEAD, POST, OPTIONS" */
};

/* Find the action. path is raw, still percent-encoded, without query; a slash at its end is
 * ignored, and so is a second one right behind the base ("/scim/v2//Users"): clients put a base that
 * ends in a slash before a path that begins with one. HEAD is GET (the HTTP layer leaves the body out). Returns 0; or -EPROTO with *fault:
 * 404 for an unknown path, 405 for a known one (then ret->allow is set), 400 for a path that
 * cannot be decoded or another protocol version; or -ENOMEM. */
_must_use_ int route_find(const char *method, const char *path, struct route_match *ret,
			  struct fault *fault);

#endif
