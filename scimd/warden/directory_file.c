#include "scimd/warden/directory_file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define PAGE_SIZE 4096u
#define PIECE_SIZE (256u * 1024u) /* written at once */
#define PIECES_AHEAD 1u           /* on their way to the disk: a change has to pass them */
#define SHED_SIZE (1024u * 1024u) /* given back at once */

static uint64_t page_up(uint64_t size)
{
	return (size + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
}

static struct directory_file *file_new(uint64_t size)
{
	struct directory_file *file = calloc(1, sizeof(*file));

	if (file) {
		file->fd = -1;
		file->size = file->mapped = size;
		file->usage.user_span = file->committed.user_span = DIRECTORY_SPAN_NONE;
	}
	return file;
}

/* --- memory ------------------------------------------------------------------------------------- */

/* Between making a segment and marking it for removal it has a key of ours, so that what a warden
 * killed in between has left is found by the next one. Nobody else's is removed: not another user's,
 * not one in use, not one whose maker lives. */
static bool leftover_remove(void)
{
	int id = shmget(DIRECTORY_SEGMENT_KEY, 0, 0);
	struct shmid_ds info;

	if (id < 0 || shmctl(id, IPC_STAT, &info) < 0 || info.shm_perm.uid != 0 ||
	    info.shm_perm.cuid != 0 || info.shm_nattch != 0 || info.shm_cpid == 0 ||
	    kill(info.shm_cpid, 0) == 0 || errno != ESRCH)
		return false;
	return shmctl(id, IPC_RMID, NULL) == 0;
}

static int segment_get(uint64_t size)
{
	int id = shmget(DIRECTORY_SEGMENT_KEY, size, IPC_CREAT | IPC_EXCL | 0644);

	if (id >= 0 || errno != EEXIST)
		return id < 0 ? -errno : id;
	if (leftover_remove())
		id = shmget(DIRECTORY_SEGMENT_KEY, size, IPC_CREAT | IPC_EXCL | 0644);
	if (id < 0) /* another warden is at it, or somebody plays with our key */
		id = shmget(IPC_PRIVATE, size, IPC_CREAT | IPC_EXCL | 0644);
	return id < 0 ? -errno : id;
}

/* Marked for removal at once: it lives while anybody is attached. */
static int segment_make(struct directory_file *file, int *ret_id)
{
	int id = segment_get(file->size);
	void *base;

	if (id < 0)
		return id;
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
	if (segment && segment_make(file, ret_id) == 0)
		return 0;
	/* Any user can take all the segments that there may be: then readers read the file. */
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

bool directory_file_touch(struct directory_file *file, uint64_t pages)
{
	volatile unsigned char *base = file->base;
	uint64_t end = file->view.geometry->heap_offset;

	for (; pages > 0 && file->touched < end; pages--, file->touched += PAGE_SIZE)
		base[file->touched] = base[file->touched];
	return file->touched >= end;
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

/* --- writing ------------------------------------------------------------------------------------ */

static bool is_stopped(const struct directory_file *file)
{
	return __atomic_load_n(&file->job.stop, __ATOMIC_RELAXED);
}

/* flags: pwritev2(2)'s. */
static int write_with(int fd, const unsigned char *from, uint64_t size, uint64_t offset, int flags)
{
	while (size) {
		const struct iovec piece = { (void *)(uintptr_t)from, size };
		ssize_t n = flags ? pwritev2(fd, &piece, 1, (off_t)offset, flags)
				  : pwrite(fd, from, size, (off_t)offset);

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

static int write_at(int fd, const unsigned char *from, uint64_t size, uint64_t offset)
{
	return write_with(fd, from, size, offset, 0);
}

static int write_word(struct directory_file *file, uint64_t offset, uint64_t value)
{
	return write_at(file->fd, (const unsigned char *)&value, sizeof(value), offset);
}

/* What lies in memory at [from, end). */
static int write_range(struct directory_file *file, uint64_t from, uint64_t end)
{
	return write_at(file->fd, file->base + from, end - from, from);
}

int directory_file_write_heap(struct directory_file *file, bool is_durable)
{
	uint64_t from = file->view.geometry->heap_offset + directory_file_header(file)->heap_used;
	uint64_t end = file->view.geometry->heap_offset + file->heap_used;
	int r = write_with(file->fd, file->base + from, end - from, from,
			   is_durable ? RWF_DSYNC : 0);

	file->is_suspect = file->is_suspect || (r < 0 && is_durable);
	return r;
}

/* Slots that lie together are written together, with what is between them: that is in the file already. */
int directory_file_write_slots(struct directory_file *file,
			       const struct directory_journal_entry *entries, size_t count)
{
	int r = 0;

	for (size_t first = 0, end; r == 0 && first < count; first = end) {
		for (end = first + 1; end < count; end++)
			if (entries[end].offset - entries[first].offset >= PAGE_SIZE)
				break;
		r = write_range(file, entries[first].offset,
				entries[end - 1].offset + sizeof(uint64_t));
	}
	file->is_suspect = file->is_suspect || r < 0;
	return r;
}

/* A piece at a time: a change meanwhile has to pass no more than that. Where this is not possible, the
 * sync has it all. */
static int flush(struct directory_file *file, const struct directory_writer_options *options)
{
	(void)options;
	for (uint64_t offset = 0; offset < file->size && !is_stopped(file); offset += PIECE_SIZE)
		(void)sync_file_range(file->fd, (off_t)offset, PIECE_SIZE,
				      SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
	if (is_stopped(file))
		return -ECANCELED;
	return fdatasync(file->fd) < 0 ? -errno : 0;
}

int directory_file_flush_begin(struct directory_file *file,
			       const struct directory_writer_options *options)
{
	_Static_assert(offsetof(struct directory_header, heap_used) ==
			       offsetof(struct directory_header, revision) + sizeof(uint64_t),
		       "one write for both");
	file->checkpoint = (struct directory_checkpoint){
		directory_file_header(file)->revision, directory_file_header(file)->heap_used
	};
	return directory_job_begin(file, flush, options);
}

int directory_file_flush_end(struct directory_file *file)
{
	int r = directory_job_result(file);

	if (r == 0)
		r = write_at(file->fd, (const unsigned char *)&file->checkpoint,
			     sizeof(file->checkpoint), offsetof(struct directory_header, revision));
	file->is_suspect = file->is_suspect || r < 0;
	return r;
}

int directory_file_write_header(struct directory_file *file)
{
	return write_range(file, 0, sizeof(struct directory_header));
}

int directory_file_sync(struct directory_file *file)
{
	if (fdatasync(file->fd) == 0)
		return 0;
	file->is_suspect = true;
	return -errno;
}

int directory_file_sync_job(struct directory_file *file,
			    const struct directory_writer_options *options)
{
	(void)options;
	return directory_file_sync(file);
}

/* --- the journal -------------------------------------------------------------------------------- */

static bool record_is_whole(const struct directory_file *file, uint64_t offset)
{
	const struct directory_record *head = (const void *)(file->base + offset);
	uint64_t room = file->size - offset;

	if (room < sizeof(*head) || head->size < sizeof(*head) || head->size > room ||
	    head->size % DIRECTORY_UNIT != 0 ||
	    (head->type == DIRECTORY_RECORD_TABLE &&
	     head->size < sizeof(struct directory_table_record)))
		return false;
	return directory_file_checksum(head, offset) == head->checksum;
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
	return r;
}

/* --- opening ------------------------------------------------------------------------------------ */

static int read_at(int fd, unsigned char *into, uint64_t size, uint64_t offset)
{
	uint64_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, into + done, size - done, (off_t)(offset + done));

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
	file->view.is_checked = r == 0;
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
	(void)directory_file_touch(file, UINT64_MAX);
	supersede_previous(&previous);
	return write_range(file, 0, sizeof(struct directory_header));
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
	r = read_at(file->fd, file->base, file->size, 0);
	directory_file_header(file)->user_span = 0; /* an old one */
	if (r == 0)
		r = file_verify(file, options);
	if (r < 0)
		return r == -ENOMEM ? r : -EIO;
	file->heap_used = directory_file_header(file)->heap_used;
	if (options->segment) /* everything is durable: the header may say so */
		r = offer(file, id);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(file);
	return 0;
}

/* Who looks at the file by its name sees ours. */
static bool is_under_name(const struct directory_file *file,
			  const struct directory_writer_options *options)
{
	_cleanup_free_ char *path = NULL;
	struct stat ours, named;

	return path_of(options, "", "", &path) == 0 && lstat(path, &named) == 0 &&
	       fstat(file->fd, &ours) == 0 && named.st_dev == ours.st_dev &&
	       named.st_ino == ours.st_ino && (uint64_t)named.st_size == file->size &&
	       named.st_uid == 0 && (named.st_mode & 07777) == options->mode;
}

/* The words of the header that are brought forward later, or mean nothing in a file. */
static void words_copy(struct directory_header *to, const struct directory_header *from)
{
	to->superseded = from->superseded;
	to->revision = from->revision;
	to->heap_used = from->heap_used;
	to->user_span = from->user_span;
}

/* All but these words, and the heap that is not used yet. */
bool directory_file_is_in_place(const struct directory_file *file,
				const struct directory_writer_options *options)
{
	const struct directory_header *header = directory_file_header(file);
	uint64_t end = header->heap_offset + header->heap_used, offset, size;
	_cleanup_free_ unsigned char *piece = malloc(PIECE_SIZE);
	bool same = piece && file->fd >= 0 && !file->is_suspect && is_under_name(file, options);

	_Static_assert(sizeof(*header) <= PIECE_SIZE, "the header is in the first piece");
	for (offset = 0; same && offset < end; offset += size) {
		size = end - offset < PIECE_SIZE ? end - offset : PIECE_SIZE;
		same = read_at(file->fd, piece, size, offset) == 0;
		if (same && offset == 0)
			words_copy((struct directory_header *)(void *)piece, header);
		same = same && memcmp(piece, file->base + offset, size) == 0;
	}
	return same;
}

/* --- making ------------------------------------------------------------------------------------- */

static void header_fill(struct directory_file *file, const struct directory_writer_options *options,
			const unsigned char *instance, const uint32_t *log2, uint64_t seed)
{
	struct directory_header *header = directory_file_header(file);
	size_t from = offsetof(struct directory_header, file_size);
	uint64_t offset = DIRECTORY_HEADER_SIZE;

	memcpy(header->magic, options->magic, sizeof(header->magic));
	header->version = DIRECTORY_VERSION;
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
	file = file_new(page_up(size));
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
	file->view.is_checked = true; /* what comes in is ours */
	*ret = TAKE_PTR(file);
	return 0;
}

void directory_file_seal(struct directory_file *file, uint64_t revision)
{
	struct directory_header *header = directory_file_header(file);

	header->heap_used = file->heap_used;
	header->revision = revision;
	file->committed = file->usage;
}

/* --- publishing a new one ------------------------------------------------------------------------- */

int directory_file_folder_sync(const struct directory_writer_options *options)
{
	_cleanup_close_ int fd = open(options->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int write_begin(struct directory_file *file, const struct directory_writer_options *options)
{
	_cleanup_free_ char *path = NULL;
	int r = path_of(options, ".", ".new", &path);

	if (r < 0)
		return r;
	(void)unlink(path); /* left over from a crash */
	file->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file->fd < 0)
		return -errno;
	if (fchown(file->fd, 0, options->group) < 0 || fchmod(file->fd, options->mode) < 0)
		r = -errno;
	/* In one piece where the file system can; every block is written below in any case. */
	if (r == 0 && fallocate(file->fd, 0, 0, (off_t)file->size) < 0 && errno == ENOSPC)
		r = -errno;
	return r;
}

/* Chunks were changed in place again and again: they have their checksums from here. */
static void chunks_seal(struct directory_file *file)
{
	uint64_t offset = file->view.geometry->heap_offset, end = offset + file->heap_used;
	struct directory_record *head;

	for (; offset < end; offset += head->size) {
		head = (void *)(file->base + offset);
		if (head->type == DIRECTORY_RECORD_CHUNK)
			head->checksum = directory_file_checksum(head, offset);
	}
}

/* On its way, and the one some pieces before has arrived: never much is left for the sync. Where this
 * is not possible, the sync has it all. */
static void piece_send(const struct directory_file *file, uint64_t offset)
{
	(void)sync_file_range(file->fd, (off_t)offset, PIECE_SIZE, SYNC_FILE_RANGE_WRITE);
	if (offset >= PIECES_AHEAD * PIECE_SIZE)
		(void)sync_file_range(file->fd, (off_t)(offset - PIECES_AHEAD * PIECE_SIZE),
				      PIECE_SIZE, SYNC_FILE_RANGE_WAIT_BEFORE);
}

/* The indexes page by page: what is written in one piece some kernels keep in one piece, and walk through
 * all of it for each slot that is set later. */
static int write_memory(struct directory_file *file, uint64_t from, uint64_t end)
{
	uint64_t heap = file->view.geometry->heap_offset, next;
	int r = 0;

	for (; r == 0 && from < end; from = next) {
		next = from < heap && end - from > PAGE_SIZE ? from + PAGE_SIZE : end;
		r = write_range(file, from, next);
	}
	return r;
}

/* Behind the heap zeros, so that the blocks are not only reserved: a full disk is an error now and not
 * in the middle of a later change, and a later sync has no metadata to write. */
static int write_piece(struct directory_file *file, uint64_t offset)
{
	static const unsigned char zeros[PIECE_SIZE];
	uint64_t used = file->view.geometry->heap_offset + file->heap_used;
	uint64_t end = offset + PIECE_SIZE < file->size ? offset + PIECE_SIZE : file->size;
	uint64_t middle = used < offset ? offset : used < end ? used : end;
	int r = write_memory(file, offset, middle);

	if (r == 0)
		r = write_at(file->fd, zeros, end - middle, middle);
	if (r == 0)
		piece_send(file, offset);
	return r;
}

int directory_file_write(struct directory_file *file,
			 const struct directory_writer_options *options)
{
	int r = write_begin(file, options);

	chunks_seal(file);
	for (uint64_t offset = 0; r == 0 && offset < file->size; offset += PIECE_SIZE)
		r = is_stopped(file) ? -ECANCELED : write_piece(file, offset);
	if (r == 0 && fsync(file->fd) < 0) /* owner and mode too */
		r = -errno;
	return r;
}

static void superseded_set(struct directory_file *file, uint64_t value)
{
	__atomic_store_n(&directory_file_header(file)->superseded, value, __ATOMIC_RELEASE);
}

int directory_file_rename(const struct directory_writer_options *options,
			  struct directory_file *previous)
{
	_cleanup_free_ char *path = NULL, *temporary = NULL;
	int r = path_of(options, "", "", &path);

	if (r == 0)
		r = path_of(options, ".", ".new", &temporary);
	if (r == 0 && previous)
		superseded_set(previous, 1);
	if (r == 0 && rename(temporary, path) < 0) {
		r = -errno;
		if (previous)
			superseded_set(previous, 0);
	}
	return r;
}

void directory_file_unwrite(struct directory_file *file,
			    const struct directory_writer_options *options)
{
	_cleanup_free_ char *path = NULL;

	directory_job_stop(file);
	if (file->fd < 0)
		return;
	closep(&file->fd);
	file->fd = -1;
	if (path_of(options, ".", ".new", &path) == 0)
		(void)unlink(path); /* the next one tries again */
}

void directory_file_supersede(struct directory_file *file)
{
	superseded_set(file, 1);
}

/* --- giving back -------------------------------------------------------------------------------- */

/* Who attaches now sees that it is superseded and lets go without a look at the rest. */
static bool segment_is_ours_alone(const struct directory_file *file)
{
	struct shmid_ds info;

	return file->is_segment &&
	       shmctl(directory_file_header(file)->segment_id, IPC_STAT, &info) == 0 &&
	       info.shm_nattch == 1;
}

/* A lease for writing is granted only if nobody else has the file open; and nobody can open it any more,
 * because it has no name. Whoever reads it has a snapshot, and closing the last descriptor of a large
 * file takes long. */
static bool file_is_ours_alone(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_nlink == 0 &&
	       fcntl(fd, F_SETLEASE, F_WRLCK) == 0 && fcntl(fd, F_SETLEASE, F_UNLCK) == 0;
}

/* From the end, and the header last: it says that this is superseded. Whoever is the last one attached
 * frees the pages; if it is us, piece by piece. */
int directory_file_shed(struct directory_file *file, const struct directory_writer_options *options)
{
	(void)options;
	while (file->mapped > PAGE_SIZE && !is_stopped(file)) {
		uint64_t keep = file->mapped > SHED_SIZE ? file->mapped - SHED_SIZE : PAGE_SIZE;

		if (segment_is_ours_alone(file))
			(void)madvise(file->base + keep, file->mapped - keep, MADV_REMOVE);
		(void)munmap(file->base + keep, file->mapped - keep);
		if (file_is_ours_alone(file->fd))
			(void)ftruncate(file->fd, (off_t)keep);
		file->mapped = keep;
	}
	return 0;
}

void directory_file_closep(struct directory_file **file)
{
	if (!*file)
		return;
	directory_job_stop(*file);
	if ((*file)->is_segment)
		(void)shmdt((*file)->base); /* our own address: cannot fail */
	else if ((*file)->base)
		(void)munmap((*file)->base, (*file)->mapped);
	closep(&(*file)->fd);
	free(*file);
	*file = NULL;
}
