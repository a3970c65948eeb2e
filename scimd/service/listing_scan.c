/* Which resources a filter has to be tried on. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "scimd/model/json.h"
#include "scimd/model/schema.h"
#include "scimd/service/id_list.h"
#include "scimd/service/listing.h"

static int row_consider(const struct store_resource *row, void *context)
{
	return listing_consider(context, row);
}

int listing_refuse(struct listing *listing)
{
	return fault_set(listing->fault, 400, "tooMany",
			 "this query would have to look at more than %llu resources or members; "
			 "compare id, userName, externalId, displayName, emails.value, members or "
			 "groups with eq",
			 (unsigned long long)listing->scan_max);
}

static int row_scan(const struct store_resource *row, void *context)
{
	struct listing *listing = context;

	if (++listing->scanned > listing->scan_max)
		return listing_refuse(listing);
	return listing_consider(listing, row);
}

static int id_consider(struct listing *listing, const char *id)
{
	_cleanup_(store_resource_done) struct store_resource row = {};
	int r;

	if (!id_is_ours(id))
		return 0;
	r = store_resource_get(listing->txn, id, &row);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : listing_consider(listing, &row);
}

static int name_consider(struct listing *listing, enum store_index index, const char *name)
{
	_cleanup_free_ char *folded = json_fold(name);
	char id[RESOURCE_ID_SIZE];
	int r;

	if (!folded)
		return -ENOMEM;
	r = store_lookup(listing->txn, index, listing->call->connection->name, folded, id);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : id_consider(listing, id);
}

static int email_consider(struct listing *listing, const char *email)
{
	_cleanup_free_ char *folded = json_fold(email);

	if (!folded)
		return -ENOMEM;
	return store_email_each(listing->txn, listing->call->connection->name, folded,
				row_consider, listing);
}

struct place {
	uint64_t order;
	char id[RESOURCE_ID_SIZE];
};

static int place_compare(const void *a, const void *b)
{
	const struct place *left = a, *right = b;

	return (left->order > right->order) - (left->order < right->order);
}

static int place_find(struct store_txn *txn, const char *id, struct place *ret)
{
	_cleanup_(store_resource_done) struct store_resource row = {};
	int r;

	r = store_resource_get(txn, id, &row);
	if (r < 0 && r != -ENOENT)
		return r;
	*ret = (struct place){ .order = row.order };
	strcpy(ret->id, id);
	return 0;
}

static int id_collect(const char *id, void *context)
{
	return id_list_add(context, id);
}

/* The groups that somebody is in, or waited for. */
static int groups_collect(struct listing *listing, const char *member, struct id_list *ret)
{
	int r = 0;

	if (id_is_ours(member))
		r = store_groups_each(listing->txn, member, id_collect, ret);
	if (r < 0)
		return r;
	return store_pending_groups_each(listing->txn, listing->call->connection->name, member,
					 id_collect, ret);
}

/* All of a list, in order of creation. */
static int ids_consider(struct listing *listing, const struct id_list *list)
{
	_cleanup_free_ struct place *places = calloc(list->count + 1, sizeof(*places));
	int r = 0;

	if (!places)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++) {
		r = place_find(listing->txn, list->ids[i], &places[i]);
		if (r < 0)
			return r;
	}
	qsort(places, list->count, sizeof(*places), place_compare);
	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = id_consider(listing, places[i].id);
	return r;
}

/* The groups of one member. */
static int groups_consider(struct listing *listing, const char *member)
{
	_cleanup_(id_list_done) struct id_list groups = {};
	int r = groups_collect(listing, member, &groups);

	return r < 0 ? r : ids_consider(listing, &groups);
}

/* The members of one group, if looking at each is allowed. */
static int members_consider(struct listing *listing, const char *group)
{
	_cleanup_(id_list_done) struct id_list members = {};
	int r = 0;

	if (id_is_ours(group))
		r = store_members_each(listing->txn, group, id_collect, &members);
	if (r < 0)
		return r;
	return members.count > listing->scan_max ? listing_refuse(listing)
						  : ids_consider(listing, &members);
}

/* Everything of the type; an unsorted listing that goes on begins where it stopped. */
static int all_consider(struct listing *listing)
{
	uint64_t after = 0;

	if (!listing->sort && listing->resumes && listing->type < listing->at.type)
		return 0;
	if (!listing->sort && listing->resumes && listing->type == listing->at.type)
		after = listing->at.order;
	return store_resource_after(listing->txn, listing->type, listing->call->connection->name,
				    after, row_scan, listing);
}

static bool is_other_type(const struct listing *listing)
{
	const char *wanted = filter_requires(listing->filter, "meta.resourceType");

	return wanted && strcmp(wanted, listing->type == RESOURCE_USER ? "User" : "Group") != 0;
}

/* A filter that compares an attribute whose values are unique by a schema of the configuration.
 * Returns 1 if there is none. */
static int unique_consider(struct listing *listing)
{
	for (const struct schema *const *s = schema_all() + SCHEMA_BUILT_IN; *s; s++) {
		for (const struct schema_attribute *a = (*s)->attributes; a->name; a++) {
			_cleanup_free_ char *path = NULL, *line = NULL;
			const char *value;
			int r;

			if (!a->unique || a->type != SCHEMA_STRING || (*s)->resource != listing->type)
				continue;
			if (asprintf(&path, "%s:%s", (*s)->urn, a->name) < 0)
				return -ENOMEM;
			value = filter_requires(listing->filter, path);
			if (!value || !*value)
				continue;
			r = resource_unique_line(*s, a, value, &line);
			return r < 0 ? r
				     : store_email_each(listing->txn,
							listing->call->connection->name, line,
							row_consider, listing);
		}
	}
	return 1;
}

static int candidates_consider(struct listing *listing)
{
	bool is_user = listing->type == RESOURCE_USER;
	const struct filter *filter = listing->filter;
	const char *value;
	int r;

	value = filter_requires(filter, "id");
	if (value)
		return id_consider(listing, value);
	value = filter_requires(filter, is_user ? "userName" : "displayName");
	if (value)
		return name_consider(listing, is_user ? STORE_BY_USER_NAME : STORE_BY_GROUP_NAME,
				     value);
	value = filter_requires(filter, "externalId");
	if (value)
		return store_external_each(listing->txn, listing->type,
					   listing->call->connection->name, value, row_consider,
					   listing);
	value = filter_requires(filter, is_user ? "emails.value" : "members.value");
	if (value && !is_user)
		return groups_consider(listing, value);
	if (value && !strchr(value, '\n')) /* the index leaves these out */
		return email_consider(listing, value);
	value = is_user ? filter_requires(filter, "groups.value") : NULL;
	if (value)
		return members_consider(listing, value);
	r = unique_consider(listing);
	return r == 1 ? all_consider(listing) : r;
}

static size_t text_count(const char *text, const char *word)
{
	size_t count = 0;

	for (text = strcasestr(text, word); text; text = strcasestr(text + 1, word))
		count++;
	return count;
}

static bool is_compared(const struct listing *listing, const char *attribute)
{
	return (listing->filter && filter_uses(listing->filter, attribute)) ||
	       (listing->sort && sort_uses(listing->sort, attribute));
}

/* How much to load before the filter decides. "members eq X", once in the filter, needs X alone,
 * not a hundred thousand others; what looks at members otherwise may look at so many. */
static void matching_choose(struct listing *listing)
{
	const char *name = listing->type == RESOURCE_USER ? "groups" : "members";
	struct render *matching = &listing->matching;

	*matching = (struct render){ .txn = listing->txn, .base_url = listing->call->base_url };
	matching->no_schemas = !is_compared(listing, "schemas");
	matching->no_meta = !is_compared(listing, "meta");
	if (!listing->filter || !filter_uses(listing->filter, name))
		return;
	matching->relations = RENDER_ALL_RELATIONS;
	if (listing->type != RESOURCE_GROUP)
		return;
	matching->members_left = &listing->members_left;
	if (text_count(listing->call->query.filter, name) == 1)
		matching->only = filter_requires(listing->filter, "members.value");
	if (matching->only) {
		matching->relations = RENDER_ONE_RELATION;
		matching->members_left = NULL;
	}
}

int listing_scan(struct listing *listing)
{
	int r;

	matching_choose(listing);
	if (!listing->filter)
		return all_consider(listing);
	if (is_other_type(listing))
		return 0;
	r = candidates_consider(listing);
	return r < 0 ? r : 0;
}
