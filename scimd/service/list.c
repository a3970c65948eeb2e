#include "scimd/service/list.h"

#include <stdlib.h>
#include <string.h>

#include "scimd/model/json.h"
#include "scimd/service/bounds.h"
#include "scimd/service/listing.h"

static const enum resource_type all_types[] = { RESOURCE_USER, RESOURCE_GROUP };

int listing_show(struct listing *listing, const struct store_resource *row)
{
	struct json_object *view;
	int r;

	r = render_view(listing->call, listing->txn, row, &view, listing->fault);
	if (r < 0)
		return r;
	if (json_object_array_add(listing->resources, view) < 0) {
		json_object_put(view);
		return -ENOMEM;
	}
	listing->next.type = row->type;
	listing->next.order = row->order;
	strcpy(listing->next.id, row->id);
	return 0;
}

static bool page_is_full(const struct listing *listing)
{
	return json_object_array_length(listing->resources) >= listing->count;
}

static bool is_shown_already(const struct listing *listing, const struct store_resource *row)
{
	const struct cursor *at = &listing->at;

	return row->type < at->type || (row->type == at->type && row->order <= at->order);
}

/* The next one that matches in the order of creation. The first page by cursor counts them all, the
 * others say what the first one counted. */
static int take(struct listing *listing, const struct store_resource *row)
{
	if (!listing->resumes)
		listing->total++;
	if (!listing->by_cursor)
		return listing->total < listing->first || page_is_full(listing)
			       ? 0
			       : listing_show(listing, row);
	if (!page_is_full(listing))
		return listing_show(listing, row);
	listing->more = true;
	return listing->resumes;
}

int listing_consider(struct listing *listing, const struct store_resource *row)
{
	_cleanup_(json_putp) struct json_object *full = NULL;
	int r;

	if (row->type != listing->type ||
	    strcmp(row->connection, listing->call->connection->name) != 0)
		return 0;
	if (!listing->sort && listing->resumes && is_shown_already(listing, row))
		return 0;
	if (listing->filter || listing->sort) {
		r = render_resource(&listing->matching, row, &full);
		if (r < 0)
			return r == -E2BIG ? listing_refuse(listing) : r;
	}
	if (listing->filter && !filter_matches(listing->filter, full))
		return 0;
	return listing->sort ? listing_collect(listing, row, full) : take(listing, row);
}

static int row_show(const struct store_resource *row, void *context)
{
	struct listing *listing = context;

	if (page_is_full(listing)) {
		listing->more = true;
		return 1;
	}
	return listing_show(listing, row);
}

/* All of one type without looking at each: *offset are left out first, of which what this type
 * cannot cover is left for the next one. */
static int list_type(struct listing *listing, uint64_t *offset)
{
	const char *connection = listing->call->connection->name;
	uint64_t count, skip = *offset;
	int r;

	r = store_resource_count(listing->txn, listing->type, connection, &count);
	if (r < 0)
		return r;
	if (!listing->resumes)
		listing->total += count;
	if (listing->resumes) {
		if (listing->type < listing->at.type)
			return 0;
		return store_resource_after(
			listing->txn, listing->type, connection,
			listing->type == listing->at.type ? listing->at.order : 0, row_show,
			listing);
	}
	*offset = skip > count ? skip - count : 0;
	if (listing->count == 0 || skip >= count)
		return 0;
	return store_resource_each(listing->txn, listing->type, connection, skip, row_show,
				   listing);
}

static int list_everything(struct listing *listing)
{
	uint64_t offset = listing->first - 1;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(all_types); i++) {
		listing->type = all_types[i];
		if (listing->types & 1u << listing->type)
			r = list_type(listing, &offset);
	}
	return r;
}

static bool is_over_all(const struct listing *listing)
{
	return (listing->types & (listing->types - 1)) != 0;
}

/* Filter and order are looked up in each type's schema. */
static int search_type(struct listing *listing)
{
	const struct query *query = &listing->call->query;
	_cleanup_(filter_freep) struct filter *filter = NULL;
	_cleanup_(sort_freep) struct sort *sort = NULL;
	bool any = is_over_all(listing);
	int r = 0;

	if (query->filter)
		r = (any ? filter_parse_any : filter_parse)(listing->type, query->filter,
							     strlen(query->filter), &filter,
							     listing->fault);
	if (r >= 0 && query->sort_by)
		r = sort_parse(listing->type, any, query->sort_by, &sort, listing->fault);
	if (r < 0)
		return r;
	listing->filter = filter;
	listing->sort = sort;
	r = listing_scan(listing);
	listing->filter = NULL;
	listing->sort = NULL;
	return r;
}

static int search_everything(struct listing *listing)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(all_types); i++) {
		listing->type = all_types[i];
		if (listing->types & 1u << listing->type)
			r = search_type(listing);
	}
	if (r < 0 || !listing->call->query.sort_by)
		return r;
	return listing_show_sorted(listing);
}

static int member_add(struct json_object *object, const char *name, struct json_object *value)
{
	if (value && json_object_object_add(object, name, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

static int number_add(struct json_object *object, const char *name, uint64_t number)
{
	return member_add(object, name, json_object_new_uint64(number));
}

static int place_add(struct listing *listing, struct json_object *answer)
{
	_cleanup_free_ char *next = NULL;
	int r;

	if (!listing->by_cursor)
		return number_add(answer, "startIndex", listing->first);
	r = listing_next_cursor(listing, &next);
	if (r < 0 || !next)
		return r;
	return member_add(answer, "nextCursor", json_object_new_string(next));
}

static int list_answer(struct listing *listing)
{
	_cleanup_(json_putp) struct json_object *answer = json_object_new_object();
	struct json_object *urns = json_object_new_array(), *urn = json_object_new_string(URN_LIST);
	int r;

	if (!answer || !urns || !urn || json_object_array_add(urns, urn) < 0) {
		json_object_put(urns);
		json_object_put(urn);
		return -ENOMEM;
	}
	r = member_add(answer, "schemas", urns);
	if (r >= 0)
		r = number_add(answer, "totalResults", listing->total);
	if (r >= 0)
		r = place_add(listing, answer);
	if (r >= 0)
		r = number_add(answer, "itemsPerPage",
			       json_object_array_length(listing->resources));
	if (r >= 0)
		r = member_add(answer, "Resources", json_object_get(listing->resources));
	return r < 0 ? r : call_respond(listing->call, 200, answer);
}

void listing_done(struct listing *listing)
{
	for (size_t i = 0; i < listing->match_count; i++)
		free(listing->matches[i].key);
	free(listing->matches);
	*listing = (struct listing){};
}

int list_respond(struct call *call, unsigned int types, struct fault *fault)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	_cleanup_(json_putp) struct json_object *resources = json_object_new_array();
	_cleanup_(listing_done) struct listing listing = {
		.call = call,
		.types = types,
		.first = call->query.start,
		.scan_max = call->conf->limits.scan ? call->conf->limits.scan
						    : call->service->scan_max,
		.resources = resources,
		.fault = fault,
	};
	int r;

	if (!resources)
		return -ENOMEM;
	listing.members_left = listing.scan_max;
	r = bounds_check_filter(call->conf, call->query.filter, fault);
	if (r >= 0)
		r = listing_begin_paging(&listing);
	if (r < 0)
		return r;
	r = store_begin(change_engine_store(call->engine), NULL, false, &txn);
	if (r < 0)
		return r;
	listing.txn = txn;
	if (call->query.filter || call->query.sort_by)
		r = search_everything(&listing);
	else
		r = list_everything(&listing);
	return r < 0 ? r : list_answer(&listing);
}
