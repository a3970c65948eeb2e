/* signature.h - signing as the Standard Webhooks specification has it: HMAC-SHA256 over id, time and
 * body, in base64. Layer: webhook. Threads: any; no state. */
#ifndef SCIMD_WEBHOOK_SIGNATURE_H
#define SCIMD_WEBHOOK_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/attrs.h"

#define SECRET_BYTES_MIN 24u
#define SECRET_BYTES_MAX 64u
#define SECRETS_MAX 2u /* a new one and the one before, while a receiver learns the new one */

struct secrets {
	struct {
		unsigned char bytes[SECRET_BYTES_MAX];
		size_t size;
	} items[SECRETS_MAX];
	size_t count;
};
void secrets_wipe(struct secrets *secrets);

/* "whsec_" and base64 of 24 to 64 bytes, one or two lines. -EINVAL; or why the file cannot be read. */
_must_use_ int secrets_read(const char *file, struct secrets *ret);

#define SIGNATURE_SIZE 48 /* "v1," and base64 of 32 bytes */

/* The value of webhook-signature: one for each secret, with a blank between. -EIO. */
_must_use_ int signature_make(const struct secrets *secrets, const char *id, uint64_t time_s,
			      const char *body, char ret[static SECRETS_MAX * SIGNATURE_SIZE]);

#endif
