/* t.h - the few lines between our unit tests and CUnit. One binary per module; T_MAIN's exit code
 * comes from the counted failures, because CUnit's own runner returns 0 when tests fail. */
#ifndef TESTS_UNIT_T_H
#define TESTS_UNIT_T_H

#include <stdio.h>
#include <string.h>

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>

#define T_TRUE(x) CU_ASSERT((x))
#define T_FATAL(x) CU_ASSERT_FATAL((x))

#define T_INT(got, want)                                                                        \
	do {                                                                                    \
		long long got_ = (long long)(got), want_ = (long long)(want);                   \
		if (got_ != want_)                                                              \
			fprintf(stderr, "%s:%d: %s is %lld, expected %lld\n", __FILE__,         \
				__LINE__, #got, got_, want_);                                   \
		CU_ASSERT(got_ == want_);                                                       \
	} while (0)

#define T_OK(r) T_INT((r), 0)

#define T_STR(got, want)                                                                        \
	do {                                                                                    \
		const char *got_ = (got), *want_ = (want);                                      \
		int same_ = got_ && want_ ? strcmp(got_, want_) == 0 : got_ == want_;           \
		if (!same_)                                                                     \
			fprintf(stderr, "%s:%d: %s is \"%s\", expected \"%s\"\n", __FILE__,     \
				__LINE__, #got, got_ ? got_ : "(null)",                         \
				want_ ? want_ : "(null)");                                      \
		CU_ASSERT(same_);                                                               \
	} while (0)

struct t_test {
	const char *name;
	CU_TestFunc run;
};

#define T(function) { #function, function }

static inline int t_run(const char *suite_name, const struct t_test *tests, size_t count)
{
	CU_pSuite suite;
	unsigned int failures, run;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite(suite_name, NULL, NULL);
	for (size_t i = 0; suite && i < count; i++)
		if (!CU_add_test(suite, tests[i].name, tests[i].run))
			return 2;
	CU_basic_set_mode(CU_BRM_NORMAL);
	(void)CU_basic_run_tests(); /* returns 0 on failed asserts: the counts decide */
	failures = CU_get_number_of_failures();
	run = CU_get_number_of_tests_run();
	CU_cleanup_registry();
	return failures != 0 || run == 0;
}

#define T_MAIN(suite, ...)                                                                      \
	int main(void)                                                                          \
	{                                                                                       \
		static const struct t_test tests_[] = { __VA_ARGS__ };                          \
		return t_run(suite, tests_, sizeof(tests_) / sizeof(tests_[0]));                \
	}

#endif
