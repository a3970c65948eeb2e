/* Listening sockets: numeric TCP addresses and paths. */
#include "scimd/http/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 128

/* The text between two pointers as a terminated string. */
static int copy_span(const char *start, const char *end, char *ret, size_t size)
{
	size_t length = (size_t)(end - start);

	if (length == 0 || length >= size)
		return -EINVAL;
	memcpy(ret, start, length);
	ret[length] = '\0';
	return 0;
}

/* "1" to "65535" without sign, spaces or leading zeros; 0 (any free port) is for tests. */
static int port_parse(const char *text, in_port_t *ret)
{
	unsigned int port = 0;

	if (text[0] == '\0' || strlen(text) > 5 || (text[0] == '0' && text[1] != '\0'))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		port = port * 10 + (unsigned int)(*text - '0');
	}
	if (port > 65535)
		return -EINVAL;
	*ret = htons((in_port_t)port);
	return 0;
}

/* "A.B.C.D:PORT" or "[A::B]:PORT", numbers only: what we listen on depends on no resolver. */
static int address_parse(const char *address, struct sockaddr_storage *ret, socklen_t *ret_length)
{
	const char *colon = strrchr(address, ':');
	bool six = address[0] == '[';
	struct sockaddr_storage found = { 0 };
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&found;
	struct sockaddr_in *sin = (struct sockaddr_in *)&found;
	char host[INET6_ADDRSTRLEN];
	in_port_t port;
	int r;

	if (!colon || (six && (colon < address + 2 || colon[-1] != ']')))
		return -EINVAL;
	r = copy_span(address + six, colon - six, host, sizeof(host));
	if (r < 0)
		return r;
	r = port_parse(colon + 1, &port);
	if (r < 0)
		return r;
	found.ss_family = six ? AF_INET6 : AF_INET;
	if (inet_pton(found.ss_family, host,
		      six ? (void *)&sin6->sin6_addr : (void *)&sin->sin_addr) != 1)
		return -EINVAL;
	if (six)
		sin6->sin6_port = port;
	else
		sin->sin_port = port;
	*ret = found;
	*ret_length = six ? sizeof(*sin6) : sizeof(*sin);
	return 0;
}

int http_address_is_loopback(const char *address)
{
	struct sockaddr_storage parsed;
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)&parsed;
	const struct sockaddr_in *sin = (const struct sockaddr_in *)&parsed;
	socklen_t length;

	if (address_parse(address, &parsed, &length) < 0)
		return 0;
	if (parsed.ss_family == AF_INET)
		return (ntohl(sin->sin_addr.s_addr) >> 24) == 127;
	if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr))
		return sin6->sin6_addr.s6_addr[12] == 127;
	return IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr);
}

int http_listen_tcp(const char *address)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_storage parsed;
	socklen_t length;
	int r, on = 1;

	r = address_parse(address, &parsed, &length);
	if (r < 0)
		return r;
	fd = socket(parsed.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* A restart must not wait for the old connections' TIME_WAIT. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&parsed, length) < 0)
		return -errno;
	if (listen(fd, BACKLOG) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* Make room for our socket: an old one goes, anything else stays and is an error. */
static int socket_remove(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	return unlink(path) < 0 ? -errno : 0;
}

int http_listen_unix(const char *path, unsigned int mode)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	size_t length = strlen(path);
	int r;

	if (length == 0 || length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, length);
	r = socket_remove(path);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Linux gives the new file the socket inode's mode less the umask: never wider than asked
	 * for, not even for a moment. The chmod then gives back what the umask took. */
	if (fchmod(fd, mode) < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	if (chmod(path, mode) < 0)
		return -errno;
	if (listen(fd, BACKLOG) < 0)
		return -errno;
	return TAKE_FD(fd);
}
