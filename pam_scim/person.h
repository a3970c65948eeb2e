/* person.h - what the directory, /etc/passwd and NSS say about the user of a PAM call.
 * Layer: pam_scim. Threads: any, each with a PAM handle of its own, which is borrowed. A person holds
 * the directory open; person_done lets go. Not to be copied. */
#ifndef PAM_SCIM_PERSON_H
#define PAM_SCIM_PERSON_H

#include <stdbool.h>

#include <security/pam_modules.h>

#include "pam_scim/decision.h"
#include "shared/attrs.h"
#include "shared/directory.h"

struct person {
	const char *name; /* PAM's */
	enum decision decision;
	bool has_uid;
	uint32_t uid;
	int fault; /* with DECISION_UNKNOWN: the negative errno */
	/* Found in the directory: entries of that name, good until person_done. */
	bool is_found;
	struct directory_user user;
	struct directory_detail detail; /* empty when its record is damaged */
	struct directory_view view;
};

/* name is borrowed for the person's life. Fills all of *ret; person_done in any case. */
void person_look(pam_handle_t *pamh, const char *name, struct person *ret);

/* [identity] password_url; owned, NULL if there is none or the configuration cannot be read. */
char *person_password_url(void);

/* Why, for the log. Borrowed. */
const char *person_reason(const struct person *person);

void person_done(struct person *person);

#endif
