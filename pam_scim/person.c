#include "pam_scim/person.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

#include <security/pam_modutil.h>

#include "shared/conf.h"
#include "shared/local_user.h"
#include "shared/names.h"

#define DATA_KEY "pam_scim_ours"

static void free_data(pam_handle_t *pamh, void *data, int status)
{
	(void)pamh;
	(void)status;
	free(data);
}

/* A later phase of the same login shall know that the name was ours, even if it is gone by then. */
static void remember(pam_handle_t *pamh, const char *name)
{
	char *copy = strdup(name);

	if (copy && pam_set_data(pamh, DATA_KEY, copy, free_data) != PAM_SUCCESS)
		free(copy);
}

static bool is_remembered(pam_handle_t *pamh, const char *name)
{
	const void *data = NULL;

	return pam_get_data(pamh, DATA_KEY, &data) == PAM_SUCCESS && data &&
	       strcmp(data, name) == 0;
}

static void get_range(uint32_t *ret_min, uint32_t *ret_max)
{
	_cleanup_(conf_problems_done) struct conf_problems problems = { 0 };
	_cleanup_(conf_freep) struct conf *conf = NULL;

	*ret_min = UID_MIN_DEFAULT;
	*ret_max = UID_MAX_DEFAULT;
	if (conf_load(CONF_FILE, CONF_DROPIN_DIR, &conf, &problems) < 0)
		return;
	*ret_min = conf->identity.uid_min;
	*ret_max = conf->identity.uid_max;
}

/* The directory can't say: perhaps somebody else knows who this is. */
static void resolve(pam_handle_t *pamh, struct decision_facts *facts)
{
	struct passwd *passwd = pam_modutil_getpwnam(pamh, facts->name);

	facts->is_resolved = passwd != NULL;
	if (!passwd)
		return;
	facts->uid = passwd->pw_uid;
	get_range(&facts->uid_min, &facts->uid_max);
}

char *person_password_url(void)
{
	_cleanup_(conf_problems_done) struct conf_problems problems = { 0 };
	_cleanup_(conf_freep) struct conf *conf = NULL;

	if (conf_load(CONF_FILE, CONF_DROPIN_DIR, &conf, &problems) < 0)
		return NULL;
	return TAKE_PTR(conf->identity.password_url);
}

static void look_in_directory(struct person *person, struct decision_facts *facts)
{
	const struct directory_detail none = { .reason = "", .roles = "", .keys = "",
					       .environment = "" };

	/* The file, and anew each time: the segment that lookups keep attached may show an older file for
	 * some moments if root puts another one in its place, and as PAM unloads this module after each
	 * login, nothing could be kept attached anyway. */
	facts->open = directory_open(DIRECTORY_PUBLIC_DIR, DIRECTORY_FILE, DIRECTORY_MAGIC,
				     &person->view);
	if (facts->open < 0)
		return;
	facts->lookup = directory_user_by_name(&person->view, facts->name, strlen(facts->name),
					       &person->user);
	if (facts->lookup < 0)
		return;
	facts->is_allowed = person->user.flags & DIRECTORY_ALLOWED;
	person->is_found = true;
	person->has_uid = true;
	person->uid = person->user.uid;
	/* A damaged detail record takes the reason and the environment, not the decision. */
	if (directory_detail(&person->view, &person->user, &person->detail) < 0)
		person->detail = none;
}

void person_look(pam_handle_t *pamh, const char *name, struct person *ret)
{
	struct decision_facts facts = { .name = name };

	*ret = (struct person){ .name = name, .decision = DECISION_IGNORE };
	if (decision_name_is_foreign(name))
		return;
	/* An unreadable /etc/passwd makes nobody local; root was let through by name. */
	facts.is_local = local_has_user(name, strlen(name)) > 0;
	if (facts.is_local)
		return;
	facts.was_ours = is_remembered(pamh, name);
	look_in_directory(ret, &facts);
	if (facts.open < 0 || (facts.lookup < 0 && facts.lookup != -ENOENT)) {
		ret->fault = facts.open < 0 ? facts.open : facts.lookup;
		resolve(pamh, &facts);
		ret->has_uid = facts.is_resolved;
		ret->uid = facts.uid;
	}
	ret->decision = decision_make(&facts);
	if (ret->decision == DECISION_ALLOW)
		remember(pamh, name);
}

const char *person_reason(const struct person *person)
{
	const char *text;

	if (person->decision == DECISION_UNKNOWN) {
		text = person->fault == -ESTALE ? "the directory is missing"
						: strerrordesc_np(-person->fault);
		return text ? text : "the directory is unavailable";
	}
	if (!person->is_found)
		return "no longer in the directory";
	return person->detail.reason;
}

void person_done(struct person *person)
{
	directory_release(&person->view);
}
