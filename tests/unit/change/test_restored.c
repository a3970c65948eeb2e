/* A store that comes back from a backup: nobody is let in again silently, no number is given twice. */
#include "tests/unit/change/engine_fixture.h"

#include <fcntl.h>

static char db_path[FIXTURE_PATH + 8];

/* The store as the backup in `from` has it, put in place as an administrator does, and started. */
static void restore(const char *from, const char *conf_text)
{
	_cleanup_(conf_freep) struct conf *conf = NULL;
	struct conf_problems problems = { 0 };
	char command[4 * FIXTURE_PATH];

	if (engine)
		engine_stop();
	snprintf(command, sizeof(command), "rm -rf %s && cp -r %s %s", db_path, from, db_path);
	T_INT(system(command), 0);
	file_write(fixture.conf, conf_text);
	T_FATAL(conf_load(fixture.conf, fixture.dropins, &conf, &problems) == 0);
	T_FATAL(store_open(db_path, &store) == 0);
	T_OK(change_restored(store, conf, fixture.folder));
	T_OK(change_restored(store, conf, fixture.folder)); /* once is enough */
	store_closep(&store);
	engine_start(conf_text);
	T_TRUE(wait_until(is_ready, 3000));
}

static int held_count(const char *id, void *context)
{
	(void)id;
	++*(int *)context;
	return 0;
}

static int held(void)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	int count = 0;

	T_FATAL(store_begin(store, NULL, false, &txn) == 0);
	T_OK(store_held_each(txn, held_count, &count));
	return count;
}

static int admin_fn(struct change *change, void *context, struct fault *ret_fault)
{
	char id[RESOURCE_ID_SIZE], what = ((const char *)context)[0];

	id_make(id, 'a', (unsigned int)atoi((const char *)context + 1));
	if (what == 'c')
		return change_user_confirm(change, id, ret_fault);
	return what == 'l' ? change_user_lock(change, id, "root", "why", ret_fault)
			   : change_user_unlock(change, id, ret_fault);
}

/* "c3" confirms user 3, "l3" locks, "u3" unlocks. */
static int admin(const char *what)
{
	fault = (struct fault){ 0 };
	return change_run(engine, &source, admin_fn, (void *)(uintptr_t)what, &fault);
}

/* ann and dora are in, bob is out, cyd is locked; then a backup; then ann leaves and eve comes. */
static void history(char backup[static FIXTURE_PATH])
{
	struct store_backup made;

	setup(REAP_NONE);
	snprintf(db_path, sizeof(db_path), "%s/db", fixture.root);
	snprintf(backup, FIXTURE_PATH, "%s/kept", fixture.root);
	T_OK(CHANGE({ .what = PUT_GROUP, .group = 1, .name = "Admins" },
		    { .what = PUT_USER, .user = 1, .name = "ann", .more = ON },
		    { .what = ADD_MEMBER, .group = 1, .user = 1 },
		    { .what = PUT_USER, .user = 2, .name = "bob", .more = OFF },
		    { .what = PUT_USER, .user = 3, .name = "cyd", .more = ON },
		    { .what = PUT_USER, .user = 4, .name = "dora", .more = ON }));
	T_OK(admin("l3"));
	T_FATAL(store_backup(store, &made) == 0);
	T_INT(made.users, 4);
	T_INT(rename(made.path, backup), 0);
	T_OK(put_user(1, "ann", OFF));
	T_OK(put_user(5, "eve", ON));
	T_TRUE(!seen_allowed("ann") && seen_allowed("dora") && seen_allowed("eve"));
}

/* As on another host: no directory of this store. */
static void directory_lose(void)
{
	char command[2 * FIXTURE_PATH];

	engine_stop();
	warden_kill();
	snprintf(command, sizeof(command), "rm -f %s/*", fixture.folder);
	T_INT(system(command), 0);
	warden_start(REAP_NONE);
}

static void test_elsewhere(void)
{
	char backup[FIXTURE_PATH], reason[128];
	uint32_t ann, eve;

	history(backup);
	ann = seen("ann").uid;
	eve = seen("eve").uid;
	directory_lose();
	restore(backup, ENGINE_CONF);
	T_TRUE(seen("ann").exists && !seen_allowed("ann") && !seen_allowed("bob") &&
	       !seen_allowed("cyd") && !seen_allowed("dora") && !seen("eve").exists);
	T_INT(seen("ann").uid, ann);
	T_INT(seen("ann").gid_count, 0);
	T_INT(held(), 3); /* bob was out before */
	T_INT(row_number('a', 1, reason), ann);
	T_TRUE(strstr(reason, "not confirmed by the identity provider") != NULL);
	(void)row_number('a', 3, reason);
	T_TRUE(strstr(reason, "locked") != NULL);
	T_INT(events("store.restored", "").count, 1);
	T_TRUE(strstr(events("store.restored", "").last, "3 people") != NULL);
	T_INT(events("scim.user.deactivated", "dora").count, 0); /* nothing was ended here */
	T_INT(receipts("dora").count, 0);
	/* Other changes, restarts and reloads do not let them in. */
	T_OK(CHANGE({ .what = ADD_MEMBER, .group = 1, .user = 4 }));
	engine_stop();
	engine_start(ENGINE_CONF "[access]\nafter_restore = allow\n");
	T_TRUE(wait_until(is_ready, 3000));
	T_TRUE(!seen_allowed("ann") && !seen_allowed("dora"));
	T_INT(held(), 3);
	/* The identity provider does, by saying that they are active. */
	T_OK(put_user(1, "ann", OFF));
	T_TRUE(!seen_allowed("ann"));
	T_INT(held(), 3);
	T_OK(put_user(1, "ann", ON));
	T_TRUE(seen_allowed("ann") && seen_in("ann", seen_gid("admins")));
	T_INT(held(), 2);
	T_INT(events("scim.user.reactivated", "ann").count, 1);
	T_OK(put_user(1, "ann", OFF));
	T_OK(put_user(1, "ann", ON)); /* as ever again */
	T_TRUE(seen_allowed("ann"));
	/* Or an administrator. A lock is stronger. */
	T_OK(admin("c4"));
	T_TRUE(seen_allowed("dora"));
	T_INT(events("user.confirmed", "dora").count, 1);
	T_INT(admin("c4"), -EPROTO);
	T_INT(fault.status, 409);
	T_OK(admin("c3"));
	T_TRUE(!seen_allowed("cyd"));
	T_INT(held(), 0);
	T_OK(admin("u3"));
	T_TRUE(seen_allowed("cyd"));
	/* Nothing tells which numbers were given after the backup: some are left out. */
	T_OK(put_user(6, "fay", ON));
	T_TRUE(seen("fay").uid > eve + 900);
	teardown();
}

/* What the file itself says was published comes there a second later. */
static bool file_is_settled(void)
{
	_cleanup_close_ int fd = -1;
	struct directory_header header;
	char path[FIXTURE_PATH + 16];

	snprintf(path, sizeof(path), "%s/" DIRECTORY_FILE, fixture.folder);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return pread(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
	       header.revision == revision_now();
}

static void test_here(void)
{
	char backup[FIXTURE_PATH];
	uint32_t eve, gone, team;

	history(backup);
	T_OK(CHANGE({ .what = PUT_USER, .user = 7, .name = "gil", .more = ON },
		    { .what = PUT_GROUP, .group = 2, .name = "Team" }));
	gone = seen("gil").uid;
	team = seen_gid("team");
	T_OK(CHANGE({ .what = DELETE_USER, .user = 7 }));
	eve = seen("eve").uid;
	T_TRUE(wait_until(file_is_settled, 5000));
	restore(backup, ENGINE_CONF);
	/* Who is in now stays in; who left since does not come back. */
	T_TRUE(seen_allowed("dora") && !seen_allowed("ann") && !seen_allowed("cyd"));
	T_INT(held(), 2);
	/* Who came since is known by name alone; the number is theirs, and nobody gets the others. */
	T_TRUE(seen("eve").exists && !seen_allowed("eve"));
	T_INT(seen("eve").uid, eve);
	T_OK(put_user(8, "hal", ON));
	T_INT(seen("hal").uid, (gone > team ? gone : team) + 1);
	engine_stop();
	engine_start(ENGINE_CONF);
	T_TRUE(wait_until(is_ready, 3000));
	T_INT(seen("eve").uid, eve);
	T_OK(put_user(9, "eve", ON));
	T_INT(seen("eve").uid, eve);
	T_TRUE(seen_allowed("eve"));
	T_OK(CHANGE({ .what = PUT_GROUP, .group = 3, .name = "Team" }));
	T_INT(seen_gid("team"), team); /* groups get theirs back as well */
	T_OK(CHANGE({ .what = DELETE_USER, .user = 4 })); /* held or not */
	T_OK(CHANGE({ .what = DELETE_USER, .user = 1 }));
	T_INT(held(), 1);
	teardown();
}

/* The store is lost, the directory is not: everybody gets their number back. */
static void test_lost(void)
{
	char backup[FIXTURE_PATH], empty[FIXTURE_PATH];
	uint32_t ann, eve, gone, fay;

	history(backup);
	T_OK(CHANGE({ .what = PUT_USER, .user = 7, .name = "gil", .more = ON }));
	gone = seen("gil").uid;
	T_OK(CHANGE({ .what = DELETE_USER, .user = 7 }));
	ann = seen("ann").uid;
	eve = seen("eve").uid;
	snprintf(empty, sizeof(empty), "%s/empty", fixture.root);
	T_INT(mkdir(empty, 0700), 0);
	restore(empty, ENGINE_CONF);
	T_TRUE(seen("ann").exists && !seen_allowed("ann") && !seen_allowed("eve"));
	T_INT(held(), 0);
	T_INT(events("store.restored", "").count, 0);
	T_OK(put_user(20, "fay", ON));
	fay = seen("fay").uid;
	T_TRUE(fay && fay != gone && fay != ann && fay != eve && seen_allowed("fay"));
	T_OK(put_user(21, "eve", ON));
	T_INT(seen("eve").uid, eve);
	T_OK(put_user(22, "ann", OFF));
	T_INT(seen("ann").uid, ann);
	T_TRUE(seen_allowed("eve") && !seen_allowed("ann"));
	teardown();
}

/* A backup of another host whose numbers are other people's here. */
static void test_conflict(void)
{
	char backup[FIXTURE_PATH], empty[FIXTURE_PATH];
	uint32_t ann;

	history(backup);
	ann = seen("ann").uid;
	directory_lose();
	snprintf(empty, sizeof(empty), "%s/empty", fixture.root);
	T_INT(mkdir(empty, 0700), 0);
	restore(empty, ENGINE_CONF);
	/* zoe is on this host under the number that ann has in the backup. */
	for (unsigned int i = 30; i < 40 && seen("zoe").uid != ann; i++) {
		T_OK(put_user(i, "zoe", ON));
		if (seen("zoe").uid != ann)
			T_OK(CHANGE({ .what = DELETE_USER, .user = i }));
	}
	T_INT(seen("zoe").uid, ann);
	restore(backup, ENGINE_CONF);
	T_TRUE(!seen("zoe").exists && !seen_allowed("ann"));
	T_INT(seen("ann").uid, ann);
	T_INT(held(), 3); /* what another store's directory says of people does not count */
	teardown();
}

static void test_allow(void)
{
	char backup[FIXTURE_PATH];

	history(backup);
	directory_lose();
	restore(backup, ENGINE_CONF "[access]\nafter_restore = allow\n");
	T_TRUE(seen_allowed("ann") && seen_allowed("dora") && !seen_allowed("bob"));
	T_TRUE(!seen_allowed("cyd")); /* locked then, locked now */
	T_INT(held(), 0);
	teardown();
}

T_MAIN("restored", T(test_elsewhere), T(test_here), T(test_lost), T(test_conflict), T(test_allow))
