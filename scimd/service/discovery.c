#include "scimd/service/call.h"

#include "scimd/model/json.h"
#include "scimd/model/schema.h"
#include "scimd/service/bounds.h"
#include "scimd/service/bulk.h"
#include "scimd/service/cursor.h"
#include "scimd/service/list.h"

/* RFC 7644 section 4: on a list a filter is refused, so that nobody believes that it was applied;
 * sorting and paging are ignored, and so is a filter where there is one object anyway. */
static int refuse_filter(const struct call *call, struct fault *fault)
{
	if (!call->query.filter)
		return 0;
	return fault_set(fault, 403, NULL, "discovery takes no filter");
}

static int respond_document(struct call *call, struct json_object *document, int error,
			    struct fault *fault)
{
	if (document)
		return call_respond(call, 200, document);
	if (error == ENOENT)
		return fault_set(fault, 404, NULL, "there is no \"%s\" here", call->route.id);
	return -ENOMEM;
}

int discovery_provider_config(struct call *call, struct fault *fault)
{
	const struct schema_limits limits = {
		.page_default = bounds_of(call->conf->limits.results, LIST_COUNT_DEFAULT),
		.page_max = bounds_of(call->conf->limits.results, LIST_COUNT_MAX),
		.cursor_timeout_s = CURSOR_TIMEOUT_S,
		.bulk_operations = bounds_of(call->conf->limits.operations, BULK_OPERATIONS_MAX),
		.bulk_bytes = call->conf->server.max_body,
		.change_password = call->conf->identity.passwords,
	};
	_cleanup_(json_putp) struct json_object *document = NULL;

	document = schema_provider_config(call->base_url, &limits);
	return respond_document(call, document, ENOMEM, fault);
}

/* All documents of a kind, or the one that the path names. */
static int discover(struct call *call,
		    struct json_object *(*find)(const char *base_url, const char *name),
		    struct fault *fault)
{
	_cleanup_(json_putp) struct json_object *document = NULL;
	int r;

	r = refuse_filter(call, fault);
	if (r < 0)
		return r;
	errno = 0;
	document = find(call->base_url, call->route.id[0] ? call->route.id : NULL);
	return respond_document(call, document, errno, fault);
}

int discovery_resource_types(struct call *call, struct fault *fault)
{
	return discover(call, schema_resource_types, fault);
}

int discovery_schemas(struct call *call, struct fault *fault)
{
	return discover(call, schema_documents, fault);
}
