#include "scimd/service/metrics.h"

#include <pthread.h>
#include <string.h>

#include "scimd/base/clock.h"

#define NAME_SIZE 33
#define CONNECTIONS_MAX 256u /* far above any host's; the rest is counted together */

static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE", "other" };
#define METHODS (sizeof(methods) / sizeof(methods[0]))
#define CLASSES 6 /* 0: none, then 1xx to 5xx */

static const double bounds_s[METRICS_BUCKETS] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
						  0.1,	 0.25,	 0.5,	1,    2.5,   10 };

struct entry {
	char name[NAME_SIZE]; /* "": without a valid token */
	uint64_t requests[METHODS][CLASSES];
	uint64_t last_used_us;
	uint64_t requests_before, errors_before; /* the start */
	bool used; /* since metrics_connection_used was asked */
};

struct metrics {
	pthread_mutex_t lock;
	struct entry *entries[CONNECTIONS_MAX]; /* owned */
	size_t count;
	struct histogram latency;
	uint64_t denied[METRICS_DENIED_REASONS], opened;
};

int metrics_new(struct metrics **ret)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));

	if (!metrics)
		return -ENOMEM;
	pthread_mutex_init(&metrics->lock, NULL);
	*ret = metrics;
	return 0;
}

void metrics_freep(struct metrics **metrics)
{
	if (!*metrics)
		return;
	pthread_mutex_destroy(&(*metrics)->lock);
	for (size_t i = 0; i < (*metrics)->count; i++)
		free((*metrics)->entries[i]);
	free(*metrics);
	*metrics = NULL;
}

static struct entry *entry_find(struct metrics *metrics, const char *name)
{
	for (size_t i = 0; i < metrics->count; i++)
		if (strcmp(metrics->entries[i]->name, name) == 0)
			return metrics->entries[i];
	return NULL;
}

static struct entry *entry_make(struct metrics *metrics, const char *name)
{
	struct entry *entry = metrics->count < CONNECTIONS_MAX ? calloc(1, sizeof(*entry)) : NULL;

	if (!entry)
		return NULL;
	(void)snprintf(entry->name, NAME_SIZE, "%s", name);
	return metrics->entries[metrics->count++] = entry;
}

/* Borrowed; NULL without room or memory. */
static struct entry *entry_of(struct metrics *metrics, const char *name)
{
	struct entry *entry = entry_find(metrics, name);

	return entry ? entry : entry_make(metrics, name);
}

static size_t method_index(const char *method)
{
	size_t i = 0;

	while (i < METHODS - 1 && strcmp(methods[i], method) != 0)
		i++;
	return i;
}

void histogram_add(struct histogram *histogram, uint64_t took_us)
{
	size_t bucket = 0;

	while (bucket < METRICS_BUCKETS && (double)took_us > bounds_s[bucket] * 1e6)
		bucket++;
	histogram->counts[bucket]++;
	histogram->sum_us += took_us;
}

void metrics_count(struct metrics *metrics, const char *connection, const char *method, int status,
		   uint64_t took_us)
{
	int class = status / 100;
	struct entry *entry;

	pthread_mutex_lock(&metrics->lock);
	entry = entry_of(metrics, connection ? connection : "");
	if (entry && class >= 0 && class < CLASSES) {
		entry->requests[method_index(method)][class]++;
		entry->last_used_us = clock_now_us();
		entry->used = true;
	}
	histogram_add(&metrics->latency, took_us);
	pthread_mutex_unlock(&metrics->lock);
}

void metrics_login_denied(struct metrics *metrics, enum metrics_denied reason)
{
	pthread_mutex_lock(&metrics->lock);
	metrics->denied[reason]++;
	pthread_mutex_unlock(&metrics->lock);
}

void metrics_login_opened(struct metrics *metrics)
{
	pthread_mutex_lock(&metrics->lock);
	metrics->opened++;
	pthread_mutex_unlock(&metrics->lock);
}

static struct metrics_connection entry_sum(const struct entry *entry)
{
	struct metrics_connection sum = { entry->requests_before, entry->errors_before,
					  entry->last_used_us };

	for (size_t m = 0; m < METHODS; m++)
		for (size_t c = 0; c < CLASSES; c++) {
			sum.requests += entry->requests[m][c];
			sum.errors += c >= 4 ? entry->requests[m][c] : 0;
		}
	return sum;
}

void metrics_connection(struct metrics *metrics, const char *connection,
			struct metrics_connection *ret)
{
	const struct entry *entry;

	pthread_mutex_lock(&metrics->lock);
	entry = entry_find(metrics, connection);
	*ret = entry ? entry_sum(entry) : (struct metrics_connection){ 0 };
	pthread_mutex_unlock(&metrics->lock);
}

int metrics_connection_resume(struct metrics *metrics, const char *connection,
			      const struct metrics_connection *from)
{
	struct entry *entry;
	int r = 0;

	pthread_mutex_lock(&metrics->lock);
	entry = entry_of(metrics, connection);
	if (entry) {
		entry->requests_before = from->requests;
		entry->errors_before = from->errors;
		entry->last_used_us = from->last_used_us;
	} else {
		r = metrics->count < CONNECTIONS_MAX ? -ENOMEM : -ENOSPC;
	}
	pthread_mutex_unlock(&metrics->lock);
	return r;
}

bool metrics_connection_used(struct metrics *metrics, const char **ret_name,
			     struct metrics_connection *ret)
{
	bool found = false;

	pthread_mutex_lock(&metrics->lock);
	for (size_t i = 0; i < metrics->count && !found; i++) {
		struct entry *entry = metrics->entries[i];

		if (!entry->used || !entry->name[0])
			continue;
		entry->used = false;
		*ret_name = entry->name;
		*ret = entry_sum(entry);
		found = true;
	}
	pthread_mutex_unlock(&metrics->lock);
	return found;
}

void metrics_write_label(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			fputc('\\', out);
		if (*text == '\n')
			fputs("\\n", out);
		else
			fputc(*text, out);
	}
}

void histogram_write(const struct histogram *histogram, const char *name, const char *help,
		     FILE *out)
{
	uint64_t sum = 0;

	fprintf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
	for (size_t i = 0; i < METRICS_BUCKETS; i++) {
		sum += histogram->counts[i];
		fprintf(out, "%s_bucket{le=\"%g\"} %llu\n", name, bounds_s[i],
			(unsigned long long)sum);
	}
	sum += histogram->counts[METRICS_BUCKETS];
	fprintf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.6f\n%s_count %llu\n", name,
		(unsigned long long)sum, name, (double)histogram->sum_us / 1e6, name,
		(unsigned long long)sum);
}

static void entry_write(const struct entry *entry, FILE *out)
{
	for (size_t m = 0; m < METHODS; m++)
		for (int c = 0; c < CLASSES; c++) {
			if (entry->requests[m][c] == 0)
				continue;
			fputs("scimd_requests_total{connection=\"", out);
			metrics_write_label(out, entry->name);
			fprintf(out, "\",method=\"%s\",code=\"%dxx\"} %llu\n", methods[m], c,
				(unsigned long long)entry->requests[m][c]);
		}
}

static void logins_write(const struct metrics *metrics, FILE *out)
{
	static const char *const reasons[METRICS_DENIED_REASONS] = {
		[METRICS_DENIED_DEACTIVATED] = "deactivated", [METRICS_DENIED_LOCKED] = "locked",
		[METRICS_DENIED_RULES] = "denied",	      [METRICS_DENIED_DELETED] = "deleted",
		[METRICS_DENIED_UNAVAILABLE] = "unavailable",
	};

	fputs("# HELP scimd_login_denied_total Logins that pam_scim denied.\n"
	      "# TYPE scimd_login_denied_total counter\n", out);
	for (size_t i = 0; i < METRICS_DENIED_REASONS; i++)
		fprintf(out, "scimd_login_denied_total{reason=\"%s\"} %llu\n", reasons[i],
			(unsigned long long)metrics->denied[i]);
	fprintf(out, "# HELP scimd_login_opened_total Sessions that pam_scim let begin.\n"
		     "# TYPE scimd_login_opened_total counter\nscimd_login_opened_total %llu\n",
		(unsigned long long)metrics->opened);
}

void metrics_write(struct metrics *metrics, FILE *out)
{
	pthread_mutex_lock(&metrics->lock);
	fputs("# HELP scimd_requests_total SCIM requests answered, by connection (empty: no valid "
	      "token).\n# TYPE scimd_requests_total counter\n", out);
	for (size_t i = 0; i < metrics->count; i++)
		entry_write(metrics->entries[i], out);
	histogram_write(&metrics->latency, "scimd_request_duration_seconds",
			"From a request's last byte to its answer.", out);
	logins_write(metrics, out);
	pthread_mutex_unlock(&metrics->lock);
}
