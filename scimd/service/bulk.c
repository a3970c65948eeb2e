#include "scimd/service/bulk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "scimd/base/clock.h"
#include "scimd/model/json.h"
#include "scimd/service/payload.h"
#include "scimd/service/render.h"

static int member_add(struct json_object *object, const char *name, struct json_object *value)
{
	if (value && json_object_object_add(object, name, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

static int text_add(struct json_object *object, const char *name, const char *text)
{
	return text ? member_add(object, name, json_object_new_string(text)) : 0;
}

/* --- reading ---------------------------------------------------------------------------------- */

static void operation_read(struct json_object *json, struct bulk_operation *ret)
{
	*ret = (struct bulk_operation){
		.json = json,
		.method = json_get_string(json, "method"),
		.path = json_get_string(json, "path"),
		.bulk_id = json_get_string(json, "bulkId"),
		.version = json_get_string(json, "version"),
		.data = json_get(json, "data"),
	};
}

static bool is_post(const struct bulk_operation *operation)
{
	return operation->method && strcasecmp(operation->method, "POST") == 0;
}

static bool bulk_id_is_taken(const struct bulk *bulk, const struct bulk_operation *operation)
{
	for (const struct bulk_operation *o = bulk->operations; o < operation; o++)
		if (o->id[0] && strcmp(o->bulk_id, operation->bulk_id) == 0)
			return true;
	return false;
}

/* Give an id to what will be made. Without one nobody can refer to it. */
static int operation_name(struct bulk *bulk, struct bulk_operation *operation)
{
	if (!is_post(operation) || !operation->bulk_id || !*operation->bulk_id ||
	    bulk_id_is_taken(bulk, operation))
		return 0;
	return id_make(&bulk->call->service->ids, clock_now_us(), operation->id);
}

static int operations_read(struct bulk *bulk, struct json_object *list)
{
	int r = 0;

	bulk->operations = calloc(json_object_array_length(list), sizeof(*bulk->operations));
	if (!bulk->operations)
		return -ENOMEM;
	bulk->count = json_object_array_length(list);
	for (size_t i = 0; r >= 0 && i < bulk->count; i++) {
		operation_read(json_object_array_get_idx(list, i), &bulk->operations[i]);
		r = operation_name(bulk, &bulk->operations[i]);
	}
	for (size_t i = 0; r >= 0 && i < bulk->count; i++)
		r = bulk_find_references(bulk, &bulk->operations[i]);
	return r;
}

static int bulk_read(struct bulk *bulk, struct fault *fault)
{
	static const char *const names[] = { "schemas", "failOnErrors", "Operations", NULL };
	struct json_object *body = bulk->call->body;
	struct json_object *list = json_get(body, "Operations");
	struct json_object *errors = json_get(body, "failOnErrors");
	int64_t errors_max = json_object_get_int64(errors);
	int r;

	if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0)
		return fault_set(fault, 400, "invalidSyntax",
				 "Operations must be a list of at least one operation");
	if (json_object_array_length(list) > BULK_OPERATIONS_MAX)
		return fault_set(fault, 413, NULL, "more than %u operations (maxOperations)",
				 BULK_OPERATIONS_MAX);
	if (errors && (!json_object_is_type(errors, json_type_int) || errors_max < 0))
		return fault_set(fault, 400, "invalidValue",
				 "failOnErrors must be a number of errors");
	if (errors)
		bulk->errors_max = errors_max > 0 ? (size_t)errors_max : 1;
	r = resource_check_names(RESOURCE_USER, body, names, fault);
	return r < 0 ? r : operations_read(bulk, list);
}

/* --- performing ------------------------------------------------------------------------------- */

/* Of what comes twice nobody can tell which counts. */
static int members_check(struct json_object *json, struct fault *fault)
{
	static const char *const names[] = { "method", "path", "bulkId", "version", "data", NULL };
	struct json_object *version = json_get(json, "version");

	if (version && !json_object_is_type(version, json_type_string))
		return fault_set(fault, 400, "invalidSyntax", "version must be a string");
	return resource_check_names(RESOURCE_USER, json, names, fault);
}

static int operation_check(const struct bulk_operation *operation, struct fault *fault)
{
	static const char *const methods[] = { "POST", "PUT", "PATCH", "DELETE" };
	size_t i = 0;

	if (!operation->method || !operation->path)
		return fault_set(fault, 400, "invalidSyntax",
				 "an operation is an object with a method and a path");
	while (i < ARRAY_SIZE(methods) && strcasecmp(operation->method, methods[i]) != 0)
		i++;
	if (i == ARRAY_SIZE(methods))
		return fault_set(fault, 400, "invalidSyntax",
				 "the method must be POST, PUT, PATCH or DELETE");
	if (is_post(operation) && (!operation->bulk_id || !*operation->bulk_id))
		return fault_set(fault, 400, "invalidSyntax", "a POST needs a bulkId");
	if (is_post(operation) && !operation->id[0])
		return fault_set(fault, 400, "invalidSyntax",
				 "another operation has this bulkId already");
	if (operation->path[0] != '/' || operation->path[1] == '/' || strchr(operation->path, '?'))
		return fault_set(fault, 400, "invalidSyntax",
				 "the path must be relative to the base URL: /Users or /Groups, "
				 "and an id but for POST");
	return operation->json ? members_check(operation->json, fault) : 0; /* NULL: ours */
}

static const char *header_find(const struct response *response, const char *name)
{
	for (size_t i = 0; i < response->header_count; i++)
		if (strcmp(response->headers[i].name, name) == 0)
			return response->headers[i].value;
	return NULL;
}

/* Keep what the result says of a success. */
static int outcome_keep(const struct bulk *bulk, struct bulk_operation *operation,
			const char *path, const struct response *response)
{
	const char *etag = header_find(response, "ETag");
	const char *location = header_find(response, "Location");

	operation->status = response->status;
	if (etag) {
		operation->etag = strdup(etag);
		if (!operation->etag)
			return -ENOMEM;
	}
	if (asprintf(&operation->location, "%s%s", location ? location : bulk->call->base_url,
		     location ? "" : path) < 0) {
		operation->location = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int error_keep(struct bulk_operation *operation, const struct fault *fault)
{
	_cleanup_free_ char *text = fault_to_json(fault);
	struct fault ours = {};

	if (!text)
		return -ENOMEM;
	operation->status = fault->status;
	return json_parse(text, strlen(text), &operation->error, &ours);
}

static void work_freep(struct bulk_work **work_ptr)
{
	struct bulk_work *work = TAKE_PTR(*work_ptr);

	if (!work)
		return;
	write_done(&work->write);
	call_nested_done(&work->call);
	response_done(&work->response);
	free(work->method);
	free(work->path);
	free(work->full_path);
	free(work);
}

static int request_fill(struct bulk_work *work)
{
	const struct bulk_operation *operation = work->operation;

	work->method = strdup(operation->method);
	if (!work->method || asprintf(&work->full_path, "%s%s", ROUTE_BASE, work->path) < 0) {
		work->full_path = NULL;
		return -ENOMEM;
	}
	for (char *c = work->method; *c; c++)
		*c &= ~0x20; /* ASCII letters: known to be one of four words */
	work->request = *work->bulk->call->request;
	work->request.method = work->method;
	work->request.path = work->full_path;
	work->request.query = NULL;
	work->request.if_match = operation->version;
	work->request.if_none_match = NULL;
	return 0;
}

/* Everything that can be done before the writer's turn. */
static int work_prepare(struct bulk_work *work)
{
	struct bulk_operation *operation = work->operation;
	const struct write_operation *how;
	int r;

	r = operation_check(operation, &work->fault);
	if (r >= 0)
		r = bulk_resolve(work->bulk, operation, &work->path, &work->fault);
	if (r >= 0)
		r = request_fill(work);
	if (r >= 0)
		r = call_nested_begin(work->bulk->call, &work->request, operation->data,
				      operation->id[0] ? operation->id : NULL, &work->response,
				      &work->call, &work->fault);
	if (r < 0)
		return r;
	how = write_operation_find(work->call.route.action);
	r = write_prepare(&work->write, &work->call, how->type, how->kind, &work->fault);
	if (r >= 0)
		work->how = how;
	return r;
}

/* -ENOMEM; whatever else is wrong is the operation's own failure. */
static int work_begin(struct bulk *bulk, struct bulk_operation *operation)
{
	struct bulk_work *work = operation->work = calloc(1, sizeof(*work));
	int r;

	if (!work)
		return -ENOMEM;
	work->bulk = bulk;
	work->operation = operation;
	r = work_prepare(work);
	if (r < 0 && r != -EPROTO && work->call.request)
		call_nested_failed(&work->call, r, &work->fault);
	return r < 0 && work->fault.status == 0 ? r : 0;
}

/* As many as failOnErrors allows have failed before this one. */
static bool is_too_late(const struct bulk_work *work)
{
	const struct bulk *bulk = work->bulk;
	size_t errors = bulk->errors;

	for (const struct change_item *item = bulk->items; item < work->item; item++)
		errors += item->result < 0;
	return bulk->errors_max > 0 && errors >= bulk->errors_max;
}

/* What it names was to be made just before, and was not. */
static int references_check(const struct bulk_work *work, struct fault *fault)
{
	const struct bulk_operation *operation = work->operation;

	for (size_t i = 0; i < operation->reference_count; i++) {
		const struct bulk_operation *other =
			&work->bulk->operations[operation->references[i]];

		if (other->work && other->work->item && other->work->item < work->item &&
		    other->work->item->result < 0)
			return fault_set(fault, 409, NULL,
					 "the operation with bulkId \"%.100s\" failed, and this "
					 "one needs it",
					 other->bulk_id);
	}
	return 0;
}

/* On the writer's thread; those before it have their results. */
static int work_change(struct change *change, void *context, struct fault *fault)
{
	struct bulk_work *work = context;
	int r;

	work->skipped = is_too_late(work);
	if (work->skipped)
		return fault_set(fault, 409, NULL, "not performed");
	if (!work->how) {
		*fault = work->fault;
		return -EPROTO;
	}
	r = references_check(work, fault);
	return r < 0 ? r : work->how->fn(change, &work->write, fault);
}

static int work_failed(struct bulk_work *work)
{
	struct bulk_operation *operation = work->operation;
	const char *path = work->path;
	int r;

	if (work->call.request)
		call_nested_failed(&work->call, -EPROTO, &work->fault);
	work->bulk->errors++;
	r = error_keep(operation, &work->fault);
	if (r >= 0 && path && !is_post(operation) &&
	    asprintf(&operation->location, "%s%s", work->bulk->call->base_url, path) < 0) {
		operation->location = NULL;
		r = -ENOMEM;
	}
	return r;
}

/* One operation by itself; its failure is its result. */
static int work_finish(struct bulk_work *work, struct store_txn *txn)
{
	struct bulk_operation *operation = work->operation;
	int r = 0;

	if (work->skipped)
		return 0;
	operation->state = BULK_DONE;
	if (work->item->result < 0) {
		work->fault = work->item->fault;
		return work_failed(work);
	}
	work->response.status = work->how->status;
	if (work->how->kind != WRITE_DELETE)
		r = render_headers(&work->call, txn, &work->write.row);
	return r < 0 ? r : outcome_keep(work->bulk, operation, work->path, &work->response);
}

/* Perform what has been begun: each is atomic, all are waited for together. */
static int works_run(struct bulk *bulk)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	int r = change_run_many(bulk->call->engine, bulk->items, bulk->item_count);

	if (r >= 0)
		r = store_begin(change_engine_store(bulk->call->engine), NULL, false, &txn);
	for (size_t i = 0; i < bulk->item_count; i++) {
		struct bulk_work *work = bulk->items[i].context;

		if (r >= 0)
			r = work_finish(work, txn);
	}
	for (size_t i = 0; i < bulk->item_count; i++) {
		struct bulk_work *work = bulk->items[i].context;

		work_freep(&work->operation->work);
	}
	bulk->item_count = 0;
	return r;
}

/* A password is hashed before the writer's turn, and who gets it must be there by then. */
static bool needs_others_done(const struct bulk_operation *operation)
{
	return !is_post(operation) && payload_has_password(operation->data);
}

static bool is_stopped(const struct bulk *bulk)
{
	return bulk->errors_max > 0 && bulk->errors >= bulk->errors_max;
}

static int works_settle(struct bulk *bulk);

static int operation_perform(struct bulk *bulk, struct bulk_operation *operation)
{
	struct change_item *item;
	int r = 0;

	if (bulk->item_count > 0 && needs_others_done(operation))
		r = works_settle(bulk);
	if (r < 0 || is_stopped(bulk))
		return r;
	r = work_begin(bulk, operation);
	if (r < 0)
		return r;
	item = &bulk->items[bulk->item_count++];
	*item = (struct change_item){ .source = &operation->work->call.source,
				      .fn = work_change,
				      .context = operation->work };
	operation->work->item = item;
	return 0;
}

/* Delete what was made before. 1: it is gone. */
static int resource_undo(struct bulk *bulk, const char *path)
{
	struct bulk_operation deletion = { .method = "DELETE", .path = path };
	const size_t errors = bulk->errors, errors_max = bulk->errors_max;
	int r;

	bulk->errors_max = 0; /* this is done however many have failed */
	r = operation_perform(bulk, &deletion);
	if (r >= 0)
		r = works_run(bulk);
	bulk->errors = errors;
	bulk->errors_max = errors_max;
	if (r >= 0)
		r = deletion.error == NULL;
	free(deletion.location);
	free(deletion.etag);
	json_putp(&deletion.error);
	return r;
}

static bool refers_to(const struct bulk_operation *operation, size_t other)
{
	for (size_t i = 0; i < operation->reference_count; i++)
		if (operation->references[i] == other)
			return true;
	return false;
}

/* Take back a resource that was made in a circle and refers to one which then failed: the id in it
 * would be nobody's. */
static int operation_undo(struct bulk *bulk, struct bulk_operation *operation,
			  const struct bulk_operation *failed)
{
	_cleanup_free_ char *path = NULL;
	size_t len = strlen(operation->path);
	struct fault why = {};
	int r;

	len -= operation->path[len - 1] == '/';
	if (asprintf(&path, "%.*s/%s", (int)len, operation->path, operation->id) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	r = resource_undo(bulk, path);
	if (r <= 0)
		return r; /* 0: it stays, and its result still says that it is there */
	free(operation->location);
	free(operation->etag);
	operation->location = operation->etag = NULL;
	fault_set(&why, 409, NULL,
		  "the operation with bulkId \"%.100s\" failed, and this one needs it",
		  failed->bulk_id);
	bulk->errors++;
	return error_keep(operation, &why);
}

/* Whatever was made trusting in one that failed, and what was made trusting in that. */
static int circle_undo(struct bulk *bulk, const struct bulk_operation *failed)
{
	const size_t index = (size_t)(failed - bulk->operations);
	int r = 0;

	for (size_t i = 0; r >= 0 && failed->id[0] && i < bulk->count; i++) {
		struct bulk_operation *operation = &bulk->operations[i];

		if (operation->state != BULK_DONE || operation->error || !operation->id[0] ||
		    !refers_to(operation, index))
			continue;
		r = operation_undo(bulk, operation, failed);
		if (r >= 0 && operation->error)
			r = circle_undo(bulk, operation);
	}
	return r;
}

/* Perform what has been begun, and take back what trusted in those that failed. */
static int works_settle(struct bulk *bulk)
{
	const size_t count = bulk->item_count;
	_cleanup_free_ const struct bulk_operation **performed =
		calloc(count + 1, sizeof(*performed));
	int r;

	if (!performed)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		performed[i] = ((const struct bulk_work *)bulk->items[i].context)->operation;
	r = works_run(bulk);
	for (size_t i = 0; r >= 0 && i < count; i++)
		if (performed[i]->error)
			r = circle_undo(bulk, performed[i]);
	return r;
}

/* An operation after those that it names, which may name others in turn. Whom a circle leads back
 * to is taken as made. */
static size_t operation_order(struct bulk *bulk, size_t first, size_t *stack, size_t placed)
{
	size_t depth = 0;

	stack[depth++] = first;
	bulk->operations[first].state = BULK_ORDERED;
	while (depth > 0) {
		struct bulk_operation *operation = &bulk->operations[stack[depth - 1]];
		size_t other;

		if (operation->next_reference == operation->reference_count) {
			bulk->order[placed++] = stack[--depth];
			continue;
		}
		other = operation->references[operation->next_reference++];
		if (bulk->operations[other].state == BULK_WAITING) {
			bulk->operations[other].state = BULK_ORDERED;
			stack[depth++] = other;
		}
	}
	return placed;
}

static int bulk_perform(struct bulk *bulk)
{
	_cleanup_free_ size_t *stack = calloc(bulk->count, sizeof(*stack));
	size_t placed = 0;
	int r = 0;

	bulk->order = calloc(bulk->count, sizeof(*bulk->order));
	bulk->items = calloc(bulk->count, sizeof(*bulk->items));
	if (!stack || !bulk->order || !bulk->items)
		return -ENOMEM;
	for (size_t i = 0; i < bulk->count; i++)
		if (bulk->operations[i].state == BULK_WAITING)
			placed = operation_order(bulk, i, stack, placed);
	for (size_t i = 0; r >= 0 && i < placed && !is_stopped(bulk); i++)
		r = operation_perform(bulk, &bulk->operations[bulk->order[i]]);
	return r < 0 ? r : works_settle(bulk);
}

/* --- answering -------------------------------------------------------------------------------- */

static int result_fill(struct json_object *result, const struct bulk_operation *operation)
{
	char status[16];
	int r;

	snprintf(status, sizeof(status), "%d", operation->status);
	r = text_add(result, "location", operation->location);
	if (r >= 0)
		r = text_add(result, "method", operation->method);
	if (r >= 0)
		r = text_add(result, "bulkId", operation->bulk_id);
	if (r >= 0)
		r = text_add(result, "version", operation->etag);
	if (r >= 0)
		r = text_add(result, "status", status);
	if (r >= 0 && operation->error)
		r = member_add(result, "response", json_object_get(operation->error));
	return r;
}

static int results_fill(struct json_object *results, const struct bulk *bulk)
{
	for (size_t i = 0; i < bulk->count; i++) {
		_cleanup_(json_putp) struct json_object *result = NULL;

		if (bulk->operations[i].state != BULK_DONE)
			continue;
		result = json_object_new_object();
		if (!result || result_fill(result, &bulk->operations[i]) < 0 ||
		    json_object_array_add(results, json_object_get(result)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int bulk_answer(struct bulk *bulk)
{
	_cleanup_(json_putp) struct json_object *answer = json_object_new_object();
	_cleanup_(json_putp) struct json_object *urns = json_object_new_array();
	_cleanup_(json_putp) struct json_object *results = json_object_new_array();

	if (!answer || !urns || !results ||
	    json_object_array_add(urns, json_object_new_string(URN_BULK_RESPONSE)) < 0 ||
	    results_fill(results, bulk) < 0 ||
	    member_add(answer, "schemas", json_object_get(urns)) < 0 ||
	    member_add(answer, "Operations", json_object_get(results)) < 0)
		return -ENOMEM;
	return call_respond(bulk->call, 200, answer);
}

void bulk_done(struct bulk *bulk)
{
	for (size_t i = 0; i < bulk->count; i++) {
		free(bulk->operations[i].references);
		free(bulk->operations[i].location);
		free(bulk->operations[i].etag);
		json_putp(&bulk->operations[i].error);
		work_freep(&bulk->operations[i].work);
	}
	free(bulk->operations);
	free(bulk->order);
	free(bulk->items);
	*bulk = (struct bulk){};
}

int bulk_write(struct call *call, struct fault *fault)
{
	_cleanup_(bulk_done) struct bulk bulk = { .call = call };
	int r;

	r = bulk_read(&bulk, fault);
	if (r >= 0)
		r = bulk_perform(&bulk);
	return r < 0 ? r : bulk_answer(&bulk);
}
