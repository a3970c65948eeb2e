#include "scimd/store/table.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

int store_disk_usage(struct store *store, uint64_t *ret)
{
	int fd = openat(store->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct stat file;
	uint64_t bytes = 0;

	if (!dir) {
		int error = errno;

		if (fd >= 0)
			close(fd);
		return -error;
	}
	while ((entry = readdir(dir)))
		if (fstatat(fd, entry->d_name, &file, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(file.st_mode))
			bytes += (uint64_t)file.st_blocks * 512;
	closedir(dir);
	*ret = bytes;
	return 0;
}
