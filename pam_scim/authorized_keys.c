/* scim-authorized-keys NAME: the SSH keys of a person who may log in here, one per line, for sshd's
 * AuthorizedKeysCommand. Runs as nobody and asks no daemon. Exit codes: 0 (with nothing on stdout
 * if the person is unknown, local or may not be here), 1 the directory can't say, 2 usage. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "shared/attrs.h"
#include "shared/directory.h"
#include "shared/local_user.h"
#include "shared/names.h"

static bool is_one_line(const char *key)
{
	for (; *key; key++)
		if ((unsigned char)*key < 0x20 || *key == 0x7f)
			return false;
	return true;
}

static int print_keys(const struct directory_detail *detail)
{
	const char *key = detail->keys;

	for (size_t i = 0; i < detail->key_count; i++, key = directory_string_next(key)) {
		if (!is_one_line(key))
			return -EIO;
		if (printf("%s\n", key) < 0)
			return -errno;
	}
	return fflush(stdout) == 0 ? 0 : -errno;
}

/* 0; -ENOENT: not ours; other negative errno: the directory can't say. */
static int answer(const char *name)
{
	_cleanup_(directory_release) struct directory_view view = { 0 };
	size_t name_size = strnlen(name, NAME_MAX_BYTES + 1);
	struct directory_detail detail;
	struct directory_user user;
	int r;

	if (!name_is_valid(name, name_size))
		return -ENOENT;
	/* A local account of the same name must not be opened by a person's key. */
	r = local_has_user(name, name_size);
	if (r != 0)
		return r < 0 ? r : -ENOENT;
	r = directory_acquire(&view);
	if (r < 0)
		return r;
	r = directory_user_by_name(&view, name, name_size, &user);
	if (r < 0)
		return r;
	if (!(user.flags & DIRECTORY_ALLOWED))
		return 0;
	r = directory_detail(&view, &user, &detail);
	if (r < 0)
		return r == -ENOENT ? -EIO : r;
	return print_keys(&detail);
}

int main(int argc, char **argv)
{
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: scim-authorized-keys NAME\n");
		return 2;
	}
	r = answer(argv[1]);
	if (r == 0 || r == -ENOENT)
		return 0;
	fprintf(stderr, "scim-authorized-keys: the directory is unavailable: %s\n",
		r == -ESTALE ? "it is missing" : strerror(-r));
	return 1;
}
