#include "scimd/warden/tally.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scimd/base/clock.h"

/* A power of two, so that none crosses a page: what kill -9 cuts, it cuts between records. */
struct record {
	uint64_t number; /* from 1; 0: never written */
	uint64_t noted_us;
	uint64_t uid;
	struct reap_item item;
	unsigned char unused[128 - 24 - sizeof(struct reap_item)];
};
_Static_assert(sizeof(struct record) == 128, "record");

struct tally {
	int fd;
	uint64_t number; /* of the last record */
	uint32_t uids[TALLY_RECORDS]; /* whose each record is, so that few are read; 0: none */
};

/* False also for one that kill -9 cut. */
static bool record_read(const struct tally *tally, uint64_t slot, struct record *ret)
{
	return pread(tally->fd, ret, sizeof(*ret), (off_t)(slot * sizeof(*ret))) ==
		       (ssize_t)sizeof(*ret) &&
	       ret->number % TALLY_RECORDS == slot && ret->number != 0;
}

int tally_open(const char *path, struct tally **ret)
{
	_cleanup_(tally_freep) struct tally *tally = calloc(1, sizeof(*tally));
	struct record record;
	struct stat st;

	if (!tally)
		return -ENOMEM;
	tally->fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (tally->fd < 0 || fstat(tally->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
		return -EPERM;
	for (uint64_t slot = 0; slot < TALLY_RECORDS; slot++) {
		if (!record_read(tally, slot, &record))
			continue;
		tally->uids[slot] = (uint32_t)record.uid;
		if (record.number > tally->number)
			tally->number = record.number;
	}
	*ret = TAKE_PTR(tally);
	return 0;
}

void tally_freep(struct tally **tally)
{
	if (!*tally)
		return;
	closep(&(*tally)->fd);
	free(*tally);
	*tally = NULL;
}

void tally_note(struct tally *tally, uint32_t uid, const struct reap_item *item)
{
	struct record record = { .number = tally->number + 1, .noted_us = clock_now_us(),
				 .uid = uid, .item = *item };
	off_t at = (off_t)(record.number % TALLY_RECORDS * sizeof(record));

	if (pwrite(tally->fd, &record, sizeof(record), at) != (ssize_t)sizeof(record))
		return;
	tally->number++;
	tally->uids[record.number % TALLY_RECORDS] = uid;
}

static bool record_is_of(const struct tally *tally, uint64_t number, uint32_t uid, struct record *ret)
{
	return tally->uids[number % TALLY_RECORDS] == uid &&
	       record_read(tally, number % TALLY_RECORDS, ret) && ret->uid == uid;
}

void tally_each(const struct tally *tally, uint32_t uid, uint64_t since_us, tally_fn each,
		void *context)
{
	uint64_t first = tally->number > TALLY_RECORDS ? tally->number - TALLY_RECORDS + 1 : 1;
	struct record record;

	for (uint64_t number = first; number <= tally->number; number++) {
		if (!record_is_of(tally, number, uid, &record) || record.noted_us < since_us)
			continue;
		record.item.comm[sizeof(record.item.comm) - 1] = '\0';
		each(context, &record.item, record.noted_us);
	}
}
