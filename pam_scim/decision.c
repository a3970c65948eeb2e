#include "pam_scim/decision.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shared/conf.h"
#include "shared/names.h"

bool decision_name_is_foreign(const char *name)
{
	return strcmp(name, "root") == 0 || !name_is_valid(name, strnlen(name, NAME_MAX_BYTES + 1));
}

static bool is_managed(uint32_t uid, uint32_t uid_min, uint32_t uid_max)
{
	return uid != 0 && uid >= uid_min && uid <= uid_max;
}

enum decision decision_make(const struct decision_facts *facts)
{
	if (decision_name_is_foreign(facts->name) || facts->is_local)
		return DECISION_IGNORE;
	if (facts->open == 0 && facts->lookup == 0)
		return facts->is_allowed ? DECISION_ALLOW : DECISION_DENY;
	if (facts->open == 0 && facts->lookup == -ENOENT)
		return facts->was_ours ? DECISION_DENY : DECISION_IGNORE;
	if (facts->was_ours)
		return DECISION_UNKNOWN;
	if (facts->is_resolved)
		return is_managed(facts->uid, facts->uid_min, facts->uid_max) ? DECISION_UNKNOWN
									      : DECISION_IGNORE;
	/* Nobody knows the name. If the directory opened, its entry of that name may be the damaged
	 * one; if there is no directory at all, nothing says that the name was ever ours. */
	return facts->open == 0 ? DECISION_UNKNOWN : DECISION_IGNORE;
}

void decision_sentence(enum decision decision, const char *host, char *buffer, size_t size)
{
	buffer[0] = '\0';
	if (decision == DECISION_DENY)
		(void)snprintf(buffer, size,
			       "Your account on %s is deactivated: your organization has ended "
			       "your access. Please contact your administrator.",
			       host);
	else if (decision == DECISION_UNKNOWN)
		(void)snprintf(buffer, size,
			       "Your account on %s cannot be checked right now, so you cannot log "
			       "in. Please contact your administrator.",
			       host);
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

void decision_quote(const char *text, char *buffer, size_t size)
{
	size_t used = 0;

	for (; *text; text++) {
		bool escaped = *text == '"' || *text == '\\';

		if (used + escaped + 2 > size)
			break;
		if (escaped)
			buffer[used++] = '\\';
		buffer[used++] = is_control(*text) ? '?' : *text;
	}
	buffer[used] = '\0';
}

bool decision_env_is_safe(const char *entry)
{
	size_t size = strcspn(entry, "=");

	if (!entry[size] || !conf_env_is_good(entry, size))
		return false;
	for (const char *value = entry + size + 1; *value; value++)
		if (is_control(*value))
			return false;
	return true;
}

static bool is_below(const char *path, const char *folder, size_t folder_size)
{
	return folder_size > 1 && strncmp(path, folder, folder_size) == 0 && path[folder_size];
}

bool decision_home_is_safe(const char *home, const char *home_template)
{
	const char *variable, *slash;

	if (!path_is_valid(home, strlen(home)))
		return false;
	if (is_below(home, "/home/", strlen("/home/")))
		return true;
	variable = home_template ? strchr(home_template, '%') : NULL;
	slash = variable ? memrchr(home_template, '/', (size_t)(variable - home_template)) : NULL;
	return slash && is_below(home, home_template, (size_t)(slash - home_template) + 1);
}
