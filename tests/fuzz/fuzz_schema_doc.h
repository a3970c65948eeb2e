/* fuzz_schema_doc.h - an extension of the configuration for fuzzers whose resources may have one. */
#ifndef TESTS_FUZZ_SCHEMA_DOC_H
#define TESTS_FUZZ_SCHEMA_DOC_H

#include "scimd/model/schema_file.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_URN "urn:x:f:1.0:User"

/* Put it in force, once. Nothing in it is required or immutable: what was done can be undone. */
static inline void fuzz_schema_install(void)
{
	static const char text[] =
		"{\"id\":\"" FUZZ_URN "\",\"attributes\":[{\"name\":\"s\",\"uniqueness\":\"server\"},"
		"{\"name\":\"e\",\"caseExact\":true,\"returned\":\"always\"},"
		"{\"name\":\"i\",\"type\":\"integer\",\"returned\":\"request\"},"
		"{\"name\":\"d\",\"type\":\"decimal\"},{\"name\":\"b\",\"type\":\"boolean\"},"
		"{\"name\":\"t\",\"type\":\"dateTime\"},{\"name\":\"n\",\"returned\":\"never\"},"
		"{\"name\":\"li\",\"type\":\"integer\",\"multiValued\":true},"
		"{\"name\":\"ls\",\"multiValued\":true},{\"name\":\"c\",\"type\":\"complex\","
		"\"subAttributes\":[{\"name\":\"value\"},{\"name\":\"d\",\"type\":\"decimal\"}]},"
		"{\"name\":\"lc\",\"type\":\"complex\",\"multiValued\":true,\"subAttributes\":["
		"{\"name\":\"value\",\"type\":\"integer\"},{\"name\":\"primary\",\"type\":\"boolean\"},"
		"{\"name\":\"h\",\"returned\":\"request\"}]}]}";
	static bool done;
	struct schema_set *set = NULL;
	struct fault fault = { 0 };

	if (done)
		return;
	HOLDS(schema_set_new(&set) == 0);
	HOLDS(schema_set_add(set, "f", RESOURCE_USER, text, sizeof(text) - 1, &fault) == 0);
	HOLDS(schema_set_install(&set) == 0);
	done = true;
}

#endif
