#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "scimctl/scimctl.h"
#include "shared/directory.h"

#define ALIGNMENT 64u

static const char *file_of(const struct context *context)
{
	return context->file ? context->file : DIRECTORY_PUBLIC_DIR "/" DIRECTORY_FILE;
}

/* The whole file in owned memory, so that it does not change under the reader. A size that is none of
 * a directory's is no error here. */
static int file_read(const char *path, unsigned char **ret, uint64_t *ret_size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	_cleanup_free_ unsigned char *bytes = NULL;
	uint64_t size, done = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return complain("%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return complain("%s: is no regular file", path);
	size = (uint64_t)st.st_size;
	bytes = aligned_alloc(ALIGNMENT, (size / DIRECTORY_HEADER_SIZE + 1) * DIRECTORY_HEADER_SIZE);
	if (!bytes)
		return complain("%s", strerror(ENOMEM));
	while (done < size) {
		ssize_t n = pread(fd, bytes + done, size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return complain("%s: %s", path, n < 0 ? strerror(errno) : "got shorter");
		done += (uint64_t)n;
	}
	*ret = TAKE_PTR(bytes);
	*ret_size = size;
	return EXIT_SUCCESS;
}

/* A view of what file_read got; -EIO: the header is wrong. */
static int view_make(const unsigned char *bytes, uint64_t size, struct directory_view *ret)
{
	const char *magic = DIRECTORY_MAGIC;

	if (size < sizeof(struct directory_header))
		return -EIO;
	if (memcmp(bytes, DIRECTORY_SHADOW_MAGIC, strlen(DIRECTORY_SHADOW_MAGIC)) == 0)
		magic = DIRECTORY_SHADOW_MAGIC;
	*ret = (struct directory_view){ .base = bytes, .size = size, .fd = -1, .geometry = &ret->own };
	return directory_header_check((const void *)bytes, size, magic, &ret->own);
}

static const struct directory_header *header_of(const struct directory_view *view)
{
	return (const void *)view->base;
}

/* --- dump ----------------------------------------------------------------------------------------- */

static struct json_object *strings_of(const char *string, size_t count)
{
	struct json_object *array = json_object_new_array();

	for (; count > 0; count--, string = directory_string_next(string))
		json_object_array_add(array, json_object_new_string(string));
	return array;
}

static void add(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
}

static int user_object(const struct directory_view *view, const struct directory_user *user,
		       struct json_object **ret)
{
	struct json_object *object, *gids;
	struct directory_detail detail;
	int r = directory_detail(view, user, &detail);

	if (r < 0)
		return r;
	*ret = object = json_object_new_object();
	add(object, "uid", json_object_new_int64(user->uid));
	if (user->flags & DIRECTORY_DELETED) {
		add(object, "deleted", json_object_new_boolean(true));
		return 0;
	}
	add(object, "name", json_object_new_string(user->name));
	add(object, "gecos", json_object_new_string(user->gecos));
	add(object, "home", json_object_new_string(user->home));
	add(object, "shell", json_object_new_string(user->shell));
	add(object, "allowed", json_object_new_boolean(user->flags & DIRECTORY_ALLOWED));
	gids = json_object_new_array();
	for (size_t i = 0; i < user->group_count; i++)
		json_object_array_add(gids, json_object_new_int64(user->gids[i]));
	add(object, "gids", gids);
	add(object, "reason", json_object_new_string(detail.reason));
	add(object, "roles", strings_of(detail.roles, detail.role_count));
	add(object, "keys", strings_of(detail.keys, detail.key_count));
	add(object, "environment", strings_of(detail.environment, detail.env_count));
	return 0;
}

static int group_object(const struct directory_view *view, const struct directory_group *group,
			struct json_object **ret)
{
	struct json_object *object = json_object_new_object(), *array = json_object_new_array();
	struct directory_members members;
	uint64_t cursor = 0;
	int r;

	*ret = object;
	add(object, "gid", json_object_new_int64(group->gid));
	add(object, "name", json_object_new_string(group->name));
	add(object, "local", json_object_new_boolean(group->flags & DIRECTORY_LOCAL));
	add(object, "members", array);
	while ((r = directory_members_next(view, group, &cursor, &members)) == 0) {
		const char *name = members.names;

		for (size_t i = 0; i < members.count; i++, name = directory_string_next(name))
			json_object_array_add(array, json_object_new_string(name));
	}
	return r == -ENOENT ? 0 : r;
}

/* Everything, in the order of the indexes by id. */
static int dump_users(const struct directory_view *view, struct json_object *array)
{
	struct directory_user user;
	uint64_t cursor = 0;
	int r;

	while ((r = directory_user_next_any(view, &cursor, &user)) == 0) {
		struct json_object *object;

		r = user_object(view, &user, &object);
		if (r < 0)
			return r;
		json_object_array_add(array, object);
	}
	return r == -ENOENT ? 0 : r;
}

static int dump_groups(const struct directory_view *view, struct json_object *array)
{
	struct directory_group group;
	uint64_t cursor = 0;
	int r;

	while ((r = directory_group_next(view, &cursor, &group)) == 0 && !group.is_private) {
		struct json_object *object;

		r = group_object(view, &group, &object);
		json_object_array_add(array, object);
		if (r < 0)
			return r;
	}
	return r == -ENOENT ? 0 : r;
}

static int dump_make(const struct directory_view *view, struct json_object **ret)
{
	struct json_object *object = json_object_new_object();
	struct json_object *users = json_object_new_array(), *groups = json_object_new_array();
	int r;

	*ret = object;
	add(object, "revision", json_object_new_uint64(header_of(view)->revision));
	add(object, "uid_min", json_object_new_int64(header_of(view)->uid_min));
	add(object, "uid_max", json_object_new_int64(header_of(view)->uid_max));
	add(object, "users", users);
	add(object, "groups", groups);
	r = dump_users(view, users);
	return r < 0 ? r : dump_groups(view, groups);
}

static const char *text_of(struct json_object *object, const char *key)
{
	return json_string(object, key);
}

/* Lines as in passwd(5) and group(5); who was deleted has only a number. */
static void dump_print(struct json_object *dump)
{
	struct json_object *array = json_object_object_get(dump, "users");

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *user = json_object_array_get_idx(array, i);
		long long uid = json_number(user, "uid");

		if (*text_of(user, "name"))
			printf("%s:x:%lld:%lld:%s:%s:%s\n", text_of(user, "name"), uid, uid,
			       text_of(user, "gecos"), text_of(user, "home"), text_of(user, "shell"));
		else
			printf("# %lld deleted\n", uid);
	}
	array = json_object_object_get(dump, "groups");
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *group = json_object_array_get_idx(array, i);
		struct json_object *members = json_object_object_get(group, "members");

		printf("%s:x:%lld:", text_of(group, "name"), json_number(group, "gid"));
		for (size_t m = 0; m < json_object_array_length(members); m++)
			printf("%s%s", m ? "," : "",
			       json_object_get_string(json_object_array_get_idx(members, m)));
		putchar('\n');
	}
}

int directory_dump(const struct context *context, char **operands)
{
	_cleanup_free_ unsigned char *bytes = NULL;
	_cleanup_(json_putp) struct json_object *dump = NULL;
	struct directory_view view;
	uint64_t size;
	int code;

	(void)operands;
	code = file_read(file_of(context), &bytes, &size);
	if (code != EXIT_SUCCESS)
		return code;
	if (view_make(bytes, size, &view) < 0)
		return complain("%s: is no directory, or a damaged one", file_of(context));
	if (memcmp(header_of(&view)->magic, DIRECTORY_MAGIC, strlen(DIRECTORY_MAGIC)) != 0)
		return complain("%s: holds password hashes, which are not shown", file_of(context));
	if (dump_make(&view, &dump) < 0)
		return complain("%s: damaged, see `scimctl directory verify`", file_of(context));
	if (context->json)
		return print_json(dump);
	dump_print(dump);
	return EXIT_SUCCESS;
}

/* --- verify --------------------------------------------------------------------------------------- */

int directory_check(const struct context *context, char **operands)
{
	_cleanup_(json_putp) struct json_object *object = NULL;
	_cleanup_free_ unsigned char *bytes = NULL;
	struct directory_view view;
	uint64_t size, where = 0;
	int code, r;

	(void)operands;
	code = file_read(file_of(context), &bytes, &size);
	if (code != EXIT_SUCCESS)
		return code;
	r = view_make(bytes, size, &view);
	if (r == 0)
		r = directory_verify(&view, &where);
	if (r < 0 && !context->json)
		return complain("%s: damaged at byte %llu", file_of(context), (unsigned long long)where);
	if (!context->json) {
		if (!context->quiet)
			printf("%s: sound, %llu bytes, revision %llu\n", file_of(context),
			       (unsigned long long)size,
			       (unsigned long long)header_of(&view)->revision);
		return EXIT_SUCCESS;
	}
	object = json_object_new_object();
	add(object, "file", json_object_new_string(file_of(context)));
	add(object, "sound", json_object_new_boolean(r == 0));
	if (r < 0)
		add(object, "offset", json_object_new_uint64(where));
	code = print_json(object);
	return r < 0 ? EXIT_FAILURE : code;
}
