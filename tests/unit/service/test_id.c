#include "scimd/service/id.h"

#include "tests/unit/t.h"

static void is_a_uuid(void)
{
	struct id_source source = ID_SOURCE_INIT;
	char id[RESOURCE_ID_SIZE];

	T_OK(id_make(&source, 0x0123456789abull * 1000, id));
	T_TRUE(id_is_ours(id));
	T_TRUE(strncmp(id, "01234567-89ab-7000-", 19) == 0);
	T_TRUE(strchr("89ab", id[19]) != NULL);
	T_INT(id[23], '-');
}

/* Also when time stands still, goes back, or the counter overflows. */
static void sorts_by_making(void)
{
	struct id_source source = ID_SOURCE_INIT;
	char before[RESOURCE_ID_SIZE] = "", id[RESOURCE_ID_SIZE];
	uint64_t now_us = 1790000000000000;

	for (int i = 0; i < 10000; i++) {
		T_OK(id_make(&source, now_us, id));
		if (strcmp(before, id) >= 0) {
			T_STR(id, "something later");
			return;
		}
		strcpy(before, id);
		now_us += i % 3 == 0 ? 700 : (uint64_t)-400;
	}
}

static void knows_its_own(void)
{
	T_TRUE(id_is_ours("01234567-89ab-7000-8000-0123456789ab"));
	T_TRUE(!id_is_ours("01234567-89ab-7000-8000-0123456789aB"));
	T_TRUE(!id_is_ours("01234567-89ab-7000-8000-0123456789abc"));
	T_TRUE(!id_is_ours("01234567-89ab-7000-8000-0123456789a"));
	T_TRUE(!id_is_ours("bulkId:1"));
	T_TRUE(!id_is_ours(""));
}

T_MAIN("id", T(is_a_uuid), T(sorts_by_making), T(knows_its_own))
