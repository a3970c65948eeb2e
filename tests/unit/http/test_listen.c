#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tests/unit/http/harness.h"
#include "tests/unit/t.h"

static const struct {
	const char *address;
	int listens; /* 1, or the errno; 0: depends on the host */
	int loopback;
} addresses[] = {
	{ "127.0.0.1:0", 1, 1 },
	{ "127.8.9.10:0", 1, 1 },
	{ "0.0.0.0:0", 1, 0 },
	{ "[::ffff:127.0.0.1]:0", 0, 1 },
	{ "[::1]:0", 0, 1 },
	{ "[::]:0", 0, 0 },
	{ "192.0.2.1:8643", 0, 0 },
	{ "[::ffff:192.0.2.1]:8643", 0, 0 },
	{ "", EINVAL, 0 },
	{ "127.0.0.1", EINVAL, 0 },
	{ "127.0.0.1:", EINVAL, 0 },
	{ ":8643", EINVAL, 0 },
	{ "127.0.0.1:65536", EINVAL, 0 },
	{ "127.0.0.1:+1", EINVAL, 0 },
	{ "127.0.0.1:08", EINVAL, 0 },
	{ "127.0.0.1:8643x", EINVAL, 0 },
	{ "127.1:8643", EINVAL, 0 },
	{ "localhost:8643", EINVAL, 0 },
	{ "::1:8643", EINVAL, 0 },
	{ "[::1]8643", EINVAL, 0 },
	{ "[::1:8643", EINVAL, 0 },
	{ "[127.0.0.1]:8643", EINVAL, 0 },
	{ "[]:8643", EINVAL, 0 },
	{ "[:8643", EINVAL, 0 },
};

static void test_addresses(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		T_INT(http_address_is_loopback(addresses[i].address), addresses[i].loopback);
		if (addresses[i].listens == 1) {
			_cleanup_close_ int fd = http_listen_tcp(addresses[i].address);

			T_TRUE(fd >= 0);
			T_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
		} else if (addresses[i].listens > 1) {
			T_INT(http_listen_tcp(addresses[i].address), -addresses[i].listens);
		}
	}
}

static void test_address_in_use(void)
{
	_cleanup_close_ int first = http_listen_tcp("127.0.0.1:0");
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	char text[32];

	T_FATAL(getsockname(first, (struct sockaddr *)&address, &length) == 0);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", (unsigned int)ntohs(address.sin_port));
	T_INT(http_listen_tcp(text), -EADDRINUSE);
}

static void test_unix_sockets(void)
{
	_cleanup_close_ int first = -1, second = -1;
	char directory[] = "/tmp/scimd-listen-XXXXXX", path[64], file[64], link[64], long_path[200];
	struct stat before, after;

	T_FATAL(mkdtemp(directory) != NULL);
	(void)snprintf(path, sizeof(path), "%s/socket", directory);
	(void)umask(0);
	first = http_listen_unix(path, 0660);
	T_FATAL(first >= 0 && stat(path, &before) == 0);
	T_INT(before.st_mode, S_IFSOCK | 0660);
	(void)umask(0077);
	second = http_listen_unix(path, 0666); /* the old one is replaced, alive or not */
	(void)umask(0022);
	T_FATAL(second >= 0 && stat(path, &after) == 0);
	T_INT(after.st_mode, S_IFSOCK | 0666);
	T_TRUE(before.st_ino != after.st_ino);

	(void)snprintf(file, sizeof(file), "%s/file", directory);
	T_FATAL(close(open(file, O_CREAT | O_WRONLY, 0600)) == 0);
	T_INT(http_listen_unix(file, 0600), -EEXIST);
	(void)snprintf(link, sizeof(link), "%s/link", directory);
	T_FATAL(symlink(path, link) == 0);
	T_INT(http_listen_unix(link, 0600), -EEXIST);
	T_TRUE(lstat(link, &after) == 0 && S_ISLNK(after.st_mode));
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	T_INT(http_listen_unix(long_path, 0600), -ENAMETOOLONG);
	T_INT(http_listen_unix("/nonexistent/socket", 0600), -ENOENT);

	(void)unlink(path);
	(void)unlink(file);
	(void)unlink(link);
	(void)rmdir(directory);
}

T_MAIN("http listen", T(test_addresses), T(test_address_in_use), T(test_unix_sockets))
