/* publish.h - what this host believes: checks every record that scimd asks for against the compiled-in
 * rules, root's configuration and the local accounts, and publishes what is left.
 * Layer: warden. Threads: one. Nothing here trusts the asker: a record that is refused is named in the
 * answer, and its uid is shut out rather than left as it was. */
#ifndef SCIMD_WARDEN_PUBLISH_H
#define SCIMD_WARDEN_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "scimd/warden/directory_writer.h"
#include "scimd/warden/local.h"
#include "scimd/warden/lost_roles.h"
#include "shared/attrs.h"
#include "shared/names.h"
#include "shared/warden_proto.h"

#define PUBLISH_REFUSALS_MAX 256u

struct publish_options {
	const char *folder;               /* DIRECTORY_PUBLIC_DIR */
	const char *conf_file, *dropins;  /* root's configuration */
	struct local *local;              /* borrowed */
	gid_t shadow_group;
	const char *lost_roles;           /* LOST_ROLES_FILE; NULL: nothing outlives this process */
};

/* A sentence for the answer WARDEN_REFUSED. */
struct refusal {
	char text[WARDEN_REASON_MAX + 1];
};

/* Who lost what by a commit. */
struct publish_loss {
	uint32_t uid;
	char name[NAME_MAX_BYTES + 1];
	uint32_t *gids; /* lost local groups; NULL: the access itself was lost */
	uint32_t gid_count;
};

struct publish_refusal {
	uint32_t id;
	bool is_group;
	struct refusal why;
};

struct publish_result {
	uint64_t revision, durable_us, visible_us;
	struct publish_loss *losses;
	size_t loss_count;
	struct publish_refusal *refusals; /* at most PUBLISH_REFUSALS_MAX */
	size_t refusal_count;
};

void publish_result_done(struct publish_result *result);

struct publish;

/* Opens the directory and the shadow file. A damaged one is set aside: STATE then says revision 0, so
 * that scimd sends everything anew. */
_must_use_ int publish_new(const struct publish_options *options, struct publish **ret);
void publish_freep(struct publish **publish);

/* Read root's configuration again if it changed. A broken one: -EINVAL, and BEGIN is refused. */
_must_use_ int publish_reload(struct publish *publish);

void publish_state(const struct publish *publish, struct warden_state *ret);

/* The messages. 0; -EINVAL with *why when refused; another negative errno when the batch is lost
 * (disk full, …): it is aborted then, and the caller answers so. body needs no alignment. */
_must_use_ int publish_check_user(struct publish *publish, const void *body, size_t size,
				  struct refusal *why);
_must_use_ int publish_check_group(struct publish *publish, const void *body, size_t size,
				   struct refusal *why);
_must_use_ int publish_begin(struct publish *publish, const void *body, size_t size,
			     struct refusal *why);
_must_use_ int publish_user(struct publish *publish, const void *body, size_t size,
			    struct refusal *why);
_must_use_ int publish_group(struct publish *publish, const void *body, size_t size,
			     struct refusal *why);
_must_use_ int publish_members(struct publish *publish, const void *body, size_t size,
			       struct refusal *why);
_must_use_ int publish_password(struct publish *publish, const void *body, size_t size,
				struct refusal *why);
_must_use_ int publish_commit(struct publish *publish, struct publish_result *ret,
			      struct refusal *why);
void publish_abort(struct publish *publish);

/* Whether there is something to tidy up in the files; whether publish_work has a part in it now, or all of
 * it is being done beside; when there will be something, by the monotonic clock (0: not before the next
 * commit); some of it, until a point of that clock. Between any two messages. */
bool publish_has_work(const struct publish *publish);
bool publish_is_due(const struct publish *publish);
uint64_t publish_next_us(const struct publish *publish);
void publish_work(struct publish *publish, uint64_t until_us);

/* Whether the published directory says that this uid may not be here: in our range, not local, known,
 * and not allowed. Without a directory nobody is. */
bool publish_shuts_out(const struct publish *publish, uint32_t uid);

/* Is name the one that the published directory has for uid, whether they may be here or not? */
bool publish_is_named(const struct publish *publish, uint32_t uid, const char *name);

/* Whether the published directory has this uid in this group. */
bool publish_grants(const struct publish *publish, uint32_t uid, uint32_t gid);

/* What to do when a role is lost. */
bool publish_ends_lost_roles(const struct publish *publish);

/* Who lost a local group lately, before this process began as well, and does not have it again. Whoever
 * published that may have been killed before all that carried it had ended. */
void publish_lost_roles(const struct publish *publish, lost_roles_fn each, void *context);

#endif
