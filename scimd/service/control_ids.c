/* Ids: which number is whose, and numbers kept for names, so that a host with people on it can be
 * adopted without a chown. */
#include "scimd/service/control.h"

#include <string.h>

#include "scimd/base/log.h"
#include "shared/names.h"

static int id_append(struct control *control, enum resource_type type, const char *name,
		     uint32_t number, const char *state)
{
	struct json_object *object = json_object_new_object();
	int r = object ? control_put_text(object, "name", name) : -ENOMEM;

	if (r == 0)
		r = control_put_text(object, "type", type == RESOURCE_USER ? "user" : "group");
	if (r == 0)
		r = control_put_number(object, "number", number);
	if (r == 0)
		r = control_put_text(object, "state", state);
	if (r == 0)
		return control_append(control->answer, object);
	json_putp(&object);
	return r;
}

static int number_append(uint32_t number, enum resource_type type, bool retired, void *context)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	struct control *control = context;
	char key[16], id[RESOURCE_ID_SIZE];
	int r;

	if (retired)
		return id_append(control, type, NULL, number, "retired");
	(void)snprintf(key, sizeof(key), "%u", number);
	r = store_lookup(control->txn, STORE_BY_NUMBER, NULL, key, id);
	if (r == 0)
		r = store_resource_get(control->txn, id, &row);
	if (r == -ENOENT)
		return 0; /* kept for a name, which comes later, or scimd's own */
	if (r < 0)
		return r;
	return id_append(control, type, row.posix_name, number, "given");
}

static int import_append(enum resource_type type, const char *name, uint32_t number, void *context)
{
	return id_append(context, type, name, number, "kept");
}

int control_ids(struct control *control, struct fault *fault)
{
	int r;

	(void)fault;
	control->answer = json_object_new_array();
	if (!control->answer)
		return -ENOMEM;
	r = store_number_each(control->txn, number_append, control);
	return r < 0 ? r : store_import_each(control->txn, import_append, control);
}

static int import_fault(struct fault *fault, int r, const char *name, uint32_t number)
{
	if (r == -EEXIST)
		return fault_set(fault, 409, "uniqueness",
				 "%s %u: the number is or was somebody else's, or the name has or "
				 "is kept another one", name, number);
	if (r == -ERANGE)
		return fault_set(fault, 400, "invalidValue",
				 "%s %u: the number is outside of [identity] uid_range", name,
				 number);
	return r;
}

/* Who has the name already must be of the type and have the number. 1: has it. */
static int import_compare(struct change *change, enum resource_type type, const char *name,
			  uint32_t number)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	char id[RESOURCE_ID_SIZE];
	int r = store_lookup(change_txn(change), STORE_BY_POSIX_NAME, NULL, name, id);

	if (r == 0)
		r = store_resource_get(change_txn(change), id, &row);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return row.type == type && row.number == number ? 1 : -EEXIST;
}

static int import_one(struct change *change, struct json_object *item, struct fault *fault)
{
	const struct conf *conf = change_conf(change);
	const char *name = json_get_string(item, "name");
	const char *kind = json_get_string(item, "type");
	bool is_group = kind && strcmp(kind, "group") == 0;
	enum resource_type type = is_group ? RESOURCE_GROUP : RESOURCE_USER;
	int64_t number = json_object_get_int64(json_get(item, "number"));
	int r;

	if ((kind && !is_group && strcmp(kind, "user") != 0) || !name || number <= 0 || number >= UINT32_MAX || !name_is_valid(name, strlen(name)) ||
	    name_is_reserved(name, strlen(name)))
		return fault_set(fault, 400, "invalidValue",
				 "each item has a name that a person or group can have, and a number");
	r = import_compare(change, type, name, (uint32_t)number);
	if (r == 0)
		r = store_import_put(change_txn(change), type, name, conf->identity.uid_min,
				     conf->identity.uid_max, (uint32_t)number);
	return r < 0 ? import_fault(fault, r, name, (uint32_t)number) : 0;
}

static int import_run(struct change *change, void *context, struct fault *fault)
{
	struct json_object *list = context;
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_object_array_length(list); i++)
		r = import_one(change, json_object_array_get_idx(list, i), fault);
	return r;
}

int control_ids_import(struct control *control, struct fault *fault)
{
	_cleanup_(json_putp) struct json_object *list = NULL;
	const struct request *request = control->request;
	struct change_source source = {
		.request_id = request->id,
		.peer = request->peer,
		.request = "scimctl ids import",
		.received_us = request->received_us,
	};
	int r = json_parse(request->body ? request->body : "", request->body_size, &list, fault);

	if (r < 0)
		return r;
	if (!json_object_is_type(list, json_type_array))
		return fault_set(fault, 400, "invalidSyntax", "a list is wanted");
	r = change_run(control->engine, &source, import_run, list, fault);
	if (r < 0)
		return r;
	log_notice("%zu ids imported by uid %u", json_object_array_length(list), request->peer_uid);
	control->answer = json_object_new_object();
	return control->answer ? control_put_number(control->answer, "kept",
						    json_object_array_length(list))
			       : -ENOMEM;
}
