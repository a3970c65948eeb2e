#include "scimd/policy/certificate.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#define TEXT_MAX_BYTES 65536u
#define BLOB_MAX_BYTES 4096u /* RSA of 16384 bits, which is what sshd takes at most */

/* The blob of a public key (RFC 4253 section 6.6, RFC 5656 section 3.1, RFC 8709 section 4). */
struct blob {
	unsigned char bytes[BLOB_MAX_BYTES];
	size_t size;
	bool full;
};

static void blob_put(struct blob *blob, const void *bytes, size_t size)
{
	if (size > BLOB_MAX_BYTES - blob->size) {
		blob->full = true;
		return;
	}
	memcpy(blob->bytes + blob->size, bytes, size);
	blob->size += size;
}

static void blob_put_size(struct blob *blob, size_t size)
{
	const unsigned char bytes[] = { (unsigned char)(size >> 24), (unsigned char)(size >> 16),
					(unsigned char)(size >> 8), (unsigned char)size };

	blob_put(blob, bytes, sizeof(bytes));
}

static void blob_put_string(struct blob *blob, const void *bytes, size_t size)
{
	blob_put_size(blob, size);
	blob_put(blob, bytes, size);
}

static gnutls_datum_t number_trim(const gnutls_datum_t *number)
{
	gnutls_datum_t left = *number;

	while (left.size > 0 && left.data[0] == 0) {
		left.data++;
		left.size--;
	}
	return left;
}

/* RFC 4251 section 5: no zero in front but before a set sign bit. */
static void blob_put_mpint(struct blob *blob, const gnutls_datum_t *number)
{
	gnutls_datum_t left = number_trim(number);
	bool sign = left.size > 0 && left.data[0] & 0x80;

	blob_put_size(blob, left.size + sign);
	if (sign)
		blob_put(blob, "", 1);
	blob_put(blob, left.data, left.size);
}

/* One coordinate, as long as the curve's field. */
static bool blob_put_coordinate(struct blob *blob, const gnutls_datum_t *number, size_t size)
{
	static const unsigned char zeros[66];
	gnutls_datum_t left = number_trim(number);

	if (left.size > size)
		return false;
	blob_put(blob, zeros, size - left.size);
	blob_put(blob, left.data, left.size);
	return true;
}

static const char *blob_rsa(gnutls_pubkey_t key, struct blob *blob)
{
	gnutls_datum_t modulus = { NULL, 0 }, exponent = { NULL, 0 };

	if (gnutls_pubkey_export_rsa_raw(key, &modulus, &exponent) < 0)
		return NULL;
	blob_put_string(blob, "ssh-rsa", 7);
	blob_put_mpint(blob, &exponent);
	blob_put_mpint(blob, &modulus);
	gnutls_free(modulus.data);
	gnutls_free(exponent.data);
	return "ssh-rsa";
}

static const struct curve {
	gnutls_ecc_curve_t curve;
	const char *type, *name;
	size_t size; /* of a coordinate */
} curves[] = {
	{ GNUTLS_ECC_CURVE_SECP256R1, "ecdsa-sha2-nistp256", "nistp256", 32 },
	{ GNUTLS_ECC_CURVE_SECP384R1, "ecdsa-sha2-nistp384", "nistp384", 48 },
	{ GNUTLS_ECC_CURVE_SECP521R1, "ecdsa-sha2-nistp521", "nistp521", 66 },
	{ GNUTLS_ECC_CURVE_ED25519, "ssh-ed25519", NULL, 32 },
};

static bool blob_point(const struct curve *curve, const gnutls_datum_t *x, const gnutls_datum_t *y,
		       struct blob *blob)
{
	blob_put_string(blob, curve->type, strlen(curve->type));
	if (!curve->name) {
		blob_put_string(blob, x->data, x->size);
		return x->size == curve->size;
	}
	blob_put_string(blob, curve->name, strlen(curve->name));
	blob_put_size(blob, 2 * curve->size + 1);
	blob_put(blob, "\x04", 1); /* not compressed (SEC 1 section 2.3.3) */
	return blob_put_coordinate(blob, x, curve->size) &&
	       blob_put_coordinate(blob, y, curve->size);
}

static const char *blob_ecc(gnutls_pubkey_t key, struct blob *blob)
{
	gnutls_datum_t x = { NULL, 0 }, y = { NULL, 0 };
	gnutls_ecc_curve_t curve;
	const char *type = NULL;

	if (gnutls_pubkey_export_ecc_raw(key, &curve, &x, &y) < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(curves) && !type; i++)
		if (curves[i].curve == curve && blob_point(&curves[i], &x, &y, blob))
			type = curves[i].type;
	gnutls_free(x.data);
	gnutls_free(y.data);
	return type;
}

/* The key's type for sshd, and its blob; NULL if sshd would not take it. */
static const char *blob_make(gnutls_x509_crt_t certificate, struct blob *blob)
{
	gnutls_pubkey_t key;
	const char *type = NULL;

	if (gnutls_pubkey_init(&key) < 0)
		return NULL;
	if (gnutls_pubkey_import_x509(key, certificate, 0) == 0) {
		int algorithm = gnutls_pubkey_get_pk_algorithm(key, NULL);

		if (algorithm == GNUTLS_PK_RSA)
			type = blob_rsa(key, blob);
		else if (algorithm == GNUTLS_PK_ECDSA || algorithm == GNUTLS_PK_EDDSA_ED25519)
			type = blob_ecc(key, blob);
	}
	gnutls_pubkey_deinit(key);
	return blob->full ? NULL : type;
}

static int refuse(char why[static CERTIFICATE_WHY_SIZE], const char *sentence)
{
	(void)snprintf(why, CERTIFICATE_WHY_SIZE, "%s", sentence);
	return -EINVAL;
}

static int refuse_date(char why[static CERTIFICATE_WHY_SIZE], const char *what, time_t time)
{
	char text[32] = "?";
	struct tm tm;

	if (gmtime_r(&time, &tm))
		(void)strftime(text, sizeof(text), "%Y-%m-%d", &tm);
	(void)snprintf(why, CERTIFICATE_WHY_SIZE, "%s %s", what, text);
	return -EINVAL;
}

/* `expiry-time="…" `, or nothing for one that has no end. */
static void expiry_write(time_t end, char *ret, size_t size)
{
	struct tm tm;

	*ret = '\0';
	if (end != (time_t)GNUTLS_X509_NO_WELL_DEFINED_EXPIRATION && gmtime_r(&end, &tm))
		(void)strftime(ret, size, "expiry-time=\"%Y%m%d%H%M%SZ\" ", &tm);
}

static int line_make(gnutls_x509_crt_t certificate, time_t end, char **ret,
		     char why[static CERTIFICATE_WHY_SIZE])
{
	struct blob blob = { .size = 0 };
	const char *type = blob_make(certificate, &blob);
	gnutls_datum_t bytes = { blob.bytes, (unsigned int)blob.size }, text = { NULL, 0 };
	char expiry[64];
	int r;

	if (!type)
		return refuse(why, "its key is none that sshd takes (RSA, ECDSA, Ed25519)");
	if (gnutls_base64_encode2(&bytes, &text) < 0)
		return -ENOMEM;
	expiry_write(end, expiry, sizeof(expiry));
	r = asprintf(ret, "%s%s %.*s x509", expiry, type, (int)text.size, (const char *)text.data);
	gnutls_free(text.data);
	return r < 0 ? -ENOMEM : 0;
}

static int certificate_judge(gnutls_x509_crt_t certificate, uint64_t now_s, char **ret,
			     char why[static CERTIFICATE_WHY_SIZE])
{
	time_t begin = gnutls_x509_crt_get_activation_time(certificate);
	time_t end = gnutls_x509_crt_get_expiration_time(certificate);
	unsigned int usage = 0;

	if (begin == (time_t)-1 || end == (time_t)-1)
		return refuse(why, "its dates cannot be read");
	if ((uint64_t)begin > now_s) {
		(void)refuse_date(why, "it is not valid before", begin);
		return -EAGAIN;
	}
	if ((uint64_t)end <= now_s)
		return refuse_date(why, "it expired on", end);
	if (gnutls_x509_crt_get_key_usage(certificate, &usage, NULL) == 0 &&
	    !(usage & GNUTLS_KEY_DIGITAL_SIGNATURE))
		return refuse(why, "its key usage has no digitalSignature");
	return line_make(certificate, end, ret, why);
}

int certificate_key(const char *base64, uint64_t now_s, char **ret,
		    char why[static CERTIFICATE_WHY_SIZE])
{
	gnutls_datum_t text = { (unsigned char *)(uintptr_t)base64, (unsigned int)strlen(base64) };
	gnutls_datum_t der = { NULL, 0 };
	gnutls_x509_crt_t certificate;
	int r;

	if (text.size > TEXT_MAX_BYTES || gnutls_base64_decode2(&text, &der) < 0)
		return refuse(why, "it is not in base64");
	if (gnutls_x509_crt_init(&certificate) < 0) {
		gnutls_free(der.data);
		return -ENOMEM;
	}
	if (gnutls_x509_crt_import(certificate, &der, GNUTLS_X509_FMT_DER) == 0)
		r = certificate_judge(certificate, now_s, ret, why);
	else
		r = refuse(why, "it is no X.509 certificate in DER");
	gnutls_x509_crt_deinit(certificate);
	gnutls_free(der.data);
	return r;
}
