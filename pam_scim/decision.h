/* decision.h - whether a person may pass, and the words for it.
 * Layer: pam_scim. Pure: no files, no PAM, no state; any thread. */
#ifndef PAM_SCIM_DECISION_H
#define PAM_SCIM_DECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/attrs.h"

enum decision {
	DECISION_IGNORE,  /* not ours */
	DECISION_ALLOW,   /* ours and may be here */
	DECISION_DENY,    /* ours and may not */
	DECISION_UNKNOWN, /* ours or may be, but the directory can't say: denied too */
};

/* What is known about a user name. The order is the order in which it has to be found out; nothing
 * below a fact that decides is looked at. */
struct decision_facts {
	const char *name;
	bool is_local; /* has a line in /etc/passwd: never ours, whatever the directory says */
	int open;      /* opening the directory: 0 or a negative errno */
	int lookup;    /* of the name, if it opened: 0, -ENOENT or a negative errno */
	bool is_allowed;
	bool was_ours; /* an earlier phase of this login found the name in the directory */
	/* If the directory can't say: what NSS says. */
	bool is_resolved;
	uint32_t uid;
	uint32_t uid_min, uid_max; /* the managed range, inclusive */
};

enum decision decision_make(const struct decision_facts *facts);

/* Whether the name alone decides DECISION_IGNORE: root, and what can't be a name of ours. */
bool decision_name_is_foreign(const char *name);

/* The sentence for a person who is denied; "" for the other decisions. Cut at size. */
void decision_sentence(enum decision decision, const char *host, char *buffer, size_t size);

/* Text for a log line between double quotes: quotes and backslashes escaped, control characters
 * replaced. Cut at size, never within an escape. */
void decision_quote(const char *text, char *buffer, size_t size);

/* Whether an entry "NAME=value" may go into a session's environment. Attributes of the identity
 * provider shall inform programs, not steer the loader, the shell or the login. */
bool decision_env_is_safe(const char *entry);

/* Whether a home may be made there as root: in /home or where the configured template (NULL: none)
 * puts homes. Elsewhere, such as below /etc, a folder that belongs to a person would be a danger.
 *  */
bool decision_home_is_safe(const char *home, const char *home_template);

#endif
