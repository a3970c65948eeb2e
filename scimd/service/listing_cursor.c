/* Paging by cursor (RFC 9865). A cursor names the last resource shown, not a number of them, so
 * that nothing is shown twice or left out when others come and go between two pages. */
#include <string.h>

#include <gnutls/crypto.h>

#include "scimd/base/clock.h"
#include "scimd/service/bounds.h"
#include "scimd/service/list.h"
#include "scimd/service/listing.h"

static int invalid(struct listing *listing, const char *why)
{
	return fault_set(listing->fault, 400, "invalidCursor", "%s; begin again without one", why);
}

/* Everything that a client must repeat, and who it is. */
static int query_digest(const struct listing *listing, unsigned char ret[static CURSOR_QUERY_SIZE])
{
	const struct call *call = listing->call;
	const struct query *query = &call->query;
	const char *const parts[] = { call->connection->name, query->filter, query->attributes,
				      query->excluded, query->sort_by };
	const unsigned char flags[] = { (unsigned char)listing->types, query->descending };
	gnutls_hash_hd_t hash;
	unsigned char digest[32];

	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		return -ENOMEM;
	gnutls_hash(hash, flags, sizeof(flags));
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const unsigned char has = parts[i] != NULL;

		gnutls_hash(hash, &has, 1);
		if (has)
			gnutls_hash(hash, parts[i], strlen(parts[i]) + 1);
	}
	gnutls_hash_deinit(hash, digest);
	memcpy(ret, digest, CURSOR_QUERY_SIZE);
	return 0;
}

static const unsigned char *secret_of(const struct listing *listing)
{
	return store_secret(change_engine_store(listing->call->engine));
}

/* The cursor as sent, if it is one of ours for this query. */
static int resume(struct listing *listing)
{
	struct cursor *at = &listing->at;
	int r;

	r = cursor_parse(secret_of(listing), listing->call->query.cursor, at);
	if (r == -EINVAL)
		return invalid(listing, "this is not a cursor of ours");
	if (r < 0)
		return r;
	if (memcmp(at->query, listing->next.query, sizeof(at->query)) != 0)
		return invalid(listing, "the cursor belongs to another query");
	if (at->expires_s < clock_now_us() / 1000000u)
		return fault_set(listing->fault, 400, "expiredCursor",
				 "the cursor is too old; begin again without one");
	if (at->count != listing->count)
		return fault_set(listing->fault, 400, "invalidCount",
				 "count was %u for the first page and must stay so", at->count);
	listing->resumes = true;
	listing->total = at->total;
	return 0;
}

int listing_begin_paging(struct listing *listing)
{
	const struct query *query = &listing->call->query;
	uint64_t max = bounds_of(listing->call->conf->limits.results, LIST_COUNT_MAX);
	uint64_t count = query->has_count ? query->count : LIST_COUNT_DEFAULT;
	int r;

	if (!query->has_count && count > max)
		count = max;
	listing->by_cursor = query->cursor != NULL;
	listing->count = count < max ? count : max;
	if (!listing->by_cursor)
		return 0;
	if (count > max)
		return fault_set(listing->fault, 400, "invalidCount",
				 "a page holds at most %llu resources", (unsigned long long)max);
	r = query_digest(listing, listing->next.query);
	if (r < 0)
		return r;
	return *query->cursor ? resume(listing) : 0;
}

int listing_next_cursor(struct listing *listing, char **ret)
{
	struct cursor *next = &listing->next;

	*ret = NULL;
	if (!listing->more || listing->count == 0)
		return 0;
	next->count = (uint32_t)listing->count;
	next->total = listing->total;
	next->expires_s = clock_now_us() / 1000000u + CURSOR_TIMEOUT_S;
	return cursor_print(secret_of(listing), next, ret);
}
