/* tls.h - telling a certificate to people. Layer: http. Threads: any. */
#ifndef SCIMD_HTTP_TLS_H
#define SCIMD_HTTP_TLS_H

#include "shared/attrs.h"

#define TLS_FINGERPRINT_SIZE 96 /* 32 bytes as "AB:" with the terminator in the last one's place */

/* SHA-256 of a PEM text's first certificate, as `openssl x509 -fingerprint -sha256` shows it. */
_must_use_ int tls_fingerprint(const char *certificate, char ret[static TLS_FINGERPRINT_SIZE]);

#endif
