/* Certificates: from files, or made here. */
#include "scimd/http/tls.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "scimd/http/http.h"
#include "shared/conf_file.h"

#define PEM_BYTES_MAX ((size_t)256 * 1024)
#define CHAIN_MAX 16u
#define SELF_SIGNED_SECONDS ((time_t)10 * 365 * 24 * 3600)
/* A clock that is a little behind elsewhere must not refuse a certificate made just now. */
#define CLOCK_SKEW_SECONDS ((time_t)24 * 3600)
#define HOST_NAME_SIZE 256

void tls_key_freep(char **key)
{
	if (*key)
		explicit_bzero(*key, strlen(*key));
	free(*key);
	*key = NULL;
}

static void crt_freep(gnutls_x509_crt_t *crt)
{
	if (*crt)
		gnutls_x509_crt_deinit(*crt);
}

static void privkey_freep(gnutls_x509_privkey_t *key)
{
	if (*key)
		gnutls_x509_privkey_deinit(*key);
}

static void credentials_freep(gnutls_certificate_credentials_t *credentials)
{
	if (*credentials)
		gnutls_certificate_free_credentials(*credentials);
}

static int errno_of(int gnutls_error)
{
	return gnutls_error == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EINVAL;
}

static gnutls_datum_t datum_of(const char *text)
{
	return (gnutls_datum_t){ .data = (unsigned char *)text,
				 .size = (unsigned int)strlen(text) };
}

/* A whole small text file, owned. */
static int file_read(const char *path, char **ret)
{
	size_t size;
	int r = conf_file_read(path, PEM_BYTES_MAX, ret, &size);

	if (r == 0)
		(*ret)[size] = '\0';
	return r;
}

int tls_check(const char *certificate, const char *key)
{
	_cleanup_(credentials_freep) gnutls_certificate_credentials_t credentials = NULL;
	gnutls_datum_t certificate_datum = datum_of(certificate), key_datum = datum_of(key);
	int r;

	r = gnutls_certificate_allocate_credentials(&credentials);
	if (r < 0)
		return errno_of(r);
	r = gnutls_certificate_set_x509_key_mem(credentials, &certificate_datum, &key_datum,
						GNUTLS_X509_FMT_PEM);
	return r < 0 ? errno_of(r) : 0;
}

int tls_load(const char *certificate_path, const char *key_path, char **ret_certificate,
	     char **ret_key)
{
	_cleanup_(tls_key_freep) char *certificate = NULL;
	_cleanup_(tls_key_freep) char *key = NULL;
	int r;

	r = file_read(certificate_path, &certificate);
	if (r < 0)
		return r;
	r = file_read(key_path, &key);
	if (r < 0)
		return r;
	r = tls_check(certificate, key);
	if (r < 0)
		return r;
	*ret_certificate = TAKE_PTR(certificate);
	*ret_key = TAKE_PTR(key);
	return 0;
}

int tls_fingerprint(const char *certificate, char ret[static TLS_FINGERPRINT_SIZE])
{
	gnutls_datum_t datum = datum_of(certificate);
	gnutls_x509_crt_t chain[CHAIN_MAX];
	unsigned int count = ARRAY_SIZE(chain);
	unsigned char digest[TLS_FINGERPRINT_SIZE / 3];
	size_t size = sizeof(digest);
	int r;

	r = gnutls_x509_crt_list_import(chain, &count, &datum, GNUTLS_X509_FMT_PEM, 0);
	if (r < 0)
		return errno_of(r);
	if (r == 0)
		return -EINVAL;
	count = (unsigned int)r;
	r = gnutls_x509_crt_get_fingerprint(chain[0], GNUTLS_DIG_SHA256, digest, &size);
	for (unsigned int i = 0; i < count; i++)
		gnutls_x509_crt_deinit(chain[i]);
	if (r < 0)
		return errno_of(r);
	for (size_t i = 0; i < size; i++)
		(void)snprintf(ret + i * 3, 4, i + 1 < size ? "%02X:" : "%02X", digest[i]);
	return 0;
}

/* What the certificate says: names, dates, purpose. All of it once, from a table of its own. */
static int crt_set_names(gnutls_x509_crt_t crt)
{
	static const unsigned char v4[4] = { 127, 0, 0, 1 };
	static const unsigned char v6[16] = { [15] = 1 };
	char host[HOST_NAME_SIZE] = "";
	const char *name = "localhost";
	int r;

	if (gethostname(host, sizeof(host) - 1) == 0 && host[0] && strcmp(host, name) != 0)
		name = host;
	/* X.520 allows a common name of 64 characters; the alternative names are what counts. */
	r = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
					  (unsigned int)strnlen(name, 64));
	if (r >= 0)
		r = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, "localhost",
							 strlen("localhost"), GNUTLS_FSAN_SET);
	if (r >= 0 && name == host)
		r = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, host,
							 (unsigned int)strlen(host),
							 GNUTLS_FSAN_APPEND);
	if (r >= 0)
		r = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, v4, sizeof(v4),
							 GNUTLS_FSAN_APPEND);
	if (r >= 0)
		r = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, v6, sizeof(v6),
							 GNUTLS_FSAN_APPEND);
	return r;
}

static int crt_fill(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key)
{
	unsigned char serial[16];
	time_t now = time(NULL);
	int r;

	if (getrandom(serial, sizeof(serial), 0) != (ssize_t)sizeof(serial))
		return GNUTLS_E_RANDOM_FAILED;
	serial[0] = (unsigned char)((serial[0] & 0x7F) | 0x40); /* positive, and never zero */
	r = gnutls_x509_crt_set_version(crt, 3);
	if (r >= 0)
		r = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	if (r >= 0)
		r = gnutls_x509_crt_set_activation_time(crt, now - CLOCK_SKEW_SECONDS);
	if (r >= 0)
		r = gnutls_x509_crt_set_expiration_time(crt, now + SELF_SIGNED_SECONDS);
	if (r >= 0)
		r = crt_set_names(crt);
	if (r >= 0)
		r = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
	if (r >= 0)
		r = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (r >= 0)
		r = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
	if (r >= 0)
		r = gnutls_x509_crt_set_key(crt, key);
	if (r >= 0)
		r = gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
	return r;
}

/* PEM text as our own terminated string; the library's copy is wiped. */
static int text_take(gnutls_datum_t *datum, char **ret)
{
	char *text = strndup((const char *)datum->data, datum->size);

	explicit_bzero(datum->data, datum->size);
	gnutls_free(datum->data);
	if (!text)
		return -ENOMEM;
	*ret = text;
	return 0;
}

static int pair_make(char **ret_certificate, char **ret_key)
{
	_cleanup_(privkey_freep) gnutls_x509_privkey_t key = NULL;
	_cleanup_(crt_freep) gnutls_x509_crt_t crt = NULL;
	_cleanup_(tls_key_freep) char *key_text = NULL;
	gnutls_datum_t datum;
	int r;

	r = gnutls_x509_privkey_init(&key);
	if (r >= 0)
		r = gnutls_x509_privkey_generate(
			key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	if (r >= 0)
		r = gnutls_x509_crt_init(&crt);
	if (r >= 0)
		r = crt_fill(crt, key);
	if (r < 0)
		return errno_of(r);
	r = gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &datum);
	if (r < 0)
		return errno_of(r);
	r = text_take(&datum, &key_text);
	if (r < 0)
		return r;
	r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &datum);
	if (r < 0)
		return errno_of(r);
	r = text_take(&datum, ret_certificate);
	if (r < 0)
		return r;
	*ret_key = TAKE_PTR(key_text);
	return 0;
}

static int bytes_write(int fd, const char *text)
{
	for (size_t left = strlen(text); left > 0;) {
		ssize_t n = write(fd, text, left);

		if (n < 0)
			return -errno;
		text += n;
		left -= (size_t)n;
	}
	return 0;
}

/* Replace a file as a whole: what is there under the name is complete, whenever one looks. */
static int file_replace(int directory, const char *name, const char *text, mode_t mode)
{
	_cleanup_close_ int fd = -1;
	char temporary[NAME_MAX];
	int r;

	(void)snprintf(temporary, sizeof(temporary), ".%s.new", name);
	if (unlinkat(directory, temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	r = bytes_write(fd, text);
	if (r < 0)
		return r;
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0 ||
	    renameat(directory, temporary, directory, name) < 0)
		return -errno;
	return 0;
}

static int pair_store(const char *directory, const char *certificate, const char *key)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (mkdir(directory, 0700) == 0 ? chmod(directory, 0755) < 0 : errno != EEXIST)
		return -errno;
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = file_replace(fd, "key.pem", key, 0600);
	if (r < 0)
		return r;
	r = file_replace(fd, "cert.pem", certificate, 0644);
	if (r < 0)
		return r;
	return fsync(fd) < 0 ? -errno : 0;
}

int tls_self_signed(const char *directory, char **ret_certificate, char **ret_key, int *ret_made)
{
	_cleanup_(tls_key_freep) char *certificate = NULL;
	_cleanup_(tls_key_freep) char *key = NULL;
	char certificate_path[PATH_MAX], key_path[PATH_MAX];
	int r;

	if (snprintf(certificate_path, sizeof(certificate_path), "%s/cert.pem", directory) >=
		    PATH_MAX ||
	    snprintf(key_path, sizeof(key_path), "%s/key.pem", directory) >= PATH_MAX)
		return -ENAMETOOLONG;
	r = tls_load(certificate_path, key_path, ret_certificate, ret_key);
	if (r == 0)
		*ret_made = 0;
	/* One of the two is missing: first start, or it ended between the two files. A pair that is
	 * there and cannot be used is for the operator to look at. */
	if (r != -ENOENT)
		return r;
	r = pair_make(&certificate, &key);
	if (r < 0)
		return r;
	r = pair_store(directory, certificate, key);
	if (r < 0)
		return r;
	*ret_certificate = TAKE_PTR(certificate);
	*ret_key = TAKE_PTR(key);
	*ret_made = 1;
	return 0;
}
