#include "scimd/base/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/attrs.h"

/* The address in $NOTIFY_SOCKET: a path, or '@' for the abstract name space. Returns its length, 0
 * if there is none. */
static socklen_t notify_address(struct sockaddr_un *ret)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;

	if (length < 2 || length >= sizeof(ret->sun_path) || (path[0] != '/' && path[0] != '@'))
		return 0;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, path, length);
	if (path[0] == '@')
		ret->sun_path[0] = '\0';
	/* An abstract name has no terminator: its length is all there is. */
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (path[0] == '/'));
}

void notify_send(const char *state)
{
	struct sockaddr_un address;
	socklen_t length = notify_address(&address);
	_cleanup_close_ int fd = -1;

	if (length == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL,
			     (const struct sockaddr *)&address, length);
}

/* A whole decimal number from the environment; 0 if there is none. */
static uint64_t notify_number(const char *name)
{
	const char *text = getenv(name);
	char *end;
	unsigned long long value;

	if (!text || *text < '0' || *text > '9')
		return 0;
	errno = 0;
	value = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' ? value : 0;
}

uint64_t notify_watchdog_ms(void)
{
	uint64_t period_us = notify_number("WATCHDOG_USEC");

	/* WATCHDOG_PID names the process which is meant: a child of it inherits the variables. */
	if (getenv("WATCHDOG_PID") && notify_number("WATCHDOG_PID") != (uint64_t)getpid())
		return 0;
	return period_us / 2000u;
}
