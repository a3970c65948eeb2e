/* tally.h - what was found and killed, kept in a file of /run so that a warden which is killed in the
 * middle leaves the next one what its report would have said. Layer: warden. Threads: one.
 * A ring of the last TALLY_RECORDS finds; written before the signal, never synced: it has to outlive this
 * process, not the machine, whose processes it names. Nothing depends on it but receipts, so nothing here
 * fails: what cannot be written is not remembered. */
#ifndef SCIMD_WARDEN_TALLY_H
#define SCIMD_WARDEN_TALLY_H

#include "scimd/warden/reap.h"

#define TALLY_RECORDS 8192u

struct tally;

/* The folder of path belongs to root. */
_must_use_ int tally_open(const char *path, struct tally **ret);
void tally_freep(struct tally **tally);

void tally_note(struct tally *tally, uint32_t uid, const struct reap_item *item);

/* Everything noted of uid since then (epoch), the oldest first. */
typedef void (*tally_fn)(void *context, const struct reap_item *item, uint64_t noted_us);
void tally_each(const struct tally *tally, uint32_t uid, uint64_t since_us, tally_fn each,
		void *context);

#endif
