#include "scimd/service/password.h"

#include <crypt.h>

#include "tests/unit/t.h"

static void is_yescrypt(void)
{
	_cleanup_(password_wipep) char *hash = NULL, *other = NULL;
	struct crypt_data *data = calloc(1, sizeof(*data));
	struct fault fault = {};

	T_FATAL(data != NULL);
	T_FATAL(password_hash("correct horse", &hash, &fault) == 0);
	T_FATAL(password_hash("correct horse", &other, &fault) == 0);
	T_TRUE(strncmp(hash, "$y$", 3) == 0);
	T_TRUE(strcmp(hash, other) != 0); /* salted */
	T_STR(crypt_rn("correct horse", hash, data, sizeof(*data)), hash);
	T_TRUE(strcmp(crypt_rn("wrong horse", hash, data, sizeof(*data)), hash) != 0);
	free(data);
}

static void bounds(void)
{
	_cleanup_(password_wipep) char *hash = NULL;
	char text[CRYPT_MAX_PASSPHRASE_SIZE + 1];
	struct fault fault = {};

	memset(text, 'x', sizeof(text));
	text[CRYPT_MAX_PASSPHRASE_SIZE] = '\0';
	T_INT(password_hash(text, &hash, &fault), -EPROTO);
	T_INT(fault.status, 400);
	T_TRUE(!strstr(fault.detail, "xx"));
	T_INT(password_hash("", &hash, &fault), -EPROTO);
	T_TRUE(!hash);
	text[CRYPT_MAX_PASSPHRASE_SIZE - 1] = '\0';
	T_OK(password_hash(text, &hash, &fault));
}

T_MAIN("password", T(is_yescrypt), T(bounds))
