/* people.h - the benchmark's people written down: as a directory, as text, as the limit's file; and changes
 * of the directory, measured. Every failure ends the program. */
#ifndef BENCH_NSS_PEOPLE_H
#define BENCH_NSS_PEOPLE_H

#include "bench/nss/dataset.h"

/* FOLDER/public/directory, FOLDER/passwd, FOLDER/group, FOLDER/limit. */
void people_make(const char *folder, const struct dataset *data);

/* Hold the directory's segment as the warden does, until standard input ends. */
void people_hold(const char *folder);

/* One change after another, each on the disk and visible when it is over; prints their times. */
void people_publish(const char *folder, const struct dataset *data);

void people_must(int r, const char *what); /* ends the program if r < 0 */

#endif
