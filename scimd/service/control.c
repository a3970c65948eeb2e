/* The control API: what scimctl shows, for root and scimd's own account. */
#include "scimd/service/control.h"

#include <string.h>

#include "scimd/base/log.h"
#include "scimd/service/query.h"

#define MEDIA_TYPE "application/json"
#define TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

static const struct {
	const char *method, *path;
	bool name;  /* one more segment follows */
	bool reads; /* the store */
	control_handler run;
} routes[] = {
	{ "GET", "/v1/users", false, true, control_users },
	{ "GET", "/v1/users", true, true, control_user },
	{ "GET", "/v1/groups", false, true, control_groups },
	{ "GET", "/v1/groups", true, true, control_group },
	{ "GET", "/v1/events", false, true, control_events },
	{ "GET", "/v1/receipts", false, true, control_receipts },
	{ "GET", "/v1/receipts", true, true, control_receipt },
	{ "GET", "/v1/status", false, true, control_status },
	{ "GET", "/v1/connections", false, true, control_connections },
	{ "GET", "/v1/ids", false, true, control_ids },
	{ "POST", "/v1/ids", false, false, control_ids_import },
	{ "GET", "/metrics", false, true, control_metrics },
	{ "POST", "/v1/backup", false, false, control_backup },
	{ "POST", "/v1/backup/drop", false, false, control_backup_drop },
	{ "POST", "/v1/confirm", true, true, control_confirm },
	{ "POST", "/v1/confirm", false, true, control_confirm_all },
	{ "POST", "/v1/lock", true, true, control_lock },
	{ "POST", "/v1/unlock", true, true, control_unlock },
	{ "POST", "/v1/reload", false, false, control_reload },
};

/* The index of the route, with the name in control; -EPROTO with *fault; -ENOMEM. */
static int control_route(struct control *control, struct fault *fault)
{
	const struct request *request = control->request;
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		size_t len = strlen(routes[i].path);
		const char *rest = request->path + len;
		int r;

		if (strncmp(request->path, routes[i].path, len) != 0)
			continue;
		if (routes[i].name ? rest[0] != '/' || !rest[1] || strchr(rest + 1, '/') : *rest)
			continue;
		known = true;
		if (strcmp(request->method, routes[i].method) != 0)
			continue;
		r = routes[i].name ? query_decode(rest + 1, strlen(rest + 1), false, &control->name)
				   : 0;
		if (r == -EINVAL)
			return fault_set(fault, 400, NULL, "the name cannot be decoded");
		return r < 0 ? r : (int)i;
	}
	return known ? fault_set(fault, 405, NULL, "not with this method")
		     : fault_set(fault, 404, NULL, "there is no such endpoint");
}

static int control_run(struct control *control, struct fault *fault)
{
	uint32_t peer = control->request->peer_uid;
	int route, r;

	/* The socket's mode has let in root, scimd's own user and the group of those who may look. */
	if (peer == UINT32_MAX)
		return fault_set(fault, 403, NULL, "only over the control socket");
	if (peer != 0 && peer != (uint32_t)geteuid() && strcmp(control->request->method, "GET") != 0)
		return fault_set(fault, 403, NULL, "only root may do this");
	route = control_route(control, fault);
	if (route < 0)
		return route;
	if (routes[route].reads) {
		r = store_begin(change_engine_store(control->engine), NULL, false, &control->txn);
		if (r < 0)
			return r;
	}
	return routes[route].run(control, fault);
}

static void control_done(struct control *control)
{
	store_abortp(&control->txn); /* it has read only */
	free(control->name);
	free(control->text);
	json_putp(&control->answer);
	change_engine_conf_put(control->engine, control->conf);
}

void control_handle(struct service *service, const struct request *request,
		    struct response *response)
{
	_cleanup_(control_done) struct control control = {
		.engine = service->engine,
		.metrics = service->metrics,
		.webhook = service->webhook,
		.request = request,
		.conf = change_engine_conf(service->engine),
	};
	struct fault fault = {};
	bool is_text = false;
	int r = control_run(&control, &fault);

	response->status = 200;
	if (r >= 0) {
		response->body = control.text ? TAKE_PTR(control.text) : json_text(control.answer);
		r = response->body ? 0 : -ENOMEM;
		is_text = !control.answer;
	}
	if (r < 0) {
		if (r != -EPROTO || fault.status == 0) {
			log_error_errno(r, "%s: control request failed", request->id);
			fault_set(&fault, 500, NULL, "internal error, see the log for request %s",
				  request->id);
		}
		response->status = fault.status;
		response->body = fault_to_json(&fault);
	}
	response->body_size = response->body ? strlen(response->body) : 0;
	response->content_type = !response->body ? NULL : is_text ? TEXT_TYPE : MEDIA_TYPE;
}
