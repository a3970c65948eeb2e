/* directory_open.h - opening the directory's file: what directory_open.c and directory_map.c share.
 * Layer: shared, private to directory*.c. Rules as in directory.h. */
#ifndef SHARED_DIRECTORY_OPEN_H
#define SHARED_DIRECTORY_OPEN_H

#include <sys/stat.h>

#include "shared/directory.h"

/* An open file whose header is right. fd is the owner's to close. */
struct directory_opened {
	int fd;
	struct stat st;
	struct directory_header header;
	struct directory_geometry geometry;
};

_must_use_ int directory_file_look(const char *folder, const char *name, const char *magic,
				   struct directory_opened *ret);

/* A view that reads the file; takes opened->fd. */
_must_use_ int directory_view_of_file(struct directory_opened *opened, struct directory_view *ret);

/* Let go of such a view. Keeps errno. */
void directory_view_close(struct directory_view *view);

#endif
