/* listing.h - a query under way, shared by the files that answer it. Layer: service, inside it.
 * Threads: that of the request.
 *
 * Every resource that may match goes through listing_consider: in the order of the listing, when it
 * is shown at once if it is on the page; or, in a sorted listing, to be collected. */
#ifndef SCIMD_SERVICE_LISTING_H
#define SCIMD_SERVICE_LISTING_H

#include "scimd/model/filter.h"
#include "scimd/model/sort.h"
#include "scimd/service/call.h"
#include "scimd/service/cursor.h"
#include "scimd/service/render.h"

/* A resource that matches, in a sorted listing. */
struct match {
	char id[RESOURCE_ID_SIZE];
	char *key; /* owned; NULL: no value */
};

struct listing {
	struct call *call;
	unsigned int types;      /* LIST_USERS, LIST_GROUPS */
	enum resource_type type; /* the one being looked through */
	struct store_txn *txn;   /* borrowed */
	const struct filter *filter; /* borrowed; NULL: everything */
	struct render matching;      /* how much a resource must hold for the filter to decide */
	const struct sort *sort;     /* borrowed; NULL: order of creation */
	struct match *matches;       /* owned (listing_done) */
	size_t match_count, match_room;
	uint64_t first, count; /* the page: first from 1 */
	uint64_t total;        /* matches so far */
	uint64_t scanned, scan_max;
	uint64_t members_left; /* may still be loaded for the filter to decide */
	struct json_object *resources; /* borrowed; the page */
	/* Paging by cursor. */
	bool by_cursor, resumes; /* resumes: after the place `at` */
	bool more;               /* something follows the page */
	struct cursor at, next;  /* next: the last one shown */
	struct fault *fault;
};

/* Show a resource on the page. */
_must_use_ int listing_show(struct listing *listing, const struct store_resource *row);

/* Take a resource into account. Returns 1 if no other can change the answer. */
_must_use_ int listing_consider(struct listing *listing, const struct store_resource *row);

/* Consider everything of listing->type that an index says may match, or everything there is
 * (listing_scan.c). */
_must_use_ int listing_scan(struct listing *listing);

/* 400 tooMany, as -EPROTO. */
int listing_refuse(struct listing *listing);

/* Keep a resource that matches; then show the page of all of them (listing_sort.c). */
_must_use_ int listing_collect(struct listing *listing, const struct store_resource *row,
			       struct json_object *full);
_must_use_ int listing_show_sorted(struct listing *listing);

/* The cursor that the client sent, or the page's size (listing_cursor.c). */
_must_use_ int listing_begin_paging(struct listing *listing);
/* Where the next page begins, owned; NULL in *ret at the end. */
_must_use_ int listing_next_cursor(struct listing *listing, char **ret);

void listing_done(struct listing *listing);

#endif
