/* model.h - what the model's tests share: JSON written with ' for ", parsed or compared. */
#ifndef TESTS_UNIT_MODEL_H
#define TESTS_UNIT_MODEL_H

#include <stdlib.h>
#include <string.h>

#include "scimd/model/json.h"
#include "tests/unit/t.h"

/* text with every ' turned into ", owned. */
static inline char *quoted(const char *text)
{
	char *copy = strdup(text);

	for (char *at = copy; at && *at; at++)
		*at = *at == '\'' ? '"' : *at;
	return copy;
}

/* The JSON of text, owned; the test stops if it does not parse. */
static inline struct json_object *object_of(const char *text)
{
	_cleanup_free_ char *json = quoted(text);
	struct json_object *object = NULL;
	struct fault fault = { .status = 0 };
	int r = json_parse(json, strlen(json), &object, &fault);

	if (r < 0)
		fprintf(stderr, "%s: %s\n", json, fault.detail);
	CU_ASSERT_FATAL(r == 0);
	return object;
}

/* Whether object equals the JSON of text, in whatever order; tells what it is otherwise. */
static inline int is_json(struct json_object *object, const char *text)
{
	_cleanup_(json_putp) struct json_object *wanted = object_of(text);
	int same = json_object_equal(object, wanted);

	if (!same)
		fprintf(stderr, "got  %s\nwant %s\n", json_object_to_json_string(object),
			json_object_to_json_string(wanted));
	return same;
}

#endif
