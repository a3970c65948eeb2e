#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "scimctl/scimctl.h"

/* Who types, also behind sudo: the audit login uid, which only the login sets. */
static uid_t login_uid(void)
{
	FILE *file = fopen("/proc/self/loginuid", "re");
	unsigned int uid;
	int found = file ? fscanf(file, "%u", &uid) : 0;

	if (file)
		fclose(file);
	return found == 1 && uid != UINT32_MAX ? uid : getuid();
}

static char *who(void)
{
	uid_t uid = login_uid();
	const struct passwd *entry = getpwuid(uid);
	char *text = NULL;

	if (entry)
		return strdup(entry->pw_name);
	return asprintf(&text, "uid %u", uid) < 0 ? NULL : text;
}

/* "PREFIX/NAME?by=…&reason=…"; owned, NULL without memory. */
static char *lock_path(const char *prefix, const char *name, const char *reason)
{
	_cleanup_free_ char *by = who(), *path = client_path(prefix, name);
	char *by_escaped = by ? curl_easy_escape(NULL, by, 0) : NULL;
	char *reason_escaped = reason ? curl_easy_escape(NULL, reason, 0) : NULL;
	char *text = NULL;

	if (path && by_escaped && (reason_escaped || !reason) &&
	    asprintf(&text, "%s?by=%s%s%s", path, by_escaped, reason ? "&reason=" : "",
		     reason ? reason_escaped : "") < 0)
		text = NULL;
	curl_free(by_escaped);
	curl_free(reason_escaped);
	return text;
}

static int lock_post(const struct context *context, const char *prefix, const char *name,
		     const char *done)
{
	_cleanup_(json_putp) struct json_object *user = NULL;
	_cleanup_free_ char *path = lock_path(prefix, name, context->reason);
	int code;

	if (!path)
		return complain("out of memory");
	code = client_post(context, path, &user);
	if (code != EXIT_SUCCESS)
		return code;
	if (context->json)
		return print_json(user);
	if (!context->quiet)
		printf("%s %s\n", name, done);
	return EXIT_SUCCESS;
}

int user_lock(const struct context *context, char **operands)
{
	if (context->reason && !*context->reason) {
		complain("--reason needs a text");
		return EXIT_USAGE;
	}
	return lock_post(context, "/v1/lock", operands[0],
			 "is locked, and what they had running is being ended: "
			 "see scimctl receipt");
}

int user_unlock(const struct context *context, char **operands)
{
	return lock_post(context, "/v1/unlock", operands[0],
			 "is not locked any more; the identity provider decides again");
}
