/* The configuration. What is taken and holds no secrets prints to a file that says the same. */
#include <sys/mman.h>

#include "shared/conf.h"
#include "tests/fuzz/fuzz.h"

/* Load a text by way of a file in memory. */
static int load(const void *data, size_t size, struct conf **ret)
{
	_cleanup_(conf_problems_done) struct conf_problems problems = { .items = NULL };
	_cleanup_close_ int fd = memfd_create("conf", MFD_CLOEXEC);
	char path[64];
	int r;

	HOLDS(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = conf_load(path, NULL, ret, &problems);
	HOLDS(r == 0 || r == -EINVAL);
	HOLDS((r == -EINVAL) == (problems.count > 0));
	for (size_t i = 0; i < problems.count; i++)
		HOLDS(problems.items[i].message[0] != '\0');
	return r;
}

static char *print(const struct conf *conf, size_t *ret_size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_size);

	HOLDS(out != NULL);
	conf_print(conf, out);
	HOLDS(fclose(out) == 0);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(conf_freep) struct conf *conf = NULL, *again = NULL;
	_cleanup_free_ char *first = NULL, *second = NULL;
	size_t first_size, second_size;

	if (load(data, size, &conf) < 0) {
		HOLDS(!conf);
		return 0;
	}
	HOLDS(conf->identity.uid_min <= conf->identity.uid_max && conf->identity.uid_min >= 1000);
	HOLDS(conf->server.max_body >= 4096 && conf->server.max_body <= 67108864);
	first = print(conf, &first_size);
	if (conf->connection_count > 0)
		return 0; /* token hashes are cut */
	HOLDS(load(first, first_size, &again) == 0);
	second = print(again, &second_size);
	HOLDS(strcmp(first, second) == 0);
	return 0;
}
