#include "scimd/service/bounds.h"

#include <string.h>

#include "scimd/model/json.h"

uint64_t bounds_of(uint32_t configured, uint64_t compiled)
{
	return configured > 0 && configured < compiled ? configured : compiled;
}

struct measure {
	uint64_t values;
	uint32_t depth;
};

/* The parser has bounded how deep this goes. */
static void value_measure(struct json_object *value, uint32_t depth, struct measure *measure)
{
	measure->values++;
	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, key, member) {
			(void)key;
			value_measure(member, depth + 1, measure);
		}
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			value_measure(json_object_array_get_idx(value, i), depth + 1, measure);
	} else {
		return;
	}
	if (depth > measure->depth)
		measure->depth = depth;
}

int bounds_check_body(const struct conf *conf, struct json_object *body, struct fault *fault)
{
	struct json_object *operations = json_get(body, "Operations");
	struct measure measure = { 0 };

	value_measure(body, 1, &measure);
	if (conf->limits.depth > 0 && measure.depth > conf->limits.depth)
		return fault_set(fault, 400, "invalidSyntax", "JSON: nested deeper than %u levels",
				 conf->limits.depth);
	if (conf->limits.values > 0 && measure.values > conf->limits.values)
		return fault_set(fault, 413, NULL, "the body holds more than %u values",
				 conf->limits.values);
	if (conf->limits.operations > 0 && json_object_is_type(operations, json_type_array) &&
	    json_object_array_length(operations) > conf->limits.operations)
		return fault_set(fault, 413, NULL, "more than %u operations (maxOperations)",
				 conf->limits.operations);
	return 0;
}

int bounds_check_filter(const struct conf *conf, const char *filter, struct fault *fault)
{
	if (!filter || conf->limits.filter_bytes == 0 ||
	    strlen(filter) <= conf->limits.filter_bytes)
		return 0;
	return fault_set(fault, 400, "invalidFilter", "filter: longer than %u bytes",
			 conf->limits.filter_bytes);
}

int bounds_check_members(const struct conf *conf, size_t count, struct fault *fault)
{
	if (conf->limits.members == 0 || count <= conf->limits.members)
		return 0;
	return fault_set(fault, 413, NULL, "the request names more than %u members",
			 conf->limits.members);
}
