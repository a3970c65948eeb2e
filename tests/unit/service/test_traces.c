/* Of a request's password nothing stays: no memory that is given back still holds it, however the request
 * ends. */
#include <malloc.h>

#include "tests/unit/service/fixture.h"

#define SECRET "Tr0ub4dor-and-3-horses"

/* Volatile: the compiler knows that free changes nothing of the program's. */
static __thread volatile bool watches;
static __thread volatile unsigned int found;

static void look(const volatile void *at, size_t size)
{
	if (at && watches && memmem((const void *)at, size, SECRET, strlen(SECRET)))
		found++;
}

#ifdef __SANITIZE_ADDRESS__
extern size_t __sanitizer_get_allocated_size(const volatile void *at);
void __sanitizer_free_hook(const volatile void *at);

void __attribute__((visibility("default"))) __sanitizer_free_hook(const volatile void *at)
{
	look(at, at ? __sanitizer_get_allocated_size(at) : 0);
}
#else
extern void *__libc_malloc(size_t size);
extern void __libc_free(void *at);

/* For libraries as well. */
#define FOR_ALL __attribute__((visibility("default")))

FOR_ALL void free(void *at)
{
	look(at, at ? malloc_usable_size(at) : 0);
	__libc_free(at);
}

/* Always elsewhere, so that what was left behind is looked at. */
FOR_ALL void *realloc(void *at, size_t size)
{
	void *to = __libc_malloc(size);
	size_t had = at ? malloc_usable_size(at) : 0;

	if (to && at) {
		memcpy(to, at, had < size ? had : size);
		free(at);
	}
	return to;
}
#endif

static int ask_watched(struct fixture *f, const char *method, const char *body, const char *path)
{
	int status;

	found = 0;
	watches = true;
	status = ask(f, method, body, "%s", path);
	watches = false;
	return status;
}

static const struct {
	const char *method, *path, *body;
	int status;
} cases[] = {
	{ "POST", "/Users", "{\"userName\":\"ada@b.example\",\"password\":\"" SECRET "\"}", 201 },
	{ "POST", "/Users", "{\"password\":\"" SECRET "\",\"userName\":\"ada@b.example\"}", 409 },
	{ "POST", "/Users", "{\"password\":\"" SECRET "\"}", 400 },
	{ "POST", "/Users", "{\"password\":\"" SECRET "\",\"userName\":7}", 400 },
	{ "POST", "/Users", "{\"password\":{\"value\":\"" SECRET "\"},\"userName\":\"x@b.example\"}", 400 },
	{ "POST", "/Users", "{\"password\":\"" SECRET "\",}", 400 },
	{ "POST", "/Users", "{\"password\":[\"" SECRET "\"],\"userName\":\"x@b.example\"}", 400 },
	{ "POST", "/Users", "{\"x\":[{\"password\":\"" SECRET "\"}]} x", 400 },
	{ "POST", "/Users", "{\"password\":\"" SECRET "\",\"password\":\"" SECRET "\"}", 400 },
	{ "POST", "/Bulk",
	  "{\"Operations\":[{\"method\":\"POST\",\"bulkId\":\"a\",\"path\":\"/Users\",\"data\":"
	  "{\"userName\":\"bob@b.example\",\"password\":\"" SECRET "\"}}]}",
	  200 },
	{ "POST", "/Bulk",
	  "{\"Operations\":[{\"method\":\"POST\",\"path\":\"/Users\",\"data\":"
	  "{\"userName\":\"bob@b.example\",\"password\":\"" SECRET "\"}}]}",
	  200 },
};

static const struct {
	const char *method, *body;
	int status;
} of_one[] = {
	{ "PATCH", "{\"Operations\":[{\"op\":\"replace\",\"path\":\"password\",\"value\":\"" SECRET "\"}]}", 200 },
	{ "PATCH", "{\"Operations\":[{\"op\":\"replace\",\"value\":{\"password\":\"" SECRET "\"}}]}", 200 },
	{ "PATCH",
	  "{\"Operations\":[{\"op\":\"replace\",\"value\":{\"password\":\"" SECRET "\"}},"
	  "{\"op\":\"remove\",\"path\":\"userName\"}]}",
	  400 },
	{ "PUT", "{\"userName\":\"ada@b.example\",\"password\":\"" SECRET "\"}", 200 },
};

static void nothing_stays(void)
{
	FIXTURE(f);
	char path[64];

	f->conf.identity.passwords = true;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		T_INT(ask_watched(f, cases[i].method, cases[i].body, cases[i].path), cases[i].status);
		T_INT(found, 0);
		if (i == 0)
			snprintf(path, sizeof(path), "/Users/%s", at(f, "id"));
	}
	for (size_t i = 0; i < ARRAY_SIZE(of_one); i++) {
		T_INT(ask_watched(f, of_one[i].method, of_one[i].body, path), of_one[i].status);
		T_INT(found, 0);
	}
}

static void looking_finds(void)
{
	char *volatile copy = strdup("before " SECRET " after"); /* not to be optimised away */

	found = 0;
	watches = true;
	free(copy);
	watches = false;
	T_INT(found, 1);
}

T_MAIN("traces", T(looking_finds), T(nothing_stays))
