/* Schema documents of the configuration. Whatever the input is, it is refused with a reason or becomes a
 * schema in which every attribute has a name, and a type that its sub-attributes agree with. */
#include "scimd/model/schema_file.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(schema_set_freep) struct schema_set *set = NULL;
	struct fault fault = { 0 };
	int r;

	HOLDS(schema_set_new(&set) == 0);
	r = schema_set_add(set, "fuzz", RESOURCE_USER, (const char *)data, size, &fault);
	HOLDS(r == 0 || (r == -EPROTO && strstr(fault.detail, "[schema fuzz]: ")));
	/* The same URN cannot come twice. */
	if (r == 0)
		HOLDS(schema_set_add(set, "fuzz", RESOURCE_GROUP, (const char *)data, size,
				     &fault) == -EPROTO);
	return 0;
}
