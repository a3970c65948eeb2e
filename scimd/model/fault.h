/* fault.h - what is wrong with a client's request, in SCIM's terms (RFC 7644 section 3.12).
 * Layer: model. A fault belongs to its request's thread. detail never holds a secret or
 * internals. */
#ifndef SCIMD_MODEL_FAULT_H
#define SCIMD_MODEL_FAULT_H

#include "shared/attrs.h"

#define FAULT_DETAIL_SIZE 512

struct fault {
	int status;            /* HTTP status: 400, 404, 409, … */
	const char *scim_type; /* "uniqueness", "invalidFilter", …, a literal, or NULL */
	unsigned int retry_after_s; /* for 429 and 503; 0 = none */
	char detail[FAULT_DETAIL_SIZE];
};

/* Fill in *fault (too long details are cut at a character) and return -EPROTO, so that a check
 * reads `return fault_set(fault, 400, "invalidValue", "…")`. */
int fault_set(struct fault *fault, int status, const char *scim_type, const char *fmt, ...)
	_printf_(4, 5);

/* The SCIM Error body as an owned JSON string, NULL without memory. status is a string in it. */
char *fault_to_json(const struct fault *fault);

#endif
