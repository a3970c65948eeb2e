#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <utmp.h>

#include "scimctl/scimctl.h"

#define LASTLOG "/var/log/lastlog"
#define TIME_SIZE 32
#define SAME_S 10 /* one login, noted by the two of them */

static bool lastlog_read(struct json_object *user, int lastlog_fd, struct lastlog *ret)
{
	struct json_object *uid = NULL;

	return lastlog_fd >= 0 && json_object_object_get_ex(user, "uid", &uid) &&
	       pread(lastlog_fd, ret, sizeof(*ret),
		     json_object_get_int64(uid) * (off_t)sizeof(*ret)) == (ssize_t)sizeof(*ret) &&
	       ret->ll_time != 0;
}

/* Who logged in while scimd did not listen, or before it was there, is in sshd's and login's notes, which
 * know those with a terminal. The newest of both is shown. */
static void last_login_settle(struct json_object *user, int lastlog_fd)
{
	const char *told = json_string(user, "last_login");
	struct lastlog entry = { 0 };
	char time[TIME_SIZE];
	struct tm tm = { 0 };
	time_t at;

	if (!lastlog_read(user, lastlog_fd, &entry))
		return;
	at = entry.ll_time;
	if (strptime(told, "%Y-%m-%dT%H:%M:%S", &tm) && timegm(&tm) + SAME_S >= at)
		return;
	if (!gmtime_r(&at, &tm) || !strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return;
	(void)json_object_object_add(user, "last_login", json_object_new_string(time));
	(void)json_object_object_add(user, "last_login_service", NULL);
	(void)json_object_object_add(user, "last_login_from",
				     *entry.ll_host ? json_object_new_string_len(
					     entry.ll_host, (int)strnlen(entry.ll_host,
									 sizeof(entry.ll_host)))
						    : NULL);
}

static bool has_text(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

static bool list_has(struct json_object *user, const char *key, const char *name)
{
	struct json_object *list = NULL;

	(void)json_object_object_get_ex(user, key, &list);
	for (size_t i = 0; i < json_count(list); i++) {
		const char *item = json_object_get_string(json_object_array_get_idx(list, i));

		if (item && strcasecmp(item, name) == 0)
			return true;
	}
	return false;
}

/* "status=locked", "role=admin", "group=Ops", "connection=okta", or a part of a name. */
static bool user_matches(struct json_object *user, const char *filter)
{
	const char *value = strchr(filter, '=');
	size_t len = value ? (size_t)(value - filter) : 0;

	if (value && strncmp(filter, "status", len) == 0 && len == 6)
		return strcmp(json_string(user, "status"), value + 1) == 0;
	if (value && strncmp(filter, "connection", len) == 0 && len == 10)
		return strcmp(json_string(user, "connection"), value + 1) == 0;
	if (value && strncmp(filter, "role", len) == 0 && len == 4)
		return list_has(user, "roles", value + 1);
	if (value && strncmp(filter, "group", len) == 0 && len == 5)
		return list_has(user, "groups", value + 1);
	return has_text(json_string(user, "name"), filter) ||
	       has_text(json_string(user, "userName"), filter) ||
	       has_text(json_string(user, "displayName"), filter);
}

static bool filter_is_known(const char *filter)
{
	static const char *const keys[] = { "status=", "role=", "group=", "connection=" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strncmp(filter, keys[i], strlen(keys[i])) == 0)
			return true;
	return !strchr(filter, '=');
}

static struct json_object *users_filter(struct json_object *all, char **filters)
{
	_cleanup_close_ int lastlog_fd = open(LASTLOG, O_RDONLY | O_CLOEXEC);
	struct json_object *users = json_object_new_array();

	for (size_t i = 0; users && i < json_count(all); i++) {
		struct json_object *user = json_object_array_get_idx(all, i);
		bool wanted = true;

		for (char **filter = filters; *filter; filter++)
			wanted &= user_matches(user, *filter);
		if (!wanted)
			continue;
		last_login_settle(user, lastlog_fd);
		(void)json_object_array_add(users, json_object_get(user));
	}
	return users;
}

int users_list(const struct context *context, char **operands)
{
	static const struct column columns[] = {
		{ "NAME", "name", false },
		{ "UID", "uid", false },
		{ "STATUS", "status", false },
		{ "ROLES", "roles", false },
		{ "CONNECTION", "connection", true },
		{ "USER NAME", "userName", true },
		{ "CHANGED", "changed", true },
		{ "LAST LOGIN", "last_login", true },
		{ "REASON", "reason", false },
	};
	_cleanup_(json_putp) struct json_object *all = NULL, *users = NULL;
	int code;

	for (char **filter = operands; *filter; filter++)
		if (!filter_is_known(*filter)) {
			complain("%s: filters are a part of a name, status=, role=, group= and "
				 "connection=", *filter);
			return EXIT_USAGE;
		}
	code = client_get(context, "/v1/users", &all);
	if (code != EXIT_SUCCESS)
		return code;
	users = users_filter(all, operands);
	if (!users)
		return complain("out of memory");
	return context->json ? print_json(users)
			     : print_table(context, users, columns, ARRAY_SIZE(columns));
}

int users_show(const struct context *context, char **operands)
{
	_cleanup_close_ int lastlog_fd = open(LASTLOG, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *path = client_path("/v1/users", operands[0]);
	_cleanup_(json_putp) struct json_object *user = NULL;
	int code;

	if (!path)
		return complain("out of memory");
	code = client_get(context, path, &user);
	if (code != EXIT_SUCCESS)
		return code;
	last_login_settle(user, lastlog_fd);
	return context->json ? print_json(user) : print_object(user);
}
