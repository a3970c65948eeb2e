#include "scimd/service/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scimd/base/clock.h"
#include "scimd/model/json.h"
#include "scimd/model/text.h"
#include "scimd/service/bounds.h"
#include "scimd/service/media.h"
#include "scimd/service/password.h"
#include "scimd/service/render.h"

/* A wrong attributes parameter must fail before the change, not after it. */
static int check_projection(const struct call *call, enum resource_type type, struct fault *fault)
{
	_cleanup_(json_putp) struct json_object *nothing = NULL;

	if (query_shows_all(&call->query))
		return 0;
	nothing = json_object_new_object();
	if (!nothing)
		return -ENOMEM;
	return resource_project(type, nothing, call->query.attributes, call->query.excluded,
				fault);
}

/* Hashing takes too long for the writer's thread, so the request is tried out on what is there now
 * to learn which password it sets. */
static int prepare_password(struct write *write, struct fault *fault)
{
	struct call *call = write->call;
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	_cleanup_(resource_edit_done) struct resource_edit edit = {};
	int r;

	if (!call->has_password || !call->conf->identity.passwords)
		return 0;
	r = store_begin(change_engine_store(call->engine), NULL, false, &txn);
	if (r >= 0)
		r = write_edit(write, txn, &edit, fault);
	if (r < 0 || !edit.password)
		return r;
	return password_hash_in_turn(&call->service->hashing, edit.password, &write->password,
				     fault);
}

static int not_found(const struct write *write, const char *id, struct fault *fault)
{
	return fault_set(fault, 404, NULL, "there is no %s with id \"%s\"",
			 write->type == RESOURCE_USER ? "user" : "group", id);
}

int write_prepare(struct write *write, struct call *call, enum resource_type type,
		  enum write_kind kind, struct fault *fault)
{
	int r;

	*write = (struct write){ .call = call, .type = type, .kind = kind };
	if (kind == WRITE_CREATE && call->given_id) {
		strcpy(write->id, call->given_id);
	} else if (kind == WRITE_CREATE) {
		r = id_make(&call->service->ids, clock_now_us(), write->id);
		if (r < 0)
			return r;
	} else if (!id_is_ours(call->route.id)) {
		return not_found(write, call->route.id, fault);
	} else {
		strcpy(write->id, call->route.id);
	}
	r = check_projection(call, type, fault);
	if (r < 0 || kind == WRITE_DELETE || type != RESOURCE_USER)
		return r;
	return prepare_password(write, fault);
}

void write_done(struct write *write)
{
	password_wipep(&write->password);
	store_resource_done(&write->row);
}

int write_load(struct write *write, struct store_txn *txn, struct fault *fault)
{
	const struct call *call = write->call;
	const char *if_match = call->request->if_match;
	const char *if_none_match = call->request->if_none_match;
	char tag[RENDER_TAG_SIZE];
	int r;

	store_resource_done(&write->row);
	write->row = (struct store_resource){};
	r = store_resource_get(txn, write->id, &write->row);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT || write->row.type != write->type ||
	    strcmp(write->row.connection, call->connection->name) != 0)
		return not_found(write, write->id, fault);
	strcpy(write->call->subject, write->row.posix_name);
	if (!if_match && !if_none_match)
		return 0;
	r = render_tag(txn, &write->row, tag);
	if (r < 0)
		return r;
	if (if_match && !media_etag_matches(if_match, tag))
		return fault_set(fault, 412, NULL,
				 "the resource is at version %s, not the one of If-Match", tag);
	if (if_none_match && media_etag_matches(if_none_match, tag))
		return fault_set(fault, 412, NULL,
				 "the resource is at version %s, which If-None-Match rules out",
				 tag);
	return 0;
}

/* A new row, all but what the body says. */
static void write_begin(struct write *write)
{
	store_resource_done(&write->row);
	write->row = (struct store_resource){ .type = write->type };
	strcpy(write->row.id, write->id);
	snprintf(write->row.connection, sizeof(write->row.connection), "%s",
		 write->call->connection->name);
	write->row.created_us = clock_now_us();
}

static enum patch_dialect dialect_of(const struct conf_connection *connection)
{
	switch (connection->dialect) {
	case CONF_DIALECT_RFC:
	case CONF_DIALECT_OKTA:
		return PATCH_RFC;
	case CONF_DIALECT_ENTRA:
		return PATCH_ENTRA;
	default:
		return PATCH_AUTO;
	}
}

static struct resource_rules rules_of(const struct conf_connection *connection)
{
	return (struct resource_rules){
		.dialect = dialect_of(connection),
		.keeps_unknown = connection->unknown_schemas == CONF_UNKNOWN_KEEP,
		.checks_schemas = connection->dialect == CONF_DIALECT_RFC,
	};
}

static int edit_existing(struct write *write, struct resource_edit *ret, struct fault *fault)
{
	_cleanup_(json_putp) struct json_object *current = NULL;
	const struct resource_rules rules = rules_of(write->call->connection);
	const char *json = write->row.json;
	struct fault ours = {};
	int r;

	r = json_parse(json, strlen(json), &current, &ours);
	if (r < 0)
		return r == -EPROTO ? -EIO : r;
	if (write->kind == WRITE_REPLACE)
		return resource_replace(write->type, &rules, current, write->call->body, ret,
					fault);
	return resource_patch(write->type, &rules, current, write->call->body, ret, fault);
}

int write_edit(struct write *write, struct store_txn *txn, struct resource_edit *ret,
	       struct fault *fault)
{
	const struct resource_rules rules = rules_of(write->call->connection);
	int r;

	if (write->kind == WRITE_CREATE) {
		write_begin(write);
		r = resource_create(write->type, &rules, write->call->body, ret, fault);
	} else {
		r = write_load(write, txn, fault);
		if (r >= 0)
			r = edit_existing(write, ret, fault);
	}
	return r < 0 ? r : bounds_check_members(write->call->conf, ret->member_count, fault);
}

bool write_changes(const struct write *write, const struct resource_edit *edit)
{
	return write->kind == WRITE_CREATE || edit->changed || (edit->password && write->password);
}

static int text_replace(char **slot, char *text)
{
	if (!text)
		return -ENOMEM;
	free(*slot);
	*slot = text;
	return 0;
}

static int fill_password(struct write *write, const struct resource_edit *edit)
{
	char *copy;

	if (!edit->password || !write->password)
		return 0;
	copy = strdup(write->password); /* the change may have to run again */
	if (!copy)
		return -ENOMEM;
	password_wipep(&write->row.password);
	write->row.password = copy;
	return 0;
}

static int put_emails(struct text *out, struct json_object *emails)
{
	size_t count = json_object_is_type(emails, json_type_array)
			       ? json_object_array_length(emails)
			       : 0;

	for (size_t i = 0; i < count; i++) {
		const char *value =
			json_get_string(json_object_array_get_idx(emails, i), "value");
		_cleanup_free_ char *folded = value ? json_fold(value) : NULL;

		if (value && !folded)
			return -ENOMEM;
		if (!folded || !*folded || strchr(folded, '\n'))
			continue;
		text_put(out, folded);
		text_add(out, "\n", 1);
	}
	return 0;
}

/* The addresses as the store's index wants them, and among them the values of attributes that the
 * configuration's schemas want to be unique. */
static int fill_emails(struct store_resource *row, struct json_object *resource)
{
	_cleanup_(text_done) struct text list = { .data = NULL };
	_cleanup_free_ char *unique = NULL;
	int r;

	free(row->emails);
	row->emails = NULL;
	r = resource_unique_values(row->type, resource, &unique);
	if (r >= 0 && row->type == RESOURCE_USER)
		r = put_emails(&list, json_get(resource, "emails"));
	if (r < 0)
		return r;
	text_put(&list, unique);
	if (list.size == 0 && !list.failed)
		return 0;
	row->emails = text_take(&list);
	return row->emails ? 0 : -ENOMEM;
}

/* One value that no other resource may have, and whose it is. */
struct claim {
	const struct write *write;
	const char *line;
	struct fault *fault;
};

static bool has_line(const char *lines, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = lines; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		if (strcspn(at, "\n") == len && strncmp(at, line, len) == 0)
			return true;
	}
	return false;
}

/* An index entry of another resource: an address may look like a value, so the resource is asked. */
static int claim_check(const struct store_resource *row, void *context)
{
	const struct claim *claim = context;
	_cleanup_(json_putp) struct json_object *resource = NULL;
	_cleanup_free_ char *lines = NULL;
	struct fault ours = {};
	int r;

	if (strcmp(row->id, claim->write->id) == 0)
		return 0;
	r = json_parse(row->json, strlen(row->json), &resource, &ours);
	if (r >= 0)
		r = resource_unique_values(row->type, resource, &lines);
	if (r < 0)
		return r == -EPROTO ? -EIO : r;
	if (!has_line(lines, claim->line))
		return 0;
	return fault_set(claim->fault, 409, "uniqueness", "%.*s is taken by another %s",
			 (int)strcspn(claim->line, "="), claim->line,
			 row->type == RESOURCE_USER ? "user" : "group");
}

int write_check_unique(const struct write *write, struct store_txn *txn,
		       const struct resource_edit *edit, struct fault *fault)
{
	_cleanup_free_ char *lines = NULL;
	struct claim claim = { .write = write, .fault = fault };
	int r;

	r = resource_unique_values(write->type, edit->resource, &lines);
	for (char *line = lines, *end; r == 0 && line && *line; line = end + 1) {
		end = strchr(line, '\n');
		*end = '\0';
		claim.line = line;
		r = store_email_each(txn, write->row.connection, line, claim_check, &claim);
	}
	return r < 0 ? r : 0;
}

int write_fill(struct write *write, const struct resource_edit *edit)
{
	struct store_resource *row = &write->row;
	struct json_object *resource = edit->resource;
	const char *name = json_get_string(
		resource, write->type == RESOURCE_USER ? "userName" : "displayName");
	const char *external_id = json_get_string(resource, "externalId");
	int r;

	if (!name)
		return -EINVAL; /* the model refuses a resource without it */
	r = text_replace(&row->folded_name, json_fold(name));
	if (r >= 0)
		r = text_replace(&row->title, strdup(name));
	if (r >= 0)
		r = fill_emails(row, resource);
	if (r >= 0)
		r = text_replace(&row->json, json_text(resource));
	if (r >= 0 && external_id)
		r = text_replace(&row->external_id, strdup(external_id));
	if (r < 0)
		return r;
	if (!external_id) {
		free(row->external_id);
		row->external_id = NULL;
	}
	r = fill_password(write, edit);
	if (r >= 0)
		write_touch(write);
	return r;
}

void write_touch(struct write *write)
{
	struct store_resource *row = &write->row;
	uint64_t now_us = clock_now_us();

	row->version++;
	if (row->version == 1)
		row->modified_us = row->created_us;
	else
		row->modified_us = now_us > row->modified_us ? now_us : row->modified_us;
}

int write_run(struct write *write, change_fn fn, struct fault *fault)
{
	return change_run(write->call->engine, &write->call->source, fn, write, fault);
}

int write_respond(struct write *write, struct fault *fault)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	int r = 0;

	if (!write->is_alone)
		r = store_begin(change_engine_store(write->call->engine), NULL, false, &txn);
	if (r < 0)
		return r;
	return render_respond(write->call, txn, write->kind == WRITE_CREATE ? 201 : 200,
			      &write->row, fault);
}

const struct write_operation *write_operation_find(enum route_action action)
{
	static const struct write_operation operations[ROUTE_ACTIONS] = {
		[ROUTE_USER_CREATE] = { RESOURCE_USER, WRITE_CREATE, user_change, 201 },
		[ROUTE_USER_REPLACE] = { RESOURCE_USER, WRITE_REPLACE, user_change, 200 },
		[ROUTE_USER_PATCH] = { RESOURCE_USER, WRITE_PATCH, user_change, 200 },
		[ROUTE_USER_DELETE] = { RESOURCE_USER, WRITE_DELETE, user_remove, 204 },
		[ROUTE_GROUP_CREATE] = { RESOURCE_GROUP, WRITE_CREATE, group_change, 201 },
		[ROUTE_GROUP_REPLACE] = { RESOURCE_GROUP, WRITE_REPLACE, group_change, 200 },
		[ROUTE_GROUP_PATCH] = { RESOURCE_GROUP, WRITE_PATCH, group_change, 204 },
		[ROUTE_GROUP_DELETE] = { RESOURCE_GROUP, WRITE_DELETE, group_remove, 204 },
	};

	return operations[action].fn ? &operations[action] : NULL;
}
