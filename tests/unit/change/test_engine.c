/* A change's way, from a request's function to what the host sees. */
#include "tests/unit/change/engine_fixture.h"

#define POSIX_UID(n) ",\"" URN_POSIX_USER "\":{\"uidNumber\":" #n "}"

static void test_changes_reach_the_host(void)
{
	struct seen_user ann;

	setup(REAP_NONE);
	T_OK(put_user(1, "ann@example.com", NULL));
	ann = seen("ann");
	T_TRUE(ann.exists && ann.flags == DIRECTORY_ALLOWED);
	T_INT(ann.uid, 70000);
	T_STR(ann.home, "/home/ann");
	T_STR(ann.shell, "/bin/bash");
	T_OK(CHANGE({ .what = PUT_GROUP, .group = 1, .name = "Team" },
		    { .what = PUT_USER, .user = 2, .name = "bob@example.com", .more = OFF },
		    { .what = ADD_MEMBER, .group = 1, .user = 1 },
		    { .what = ADD_MEMBER, .group = 1, .user = 2 }));
	T_TRUE(seen_gid("team") >= 70000);
	T_TRUE(seen_in("ann", seen_gid("team")));
	T_TRUE(seen("bob").exists && !seen_allowed("bob") && !seen_in("bob", seen_gid("team")));
	T_STR(seen("bob").shell, DIRECTORY_NOLOGIN);
	/* Let in, the groups come with it. */
	T_OK(put_user(2, "bob@example.com", ON));
	T_TRUE(seen_allowed("bob") && seen_in("bob", seen_gid("team")));
	T_OK(CHANGE({ .what = REMOVE_MEMBER, .group = 1, .user = 1 }));
	T_TRUE(!seen_in("ann", seen_gid("team")) && seen_in("bob", seen_gid("team")));
	T_OK(CHANGE({ .what = DELETE_GROUP, .group = 1 }));
	T_INT(seen_gid("team"), 0);
	T_INT(seen("bob").gid_count, 0);
	T_OK(CHANGE({ .what = DELETE_USER, .user = 1 }));
	T_TRUE(!seen("ann").exists);
	T_INT(events("scim.user.created", "ann").count, 1);
	T_INT(events("scim.user.deleted", "ann").count, 1);
	T_INT(events("scim.user.reactivated", "bob").count, 1);
	T_INT(events("scim.group.created", "").count, 1);
	T_TRUE(strstr(events("scim.group.created", "").last, "\"detail\":\"") != NULL);
	T_TRUE(strstr(events("scim.user.created", "ann").last, "\"request_id\":\"r1\"") != NULL);
	teardown();
}

static void test_rename_keeps_the_home(void)
{
	struct seen_user before, after;

	setup(REAP_NONE);
	T_OK(CHANGE({ .what = PUT_GROUP, .group = 1, .name = "Team" },
		    { .what = PUT_USER, .user = 1, .name = "ann@example.com" },
		    { .what = ADD_MEMBER, .group = 1, .user = 1 }));
	before = seen("ann");
	T_OK(put_user(1, "anna@example.com", NULL));
	after = seen("anna");
	T_TRUE(!seen("ann").exists && after.exists);
	T_INT(after.uid, before.uid);
	T_STR(after.home, "/home/ann");
	T_TRUE(seen_in("anna", seen_gid("team")));
	T_INT(receipts(NULL).count, 0);
	/* The name is free for somebody else (the configuration has no rest for it), the uid is not. */
	T_OK(put_user(2, "ann@example.com", NULL));
	T_TRUE(seen("ann").exists && seen("ann").uid != before.uid);
	/* And one that is refused leaves the old one as it was. */
	T_INT(put_user(2, "Mixed@example.com", NULL), -EPROTO);
	T_TRUE(seen_allowed("ann") && !seen("mixed").exists);
	teardown();
}

#define TAKEN "userName is taken by the user with id a0000000-0000-4000-8000-000000000001"

static void test_faults(void)
{
	static const struct {
		const char *name, *more;
		int status;
		const char *detail;
	} cases[] = {
		{ "ann@example.com", NULL, 409, TAKEN },
		{ "ANN@EXAMPLE.COM", NULL, 409, TAKEN },
		{ "ann@other.com", NULL, 409,
		  "the account name \"ann\" is taken by another person or group" },
		{ "team@example.com", NULL, 409,
		  "the account name \"team\" is taken by another person or group" },
		{ "bob", POSIX_UID(70000), 409, "uidNumber 70000 is or was somebody else's" },
		{ "bob", POSIX_UID(80000), 400, "uidNumber 80000 is outside uid_range 70000-79999" },
		{ "bob", POSIX_UID(70500), 400, "id 70500 belongs to a local account" },
		{ "local@example.com", NULL, 400, "the name \"local\" belongs to a local account" },
		{ "mixed", NULL, 400, "the name \"mixed\" belongs to a local account" },
	};
	uint64_t revision;
	char reason[128];

	setup(REAP_NONE);
	T_OK(put_user(1, "ann@example.com", NULL));
	T_OK(CHANGE({ .what = PUT_GROUP, .group = 1, .name = "Team" }));
	revision = revision_now();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		T_INT(put_user(2, cases[i].name, cases[i].more), -EPROTO);
		T_INT(fault.status, cases[i].status);
		T_STR(fault.detail, cases[i].detail);
		T_INT(row_number('a', 2, reason), 0);
	}
	/* Others are not told whose it is. */
	row_connection = "entra";
	T_INT(put_user(2, "ann@example.com", NULL), -EPROTO);
	T_STR(fault.detail, "userName is taken");
	row_connection = "okta";
	T_INT(put_user(1, "ann@example.com", POSIX_UID(70005)), -EPROTO);
	T_STR(fault.detail, "uidNumber is 70000 and cannot be changed to 70005: files belong to it");
	T_INT(CHANGE({ .what = DELETE_USER, .user = 9 }), -EPROTO);
	T_INT(revision_now(), revision);
	/* Half a change is no change. */
	T_INT(CHANGE({ .what = PUT_USER, .user = 3, .name = "cat" },
		     { .what = PUT_USER, .user = 4, .name = "ann" }), -EPROTO);
	T_TRUE(!seen("cat").exists && row_number('a', 3, reason) == 0);
	T_INT(events("scim.user.created", "cat").count, 0);
	T_OK(put_user(3, "cat", NULL));
	teardown();
}

/* A group is always accepted; whether the host sees it is another matter. */
static void test_groups_that_are_not_exposed(void)
{
	static const struct {
		const char *name, *reason;
	} cases[] = {
		{ "Ann", "the name \"ann\" is taken" },
		{ "shout", "the name \"shout\" belongs to a local account" },
		{ "mixed", "the name \"mixed\" belongs to a local account" },
	};
	char reason[128];

	setup(REAP_NONE);
	T_OK(put_user(1, "ann@example.com", NULL));
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		T_OK(CHANGE({ .what = PUT_GROUP, .group = 10 + i, .name = cases[i].name },
			    { .what = ADD_MEMBER, .group = 10 + i, .user = 1 }));
		T_TRUE(row_number('b', 10 + i, reason) >= 70000);
		T_STR(reason, cases[i].reason);
	}
	T_INT(seen("ann").gid_count, 0);
	/* Renamed to something free, it appears, with its members. */
	T_OK(CHANGE({ .what = PUT_GROUP, .group = 10, .name = "People" }));
	T_TRUE(seen_in("ann", seen_gid("people")));
	/* And back. */
	T_OK(CHANGE({ .what = PUT_GROUP, .group = 10, .name = "ANN" }));
	T_INT(seen_gid("people"), 0);
	T_INT(seen("ann").gid_count, 0);
	teardown();
}

static void test_roles(void)
{
	setup(REAP_DONE);
	T_OK(CHANGE({ .what = PUT_USER, .user = 1, .name = "ann" },
		    { .what = PUT_GROUP, .group = 1, .name = "Admins" },
		    { .what = ADD_MEMBER, .group = 1, .user = 1 }));
	T_TRUE(seen_in("ann", 27));
	T_INT(events("role.granted", "ann").count, 1);
	T_TRUE(strstr(events("role.granted", "ann").last, "\"detail\":\"admin\"") != NULL);
	/* A group that becomes a role's by its name, and one that stops being. */
	T_OK(CHANGE({ .what = PUT_GROUP, .group = 1, .name = "Late Shift" }));
	T_TRUE(!seen_in("ann", 27) && seen_in("ann", 998));
	T_INT(events("role.lost", "ann").count, 1);
	T_INT(events("role.granted", "ann").count, 2);
	T_OK(CHANGE({ .what = REMOVE_MEMBER, .group = 1, .user = 1 }));
	T_TRUE(!seen_in("ann", 998) && seen_allowed("ann"));
	T_INT(events("role.lost", "ann").count, 2);
	T_INT(receipts(NULL).count, 0);
	teardown();
}

static bool two_sessions_ended(void)
{
	return events("session.ended", "ann").count == 2;
}

/* Processes that a lost role cost are told of, also of somebody who never had a receipt. */
static void test_role_loss_is_an_event(void)
{
	setup(REAP_DONE);
	T_OK(CHANGE({ .what = PUT_USER, .user = 1, .name = "ann" },
		    { .what = PUT_GROUP, .group = 1, .name = "Admins" },
		    { .what = PUT_GROUP, .group = 2, .name = "Late Shift" },
		    { .what = ADD_MEMBER, .group = 1, .user = 1 },
		    { .what = ADD_MEMBER, .group = 2, .user = 1 }));
	T_OK(CHANGE({ .what = REMOVE_MEMBER, .group = 1, .user = 1 }));
	T_OK(CHANGE({ .what = REMOVE_MEMBER, .group = 2, .user = 1 }));
	T_TRUE(wait_until(two_sessions_ended, 1000));
	T_INT(receipts(NULL).count, 0);
	teardown();
}

/* However many of a change's steps touch a person, they are judged once, at its end. */
static void test_judged_once(void)
{
	setup(REAP_NONE);
	T_OK(CHANGE({ .what = PUT_USER, .user = 1, .name = "ann" },
		    { .what = PUT_GROUP, .group = 1, .name = "Admins" },
		    { .what = PUT_GROUP, .group = 2, .name = "Late Shift" },
		    { .what = ADD_MEMBER, .group = 1, .user = 1 }));
	T_OK(CHANGE({ .what = REMOVE_MEMBER, .group = 1, .user = 1 },
		    { .what = ADD_MEMBER, .group = 2, .user = 1 },
		    { .what = ADD_MEMBER, .group = 1, .user = 1 },
		    { .what = REMOVE_MEMBER, .group = 2, .user = 1 }));
	T_INT(events("role.lost", "ann").count, 0);
	T_INT(events("role.granted", "ann").count, 1);
	T_TRUE(seen_in("ann", 27) && !seen_in("ann", 998));
	T_OK(CHANGE({ .what = REMOVE_MEMBER, .group = 1, .user = 1 },
		    { .what = ADD_MEMBER, .group = 2, .user = 1 },
		    { .what = PUT_USER, .user = 1, .name = "ann", .more = OFF }));
	T_INT(receipts("ann").count, 1);
	T_INT(events("scim.user.deactivated", "ann").count, 1);
	teardown();
}

/* Whatever the bytes, an event's text reads back as what went in. */
static void test_event_text(void)
{
	static const char detail[] = "\"quoted\" \\ \b\f\n\r\t\x01\x1f\x7f / \xc3\xa9 \xf0\x9f\x90\xa7";
	_cleanup_(json_putp) struct json_object *event = NULL;
	_cleanup_free_ char *again = NULL;
	struct event_search found;

	setup(REAP_NONE);
	change_event(engine, &source, "scim.provisioning_failed", "ann", detail);
	found = events("scim.provisioning_failed", "ann");
	T_INT(found.count, 1);
	event = json_tokener_parse(found.last);
	T_FATAL(event != NULL);
	T_STR(json_get_string(event, "type"), "scim.provisioning_failed");
	T_STR(json_get_string(event, "user"), "ann");
	T_STR(json_get_string(event, "detail"), detail);
	T_STR(json_get_string(event, "request"), "POST /Users");
	T_TRUE(json_get(event, "payload") == NULL);
	again = json_text(event);
	T_STR(found.last, again);
	change_event(engine, NULL, "x", "", "");
	T_TRUE(strstr(events("x", "").last, ",\"detail\":\"\"}") != NULL);
	teardown();
}

#define HASH "$6$abcdefgh$0123456789"

static void test_password_reaches_the_shadow_file(void)
{
	struct directory_shadow shadow;
	struct directory_view view;

	setup(REAP_NONE);
	T_OK(CHANGE({ .what = PUT_USER, .user = 1, .name = "ann", .password = HASH }));
	for (int restarted = 0; restarted < 2; restarted++) {
		T_FATAL(directory_open(fixture.folder, DIRECTORY_SHADOW_FILE,
				       DIRECTORY_SHADOW_MAGIC, &view) == 0);
		T_FATAL(directory_shadow_by_uid(&view, 70000, &shadow) == 0);
		T_STR(shadow.hash, HASH);
		directory_release(&view);
		engine_stop();
		engine_start(ENGINE_CONF);
		T_TRUE(wait_until(is_ready, 2000));
	}
	T_OK(CHANGE({ .what = DELETE_USER, .user = 1 }));
	T_FATAL(directory_open(fixture.folder, DIRECTORY_SHADOW_FILE, DIRECTORY_SHADOW_MAGIC,
			       &view) == 0);
	T_INT(directory_shadow_by_uid(&view, 70000, &shadow), -ENOENT);
	directory_release(&view);
	teardown();
}

/* --- many at once --- */

#define THREADS 8u
#define EACH 25u

static void *post_many(void *argument)
{
	unsigned int first = *(unsigned int *)argument * EACH;
	uintptr_t failed = 0;

	for (unsigned int i = first; i < first + EACH; i++) {
		struct change_step steps[] = { { .what = PUT_USER, .user = 100 + i },
					       { .what = ADD_MEMBER, .user = 100 + i, .group = 1 } };
		struct change_plan plan = { .steps = steps, .count = ARRAY_SIZE(steps) };
		struct fault own = { 0 };
		char name[32];

		/* Every fifth one is refused, and takes nobody with it. */
		snprintf(name, sizeof(name), i % 5 ? "user%u" : "Local", i);
		steps[0].name = name;
		failed += change_run(engine, &source, plan_run, &plan, &own) != (i % 5 ? 0 : -EPROTO);
	}
	return (void *)failed;
}

static void test_batches_from_many_threads(void)
{
	unsigned int numbers[THREADS];
	pthread_t threads[THREADS];
	uint32_t team;

	setup(REAP_NONE);
	T_OK(CHANGE({ .what = PUT_GROUP, .group = 1, .name = "Team" }));
	team = seen_gid("team");
	for (unsigned int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		T_FATAL(pthread_create(&threads[i], NULL, post_many, &numbers[i]) == 0);
	}
	for (unsigned int i = 0; i < THREADS; i++) {
		void *failed;

		T_OK(pthread_join(threads[i], &failed));
		T_INT((uintptr_t)failed, 0);
	}
	for (unsigned int i = 0; i < THREADS * EACH; i++) {
		char name[32];

		snprintf(name, sizeof(name), "user%u", i);
		T_INT(seen_allowed(name), i % 5 != 0);
		T_INT(seen_in(name, team), i % 5 != 0);
	}
	teardown();
}

/* --- configuration --- */

static void test_reload_shuts_people_out(void)
{
	setup(REAP_DONE);
	T_OK(CHANGE({ .what = PUT_USER, .user = 1, .name = "ann" },
		    { .what = PUT_USER, .user = 2, .name = "bob" },
		    { .what = PUT_GROUP, .group = 1, .name = "Staff" },
		    { .what = ADD_MEMBER, .group = 1, .user = 1 }));
	T_TRUE(seen_allowed("bob"));
	file_write(fixture.conf, ENGINE_CONF "[access]\nallow_groups = Staff\n");
	fault = (struct fault){ 0 };
	T_OK(change_engine_reload_files(engine, &fault));
	T_TRUE(seen_allowed("ann") && seen("bob").exists && !seen_allowed("bob"));
	T_INT(events("scim.user.deactivated", "bob").count, 1);
	T_INT(receipts("bob").count, 1);
	T_TRUE(wait_until(nothing_is_open, 2000));
	T_TRUE(strstr(receipts("bob").newest, "\"pid\":4711") != NULL);
	/* A broken one changes nothing. */
	file_write(fixture.conf, ENGINE_CONF "[access]\nallow_groups = Staff\nnonsense = 1\n");
	T_INT(change_engine_reload_files(engine, &fault), -EPROTO);
	T_INT(fault.status, 400);
	T_TRUE(seen_allowed("ann"));
	/* Joining the group lets in again. */
	file_write(fixture.conf, ENGINE_CONF "[access]\nallow_groups = Staff\n");
	T_OK(CHANGE({ .what = ADD_MEMBER, .group = 1, .user = 2 }));
	T_TRUE(seen_allowed("bob"));
	T_OK(CHANGE({ .what = DELETE_GROUP, .group = 1 }));
	T_TRUE(!seen_allowed("ann") && !seen_allowed("bob"));
	T_INT(receipts(NULL).count, 3);
	teardown();
}

/* Of one request: each by itself, one publication for all, in order, each knowing what came before. */
static const struct change_item *many;
static size_t known_failures;

static int count_failures(struct change *change, void *context, struct fault *ret_fault)
{
	known_failures = 0;
	for (size_t i = 0; i < 3; i++)
		known_failures += many[i].result < 0;
	return plan_run(change, context, ret_fault);
}

static void test_many_of_one_request(void)
{
	static const struct change_step steps[] = {
		{ .what = PUT_USER, .user = 1, .name = "ann" },
		{ .what = PUT_USER, .user = 2, .name = "local@example.com" },
		{ .what = PUT_USER, .user = 1, .name = "ann", .more = OFF },
		{ .what = PUT_USER, .user = 3, .name = "cat", .more = OFF },
	};
	struct change_plan plans[ARRAY_SIZE(steps)];
	struct change_item items[ARRAY_SIZE(steps)] = { 0 };
	struct change_status status;
	uint64_t revision;

	setup(REAP_DONE);
	T_OK(put_user(3, "cat", NULL));
	revision = revision_now();
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		plans[i] = (struct change_plan){ .steps = &steps[i], .count = 1 };
		items[i] = (struct change_item){ .source = &source, .fn = plan_run,
						 .context = &plans[i] };
	}
	items[3].fn = count_failures;
	many = items;
	T_OK(change_run_many(engine, items, ARRAY_SIZE(steps)));
	T_INT(items[0].result, 0);
	T_INT(items[1].result, -EPROTO);
	T_INT(items[1].fault.status, 400);
	T_STR(items[1].fault.detail, "the name \"local\" belongs to a local account");
	T_INT(items[2].result, 0);
	T_INT(items[3].result, 0);
	T_INT(known_failures, 1);
	T_INT(revision_now(), revision + 1);
	T_TRUE(seen("ann").exists && !seen_allowed("ann") && !seen_allowed("cat"));
	T_TRUE(!seen("local").exists);
	T_INT(receipts(NULL).count, 2);
	T_INT(receipts(NULL).open, 0); /* both were waited for */
	T_OK(change_run_many(engine, items, 0));
	change_engine_status(engine, &status);
	T_TRUE(status.push_active);
	T_INT(status.push_changes, 4);
	T_INT(status.push_users, 2); /* cat and ann */
	T_INT(status.push_groups, 0);
	teardown();
}

/* --- numbers of local accounts --- */

/* 70002 to 70006 are users of the host's own, and 70008 is a group. */
static void local_write(const char *more)
{
	char text[4096];

	snprintf(text, sizeof(text), "%sshort:x\nodd:x:none:1::/:\n"
		 "l2:x:70002:1::/:\nl3:x:70003:1::/:\nl4:x: 70004:1::/:\nl5:x:70005:1::/:\n"
		 "l6:x:70006:1::/:\n%s", FIXTURE_PASSWD, more);
	file_write(fixture.passwd, text);
	file_write(fixture.group, FIXTURE_GROUP "g8:x:70008:\n");
}

static void test_local_numbers_are_passed_over(void)
{
	setup(REAP_NONE);
	T_OK(put_user(1, "ann", NULL));
	T_OK(put_user(2, "bob", NULL));
	T_INT(seen("bob").uid, 70001);
	local_write("");
	T_OK(put_user(3, "cleo", NULL));
	T_INT(seen("cleo").uid, 70007);
	T_OK(CHANGE({ .what = PUT_GROUP, .group = 1, .name = "Dev" }));
	T_INT(seen_gid("dev"), 70009);
	/* For good: not when the account is gone, nor after a restart. */
	file_write(fixture.passwd, FIXTURE_PASSWD);
	T_OK(put_user(4, "dora", NULL));
	T_INT(seen("dora").uid, 70010);
	engine_stop();
	engine_start(ENGINE_CONF);
	T_OK(put_user(5, "eve", NULL));
	T_INT(seen("eve").uid, 70011);
	/* Several in one change, and accounts that come between changes. */
	local_write("l12:x:70012:1::/:\nl14:x:70014:1::/:\n");
	T_OK(CHANGE({ .what = PUT_USER, .user = 6, .name = "fred" },
		    { .what = PUT_USER, .user = 7, .name = "gina" }));
	T_INT(seen("fred").uid, 70013);
	T_INT(seen("gina").uid, 70015);
	teardown();
}

#define ASK(uid) ",\"" URN_POSIX_USER "\":{\"uidNumber\":" uid "}"

static void test_local_number_asked_for_is_refused(void)
{
	setup(REAP_NONE);
	local_write("");
	T_INT(put_user(1, "ann", ASK("70003")), -EPROTO);
	T_INT(fault.status, 400);
	T_STR(fault.detail, "id 70003 belongs to a local account");
	T_TRUE(!seen("ann").exists);
	T_OK(put_user(1, "ann", ASK("70000")));
	T_INT(seen("ann").uid, 70000);
	T_OK(put_user(2, "bob", NULL));
	T_INT(seen("bob").uid, 70001);
	T_OK(put_user(3, "cleo", NULL));
	T_INT(seen("cleo").uid, 70007);
	/* Passed over is not taken: whoever is to have it, once the account is gone, asks for it. */
	file_write(fixture.passwd, FIXTURE_PASSWD);
	T_OK(put_user(4, "l3", ASK("70003")));
	T_INT(seen("l3").uid, 70003);
	teardown();
}

/* Most of a range: no question to anybody for each, and none at all for the second. */
static void test_many_local_numbers(void)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	uint64_t started;

	T_FATAL(out != NULL);
	fputs(FIXTURE_PASSWD, out);
	for (unsigned int uid = 70000; uid < 79990; uid++)
		fprintf(out, "l%u:x:%u:%u::/:/bin/sh\n", uid, uid, uid);
	T_FATAL(fclose(out) == 0);
	setup(REAP_NONE);
	file_write(fixture.passwd, text);
	started = now_ms();
	T_OK(put_user(1, "ann", NULL));
	T_OK(put_user(2, "bob", NULL));
	T_TRUE(now_ms() - started < 2000);
	T_INT(seen("ann").uid, 79990);
	T_INT(seen("bob").uid, 79991);
	teardown();
}

T_MAIN("change/engine",
       T(test_changes_reach_the_host),
       T(test_rename_keeps_the_home),
       T(test_faults),
       T(test_groups_that_are_not_exposed),
       T(test_roles),
       T(test_role_loss_is_an_event),
       T(test_judged_once),
       T(test_event_text),
       T(test_password_reaches_the_shadow_file),
       T(test_batches_from_many_threads),
       T(test_many_of_one_request),
       T(test_reload_shuts_people_out),
       T(test_local_numbers_are_passed_over),
       T(test_local_number_asked_for_is_refused),
       T(test_many_local_numbers))
