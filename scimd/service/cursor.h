/* cursor.h - where a listing goes on, as text that the client carries (RFC 9865). It holds all
 * there is to know and is signed, so that nothing is kept for it here. Layer: service; needs
 * GnuTLS. Threads: any; no state. */
#ifndef SCIMD_SERVICE_CURSOR_H
#define SCIMD_SERVICE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "scimd/model/resource.h"
#include "scimd/model/sort.h"
#include "shared/attrs.h"

#define CURSOR_TIMEOUT_S 3600u /* from one page to the request for the next */
#define CURSOR_QUERY_SIZE 16
#define CURSOR_SECRET_SIZE 32

struct cursor {
	unsigned char query[CURSOR_QUERY_SIZE]; /* digest of what was asked, by whom */
	uint64_t expires_s;                     /* epoch */
	uint64_t total;                         /* matches when the first page was made */
	uint32_t count;                         /* the client's, the same for all pages */
	/* The last resource shown: by type and place, or in a sorted listing by key and id. */
	bool sorted, has_key;
	enum resource_type type;
	uint64_t order;
	char id[RESOURCE_ID_SIZE];
	char key[SORT_KEY_MAX + 1];
};

/* Owned text of unreserved characters in *ret. -ENOMEM, -EIO. */
_must_use_ int cursor_print(const unsigned char secret[static CURSOR_SECRET_SIZE],
			    const struct cursor *cursor, char **ret);

/* -EINVAL for what was not printed with this secret; -ENOMEM, -EIO. */
_must_use_ int cursor_parse(const unsigned char secret[static CURSOR_SECRET_SIZE],
			    const char *text, struct cursor *ret);

#endif
