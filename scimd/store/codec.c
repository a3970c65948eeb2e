#include "scimd/store/codec.h"

#include <string.h>

#define TEXT_NULL UINT32_MAX /* stands in the place of a length */

void bytes_done(struct bytes *bytes)
{
	if (bytes->data)
		explicit_bzero(bytes->data, bytes->size);
	freep(&bytes->data);
	*bytes = (struct bytes)BYTES_INIT;
}

/* Room for size more bytes; realloc would leave the old bytes behind unwiped. */
static bool bytes_grow(struct bytes *bytes, size_t size)
{
	unsigned char *data;
	size_t wanted, room;

	if (bytes->failed || __builtin_add_overflow(bytes->size, size, &wanted)) {
		bytes->failed = true;
		return false;
	}
	if (wanted <= bytes->room)
		return true;
	room = wanted < 64 ? 64 : wanted;
	if (bytes->room && room < bytes->room * 2)
		room = bytes->room * 2;
	data = malloc(room);
	if (!data) {
		bytes->failed = true;
		return false;
	}
	if (bytes->data) {
		memcpy(data, bytes->data, bytes->size);
		explicit_bzero(bytes->data, bytes->size);
		free(bytes->data);
	}
	bytes->data = data;
	bytes->room = room;
	return true;
}

void codec_put_mem(struct bytes *bytes, const void *data, size_t size)
{
	if (!bytes_grow(bytes, size) || size == 0)
		return;
	memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
}

void codec_put_u8(struct bytes *bytes, uint8_t value)
{
	codec_put_mem(bytes, &value, 1);
}

void codec_put_u32(struct bytes *bytes, uint32_t value)
{
	unsigned char raw[4];

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (unsigned char)(value >> (24 - 8 * i));
	codec_put_mem(bytes, raw, sizeof(raw));
}

void codec_put_u64(struct bytes *bytes, uint64_t value)
{
	codec_put_u32(bytes, (uint32_t)(value >> 32));
	codec_put_u32(bytes, (uint32_t)value);
}

void codec_put_word(struct bytes *bytes, const char *text)
{
	codec_put_mem(bytes, text, strlen(text) + 1);
}

void codec_put_text(struct bytes *bytes, const char *text)
{
	size_t size = text ? strlen(text) : 0;

	if (size >= TEXT_NULL) {
		bytes->failed = true;
		return;
	}
	codec_put_u32(bytes, text ? (uint32_t)size : TEXT_NULL);
	codec_put_mem(bytes, text, size);
}

struct span codec_span(const struct bytes *bytes)
{
	return (struct span){ bytes->data, bytes->size };
}

/* The next size bytes, borrowed, or NULL if there are not as many. */
static const unsigned char *span_take(struct span *span, size_t size)
{
	const unsigned char *data = span->data;

	if (size > span->size)
		return NULL;
	span->data += size;
	span->size -= size;
	return data;
}

int codec_get_mem(struct span *span, size_t size, void *ret)
{
	const unsigned char *data = span_take(span, size);

	if (!data)
		return -EIO;
	memcpy(ret, data, size);
	return 0;
}

int codec_get_u8(struct span *span, uint8_t *ret)
{
	return codec_get_mem(span, 1, ret);
}

int codec_get_u32(struct span *span, uint32_t *ret)
{
	const unsigned char *data = span_take(span, 4);

	if (!data)
		return -EIO;
	*ret = (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
	return 0;
}

int codec_get_u64(struct span *span, uint64_t *ret)
{
	uint32_t high, low;

	if (codec_get_u32(span, &high) < 0 || codec_get_u32(span, &low) < 0)
		return -EIO;
	*ret = (uint64_t)high << 32 | low;
	return 0;
}

/* Borrowed text without terminator; *ret_null says that NULL was put. */
static int span_text(struct span *span, struct span *ret, bool *ret_null)
{
	const unsigned char *data;
	uint32_t size;

	if (codec_get_u32(span, &size) < 0)
		return -EIO;
	*ret_null = size == TEXT_NULL;
	if (size == TEXT_NULL)
		return 0;
	data = span_take(span, size);
	if (!data || (size > 0 && memchr(data, 0, size)))
		return -EIO;
	*ret = (struct span){ data, size };
	return 0;
}

int codec_get_text(struct span *span, char **ret)
{
	struct span text;
	bool null;
	char *copy;

	if (span_text(span, &text, &null) < 0)
		return -EIO;
	if (null) {
		*ret = NULL;
		return 0;
	}
	copy = malloc(text.size + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	*ret = copy;
	return 0;
}

int codec_get_text_into(struct span *span, char *ret, size_t room)
{
	struct span text;
	bool null;

	if (span_text(span, &text, &null) < 0 || null || text.size >= room)
		return -EIO;
	memcpy(ret, text.data, text.size);
	ret[text.size] = '\0';
	return 0;
}

int codec_get_word(struct span *span, const char **ret)
{
	const unsigned char *end = span->size ? memchr(span->data, 0, span->size) : NULL;
	const char *word = (const char *)span->data;

	if (!end)
		return -EIO;
	(void)span_take(span, (size_t)(end - span->data) + 1); /* end lies inside */
	*ret = word;
	return 0;
}

int codec_get_end(const struct span *span)
{
	return span->size == 0 ? 0 : -EIO;
}

int codec_get_version(struct span *span, uint8_t version)
{
	uint8_t found;

	return codec_get_u8(span, &found) < 0 || found != version ? -EIO : 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool id_has_dash(size_t position)
{
	return position == 8 || position == 13 || position == 18 || position == 23;
}

/* Upper case is refused: ids compare case-exact (RFC 7643 section 3.1), so it would name nobody. */
int codec_id_parse(const char *text, unsigned char ret[static CODEC_ID_SIZE])
{
	unsigned char id[CODEC_ID_SIZE];
	size_t position = 0;

	for (size_t i = 0; i < CODEC_ID_SIZE; i++) {
		int high, low;

		if (id_has_dash(position) && text[position++] != '-')
			return -EINVAL;
		high = hex_digit(text[position]);
		low = high < 0 ? -1 : hex_digit(text[position + 1]);
		if (low < 0)
			return -EINVAL;
		id[i] = (unsigned char)(high << 4 | low);
		position += 2;
	}
	if (text[position] != '\0')
		return -EINVAL;
	memcpy(ret, id, sizeof(id));
	return 0;
}

void codec_id_format(const unsigned char id[static CODEC_ID_SIZE], char ret[static 37])
{
	static const char digits[] = "0123456789abcdef";
	char *to = ret;

	for (size_t i = 0; i < CODEC_ID_SIZE; i++) {
		if (id_has_dash((size_t)(to - ret)))
			*to++ = '-';
		*to++ = digits[id[i] >> 4];
		*to++ = digits[id[i] & 15];
	}
	*to = '\0';
}

int codec_put_id(struct bytes *bytes, const char *text)
{
	unsigned char id[CODEC_ID_SIZE];
	int r = codec_id_parse(text, id);

	if (r == 0)
		codec_put_mem(bytes, id, sizeof(id));
	return r;
}

int codec_get_id(struct span *span, char ret[static 37])
{
	unsigned char id[CODEC_ID_SIZE];
	int r = codec_get_mem(span, sizeof(id), id);

	if (r == 0)
		codec_id_format(id, ret);
	return r;
}
