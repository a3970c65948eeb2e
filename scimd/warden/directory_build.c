/* A new file beside the published one, made a piece at a time between other things.
 *
 * Its content is copied from what is published while changes go on there. Each change since the
 * beginning leaves a note of what it was about; when the copy is through, the notes are followed: what
 * the published file holds about that key now is carried over. So at any time the two agree about every
 * key that was copied and has no note, and when no note is left they agree.
 *
 * Then a thread writes it to the disk and syncs it; the notes of that time are followed in the manner of
 * small batches of its own, and synced by a thread again while they are many. The last few are synced
 * here, and it is renamed over the name. A crash at any instant leaves the published file in its place,
 * or the new one with the same content. */
#include "scimd/warden/directory_stage.h"

#include "scimd/base/clock.h"
#include "scimd/base/log.h"

#define TOUCH_PAGES 32u
#define SLOTS_AT_ONCE 64u /* set by a batch of notes: each is a write */
#define SLOTS_LAST 64u    /* written and not synced: few enough to wait for */
#define ROUNDS_MAX 8u     /* of syncing beside, if they never become few */
#define STREWN_MIN (1u << 20)
#define RETRY_US 10000000u
#define SEGMENT_RETRY_US 60000000u

enum phase {
	PHASE_TOUCH,  /* the index tables' pages */
	PHASE_COPY,   /* everything */
	PHASE_FOLLOW, /* the notes, in memory */
	PHASE_WRITE,  /* all of it to the disk, by a thread */
	PHASE_CATCH_UP, /* the notes, on the disk; then it takes its place, */
	PHASE_SYNC,     /* or is synced once more, by a thread */
};

struct directory_build {
	enum phase phase;
	struct directory_writer to; /* `next` is the file until it is written, then `published` */
	struct carry carry;
	struct change_note *notes; /* owned */
	size_t room, count;        /* of them, staged ones included */
	size_t committed;          /* published */
	size_t done;               /* carried over */
	size_t unsynced;           /* slots set since it was synced */
	unsigned int rounds;       /* of syncing */
	uint64_t begun_us;
	bool is_broken; /* a note was lost */
};

/* --- notes ---------------------------------------------------------------------------------------- */

void build_note(struct directory_writer *writer, enum change_kind kind, uint32_t gid, uint32_t uid)
{
	struct directory_build *build = writer->build;

	if (!build || writer->next)
		return;
	if (build->count == build->room) {
		size_t room = build->room ? build->room * 2 : 256;
		struct change_note *larger = reallocarray(build->notes, room, sizeof(*larger));

		if (!larger) {
			build->is_broken = true;
			return;
		}
		build->notes = larger;
		build->room = room;
	}
	build->notes[build->count++] =
		(struct change_note){ .kind = kind, .gid = gid, .uid = uid };
}

void build_notes_keep(struct directory_writer *writer)
{
	struct directory_build *build = writer->build;

	if (!build)
		return;
	build->committed = build->count;
	if (build->done == 0 || build->done < build->room / 2)
		return;
	build->count = build->committed -= build->done;
	memmove(build->notes, build->notes + build->done, build->count * sizeof(*build->notes));
	build->done = 0;
}

void build_notes_drop(struct directory_writer *writer)
{
	if (writer->build)
		writer->build->count = writer->build->committed;
}

static int note_follow(const struct directory_writer *from, struct directory_build *build)
{
	return carry_change(from, &build->to, &build->notes[build->done++]);
}

/* --- beginning and end ---------------------------------------------------------------------------- */

void stage_retire(struct directory_writer *writer, struct directory_file **file)
{
	if (!*file)
		return;
	directory_file_supersede(*file);
	(*file)->next = writer->retired;
	writer->retired = TAKE_PTR(*file);
}

static void build_free(struct directory_writer *writer)
{
	struct directory_build *build = TAKE_PTR(writer->build);

	stage_retire(writer, &build->to.next);
	stage_retire(writer, &build->to.published);
	overlay_done(&build->to.overlay);
	carry_done(&build->carry);
	free(build->notes);
	free(build);
}

void build_give_up(struct directory_writer *writer)
{
	if (!writer->build)
		return;
	/* Written under the temporary name, which the next one may have by now. */
	if (writer->build->to.published)
		directory_file_unwrite(writer->build->to.published, &writer->options);
	build_free(writer);
}

/* Whoever looks up a group in a file that was made member by member waits for memory again and again: it
 * is copied once, and everything lies together. */
static bool is_strewn(const struct directory_writer *writer)
{
	return writer->strewn > STREWN_MIN && writer->strewn > writer->published->size / 8;
}

/* Whether another file is wanted for what the present one says. */
static bool is_outgrown(const struct directory_writer *writer)
{
	const struct directory_file *file = writer->published;
	const struct directory_header *header = directory_file_header(file);

	return stage_is_tight(file) || stage_is_loose(file) || is_strewn(writer) ||
	       header->uid_min != writer->options.uid_min ||
	       header->uid_max != writer->options.uid_max;
}

/* There was no memory to share for the present one, perhaps there is now. */
static bool is_wanted(const struct directory_writer *writer)
{
	bool unshared = writer->options.segment && !writer->published->is_segment;

	return is_outgrown(writer) ||
	       (unshared && clock_monotonic_us() >= writer->segment_after_us);
}

static int build_begin(struct directory_writer *writer)
{
	struct directory_build *build = calloc(1, sizeof(*build));
	int r;

	if (!build)
		return -ENOMEM;
	build->begun_us = clock_monotonic_us();
	build->to.options = writer->options;
	build->to.is_fixed = true;
	r = stage_file_for(writer, 0, &build->to.next);
	if (r < 0) {
		free(build);
		return r;
	}
	writer->build = build;
	writer->segment_after_us = build->begun_us + SEGMENT_RETRY_US;
	if (!build->to.next->is_segment && !is_outgrown(writer))
		build_give_up(writer); /* nothing to gain */
	return 0;
}

/* --- phases --------------------------------------------------------------------------------------- */

static int write_begin(const struct directory_writer *from, struct directory_build *build)
{
	directory_file_seal(build->to.next, directory_file_header(from->published)->revision);
	build->to.published = TAKE_PTR(build->to.next);
	build->phase = PHASE_WRITE;
	return directory_job_begin(build->to.published, directory_file_write, &build->to.options);
}

static int sync_begin(struct directory_build *build)
{
	build->unsynced = 0;
	build->rounds++;
	build->phase = PHASE_SYNC;
	return directory_job_begin(build->to.published, directory_file_sync_job, &build->to.options);
}

static int catch_up(const struct directory_writer *from, struct directory_build *build,
		    uint64_t until_us)
{
	uint64_t ignored;
	int r;

	do
		r = note_follow(from, build);
	while (r == 0 && build->done < build->committed &&
	       build->to.overlay.count < SLOTS_AT_ONCE && clock_monotonic_us() < until_us);
	if (r < 0)
		return r;
	build->unsynced += build->to.overlay.count;
	if (stage_journal_size(&build->to) > directory_file_room(build->to.published))
		return -ENOBUFS;
	return stage_publish(&build->to, directory_file_header(from->published)->revision, &ignored,
			     &ignored);
}

/* From here on it is the file. */
static int build_switch(struct directory_writer *writer, struct directory_build *build)
{
	struct directory_file *file = build->to.published;
	int r;

	directory_file_seal(file, directory_file_header(writer->published)->revision);
	r = directory_file_write_header(file);
	if (r == 0)
		r = directory_file_sync(file);
	if (r == 0)
		r = directory_file_rename(&writer->options, writer->published);
	if (r < 0)
		return r;
	build->to.published = NULL;
	r = directory_file_folder_sync(&writer->options);
	if (r < 0) /* who knows which of the two a crash leaves: the next change makes another one */
		log_error_errno(r, "syncing %s", writer->options.folder);
	file->is_suspect = r < 0;
	log_info("%s: %llu bytes instead of %llu, made in %llu ms", writer->options.name,
		 (unsigned long long)file->size, (unsigned long long)writer->published->size,
		 (unsigned long long)(clock_monotonic_us() - build->begun_us) / 1000);
	stage_retire(writer, &writer->published);
	writer->published = file;
	writer->strewn = 0;
	build_free(writer);
	return 0;
}

/* The published state without what a batch is staging. */
static int build_step(struct directory_writer *writer, uint64_t until_us)
{
	struct directory_build *build = writer->build;
	const struct directory_writer from = { .published = writer->published };
	int r = 0;

	if (build->is_broken)
		return -ENOMEM;
	switch (build->phase) {
	case PHASE_TOUCH:
		if (directory_file_touch(build->to.next, TOUCH_PAGES))
			build->phase = PHASE_COPY;
		return 0;
	case PHASE_COPY:
		r = carry_step(&from, &build->to, &build->carry, until_us);
		if (r == 0)
			build->phase = PHASE_FOLLOW;
		return r;
	case PHASE_FOLLOW:
		if (build->done == build->committed)
			return write_begin(&from, build);
		return note_follow(&from, build);
	case PHASE_WRITE:
	case PHASE_SYNC:
		build->phase = PHASE_CATCH_UP;
		return directory_job_result(build->to.published);
	case PHASE_CATCH_UP:
		if (build->done < build->committed)
			return catch_up(&from, build, until_us);
		if (build->unsynced > SLOTS_LAST && build->rounds < ROUNDS_MAX)
			return sync_begin(build);
		return build_switch(writer, build);
	}
	return -EINVAL;
}

/* --- in between ----------------------------------------------------------------------------------- */

/* The last step waits for an open batch: what that has staged belongs to the present file. */
static bool build_may_go_on(const struct directory_writer *writer)
{
	const struct directory_build *build = writer->build;

	if (build)
		return build->phase != PHASE_CATCH_UP || build->done < build->committed ||
		       stage_is_empty(writer);
	return writer->published && is_wanted(writer) && stage_is_empty(writer) &&
	       clock_monotonic_us() >= writer->build_after_us;
}

static bool build_is_due(const struct directory_writer *writer)
{
	const struct directory_build *build = writer->build;

	return build_may_go_on(writer) &&
	       !(build && build->to.published && directory_job_runs(build->to.published));
}

/* Slots that are to go to the disk, or are on their way. */
static bool flush_has_work(const struct directory_writer *writer)
{
	const struct directory_file *file = writer->published;

	return file && (file->job.run ||
			(file->flush_after_us && clock_monotonic_us() >= file->flush_after_us));
}

static bool flush_is_due(const struct directory_writer *writer)
{
	return flush_has_work(writer) && !directory_job_runs(writer->published);
}

static void flush_step(struct directory_writer *writer)
{
	struct directory_file *file = writer->published;
	int r;

	if (file->job.run) {
		r = directory_file_flush_end(file);
	} else {
		file->flush_after_us = 0;
		r = file->is_suspect ? 0 : directory_file_flush_begin(file, &writer->options);
	}
	if (r < 0)
		log_error_errno(r, "syncing %s", writer->options.name);
}

static bool retired_is_due(const struct directory_writer *writer)
{
	return writer->retired && !directory_job_runs(writer->retired);
}

bool directory_writer_has_work(const struct directory_writer *writer)
{
	return writer->retired || flush_has_work(writer) || build_may_go_on(writer);
}

bool directory_writer_is_due(const struct directory_writer *writer)
{
	return retired_is_due(writer) || flush_is_due(writer) || build_is_due(writer);
}

uint64_t directory_writer_next_us(const struct directory_writer *writer)
{
	return writer->published ? writer->published->flush_after_us : 0;
}

/* What is left of it without a thread is much at once, but nothing is held back. */
static void retired_step(struct directory_writer *writer)
{
	struct directory_file *file = writer->retired;

	directory_job_stop(file); /* a flush that was under way; it is over */
	if (file->mapped == file->size &&
	    directory_job_begin(file, directory_file_shed, &writer->options) == 0)
		return;
	writer->retired = file->next;
	directory_file_closep(&file);
}

static void work_once(struct directory_writer *writer, uint64_t until_us)
{
	int r;

	if (retired_is_due(writer)) {
		retired_step(writer);
		return;
	}
	if (flush_is_due(writer)) {
		flush_step(writer);
		return;
	}
	r = writer->build ? build_step(writer, until_us) : build_begin(writer);
	if (r >= 0)
		return;
	log_warning("%s: making a new file: %s", writer->options.name, strerror(-r));
	build_give_up(writer);
	/* Grown out of the one that was made: the next one is larger. */
	if (r != -ENOBUFS)
		writer->build_after_us = clock_monotonic_us() + RETRY_US;
}

void directory_writer_work(struct directory_writer *writer, uint64_t until_us)
{
	do {
		if (!directory_writer_is_due(writer))
			return;
		work_once(writer, until_us);
	} while (clock_monotonic_us() < until_us);
}
