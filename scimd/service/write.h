/* write.h - what creating, replacing, patching and deleting have in common for users and groups.
 * Layer: service, inside it. Threads: as change.h says. */
#ifndef SCIMD_SERVICE_WRITE_H
#define SCIMD_SERVICE_WRITE_H

#include "scimd/service/call.h"

enum write_kind { WRITE_CREATE, WRITE_REPLACE, WRITE_PATCH, WRITE_DELETE };

struct write {
	struct call *call;
	enum resource_type type;
	enum write_kind kind;
	char id[RESOURCE_ID_SIZE];
	char *password;            /* crypt(3) hash, owned; NULL: leave as it is */
	bool is_alone;             /* a user who is new, and so in no group */
	struct store_resource row; /* after a successful change: the resource as it is then */
	uint64_t members;          /* and how many a group has */
	bool by_entra;             /* the request reads as Entra ID's */
};

/* Everything that can be done before the writer's turn: id, the parameters of the answer, hashing.
 * write_done frees in any case. */
_must_use_ int write_prepare(struct write *write, struct call *call, enum resource_type type,
			     enum write_kind kind, struct fault *fault);
void write_done(struct write *write);

/* Inside a change: load write->row anew, check who owns it and If-Match. */
_must_use_ int write_load(struct write *write, struct store_txn *txn, struct fault *fault);

/* Inside a change: load (or begin) write->row and compute what the body does to it. */
_must_use_ int write_edit(struct write *write, struct store_txn *txn, struct resource_edit *ret,
			  struct fault *fault);

/* Whether the resource itself changes (members aside). */
bool write_changes(const struct write *write, const struct resource_edit *edit);

/* Inside a change: no other resource of the connection has a value that must be unique by a schema of
 * the configuration. 409 otherwise. */
_must_use_ int write_check_unique(const struct write *write, struct store_txn *txn,
				  const struct resource_edit *edit, struct fault *fault);

/* Put the edit into write->row and count the version up. */
_must_use_ int write_fill(struct write *write, const struct resource_edit *edit);

/* Count the version of a loaded row up. */
void write_touch(struct write *write);

/* Run the change with the call's source. */
_must_use_ int write_run(struct write *write, change_fn fn, struct fault *fault);

/* What a route does to a resource: the change's body is given the struct write, and the status is that
 * of an answer without the resource. NULL: it writes none. */
struct write_operation {
	enum resource_type type;
	enum write_kind kind;
	change_fn fn;
	int status;
};
const struct write_operation *write_operation_find(enum route_action action);
_must_use_ int user_change(struct change *change, void *write, struct fault *fault);
_must_use_ int user_remove(struct change *change, void *write, struct fault *fault);
_must_use_ int group_change(struct change *change, void *write, struct fault *fault);
_must_use_ int group_remove(struct change *change, void *write, struct fault *fault);

/* Answer a create, replace or patch with the resource. */
_must_use_ int write_respond(struct write *write, struct fault *fault);

#endif
