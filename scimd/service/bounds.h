/* bounds.h - what one request may ask for (conf section [limits]). Layer: service. Threads: any; no
 * state. A limit of 0 is as much as is compiled in. */
#ifndef SCIMD_SERVICE_BOUNDS_H
#define SCIMD_SERVICE_BOUNDS_H

#include <stdint.h>

#include <json-c/json.h>

#include "scimd/model/fault.h"
#include "shared/attrs.h"
#include "shared/conf.h"

/* The smaller of what is configured and what is compiled in. */
uint64_t bounds_of(uint32_t configured, uint64_t compiled);

/* Depth, number of values and operations of a parsed body. */
_must_use_ int bounds_check_body(const struct conf *conf, struct json_object *body,
				 struct fault *fault);

/* The length of a filter, which may be NULL. */
_must_use_ int bounds_check_filter(const struct conf *conf, const char *filter,
				   struct fault *fault);

/* How many members a write names. */
_must_use_ int bounds_check_members(const struct conf *conf, size_t count, struct fault *fault);

#endif
