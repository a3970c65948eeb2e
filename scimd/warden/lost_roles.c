#include "scimd/warden/lost_roles.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A power of two, so that none crosses a page: what kill -9 cuts, it cuts between records. */
struct record {
	uint64_t number; /* from 1; 0: never written */
	uint64_t noted_us;
	uint32_t uid, gid;
	uint64_t unused;
};
_Static_assert(sizeof(struct record) == 32, "record");

struct lost_roles {
	int fd;
	uint64_t number; /* of the last record */
};

static bool record_read(const struct lost_roles *lost, uint64_t slot, struct record *ret)
{
	return pread(lost->fd, ret, sizeof(*ret), (off_t)(slot * sizeof(*ret))) ==
		       (ssize_t)sizeof(*ret) &&
	       ret->number % LOST_ROLES_RECORDS == slot && ret->number != 0;
}

int lost_roles_open(const char *path, struct lost_roles **ret)
{
	_cleanup_(lost_roles_freep) struct lost_roles *lost = calloc(1, sizeof(*lost));
	struct record record;
	struct stat st;

	if (!lost)
		return -ENOMEM;
	lost->fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lost->fd < 0 || fstat(lost->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
		return -EPERM;
	for (uint64_t slot = 0; slot < LOST_ROLES_RECORDS; slot++)
		if (record_read(lost, slot, &record) && record.number > lost->number)
			lost->number = record.number;
	*ret = TAKE_PTR(lost);
	return 0;
}

void lost_roles_freep(struct lost_roles **lost)
{
	if (!*lost)
		return;
	closep(&(*lost)->fd);
	free(*lost);
	*lost = NULL;
}

void lost_roles_note(struct lost_roles *lost, uint32_t uid, uint32_t gid, uint64_t now_us)
{
	struct record record = { .number = lost->number + 1, .noted_us = now_us, .uid = uid,
				 .gid = gid };
	off_t at = (off_t)(record.number % LOST_ROLES_RECORDS * sizeof(record));

	if (pwrite(lost->fd, &record, sizeof(record), at) == (ssize_t)sizeof(record))
		lost->number++;
}

void lost_roles_each(const struct lost_roles *lost, uint64_t since_us, lost_roles_fn each,
		     void *context)
{
	struct record record;

	for (uint64_t slot = 0; slot < LOST_ROLES_RECORDS; slot++)
		if (record_read(lost, slot, &record) && record.noted_us >= since_us)
			each(context, record.uid, record.gid);
}
