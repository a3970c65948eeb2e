#include "scimd/service/list.h"

#include <string.h>

#include "scimd/model/filter.h"
#include "scimd/model/json.h"
#include "scimd/service/id_list.h"
#include "scimd/service/render.h"

/* One query under way. */
struct list {
	struct call *call;
	enum resource_type type;
	struct store_txn *txn; /* borrowed */
	const struct filter *filter; /* borrowed; NULL: everything */
	struct render matching;      /* how much a resource must hold for the filter to decide */
	uint64_t first, count;       /* the page: first from 1 */
	uint64_t total;              /* matches so far */
	uint64_t scanned;
	struct json_object *resources; /* borrowed; the page */
	struct fault *fault;
};

static int page_add(struct list *list, const struct store_resource *row)
{
	struct json_object *view;
	int r;

	r = render_view(list->call, list->txn, row, &view, list->fault);
	if (r < 0)
		return r;
	if (json_object_array_add(list->resources, view) < 0) {
		json_object_put(view);
		return -ENOMEM;
	}
	return 0;
}

static int row_matches(struct list *list, const struct store_resource *row)
{
	_cleanup_(json_putp) struct json_object *full = NULL;
	int r;

	if (row->type != list->type || strcmp(row->connection, list->call->connection->name) != 0)
		return 0;
	if (!list->filter)
		return 1;
	r = render_resource(&list->matching, row, &full);
	if (r < 0)
		return r;
	return filter_matches(list->filter, full);
}

/* Take a resource into account: count it if it matches, show it if it is on the page. */
static int row_consider(const struct store_resource *row, void *context)
{
	struct list *list = context;
	int r;

	r = row_matches(list, row);
	if (r <= 0)
		return r;
	list->total++;
	if (list->total < list->first || list->total - list->first >= list->count)
		return 0;
	return page_add(list, row);
}

static int row_scan(const struct store_resource *row, void *context)
{
	struct list *list = context;

	if (++list->scanned > list->call->service->scan_max)
		return fault_set(list->fault, 400, "tooMany",
				 "this filter would have to look at more than %llu resources; "
				 "compare id, userName, externalId or displayName with eq",
				 (unsigned long long)list->call->service->scan_max);
	return row_consider(row, list);
}

static int id_consider(struct list *list, const char *id)
{
	_cleanup_(store_resource_done) struct store_resource row = {};
	int r;

	if (!id_is_ours(id))
		return 0;
	r = store_resource_get(list->txn, id, &row);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : row_consider(&row, list);
}

static int name_consider(struct list *list, enum store_index index, const char *name)
{
	_cleanup_free_ char *folded = json_fold(name);
	char id[RESOURCE_ID_SIZE];
	int r;

	if (!folded)
		return -ENOMEM;
	r = store_lookup(list->txn, index, list->call->connection->name, folded, id);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : id_consider(list, id);
}

static int group_collect(const char *id, void *context)
{
	return id_list_add(context, id);
}

/* The groups of one user, in order of creation. */
static int groups_consider(struct list *list, const char *user_id)
{
	_cleanup_(id_list_done) struct id_list groups = {};
	int r;

	if (!id_is_ours(user_id))
		return 0;
	r = store_groups_each(list->txn, user_id, group_collect, &groups);
	if (r < 0)
		return r;
	id_list_sort(&groups);
	for (size_t i = 0; i < groups.count; i++) {
		r = id_consider(list, groups.ids[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Everything that an index says may match, or everything there is. */
static int candidates_consider(struct list *list)
{
	bool is_user = list->type == RESOURCE_USER;
	const char *connection = list->call->connection->name;
	const char *value;

	value = filter_requires(list->filter, "id");
	if (value)
		return id_consider(list, value);
	value = filter_requires(list->filter, is_user ? "userName" : "displayName");
	if (value)
		return name_consider(list, is_user ? STORE_BY_USER_NAME : STORE_BY_GROUP_NAME,
				     value);
	value = filter_requires(list->filter, "externalId");
	if (value)
		return store_external_each(list->txn, list->type, connection, value, row_consider,
					   list);
	value = is_user ? NULL : filter_requires(list->filter, "members.value");
	if (value)
		return groups_consider(list, value);
	return store_resource_each(list->txn, list->type, connection, 0, row_scan, list);
}

static size_t text_count(const char *text, const char *word)
{
	size_t count = 0;

	for (text = strcasestr(text, word); text; text = strcasestr(text + 1, word))
		count++;
	return count;
}

/* How much to load before the filter decides. "members eq X", once in the filter, needs X alone,
 * not a hundred thousand others. */
static void matching_choose(struct list *list)
{
	const char *name = list->type == RESOURCE_USER ? "groups" : "members";

	list->matching = (struct render){ .txn = list->txn, .base_url = list->call->base_url };
	if (!filter_uses(list->filter, name))
		return;
	list->matching.relations = RENDER_ALL_RELATIONS;
	if (list->type != RESOURCE_GROUP || text_count(list->call->query.filter, name) != 1)
		return;
	list->matching.only = filter_requires(list->filter, "members.value");
	if (list->matching.only)
		list->matching.relations = RENDER_ONE_RELATION;
}

static int row_show(const struct store_resource *row, void *context)
{
	struct list *list = context;
	int r;

	r = page_add(list, row);
	if (r < 0)
		return r;
	return json_object_array_length(list->resources) >= list->count;
}

static int list_everything(struct list *list)
{
	const char *connection = list->call->connection->name;
	int r;

	r = store_resource_count(list->txn, list->type, connection, &list->total);
	if (r < 0 || list->count == 0 || list->first > list->total)
		return r;
	return store_resource_each(list->txn, list->type, connection, list->first - 1, row_show,
				   list);
}

static int list_fill(struct list *list)
{
	const char *text = list->call->query.filter;
	_cleanup_(filter_freep) struct filter *filter = NULL;
	int r;

	if (!text)
		return list_everything(list);
	r = filter_parse(list->type, text, strlen(text), &filter, list->fault);
	if (r < 0)
		return r;
	list->filter = filter;
	matching_choose(list);
	r = candidates_consider(list);
	list->filter = NULL;
	return r;
}

static int member_add(struct json_object *object, const char *name, struct json_object *value)
{
	if (value && json_object_object_add(object, name, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

static int list_answer(struct list *list)
{
	_cleanup_(json_putp) struct json_object *answer = json_object_new_object();
	struct json_object *urns = json_object_new_array();
	int r;

	if (!answer || !urns) {
		json_object_put(urns);
		return -ENOMEM;
	}
	if (json_object_array_add(urns, json_object_new_string(URN_LIST)) < 0) {
		json_object_put(urns);
		return -ENOMEM;
	}
	r = member_add(answer, "schemas", urns);
	if (r >= 0)
		r = member_add(answer, "totalResults", json_object_new_uint64(list->total));
	if (r >= 0)
		r = member_add(answer, "startIndex", json_object_new_uint64(list->first));
	if (r >= 0)
		r = member_add(answer, "itemsPerPage",
			       json_object_new_uint64(json_object_array_length(list->resources)));
	if (r >= 0)
		r = member_add(answer, "Resources", json_object_get(list->resources));
	return r < 0 ? r : call_respond(list->call, 200, answer);
}

int list_respond(struct call *call, enum resource_type type, struct fault *fault)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	_cleanup_(json_putp) struct json_object *resources = json_object_new_array();
	uint64_t count = call->query.has_count ? call->query.count : LIST_COUNT_DEFAULT;
	struct list list = {
		.call = call,
		.type = type,
		.first = call->query.start,
		.count = count < LIST_COUNT_MAX ? count : LIST_COUNT_MAX,
		.resources = resources,
		.fault = fault,
	};
	int r;

	if (!resources)
		return -ENOMEM;
	r = store_begin(change_engine_store(call->engine), NULL, false, &txn);
	if (r < 0)
		return r;
	list.txn = txn;
	r = list_fill(&list);
	return r < 0 ? r : list_answer(&list);
}
