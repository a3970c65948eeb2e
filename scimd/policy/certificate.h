/* certificate.h - the SSH key in a person's X.509 certificate. Layer: policy, private. Threads: any; no
 * state. The certificate is believed as a key sent by itself would be: no chain is followed. */
#ifndef SCIMD_POLICY_CERTIFICATE_H
#define SCIMD_POLICY_CERTIFICATE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/attrs.h"

#define CERTIFICATE_WHY_SIZE 128

/* A line for authorized_keys with the public key of a certificate, DER in base64 as SCIM has it (RFC
 * 7643 section 4.1.2), that sshd itself refuses from the certificate's end on. Owned in *ret. -EINVAL
 * with a sentence in why: no certificate, no key of a kind that sshd takes, made for something else
 * than signing, or expired at now_s; -EAGAIN: not valid yet. -ENOMEM. */
_must_use_ int certificate_key(const char *base64, uint64_t now_s, char **ret,
			       char why[static CERTIFICATE_WHY_SIZE]);

#endif
