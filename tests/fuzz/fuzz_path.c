/* Attribute paths. The first byte chooses the type. What parses prints to a path that is the same
 * attribute, and reading a resource through it agrees with itself. */
#include "scimd/model/json.h"
#include "scimd/model/path.h"
#include "tests/fuzz/fuzz_schema_doc.h"

static const char text[] =
	"{\"userName\":\"a@b.example\",\"displayName\":\"A\",\"name\":{\"givenName\":\"G\"},"
	"\"emails\":[{\"value\":\"w@b.example\",\"type\":\"work\",\"primary\":true},"
	"{\"value\":\"h@b.example\",\"type\":\"home\"}],\"active\":true,\"" URN_ENTERPRISE
	"\":{\"department\":\"D\",\"manager\":{\"value\":\"m\"}},\"" URN_POSIX_USER
	"\":{\"uidNumber\":70000,\"sshPublicKeys\":[\"ssh-ed25519 A\",\"ssh-ed25519 B\"]}}";

static void check_print(enum resource_type type, const struct path *path)
{
	struct path again = { .schema = NULL };
	char printed[256];

	path_print(path, printed, sizeof(printed));
	HOLDS(strlen(printed) < sizeof(printed) - 1);
	HOLDS(path_lookup(type, printed, strlen(printed), &again) == 0);
	HOLDS(again.schema == path->schema && again.attribute == path->attribute &&
	      again.sub == path->sub);
}

static void check_values(enum resource_type type, const char *path)
{
	_cleanup_(json_putp) struct json_object *resource = NULL;
	_cleanup_(string_list_freep) char **values = NULL;
	_cleanup_free_ char *value = NULL;
	struct fault fault;
	int one, all;

	HOLDS(json_parse(text, strlen(text), &resource, &fault) == 0);
	one = resource_value(type, resource, path, &value);
	all = resource_values(type, resource, path, &values);
	HOLDS((one == -EINVAL) == (all == -EINVAL));
	if (all < 0)
		return;
	HOLDS((one == 0) == (values[0] != NULL));
	if (one == 0)
		HOLDS(strcmp(value, values[0]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(path_done) struct path path = { .schema = NULL };
	struct bytes bytes = { data, size };
	enum resource_type type = bytes_take(&bytes) % 2 ? RESOURCE_GROUP : RESOURCE_USER;
	_cleanup_free_ char *string = bytes_string(bytes);
	struct fault fault = { 0 };
	int r;

	fuzz_schema_install();
	r = path_parse(type, string, bytes.left, &path, &fault);
	if (r < 0)
		HOLDS((r == -EPROTO || r == -ENOENT) && fault.status == 400 && fault.detail[0]);
	else
		check_print(type, &path);
	check_values(type, string);
	return 0;
}
