#include "scimd/service/render.h"

#include <string.h>
#include <strings.h>

#include "scimd/base/clock.h"
#include "scimd/model/json.h"
#include "scimd/model/resource.h"
#include "scimd/model/schema.h"
#include "scimd/model/text.h"

/* Add an owned member; NULL is a lack of memory. */
static int add(struct json_object *object, const char *name, struct json_object *value)
{
	if (!value)
		return -ENOMEM;
	if (json_object_object_add(object, name, value) < 0) {
		json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

static int add_text(struct json_object *object, const char *name, const char *text)
{
	return add(object, name, json_object_new_string(text));
}

const char *render_endpoint(enum resource_type type)
{
	return type == RESOURCE_USER ? "/Users" : "/Groups";
}

static char *location_make(const char *base_url, enum resource_type type, const char *id)
{
	char *location;

	if (asprintf(&location, "%s%s/%s", base_url, render_endpoint(type), id) < 0)
		return NULL;
	return location;
}

static int row_parse(const struct store_resource *row, struct json_object **ret)
{
	struct fault ours = {};
	int r = json_parse(row->json, strlen(row->json), ret, &ours);

	return r == -EPROTO ? -EIO : r;
}

/* An element of `members` or `groups`: the other end of a membership. */
static int relation_make(const struct render *render, enum resource_type type, const char *id,
			 const char *title, struct json_object **ret)
{
	_cleanup_(json_putp) struct json_object *element = json_object_new_object();
	_cleanup_free_ char *location = location_make(render->base_url, type, id);
	int r;

	if (!element || !location)
		return -ENOMEM;
	r = add_text(element, "value", id);
	if (r >= 0)
		r = add_text(element, "$ref", location);
	if (r >= 0)
		r = add_text(element, "display", title);
	if (r >= 0)
		r = add_text(element, "type", type == RESOURCE_USER ? "User" : "direct");
	if (r < 0)
		return r;
	*ret = TAKE_PTR(element);
	return 0;
}

struct relations {
	const struct render *render;
	struct json_object *array; /* borrowed */
	struct text *text;         /* borrowed; in the place of array, or NULL */
	size_t count;
	uint64_t digest; /* of a user's groups */
};

/* The same as relation_make and pending_add make, title NULL for the latter. */
static void relation_print(struct relations *relations, enum resource_type type, const char *id,
			   const char *title)
{
	struct text *out = relations->text;

	text_put(out, relations->count++ > 0 ? ",{\"value\":" : "{\"value\":");
	text_put_quoted(out, id);
	if (title) {
		text_put(out, ",\"$ref\":\"");
		text_put(out, relations->render->base_url);
		text_put(out, render_endpoint(type));
		text_add(out, "/", 1);
		text_put(out, id);
		text_put(out, "\",\"display\":");
		text_put_quoted(out, title);
		text_put(out, type == RESOURCE_USER ? ",\"type\":\"User\"" : ",\"type\":\"direct\"");
	}
	text_add(out, "}", 1);
}

static int relation_append(struct relations *relations, enum resource_type type, const char *id,
			   const char *title)
{
	struct json_object *element;
	int r;

	if (relations->text) {
		relation_print(relations, type, id, title);
		return 0;
	}
	r = relation_make(relations->render, type, id, title, &element);
	if (r < 0)
		return r;
	if (json_object_array_add(relations->array, element) < 0) {
		json_object_put(element);
		return -ENOMEM;
	}
	return 0;
}

/* Alike in whatever order the groups come. */
static int group_digest(const char *id, void *context)
{
	uint64_t *digest = context, hash = 0xcbf29ce484222325u;

	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * 0x100000001b3u;
	*digest += hash ^ hash >> 29;
	return 0;
}

static bool may_load(const struct relations *relations)
{
	uint64_t *left = relations->render->members_left;

	if (!left)
		return true;
	if (*left == 0)
		return false;
	(*left)--;
	return true;
}

static int relation_add(const char *id, void *context)
{
	struct relations *relations = context;
	_cleanup_(store_resource_done) struct store_resource row = {};
	int r;

	(void)group_digest(id, &relations->digest);
	if (!may_load(relations))
		return -E2BIG;
	r = store_resource_get(relations->render->txn, id, &row);
	if (r == -ENOENT)
		return 0; /* a membership never outlives its ends; a reader need not fail on one */
	if (r < 0)
		return r;
	return relation_append(relations, row.type, id, row.title ? row.title : row.folded_name);
}

/* Of a large group nothing but the memberships themselves is read. */
static int member_add(const char *id, const char *title, void *context)
{
	if (!title)
		return relation_add(id, context);
	if (!may_load(context))
		return -E2BIG;
	return relation_append(context, RESOURCE_USER, id, title);
}

/* Somebody who is waited for: there is nothing to tell but what the client calls them. */
static int pending_add(const char *member, void *context)
{
	struct relations *relations = context;
	struct json_object *element;

	if (relations->text) {
		relation_print(relations, RESOURCE_USER, member, NULL);
		return 0;
	}
	if (!may_load(relations))
		return -E2BIG;
	element = json_object_new_object();
	if (!element || add_text(element, "value", member) < 0 ||
	    json_object_array_add(relations->array, element) < 0) {
		json_object_put(element);
		return -ENOMEM;
	}
	return 0;
}

/* The one member that is asked for, known or waited for. */
static int member_walk(const struct render *render, const struct store_resource *row,
		       struct relations *relations)
{
	int r = store_member_has(render->txn, row->id, render->only);

	if (r > 0)
		return relation_add(render->only, relations);
	if (r == 0)
		r = store_pending_has(render->txn, row->id, render->only);
	return r > 0 ? pending_add(render->only, relations) : r;
}

static int members_walk(const struct render *render, const struct store_resource *row,
			struct relations *relations)
{
	int r = store_members_titled_each(render->txn, row->id, member_add, relations);

	return r < 0 ? r : store_pending_each(render->txn, row->id, pending_add, relations);
}

static int relations_walk(const struct render *render, const struct store_resource *row,
			  struct relations *relations)
{
	bool is_user = row->type == RESOURCE_USER;
	int r;

	if (render->relations == RENDER_NO_RELATIONS)
		return 0;
	if (!is_user)
		return render->relations == RENDER_ONE_RELATION
			       ? member_walk(render, row, relations)
			       : members_walk(render, row, relations);
	if (render->relations == RENDER_ALL_RELATIONS)
		return store_groups_each(render->txn, row->id, relation_add, relations);
	r = store_member_has(render->txn, render->only, row->id);
	return r > 0 ? relation_add(render->only, relations) : r;
}

/* An object or array that holds nothing and prints as the text, which is taken; empty is taken, too. */
static int stand_in(struct json_object *empty, struct text *text, struct json_object **ret)
{
	char *data = text_take(text);

	if (!empty || !data) {
		json_object_put(empty);
		free(data);
		return -ENOMEM;
	}
	json_object_set_serializer(empty, json_object_userdata_to_json_string, data,
				   json_object_free_userdata);
	*ret = empty;
	return 0;
}

/* All members; NULL without any. */
static int members_as_text(const struct render *render, const struct store_resource *row,
			   struct json_object **ret)
{
	_cleanup_(text_done) struct text text = {};
	struct relations relations = { .render = render, .text = &text };
	int r;

	text_put(&text, "[");
	r = members_walk(render, row, &relations);
	text_put(&text, "]");
	*ret = NULL;
	if (r < 0 || relations.count == 0)
		return r;
	return stand_in(json_object_new_array(), &text, ret);
}

static int add_relations(const struct render *render, const struct store_resource *row,
			 struct json_object *full, uint64_t *ret_digest)
{
	_cleanup_(json_putp) struct json_object *array = json_object_new_array();
	struct relations relations = { .render = render, .array = array };
	struct json_object *members;
	int r;

	if (render->as_text && render->relations == RENDER_ALL_RELATIONS) {
		r = members_as_text(render, row, &members);
		return r < 0 || !members ? r : add(full, "members", members);
	}
	if (!array)
		return -ENOMEM;
	r = relations_walk(render, row, &relations);
	*ret_digest = row->type == RESOURCE_USER ? relations.digest : 0;
	if (r < 0 || json_object_array_length(array) == 0)
		return r;
	return add(full, row->type == RESOURCE_USER ? "groups" : "members", TAKE_PTR(array));
}

static int add_attributes(struct json_object *full, struct json_object *resource)
{
	json_object_object_foreach(resource, name, value) {
		int r = add(full, name, json_object_get(value));

		if (r < 0)
			return r;
	}
	return 0;
}

static void tag_format(const struct store_resource *row, uint64_t digest,
		      char ret[static RENDER_TAG_SIZE])
{
	if (digest)
		snprintf(ret, RENDER_TAG_SIZE, "W/\"%llu-%016llx\"",
			 (unsigned long long)row->version, (unsigned long long)digest);
	else
		snprintf(ret, RENDER_TAG_SIZE, "W/\"%llu\"", (unsigned long long)row->version);
}

int render_tag(struct store_txn *txn, const struct store_resource *row,
	       char ret[static RENDER_TAG_SIZE])
{
	uint64_t digest = 0;
	int r = 0;

	if (row->type == RESOURCE_USER && txn)
		r = store_groups_each(txn, row->id, group_digest, &digest);
	if (r >= 0)
		tag_format(row, digest, ret);
	return r < 0 ? r : 0;
}

/* digest: of the groups, if they have been walked. */
static int add_meta(const struct render *render, const struct store_resource *row,
		    struct json_object *full, uint64_t digest)
{
	bool is_walked = render->relations == RENDER_ALL_RELATIONS;
	_cleanup_free_ char *location = location_make(render->base_url, row->type, row->id);
	struct json_object *meta = json_object_new_object();
	char time[CLOCK_TEXT_SIZE], tag[RENDER_TAG_SIZE];
	int r;

	r = add(full, "meta", meta);
	if (r < 0 || !location)
		return -ENOMEM;
	tag_format(row, digest, tag);
	r = is_walked ? 0 : render_tag(render->txn, row, tag);
	if (r < 0)
		return r;
	r = add_text(meta, "resourceType", row->type == RESOURCE_USER ? "User" : "Group");
	if (r >= 0)
		r = add_text(meta, "created", clock_format(row->created_us, time));
	if (r >= 0)
		r = add_text(meta, "lastModified", clock_format(row->modified_us, time));
	if (r >= 0)
		r = add_text(meta, "location", location);
	if (r >= 0)
		r = add_text(meta, "version", tag);
	return r;
}

int render_resource(const struct render *render, const struct store_resource *row,
		    struct json_object **ret)
{
	_cleanup_(json_putp) struct json_object *full = json_object_new_object();
	_cleanup_(json_putp) struct json_object *resource = NULL;
	uint64_t digest = 0;
	int r;

	if (!full)
		return -ENOMEM;
	r = row_parse(row, &resource);
	if (r < 0)
		return r;
	if (!render->no_schemas)
		r = add(full, "schemas", resource_schemas(row->type, resource));
	if (r >= 0)
		r = add_text(full, "id", row->id);
	if (r >= 0)
		r = add_attributes(full, resource);
	if (r >= 0)
		r = add_relations(render, row, full, &digest);
	if (r >= 0 && !render->no_meta)
		r = add_meta(render, row, full, digest);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(full);
	return 0;
}

/* Print the list of schemas, which are those whose names are members. False when that cannot be told
 * from the text, or when what is stored is not all shown. */
static bool schemas_print(const struct store_resource *row, struct text *out)
{
	size_t urns = 0, known = 0;
	bool first = true;

	for (const char *at = row->json; (at = strchr(at, '"')); at++)
		urns += (at[1] | 0x20) == 'u' && strncasecmp(at + 1, "urn:", 4) == 0;
	text_put(out, "{\"schemas\":[");
	for (const struct schema *const *s = schema_all(); *s; s++) {
		char key[256];

		if ((*s)->resource != row->type)
			continue;
		/* Within a string a quote has a backslash before it: this can only be a name. */
		if (snprintf(key, sizeof(key), "\"%s\":", (*s)->urn) >= (int)sizeof(key))
			return false;
		if (!(*s)->core && (urns == 0 || !strstr(row->json, key)))
			continue;
		if ((*s)->hides)
			return false;
		known += !(*s)->core;
		text_put(out, first ? "\"" : ",\"");
		text_put(out, (*s)->urn);
		text_put(out, "\"");
		first = false;
	}
	return known == urns;
}

static void meta_print(const struct render *render, const struct store_resource *row,
		       const char *tag, struct text *out)
{
	char time[CLOCK_TEXT_SIZE];

	text_put(out, ",\"meta\":{\"resourceType\":");
	text_put(out, row->type == RESOURCE_USER ? "\"User\"" : "\"Group\"");
	text_put(out, ",\"created\":\"");
	text_put(out, clock_format(row->created_us, time));
	text_put(out, "\",\"lastModified\":\"");
	text_put(out, clock_format(row->modified_us, time));
	text_put(out, "\",\"location\":\"");
	text_put(out, render->base_url);
	text_put(out, render_endpoint(row->type));
	text_put(out, "/");
	text_put(out, row->id);
	text_put(out, "\",\"version\":");
	text_put_quoted(out, tag);
	text_put(out, "}}");
}

/* The members or groups, with their name, if there are any; and the groups' digest. */
static int relations_print(const struct render *render, const struct store_resource *row,
			   uint64_t *ret_digest, struct text *out)
{
	struct relations relations = { .render = render, .text = out };
	const size_t before = out->size;
	int r;

	text_put(out, row->type == RESOURCE_USER ? ",\"groups\":[" : ",\"members\":[");
	r = relations_walk(render, row, &relations);
	if (relations.count > 0)
		text_put(out, "]");
	else
		out->size = before;
	*ret_digest = row->type == RESOURCE_USER ? relations.digest : 0;
	return r;
}

/* The same as render_resource makes with all relations, from the stored text and without a parse, and
 * the entity tag. 0: it cannot be done, and *out is to be thrown away. */
static int resource_print(const struct render *render, const struct store_resource *row,
			  char ret_tag[static RENDER_TAG_SIZE], struct text *out)
{
	size_t size = strlen(row->json);
	uint64_t digest;
	int r;

	if (size < 3 || row->json[0] != '{' || row->json[size - 1] != '}' ||
	    !schemas_print(row, out))
		return 0;
	text_put(out, "],\"id\":\"");
	text_put(out, row->id);
	text_put(out, "\",");
	text_add(out, row->json + 1, size - 2);
	r = relations_print(render, row, &digest, out);
	if (r < 0)
		return r;
	tag_format(row, digest, ret_tag);
	meta_print(render, row, ret_tag, out);
	return 1;
}

/* As the query wants it, if that is whole. 0: this way it cannot be made. */
static int view_print(struct call *call, struct store_txn *txn, const struct store_resource *row,
		      char ret_tag[static RENDER_TAG_SIZE], struct text *out)
{
	const struct render render = { .txn = txn,
				       .base_url = call->base_url,
				       .relations = txn ? RENDER_ALL_RELATIONS
							: RENDER_NO_RELATIONS };

	return query_shows_all(&call->query) ? resource_print(&render, row, ret_tag, out) : 0;
}

static int view_build(struct call *call, struct store_txn *txn, const struct store_resource *row,
		      struct json_object **ret, struct fault *fault)
{
	const char *attributes = call->query.attributes, *excluded = call->query.excluded;
	const char *relations = row->type == RESOURCE_USER ? "groups" : "members";
	struct render render = { .txn = txn, .base_url = call->base_url };
	_cleanup_(json_putp) struct json_object *full = NULL;
	int r;

	if (txn && resource_shows(relations, attributes, excluded))
		render.relations = RENDER_ALL_RELATIONS;
	render.as_text = row->type == RESOURCE_GROUP && !attributes &&
			 (!excluded || !strcasestr(excluded, relations));
	r = render_resource(&render, row, &full);
	if (r < 0)
		return r;
	r = resource_project(row->type, full, attributes, excluded, fault);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(full);
	return 0;
}

int render_view(struct call *call, struct store_txn *txn, const struct store_resource *row,
		struct json_object **ret, struct fault *fault)
{
	_cleanup_(text_done) struct text text = {};
	char tag[RENDER_TAG_SIZE];
	int r = view_print(call, txn, row, tag, &text);

	if (r < 0)
		return r;
	return r > 0 ? stand_in(json_object_new_object(), &text, ret)
		     : view_build(call, txn, row, ret, fault);
}

/* A header that says where the resource is. */
static void place_put(struct call *call, const char *header, const struct store_resource *row)
{
	response_header(call->response, header, "%s%s/%s", call->base_url,
			render_endpoint(row->type), row->id);
}

static void headers_put(struct call *call, const struct store_resource *row, const char *tag)
{
	response_header(call->response, "ETag", "%s", tag);
	place_put(call, "Location", row);
}

int render_headers(struct call *call, struct store_txn *txn, const struct store_resource *row)
{
	char tag[RENDER_TAG_SIZE];
	int r = render_tag(txn, row, tag);

	if (r >= 0)
		headers_put(call, row, tag);
	return r;
}

int render_respond(struct call *call, struct store_txn *txn, int status,
		   const struct store_resource *row, struct fault *fault)
{
	_cleanup_(json_putp) struct json_object *view = NULL;
	_cleanup_(text_done) struct text text = {};
	char tag[RENDER_TAG_SIZE];
	int r = view_print(call, txn, row, tag, &text);

	if (r < 0)
		return r;
	if (r > 0) {
		r = call_respond_text(call, status, text_take(&text));
	} else {
		r = view_build(call, txn, row, &view, fault);
		if (r >= 0)
			r = call_respond(call, status, view);
		if (r >= 0)
			r = render_tag(txn, row, tag);
	}
	if (r >= 0) {
		headers_put(call, row, tag);
		place_put(call, "Content-Location", row);
	}
	return r;
}
