/* tls.h - telling a certificate to people, and the one that handshakes present. Layer: http.
 * Threads: any. */
#ifndef SCIMD_HTTP_TLS_H
#define SCIMD_HTTP_TLS_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "shared/attrs.h"

#define TLS_FINGERPRINT_SIZE 96 /* 32 bytes as "AB:" with the terminator in the last one's place */

/* SHA-256 of a PEM text's first certificate, as `openssl x509 -fingerprint -sha256` shows it. */
_must_use_ int tls_fingerprint(const char *certificate, char ret[static TLS_FINGERPRINT_SIZE]);

/* 0 if both PEM texts parse and belong together, else -EINVAL or -ENOMEM. */
_must_use_ int tls_check(const char *certificate, const char *key);

/* What every handshake from now on presents; established connections keep what they have. Copies the
 * PEM texts, which have passed tls_check. Kept until the process ends. */
_must_use_ int tls_current_set(const char *certificate, const char *key);

/* A gnutls_certificate_retrieve_function3: gives away what tls_current_set was given last. */
int tls_current_retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
			 gnutls_pcert_st **certs, unsigned int *cert_count,
			 gnutls_ocsp_data_st **ocsp, unsigned int *ocsp_count,
			 gnutls_privkey_t *privkey, unsigned int *flags);

#endif
