/* filter_node.h - the tree behind struct filter. Layer: model, private. Threads: any; nothing
 * changes a tree once it is parsed. filter_freep of its root frees all of it; attributes in it are
 * the schema's, which never go away. */
#ifndef SCIMD_MODEL_FILTER_NODE_H
#define SCIMD_MODEL_FILTER_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scimd/model/filter.h"
#include "scimd/model/path.h"

enum filter_kind { FILTER_COMPARE, FILTER_ELEMENTS, FILTER_AND, FILTER_OR, FILTER_NOT };

enum filter_op {
	FILTER_EQ,
	FILTER_NE,
	FILTER_CO,
	FILTER_SW,
	FILTER_EW,
	FILTER_GT,
	FILTER_GE,
	FILTER_LT,
	FILTER_LE,
	FILTER_PR,
};

enum filter_literal {
	FILTER_NULL,
	FILTER_TEXT,
	FILTER_BOOLEAN,
	FILTER_INTEGER,
	FILTER_DECIMAL,
	FILTER_TIME,
};

struct filter {
	enum filter_kind kind;
	struct filter *left, *right; /* owned. NOT and ELEMENTS have left alone */
	struct path path;	     /* COMPARE and ELEMENTS; its filter is not used */
	bool in_element;	     /* COMPARE: path.sub of an element, not of a resource */
	enum filter_op op;
	enum filter_literal literal;
	char *text;	 /* TEXT and TIME: as the client wrote it, owned */
	char *folded;	 /* TEXT that is compared without case, owned; else NULL */
	int64_t integer; /* INTEGER, BOOLEAN; TIME in microseconds since 1970 */
	double decimal;
};

/* Parse what stands between the brackets of attribute[…]. text starts after "[" ; *ret_used
 * counts the bytes including "]". Same errors as filter_parse. */
_must_use_ int filter_parse_elements(const struct schema_attribute *attribute, const char *text,
				     size_t len, size_t *ret_used, struct filter **ret,
				     struct fault *fault);

/* Whether one element of the attribute matches. */
bool filter_matches_element(const struct filter *filter, struct json_object *element);

/* How many comparisons it has. */
size_t filter_comparisons(const struct filter *filter);

/* Put what an element must have to match, as far as "eq" terms joined by "and" say it, into
 * element. -EINVAL if the filter is anything else, or wants what such an element cannot have. */
_must_use_ int filter_seed(const struct filter *filter, struct json_object *element);

/* The attribute that a comparison reads values of: the sub-attribute, "value" of a complex
 * one, or the attribute itself. */
const struct schema_attribute *filter_target(const struct path *path);

#endif
