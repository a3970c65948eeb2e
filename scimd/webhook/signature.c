#include "scimd/webhook/signature.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#define PREFIX "whsec_"
#define FILE_SIZE 512 /* two secrets of the longest kind are 190 bytes */
#define DIGEST_BYTES 32u

void secrets_wipe(struct secrets *secrets)
{
	explicit_bzero(secrets, sizeof(*secrets));
}

static int secret_parse(const char *line, size_t size, struct secrets *secrets)
{
	const size_t prefix = strlen(PREFIX);
	gnutls_datum_t text = { (unsigned char *)(uintptr_t)line, (unsigned int)size };
	gnutls_datum_t bytes = { NULL, 0 };
	int r = -EINVAL;

	if (secrets->count == SECRETS_MAX || size <= prefix || strncmp(line, PREFIX, prefix) != 0)
		return -EINVAL;
	text.data += prefix;
	text.size -= (unsigned int)prefix;
	if (gnutls_base64_decode2(&text, &bytes) < 0)
		return -EINVAL;
	if (bytes.size >= SECRET_BYTES_MIN && bytes.size <= SECRET_BYTES_MAX) {
		memcpy(secrets->items[secrets->count].bytes, bytes.data, bytes.size);
		secrets->items[secrets->count++].size = bytes.size;
		r = 0;
	}
	explicit_bzero(bytes.data, bytes.size);
	gnutls_free(bytes.data);
	return r;
}

static int secrets_parse(const char *text, struct secrets *secrets)
{
	while (*text) {
		size_t size = strcspn(text, "\r\n");

		if (size > 0 && secret_parse(text, size, secrets) < 0)
			return -EINVAL;
		text += size;
		text += strspn(text, "\r\n");
	}
	return secrets->count > 0 ? 0 : -EINVAL;
}

int secrets_read(const char *file, struct secrets *ret)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_(secrets_wipe) struct secrets secrets = { 0 };
	char text[FILE_SIZE + 1];
	ssize_t size;
	int r;

	if (fd < 0)
		return -errno;
	size = read(fd, text, sizeof(text));
	if (size < 0)
		return -errno;
	if (size > FILE_SIZE || memchr(text, '\0', (size_t)size)) {
		r = -EINVAL;
	} else {
		text[size] = '\0';
		r = secrets_parse(text, &secrets);
	}
	explicit_bzero(text, sizeof(text));
	if (r == 0)
		*ret = secrets;
	return r;
}

static int signature_one(const unsigned char *key, size_t key_size, const char *head,
			 const char *body, char ret[static SIGNATURE_SIZE])
{
	unsigned char digest[DIGEST_BYTES];
	gnutls_datum_t bytes = { digest, sizeof(digest) }, text = { NULL, 0 };
	gnutls_hmac_hd_t hmac;
	bool good;

	if (gnutls_hmac_init(&hmac, GNUTLS_MAC_SHA256, key, key_size) < 0)
		return -EIO;
	good = gnutls_hmac(hmac, head, strlen(head)) == 0 &&
	       gnutls_hmac(hmac, body, strlen(body)) == 0;
	gnutls_hmac_deinit(hmac, digest);
	if (!good || gnutls_base64_encode2(&bytes, &text) < 0)
		return -EIO;
	(void)snprintf(ret, SIGNATURE_SIZE, "v1,%.*s", (int)text.size, (const char *)text.data);
	gnutls_free(text.data);
	return 0;
}

int signature_make(const struct secrets *secrets, const char *id, uint64_t time_s, const char *body,
		   char ret[static SECRETS_MAX * SIGNATURE_SIZE])
{
	char head[256], text[SECRETS_MAX * SIGNATURE_SIZE] = "", one[SIGNATURE_SIZE];
	size_t size = 0;

	if (snprintf(head, sizeof(head), "%s.%llu.", id, (unsigned long long)time_s) >=
	    (int)sizeof(head))
		return -EIO;
	for (size_t i = 0; i < secrets->count; i++) {
		int r = signature_one(secrets->items[i].bytes, secrets->items[i].size, head, body,
				      one);

		if (r < 0)
			return r;
		size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%s", i ? " " : "",
					 one);
	}
	memcpy(ret, text, sizeof(text));
	return 0;
}
