/* pending.h - members of groups who are not known yet, and are waited for where the connection says
 * so (conf pending_members). Layer: service, inside it. Threads: as change.h says. */
#ifndef SCIMD_SERVICE_PENDING_H
#define SCIMD_SERVICE_PENDING_H

#include "scimd/service/write.h"

/* Inside a change, when a user was created or got another externalId: make them a member of the
 * groups that wait for them by either. 1 if there were any. */
_must_use_ int pending_admit(struct change *change, const struct store_resource *user,
			     struct fault *fault);

/* Inside a change: where members are waited for by externalId, they are known by it ever after, or
 * a client could not take out again whom it put in. Puts users' ids in its place; -ENOMEM. */
_must_use_ int pending_translate(struct change *change, const struct write *write,
				 struct resource_edit *edit);

#endif
