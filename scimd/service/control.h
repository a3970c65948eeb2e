/* control.h - one request of the control API on its way, and what its handlers share.
 * Layer: service, inside it. Threads: a control belongs to its request's thread.
 * Functions that return int: 0 or more; -EPROTO with *fault; another negative errno. */
#ifndef SCIMD_SERVICE_CONTROL_H
#define SCIMD_SERVICE_CONTROL_H

#include <stdio.h>

#include "scimd/model/json.h"
#include "scimd/service/call.h"
#include "scimd/service/service.h"

struct control {
	struct change_engine *engine; /* borrowed */
	struct metrics *metrics;      /* borrowed */
	struct webhook *webhook;      /* borrowed, or NULL */
	const struct request *request;
	const struct conf *conf;    /* a reference */
	struct store_txn *txn;	    /* a read snapshot, owned; NULL for what needs none */
	char *name;		    /* decoded last segment of the path, owned, or NULL */
	struct json_object *answer; /* owned */
	char *text;		    /* owned: the answer if it is no JSON */
};

/* Handlers: fill in answer. */
typedef int (*control_handler)(struct control *control, struct fault *fault);

int control_users(struct control *control, struct fault *fault);
int control_user(struct control *control, struct fault *fault);
int control_groups(struct control *control, struct fault *fault);
int control_group(struct control *control, struct fault *fault);
int control_events(struct control *control, struct fault *fault);
int control_receipts(struct control *control, struct fault *fault);
int control_receipt(struct control *control, struct fault *fault);
int control_status(struct control *control, struct fault *fault);
int control_connections(struct control *control, struct fault *fault);
int control_reload(struct control *control, struct fault *fault);
int control_ids(struct control *control, struct fault *fault);
int control_ids_import(struct control *control, struct fault *fault);
int control_backup(struct control *control, struct fault *fault);
int control_backup_drop(struct control *control, struct fault *fault);
int control_confirm(struct control *control, struct fault *fault);
int control_confirm_all(struct control *control, struct fault *fault);
int control_metrics(struct control *control, struct fault *fault);
int control_lock(struct control *control, struct fault *fault);
int control_unlock(struct control *control, struct fault *fault);

/* --- control_resources.c: people and groups --- */

/* Fill object in from a row and its parsed JSON. */
_must_use_ int user_fill(struct control *control, const struct store_resource *row,
			 struct json_object *resource, struct json_object *object);
_must_use_ int group_fill(struct control *control, const struct store_resource *row,
			  struct json_object *resource, struct json_object *object);
_must_use_ int control_put_common(struct json_object *object, const struct store_resource *row,
				  struct json_object *resource);
/* One resource as an object, owned. */
_must_use_ int control_object(struct control *control, const struct store_resource *row,
			      struct json_object **ret);
/* All of a type as the answer. */
_must_use_ int control_list(struct control *control, enum resource_type type);
/* Find control->name: a POSIX name, else what the identity provider calls it. -ENOENT. */
_must_use_ int control_find(struct control *control, enum resource_type type,
			    struct store_resource *ret);

struct names {
	struct control *control;
	struct json_object *array; /* borrowed */
	const char *attribute;	   /* NULL: POSIX names */
};
/* A store_id_fn over struct names: appends the name of the resource with this id. */
int control_name_add(const char *id, void *context);

/* People who came back with a backup and were not confirmed yet. */
_must_use_ int control_unconfirmed(struct control *control, uint64_t *ret);

/* "active", "locked", "unconfirmed", "deactivated" or "denied". */
_must_use_ int control_user_status(struct control *control, const struct store_resource *row,
				   const char **ret);
/* When each connection last pushed, in microseconds, 0: not lately; owned, as many as there are. */
_must_use_ int control_pushes(struct control *control, uint64_t **ret);
/* Bytes of the published directory; -errno. */
_must_use_ int control_directory_size(uint64_t *ret);

/* --- control_webhook.c --- */

/* Its state as an object under key "webhook", null without one. */
_must_use_ int webhook_fill(struct control *control, struct json_object *object);
/* Its numbers for /metrics; nothing without one. */
_must_use_ int webhook_write(struct control *control, FILE *out);

/* --- control_locks.c: "lock" of a user's object --- */
_must_use_ int lock_fill(struct control *control, const struct store_resource *row,
			 struct json_object *object, bool *ret_locked);

/* --- control_parameter.c: the query --- */

/* The decoded value of a parameter, owned in *ret, or NULL there if it is absent. */
_must_use_ int control_parameter(const struct request *request, const char *key, char **ret,
				 struct fault *fault);
/* *ret stays as it was if the parameter is absent. */
_must_use_ int control_parameter_number(const struct request *request, const char *key,
					uint64_t *ret, struct fault *fault);

/* --- control_json.c --- */

/* Add a member; value is taken, NULL becomes null. */
_must_use_ int control_put(struct json_object *object, const char *key, struct json_object *value);
_must_use_ int control_put_text(struct json_object *object, const char *key, const char *text);
_must_use_ int control_put_number(struct json_object *object, const char *key, uint64_t number);
_must_use_ int control_put_bool(struct json_object *object, const char *key, bool flag);
/* A new empty array under key; borrowed, NULL without memory. */
_must_use_ struct json_object *control_put_array(struct json_object *object, const char *key);
/* Append value, which is taken and may be NULL for want of memory. */
_must_use_ int control_append(struct json_object *array, struct json_object *value);
_must_use_ int control_append_text(struct json_object *array, const char *text, size_t len);
/* JSON from the store: -EIO if it is none. Owned. */
_must_use_ int control_parse(const char *text, struct json_object **ret);

#endif
