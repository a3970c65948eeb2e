/* A body, which may hold a password, is overwritten wherever it has been: in what it outgrew, when it gets
 * too large, and at the end. And what a target in absolute form says. */
#include "scimd/http/exchange.h"
#include "scimd/http/guard.h"
#include "tests/unit/freed.h"
#include "tests/unit/t.h"

#define SECRET FREED_SECRET

static struct exchange *exchange_make(void)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	T_FATAL(exchange != NULL);
	freed_watch();
	return exchange;
}

static int append(struct exchange *exchange, size_t count, uint64_t max_body)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = exchange_body_append(exchange, SECRET, strlen(SECRET), max_body);
	return r;
}

static void test_body_that_grows(void)
{
	_cleanup_(exchange_freep) struct exchange *exchange = exchange_make();

	T_OK(append(exchange, 2000, 1000000));
	T_INT(exchange->body_size, 2000 * strlen(SECRET));
	T_TRUE(freed_looked >= 3); /* so often did it move */
	exchange_freep(&exchange);
	T_TRUE(exchange == NULL);
	freed_watches = false;
	T_INT(freed_found, 0);
}

static void test_body_that_is_announced(void)
{
	_cleanup_(exchange_freep) struct exchange *exchange = exchange_make();

	T_OK(exchange_body_reserve(exchange, 100));
	T_OK(append(exchange, 4, 1000));
	T_OK(exchange_body_reserve(exchange, 50)); /* there is more already */
	T_INT(exchange->body_capacity, 100);
	exchange_freep(&exchange);
	freed_watches = false;
	T_INT(freed_found, 0);
	T_TRUE(freed_looked >= 2);
}

static void test_body_that_is_too_large(void)
{
	_cleanup_(exchange_freep) struct exchange *exchange = exchange_make();

	T_INT(append(exchange, 20, 100), -EFBIG);
	T_INT(exchange->fault.status, 413);
	T_TRUE(exchange->body == NULL && exchange->body_size == 0);
	exchange_freep(&exchange);
	freed_watches = false;
	T_INT(freed_found, 0);
}

static void test_authorities(void)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ "", true },
		{ "localhost", true },
		{ "scim.corp.example:8643", true },
		{ "192.0.2.1:443", true },
		{ "[2001:db8::1]:8643", true },
		{ "under_score.example", true },
		{ "a%2Db", true },
		{ "two words", false },
		{ "a/b", false },
		{ "user@host", false },
		{ "a, b", false },
		{ "a,b", false },
		{ "a?b", false },
		{ "a#b", false },
		{ "a\"b", false },
		{ "a\\b", false },
		{ "\xc3\xa4", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		T_INT(guard_is_authority(cases[i].text, strlen(cases[i].text)), cases[i].good);
	T_TRUE(!guard_is_authority("a\0b", 3));
}

T_MAIN("http exchange", T(test_body_that_grows), T(test_body_that_is_announced),
       T(test_body_that_is_too_large), T(test_authorities))
