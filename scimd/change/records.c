#include "scimd/change/internal.h"

#include <string.h>

#define SECONDS_PER_DAY (24 * 60 * 60)

#include "scimd/base/clock.h"

int outbox_add(struct outbox *outbox, struct packet *packet)
{
	unsigned char *copy;

	packet_finish(packet);
	if (packet->bad)
		return -EMSGSIZE;
	if (outbox->count == outbox->room) {
		size_t room = outbox->room ? outbox->room * 2 : 8;
		struct outbox_item *larger = reallocarray(outbox->items, room, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		outbox->items = larger;
		outbox->room = room;
	}
	copy = malloc(packet->size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, packet->bytes, packet->size);
	outbox->items[outbox->count++] = (struct outbox_item){ packet->size, copy };
	return 0;
}

void outbox_done(struct outbox *outbox)
{
	for (size_t i = 0; i < outbox->count; i++) {
		explicit_bzero(outbox->items[i].bytes, outbox->items[i].size);
		free(outbox->items[i].bytes);
	}
	free(outbox->items);
	*outbox = (struct outbox){ 0 };
}

static uint16_t put_count(char *const *list)
{
	size_t count = 0;

	while (list && list[count] && count < DIRECTORY_STRINGS_MAX)
		count++;
	return (uint16_t)count;
}

static void put_list(struct packet *packet, char *const *list, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		packet_put_string(packet, list[i]);
}

int record_user(struct packet *packet, uint64_t tag, enum warden_op op, uint32_t uid,
		const struct identity *identity)
{
	struct warden_user user = {
		.uid = uid,
		.flags = identity->allowed ? WARDEN_USER_ALLOWED : 0,
		.role_count = put_count(identity->roles),
		.key_count = put_count(identity->keys),
		.env_count = put_count(identity->env),
	};

	packet_begin(packet, op, tag);
	packet_put(packet, &user, sizeof(user));
	packet_put_string(packet, identity->name);
	packet_put_string(packet, identity->gecos);
	packet_put_string(packet, identity->home);
	packet_put_string(packet, identity->shell);
	packet_put_string(packet, identity->reason);
	put_list(packet, identity->roles, user.role_count);
	put_list(packet, identity->keys, user.key_count);
	put_list(packet, identity->env, user.env_count);
	return packet->bad ? -EMSGSIZE : 0;
}

void record_user_deleted(struct packet *packet, uint64_t tag, uint32_t uid)
{
	struct warden_user user = { .uid = uid, .flags = WARDEN_USER_DELETED };

	packet_begin(packet, WARDEN_USER, tag);
	packet_put(packet, &user, sizeof(user));
	for (int i = 0; i < 5; i++) /* name, gecos, home, shell, reason */
		packet_put_string(packet, "");
}

void record_group(struct packet *packet, uint64_t tag, enum warden_op op, uint32_t gid,
		  const char *name)
{
	struct warden_group group = { .gid = gid };

	packet_begin(packet, op, tag);
	packet_put(packet, &group, sizeof(group));
	packet_put_string(packet, name);
}

void record_group_deleted(struct packet *packet, uint64_t tag, uint32_t gid)
{
	struct warden_group group = { .gid = gid, .flags = WARDEN_GROUP_DELETED };

	packet_begin(packet, WARDEN_GROUP, tag);
	packet_put(packet, &group, sizeof(group));
	packet_put_string(packet, "");
}

void record_password(struct packet *packet, uint64_t tag, uint32_t uid, const char *hash)
{
	struct warden_password password = {
		.uid = uid,
		.changed_day = (uint32_t)(clock_now_us() / 1000000 / SECONDS_PER_DAY),
	};

	packet_begin(packet, WARDEN_PASSWORD, tag);
	packet_put(packet, &password, sizeof(password));
	packet_put_string(packet, hash);
}

int records_members(struct outbox *outbox, uint32_t gid, uint32_t action, const uint32_t *uids,
		    size_t count)
{
	const size_t most = (WARDEN_MESSAGE_MAX - sizeof(struct warden_message) -
			     sizeof(struct warden_members)) / sizeof(uint32_t);
	struct packet packet;

	while (count) {
		struct warden_members members = { .gid = gid, .action = action };
		int r;

		members.count = (uint32_t)(count < most ? count : most);
		packet_begin(&packet, WARDEN_MEMBERS, 0);
		packet_put(&packet, &members, sizeof(members));
		packet_put(&packet, uids, members.count * sizeof(*uids));
		r = outbox_add(outbox, &packet);
		if (r < 0)
			return r;
		uids += members.count;
		count -= members.count;
	}
	return 0;
}
