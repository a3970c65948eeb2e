/* The warden goes away, or will not publish, in the middle of an offboarding. */
#include "tests/unit/change/engine_fixture.h"

static void test_warden_away(void)
{
	uint64_t revision, started;
	char reason[128];

	two_people(REAP_NONE);
	revision = revision_now();
	warden_kill();
	started = now_ms();
	T_INT(CHANGE({ .what = DELETE_USER, .user = 1 }), -EPROTO);
	T_TRUE(now_ms() - started >= 2500); /* it might have come back */
	T_INT(fault.status, 503);
	T_TRUE(fault.retry_after_s > 0);
	T_TRUE(seen_allowed("ann"));
	T_INT(receipts("ann").count, 0);
	T_INT(revision_now(), revision);
	T_TRUE(row_number('a', 1, reason) != 0);
	warden_start(REAP_NONE);
	T_OK(put_user(1, "ann", OFF));
	T_TRUE(!seen_allowed("ann"));
	teardown();
}

static void *restart_later(void *argument)
{
	(void)argument;
	usleep(150000);
	warden_start(REAP_NONE);
	return NULL;
}

static pthread_t restarter;

static void kill_and_empty(void)
{
	char path[FIXTURE_PATH + 16];

	warden_kill();
	snprintf(path, sizeof(path), "%s/" DIRECTORY_FILE, fixture.folder);
	T_TRUE(unlink(path) == 0);
	snprintf(path, sizeof(path), "%s/" DIRECTORY_SHADOW_FILE, fixture.folder);
	T_TRUE(unlink(path) == 0);
	T_FATAL(pthread_create(&restarter, NULL, restart_later, NULL) == 0);
}

static size_t listed(uint32_t gid)
{
	struct directory_members members;
	struct directory_group group;
	struct directory_view view;
	uint64_t cursor = 0;
	size_t count = 0;

	T_FATAL(directory_open(fixture.folder, DIRECTORY_FILE, DIRECTORY_MAGIC, &view) == 0);
	T_FATAL(directory_group_by_gid(&view, gid, &group) == 0);
	while (directory_members_next(&view, &group, &cursor, &members) == 0)
		count += members.count;
	directory_release(&view);
	return count;
}

/* Everybody and everything is sent anew: people, who is out, both sides of memberships, tombstones. */
static void test_directory_lost(void)
{
	struct change_step steps[] = {
		{ .what = PUT_GROUP, .group = 1, .name = "Team" },
		{ .what = PUT_GROUP, .group = 2, .name = "Crew" },
		{ .what = PUT_USER, .user = 1, .name = "ann" },
		{ .what = PUT_USER, .user = 2, .name = "bob" },
		{ .what = PUT_USER, .user = 3, .name = "cyd", .more = OFF },
		{ .what = PUT_USER, .user = 4, .name = "dan" },
		{ .what = ADD_MEMBER, .user = 1, .group = 1 },
		{ .what = ADD_MEMBER, .user = 2, .group = 1 },
		{ .what = ADD_MEMBER, .user = 1, .group = 2 },
		{ .what = ADD_MEMBER, .user = 3, .group = 2 },
	};
	uint32_t dan;

	setup(REAP_NONE);
	T_OK(change_do(steps, ARRAY_SIZE(steps)));
	dan = seen("dan").uid;
	T_OK(CHANGE({ .what = DELETE_USER, .user = 4 }));
	kill_and_empty();
	T_OK(pthread_join(restarter, NULL));
	T_OK(put_user(5, "eve", ON));
	T_TRUE(seen_allowed("ann") && seen_allowed("bob") && seen_allowed("eve"));
	T_TRUE(seen("cyd").exists && !seen_allowed("cyd") && !seen("dan").exists);
	T_INT(seen("ann").gid_count, 2);
	T_INT(seen("bob").gid_count, 1);
	T_INT(seen("bob").gids[0], seen_gid("team"));
	T_INT(seen("cyd").gid_count, 0);
	T_INT(listed(seen_gid("team")), 2);
	T_INT(listed(seen_gid("crew")), 1);
	T_TRUE(publish_shuts_out(fixture.publish, dan));
	teardown();
}

static bool was_killed;

static void kill_and_empty_once(void)
{
	if (!was_killed)
		kill_and_empty();
	was_killed = true;
}

/* Killed during a change, and back without a directory. */
static void killed_during(const struct change_step *steps, size_t count)
{
	struct change_plan plan = { .steps = steps, .count = count, .then = kill_and_empty_once };

	was_killed = false;
	two_people(REAP_NONE);
	T_OK(CHANGE({ .what = PUT_USER, .user = 4, .name = "dan" }));
	T_OK(CHANGE({ .what = DELETE_USER, .user = 4 }));
	T_OK(change_run(engine, &source, plan_run, &plan, &fault));
	T_OK(pthread_join(restarter, NULL));
	T_TRUE(seen("ann").exists && !seen_allowed("ann"));
	T_TRUE(seen_allowed("bob") && seen_in("bob", seen_gid("team")));
	T_TRUE(wait_until(nothing_is_open, 2000));
	T_INT(receipts("ann").count, 1);
	/* dan's number is dan's for ever, also in the new directory. */
	T_OK(CHANGE({ .what = PUT_USER, .user = 5, .name = "eve" }));
	T_TRUE(seen("eve").uid > 70003);
	T_TRUE(publish_shuts_out(fixture.publish, 70002));
}

/* The answer about ann is taken before the group is asked about, and with that all is checked. */
static void test_warden_killed_before_publishing(void)
{
	const struct change_step steps[] = {
		{ .what = PUT_USER, .user = 1, .name = "ann", .more = OFF },
		{ .what = PUT_GROUP, .group = 1, .name = "Team" },
		{ .what = ADD_MEMBER, .group = 1, .user = 2 },
	};

	killed_during(steps, ARRAY_SIZE(steps));
	teardown();
}

/* An answer is under way, and somebody is still to be asked about: all of it again. */
static void test_warden_killed_while_checking(void)
{
	const struct change_step steps[] = {
		{ .what = PUT_GROUP, .group = 1, .name = "Team" },
		{ .what = ADD_MEMBER, .group = 1, .user = 2 },
		{ .what = PUT_USER, .user = 1, .name = "ann", .more = OFF },
		{ .what = PUT_USER, .user = 3, .name = "cat" },
	};

	killed_during(steps, ARRAY_SIZE(steps));
	T_TRUE(seen_allowed("cat"));
	teardown();
}

/* A report that was lost with the warden is asked for again. */
static void test_warden_killed_before_reporting(void)
{
	uint64_t took_ms = 0;
	pthread_t thread;

	two_people(REAP_SILENT);
	T_FATAL(pthread_create(&thread, NULL, deactivate_ann, &took_ms) == 0);
	T_TRUE(wait_until(ann_is_ending, 1000));
	warden_kill();
	warden_start(REAP_DONE);
	T_OK(pthread_join(thread, NULL));
	T_TRUE(took_ms > 0 && took_ms < DEADLINE_MS + MARGIN_MS);
	T_TRUE(wait_until(nothing_is_open, 2000));
	T_TRUE(nothing_is_pending());
	T_TRUE(newest_has("ann", "\"pid\":4711"));
	teardown();
}

/* The warden is there and publishes nothing, because root's configuration is broken: that is no fault of
 * the identity provider's, and no reason to send everything over and over. */
static void test_warden_refuses(void)
{
	uint64_t revision;

	two_people(REAP_NONE);
	revision = revision_now();
	file_write(fixture.conf, "nonsense\n");
	T_INT(put_user(1, "ann", OFF), -EPROTO);
	T_INT(fault.status, 503);
	T_TRUE(fault.retry_after_s > 0);
	T_TRUE(revision_now() - revision <= 8); /* one for each time everything was sent */
	file_write(fixture.conf, ENGINE_CONF);
	T_OK(change_engine_reload_files(engine, &fault));
	T_TRUE(!seen_allowed("ann") && seen_allowed("bob"));
	T_TRUE(wait_until(nothing_is_open, 2000));
	teardown();
}

T_MAIN("change/warden_lost",
       T(test_warden_away), T(test_directory_lost),
       T(test_warden_killed_before_publishing),
       T(test_warden_killed_while_checking),
       T(test_warden_killed_before_reporting),
       T(test_warden_refuses))
