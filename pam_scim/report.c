#include "pam_scim/report.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* The socket itself, and no link to another one. */
static int socket_find(const char *path)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat file;

	if (fd < 0 || fstat(fd, &file) < 0)
		return -errno;
	if (!S_ISSOCK(file.st_mode) || file.st_uid == 0)
		return -EPERM;
	return TAKE_FD(fd);
}

/* What the kernel says by itself is the real uid, which is the caller's in su and sudo. */
static void credentials_put(struct msghdr *header)
{
	const struct ucred credentials = { getpid(), geteuid(), getegid() };
	struct cmsghdr *control = CMSG_FIRSTHDR(header);

	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_CREDENTIALS;
	control->cmsg_len = CMSG_LEN(sizeof(credentials));
	memcpy(CMSG_DATA(control), &credentials, sizeof(credentials));
}

int report_send(const char *path, const struct login_report *report)
{
	_cleanup_close_ int place = socket_find(path);
	_cleanup_close_ int fd = -1;
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control = { .bytes = "" };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char text[LOGIN_REPORT_MAX];
	struct iovec part = { text, 0 };
	struct msghdr header = { .msg_name = &address, .msg_namelen = sizeof(address),
				 .msg_iov = &part, .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes) };

	if (place < 0)
		return place;
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", place);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	part.iov_len = login_report_write(report, text);
	credentials_put(&header);
	return sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
