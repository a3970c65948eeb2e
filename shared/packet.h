/* packet.h - bodies of the warden's protocol: bounded reading and writing. Layer: shared, libc
 * only. Threads: any, each with a packet of its own; nothing allocates. A reader borrows the bytes
 * it reads. A failed step makes the packet bad for good; one check at the end is enough. */
#ifndef SHARED_PACKET_H
#define SHARED_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shared/warden_proto.h"

struct packet_reader {
	const unsigned char *at;
	size_t left;
	bool bad;
};

static inline void packet_get(struct packet_reader *reader, void *into, size_t size)
{
	if (reader->bad || reader->left < size) {
		reader->bad = true;
		memset(into, 0, size);
		return;
	}
	memcpy(into, reader->at, size);
	reader->at += size;
	reader->left -= size;
}

/* A string: u16 size and bytes; must hold no NUL. Copied with a terminator into `into`, which takes
 * `room` bytes with it. */
static inline void packet_get_string(struct packet_reader *reader, char *into, size_t room)
{
	uint16_t size;

	packet_get(reader, &size, sizeof(size));
	if (reader->bad || size >= room || reader->left < size || memchr(reader->at, '\0', size)) {
		reader->bad = true;
		into[0] = '\0';
		return;
	}
	packet_get(reader, into, size);
	into[size] = '\0';
}

/* All read, nothing left over. */
static inline bool packet_is_done(const struct packet_reader *reader)
{
	return !reader->bad && reader->left == 0;
}

struct packet {
	size_t size; /* with the header */
	bool bad;    /* something did not fit */
	unsigned char bytes[WARDEN_MESSAGE_MAX] __attribute__((aligned(8)));
};

static inline void packet_begin(struct packet *packet, enum warden_op op, uint64_t tag)
{
	struct warden_message head = { .version = WARDEN_VERSION, .op = (uint16_t)op, .tag = tag };

	memcpy(packet->bytes, &head, sizeof(head));
	packet->size = sizeof(head);
	packet->bad = false;
}

static inline void packet_put(struct packet *packet, const void *from, size_t size)
{
	if (packet->bad || sizeof(packet->bytes) - packet->size < size) {
		packet->bad = true;
		return;
	}
	if (size)
		memcpy(packet->bytes + packet->size, from, size);
	packet->size += size;
}

static inline void packet_put_string(struct packet *packet, const char *text)
{
	size_t length = strlen(text);
	uint16_t size = (uint16_t)length;

	if (length > UINT16_MAX)
		packet->bad = true;
	packet_put(packet, &size, sizeof(size));
	packet_put(packet, text, length);
}

static inline size_t packet_room(const struct packet *packet)
{
	return sizeof(packet->bytes) - packet->size;
}

/* Writes the body's size into the header. */
static inline void packet_finish(struct packet *packet)
{
	uint32_t size = (uint32_t)(packet->size - sizeof(struct warden_message));

	memcpy(packet->bytes + offsetof(struct warden_message, size), &size, sizeof(size));
}

#endif
