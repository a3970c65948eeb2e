#include "scimd/service/read.h"

#include <string.h>

#include "scimd/service/media.h"
#include "scimd/service/render.h"

int read_respond(struct call *call, enum resource_type type, struct fault *fault)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	_cleanup_(store_resource_done) struct store_resource row = {};
	const char *if_none_match = call->request->if_none_match;
	const char *if_match = call->request->if_match;
	char tag[RENDER_TAG_SIZE];
	int r;

	r = store_begin(change_engine_store(call->engine), NULL, false, &txn);
	if (r >= 0)
		r = id_is_ours(call->route.id) ? store_resource_get(txn, call->route.id, &row)
					       : -ENOENT;
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT || row.type != type ||
	    strcmp(row.connection, call->connection->name) != 0)
		return fault_set(fault, 404, NULL, "there is no %s with id \"%s\"",
				 type == RESOURCE_USER ? "user" : "group", call->route.id);
	if (!if_match && !if_none_match)
		return render_respond(call, txn, 200, &row, fault);
	r = render_tag(txn, &row, tag);
	if (r < 0)
		return r;
	if (if_match && !media_etag_matches(if_match, tag))
		return fault_set(fault, 412, NULL,
				 "the resource is at version %s, not the one of If-Match", tag);
	if (if_none_match && media_etag_matches(if_none_match, tag)) {
		call->response->status = 304;
		return render_headers(call, txn, &row);
	}
	return render_respond(call, txn, 200, &row, fault);
}
