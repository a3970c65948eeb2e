/* Filters as text. The first byte chooses the type; the first line is the filter, the rest a body that
 * creates the resource it is asked about (a usual one, if that is refused). Whatever the filter says,
 * logic must hold: "not" turns it round, "and" and "or" with itself change nothing. Printed and parsed
 * again it is the same tree. */
#include "scimd/model/filter_node.h"
#include "scimd/model/json.h"
#include "tests/fuzz/fuzz_schema_doc.h"

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
	    resource_create(type, NULL, body, &edit, &fault) < 0) {
		json_putp(&body);
		HOLDS(json_parse(usual, strlen(usual), &body, &fault) == 0);
		HOLDS(resource_create(type, NULL, body, &edit, &fault) == 0);
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

/* --- printing ----------------------------------------------------------------------------------- */

static void print_literal(FILE *out, const struct filter *node)
{
	struct json_object *text;

	switch (node->literal) {
	case FILTER_NULL:
		fputs("null", out);
		return;
	case FILTER_BOOLEAN:
		fputs(node->integer ? "true" : "false", out);
		return;
	case FILTER_INTEGER:
		fprintf(out, "%lld", (long long)node->integer);
		return;
	case FILTER_DECIMAL:
		fprintf(out, "%.17e", node->decimal);
		return;
	default:
		break;
	}
	text = json_object_new_string(node->text);
	fputs(json_object_to_json_string_ext(text, JSON_C_TO_STRING_NOSLASHESCAPE), out);
	json_object_put(text);
}

static void print_path(FILE *out, const struct filter *node)
{
	const struct path *path = &node->path;

	if (node->kind == FILTER_COMPARE && node->in_element) {
		fputs(path->sub->name, out);
		return;
	}
	fprintf(out, "%s:%s", path->schema->urn, path->attribute->name);
	if (path->sub)
		fprintf(out, ".%s", path->sub->name);
}

/* With parentheses around everything, so that precedence plays no part. */
static void print(FILE *out, const struct filter *node)
{
	static const char names[][3] = {
		[FILTER_EQ] = "eq", [FILTER_NE] = "ne", [FILTER_CO] = "co", [FILTER_SW] = "sw",
		[FILTER_EW] = "ew", [FILTER_GT] = "gt", [FILTER_GE] = "ge", [FILTER_LT] = "lt",
		[FILTER_LE] = "le", [FILTER_PR] = "pr",
	};

	switch (node->kind) {
	case FILTER_AND:
	case FILTER_OR:
		fputc('(', out);
		print(out, node->left);
		fputs(node->kind == FILTER_AND ? ") and (" : ") or (", out);
		print(out, node->right);
		fputc(')', out);
		return;
	case FILTER_NOT:
		fputs("not (", out);
		print(out, node->left);
		fputc(')', out);
		return;
	case FILTER_ELEMENTS:
		print_path(out, node);
		fputc('[', out);
		print(out, node->left);
		fputc(']', out);
		return;
	case FILTER_COMPARE:
		break;
	}
	print_path(out, node);
	fprintf(out, " %s", names[node->op]);
	if (node->op == FILTER_PR)
		return;
	fputc(' ', out);
	print_literal(out, node);
}

/* How many parentheses print has around something. */
static unsigned int depth(const struct filter *node)
{
	unsigned int left = node->left ? depth(node->left) : 0;
	unsigned int right = node->right ? depth(node->right) : 0;

	return (node->kind < FILTER_AND ? 0 : 1) + (left > right ? left : right);
}

static bool same(const struct filter *a, const struct filter *b)
{
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind || !same(a->left, b->left) || !same(a->right, b->right))
		return false;
	if (a->kind != FILTER_COMPARE && a->kind != FILTER_ELEMENTS)
		return true;
	if (a->path.attribute != b->path.attribute || a->path.sub != b->path.sub)
		return false;
	if (a->kind == FILTER_ELEMENTS)
		return true;
	return a->op == b->op && a->in_element == b->in_element && a->literal == b->literal &&
	       a->integer == b->integer && memcmp(&a->decimal, &b->decimal, sizeof(a->decimal)) == 0 &&
	       (!a->text == !b->text) && (!a->text || strcmp(a->text, b->text) == 0) &&
	       (!a->folded == !b->folded) && (!a->folded || strcmp(a->folded, b->folded) == 0);
}

static void check_print(enum resource_type type, const struct filter *filter)
{
	_cleanup_(filter_freep) struct filter *again = NULL;
	_cleanup_free_ char *text = NULL;
	struct fault fault = { 0 };
	size_t size;
	FILE *out = open_memstream(&text, &size);

	HOLDS(out != NULL);
	print(out, filter);
	HOLDS(fclose(out) == 0);
	if (size > FILTER_MAX_BYTES || depth(filter) > FILTER_DEPTH_MAX)
		return;
	if (filter_parse(type, text, size, &again, &fault) < 0)
		(void)fprintf(stderr, "%s: %s\n", text, fault.detail);
	HOLDS(again && same(filter, again));
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
	int r;

	fuzz_schema_install();
	r = filter_parse(type, text, line.left, &filter, &fault);
	if (r < 0) {
		HOLDS(r == -EPROTO && fault.status == 400 && fault.detail[0] != '\0');
		return 0;
	}
	resource = resource_make(type, bytes);
	matches = filter_matches(filter, resource);
	check_requires(filter, resource);
	check_print(type, filter);
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
