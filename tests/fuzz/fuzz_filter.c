/* Filters as text. The first byte chooses the type; the first line is the filter, the rest a body that
 * creates the resource it is asked about (a usual one, if that is refused). Whatever the filter says,
 * logic must hold: "not" turns it round, "and" and "or" with itself change nothing. */
#include "scimd/model/filter.h"
#include "scimd/model/json.h"
#include "tests/fuzz/fuzz.h"

static const char user_text[] =
	"{\"userName\":\"a@b.example\",\"displayName\":\"A\",\"name\":{\"givenName\":\"G\"},"
	"\"emails\":[{\"value\":\"w@b.example\",\"type\":\"work\",\"primary\":true},"
	"{\"value\":\"h@b.example\",\"type\":\"home\"}],\"active\":true,\"" URN_ENTERPRISE
	"\":{\"department\":\"D\",\"manager\":{\"value\":\"m\"}},\"" URN_POSIX_USER
	"\":{\"uidNumber\":70000,\"sshPublicKeys\":[\"ssh-ed25519 A\",\"ssh-ed25519 B\"]}}";
static const char group_text[] = "{\"displayName\":\"G\",\"externalId\":\"E\"}";
static const char meta_text[] =
	"{\"resourceType\":\"User\",\"created\":\"2026-01-02T03:04:05.678Z\",\"lastModified\":"
	"\"2026-02-02T03:04:05Z\",\"location\":\"https://h/Users/1\",\"version\":\"W/\\\"1\\\"\"}";

static struct json_object *resource_make(enum resource_type type, struct bytes text)
{
	_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
	_cleanup_(json_putp) struct json_object *body = NULL;
	const char *usual = type == RESOURCE_USER ? user_text : group_text;
	struct json_object *meta = NULL, *resource;
	struct fault fault;

	if (json_parse((const char *)text.at, text.left, &body, &fault) < 0 ||
	    resource_create(type, body, &edit, &fault) < 0) {
		json_putp(&body);
		HOLDS(json_parse(usual, strlen(usual), &body, &fault) == 0);
		HOLDS(resource_create(type, body, &edit, &fault) == 0);
	}
	HOLDS(json_parse(meta_text, strlen(meta_text), &meta, &fault) == 0);
	resource = TAKE_PTR(edit.resource);
	(void)json_object_object_add(resource, "meta", meta);
	(void)json_object_object_add(resource, "id", json_object_new_string("1"));
	return resource;
}

/* What "before (text)" or "before (text) between (text)" says; the text parsed, so this must. */
static bool ask(enum resource_type type, struct json_object *resource, const char *before,
		const char *between, const char *text)
{
	_cleanup_(filter_freep) struct filter *filter = NULL;
	_cleanup_free_ char *whole = NULL;
	struct fault fault = { 0 };
	int len = asprintf(&whole, "%s(%s)%s%s%s%s", before, text, between ? between : "",
			   between ? "(" : "", between ? text : "", between ? ")" : ""), r;

	HOLDS(len >= 0);
	r = filter_parse(type, whole, (size_t)len, &filter, &fault);
	if (r < 0)
		(void)fprintf(stderr, "%s: %s\n", whole, fault.detail);
	HOLDS(r == 0);
	return filter_matches(filter, resource);
}

static void check_requires(const struct filter *filter, struct json_object *resource)
{
	static const char *const paths[] = { "userName", "externalId", "displayName", "id" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		const char *value = filter_requires(filter, paths[i]);

		HOLDS(!value || filter_uses(filter, paths[i]));
		/* Who has not even the attribute cannot match. */
		if (value && !json_object_object_get_ex(resource, paths[i], NULL))
			HOLDS(!filter_matches(filter, resource));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(filter_freep) struct filter *filter = NULL;
	_cleanup_(json_putp) struct json_object *resource = NULL;
	struct bytes bytes = { data, size };
	enum resource_type type = bytes_take(&bytes) % 2 ? RESOURCE_GROUP : RESOURCE_USER;
	struct bytes line = bytes_line(&bytes, '\n');
	_cleanup_free_ char *text = bytes_string(line);
	struct fault fault = { 0 };
	bool matches;
	int r = filter_parse(type, text, line.left, &filter, &fault);

	if (r < 0) {
		HOLDS(r == -EPROTO && fault.status == 400 && fault.detail[0] != '\0');
		return 0;
	}
	resource = resource_make(type, bytes);
	matches = filter_matches(filter, resource);
	check_requires(filter, resource);
	if (strlen(text) != line.left || 2 * line.left + 32 > FILTER_MAX_BYTES)
		return 0;
	if (strspn(text, "(") > 0 || strstr(text, "((((")) /* may be as deep as is allowed */
		return 0;
	HOLDS(ask(type, resource, "not ", NULL, text) == !matches);
	HOLDS(ask(type, resource, "", " and ", text) == matches);
	HOLDS(ask(type, resource, "", " or not ", text));
	HOLDS(!ask(type, resource, "", " and not ", text));
	return 0;
}
