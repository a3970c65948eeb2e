/* directory_model.h - the directory as plain arrays: random changes go to it and to a writer alike, and
 * what a reader sees is held against it. Needs root, as the warden does. */
#ifndef TESTS_UNIT_WARDEN_DIRECTORY_MODEL_H
#define TESTS_UNIT_WARDEN_DIRECTORY_MODEL_H

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scimd/warden/directory_writer.h"
#include "tests/unit/t.h"

#define USERS 400
#define GROUPS 12
#define UID0 70000u
#define GID0 80000u

static char folder[] = "/tmp/scimd-writer-XXXXXX";
static const unsigned char instance[16] = "instance-of-test";

struct model {
	bool user[USERS], deleted[USERS], denied[USERS];
	unsigned int name[USERS];
	bool group[GROUPS], member[GROUPS][USERS];
};

static struct directory_writer_options options = {
	.folder = folder,
	.name = DIRECTORY_FILE,
	.magic = DIRECTORY_MAGIC,
	.mode = 0644,
	.uid_min = 65536,
	.uid_max = 99999,
};

static struct directory_writer *writer_open(void)
{
	struct directory_writer *writer = NULL;
	bool damaged;

	T_FATAL(directory_writer_open(&options, &writer, &damaged) == 0);
	T_TRUE(!damaged);
	return writer;
}

static void user_name(const struct model *model, unsigned int i, char *buf)
{
	sprintf(buf, "user%u-%u", i, model->name[i]);
}

static int put_user(struct directory_writer *writer, const struct model *model, unsigned int i)
{
	char name[33], home[64], reason[80];
	uint32_t gids[GROUPS];
	struct directory_user_entry entry = { .uid = UID0 + i, .gids = gids, .gecos = "A B",
					      .shell = "/bin/sh", .name = name, .home = home,
					      .flags = DIRECTORY_ALLOWED };

	user_name(model, i, name);
	sprintf(home, "/home/%s", name);
	for (unsigned int g = 0; g < GROUPS; g++)
		if (model->group[g] && model->member[g][i])
			gids[entry.gid_count++] = GID0 + g;
	if (model->denied[i]) {
		entry.flags = 0;
		entry.gid_count = 0;
	}
	if (model->deleted[i]) {
		entry.name = entry.gecos = entry.home = entry.shell = "";
		entry.flags = DIRECTORY_DELETED;
		entry.gid_count = 0;
	}
	entry.detail_size = (uint32_t)sprintf(reason, "why %u", i) + 1;
	entry.detail_text = reason;
	return directory_writer_put_user(writer, &entry);
}

static void check_gids(const struct directory_user *user, const struct model *model, unsigned int i)
{
	size_t want = 0;

	for (unsigned int g = 0; g < GROUPS; g++)
		want += model->group[g] && model->member[g][i] && !model->denied[i];
	T_INT(user->group_count, want);
	for (size_t n = 0; n < user->group_count; n++) {
		unsigned int g = user->gids[n] - GID0;

		T_TRUE(g < GROUPS && model->group[g] && model->member[g][i]);
	}
}

static void check_user(const struct directory_view *view, const struct model *model, unsigned int i)
{
	struct directory_user user, by_name;
	struct directory_detail detail;
	char name[33];
	int r = directory_user_by_uid(view, UID0 + i, &user);

	if (!model->user[i] && !model->deleted[i]) {
		T_INT(r, -ENOENT);
		return;
	}
	T_FATAL(r == 0);
	T_INT(!!(user.flags & DIRECTORY_DELETED), model->deleted[i]);
	if (model->deleted[i])
		return;
	T_INT(!!(user.flags & DIRECTORY_ALLOWED), !model->denied[i]);
	check_gids(&user, model, i);
	user_name(model, i, name);
	T_STR(user.name, name);
	T_OK(directory_user_by_name(view, name, strlen(name), &by_name));
	T_INT(by_name.uid, UID0 + i);
	T_OK(directory_detail(view, &user, &detail));
	T_TRUE(strncmp(detail.reason, "why", 3) == 0);
}

static void check_group(const struct directory_view *view, const struct model *model, unsigned int g)
{
	struct directory_group group;
	struct directory_members members;
	bool seen[USERS] = { false };
	uint64_t cursor = 0;
	size_t count = 0, want = 0;
	int r = directory_group_by_gid(view, GID0 + g, &group);

	T_INT(r, model->group[g] ? 0 : -ENOENT);
	if (r < 0)
		return;
	while ((r = directory_members_next(view, &group, &cursor, &members)) == 0) {
		const char *name = members.names;

		for (size_t i = 0; i < members.count; i++, count++) {
			unsigned int n = members.uids[i] - UID0;
			char want_name[33];

			T_FATAL(n < USERS);
			T_TRUE(!seen[n] && model->member[g][n]);
			seen[n] = true;
			user_name(model, n, want_name);
			T_STR(name, want_name);
			name = directory_string_next(name);
		}
	}
	T_INT(r, -ENOENT);
	for (unsigned int i = 0; i < USERS; i++)
		want += model->member[g][i];
	T_INT(count, want);
}

static void check_all(const struct directory_writer *writer, const struct model *model)
{
	struct directory_view view;
	struct directory_user user;
	uint64_t where = 0, cursor = 0;
	size_t count = 0, want = 0;

	T_FATAL(directory_open(folder, DIRECTORY_FILE, DIRECTORY_MAGIC, &view) == 0);
	T_OK(directory_verify(directory_writer_view(writer), &where));
	for (unsigned int i = 0; i < USERS; i++) {
		check_user(&view, model, i);
		want += model->user[i];
	}
	while (directory_user_next(&view, &cursor, &user) == 0)
		count++;
	T_INT(count, want);
	for (unsigned int g = 0; g < GROUPS; g++)
		check_group(&view, model, g);
	directory_release(&view);
}

static void drop_memberships(struct directory_writer *writer, struct model *model, unsigned int i)
{
	for (unsigned int g = 0; g < GROUPS; g++) {
		if (model->group[g] && model->member[g][i])
			T_OK(directory_writer_remove_member(writer, GID0 + g, UID0 + i));
		model->member[g][i] = false;
	}
}

static void rename_user(struct directory_writer *writer, struct model *model, unsigned int i)
{
	char name[33];

	model->name[i]++;
	user_name(model, i, name);
	for (unsigned int g = 0; g < GROUPS; g++)
		if (model->group[g] && model->member[g][i])
			T_OK(directory_writer_put_member(writer, GID0 + g, UID0 + i, name));
	T_OK(put_user(writer, model, i));
}

static void change_member(struct directory_writer *writer, struct model *model, unsigned int g,
			  unsigned int i)
{
	char name[33];

	if (!model->group[g] || !model->user[i] || model->denied[i])
		return;
	user_name(model, i, name);
	model->member[g][i] = !model->member[g][i];
	if (model->member[g][i])
		T_OK(directory_writer_put_member(writer, GID0 + g, UID0 + i, name));
	else
		T_OK(directory_writer_remove_member(writer, GID0 + g, UID0 + i));
	T_OK(put_user(writer, model, i));
}

static void change_group(struct directory_writer *writer, struct model *model, unsigned int g)
{
	char name[33];

	if (model->group[g] && rand() % 8 == 0) {
		for (unsigned int i = 0; i < USERS; i++)
			if (model->member[g][i])
				change_member(writer, model, g, i);
		model->group[g] = false;
		T_OK(directory_writer_remove_group(writer, GID0 + g));
		return;
	}
	/* Gone without a word about its members, too. */
	if (model->group[g] && rand() % 8 == 0) {
		for (unsigned int i = 0; i < USERS; i++)
			if (model->member[g][i]) {
				model->member[g][i] = false;
				T_OK(put_user(writer, model, i));
			}
		model->group[g] = false;
		T_OK(directory_writer_remove_group(writer, GID0 + g));
		if (rand() % 2)
			return;
	}
	model->group[g] = true;
	sprintf(name, "group%u-%d", g, rand() % 3);
	T_OK(directory_writer_put_group(writer, GID0 + g, 0, name));
}

static void deny_user(struct directory_writer *writer, struct model *model, unsigned int i)
{
	model->denied[i] = !model->denied[i];
	if (model->denied[i])
		drop_memberships(writer, model, i);
	T_OK(put_user(writer, model, i));
}

static void change_once(struct directory_writer *writer, struct model *model)
{
	unsigned int i = (unsigned int)rand() % USERS, g = (unsigned int)rand() % GROUPS;

	switch (rand() % 40) {
	case 0:
		change_group(writer, model, g);
		break;
	case 1:
		if (model->user[i]) {
			drop_memberships(writer, model, i);
			model->user[i] = false;
			model->deleted[i] = true;
			T_OK(put_user(writer, model, i));
		}
		break;
	case 2 ... 5:
		if (model->user[i])
			rename_user(writer, model, i);
		break;
	case 6:
		if (model->user[i])
			deny_user(writer, model, i);
		break;
	case 7 ... 15:
		if (!model->deleted[i]) {
			model->user[i] = true;
			T_OK(put_user(writer, model, i));
		}
		break;
	default:
		change_member(writer, model, g, i);
	}
}

static void folder_make(void)
{
	T_FATAL(mkdtemp(folder) != NULL);
	T_OK(chmod(folder, 0755));
}

#endif
