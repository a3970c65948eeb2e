#include "nss_scim/nss_scim.h"

#include <errno.h>
#include <stdlib.h>

#include "shared/local_user.h"
#include "tests/unit/nss_scim/people.h"

#define UNTOUCHED -77
#define OTHER 33u

static gid_t *groups;
static long count, size;
static int error;

/* An array as glibc hands it over: `size` places, the first one taken by the primary group. */
static void start(long places)
{
	people_start_in(DIRECTORY_PUBLIC_DIR);
	free(groups);
	groups = malloc((size_t)places * sizeof(*groups));
	NEED(groups);
	groups[0] = OTHER;
	count = 1;
	size = places;
}

static enum nss_status ask(const char *user, gid_t group, long limit)
{
	enum nss_status status;

	error = UNTOUCHED;
	errno = EXDEV;
	status = _nss_scim_initgroups_dyn(user, group, &count, &size, &groups, limit, &error);
	T_INT(errno, EXDEV);
	return status;
}

static void test_groups_of_a_user(void)
{
	start(16);
	T_INT(ask("alice", ALICE, -1), NSS_STATUS_SUCCESS);
	T_INT(error, UNTOUCHED);
	T_INT(count, 3);
	T_INT(size, 16);
	T_INT(groups[0], OTHER);
	T_INT(groups[1], USERS_GID);
	T_INT(groups[2], SUDO_GID);
}

static void test_never_adds_the_primary(void)
{
	start(16);
	T_INT(ask("alice", USERS_GID, -1), NSS_STATUS_SUCCESS);
	T_INT(count, 2);
	T_INT(groups[1], SUDO_GID);
}

static void test_nothing(void)
{
	static const char *const names[] = { "bob", "carol", "dave", "nobody-here", "", "Alice",
					     "root", "erin" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		start(16);
		T_INT(ask(names[i], OTHER, -1), NSS_STATUS_NOTFOUND);
		T_INT(error, ENOENT);
		T_INT(count, 1);
	}
}

static void test_leaver_has_no_groups(void)
{
	static const uint32_t gids[] = { SUDO_GID };
	const struct directory_user_entry entry = {
		.uid = ALICE, .name = "alice", .gecos = "", .home = "/home/alice",
		.shell = DIRECTORY_NOLOGIN, .gids = gids, .gid_count = 1,
	};
	struct directory_writer *writer;

	start(16);
	writer = people_open();
	NEED(directory_writer_put_user(writer, &entry) == 0); /* which no warden would write */
	people_commit(writer);
	T_INT(ask("alice", ALICE, -1), NSS_STATUS_NOTFOUND);
	T_INT(count, 1);
}

static void test_array_grows(void)
{
	static const struct {
		long places, limit, want_count, want_size;
	} cases[] = {
		{ 1, -1, 3, 3 }, { 2, -1, 3, 4 }, { 3, -1, 3, 3 }, { 1, 2, 2, 2 },
		{ 2, 2, 2, 2 },	 { 1, 1, 1, 1 },  { 1, 0, 3, 3 },  { 1, 100, 3, 3 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		start(cases[i].places);
		T_TRUE(ask("alice", ALICE, cases[i].limit) != NSS_STATUS_TRYAGAIN);
		T_INT(count, cases[i].want_count);
		T_INT(size, cases[i].want_size);
		T_INT(groups[0], OTHER);
	}
}

/* Somebody made a local account of a person's name: it must not become an administrator by that. */
static void test_local_account_gains_nothing(void)
{
	start(16);
	people_local("root:x:0:0::/:/bin/sh\nalice2:x:1002:1002::/:/bin/sh\n"
		     "alice:x:1001:1001::/home/alice:/bin/sh\n");
	T_INT(ask("alice", 1001, -1), NSS_STATUS_NOTFOUND);
	T_INT(count, 1);
	people_local("root:x:0:0::/:/bin/sh\nalice:x:70001:70001::/home/alice:/bin/sh\n");
	T_INT(ask("alice", ALICE, -1), NSS_STATUS_NOTFOUND); /* one who was a person before */
	T_INT(count, 1);
	people_local("root:x:0:0::/:/bin/sh\nalice2:x:1001:1001::/:/bin/sh\nxalice:x:1:1::/:/\n");
	T_INT(ask("alice", 1001, -1), NSS_STATUS_SUCCESS);
	T_INT(count, 3);
}

static void test_no_directory_is_unavailable(void)
{
	start(16);
	people_remove(DIRECTORY_FILE);
	T_INT(ask("Alice", OTHER, -1), NSS_STATUS_NOTFOUND);
	T_INT(ask("alice", ALICE, -1), NSS_STATUS_UNAVAIL);
	T_INT(error, ENOENT);
	T_INT(count, 1);
}

static void test_local_names(void)
{
	static const struct {
		const char *passwd;
		int want;
	} cases[] = {
		{ "", 0 },
		{ "alice:x:1:1", 1 },
		{ "alice", 0 },
		{ "alice:", 1 },
		{ "bob:alice:1:1\n", 0 },
		{ "\n\nalice:x\n", 1 },
		{ "aliceb:x\nalic:x\n", 0 },
		{ "#alice:x\n", 0 },
		{ "x\n \t\v\f\ralice:x\n", 1 }, /* as libc reads it */
		{ "al ice:x\nalice :x\n", 0 },
		{ "aalice:x\nalice:", 1 },
	};
	char *text;

	start(16);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		people_local(cases[i].passwd);
		T_INT(local_has_user("alice", 5), cases[i].want);
	}
	/* the name across the border of two reads */
	text = malloc(9000);
	NEED(text);
	for (size_t pad = 4085; pad < 4100; pad++) {
		memset(text, 'x', pad);
		strcpy(text + pad, "\nalice:x:1:1\n");
		people_local(text);
		T_INT(local_has_user("alice", 5), 1);
	}
	free(text);
}

T_MAIN("nss initgroups", T(test_groups_of_a_user), T(test_never_adds_the_primary),
       T(test_nothing), T(test_leaver_has_no_groups), T(test_array_grows),
       T(test_local_account_gains_nothing), T(test_no_directory_is_unavailable),
       T(test_local_names))
