/* directory_map.h - opening and mapping a directory file. Layer: shared, for directory*.c alone. */
#ifndef SHARED_DIRECTORY_MAP_H
#define SHARED_DIRECTORY_MAP_H

#include <sys/stat.h>

#include "shared/directory.h"

/* Who a mapped file is, to notice that the name means another one now. */
struct directory_file_id {
	dev_t device;
	ino_t inode;
	off_t size;
};

struct directory_mapping {
	const unsigned char *base;
	size_t size;
	struct directory_geometry geometry;
	struct directory_file_id id;
};

/* Open folder/name, refuse what is not root's or not of this format, map it read-only. */
_must_use_ int directory_mapping_open(const char *folder, const char *name, const char *magic,
				      struct directory_mapping *ret);
void directory_mapping_close(const unsigned char *base, size_t size);

/* Whether folder/name is still that file. */
bool directory_mapping_is_current(const char *folder, const char *name,
				  const struct directory_file_id *id);

#endif
