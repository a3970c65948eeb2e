#include "shared/local_user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>

#define OTHER_LINE ((size_t)-1)

/* libc passes over those before a name. */
static bool is_blank(char byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* Feeds bytes; *at is how much of the name this line has matched. True at "NAME:". */
static bool match(const char *bytes, size_t size, const char *name, size_t name_size, size_t *at)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '\n')
			*at = 0;
		else if (*at == OTHER_LINE)
			continue;
		else if (*at == name_size && bytes[i] == ':')
			return true;
		else if (*at < name_size && bytes[i] == name[*at])
			(*at)++;
		else if (*at != 0 || !is_blank(bytes[i]))
			*at = OTHER_LINE;
	}
	return false;
}

static int scan(int fd, const char *name, size_t name_size)
{
	char bytes[4096];
	size_t at = 0;
	ssize_t n;

	for (;;) {
		n = read(fd, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if (match(bytes, (size_t)n, name, name_size, &at))
			return 1;
	}
}

int local_has_user(const char *name, size_t name_size)
{
	int saved = errno, r;
	_cleanup_close_ int fd = open(LOCAL_PASSWD_FILE, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		r = errno == ENOENT ? 0 : -errno;
	else
		r = scan(fd, name, name_size);
	errno = saved;
	return r;
}
