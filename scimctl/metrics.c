#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "scimctl/folder.h"
#include "scimctl/scimctl.h"

/* In place at once: a collector never reads half of it. */
static int file_replace(const char *path, const char *text)
{
	_cleanup_free_ char *new = NULL;
	_cleanup_close_ int fd = -1;
	struct stat there;
	int r;

	if (lstat(path, &there) == 0 && !S_ISREG(there.st_mode))
		return complain("%s: is no regular file", path); /* /dev/null would be one from now on */
	if (asprintf(&new, "%s.XXXXXX", path) < 0) {
		new = NULL; /* undefined after a failure */
		return complain("out of memory");
	}
	fd = mkostemp(new, O_CLOEXEC);
	if (fd < 0)
		return complain("%s: %s", new, strerror(errno));
	r = bytes_write(fd, text, strlen(text));
	if (r == 0 && (fchmod(fd, 0644) < 0 || rename(new, path) < 0))
		r = -errno;
	if (r == 0)
		return EXIT_SUCCESS;
	(void)unlink(new);
	return complain("%s: %s", path, strerror(-r));
}

int metrics_show(const struct context *context, char **operands)
{
	_cleanup_free_ char *text = NULL;
	int code;

	if (operands[0] && operands[1]) {
		complain("metrics takes one file");
		return EXIT_USAGE;
	}
	code = client_get_text(context, "/metrics", &text);
	if (code != EXIT_SUCCESS)
		return code;
	if (operands[0])
		return file_replace(operands[0], text);
	return fputs(text, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
