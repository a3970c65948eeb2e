#include "scimd/change/internal.h"

#include <string.h>

#define DAY_US (UINT64_C(24) * 60 * 60 * 1000000)

int quarantine_begin(struct change *change, const struct store_resource *old,
		     const struct store_resource *row)
{
	if (!*old->posix_name || strcmp(old->posix_name, row->posix_name) == 0)
		return 0;
	return store_name_retire(change->txn, old->posix_name, row->id, clock_now_us());
}

int quarantine_check(struct change *change, const char *name, const char *id,
		     char ret_until[static CLOCK_TEXT_SIZE])
{
	uint64_t days = engine_conf(change->engine)->identity.name_quarantine_days, since_us;
	char owner[RESOURCE_ID_SIZE];
	int r = days && *name ? store_name_retired(change->txn, name, owner, &since_us) : -ENOENT;

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (strcmp(owner, id) == 0 || since_us + days * DAY_US <= clock_now_us())
		return 0;
	(void)clock_format(since_us + days * DAY_US, ret_until);
	return -EEXIST;
}
