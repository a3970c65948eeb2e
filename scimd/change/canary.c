/* The canary: an account of nobody, which is never let in. `scimctl doctor` proves each PAM service by
 * asking it to let the canary in. It is no resource: no identity provider sees it. */
#include "scimd/change/internal.h"

#include <string.h>

#include "shared/canary.h"
#include "shared/directory.h"

#define CANARY_ID "00000000-0000-4000-8000-000000ca4a47" /* its owner in the ledger of ids */
#define TRIES 1000u

int canary_number(struct store_txn *txn, const struct conf *conf, uint32_t *ret)
{
	uint32_t min = conf->identity.uid_min, max = conf->identity.uid_max;

	*ret = 0;
	if (max - min < CANARY_RANGE_MIN)
		return 0;
	/* From the end, where nobody else comes for long; its own number it gets again. */
	for (uint32_t number = max; number > max - TRIES; number--) {
		int r = store_number_take(txn, min, max, number, CANARY_ID, ret);

		if (r != -EEXIST && r != -ERANGE)
			return r;
	}
	return 0;
}

int canary_record(struct packet *packet, uint32_t number)
{
	char *none[] = { NULL };
	struct identity identity = {
		.name = CANARY_NAME,
		.gecos = (char *)"canary of scimctl doctor",
		.home = (char *)"/nonexistent",
		.shell = (char *)DIRECTORY_NOLOGIN,
		.reason = (char *)"an account of nobody, never let in",
		.roles = none,
		.keys = none,
		.env = none,
	};

	return record_user(packet, 0, WARDEN_USER, number, &identity);
}
