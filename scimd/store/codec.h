/* codec.h - bytes of keys and rows: building them, and taking them apart without trusting them.
 * Layer: store, private. Threads: any; no shared state. Integers are big-endian, so that the byte
 * order of keys is the order of numbers.
 * Errors: building never fails at once; a failed allocation sticks in the struct bytes and comes
 * out as -ENOMEM where it is used. Taking apart fails with -EIO: the row is damaged. */
#ifndef SCIMD_STORE_CODEC_H
#define SCIMD_STORE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/attrs.h"

#define CODEC_ID_SIZE 16 /* a UUID in binary */

/* Owned, growing; start from BYTES_INIT. May hold a password hash, hence always wiped. */
struct bytes {
	unsigned char *data;
	size_t size, room;
	bool failed;
};

/* Borrowed; the reading functions move it forward. */
struct span {
	const unsigned char *data;
	size_t size;
};

#define BYTES_INIT { NULL, 0, 0, false }
#define _cleanup_bytes_ _cleanup_(bytes_done)

void bytes_done(struct bytes *bytes);

void codec_put_mem(struct bytes *bytes, const void *data, size_t size);
void codec_put_u8(struct bytes *bytes, uint8_t value);
void codec_put_u32(struct bytes *bytes, uint32_t value);
void codec_put_u64(struct bytes *bytes, uint64_t value);
void codec_put_word(struct bytes *bytes, const char *text); /* with its terminator, for keys */
void codec_put_text(struct bytes *bytes, const char *text); /* with its length, may be NULL */

struct span codec_span(const struct bytes *bytes); /* borrowed from bytes */

_must_use_ int codec_get_mem(struct span *span, size_t size, void *ret);
_must_use_ int codec_get_u8(struct span *span, uint8_t *ret);
_must_use_ int codec_get_u32(struct span *span, uint32_t *ret);
_must_use_ int codec_get_u64(struct span *span, uint64_t *ret);
/* Owned string, or NULL if NULL was put. */
_must_use_ int codec_get_text(struct span *span, char **ret);
/* The same into a buffer; NULL in the row is damage. */
_must_use_ int codec_get_text_into(struct span *span, char *ret, size_t room);
/* Borrowed, of a terminated word. */
_must_use_ int codec_get_word(struct span *span, const char **ret);
_must_use_ int codec_get_end(const struct span *span); /* nothing is left */
/* The first byte of every row; another version is damage to this program. */
_must_use_ int codec_get_version(struct span *span, uint8_t version);

/* A UUID's lower-case text to its 16 bytes and back. Other texts: -EINVAL; they name nothing. */
_must_use_ int codec_id_parse(const char *text, unsigned char ret[static CODEC_ID_SIZE]);
void codec_id_format(const unsigned char id[static CODEC_ID_SIZE], char ret[static 37]);
/* The same within a row or key. */
_must_use_ int codec_put_id(struct bytes *bytes, const char *text);
_must_use_ int codec_get_id(struct span *span, char ret[static 37]);

#endif
