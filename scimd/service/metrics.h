/* metrics.h - what was asked of us and how it went, counted since the start, for Prometheus; and how each
 * connection was used, which is kept across restarts (usage.h).
 * Layer: service. Threads: any. */
#ifndef SCIMD_SERVICE_METRICS_H
#define SCIMD_SERVICE_METRICS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/attrs.h"

struct metrics;

_must_use_ int metrics_new(struct metrics **ret);
void metrics_freep(struct metrics **metrics);

/* One SCIM request was answered. connection NULL: it had no valid token. Without memory it is not
 * counted. */
void metrics_count(struct metrics *metrics, const char *connection, const char *method, int status,
		   uint64_t took_us);

/* A login was denied, for one of these reasons. */
enum metrics_denied {
	METRICS_DENIED_DEACTIVATED, /* by the identity provider */
	METRICS_DENIED_LOCKED,
	METRICS_DENIED_RULES, /* of this host */
	METRICS_DENIED_DELETED,
	METRICS_DENIED_UNAVAILABLE, /* the directory could not say */
	METRICS_DENIED_REASONS
};
void metrics_login_denied(struct metrics *metrics, enum metrics_denied reason);
/* pam_scim let a session begin. */
void metrics_login_opened(struct metrics *metrics);

struct metrics_connection {
	uint64_t requests, errors; /* errors: answered 4xx or 5xx */
	uint64_t last_used_us;	   /* epoch, 0: never */
};
void metrics_connection(struct metrics *metrics, const char *connection,
			struct metrics_connection *ret);
/* Count on from there. -ENOMEM, -ENOSPC: more of them than are counted by name. */
_must_use_ int metrics_connection_resume(struct metrics *metrics, const char *connection,
					 const struct metrics_connection *from);
/* Of those that were used since this was asked of them, one: true, with its name, which is good for as long
 * as the metrics are. */
bool metrics_connection_used(struct metrics *metrics, const char **ret_name,
			     struct metrics_connection *ret);

/* A histogram's lines in the text format; bounds in seconds. */
#define METRICS_BUCKETS 12
struct histogram {
	uint64_t counts[METRICS_BUCKETS + 1]; /* the last: above all bounds */
	uint64_t sum_us;
};
void histogram_add(struct histogram *histogram, uint64_t took_us);
void histogram_write(const struct histogram *histogram, const char *name, const char *help,
		     FILE *out);

/* Everything counted here, in the text format. */
void metrics_write(struct metrics *metrics, FILE *out);

/* A label's value with what the format wants escaped. */
void metrics_write_label(FILE *out, const char *text);

#endif
