#include "scimd/service/password.h"

#include <crypt.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>

#include "tests/unit/t.h"

static int at_once, most_at_once;

/* The C library's, with a look at how many are in it. */
char *crypt_rn(const char *phrase, const char *setting, void *data, int size)
{
	char *(*next)(const char *, const char *, void *, int);
	int now = __atomic_add_fetch(&at_once, 1, __ATOMIC_SEQ_CST);
	int most = __atomic_load_n(&most_at_once, __ATOMIC_SEQ_CST);
	char *hash;

	while (now > most && !__atomic_compare_exchange_n(&most_at_once, &most, now, false,
							  __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	*(void **)&next = dlsym(RTLD_NEXT, "crypt_rn");
	hash = next(phrase, setting, data, size);
	(void)__atomic_sub_fetch(&at_once, 1, __ATOMIC_SEQ_CST);
	return hash;
}

static void *hash_one(void *turns)
{
	_cleanup_(password_wipep) char *hash = NULL;
	struct fault fault = {};

	return password_hash_in_turn(turns, "correct horse", &hash, &fault) == 0 ? turns : NULL;
}

/* A push of many passwords leaves cores and memory to the rest of the host. */
static void few_at_once(void)
{
	pthread_t threads[8];
	sem_t turns;

	T_FATAL(sem_init(&turns, 0, 2) == 0);
	most_at_once = 0;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		T_FATAL(pthread_create(&threads[i], NULL, hash_one, &turns) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *done = NULL;

		T_OK(pthread_join(threads[i], &done));
		T_TRUE(done != NULL);
	}
	T_TRUE(most_at_once >= 1 && most_at_once <= 2);
	sem_destroy(&turns);
}

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

T_MAIN("password", T(is_yescrypt), T(bounds), T(few_at_once))
