/* canary.h - the account by which scimctl proves that PAM denies whom scimd denies.
 * Layer: shared, libc only; no code. */
#ifndef SHARED_CANARY_H
#define SHARED_CANARY_H

/* Published by scimd as never allowed; no person or group gets the name. */
#define CANARY_NAME "scim-canary"

/* Of a uid_range with less behind its first number it takes none. */
#define CANARY_RANGE_MIN 100u

#endif
