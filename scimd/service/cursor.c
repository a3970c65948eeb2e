/* version, flags, type, count, expires, total, order, query, id, key up to the end, then the first
 * half of an HMAC-SHA256 of all that; numbers big-endian; all in base64url without padding. */
#include "scimd/service/cursor.h"

#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>

#define CURSOR_VERSION 1
#define MAC_SIZE 16u
#define DIGEST_SIZE 32u
#define SORTED 0x01u
#define HAS_KEY 0x02u
#define ID_LEN (RESOURCE_ID_SIZE - 1)
#define FIXED_SIZE (3u + 4u + 3u * 8u + CURSOR_QUERY_SIZE + ID_LEN)
#define BYTES_MAX (FIXED_SIZE + SORT_KEY_MAX + MAC_SIZE)

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static unsigned char *put_number(unsigned char *at, uint64_t number, unsigned int bytes)
{
	while (bytes-- > 0)
		*at++ = (unsigned char)(number >> (8 * bytes));
	return at;
}

static const unsigned char *get_number(const unsigned char *at, unsigned int bytes, uint64_t *ret)
{
	*ret = 0;
	while (bytes-- > 0)
		*ret = *ret << 8 | *at++;
	return at;
}

static int mac_make(const unsigned char *secret, const unsigned char *bytes, size_t size,
		    unsigned char ret[static MAC_SIZE])
{
	unsigned char digest[DIGEST_SIZE];

	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret, CURSOR_SECRET_SIZE, bytes, size, digest))
		return -EIO;
	memcpy(ret, digest, MAC_SIZE);
	return 0;
}

static char *text_encode(const unsigned char *bytes, size_t size)
{
	char *text = malloc(size * 4 / 3 + 2), *at = text;
	unsigned int held = 0, bits = 0;

	if (!text)
		return NULL;
	for (size_t i = 0; i < size; i++) {
		held = (held << 8 | bytes[i]) & 0xffff;
		for (bits += 8; bits >= 6; bits -= 6)
			*at++ = alphabet[held >> (bits - 6) & 63];
	}
	if (bits > 0)
		*at++ = alphabet[held << (6 - bits) & 63];
	*at = '\0';
	return text;
}

/* How many bytes the text holds, or -EINVAL. */
static int text_decode(const char *text, unsigned char ret[static BYTES_MAX])
{
	unsigned int held = 0, bits = 0;
	int size = 0;

	for (; *text; text++) {
		const char *digit = strchr(alphabet, *text);

		if (!digit)
			return -EINVAL;
		held = (held << 6 | (unsigned int)(digit - alphabet)) & 0xffff;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		if (size >= (int)BYTES_MAX)
			return -EINVAL;
		ret[size++] = (unsigned char)(held >> bits);
	}
	return bits < 6 && (held & ((1u << bits) - 1)) == 0 ? size : -EINVAL;
}

int cursor_print(const unsigned char secret[static CURSOR_SECRET_SIZE],
		 const struct cursor *cursor, char **ret)
{
	unsigned char bytes[BYTES_MAX] = { CURSOR_VERSION }, *at = bytes + 1;
	size_t key_len = strlen(cursor->key);
	int r;

	*at++ = (unsigned char)((cursor->sorted ? SORTED : 0) | (cursor->has_key ? HAS_KEY : 0));
	*at++ = (unsigned char)cursor->type;
	at = put_number(at, cursor->count, 4);
	at = put_number(at, cursor->expires_s, 8);
	at = put_number(at, cursor->total, 8);
	at = put_number(at, cursor->order, 8);
	at = mempcpy(at, cursor->query, CURSOR_QUERY_SIZE);
	memcpy(at, cursor->id, ID_LEN);
	at = mempcpy(at + ID_LEN, cursor->key, key_len);
	r = mac_make(secret, bytes, (size_t)(at - bytes), at);
	if (r < 0)
		return r;
	*ret = text_encode(bytes, (size_t)(at - bytes) + MAC_SIZE);
	return *ret ? 0 : -ENOMEM;
}

/* Bytes that we signed ourselves. */
static void cursor_read(const unsigned char *bytes, size_t size, struct cursor *ret)
{
	const unsigned char *at = bytes + 3;
	uint64_t count;

	*ret = (struct cursor){
		.sorted = bytes[1] & SORTED,
		.has_key = bytes[1] & HAS_KEY,
		.type = bytes[2],
	};
	at = get_number(at, 4, &count);
	ret->count = (uint32_t)count;
	at = get_number(at, 8, &ret->expires_s);
	at = get_number(at, 8, &ret->total);
	at = get_number(at, 8, &ret->order);
	memcpy(ret->query, at, CURSOR_QUERY_SIZE);
	memcpy(ret->id, at + CURSOR_QUERY_SIZE, ID_LEN);
	memcpy(ret->key, bytes + FIXED_SIZE, size - FIXED_SIZE);
}

int cursor_parse(const unsigned char secret[static CURSOR_SECRET_SIZE], const char *text,
		 struct cursor *ret)
{
	unsigned char bytes[BYTES_MAX], mac[MAC_SIZE];
	int size = text_decode(text, bytes), r;

	if (size < (int)(FIXED_SIZE + MAC_SIZE) || bytes[0] != CURSOR_VERSION)
		return -EINVAL;
	r = mac_make(secret, bytes, (size_t)size - MAC_SIZE, mac);
	if (r < 0)
		return r;
	if (gnutls_memcmp(mac, bytes + size - MAC_SIZE, MAC_SIZE) != 0)
		return -EINVAL;
	cursor_read(bytes, (size_t)size - MAC_SIZE, ret);
	return 0;
}
