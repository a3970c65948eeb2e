/* payload.h - what a client sent, fit for events: without passwords and of bounded size.
 * Layer: service. Threads: any. */
#ifndef SCIMD_SERVICE_PAYLOAD_H
#define SCIMD_SERVICE_PAYLOAD_H

#include <stdbool.h>

#include <json-c/json.h>

#include "shared/attrs.h"

#define PAYLOAD_MAX_BYTES 16384

/* Whether a body sets a password anywhere: as a member, dotted, URN-qualified, or by a PATCH
 * path. */
bool payload_has_password(struct json_object *body);

/* Overwrite the passwords in body, which is about to be freed. */
void payload_wipe(struct json_object *body);

/* The text of body (borrowed, unchanged) with passwords taken out, if there are any, cut at a character
 * to PAYLOAD_MAX_BYTES. Owned in *ret; -ENOMEM. */
_must_use_ int payload_text(struct json_object *body, bool has_password, char **ret);

#endif
