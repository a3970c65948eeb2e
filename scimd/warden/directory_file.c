#include "scimd/warden/directory_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/shm.h>
#include <sys/stat.h>

#define PAGE_SIZE 4096u

static struct directory_file *file_new(uint64_t size)
{
	struct directory_file *file = calloc(1, sizeof(*file));

	if (file) {
		file->fd = -1;
		file->size = size;
	}
	return file;
}

/* --- memory ------------------------------------------------------------------------------------- */

/* Marked for removal at once: it lives while anybody is attached, and a crash leaves nothing behind. */
static int segment_make(struct directory_file *file, int *ret_id)
{
	int id = shmget(IPC_PRIVATE, file->size, IPC_CREAT | IPC_EXCL | 0644);
	void *base;

	if (id < 0)
		return -errno;
	base = shmat(id, NULL, 0);
	(void)shmctl(id, IPC_RMID, NULL);
	if ((intptr_t)base == -1)
		return -ENOMEM;
	file->base = base;
	file->is_segment = true;
	*ret_id = id;
	return 0;
}

static int memory_make(struct directory_file *file, bool segment, int *ret_id)
{
	void *base;

	*ret_id = -1;
	if (segment)
		return segment_make(file, ret_id);
	base = mmap(NULL, file->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	file->base = base;
	return 0;
}

/* A nonce that no other segment has, in the header that names this one. */
static int segment_name(struct directory_file *file, int id)
{
	struct directory_header *header = directory_file_header(file);

	header->segment_id = id;
	header->superseded = 0;
	memset(header->segment_nonce, 0, sizeof(header->segment_nonce));
	if (!file->is_segment)
		return 0;
	if (getrandom(header->segment_nonce, sizeof(header->segment_nonce), 0) !=
	    sizeof(header->segment_nonce))
		return -EIO;
	return 0;
}

/* The pages that a reader may look at before anything was stored in them exist from the start: it must
 * not be the reader for whom there is no memory. */
static void tables_touch(struct directory_file *file)
{
	volatile unsigned char *base = file->base;

	for (uint64_t at = 0; at < file->view.geometry->heap_offset; at += PAGE_SIZE)
		base[at] = base[at];
}

/* The reader's functions work on a view that points to our memory. */
static void view_set(struct directory_file *file)
{
	const struct directory_header *header = directory_file_header(file);

	file->view = (struct directory_view){ .base = file->base, .size = file->size, .fd = -1,
					      .geometry = &file->view.own };
	memcpy(file->view.own.tables, header->tables, sizeof(header->tables));
	file->view.own.heap_offset = header->heap_offset;
	file->view.own.seed = header->seed;
}

static void tables_count(struct directory_file *file)
{
	for (size_t i = 0; i < DIRECTORY_INDEX_COUNT; i++) {
		const struct directory_table *table = &file->view.geometry->tables[i];
		const uint64_t *slots = (const void *)(file->base + table->offset);

		file->table_used[i] = 0;
		for (uint64_t n = 0; n < UINT64_C(1) << table->log2; n++)
			file->table_used[i] += slots[n] != 0;
	}
}

/* --- writing ------------------------------------------------------------------------------------ */

static int write_at(int fd, const unsigned char *from, uint64_t size, uint64_t offset)
{
	while (size) {
		ssize_t n = pwrite(fd, from, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		from += n;
		size -= (uint64_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

static int write_word(struct directory_file *file, uint64_t offset, uint64_t value)
{
	return write_at(file->fd, (const unsigned char *)&value, sizeof(value), offset);
}

int directory_file_sync_heap(struct directory_file *file)
{
	uint64_t heap = file->view.geometry->heap_offset;
	uint64_t from = directory_file_header(file)->heap_used;
	int r = write_at(file->fd, file->base + heap + from, file->heap_used - from, heap + from);

	return r == 0 && fdatasync(file->fd) < 0 ? -errno : r;
}

int directory_file_write_slots(struct directory_file *file,
			       const struct directory_journal_entry *entries, size_t count,
			       uint64_t revision)
{
	int r = write_word(file, offsetof(struct directory_header, heap_used),
			   file->checkpoint_heap);

	if (r == 0)
		r = write_word(file, offsetof(struct directory_header, revision),
			       file->checkpoint_revision);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = write_word(file, entries[i].offset, entries[i].value);
	file->checkpoint_heap = file->heap_used;
	file->checkpoint_revision = revision;
	return r;
}

/* --- the journal -------------------------------------------------------------------------------- */

static bool record_is_whole(const struct directory_file *file, uint64_t offset)
{
	const struct directory_record *head = (const void *)(file->base + offset);
	uint64_t room = file->size - offset;
	size_t covered;

	if (room < sizeof(*head) || head->size < sizeof(*head) || head->size > room ||
	    head->size % DIRECTORY_UNIT != 0)
		return false;
	covered = head->type == DIRECTORY_RECORD_TABLE ? sizeof(struct directory_table_record)
						       : head->size;
	return covered <= head->size &&
	       directory_checksum((const unsigned char *)head + 8, covered - 8, offset) ==
		       head->checksum;
}

static bool is_slot(const struct directory_file *file, uint64_t offset)
{
	return offset >= DIRECTORY_HEADER_SIZE && offset % sizeof(uint64_t) == 0 &&
	       offset <= file->size - sizeof(uint64_t);
}

/* Set one journal's slots again, in memory and in the file. */
static int journal_apply(struct directory_file *file, const struct directory_journal_record *journal)
{
	const struct directory_journal_entry *entries = (const void *)(journal + 1);
	int r = 0;

	if (sizeof(*journal) + (uint64_t)journal->count * sizeof(*entries) > journal->head.size)
		return -EIO;
	for (uint32_t i = 0; r == 0 && i < journal->count; i++) {
		if (!is_slot(file, entries[i].offset))
			return -EIO;
		memcpy(file->base + entries[i].offset, &entries[i].value, sizeof(uint64_t));
		r = write_word(file, entries[i].offset, entries[i].value);
	}
	return r;
}

/* From the checkpoint on. The file's header is brought forward only after a sync. */
static int journal_replay(struct directory_file *file)
{
	struct directory_header *header = directory_file_header(file);
	uint64_t offset = header->heap_offset + header->heap_used;
	int r = 0;

	if (offset > file->size || offset % DIRECTORY_UNIT != 0)
		return -EIO;
	while (r == 0 && record_is_whole(file, offset)) {
		const struct directory_journal_record *journal = (const void *)(file->base + offset);

		offset += journal->head.size;
		if (journal->head.type != DIRECTORY_RECORD_JOURNAL ||
		    journal->head.size < sizeof(*journal) || journal->revision <= header->revision)
			continue;
		r = journal_apply(file, journal);
		header->revision = journal->revision;
		header->heap_used = offset - header->heap_offset;
	}
	if (r == 0 && fdatasync(file->fd) < 0)
		r = -errno;
	file->checkpoint_heap = header->heap_used;
	file->checkpoint_revision = header->revision;
	return r;
}

/* --- opening ------------------------------------------------------------------------------------ */

static int read_whole(int fd, unsigned char *into, uint64_t size)
{
	uint64_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, into + done, size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (uint64_t)n;
	}
	return 0;
}

/* The segment of the warden before us may still serve; our content is the same, so who is attached to
 * it loses nothing by looking again. */
static void supersede_previous(const struct directory_header *previous)
{
	const unsigned char *found = directory_segment_attach(previous);
	struct directory_header *segment;

	if (!found)
		return;
	directory_segment_detach(found);
	segment = shmat(previous->segment_id, NULL, 0);
	if ((intptr_t)segment == -1)
		return;
	__atomic_store_n(&segment->superseded, 1, __ATOMIC_RELEASE);
	(void)shmdt(segment); /* our own address: cannot fail */
}

/* What any reader would refuse is refused here too. */
static int file_verify(struct directory_file *file, const struct directory_writer_options *options)
{
	struct directory_geometry geometry;
	struct directory_view view;
	uint64_t where;
	int r = directory_open(options->folder, options->name, options->magic, &view);

	if (r < 0)
		return r;
	directory_release(&view);
	r = directory_header_check(directory_file_header(file), file->size, options->magic,
				   &geometry);
	if (r < 0)
		return r;
	view_set(file);
	r = journal_replay(file);
	if (r == 0)
		r = directory_verify(&file->view, &where);
	if (r < 0) /* what was made from it is not to be trusted either */
		supersede_previous(directory_file_header(file));
	return r;
}

static int path_of(const struct directory_writer_options *options, const char *prefix,
		   const char *suffix, char **ret)
{
	return asprintf(ret, "%s/%s%s%s", options->folder, prefix, options->name, suffix) < 0
		       ? -ENOMEM
		       : 0;
}

/* First the old segment, then the file's header: who looks in between reads the file. */
static int offer(struct directory_file *file, int id)
{
	struct directory_header previous;
	int r;

	memcpy(&previous, file->base, sizeof(previous));
	r = segment_name(file, id);
	if (r < 0)
		return r;
	tables_touch(file);
	supersede_previous(&previous);
	return write_at(file->fd, file->base, sizeof(struct directory_header), 0);
}

int directory_file_open(const struct directory_writer_options *options, struct directory_file **ret)
{
	_cleanup_(directory_file_closep) struct directory_file *file = NULL;
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *path = NULL;
	struct stat st;
	int r = path_of(options, "", "", &path), id;

	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : -EIO;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < DIRECTORY_HEADER_SIZE)
		return -EIO;
	file = file_new((uint64_t)st.st_size);
	if (!file)
		return -ENOMEM;
	file->fd = TAKE_FD(fd);
	r = memory_make(file, options->segment, &id);
	if (r < 0)
		return r;
	r = read_whole(file->fd, file->base, file->size);
	if (r == 0)
		r = file_verify(file, options);
	if (r < 0)
		return r == -ENOMEM ? r : -EIO;
	tables_count(file);
	file->heap_used = directory_file_header(file)->heap_used;
	if (options->segment) /* everything is durable: the header may say so */
		r = offer(file, id);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(file);
	return 0;
}

/* --- making ------------------------------------------------------------------------------------- */

static void header_fill(struct directory_file *file, const struct directory_writer_options *options,
			const unsigned char *instance, const uint32_t *log2, uint64_t seed)
{
	struct directory_header *header = directory_file_header(file);
	size_t from = offsetof(struct directory_header, file_size);
	uint64_t offset = DIRECTORY_HEADER_SIZE;

	memcpy(header->magic, options->magic, sizeof(header->magic));
	header->version = 1;
	header->file_size = file->size;
	header->seed = seed;
	memcpy(header->instance, instance, sizeof(header->instance));
	header->uid_min = options->uid_min;
	header->uid_max = options->uid_max;
	for (size_t i = 0; i < DIRECTORY_INDEX_COUNT; i++) {
		header->tables[i] = (struct directory_table){ .offset = offset, .log2 = log2[i] };
		offset += sizeof(uint64_t) << log2[i];
	}
	header->heap_offset = offset;
	header->checksum =
		directory_checksum((const unsigned char *)header + from,
				   offsetof(struct directory_header, superseded) - from, 0);
}

int directory_file_create(const struct directory_writer_options *options,
			  const unsigned char *instance,
			  const uint32_t log2[static DIRECTORY_INDEX_COUNT], uint64_t heap_size,
			  struct directory_file **ret)
{
	_cleanup_(directory_file_closep) struct directory_file *file = NULL;
	uint64_t seed, size = DIRECTORY_HEADER_SIZE + heap_size;
	int r, id;

	for (size_t i = 0; i < DIRECTORY_INDEX_COUNT; i++)
		size += sizeof(uint64_t) << log2[i];
	if (size / DIRECTORY_UNIT >= DIRECTORY_GONE) /* offsets are kept in units of 32 bits */
		return -EFBIG;
	file = file_new((size + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE);
	if (!file)
		return -ENOMEM;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	r = memory_make(file, options->segment, &id);
	if (r < 0)
		return r;
	header_fill(file, options, instance, log2, seed);
	r = segment_name(file, id);
	if (r < 0)
		return r;
	view_set(file);
	tables_touch(file);
	*ret = TAKE_PTR(file);
	return 0;
}

/* --- writing ------------------------------------------------------------------------------------ */

static int folder_sync(const char *folder)
{
	_cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* The whole content into a new file of full size: blocks that the heap will need are allocated now, so
 * that a full disk is an error here and not in the middle of a later change. */
static int write_whole(struct directory_file *file, const struct directory_writer_options *options,
		       int fd)
{
	uint64_t used = file->view.geometry->heap_offset + file->heap_used;
	int r = -posix_fallocate(fd, 0, (off_t)file->size);

	if (r == 0)
		r = write_at(fd, file->base, used, 0);
	if (r < 0)
		return r;
	if (fchown(fd, 0, options->group) < 0 || fchmod(fd, options->mode) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int directory_file_publish(struct directory_file *file,
			   const struct directory_writer_options *options)
{
	_cleanup_free_ char *path = NULL, *temporary = NULL;
	_cleanup_close_ int fd = -1;
	int r = path_of(options, "", "", &path);

	if (r == 0)
		r = path_of(options, ".", ".new", &temporary);
	if (r < 0)
		return r;
	(void)unlink(temporary); /* left over from a crash */
	fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_whole(file, options, fd);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlink(temporary); /* the next one tries again */
		return r;
	}
	file->fd = TAKE_FD(fd);
	file->checkpoint_heap = directory_file_header(file)->heap_used;
	file->checkpoint_revision = directory_file_header(file)->revision;
	return folder_sync(options->folder);
}

void directory_file_supersede(struct directory_file *file)
{
	__atomic_store_n(&directory_file_header(file)->superseded, 1, __ATOMIC_RELEASE);
}

void directory_file_closep(struct directory_file **file)
{
	if (!*file)
		return;
	if ((*file)->is_segment)
		(void)shmdt((*file)->base); /* our own address: cannot fail */
	else if ((*file)->base)
		(void)munmap((*file)->base, (*file)->size);
	closep(&(*file)->fd);
	free(*file);
	*file = NULL;
}
