#include "nss_scim/pack.h"

#include <errno.h>
#include <string.h>

#include "shared/names.h"

enum nss_status pack_status(int r, int *errnop)
{
	if (r >= 0)
		return NSS_STATUS_SUCCESS;
	/* Without a directory callers that look at errno alone (adduser, systemd-sysusers) shall
	 * see what they would see if we were not installed. The status still says "unavailable". */
	*errnop = r == -ESTALE ? ENOENT : -r;
	switch (r) {
	case -ENOENT:
		return NSS_STATUS_NOTFOUND;
	case -ERANGE:
	case -ENOMEM:
		return NSS_STATUS_TRYAGAIN;
	default:
		return NSS_STATUS_UNAVAIL;
	}
}

int pack_lookup(int r)
{
	return r == -ERANGE || r == -ENOMEM ? -EIO : r;
}

int pack_open(int r)
{
	return r == -ENOENT ? -ESTALE : pack_lookup(r);
}

int pack_acquire(struct directory_view *ret)
{
	return pack_open(directory_acquire(ret));
}

int pack_acquire_for(const char *name, struct directory_view *ret, size_t *ret_size)
{
	size_t size = strnlen(name, NAME_MAX_BYTES + 1);
	int r;

	r = pack_acquire(ret);
	if (r < 0) /* what can't be ours is not there, file or no file */
		return name_is_valid(name, size) ? r : -ENOENT;
	*ret_size = size;
	return size == 0 || size > NAME_MAX_BYTES ? -ENOENT : 0;
}

int pack_open_hashes(struct directory_view *ret, bool *ret_opened)
{
	int r;

	r = directory_open_shadow(ret);
	if (r < 0 && r != -ESTALE)
		return pack_open(r);
	*ret_opened = r >= 0;
	return 0;
}

int pack_check_user(const struct directory_user *user)
{
	if (user->flags & DIRECTORY_ALLOWED)
		return 0;
	return strcmp(user->shell, DIRECTORY_NOLOGIN) == 0 ? 0 : -EIO;
}

/* The text of a person. Nearly always it is so short that a call would take longer than the copy: pieces
 * from both ends meet. */
#define PIECE 32u

static inline void copy_piece(char *to, const char *from)
{
	memcpy(to, from, PIECE);
}

static inline void copy_text(char *to, const char *from, size_t size)
{
	if (size < PIECE || size > 4 * PIECE) {
		memcpy(to, from, size);
		return;
	}
	copy_piece(to, from);
	if (size > 2 * PIECE) {
		copy_piece(to + PIECE, from + PIECE);
		copy_piece(to + size - 2 * PIECE, from + size - 2 * PIECE);
	}
	copy_piece(to + size - PIECE, from + size - PIECE);
}

int pack_user(const struct directory_user *user, struct passwd *ret, char *buffer, size_t size)
{
	if (size < user->text_size)
		return -ERANGE;
	copy_text(buffer, user->text, user->text_size);
	*ret = (struct passwd){
		.pw_name = buffer,
		.pw_passwd = buffer + user->name_size + 1,
		.pw_uid = user->uid,
		.pw_gid = user->uid,
		.pw_gecos = buffer + (user->gecos - user->text),
		.pw_dir = buffer + (user->home - user->text),
		.pw_shell = buffer + (user->shell - user->text),
	};
	return 0;
}

/* The caller's buffer while a group is laid out: text grows up from `low`, the array of pointers
 * grows down to `high` from the last aligned place. One walk over the members suffices so:
 * counting them first would be no promise, because members may come between two walks. */
struct group_space {
	char *low;
	char **high;
};

static size_t space_left(const struct group_space *space)
{
	return (size_t)((char *)space->high - space->low);
}

static int space_init(struct group_space *ret, char *buffer, size_t size)
{
	size_t tail = (uintptr_t)(buffer + size) % _Alignof(char *);

	if (size < tail + sizeof(char *))
		return -ERANGE;
	ret->low = buffer;
	ret->high = (char **)(void *)(buffer + size - tail) - 1;
	*ret->high = NULL;
	return 0;
}

static int space_add_text(struct group_space *space, const char *text, size_t size, char **ret)
{
	if (space_left(space) < size)
		return -ERANGE;
	memcpy(space->low, text, size);
	*ret = space->low;
	space->low += size;
	return 0;
}

/* Write where each name begins, from `at` downwards. Returns where the last one ends. */
static char *list_names(char *name, const uint8_t *sizes, size_t count, char **at)
{
#pragma GCC unroll 8
	for (size_t i = 0; i < count; i++) {
		*--at = name;
		name += sizes[i];
	}
	return name;
}

static int space_add_members(struct group_space *space, const struct directory_members *members)
{
	char *text = space->low;

	if (space_left(space) < members->names_size + members->count * sizeof(char *))
		return -ERANGE;
	memcpy(text, members->names, members->names_size);
	space->low += members->names_size;
	if (list_names(text, members->sizes, members->count, space->high) != space->low)
		return -EIO;
	space->high -= members->count;
	return 0;
}

int pack_group(const struct directory_view *view, const struct directory_group *group,
	       struct group *ret, char *buffer, size_t size)
{
	struct directory_members members;
	struct group_space space;
	char *name, *password;
	uint64_t cursor = 0;
	int r;

	r = space_init(&space, buffer, size);
	if (r < 0)
		return r;
	r = space_add_text(&space, group->name, group->name_size + 1, &name);
	if (r < 0)
		return r;
	r = space_add_text(&space, "x", sizeof("x"), &password);
	if (r < 0)
		return r;
	while (!group->is_private) {
		r = directory_members_next(view, group, &cursor, &members);
		if (r == -ENOENT)
			break;
		if (r < 0)
			return pack_lookup(r);
		r = space_add_members(&space, &members);
		if (r < 0)
			return r;
	}
	*ret = (struct group){
		.gr_name = name,
		.gr_passwd = password,
		.gr_gid = group->gid,
		.gr_mem = space.high,
	};
	return 0;
}

int pack_shadow(const struct directory_user *user, const char *hash, uint32_t changed_day,
		struct spwd *ret, char *buffer, size_t size)
{
	size_t name_size = user->name_size + 1u, hash_size = strlen(hash) + 1;

	if (size < name_size || size - name_size < hash_size)
		return -ERANGE;
	memcpy(buffer, user->name, name_size);
	memcpy(buffer + name_size, hash, hash_size);
	*ret = (struct spwd){
		.sp_namp = buffer,
		.sp_pwdp = buffer + name_size,
		/* 0 would mean "must be changed at the next login"; -1 is an empty field */
		.sp_lstchg = changed_day ? (long)changed_day : -1,
		.sp_min = -1,
		.sp_max = -1,
		.sp_warn = -1,
		.sp_inact = -1,
		.sp_expire = -1,
		.sp_flag = ~0ul,
	};
	return 0;
}
