#include "scimd/policy/home.h"

#include <stdio.h>
#include <string.h>

#include "scimd/model/json.h"

#define UID_DIGITS_MAX 10u

/* Of text with its template signs as they are: each percent sign doubled. */
static char *template_quote(const char *text)
{
	char *quoted = malloc(2 * strlen(text) + 1), *out = quoted;

	if (!quoted)
		return NULL;
	for (; *text; text++) {
		if (*text == '%')
			*out++ = '%';
		*out++ = *text;
	}
	*out = '\0';
	return quoted;
}

/* Replace %u by the name, %U by the number and %% by a percent sign; without a number (NULL) the
 * latter two stay as they are, and without a name %u does. */
static char *template_fill(const char *text, const char *name, const char *number)
{
	size_t longest = strlen(name ? name : "") + UID_DIGITS_MAX;
	char *filled = malloc(strlen(text) * longest + 1), *out = filled;

	if (!filled)
		return NULL;
	for (; *text; text++) {
		const char *value = NULL;

		if (*text == '%' && text[1] == 'u')
			value = name;
		else if (*text == '%' && text[1] == 'U')
			value = number;
		else if (*text == '%' && text[1] == '%')
			value = number ? "%" : "%%";
		if (value) {
			out = stpcpy(out, value);
			text++;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
	return filled;
}

/* Whether it is a path of allowed length with every uid. */
static int template_check(const char *home)
{
	_cleanup_free_ char *path = template_fill(home, NULL, "4294967295");

	if (!path)
		return -ENOMEM;
	return path_is_valid(path, strlen(path)) ? 0 : -EINVAL;
}

int home_make(const struct conf *conf, struct json_object *resource, const char *name, char **ret,
	      struct fault *fault)
{
	const char *sent = json_get_string(json_get(resource, URN_POSIX_USER), "homeDirectory");
	_cleanup_free_ char *home = NULL;
	int r;

	if (sent && *sent)
		home = template_quote(sent);
	else
		home = template_fill(conf->identity.home, name, NULL);
	if (!home)
		return -ENOMEM;
	r = template_check(home);
	if (r == -EINVAL)
		return fault_set(fault, 400, "invalidValue",
				 "The home directory \"%.128s\" (%s) is not usable: it must be an "
				 "absolute path of at most %u bytes without . and .. components, "
				 "':' or control characters",
				 sent && *sent ? sent : home,
				 sent && *sent ? "homeDirectory" : "[identity] home",
				 FIELD_MAX_BYTES);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(home);
	return 0;
}

int identity_set_uid(struct identity *identity, uint32_t uid)
{
	char number[UID_DIGITS_MAX + 1];
	char *home;

	if (identity->home_is_path)
		return 0;
	(void)snprintf(number, sizeof(number), "%u", uid);
	home = template_fill(identity->home, NULL, number);
	if (!home)
		return -ENOMEM;
	free(identity->home);
	identity->home = home;
	identity->home_is_path = true;
	return 0;
}
