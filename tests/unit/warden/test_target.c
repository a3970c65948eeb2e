/* What is said of units, when they are more than a report holds. */
#include "scimd/warden/target.h"

#include "tests/unit/t.h"

static uint32_t told, theirs, unsearched, reports;
static uint64_t last_gone_us;

static void on_report(void *context, const struct reap_report *report)
{
	(void)context;
	T_TRUE(report->unit_count <= REAP_UNITS_MAX);
	T_INT(report->flags & WARDEN_ENDED_LATE, reports ? WARDEN_ENDED_LATE : 0);
	T_INT(report->last_gone_us, last_gone_us);
	told += report->unit_count;
	for (uint32_t i = 0; i < report->unit_count; i++) {
		theirs += report->units[i].why == WARDEN_UNIT_ENDED;
		unsearched += report->units[i].why == WARDEN_UNIT_UNSEARCHED;
	}
	reports++;
}

static void add_units(struct target *target, uint64_t first, size_t count, enum warden_unit why)
{
	for (size_t i = 0; i < count; i++) {
		struct transient unit = { .inode = first + i, .made_ns = 1, .why = why, .ended = true };

		target_add_unit(target, &unit);
		target_add_unit(target, &unit); /* once */
	}
}

static void answer_all(struct target *target)
{
	const struct reap_options options = { .report = on_report };
	const struct request request = { .tag = 1, .deadline_us = 1 };

	told = theirs = unsearched = reports = 0;
	last_gone_us = target->last_gone_us = 77;
	target_ask(target, &request);
	for (int i = 0; i < 100 && target->request_count > 0; i++)
		T_TRUE(target_answer(target, &options, NULL, UINT64_MAX, true));
	T_INT(target->request_count, 0);
}

static void test_theirs_are_all_told(void)
{
	struct target *target = calloc(1, sizeof(*target));

	add_units(target, 1, 2 * REAP_UNITS_MAX + 1, WARDEN_UNIT_ENDED);
	answer_all(target);
	T_INT(reports, 3);
	T_INT(theirs, 2 * REAP_UNITS_MAX + 1);
	T_INT(told, theirs);
	answer_all(target); /* and not again */
	T_INT(reports, 1);
	T_INT(told, 0);
	target_freep(&target);
}

/* Of those that may be anybody's, some; and that there are more. */
static void test_others_are_cut_off(void)
{
	struct target *target = calloc(1, sizeof(*target));

	add_units(target, 1, REAP_UNITS_MAX, WARDEN_UNIT_UNCLEAR);
	answer_all(target);
	T_INT(told, REAP_UNITS_MAX);
	T_INT(unsearched, 0);
	add_units(target, 1000, 10, WARDEN_UNIT_UNCLEAR);
	add_units(target, 2000, 3, WARDEN_UNIT_ENDED);
	target_miss_units(target);
	answer_all(target);
	T_INT(told, 4);
	T_INT(theirs, 3);
	T_INT(unsearched, 1);
	target_freep(&target);
}

T_MAIN("warden/target", T(test_theirs_are_all_told), T(test_others_are_cut_off))
