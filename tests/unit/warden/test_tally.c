/* What a warden leaves to the next one. */
#include "scimd/warden/tally.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scimd/base/clock.h"
#include "tests/unit/t.h"

static char path[64];

struct told {
	size_t count;
	int first, last;
	char comm[33];
};

static void tell(void *context, const struct reap_item *item, uint64_t noted_us)
{
	struct told *told = context;

	T_TRUE(noted_us > 0);
	if (told->count++ == 0)
		told->first = item->pid;
	told->last = item->pid;
	memcpy(told->comm, item->comm, sizeof(told->comm));
}

static struct told told_of(const struct tally *tally, uint32_t uid)
{
	struct told told = { 0 };

	tally_each(tally, uid, 0, tell, &told);
	return told;
}

static struct tally *tally_make(void)
{
	struct tally *tally = NULL;

	T_FATAL(tally_open(path, &tally) == 0);
	return tally;
}

static void note(struct tally *tally, uint32_t uid, int pid)
{
	struct reap_item item = { .pid = pid, .uid = uid, .found = WARDEN_FOUND_UID,
				  .started_us = 7, .comm = "sleep" };

	tally_note(tally, uid, &item);
}

static void path_make(void)
{
	snprintf(path, sizeof(path), "/tmp/scimd-tally-%d", (int)getpid());
	(void)unlink(path);
}

static void test_outlives_its_writer(void)
{
	struct tally *tally;
	struct told told;
	struct stat st;

	path_make();
	tally = tally_make();
	T_TRUE(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	T_INT(told_of(tally, 70001).count, 0);
	note(tally, 70001, 11);
	note(tally, 70002, 12);
	note(tally, 70001, 13);
	tally_freep(&tally);
	tally = tally_make();
	told = told_of(tally, 70001);
	T_INT(told.count, 2);
	T_INT(told.first, 11);
	T_INT(told.last, 13);
	T_STR(told.comm, "sleep");
	note(tally, 70001, 14); /* goes behind them */
	T_INT(told_of(tally, 70001).last, 14);
	T_INT(told_of(tally, 70002).count, 1);
	tally_freep(&tally);
	unlink(path);
}

/* Let in and out again: what was ended before is another story. */
static void test_since(void)
{
	struct tally *tally;
	struct told told = { 0 };
	uint64_t between_us;

	path_make();
	tally = tally_make();
	note(tally, 70001, 11);
	note(tally, 70002, 12);
	usleep(2000);
	between_us = clock_now_us();
	note(tally, 70001, 15);
	tally_each(tally, 70001, between_us, tell, &told);
	T_INT(told.count, 1);
	T_INT(told.first, 15);
	T_INT(told_of(tally, 70001).count, 2);
	tally_freep(&tally);
	unlink(path);
}

static void test_is_a_ring(void)
{
	struct tally *tally;
	struct stat st;

	path_make();
	tally = tally_make();
	for (int i = 1; i <= (int)TALLY_RECORDS + 100; i++)
		note(tally, 70001, i);
	T_INT(told_of(tally, 70001).count, TALLY_RECORDS);
	T_INT(told_of(tally, 70001).first, 101);
	tally_freep(&tally);
	tally = tally_make();
	note(tally, 70001, 1);
	T_INT(told_of(tally, 70001).count, TALLY_RECORDS);
	T_INT(told_of(tally, 70001).first, 102);
	T_INT(told_of(tally, 70001).last, 1);
	T_TRUE(stat(path, &st) == 0 && st.st_size == TALLY_RECORDS * 128);
	tally_freep(&tally);
	unlink(path);
}

/* Cut short, full of noise, or not ours. */
static void test_damage(void)
{
	struct tally *tally = NULL;
	unsigned char noise[4096];
	int fd;

	path_make();
	tally = tally_make();
	note(tally, 70001, 11);
	note(tally, 70001, 12);
	tally_freep(&tally);
	T_OK(truncate(path, 128 * 2 + 50)); /* the second record, at 128 * 2, is cut */
	tally = tally_make();
	T_INT(told_of(tally, 70001).count, 1);
	tally_freep(&tally);
	memset(noise, 0xa5, sizeof(noise));
	fd = open(path, O_WRONLY | O_TRUNC);
	T_INT(write(fd, noise, sizeof(noise)), sizeof(noise));
	close(fd);
	tally = tally_make();
	T_INT(told_of(tally, 70001).count, 0);
	note(tally, 70001, 11);
	T_INT(told_of(tally, 70001).count, 1);
	tally_freep(&tally);
	T_OK(chmod(path, 0644));
	T_INT(tally_open(path, &tally), -EPERM);
	unlink(path);
	T_OK(symlink("/etc/hostname", path));
	T_TRUE(tally_open(path, &tally) < 0);
	unlink(path);
}

T_MAIN("warden/tally",
       T(test_outlives_its_writer),
       T(test_since),
       T(test_is_a_ring),
       T(test_damage))
