/* The power is cut at any instant. What was not synced is lost, or was written by then, each sector for
 * itself; what a commit confirmed is there when the file is opened again. */
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "scimd/base/log.h"
#include "tests/unit/warden/directory_model.h"

/* --- a disk with a cache -------------------------------------------------------------------------- */

#define SECTOR 512u
#define PAGE 4096u
#define DISK_MAX (8u << 20)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned char disk[DISK_MAX]; /* what is durable, of the file with this inode */
static ino_t disk_inode;
static size_t disk_size;
static bool fails_now; /* the next write that is to be durable is cut short by the power */
static _Atomic uint64_t later_us;
static unsigned int flushes;

static ino_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* Whatever was written before a sync began is durable when it is over. The real disk is left alone. */
static int sync_all(int fd)
{
	ssize_t size;

	(void)pthread_mutex_lock(&lock);
	size = pread(fd, disk, sizeof(disk), 0);
	T_FATAL(size > 0 && size < (ssize_t)sizeof(disk));
	disk_size = (size_t)size;
	disk_inode = inode_of(fd);
	(void)pthread_mutex_unlock(&lock);
	return 0;
}

int fdatasync(int fd)
{
	flushes += gettid() != getpid();
	return sync_all(fd);
}

int fsync(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? 0 : sync_all(fd);
}

static void range_is_durable(int fd, size_t from, size_t end)
{
	from = from / PAGE * PAGE;
	end = (end + PAGE - 1) / PAGE * PAGE;
	(void)pthread_mutex_lock(&lock);
	if (inode_of(fd) == disk_inode)
		T_TRUE(pread(fd, disk + from, end - from, (off_t)from) > 0);
	(void)pthread_mutex_unlock(&lock);
}

ssize_t pwritev2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
	ssize_t n = syscall(SYS_pwritev2, fd, pieces, count, offset, 0L, flags & ~RWF_DSYNC);

	if (fails_now) {
		fails_now = false;
		errno = EIO;
		return -1;
	}
	if (n > 0 && flags & RWF_DSYNC)
		range_is_durable(fd, (size_t)offset, (size_t)(offset + n));
	return n;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, clock, ret);

	if (clock == CLOCK_MONOTONIC)
		ret->tv_sec += (time_t)(later_us / 1000000);
	return r;
}

/* Of what was written since, none, some or all of the sectors had their turn; the header's as it likes. */
static void disk_lose(const char *path)
{
	static unsigned char now[DISK_MAX];
	int fd = open(path, O_RDWR | O_CLOEXEC), share = rand() % 3;

	T_FATAL(fd >= 0 && pread(fd, now, sizeof(now), 0) == (ssize_t)disk_size);
	for (size_t at = 0; at < disk_size; at += SECTOR)
		if (rand() % 2 < (at == 0 ? 1 : share))
			memcpy(disk + at, now + at, SECTOR);
	T_FATAL(pwrite(fd, disk, disk_size, 0) == (ssize_t)disk_size);
	(void)close(fd);
}

/* false: the file under the name is not the one whose syncs were seen last. */
static bool power_cut(struct directory_writer **writer)
{
	char path[128];
	struct stat st;
	bool same;

	directory_writer_closep(writer);
	sprintf(path, "%s/" DIRECTORY_FILE, folder);
	T_FATAL(stat(path, &st) == 0);
	same = st.st_ino == disk_inode;
	if (same)
		disk_lose(path);
	*writer = writer_open();
	return same;
}

/* --- tests ---------------------------------------------------------------------------------------- */

static uint64_t revision = 1;

static int commit(struct directory_writer *writer)
{
	uint64_t durable, visible;

	return directory_writer_commit(writer, revision++, &durable, &visible);
}

static void changes(struct directory_writer *writer, struct model *model)
{
	for (int n = rand() % 10; n >= 0; n--)
		change_once(writer, model);
}

/* Some of what is to be done; what is done beside may be over then, and nobody has looked yet. */
static void work(struct directory_writer *writer)
{
	for (int n = rand() % 3; n > 0; n--) {
		directory_writer_work(writer, 0);
		for (int i = 0; i < 100 && !directory_writer_is_due(writer) &&
				directory_writer_has_work(writer); i++)
			(void)usleep(20);
	}
}

static void cut_in_commit(struct directory_writer **writer, struct model *model)
{
	static struct model before;
	int r;

	before = *model;
	changes(*writer, model);
	fails_now = true;
	r = commit(*writer); /* 0: it went into another file */
	T_INT(r, fails_now ? 0 : -EIO);
	fails_now = false;
	if (r < 0)
		directory_writer_abort(*writer);
	(void)power_cut(writer);
	if (r < 0 && directory_writer_revision(*writer) != revision - 1)
		*model = before;
	check_all(*writer, model);
}

static void test_power_cut(void)
{
	struct directory_writer *writer = writer_open();
	static struct model model;
	unsigned int cuts = 0;

	log_open("test", LOG_LEVEL_ERROR);
	srand(21);
	T_FATAL(directory_writer_start_over(writer, instance, 10, 2) == 0);
	T_FATAL(commit(writer) == 0);
	flushes = 0;
	for (unsigned int round = 0; round < 3000; round++) {
		changes(writer, &model);
		T_FATAL(commit(writer) == 0);
		later_us += (uint64_t)(rand() % 2) * 1000000;
		work(writer);
		if (rand() % 3 != 0)
			continue;
		if (rand() % 4 == 0)
			cut_in_commit(&writer, &model);
		cuts += power_cut(&writer);
		check_all(writer, &model);
	}
	T_TRUE(cuts > 500);
	T_TRUE(flushes > 200);
	directory_writer_closep(&writer);
}

/* A checkpoint comes with a flush: what was flushed is not gone through again. */
static void test_flush_moves_checkpoint(void)
{
	struct directory_writer *writer = writer_open();
	static struct model model;
	struct directory_header header;
	char path[128];
	int fd;

	sprintf(path, "%s/" DIRECTORY_FILE, folder);
	T_FATAL(directory_writer_start_over(writer, instance, 10, 2) == 0);
	T_FATAL(commit(writer) == 0);
	while (directory_writer_has_work(writer)) /* the one before is given back */
		directory_writer_work(writer, 0);
	T_OK(put_user(writer, &model, 1));
	T_FATAL(commit(writer) == 0);
	T_TRUE(!directory_writer_has_work(writer));
	T_TRUE(directory_writer_next_us(writer) != 0);
	later_us += 1000000;
	while (directory_writer_has_work(writer))
		directory_writer_work(writer, 0);
	T_INT(directory_writer_next_us(writer), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	T_FATAL(fd >= 0 && pread(fd, &header, sizeof(header), 0) == sizeof(header));
	(void)close(fd);
	T_INT(header.revision, revision - 1);
	T_INT(header.heap_used, ((const struct directory_header *)(const void *)
				 directory_writer_view(writer)->base)->heap_used);
	T_OK(unlink(path));
	directory_writer_closep(&writer);
	T_OK(rmdir(folder));
}

T_MAIN("directory_power", T(folder_make), T(test_power_cut), T(test_flush_moves_checkpoint))
