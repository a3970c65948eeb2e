#include "scimd/policy/policy.h"

#include <stdio.h>
#include <string.h>

#include "scimd/base/clock.h"
#include "scimd/model/json.h"
#include "scimd/policy/certificate.h"
#include "scimd/policy/home.h"
#include "scimd/policy/match.h"
#include "scimd/policy/number.h"
#include "scimd/policy/text.h"
#include "scimd/policy/user_name.h"

#define KEYS_MAX_BYTES 65536u /* the three fit into one record of the warden's (96 KiB) */
#define IGNORED_MAX_BYTES 4096u
#define ROLES_MAX_BYTES 8192u
#define ENV_MAX_BYTES 16384u
#define ENV_VALUE_MAX_BYTES 1024u
#define GECOS_FIELD_MAX_BYTES 64u

/* --- the passwd fields --- */

static const char *string_usable(struct json_object *object, const char *name)
{
	const char *text = json_get_string(object, name);

	return text && *text ? text : NULL;
}

/* The full name: the first field of GECOS. */
static int full_name_make(struct json_object *resource, char **ret)
{
	struct json_object *parts = json_get(resource, "name");
	const char *given = string_usable(parts, "givenName");
	const char *family = string_usable(parts, "familyName");
	_cleanup_free_ char *joined = NULL;
	const char *text = string_usable(json_get(resource, URN_POSIX_USER), "gecos");

	if (!text)
		text = string_usable(resource, "displayName");
	if (!text)
		text = string_usable(parts, "formatted");
	if (!text) {
		if (asprintf(&joined, "%s%s%s", given ? given : "", given && family ? " " : "",
			     family ? family : "") < 0) {
			joined = NULL; /* undefined after a failure */
			return -ENOMEM;
		}
		text = joined;
	}
	*ret = text_clean(text, ":,", FIELD_MAX_BYTES);
	return *ret ? 0 : -ENOMEM;
}

/* The value of the first attribute that goes to this field of GECOS; owned, NULL if there is none. */
static int gecos_field(const struct conf *conf, struct json_object *resource, const char *field,
		       char **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < conf->attribute_count; i++) {
		const struct conf_attribute *attribute = &conf->attributes[i];
		_cleanup_free_ char *value = NULL;
		int r;

		if (!attribute->gecos || strcmp(attribute->gecos, field) != 0)
			continue;
		r = resource_value(RESOURCE_USER, resource, attribute->source, &value);
		if (r == -ENOENT || r == -EINVAL)
			continue;
		if (r < 0)
			return r;
		*ret = text_clean(value, ":,", GECOS_FIELD_MAX_BYTES);
		return *ret ? 0 : -ENOMEM;
	}
	return 0;
}

/* "Full Name,room,work phone,home phone,other", without empty fields at the end; a field that makes it
 * too long is left out. */
static int gecos_make(const struct conf *conf, struct json_object *resource, char **ret)
{
	static const char *const fields[] = { "room", "work_phone", "home_phone", "other" };
	char text[FIELD_MAX_BYTES + 1];
	_cleanup_free_ char *name = NULL;
	size_t size, commas = 0;
	int r = full_name_make(resource, &name);

	if (r < 0)
		return r;
	size = (size_t)snprintf(text, sizeof(text), "%s", name);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		_cleanup_free_ char *value = NULL;

		commas++;
		r = gecos_field(conf, resource, fields[i], &value);
		if (r < 0)
			return r;
		if (!value || !*value || size + commas + strlen(value) > FIELD_MAX_BYTES)
			continue;
		size += (size_t)snprintf(text + size, sizeof(text) - size, "%.*s%s", (int)commas,
					 ",,,,", value);
		commas = 0;
	}
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int shell_make(const struct conf *conf, struct json_object *resource, const char *role_shell,
		      char **ret)
{
	const char *shell = string_usable(json_get(resource, URN_POSIX_USER), "loginShell");

	if (role_shell)
		shell = role_shell;
	else if (!shell || !path_is_valid(shell, strlen(shell)))
		shell = conf->identity.shell;
	*ret = strdup(shell);
	return *ret ? 0 : -ENOMEM;
}

/* --- access --- */

static bool is_active(struct json_object *resource)
{
	struct json_object *active = json_get(resource, "active");

	/* Anything but true keeps out, should it ever get here. */
	return !active ||
	       (json_object_is_type(active, json_type_boolean) && json_object_get_boolean(active));
}

/* Why the person may not be here, owned; "" if they may. */
static int reason_find(const struct conf *conf, struct json_object *resource,
		       const struct policy_group *groups, size_t group_count, char **ret)
{
	_cleanup_free_ char *sentence = NULL;
	const char *reason = "";
	size_t index = 0;
	int denied, admitted;

	denied = match_groups(conf->access.deny_groups, groups, group_count, &index);
	if (denied > 0 && asprintf(&sentence, "in the denied group %s", groups[index].name) < 0) {
		sentence = NULL; /* undefined after a failure */
		denied = -ENOMEM;
	}
	admitted = match_groups(conf->access.allow_groups, groups, group_count, &index);
	if (denied < 0 || admitted < 0)
		return -ENOMEM;
	if (!is_active(resource))
		reason = "deactivated by the identity provider";
	else if (denied)
		reason = sentence;
	else if (conf->access.allow_groups[0] && !admitted)
		reason = "in none of the allowed groups";
	*ret = text_clean(reason, ":", FIELD_MAX_BYTES);
	return *ret ? 0 : -ENOMEM;
}

/* The names of the matching roles, in the configuration's order, and the shell of the first which
 * has one (borrowed, or NULL). Nobody who may not be here has a role. */
static int roles_find(const struct conf *conf, const struct policy_group *groups,
		      size_t group_count, struct identity *identity, const char **ret_shell)
{
	_cleanup_(text_list_done) struct text_list roles = { NULL };
	const char *shell = NULL;
	int r = text_list_new(ROLES_MAX_BYTES, &roles);

	for (size_t i = 0; r >= 0 && i < conf->role_count; i++) {
		const struct conf_role *role = &conf->roles[i];
		size_t index;

		r = match_groups(role->groups, groups, group_count, &index);
		if (r <= 0)
			continue;
		if (!shell)
			shell = role->shell;
		if (identity->allowed)
			r = text_list_add(&roles, strdup(role->name));
	}
	if (r < 0)
		return r;
	identity->roles = TAKE_PTR(roles.items);
	*ret_shell = shell;
	return 0;
}

/* --- what a session gets --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A key pasted into a form often brings the end of its line along. In place. */
static const char *trim(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && is_blank(text[len - 1]))
		text[--len] = '\0';
	while (is_blank(*text))
		text++;
	return text;
}

/* Where a person's keys come from, and where those go that are none. */
struct keys {
	const struct conf *conf;
	struct json_object *resource;
	struct text_list lines, ignored;
	bool later; /* a certificate is not valid yet */
};

static int ignored_add(struct keys *keys, const char *what, size_t index, const char *why)
{
	char *text;

	if (asprintf(&text, "%s[%zu] is ignored: %s", what, index, why) < 0)
		return -ENOMEM;
	return text_list_add(&keys->ignored, text);
}

static int ssh_keys_find(struct keys *keys)
{
	_cleanup_(string_list_freep) char **sent = NULL;
	int r = resource_values(RESOURCE_USER, keys->resource, URN_POSIX_USER ":sshPublicKeys", &sent);

	for (size_t i = 0; r == 0 && sent[i]; i++) {
		const char *key = trim(sent[i]);

		if (policy_key_is_allowed(key, keys->conf->identity.key_options))
			r = text_list_add(&keys->lines, strdup(key));
		else
			r = ignored_add(keys, "sshPublicKeys", i,
					"it is no SSH public key of a known type, or has options that "
					"key_options does not allow");
	}
	return r;
}

static int certificate_keys_find(struct keys *keys)
{
	_cleanup_(string_list_freep) char **sent = NULL;
	int r = resource_values(RESOURCE_USER, keys->resource, "x509Certificates.value", &sent);

	for (size_t i = 0; r == 0 && sent[i]; i++) {
		char why[CERTIFICATE_WHY_SIZE], *line = NULL;

		r = certificate_key(sent[i], clock_now_us() / 1000000, &line, why);
		if (r == 0)
			r = text_list_add(&keys->lines, line);
		else if (r == -EINVAL || r == -EAGAIN) {
			keys->later |= r == -EAGAIN;
			r = ignored_add(keys, "x509Certificates", i, why);
		}
	}
	return r;
}

static int keys_find(const struct conf *conf, struct json_object *resource,
		     struct identity *identity)
{
	struct keys keys = { .conf = conf, .resource = resource };
	int r = text_list_new(KEYS_MAX_BYTES, &keys.lines);

	if (r == 0)
		r = text_list_new(IGNORED_MAX_BYTES, &keys.ignored);
	if (r == 0 && identity->allowed && json_get(resource, URN_POSIX_USER))
		r = ssh_keys_find(&keys);
	if (r == 0 && identity->allowed && conf->identity.certificate_keys)
		r = certificate_keys_find(&keys);
	if (r == 0) {
		identity->keys = TAKE_PTR(keys.lines.items);
		identity->ignored = TAKE_PTR(keys.ignored.items);
		identity->unsettled = keys.later;
	}
	text_list_done(&keys.lines);
	text_list_done(&keys.ignored);
	return r;
}

/* Variables that shells, the loader or login obey. conf refuses them too; what comes from outside
 * must not reach them whatever the configuration lets through. */
static bool env_is_refused(const char *name)
{
	static const char *const refused[] = { "PATH", "IFS",	  "HOME", "SHELL",
					       "USER", "LOGNAME", "ENV",  "BASH_ENV" };

	if (strncmp(name, "LD_", 3) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (strcmp(name, refused[i]) == 0)
			return true;
	return false;
}

/* "NAME=value" into the list; a person who lacks the attribute lacks the variable. */
static int env_add(struct text_list *env, const struct conf_attribute *attribute,
		   struct json_object *resource)
{
	_cleanup_free_ char *value = NULL, *clean = NULL;
	char *line;
	int r = resource_value(RESOURCE_USER, resource, attribute->source, &value);

	if (r == -ENOENT || r == -EINVAL)
		return 0;
	if (r < 0)
		return r;
	clean = text_clean(value, "", ENV_VALUE_MAX_BYTES);
	if (!clean || asprintf(&line, "%s=%s", attribute->env, clean) < 0)
		return -ENOMEM;
	return text_list_add(env, line);
}

static int env_find(const struct conf *conf, struct json_object *resource,
		    struct identity *identity)
{
	_cleanup_(text_list_done) struct text_list env = { NULL };
	int r = text_list_new(ENV_MAX_BYTES, &env);

	for (size_t i = 0; r == 0 && identity->allowed && i < conf->attribute_count; i++) {
		const struct conf_attribute *attribute = &conf->attributes[i];

		if (attribute->env && !env_is_refused(attribute->env))
			r = env_add(&env, attribute, resource);
	}
	if (r == 0)
		identity->env = TAKE_PTR(env.items);
	return r;
}

/* --- all of it --- */

int policy_user(const struct conf *conf, struct json_object *resource,
		const struct policy_group *groups, size_t group_count, struct identity *ret,
		struct fault *fault)
{
	_cleanup_(identity_done) struct identity identity = { .allowed = false };
	const char *role_shell = NULL;
	int r;

	r = user_name_make(conf, resource, identity.name, fault);
	if (r == 0)
		r = gecos_make(conf, resource, &identity.gecos);
	if (r == 0)
		r = home_make(conf, resource, identity.name, &identity.home, fault);
	if (r == 0)
		r = reason_find(conf, resource, groups, group_count, &identity.reason);
	identity.allowed = r == 0 && identity.reason[0] == '\0';
	if (r == 0)
		r = roles_find(conf, groups, group_count, &identity, &role_shell);
	if (r == 0)
		r = shell_make(conf, resource, role_shell, &identity.shell);
	if (r == 0)
		r = keys_find(conf, resource, &identity);
	if (r == 0)
		r = env_find(conf, resource, &identity);
	if (r < 0)
		return r;
	identity.wanted_uid = number_read(json_get(resource, URN_POSIX_USER), "uidNumber");
	*ret = identity;
	identity = (struct identity){ .allowed = false }; /* it is the caller's now */
	return 0;
}

void identity_done(struct identity *identity)
{
	free(identity->gecos);
	free(identity->home);
	free(identity->shell);
	free(identity->reason);
	string_list_freep(&identity->roles);
	string_list_freep(&identity->keys);
	string_list_freep(&identity->ignored);
	string_list_freep(&identity->env);
	*identity = (struct identity){ .allowed = false };
}
