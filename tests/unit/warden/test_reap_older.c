/* The tests of test_reap.c, with the kernel as it was before 6.13. */
#define OLD_KERNEL
#include "tests/unit/warden/test_reap.c" /* NOLINT(bugprone-suspicious-include) */
