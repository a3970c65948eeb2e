/* Somebody loses access: who waits how long, what the receipts say, and what is left of it when the
 * warden or scimd goes away in between. */
#include "tests/unit/change/engine_fixture.h"

static void test_returns_after_the_report(void)
{
	uint64_t started;

	two_people(REAP_DONE);
	reap_delay_ms = 500;
	started = now_ms();
	T_OK(put_user(1, "ann", OFF));
	T_TRUE(now_ms() - started >= 495);
	T_TRUE(!seen_allowed("ann"));
	T_STR(seen("ann").shell, DIRECTORY_NOLOGIN);
	T_INT(receipts("ann").count, 1);
	T_INT(receipts("ann").open, 0);
	T_TRUE(newest_has("ann", "\"state\":\"done\""));
	T_TRUE(newest_has("ann", "\"processes_ended\":1"));
	T_TRUE(newest_has("ann", "\"pid\":4711"));
	T_TRUE(newest_has("ann", "\"request_id\":\"r1\""));
	T_TRUE(newest_has("ann", "\"visible_us\":") && newest_has("ann", "\"durable_us\":"));
	T_INT(events("scim.user.deactivated", "ann").count, 1);
	T_INT(events("session.ended", "ann").count, 1);
	T_TRUE(nothing_is_pending());
	/* Once out, there is nothing to wait for. */
	started = now_ms();
	T_OK(CHANGE({ .what = DELETE_USER, .user = 1 }));
	T_TRUE(now_ms() - started < 400);
	T_INT(receipts("ann").count, 1);
	/* Deleting somebody who was let in is an offboarding as well. */
	T_OK(CHANGE({ .what = DELETE_USER, .user = 2 }));
	T_TRUE(now_ms() - started >= 495);
	T_INT(receipts("bob").count, 1);
	T_INT(receipts("bob").open, 0);
	teardown();
}

static void test_nobody_to_end_them(void)
{
	two_people(REAP_NONE);
	T_OK(put_user(1, "ann", OFF));
	T_INT(receipts("ann").count, 1);
	T_INT(receipts("ann").open, 0);
	T_TRUE(nothing_is_pending());
	teardown();
}

/* That there was nothing is in the receipt, and no session ended. */
static void test_nothing_is_found(void)
{
	two_people(REAP_EMPTY);
	T_OK(put_user(1, "ann", OFF));
	T_INT(receipts("ann").open, 0);
	T_TRUE(newest_has("ann", "\"state\":\"done\"") && newest_has("ann", "\"processes_ended\":0"));
	T_TRUE(newest_has("ann", "\"visible_us\":") && newest_has("ann", "\"denied\":"));
	T_INT(events("scim.user.deactivated", "ann").count, 1);
	T_INT(events("session.ended", "ann").count, 0);
	T_TRUE(nothing_is_pending());
	teardown();
}

static bool ann_is_visible(void)
{
	return newest_has("ann", "\"visible_us\":");
}

/* Since when nobody gets in any more is in the receipt before all is over, and stays as it was. */
static void test_times_before_the_report(void)
{
	static char noted[4096];
	uint64_t took_ms = 0;
	pthread_t thread;

	two_people(REAP_DONE);
	reap_delay_ms = 600;
	T_FATAL(pthread_create(&thread, NULL, deactivate_ann, &took_ms) == 0);
	T_TRUE(wait_until(ann_is_visible, 500));
	T_INT(receipts("ann").open, 1);
	snprintf(noted, sizeof(noted), "%s", strstr(receipts("ann").newest, "\"visible_us\":"));
	T_OK(pthread_join(thread, NULL));
	T_TRUE(took_ms >= 595);
	T_INT(receipts("ann").open, 0);
	noted[strcspn(noted, ",")] = '\0';
	T_TRUE(newest_has("ann", noted));
	teardown();
}

static char told_before[8192];

static bool ann_is_told_anew(void)
{
	return strcmp(receipts("ann").newest, told_before) != 0;
}

/* The warden says at its deadline that something is left: an answer now, the end of it later. */
static void test_deadline_passes(void)
{
	static struct reap_job late;
	uint64_t started;

	two_people(REAP_LEFT);
	reap_delay_ms = DEADLINE_MS;
	started = now_ms();
	T_OK(put_user(1, "ann", OFF));
	T_TRUE(now_ms() - started >= DEADLINE_MS - 5 && now_ms() - started < DEADLINE_MS + MARGIN_MS);
	T_TRUE(!seen_allowed("ann"));
	T_INT(receipts("ann").open, 1);
	T_TRUE(newest_has("ann", "\"processes_left\":1"));
	T_TRUE(!nothing_is_pending());
	late = (struct reap_job){ .uid = 70000, .tag = revision_now() };
	warden_late = &late;
	T_TRUE(wait_until(nothing_is_open, 2000));
	T_TRUE(wait_until(nothing_is_pending, 2000));
	T_TRUE(newest_has("ann", "\"processes_left\":0"));
	T_TRUE(strstr(events("session.ended", "ann").last, "found by a later look") != NULL);
	/* And once more, when nobody waits for it: it goes into the receipt there is. */
	snprintf(told_before, sizeof(told_before), "%s", receipts("ann").newest);
	T_OK(put_user(2, "bob", OFF));
	late = (struct reap_job){ .uid = 70000, .tag = revision_now() };
	warden_late = &late;
	T_TRUE(wait_until(ann_is_told_anew, 2000)); /* when the last of it was gone */
	T_INT(receipts("ann").count, 1);
	teardown();
}

/* A warden that never reports holds nobody for ever; scimd asks again when it is started anew. */
static void test_no_report_and_a_restart(void)
{
	uint64_t started;

	two_people(REAP_SILENT);
	started = now_ms();
	T_OK(put_user(1, "ann", OFF));
	T_TRUE(now_ms() - started >= DEADLINE_MS + MARGIN_MS - 5);
	T_TRUE(!seen_allowed("ann"));
	T_INT(receipts("ann").open, 1);
	engine_stop();
	reap_manner = REAP_DONE;
	engine_start(ENGINE_CONF);
	T_TRUE(wait_until(nothing_is_open, 2000));
	T_TRUE(wait_until(nothing_is_pending, 2000));
	T_INT(receipts("ann").count, 1);
	T_TRUE(!seen_allowed("ann") && seen_allowed("bob"));
	teardown();
}

/* --- several at once --- */

/* Another offboarding that is quicker does not let the first one's answer go before its time. */
static void test_waits_for_its_own_report(void)
{
	uint64_t took_ms = 0, started;
	pthread_t thread;

	two_people(REAP_DONE);
	reap_delay_ms = 1300;
	T_FATAL(pthread_create(&thread, NULL, deactivate_ann, &took_ms) == 0);
	T_TRUE(wait_until(ann_is_ending, 1000));
	reap_delay_ms = 0;
	started = now_ms();
	T_OK(put_user(2, "bob", OFF));
	T_TRUE(now_ms() - started < 1000);
	T_INT(receipts("bob").open, 0);
	T_INT(receipts("ann").open, 1);
	T_OK(pthread_join(thread, NULL));
	T_TRUE(took_ms >= 1295);
	T_INT(receipts("ann").open, 0);
	teardown();
}

/* Out, in, and out again before the first end was told: each report completes what it is about. */
static void test_twice_out(void)
{
	static struct reap_job late;

	two_people(REAP_LEFT);
	T_OK(put_user(1, "ann", OFF));
	T_OK(put_user(1, "ann", ON));
	T_TRUE(seen_allowed("ann"));
	late = (struct reap_job){ .uid = 70000, .tag = revision_now() };
	T_OK(put_user(1, "ann", OFF));
	T_INT(receipts("ann").count, 2);
	T_INT(receipts("ann").open, 2);
	warden_late = &late; /* about the first */
	for (int i = 0; i < 40 && receipts("ann").open == 2; i++)
		usleep(20000);
	T_INT(receipts("ann").open, 1);
	T_TRUE(newest_has("ann", "\"state\":\"open\""));
	late.tag = revision_now();
	warden_late = &late;
	T_TRUE(wait_until(nothing_is_open, 2000));
	T_TRUE(wait_until(nothing_is_pending, 2000));
	teardown();
}

/* --- more than one answer can list --- */

#define CROWD (WARDEN_ENDING_MAX + 300u)

struct tally_of {
	size_t open, done, with_one_process;
};

static int tally_one(uint64_t number, const char *user, const char *json, void *context)
{
	struct tally_of *tally = context;

	(void)number, (void)user;
	tally->open += strstr(json, "\"state\":\"open\"") != NULL;
	tally->done += strstr(json, "\"state\":\"done\"") != NULL;
	tally->with_one_process += strstr(json, "\"processes_ended\":1,") ||
				   strstr(json, "\"processes_ended\":1}");
	return 0;
}

static struct tally_of tally_receipts(void)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	struct tally_of tally = { 0 };

	T_FATAL(store_begin(store, NULL, false, &txn) == 0);
	T_OK(store_receipt_each(txn, NULL, tally_one, &tally));
	return tally;
}

static bool crowd_is_done(void)
{
	return tally_receipts().done == CROWD;
}

/* A receipt is done when the warden has said so, and not because it was not in the list. */
static void test_crowd_at_once(void)
{
	static struct change_step steps[CROWD];
	static char names[CROWD][16];

	setup(REAP_DONE);
	warden_kill();
	file_write(fixture.passwd, "root:x:0:0::/root:/bin/sh\n"); /* nobody in the way */
	file_write(fixture.group, "root:x:0:\nsudo:x:27:\ndocker:x:998:\n");
	warden_start(REAP_DONE);
	for (unsigned int i = 0; i < CROWD; i++) {
		snprintf(names[i], sizeof(names[i]), "u%u", i);
		steps[i] = (struct change_step){ .what = PUT_USER, .user = i, .name = names[i] };
	}
	T_OK(change_do(steps, CROWD));
	T_TRUE(seen_allowed("u0") && seen_allowed(names[CROWD - 1]));
	for (unsigned int i = 0; i < CROWD; i++)
		steps[i].more = OFF;
	reap_delay_ms = 2500;
	T_OK(change_do(steps, CROWD));
	T_INT(tally_receipts().open, CROWD);
	T_TRUE(wait_until(crowd_is_done, 30000));
	T_TRUE(wait_until(nothing_is_pending, 5000));
	T_INT(tally_receipts().with_one_process, CROWD); /* told of twice, listed once */
	teardown();
}

T_MAIN("change/offboarding",
       T(test_returns_after_the_report),
       T(test_nobody_to_end_them),
       T(test_nothing_is_found),
       T(test_times_before_the_report),
       T(test_deadline_passes),
       T(test_no_report_and_a_restart),
       T(test_waits_for_its_own_report),
       T(test_twice_out),
       T(test_crowd_at_once))
