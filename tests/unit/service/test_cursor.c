#include "scimd/service/cursor.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/t.h"

static const unsigned char secret[CURSOR_SECRET_SIZE] = "one secret", other[CURSOR_SECRET_SIZE];

static struct cursor sample(size_t key_len)
{
	struct cursor cursor = {
		.query = "0123456789abcde",
		.expires_s = 1800000000,
		.total = UINT64_MAX - 1,
		.count = 1000,
		.sorted = true,
		.has_key = true,
		.type = RESOURCE_GROUP,
		.order = UINT64_C(1) << 40,
		.id = "0190a1b2-0000-7000-8000-00000000abcd",
	};

	memset(cursor.key, 'k', key_len);
	return cursor;
}

static void reads_what_it_printed(void)
{
	for (size_t len = 0; len <= SORT_KEY_MAX; len++) {
		_cleanup_free_ char *text = NULL;
		struct cursor cursor = sample(len), back;

		T_OK(cursor_print(secret, &cursor, &text));
		T_INT(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789-._~"),
		      strlen(text));
		T_OK(cursor_parse(secret, text, &back));
		T_TRUE(memcmp(back.query, cursor.query, CURSOR_QUERY_SIZE) == 0);
		T_INT(back.expires_s, cursor.expires_s);
		T_TRUE(back.total == cursor.total);
		T_INT(back.count, 1000);
		T_TRUE(back.sorted && back.has_key);
		T_INT(back.type, RESOURCE_GROUP);
		T_TRUE(back.order == cursor.order);
		T_STR(back.id, cursor.id);
		T_STR(back.key, cursor.key);
	}
}

static void refuses_everything_else(void)
{
	static const char *const texts[] = { "", "A", "AQ", "abc", "====", "!", "a b", "\xff" };
	_cleanup_free_ char *text = NULL, *longer = NULL;
	struct cursor cursor = sample(9), back = { .count = 7 };
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		T_INT(cursor_parse(secret, texts[i], &back), -EINVAL);
	T_OK(cursor_print(secret, &cursor, &text));
	T_INT(cursor_parse(other, text, &back), -EINVAL);
	len = strlen(text);
	for (size_t i = 0; i < len; i++) {
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		T_INT(cursor_parse(secret, text, &back), -EINVAL);
		text[i] = '\0';
		T_INT(cursor_parse(secret, text, &back), -EINVAL);
		text[i] = was;
	}
	longer = calloc(1, 3000);
	memset(longer, 'A', 2999);
	T_INT(cursor_parse(secret, longer, &back), -EINVAL);
	T_INT(back.count, 7); /* untouched */
}

T_MAIN("cursor", T(reads_what_it_printed), T(refuses_everything_else))
