#include "scimd/service/password.h"

#include <string.h>

#include <crypt.h>

static void crypt_wipep(struct crypt_data **data)
{
	if (*data)
		explicit_bzero(*data, sizeof(**data));
	free(*data);
}

void password_wipep(char **password)
{
	if (*password)
		explicit_bzero(*password, strlen(*password));
	free(*password);
	*password = NULL;
}

int password_hash_in_turn(sem_t *turns, const char *password, char **ret, struct fault *fault)
{
	int r;

	while (sem_wait(turns) < 0)
		if (errno != EINTR)
			return -errno;
	r = password_hash(password, ret, fault);
	(void)sem_post(turns);
	return r;
}

int password_hash(const char *password, char **ret, struct fault *fault)
{
	_cleanup_(crypt_wipep) struct crypt_data *data = NULL;
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *hash;
	char *copy;

	if (*password == '\0' || strlen(password) >= CRYPT_MAX_PASSPHRASE_SIZE)
		return fault_set(fault, 400, "invalidValue", "password must have 1 to %d bytes",
				 CRYPT_MAX_PASSPHRASE_SIZE - 1);
	if (!crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof(setting)))
		return errno ? -errno : -EIO;
	data = calloc(1, sizeof(*data));
	if (!data)
		return -ENOMEM;
	hash = crypt_rn(password, setting, data, sizeof(*data));
	if (!hash || *hash == '*')
		return errno ? -errno : -EIO;
	copy = strdup(hash);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}
