/* A set of ids: what was added is in it, once and in order, and its size follows the different ones. */
#include "scimd/warden/id_list.h"
#include "tests/unit/t.h"

static void test_empty(void)
{
	_cleanup_(id_list_done) struct id_list list = { 0 };

	id_list_sort(&list);
	T_INT(list.count, 0);
	T_TRUE(!id_list_has(&list, 0));
}

static void test_sorted_once_each(void)
{
	_cleanup_(id_list_done) struct id_list list = { 0 };

	for (uint32_t i = 0; i < 1000; i++)
		T_OK(id_list_add(&list, (i * 7919u) % 500u * 8000000u));
	id_list_sort(&list);
	T_INT(list.count, 500);
	for (uint32_t i = 0; i < 500; i++) {
		T_TRUE(list.ids[i] == i * 8000000u);
		T_TRUE(id_list_has(&list, i * 8000000u) && !id_list_has(&list, i * 8000000u + 1));
	}
	T_TRUE(!id_list_has(&list, UINT32_MAX));
}

/* Who names the same ones for ever fills no memory. */
static void test_repeated(void)
{
	_cleanup_(id_list_done) struct id_list list = { 0 };

	for (uint32_t i = 0; i < 1000000; i++)
		T_FATAL(id_list_add(&list, i % 100) == 0);
	T_TRUE(list.room <= 400);
	id_list_sort(&list);
	T_INT(list.count, 100);
	for (uint32_t i = 0; i < 100000; i++)
		T_FATAL(id_list_add(&list, i) == 0);
	T_TRUE(list.room <= 400000);
	id_list_sort(&list);
	T_INT(list.count, 100000);
}

T_MAIN("warden/id_list", T(test_empty), T(test_sorted_once_each), T(test_repeated))
