#include "shared/conf.h"

#include <string.h>

/* Names that login programs, shells, loaders or interpreters obey. A final '*' stands for the
 * rest. */
static const char *const steering_names[] = {
	"BASH*", "CDPATH", "COMP_WORDBREAKS", "DBUS_*", "ENV", "EDITOR", "FPATH", "GCONV_PATH",
	"GETCONF_DIR", "GIT_*", "GLIBC_*", "HOME", "HOSTALIASES", "IFS", "JAVA_*", "KRB5*",
	"LD_*", "LESS*", "LIBRARY_PATH", "LOCALDOMAIN", "LOCPATH", "LOGNAME", "MAIL*", "MALLOC_*",
	"MANPAGER", "NIS_PATH", "NLSPATH", "NODE_*", "PAGER", "PATH", "PERL*", "PROMPT_COMMAND",
	"PS0", "PS1", "PS2", "PS4", "PWD", "PYTHON*", "RESOLV_HOST_CONF", "RES_OPTIONS", "RUBY*",
	"SHELL", "SHELLOPTS", "SSH_*", "SSL_*", "SUDO_*", "SYSTEMD_*", "TERMCAP", "TERMINFO*",
	"TERMPATH", "TMPDIR", "TZ", "TZDIR", "USER", "USERNAME", "VISUAL", "XDG_*", "ZDOTDIR",
};

static bool is_steering(const char *name, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(steering_names); i++) {
		const char *known = steering_names[i];
		size_t known_size = strlen(known);

		if (known[known_size - 1] == '*') {
			if (size >= known_size - 1 && memcmp(name, known, known_size - 1) == 0)
				return true;
		} else if (size == known_size && memcmp(name, known, size) == 0) {
			return true;
		}
	}
	return false;
}

bool conf_env_is_good(const char *name, size_t size)
{
	if (size == 0 || (name[0] >= '0' && name[0] <= '9'))
		return false;
	for (size_t i = 0; i < size; i++)
		if (!(name[i] >= 'A' && name[i] <= 'Z') && !(name[i] >= '0' && name[i] <= '9') &&
		    name[i] != '_')
			return false;
	return !is_steering(name, size);
}
