#include "shared/conf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/attrs.h"

int conf_file_read(const char *path, size_t most, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *buffer = NULL;
	struct stat status;
	size_t size = 0;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EISDIR;
	buffer = malloc(most + 1);
	if (!buffer)
		return -ENOMEM;
	while (size <= most) {
		ssize_t n = read(fd, buffer + size, most + 1 - size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		size += n > 0 ? (size_t)n : 0;
	}
	if (size > most)
		return -EFBIG;
	*ret = TAKE_PTR(buffer);
	*ret_size = size;
	return 0;
}
