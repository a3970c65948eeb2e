/* Of a request's password nothing stays: no memory that is given back still holds it, however the request
 * ends. */
#include "tests/unit/freed.h"
#include "tests/unit/service/fixture.h"

#define SECRET FREED_SECRET

static int ask_watched(struct fixture *f, const char *method, const char *body, const char *path)
{
	int status;

	freed_watch();
	status = ask(f, method, body, "%s", path);
	freed_watches = false;
	return status;
}

static const struct {
	const char *method, *path, *body;
	int status;
} cases[] = {
	{ "POST", "/Users", "{\"userName\":\"ada@b.example\",\"password\":\"" SECRET "\"}", 201 },
	{ "POST", "/Users", "{\"password\":\"" SECRET "\",\"userName\":\"ada@b.example\"}", 409 },
	{ "POST", "/Users", "{\"password\":\"" SECRET "\"}", 400 },
	/* With an escape, and a shorter string with one after it. */
	{ "POST", "/Users", "{\"password\":\"\\u0021" SECRET "\",\"displayName\":\"\\n\"}", 400 },
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
		T_INT(freed_found, 0);
		if (i == 0)
			snprintf(path, sizeof(path), "/Users/%s", at(f, "id"));
	}
	for (size_t i = 0; i < ARRAY_SIZE(of_one); i++) {
		T_INT(ask_watched(f, of_one[i].method, of_one[i].body, path), of_one[i].status);
		T_INT(freed_found, 0);
	}
}

static void looking_finds(void)
{
	char *volatile copy = strdup("before " SECRET " after"); /* not to be optimised away */

	freed_watch();
	free(copy);
	freed_watches = false;
	T_INT(freed_found, 1);
}

T_MAIN("traces", T(looking_finds), T(nothing_stays))
