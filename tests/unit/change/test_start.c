/* Starts: what is published and what was evaluated is kept where nothing can have made it another, and is
 * made anew in every other case. A batch with everybody in it raises the revision. */
#include <fcntl.h>

#include "scimd/change/internal.h"
#include "scimd/model/schema_file.h"
#include "tests/unit/change/engine_fixture.h"

#define HASH "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"

static uint64_t restart(const char *conf)
{
	uint64_t before = revision_now();

	engine_stop();
	engine_start(conf);
	T_TRUE(wait_until(is_ready, 3000));
	return revision_now() - before;
}

static uint64_t restart_all(const char *conf)
{
	uint64_t before = revision_now();

	engine_stop();
	warden_kill();
	warden_start(REAP_NONE);
	engine_start(conf);
	T_TRUE(wait_until(is_ready, 3000));
	return revision_now() - before;
}

static const struct change_step people[] = {
	{ .what = PUT_GROUP, .group = 1, .name = "Admins" },
	{ .what = PUT_USER, .user = 1, .name = "ann", .password = HASH },
	{ .what = PUT_USER, .user = 2, .name = "bob", .more = OFF },
	{ .what = ADD_MEMBER, .user = 1, .group = 1 },
};

static void setup_people(void)
{
	setup(REAP_NONE);
	T_OK(change_do(people, ARRAY_SIZE(people)));
	T_TRUE(wait_until(is_ready, 3000));
}

static void check_people(void)
{
	T_TRUE(seen_allowed("ann") && seen_in("ann", seen_gid("admins")));
	T_TRUE(seen("bob").exists && !seen_allowed("bob"));
}

static void test_nothing_changed(void)
{
	setup_people();
	T_INT(restart(NULL), 0);
	T_INT(restart_all(NULL), 0);
	check_people();
	T_OK(put_user(2, "bob", ON));
	T_TRUE(seen_allowed("bob"));
	T_INT(restart_all(NULL), 0);
	T_TRUE(seen_allowed("bob"));
	T_OK(CHANGE({ .what = PUT_USER, .user = 2, .name = "bob", .password = HASH }));
	T_INT(restart_all(NULL), 0);
	teardown();
}

static void test_configuration_changed(void)
{
	char dropin[FIXTURE_PATH + 32];

	setup_people();
	T_INT(restart(ENGINE_CONF "[access]\nallow_groups = Admins\n"), 1);
	T_INT(restart(ENGINE_CONF "[access]\ndeny_groups = Admins\n"), 1);
	T_TRUE(!seen_allowed("ann"));
	T_INT(restart(NULL), 0);
	T_INT(restart(ENGINE_CONF), 1);
	check_people();
	snprintf(dropin, sizeof(dropin), "%s/10-late.conf", fixture.dropins);
	file_write(dropin, "[identity]\nshell = /bin/dash\n");
	T_INT(restart(NULL), 1);
	T_STR(seen("ann").shell, "/bin/dash");
	/* In between the warden may have read what was there for a moment only. */
	file_write(dropin, "[identity]\nshell = /bin/zsh\n");
	file_write(dropin, "[identity]\nshell = /bin/dash\n");
	T_INT(restart(NULL), 1);
	file_write(fixture.passwd, FIXTURE_PASSWD "late:x:71000:71000::/:/bin/sh\n");
	T_INT(restart(NULL), 1);
	file_write(fixture.group, FIXTURE_GROUP);
	T_INT(restart(NULL), 1);
	T_INT(restart(NULL), 0);
	teardown();
}

enum harm { REMOVED, COPIED_OVER, MOVED_IN, DAMAGED, TRUNCATED, GIVEN_AWAY };

/* A bit of the first slot that is used. */
static void slot_damage(const char *path)
{
	unsigned char page[4096];
	int fd = open(path, O_RDWR | O_CLOEXEC);
	off_t at = DIRECTORY_HEADER_SIZE;
	size_t i = sizeof(page);

	T_FATAL(fd >= 0);
	for (; i == sizeof(page); at += (off_t)sizeof(page)) {
		T_FATAL(pread(fd, page, sizeof(page), at) == (ssize_t)sizeof(page));
		for (i = 0; i < sizeof(page) && page[i] == 0; i++)
			;
	}
	at += (off_t)i - (off_t)sizeof(page);
	page[i] ^= 1;
	T_INT(pwrite(fd, &page[i], 1, at), 1);
	(void)close(fd);
}

static void file_harm(const char *name, enum harm harm)
{
	char path[FIXTURE_PATH + 32], old[FIXTURE_PATH + 32], command[4 * FIXTURE_PATH + 256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", fixture.folder, name);
	snprintf(old, sizeof(old), "%s/%s.old", fixture.root, name);
	T_FATAL(stat(path, &st) == 0);
	switch (harm) {
	case REMOVED:
		T_OK(unlink(path));
		break;
	case COPIED_OVER:
		snprintf(command, sizeof(command), "cat %s >%s", old, path);
		T_OK(system(command));
		break;
	case MOVED_IN:
		snprintf(command, sizeof(command), "cp -p %s %s.new && mv %s.new %s", old, old, old,
			 path);
		T_OK(system(command));
		break;
	case DAMAGED:
		slot_damage(path);
		break;
	case TRUNCATED:
		T_OK(truncate(path, st.st_size - 4096));
		break;
	case GIVEN_AWAY:
		T_OK(chown(path, 1, (gid_t)-1));
		break;
	}
}

/* Whichever file it is and whatever became of it, with the warden that wrote it and with the next one. */
static void test_files_harmed(void)
{
	static const char *const names[] = { DIRECTORY_FILE, DIRECTORY_SHADOW_FILE };
	char command[4 * FIXTURE_PATH + 256];

	setup_people();
	snprintf(command, sizeof(command), "for f in directory shadow; do cp -p %s/$f %s/$f.old; done",
		 fixture.folder, fixture.root);
	T_OK(system(command));
	T_OK(CHANGE({ .what = PUT_USER, .user = 1, .name = "ann",
		      .password = "$y$j9T$new$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7" }));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (enum harm harm = REMOVED; harm <= GIVEN_AWAY; harm++) {
			T_INT(restart(NULL), 0);
			file_harm(names[i], harm);
			T_INT(restart(NULL), 1);
			check_people();
			file_harm(names[i], harm);
			T_INT(restart_all(NULL), 1);
			check_people();
		}
	T_INT(restart_all(NULL), 0);
	teardown();
}

/* Both of them a step back, as from a backup of the folder. */
static void test_older_files(void)
{
	char command[4 * FIXTURE_PATH + 256];

	setup_people();
	snprintf(command, sizeof(command), "cp -a %s %s/older", fixture.folder, fixture.root);
	T_OK(system(command));
	T_OK(put_user(1, "ann", OFF));
	engine_stop();
	warden_kill();
	snprintf(command, sizeof(command), "rm -r %s && mv %s/older %s", fixture.folder,
		 fixture.root, fixture.folder);
	T_OK(system(command));
	T_TRUE(seen_allowed("ann"));
	warden_start(REAP_NONE);
	engine_start(NULL);
	T_TRUE(wait_until(is_ready, 3000));
	T_TRUE(!seen_allowed("ann"));
	teardown();
}

/* What was decided by something that goes away is decided again. */
static void test_group_name_freed(void)
{
	setup_people();
	T_OK(CHANGE({ .what = PUT_GROUP, .group = 2, .name = "bob" }));
	T_INT(seen_gid("bob"), seen("bob").uid); /* the private one */
	T_INT(restart(NULL), 0);
	T_OK(CHANGE({ .what = DELETE_USER, .user = 2 }));
	T_INT(restart(NULL), 1);
	T_TRUE(seen_gid("bob") != 0);
	T_INT(restart(NULL), 0);
	teardown();
}

/* What the warden would not have, it is asked about again at each start. */
static void test_refused(void)
{
	setup_people();
	T_OK(put_user(3, "cyd", NULL));
	T_INT(restart(NULL), 0);
	file_write(fixture.passwd, FIXTURE_PASSWD "cyd:x:1500:1500::/:/bin/sh\n");
	T_OK(CHANGE({ .what = ADD_MEMBER, .user = 3, .group = 1 })); /* a role: published again */
	T_TRUE(!seen_allowed("cyd"));
	T_INT(restart(NULL), 1);
	T_INT(restart(NULL), 1);
	file_write(fixture.passwd, FIXTURE_PASSWD);
	T_INT(restart(NULL), 1);
	T_TRUE(seen_allowed("cyd") && seen_in("cyd", seen_gid("admins")));
	T_INT(restart(NULL), 0);
	teardown();
}

static int basis_is(const unsigned char basis[static STORE_BASIS_SIZE])
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;

	T_FATAL(store_begin(store, NULL, false, &txn) == 0);
	return store_basis_is(txn, basis);
}

/* Also if the host's files come to be as they were: the refusal itself is what makes the next start doubt. */
static void test_refusal_is_remembered(void)
{
	unsigned char basis[STORE_BASIS_SIZE];

	setup_people();
	T_OK(put_user(3, "cyd", NULL));
	T_OK(basis_make(engine, basis));
	T_INT(basis_is(basis), 1);
	file_write(fixture.passwd, FIXTURE_PASSWD "cyd:x:1500:1500::/:/bin/sh\n");
	T_OK(CHANGE({ .what = ADD_MEMBER, .user = 3, .group = 1 }));
	T_TRUE(!seen_allowed("cyd"));
	T_INT(basis_is(basis), 0);
	teardown();
}

#define BADGE "urn:example:badge:1.0:User"
#define TEAM "urn:example:team:1.0:Group"

/* Schemas of the configuration; text NULL: none. */
static void schemas_install(const char *user, const char *group)
{
	_cleanup_(schema_set_freep) struct schema_set *set = NULL;
	struct fault why = { 0 };

	T_OK(schema_set_new(&set));
	if (user)
		T_OK(schema_set_add(set, "badge", RESOURCE_USER, user, strlen(user), &why));
	if (group)
		T_OK(schema_set_add(set, "team", RESOURCE_GROUP, group, strlen(group), &why));
	T_STR(why.detail, "");
	T_OK(schema_set_install(&set));
}

static int tally(const struct store_resource *row, void *context)
{
	(void)row;
	(*(unsigned int *)context)++;
	return 0;
}

static unsigned int indexed(const char *line)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	unsigned int count = 0;

	T_FATAL(store_begin(store, NULL, false, &txn) == 0);
	T_OK(store_email_each(txn, "okta", line, tally, &count));
	return count;
}

static uint64_t restart_under(const char *user, const char *group)
{
	uint64_t before = revision_now();

	engine_stop();
	schemas_install(user, group);
	engine_start(NULL);
	T_TRUE(wait_until(is_ready, 3000));
	return revision_now() - before;
}

/* What a document makes unique is found by it, also where it was stored before the document. */
static void test_unique_by_now(void)
{
	static const char *const badge =
		"{\"id\":\"" BADGE "\",\"attributes\":["
		"{\"name\":\"number\",\"type\":\"string\",\"uniqueness\":\"server\"},"
		"{\"name\":\"desk\",\"type\":\"string\"}]}";
	static const char *const badge_and_desk =
		"{\"id\":\"" BADGE "\",\"attributes\":["
		"{\"name\":\"number\",\"type\":\"string\",\"uniqueness\":\"server\"},"
		"{\"name\":\"desk\",\"type\":\"string\",\"uniqueness\":\"server\"}]}";
	static const char *const team =
		"{\"id\":\"" TEAM "\",\"attributes\":["
		"{\"name\":\"code\",\"type\":\"string\",\"uniqueness\":\"server\"}]}";

	setup_people();
	T_OK(put_user(3, "cyd", ",\"" BADGE "\":{\"number\":\"A1\",\"desk\":\"D7\"}"));
	T_OK(put_user(4, "dan", ",\"" BADGE "\":{\"number\":\"A1\"}"));
	T_OK(CHANGE({ .what = PUT_GROUP, .group = 3, .name = "Blue",
		      .more = ",\"" TEAM "\":{\"code\":\"B\"}" }));
	T_INT(indexed(BADGE ":number=a1"), 0);
	T_INT(restart_under(badge, NULL), 1);
	T_INT(indexed(BADGE ":number=a1"), 2); /* alike until one of them changes */
	T_INT(indexed(BADGE ":desk=d7"), 0);
	T_INT(restart_under(badge, NULL), 0);
	T_INT(restart_under(badge_and_desk, team), 1);
	T_INT(indexed(BADGE ":number=a1"), 2);
	T_INT(indexed(BADGE ":desk=d7"), 1);
	T_INT(indexed(TEAM ":code=b"), 1);
	T_INT(events("scim.user.patched", "cyd").count, 0);
	check_people();
	schemas_install(NULL, NULL);
	teardown();
}

T_MAIN("change/start",
       T(test_nothing_changed), T(test_configuration_changed), T(test_files_harmed),
       T(test_older_files), T(test_group_name_freed), T(test_refused),
       T(test_refusal_is_remembered),
       T(test_unique_by_now))
