#include "scimd/warden/record.h"

#include <stdarg.h>
#include <stdio.h>

#include "shared/packet.h"

int refuse(struct refusal *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why->text, sizeof(why->text), fmt, ap); /* cut is fine */
	va_end(ap);
	return -EINVAL;
}

/* `count` strings after one another into detail. */
static void detail_take(struct packet_reader *reader, struct user_record *user, size_t count)
{
	for (size_t i = 0; i < count && !reader->bad; i++) {
		char *into = user->detail + user->detail_size;

		packet_get_string(reader, into, sizeof(user->detail) - user->detail_size);
		user->detail_size += (uint32_t)strlen(into) + 1;
		if (user->detail_size >= sizeof(user->detail))
			reader->bad = true;
	}
}

int record_parse_user(const void *body, size_t size, struct user_record *ret, struct refusal *why)
{
	struct packet_reader reader = { .at = body, .left = size };

	ret->detail_size = 0;
	packet_get(&reader, &ret->fixed, sizeof(ret->fixed));
	packet_get_string(&reader, ret->name, sizeof(ret->name));
	packet_get_string(&reader, ret->gecos, sizeof(ret->gecos));
	packet_get_string(&reader, ret->home, sizeof(ret->home));
	packet_get_string(&reader, ret->shell, sizeof(ret->shell));
	detail_take(&reader, ret, 1);
	ret->roles = ret->detail + ret->detail_size;
	detail_take(&reader, ret, ret->fixed.role_count);
	detail_take(&reader, ret, ret->fixed.key_count);
	detail_take(&reader, ret, ret->fixed.env_count);
	if (!packet_is_done(&reader))
		return refuse(why, "malformed user record");
	if (ret->fixed.flags & ~(WARDEN_USER_ALLOWED | WARDEN_USER_DELETED) ||
	    ret->fixed.unused != 0 || ret->fixed.role_count > DIRECTORY_STRINGS_MAX ||
	    ret->fixed.key_count > DIRECTORY_STRINGS_MAX ||
	    ret->fixed.env_count > DIRECTORY_STRINGS_MAX)
		return refuse(why, "user record with unknown flags or too many strings");
	return 0;
}

int record_parse_group(const void *body, size_t size, struct group_record *ret, struct refusal *why)
{
	struct packet_reader reader = { .at = body, .left = size };

	packet_get(&reader, &ret->fixed, sizeof(ret->fixed));
	packet_get_string(&reader, ret->name, sizeof(ret->name));
	if (!packet_is_done(&reader) || ret->fixed.flags & ~WARDEN_GROUP_DELETED)
		return refuse(why, "malformed group record");
	return 0;
}

static int check_id(uint32_t id, const struct conf *conf, const struct local *local,
		    struct refusal *why)
{
	if (id_is_reserved(id))
		return refuse(why, "id %u is reserved", id);
	if (id < conf->identity.uid_min || id > conf->identity.uid_max)
		return refuse(why, "id %u is outside uid_range %u-%u", id, conf->identity.uid_min,
			      conf->identity.uid_max);
	if (local_has_uid(local, id) || local_has_gid(local, id))
		return refuse(why, "id %u belongs to a local account", id);
	return 0;
}

static int check_name(const char *name, const struct local *local, struct refusal *why)
{
	size_t size = strlen(name);

	if (!name_is_valid(name, size))
		return refuse(why, "\"%.40s\" is not a valid name", name);
	if (name_is_reserved(name, size))
		return refuse(why, "the name \"%s\" is reserved", name);
	if (local_has_name(local, name))
		return refuse(why, "the name \"%s\" belongs to a local account", name);
	return 0;
}

/* Keys and environment go into lines and variables of root's processes: no control characters. */
static int check_strings(const struct user_record *user, struct refusal *why)
{
	for (uint32_t i = 0; i + 1 < user->detail_size; i++) {
		unsigned char byte = (unsigned char)user->detail[i];

		if ((byte != '\0' && byte < 0x20) || byte == 0x7f)
			return refuse(why, "control character in a key, role or attribute");
	}
	return 0;
}

int record_check_user(const struct user_record *user, const struct conf *conf,
		      const struct local *local, struct refusal *why)
{
	int r = check_id(user->fixed.uid, conf, local, why);

	if (r < 0 || user->fixed.flags & WARDEN_USER_DELETED)
		return r;
	r = check_name(user->name, local, why);
	if (r < 0)
		return r;
	if (!field_is_valid(user->gecos, strlen(user->gecos)))
		return refuse(why, "invalid GECOS field");
	if (!path_is_valid(user->home, strlen(user->home)))
		return refuse(why, "invalid home directory");
	if (!path_is_valid(user->shell, strlen(user->shell)))
		return refuse(why, "invalid shell");
	return check_strings(user, why);
}

int record_check_group(const struct group_record *group, const struct conf *conf,
		       const struct local *local, struct refusal *why)
{
	int r = check_id(group->fixed.gid, conf, local, why);

	if (r < 0 || group->fixed.flags & WARDEN_GROUP_DELETED)
		return r;
	return check_name(group->name, local, why);
}
