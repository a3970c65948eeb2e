/* json.h - reading JSON strictly (RFC 8259) into json-c's objects. Layer: model. Threads: any; a
 * json_object belongs to one thread at a time.
 * json-c's parser reinterprets bad JSON silently even in strict mode; json_parse answers
 * invalidSyntax for: duplicate keys in an object (after unescaping), integers
 * outside int64, \u0000, single quotes, NaN and Infinity, raw control characters in strings,
 * lone surrogates, invalid UTF-8, trailing bytes, trailing commas, comments, depth above
 * JSON_DEPTH_MAX. */
#ifndef SCIMD_MODEL_JSON_H
#define SCIMD_MODEL_JSON_H

#include <stddef.h>

#include <json-c/json.h>

#include "scimd/model/fault.h"
#include "shared/attrs.h"

#define JSON_DEPTH_MAX 32

/* Parse len bytes that need no terminator. Returns an owned object (json_putp), -EPROTO with *fault
 * (400 invalidSyntax with the byte's offset), or -ENOMEM. */
_must_use_ int json_parse(const char *text, size_t len, struct json_object **ret,
			  struct fault *fault);

/* Release; for _cleanup_(json_putp). */
void json_putp(struct json_object **object);

/* Overwrite every string in value, which may be a secret, before its memory is given back. */
void json_wipe(struct json_object *value);

/* A deep copy, owned; NULL without memory. */
struct json_object *json_copy(struct json_object *object);

/* Member of an object by name ignoring ASCII case; borrowed, NULL if absent. */
struct json_object *json_get(struct json_object *object, const char *name);

/* The string member, borrowed; NULL if absent or not a string. */
const char *json_get_string(struct json_object *object, const char *name);

/* Compact text without escaped slashes, owned; NULL without memory. */
char *json_text(struct json_object *object);

/* For comparing userName and displayName without case: simple case folding of Unicode, and
 * each character composed with the marks that follow it (NFC of text whose marks are in
 * order). Bytes that are not UTF-8 are kept. Owned; NULL without memory. */
char *json_fold(const char *text);

/* The same of so many bytes, into room for it: folding makes 2 bytes 3 at most. */
#define JSON_FOLD_ROOM(len) (2 * (len) + 4 + 1)
void json_fold_into(const char *text, size_t len, char *folded);

#endif
