/* Queries over all types, and those whose parameters are in the body (RFC 7644 sections 3.4.2.1 and
 * 3.4.3), which keeps them out of logs of URLs. */
#include "scimd/service/call.h"
#include "scimd/service/list.h"

static int search(struct call *call, unsigned int types, struct fault *fault)
{
	struct query query;
	int r;

	r = query_read(call->body, &query, fault);
	if (r < 0)
		return r;
	query_done(&call->query);
	call->query = query;
	return list_respond(call, types, fault);
}

int root_list(struct call *call, struct fault *fault)
{
	return list_respond(call, LIST_USERS | LIST_GROUPS, fault);
}

int root_search(struct call *call, struct fault *fault)
{
	return search(call, LIST_USERS | LIST_GROUPS, fault);
}

int user_search(struct call *call, struct fault *fault)
{
	return search(call, LIST_USERS, fault);
}

int group_search(struct call *call, struct fault *fault)
{
	return search(call, LIST_GROUPS, fault);
}
