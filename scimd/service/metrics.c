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
};

struct metrics {
	pthread_mutex_t lock;
	struct entry *entries;
	size_t count;
	struct histogram latency;
	uint64_t denied[METRICS_DENIED_REASONS];
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
	free((*metrics)->entries);
	free(*metrics);
	*metrics = NULL;
}

static struct entry *entry_find(struct metrics *metrics, const char *name)
{
	for (size_t i = 0; i < metrics->count; i++)
		if (strcmp(metrics->entries[i].name, name) == 0)
			return &metrics->entries[i];
	return NULL;
}

static struct entry *entry_make(struct metrics *metrics, const char *name)
{
	struct entry *bigger;

	if (metrics->count == CONNECTIONS_MAX)
		return NULL;
	bigger = reallocarray(metrics->entries, metrics->count + 1, sizeof(*bigger));
	if (!bigger)
		return NULL;
	metrics->entries = bigger;
	bigger[metrics->count] = (struct entry){ .last_used_us = 0 };
	(void)snprintf(bigger[metrics->count].name, NAME_SIZE, "%s", name);
	return &bigger[metrics->count++];
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
	entry = entry_find(metrics, connection ? connection : "");
	if (!entry)
		entry = entry_make(metrics, connection ? connection : "");
	if (entry && class >= 0 && class < CLASSES) {
		entry->requests[method_index(method)][class]++;
		entry->last_used_us = clock_now_us();
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

void metrics_connection(struct metrics *metrics, const char *connection,
			struct metrics_connection *ret)
{
	const struct entry *entry;

	*ret = (struct metrics_connection){ 0 };
	pthread_mutex_lock(&metrics->lock);
	entry = entry_find(metrics, connection);
	for (size_t m = 0; entry && m < METHODS; m++)
		for (size_t c = 0; c < CLASSES; c++) {
			ret->requests += entry->requests[m][c];
			ret->errors += c >= 4 ? entry->requests[m][c] : 0;
		}
	if (entry)
		ret->last_used_us = entry->last_used_us;
	pthread_mutex_unlock(&metrics->lock);
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

static void denied_write(const struct metrics *metrics, FILE *out)
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
}

void metrics_write(struct metrics *metrics, FILE *out)
{
	pthread_mutex_lock(&metrics->lock);
	fputs("# HELP scimd_requests_total SCIM requests answered, by connection (empty: no valid "
	      "token).\n# TYPE scimd_requests_total counter\n", out);
	for (size_t i = 0; i < metrics->count; i++)
		entry_write(&metrics->entries[i], out);
	histogram_write(&metrics->latency, "scimd_request_duration_seconds",
			"From a request's last byte to its answer.", out);
	denied_write(metrics, out);
	pthread_mutex_unlock(&metrics->lock);
}
