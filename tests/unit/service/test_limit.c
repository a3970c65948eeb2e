#include "scimd/service/limit.h"

#include <stdbool.h>

#include "tests/unit/t.h"

#define SECOND_US 1000000u

static void lets_a_second_through(void)
{
	_cleanup_(limit_freep) struct limit *limit = NULL;
	uint64_t now_us = 5 * SECOND_US;

	T_FATAL(limit_new(&limit) == 0);
	for (int i = 0; i < 10; i++)
		T_INT(limit_take(limit, "192.0.2.1", 10, now_us), 0);
	T_INT(limit_take(limit, "192.0.2.1", 10, now_us), 1);
	T_INT(limit_take(limit, "192.0.2.2", 10, now_us), 0); /* somebody else */
	T_INT(limit_take(limit, "192.0.2.1", 10, now_us + SECOND_US / 10), 0);
	T_INT(limit_take(limit, "192.0.2.1", 10, now_us + SECOND_US / 10), 1);
	for (int i = 0; i < 10; i++)
		T_INT(limit_take(limit, "192.0.2.1", 10, now_us + 2 * SECOND_US), 0);
}

static void off_and_extremes(void)
{
	_cleanup_(limit_freep) struct limit *limit = NULL;

	T_FATAL(limit_new(&limit) == 0);
	for (int i = 0; i < 1000; i++)
		T_INT(limit_take(limit, "unlimited", 0, 1), 0);
	T_INT(limit_take(limit, "one", 1, SECOND_US), 0);
	T_INT(limit_take(limit, "one", 1, SECOND_US), 1);
	T_INT(limit_take(limit, "one", 1, 2 * SECOND_US), 0);
	T_INT(limit_take(limit, "many", UINT32_MAX, SECOND_US), 0);
}

/* More addresses than slots: newcomers pass, nothing breaks. */
static void crowd(void)
{
	_cleanup_(limit_freep) struct limit *limit = NULL;
	char peer[32];

	T_FATAL(limit_new(&limit) == 0);
	for (int i = 0; i < 20000; i++) {
		snprintf(peer, sizeof(peer), "2001:db8:%x::1", i);
		if (limit_take(limit, peer, 1, SECOND_US) != 0)
			T_STR(peer, "let through");
	}
}

/* A network of 64 bits is one peer; what is no IPv6 address is compared as it is. */
static void networks(void)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "2001:db8::1", "2001:db8::ffff:ffff:ffff:2", true },
		{ "2001:db8:0:0:1::", "2001:db8:0:0:2::", true },
		{ "2001:db8:0:1::1", "2001:db8:0:2::1", false },
		{ "2001:db8::1", "2001:db9::1", false },
		{ "192.0.2.1", "192.0.2.10", false },
		{ "unix", "unknown", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(limit_freep) struct limit *limit = NULL;

		T_FATAL(limit_new(&limit) == 0);
		T_INT(limit_take(limit, cases[i].a, 1, SECOND_US), 0);
		T_INT(limit_take(limit, cases[i].b, 1, SECOND_US), cases[i].same);
	}
}

T_MAIN("limit", T(networks), T(lets_a_second_through), T(off_and_extremes), T(crowd))
