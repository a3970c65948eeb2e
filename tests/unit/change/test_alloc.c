/* Memory runs out at each allocation that the writer makes for a change, in turn: the answer is an error
 * and nothing came of it, here or on the host, or it is a success and all of it did; and the next change
 * goes through. What libraries allocate is not meant (tests/unit/store/test_fault.c has Berkeley DB's). */
#include "tests/unit/alloc.h"
#include "tests/unit/change/engine_fixture.h"

/* --- changes that come about or do not ------------------------------------------------------------ */

struct state {
	struct seen_user people[3];
	uint32_t gids[3], numbers[4];
	char reasons[4][128];
	size_t receipts, created, deactivated;
};

static struct state state_now(void)
{
	static const char *const people[] = { "ann", "bob", "cat" };
	static const char *const groups[] = { "team", "crew", "admins" };
	struct state now;

	memset(&now, 0, sizeof(now)); /* it is compared as bytes */
	for (unsigned int i = 0; i < 3; i++) {
		struct seen_user person = seen(people[i]);

		now.people[i].exists = person.exists;
		now.people[i].uid = person.uid;
		now.people[i].flags = person.flags;
		memcpy(now.people[i].gids, person.gids, sizeof(person.gids));
		now.gids[i] = seen_gid(groups[i]);
		now.numbers[i] = row_number('a', i + 1, now.reasons[i]);
	}
	now.numbers[3] = row_number('b', 1, now.reasons[3]);
	now.receipts = receipts(NULL).count;
	now.created = events("scim.user.created", "cat").count;
	now.deactivated = events("scim.user.deactivated", "ann").count;
	return now;
}

static int armed_run(struct change *change, void *context, struct fault *ret_fault)
{
	victim = gettid();
	return plan_run(change, context, ret_fault);
}

/* With the nth allocation failing. */
static int change_short(const struct change_step *steps, size_t count, long nth)
{
	struct change_plan plan = { .steps = steps, .count = count };
	int r;

	fault = (struct fault){ 0 };
	has_failed = false;
	victim = 0;
	calls_left = nth;
	r = change_run(engine, &source, armed_run, &plan, &fault);
	calls_left = -1;
	return r;
}

static const struct {
	struct change_step there[3], back[3];
	size_t there_count, back_count;
} cases[] = {
	{ { { .what = PUT_USER, .user = 3, .name = "cat@example.com", .password = "$y$j9T$a$b" },
	    { .what = ADD_MEMBER, .group = 1, .user = 3 },
	    { .what = ADD_MEMBER, .group = 2, .user = 3 } },
	  { { .what = DELETE_USER, .user = 3 } }, 3, 1 },
	{ { { .what = PUT_USER, .user = 1, .name = "ann@example.com", .more = OFF } },
	  { { .what = PUT_USER, .user = 1, .name = "ann@example.com", .more = ON } }, 1, 1 },
	{ { { .what = REMOVE_MEMBER, .group = 2, .user = 2 } },
	  { { .what = ADD_MEMBER, .group = 2, .user = 2 } }, 1, 1 },
	{ { { .what = PUT_GROUP, .group = 1, .name = "Crew" } },
	  { { .what = PUT_GROUP, .group = 1, .name = "Team" } }, 1, 1 },
	{ { { .what = DELETE_GROUP, .group = 1 } },
	  { { .what = PUT_GROUP, .group = 1, .name = "Team" },
	    { .what = ADD_MEMBER, .group = 1, .user = 1 },
	    { .what = ADD_MEMBER, .group = 1, .user = 2 } }, 1, 3 },
	{ { { .what = DELETE_USER, .user = 2 } },
	  { { .what = PUT_USER, .user = 2, .name = "bob@example.com" },
	    { .what = ADD_MEMBER, .group = 1, .user = 2 },
	    { .what = ADD_MEMBER, .group = 2, .user = 2 } }, 1, 3 },
};

static void test_memory_runs_out(void)
{
	setup(REAP_DONE);
	T_OK(CHANGE({ .what = PUT_GROUP, .group = 1, .name = "Team" },
		    { .what = PUT_GROUP, .group = 2, .name = "Admins" },
		    { .what = PUT_USER, .user = 1, .name = "ann@example.com" },
		    { .what = PUT_USER, .user = 2, .name = "bob@example.com" },
		    { .what = ADD_MEMBER, .group = 1, .user = 1 },
		    { .what = ADD_MEMBER, .group = 1, .user = 2 },
		    { .what = ADD_MEMBER, .group = 2, .user = 2 }));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		long nth = 1, refused = 0;

		do {
			struct state before = state_now(), after;
			int r = change_short(cases[i].there, cases[i].there_count, nth++);

			after = state_now();
			T_INT(memcmp(&before, &after, sizeof(before)) == 0, r < 0);
			T_TRUE(r == 0 || has_failed);
			refused += r < 0;
			if (r == 0)
				T_OK(change_do(cases[i].back, cases[i].back_count));
		} while (has_failed && nth < 2000);
		T_TRUE(refused > 5);
		T_TRUE(nth < 2000);
	}
	teardown();
}

T_MAIN("alloc", T(test_memory_runs_out))
