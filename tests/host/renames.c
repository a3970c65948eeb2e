/* renames.c - preloaded by a test: kills its process group -9 before a rename or an unlink. Not part of the
 * product, which knows nothing of it. Each of them, by any process, adds a byte to /run/renames; the one whose
 * number is in /run/renames-kill is not done, and the group in /run/renames-group ends. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static long number_in(const char *path)
{
	char text[32] = "";
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (syscall(SYS_read, fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	(void)syscall(SYS_close, fd);
	return strtol(text, NULL, 10);
}

static void step(void)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, "/run/renames",
			      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	struct stat file = { .st_size = 0 };

	if (fd < 0 || syscall(SYS_write, fd, ".", 1) != 1 || fstat(fd, &file) < 0)
		return;
	(void)syscall(SYS_close, fd);
	if (file.st_size == number_in("/run/renames-kill"))
		(void)kill((pid_t)-number_in("/run/renames-group"), SIGKILL);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned int flags)
{
	step();
	return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return renameat2(from_fd, from, to_fd, to, 0);
}

int rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlinkat(int fd, const char *path, int flags)
{
	step();
	return (int)syscall(SYS_unlinkat, fd, path, flags);
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}
