/* GET /metrics: numbers for Prometheus, in its text format 0.0.4. */
#include "scimd/service/control.h"

#include <string.h>
#include <sys/stat.h>

#include "scimd/service/metrics.h"
#include "shared/directory.h"

struct user_counts {
	struct control *control;
	uint64_t active, denied, deactivated, locked, unconfirmed;
};

static int user_count(const struct store_resource *row, void *context)
{
	struct user_counts *counts = context;
	const char *status = "active";
	int r = 0;

	if (!row->allowed)
		r = control_user_status(counts->control, row, &status);
	if (r < 0)
		return r;
	counts->active += strcmp(status, "active") == 0;
	counts->denied += strcmp(status, "denied") == 0;
	counts->deactivated += strcmp(status, "deactivated") == 0;
	counts->locked += strcmp(status, "locked") == 0;
	counts->unconfirmed += strcmp(status, "unconfirmed") == 0;
	return 0;
}

static void gauge_begin(FILE *out, const char *name, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void gauge_write(FILE *out, const char *name, const char *help, uint64_t value)
{
	gauge_begin(out, name, help);
	fprintf(out, "%s %llu\n", name, (unsigned long long)value);
}

static int resources_write(struct control *control, FILE *out)
{
	struct user_counts counts = { .control = control };
	uint64_t groups;
	int r = store_resource_each(control->txn, RESOURCE_USER, NULL, 0, user_count, &counts);

	if (r == 0)
		r = store_resource_count(control->txn, RESOURCE_GROUP, NULL, &groups);
	if (r < 0)
		return r;
	gauge_begin(out, "scimd_users", "People known, by status.");
	fprintf(out,
		"scimd_users{status=\"active\"} %llu\nscimd_users{status=\"denied\"} %llu\n"
		"scimd_users{status=\"deactivated\"} %llu\nscimd_users{status=\"locked\"} %llu\n"
		"scimd_users{status=\"unconfirmed\"} %llu\n",
		(unsigned long long)counts.active, (unsigned long long)counts.denied,
		(unsigned long long)counts.deactivated, (unsigned long long)counts.locked,
		(unsigned long long)counts.unconfirmed);
	gauge_write(out, "scimd_groups", "Groups known.", groups);
	return 0;
}

static int receipt_count(uint64_t number, const char *user, const char *json, void *context)
{
	_cleanup_(json_putp) struct json_object *receipt = NULL;
	struct json_object *took;
	int r = control_parse(json, &receipt);

	(void)number;
	(void)user;
	if (r < 0)
		return r;
	took = json_get(receipt, "took_us");
	if (took)
		histogram_add(context, (uint64_t)json_object_get_int64(took));
	return 0;
}

/* From the receipts: they are never removed, so the counts only grow, across restarts too. */
static int offboardings_write(struct control *control, FILE *out)
{
	struct histogram histogram = { 0 };
	int r = store_receipt_each(control->txn, NULL, receipt_count, &histogram);

	if (r == 0)
		histogram_write(&histogram, "scimd_offboarding_duration_seconds",
				"From the request to the last of the person's processes gone.", out);
	return r;
}

static int connections_write(struct control *control, FILE *out)
{
	_cleanup_free_ uint64_t *times_us = NULL;
	int r = control_pushes(control, &times_us);

	gauge_begin(out, "scimd_last_push_timestamp_seconds", "When a connection last changed something.");
	for (size_t i = 0; r == 0 && i < control->conf->connection_count; i++) {
		fputs("scimd_last_push_timestamp_seconds{connection=\"", out);
		metrics_write_label(out, control->conf->connections[i].name);
		fprintf(out, "\"} %.3f\n", (double)times_us[i] / 1e6);
	}
	return r;
}

static void sizes_write(struct control *control, FILE *out)
{
	uint64_t bytes;

	if (store_disk_usage(change_engine_store(control->engine), &bytes) == 0)
		gauge_write(out, "scimd_store_bytes", "Size of the store's files.", bytes);
	if (control_directory_size(&bytes) == 0)
		gauge_write(out, "scimd_directory_bytes", "Size of the published directory.", bytes);
}

int control_directory_size(uint64_t *ret)
{
	struct stat file;

	if (stat(DIRECTORY_PUBLIC_DIR "/" DIRECTORY_FILE, &file) < 0)
		return -errno;
	*ret = (uint64_t)file.st_size;
	return 0;
}

static int all_write(struct control *control, FILE *out)
{
	struct change_status status;
	int r;

	change_engine_status(control->engine, &status);
	gauge_begin(out, "scimd_info", "The version.");
	fprintf(out, "scimd_info{version=\"%s\"} 1\n", SCIMD_VERSION);
	gauge_write(out, "scimd_warden_connected", "Whether scimd reaches the warden.",
		    status.warden_connected);
	gauge_write(out, "scimd_directory_revision", "Revision of the published directory.",
		    status.warden_revision);
	gauge_write(out, "scimd_offboardings_pending", "Offboardings not finished.",
		    status.pending);
	gauge_write(out, "scimd_changes_waiting", "Changes waiting for the writer.",
		    status.waiting);
	sizes_write(control, out);
	r = resources_write(control, out);
	if (r == 0)
		r = connections_write(control, out);
	if (r == 0)
		r = offboardings_write(control, out);
	if (r == 0)
		r = webhook_write(control, out);
	metrics_write(control->metrics, out);
	return r;
}

int control_metrics(struct control *control, struct fault *fault)
{
	size_t size;
	FILE *out = open_memstream(&control->text, &size);
	int r;

	(void)fault;
	if (!out)
		return -ENOMEM;
	r = all_write(control, out);
	return fclose(out) == 0 ? r : -ENOMEM;
}
