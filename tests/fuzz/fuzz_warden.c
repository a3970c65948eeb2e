/* What scimd, taken over, could send to the warden. The input is a row of messages: a byte for the
 * operation, two for the body's size, the body. Whatever they are, the published directory holds nobody
 * but who may be there: no id out of the range, no reserved or local name, no local group that root's
 * configuration does not grant. Needs root, as the warden does. */
#include <ftw.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "scimd/warden/publish.h"
#include "shared/directory.h"
#include "tests/fuzz/fuzz.h"

#define UID_FIRST 70000u
#define UID_LAST 70255u
#define STEPS_MAX 100000

static char root[] = "/dev/shm/scimd-fuzz-XXXXXX";
static char passwd[64], group[64], conf[64], dropins[64], folder[64];
static struct local *local;

static void file_write(char *path, const char *name, const char *text)
{
	FILE *file;

	(void)snprintf(path, sizeof(passwd), "%s/%s", root, name);
	file = fopen(path, "we");
	HOLDS(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static int entry_remove(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st, (void)type, (void)walk;
	return remove(path);
}

static void finish(void)
{
	local_freep(&local);
	(void)nftw(root, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static void prepare(void)
{
	HOLDS(mkdtemp(root) != NULL && chmod(root, 0755) == 0);
	(void)atexit(finish);
	file_write(passwd, "passwd", "root:x:0:0:root:/root:/bin/bash\n"
				     "local:x:1000:1000::/home/local:/bin/bash\n"
				     "high:x:70005:70005::/home/high:/bin/bash\n");
	file_write(group, "group", "root:x:0:\nsudo:x:27:\ndocker:x:998:\nadm:x:4:\nlocal:x:1000:\n"
				   "high:x:70005:\n");
	file_write(conf, "scimd.conf", "[identity]\nuid_range = 70000-70255\npasswords = on\n"
				       "[role admin]\ngroups = A\nlocal_groups = sudo, docker\n"
				       "[role evil]\ngroups = E\nlocal_groups = root, nosuchgroup\n");
	(void)snprintf(dropins, sizeof(dropins), "%s/scimd.conf.d", root);
	(void)snprintf(folder, sizeof(folder), "%s/public", root);
	HOLDS(local_new(passwd, group, &local) == 0);
}

/* A folder with nothing in it, and the warden's half that publishes. */
static struct publish *start(void)
{
	struct publish_options options = { .folder = folder, .conf_file = conf, .dropins = dropins,
					   .local = local, .shadow_group = 0 };
	struct publish *publish = NULL;

	(void)nftw(folder, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
	HOLDS(mkdir(folder, 0755) == 0);
	HOLDS(publish_new(&options, &publish) == 0);
	return publish;
}

static bool in_range(uint32_t id)
{
	return id >= UID_FIRST && id <= UID_LAST && id != 70005;
}

static void check_user(const struct directory_view *view, const struct directory_user *user)
{
	struct directory_detail detail;

	HOLDS(in_range(user->uid));
	HOLDS(name_is_valid(user->name, user->name_size));
	HOLDS(!name_is_reserved(user->name, user->name_size));
	HOLDS(strcmp(user->name, "local") != 0 && strcmp(user->name, "high") != 0);
	HOLDS(field_is_valid(user->gecos, strlen(user->gecos)));
	HOLDS(path_is_valid(user->home, strlen(user->home)));
	HOLDS((user->flags & DIRECTORY_ALLOWED) || strcmp(user->shell, DIRECTORY_NOLOGIN) == 0);
	HOLDS((user->flags & DIRECTORY_ALLOWED) || user->group_count == 0);
	for (size_t i = 0; i < user->group_count; i++)
		HOLDS(in_range(user->gids[i]) || user->gids[i] == 27 || user->gids[i] == 998);
	HOLDS(directory_detail(view, user, &detail) == 0);
}

static void check_groups(const struct directory_view *view)
{
	struct directory_group entry;
	uint64_t cursor = 0;

	for (int steps = 0; directory_group_next(view, &cursor, &entry) == 0; steps++) {
		HOLDS(steps < STEPS_MAX);
		if (entry.flags & DIRECTORY_LOCAL) {
			HOLDS(entry.gid == 27 || entry.gid == 998);
			continue;
		}
		HOLDS(in_range(entry.gid));
		HOLDS(name_is_valid(entry.name, entry.name_size));
		HOLDS(!name_is_reserved(entry.name, entry.name_size));
	}
}

static void check_directory(void)
{
	struct directory_view view;
	struct directory_user user;
	uint64_t cursor = 0;
	int steps = 0, r;

	HOLDS(directory_open(folder, DIRECTORY_FILE, DIRECTORY_MAGIC, &view) == 0);
	while ((r = directory_user_next(&view, &cursor, &user)) == 0) {
		HOLDS(steps++ < STEPS_MAX);
		check_user(&view, &user);
	}
	HOLDS(r == -ENOENT);
	check_groups(&view);
	directory_release(&view);
}

static void commit(struct publish *publish, struct refusal *why)
{
	_cleanup_(publish_result_done) struct publish_result result = { .revision = 0 };

	if (publish_commit(publish, &result, why) < 0)
		return;
	for (size_t i = 0; i < result.loss_count; i++)
		HOLDS(in_range(result.losses[i].uid));
	check_directory();
}

static int (*const operations[])(struct publish *, const void *, size_t, struct refusal *) = {
	publish_check_user, publish_check_group, publish_begin,	   publish_user,
	publish_group,	    publish_members,	 publish_password,
};

static void message(struct publish *publish, uint8_t op, struct bytes body)
{
	_cleanup_free_ char *copy = bytes_string(body); /* so that reading too far is noticed */
	struct refusal why = { .text = "" };
	int r;

	if (op % 16 >= ARRAY_SIZE(operations)) {
		if (op % 2)
			commit(publish, &why);
		else if (op % 16 == 14)
			publish_abort(publish);
		return;
	}
	copy = realloc(copy, body.left ? body.left : 1);
	HOLDS(copy != NULL);
	r = operations[op % 16](publish, copy, body.left, &why);
	HOLDS(r != -EINVAL || why.text[0] != '\0');
	HOLDS(memchr(why.text, '\0', sizeof(why.text)) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = { data, size };
	struct refusal why = { .text = "" };
	struct publish *publish;

	if (!folder[0])
		prepare();
	publish = start();
	while (bytes.left > 0) {
		uint8_t op = bytes_take(&bytes);
		size_t length = bytes_take(&bytes);
		struct bytes body = { bytes.at, 0 };

		length |= (size_t)bytes_take(&bytes) << 8;
		body.at = bytes.at;
		body.left = length < bytes.left ? length : bytes.left;
		message(publish, op, body);
		bytes.at += body.left;
		bytes.left -= body.left;
	}
	commit(publish, &why);
	publish_freep(&publish);
	return 0;
}
