/* A sorted listing: all that match are collected with their keys, and the page is loaded once they
 * are in order. Ties are in order of the ids, whichever way the listing goes. */
#include <stdlib.h>
#include <string.h>

#include "scimd/service/listing.h"

int listing_collect(struct listing *listing, const struct store_resource *row,
		    struct json_object *full)
{
	struct match *match;

	if (listing->match_count == listing->match_room) {
		size_t room = listing->match_room ? 2 * listing->match_room : 64;
		struct match *grown = reallocarray(listing->matches, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		listing->matches = grown;
		listing->match_room = room;
	}
	match = &listing->matches[listing->match_count];
	strcpy(match->id, row->id);
	match->key = NULL;
	listing->match_count++;
	return sort_key(listing->sort, full, &match->key);
}

static int match_compare(const struct match *a, const struct match *b, bool descending)
{
	int order = sort_compare(a->key, b->key);

	if (order == 0)
		return strcmp(a->id, b->id);
	return descending ? -order : order;
}

static int compare_ascending(const void *a, const void *b)
{
	return match_compare(a, b, false);
}

static int compare_descending(const void *a, const void *b)
{
	return match_compare(a, b, true);
}

/* The first match of the page. */
static size_t page_first(const struct listing *listing, bool descending)
{
	const struct match last = {
		.key = listing->at.has_key ? (char *)listing->at.key : NULL
	};
	struct match at = last;
	size_t i = 0;

	if (!listing->resumes)
		return listing->first - 1 < listing->match_count ? (size_t)listing->first - 1
								  : listing->match_count;
	strcpy(at.id, listing->at.id);
	while (i < listing->match_count &&
	       match_compare(&listing->matches[i], &at, descending) <= 0)
		i++;
	return i;
}

static int match_show(struct listing *listing, const struct match *match)
{
	_cleanup_(store_resource_done) struct store_resource row = {};
	int r;

	r = store_resource_get(listing->txn, match->id, &row);
	if (r < 0)
		return r == -ENOENT ? -EIO : r; /* in the same snapshot it cannot have gone */
	r = listing_show(listing, &row);
	listing->next.sorted = true;
	listing->next.has_key = match->key != NULL;
	snprintf(listing->next.key, sizeof(listing->next.key), "%s", match->key ? match->key : "");
	return r;
}

int listing_show_sorted(struct listing *listing)
{
	bool descending = listing->call->query.descending;
	size_t first, left;
	int r = 0;

	if (listing->match_count > 0)
		qsort(listing->matches, listing->match_count, sizeof(*listing->matches),
		      descending ? compare_descending : compare_ascending);
	listing->total = listing->match_count;
	first = page_first(listing, descending);
	left = listing->match_count - first;
	listing->more = left > listing->count;
	for (size_t i = 0; r == 0 && i < left && i < listing->count; i++)
		r = match_show(listing, &listing->matches[first + i]);
	return r;
}
