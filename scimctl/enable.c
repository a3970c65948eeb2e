/* scimctl enable, disable - this host's use of the people: lookups, logins, SSH keys. The packages do
 * the same when they are installed and removed, by the same programs. Whatever shuts root out is taken
 * back at once. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "scimctl/doctor.h"

#define NSSWITCH "/usr/libexec/scim-nsswitch "
#define SSHD_KEYS "/usr/libexec/scim-sshd "
#define PAM_STACK "/usr/libexec/scim-pam "
#define PAM_FILES "auth account password session session-noninteractive"

/* Commands of ours, run by a shell; is_on and is_sound succeed or not. */
static const struct part {
	const char *name;
	const char *add, *remove;
	const char *is_on;    /* all of it */
	const char *is_sound; /* root can still be */
	const char *hint;     /* when it does not come about */
} parts[] = {
	{ "nss", NSSWITCH "add", NSSWITCH "remove",
	  "test 3 = \"$(grep -csE '^(passwd|group|shadow):.*[[:space:]]scim([[:space:]]|$)' "
	  "/etc/nsswitch.conf)\"",
	  "test 0 = \"$(getent passwd root | cut -d : -f 3)\"", "look at /etc/nsswitch.conf" },
	{ "pam", PAM_STACK "add", PAM_STACK "remove",
	  "for type in " PAM_FILES "; do "
	  "grep -qs '^[^#]*pam_scim\\.so' /etc/pam.d/common-$type || exit; done",
	  "true",
	  "somebody changed /etc/pam.d/common-*: run pam-auth-update, or --force it" },
	{ "ssh", SSHD_KEYS "add", SSHD_KEYS "remove",
	  "test -e /etc/ssh/sshd_config.d/50-scim.conf",
	  "! test -x /usr/sbin/sshd || /usr/sbin/sshd -t", "look at /etc/ssh/sshd_config" },
};

static const char *const root_services[] = { "login", "sshd", "su", "sudo", "cron" };

static bool succeeds(const char *command)
{
	_cleanup_free_ char *text = NULL;

	return doctor_run(command, &text) == 0;
}

/* How many services let root in. */
static unsigned int root_ways(void)
{
	unsigned int ways = 0;

	for (size_t i = 0; i < ARRAY_SIZE(root_services); i++)
		ways += doctor_pam_admits(root_services[i], "root");
	return ways;
}

static int part_change(const struct context *context, const struct part *part, bool on)
{
	unsigned int ways = root_ways();
	bool was = succeeds(part->is_on), done;

	/* Also when it was so: somebody may have been killed on the way here. */
	done = succeeds(on ? part->add : part->remove);
	if (!succeeds(part->is_sound) || root_ways() < ways) {
		(void)succeeds(on ? part->remove : part->add);
		return complain("%s: root would be shut out; everything is as it was", part->name);
	}
	if (!done || succeeds(part->is_on) != on)
		return complain("%s: could not be %s: %s", part->name,
				on ? "enabled" : "disabled", part->hint);
	if (!context->quiet)
		printf("%s: %s%s%s\n", part->name, was == on ? "was " : "",
		       on ? "enabled" : "disabled", was == on ? " already" : "");
	return EXIT_SUCCESS;
}

static bool is_wanted(char **operands, const char *name)
{
	if (!*operands)
		return true;
	for (; *operands; operands++)
		if (strcmp(*operands, name) == 0)
			return true;
	return false;
}

static int operands_check(char **operands)
{
	for (; *operands; operands++) {
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
			known |= strcmp(*operands, parts[i].name) == 0;
		if (!known) {
			complain("%s: the parts are nss, pam and ssh", *operands);
			return EXIT_USAGE;
		}
	}
	return EXIT_SUCCESS;
}

/* On from lookups to keys, off in the other order: nobody logs in who is not known. */
static int host_change(const struct context *context, char **operands, bool on)
{
	int code = operands_check(operands);

	if (code != EXIT_SUCCESS)
		return code;
	if (geteuid() != 0)
		return complain("only root may do this");
	(void)umask(022); /* what is changed, others have to read */
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const struct part *part = &parts[on ? i : ARRAY_SIZE(parts) - 1 - i];
		int one = is_wanted(operands, part->name) ? part_change(context, part, on)
							  : EXIT_SUCCESS;

		code = one == EXIT_SUCCESS ? code : one;
	}
	return code;
}

int host_enable(const struct context *context, char **operands)
{
	return host_change(context, operands, true);
}

int host_disable(const struct context *context, char **operands)
{
	return host_change(context, operands, false);
}
