/* The certificate in force. */
#include <pthread.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "scimd/http/http.h"
#include "scimd/http/tls.h"

#define CHAIN_MAX 16u

/* PEM texts, owned. The library asks once per handshake and says nothing of whose it is, so there is
 * one for the process, which has one door with TLS. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *current_certificate, *current_key;

int tls_current_set(const char *certificate, const char *key)
{
	char *new_certificate = strdup(certificate), *new_key = strdup(key);
	char *old_certificate, *old_key;

	if (!new_certificate || !new_key) {
		free(new_certificate);
		tls_key_freep(&new_key);
		return -ENOMEM;
	}
	pthread_mutex_lock(&lock);
	old_certificate = current_certificate;
	old_key = current_key;
	current_certificate = new_certificate;
	current_key = new_key;
	pthread_mutex_unlock(&lock);
	free(old_certificate);
	tls_key_freep(&old_key);
	return 0;
}

static gnutls_datum_t datum_of(const char *text)
{
	return (gnutls_datum_t){ .data = (unsigned char *)text,
				 .size = (unsigned int)strlen(text) };
}

/* Locked. The chain goes to gnutls, which frees it by its own allocator. */
static int chain_make(gnutls_pcert_st **ret, unsigned int *ret_count)
{
	gnutls_pcert_st *chain = gnutls_calloc(CHAIN_MAX, sizeof(*chain));
	gnutls_datum_t datum = datum_of(current_certificate);
	unsigned int count = CHAIN_MAX;
	int r;

	if (!chain)
		return GNUTLS_E_MEMORY_ERROR;
	r = gnutls_pcert_list_import_x509_raw(chain, &count, &datum, GNUTLS_X509_FMT_PEM, 0);
	if (r < 0) {
		gnutls_free(chain);
		return r;
	}
	*ret = chain;
	*ret_count = count;
	return 0;
}

/* Locked. */
static int key_make(gnutls_privkey_t *ret)
{
	gnutls_datum_t datum = datum_of(current_key);
	gnutls_privkey_t key;
	int r = gnutls_privkey_init(&key);

	if (r < 0)
		return r;
	r = gnutls_privkey_import_x509_raw(key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (r < 0) {
		gnutls_privkey_deinit(key);
		return r;
	}
	*ret = key;
	return 0;
}

int tls_current_retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
			 gnutls_pcert_st **certs, unsigned int *cert_count,
			 gnutls_ocsp_data_st **ocsp, unsigned int *ocsp_count,
			 gnutls_privkey_t *privkey, unsigned int *flags)
{
	gnutls_privkey_t key = NULL;
	int r = GNUTLS_E_NO_CERTIFICATE_FOUND;

	(void)session;
	(void)info;
	pthread_mutex_lock(&lock);
	if (current_key)
		r = key_make(&key);
	if (r == 0)
		r = chain_make(certs, cert_count);
	pthread_mutex_unlock(&lock);
	if (r < 0) {
		if (key)
			gnutls_privkey_deinit(key);
		return -1;
	}
	*privkey = key;
	*ocsp = NULL;
	*ocsp_count = 0;
	*flags = GNUTLS_CERT_RETR_DEINIT_ALL;
	return 0;
}
