/* conf_file.h - a file that root wrote for us, read whole. Layer: shared, libc only. Threads: any. */
#ifndef SHARED_CONF_FILE_H
#define SHARED_CONF_FILE_H

#include <stddef.h>

#include "shared/attrs.h"

/* The file as an owned buffer with room for one byte more (its size is in ret_size; no NUL is added):
 * 0, or -errno (-EISDIR for what is no regular file, -EFBIG beyond `most` bytes). */
_must_use_ int conf_file_read(const char *path, size_t most, char **ret, size_t *ret_size);

#endif
