/* Memory runs out at each allocation that a request makes, in turn: the answer says so, or it is the answer
 * that it would have been, and all of it. What was committed before the answer could not be made stays. */
#include "tests/unit/alloc.h"
#include "tests/unit/service/fixture.h"

#define USER_BODY                                                                               \
	"{\"schemas\":[\"" URN_USER "\"],\"userName\":\"n#@b.example\",\"externalId\":\"x#\"," \
	"\"name\":{\"givenName\":\"N\"},\"emails\":[{\"value\":\"n#@b.example\"}],\"active\":true}"

enum { ADA, TEAM, GONE };

static const struct {
	const char *method, *path;
	int slot;                 /* whose id comes after the path; -1: nobody's */
	const char *query, *body; /* #: another number for each attempt */
} cases[] = {
	{ "GET", "/Users/", ADA, NULL, NULL },
	{ "GET", "/Users", -1, "filter=userName%20eq%20%22ada@b.example%22%20or%20name.givenName%20pr", NULL },
	{ "GET", "/Users", -1, "sortBy=userName&count=1&attributes=userName,emails.value", NULL },
	{ "GET", "/Groups/", TEAM, NULL, NULL },
	{ "GET", "/Schemas", -1, NULL, NULL },
	{ "POST", "/Users/.search", -1, NULL,
	  "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:SearchRequest\"],\"count\":1}" },
	{ "POST", "/Users", -1, NULL, USER_BODY },
	{ "PUT", "/Users/", ADA, NULL, USER_BODY },
	{ "PATCH", "/Users/", ADA, NULL,
	  "{\"schemas\":[\"" URN_PATCH "\"],\"Operations\":[{\"op\":\"replace\",\"path\":\"name.givenName\","
	  "\"value\":\"N#\"},{\"op\":\"add\",\"value\":{\"title\":\"T#\"}}]}" },
	{ "POST", "/Groups", -1, NULL, "{\"displayName\":\"G#\"}" },
	{ "PATCH", "/Groups/", TEAM, NULL,
	  "{\"schemas\":[\"" URN_PATCH "\"],\"Operations\":[{\"op\":\"replace\",\"path\":\"displayName\","
	  "\"value\":\"Team #\"}]}" },
	{ "DELETE", "/Users/", GONE, NULL, NULL },
};

static void body_make(const char *text, long number, char *body, size_t room)
{
	size_t used = 0;

	for (; *text && used + 24 < room; text++)
		if (*text == '#')
			used += (size_t)snprintf(body + used, room - used, "%ld", number);
		else
			body[used++] = *text;
	body[used] = '\0';
}

/* One request, with the nth allocation failing. */
static int ask_short(struct fixture *f, size_t i, long nth)
{
	struct request request = f->with;
	char path[256], body[1024];

	snprintf(path, sizeof(path), "/scim/v2%s%s", cases[i].path,
		 cases[i].slot < 0 ? "" : f->ids[cases[i].slot]);
	request.method = cases[i].method;
	request.path = path;
	request.query = cases[i].query ? strcpy(body, cases[i].query) : NULL;
	if (cases[i].body) {
		body_make(cases[i].body, nth, body, sizeof(body));
		request.body = body;
		request.body_size = strlen(body);
	}
	response_done(&f->response);
	has_failed = false;
	victim = gettid();
	calls_left = nth;
	service_handle(f->service, &request, &f->response);
	calls_left = -1;
	return f->response.status;
}

static bool exists(struct fixture *f, int slot)
{
	return ask(f, "GET", NULL, "/Users/%s", f->ids[slot]) == 200;
}

static bool is_read(size_t i)
{
	return strcmp(cases[i].method, "GET") == 0 || strstr(cases[i].path, ".search");
}

static void attempt(struct fixture *f, size_t i, long nth, const char *right, long *ret_refused)
{
	int changes = f->engine.changes, status = ask_short(f, i, nth);

	T_TRUE(status < 300 || has_failed);
	if (status >= 300 && status != 500 && status != 503)
		fprintf(stderr, "%s %s, allocation %ld: %d\n", cases[i].method, cases[i].path, nth,
			status);
	T_TRUE(status < 300 || status == 500 || status == 503);
	changes = f->engine.changes - changes;
	T_TRUE(is_read(i) ? changes == 0 : changes == 1 || (changes == 0 && status >= 300));
	*ret_refused += changes == 0 && status >= 300;
	if (status == 200 && is_read(i) && strcmp(f->response.body, right) != 0)
		fprintf(stderr, "%s %s, allocation %ld: %s\n", cases[i].method, cases[i].path, nth,
			f->response.body);
	T_TRUE(status != 200 || !is_read(i) || strcmp(f->response.body, right) == 0);
}

static void runs_out_of_memory(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *right = NULL;
		FIXTURE(f);
		char member[128];
		long nth = 0, refused = 0;

		create_user(f, ADA, "ada");
		snprintf(member, sizeof(member), "{\"value\":\"%s\"}", f->ids[ADA]);
		create_group(f, TEAM, "Team", member);
		if (is_read(i)) {
			T_INT(ask_short(f, i, -1), 200);
			right = strdup(f->response.body);
		}
		do {
			if (cases[i].slot == GONE && (nth == 0 || !exists(f, GONE)))
				create_user(f, GONE, "gone");
			attempt(f, i, ++nth, right, &refused);
		} while (has_failed && nth < 5000);
		T_TRUE(refused > 3 && nth < 5000);
	}
}

T_MAIN("service_alloc", T(runs_out_of_memory))
