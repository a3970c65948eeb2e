/* scimctl doctor - proves that this host denies whom scimd denies, and says what to type if not. */
#include "scimctl/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define OUTPUT_MAX 65536u

static const char *const level_names[] = { "ok", "warning", "failure" };

static void put_text(struct json_object *object, const char *key, const char *text)
{
	(void)json_object_object_add(object, key, text ? json_object_new_string(text) : NULL);
}

void doctor_report(struct doctor *doctor, const char *check, enum doctor_level level,
		   const char *fix, const char *fmt, ...)
{
	struct json_object *object = json_object_new_object();
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	put_text(object, "check", check);
	put_text(object, "status", level_names[level]);
	put_text(object, "detail", text);
	put_text(object, "fix", level == DOCTOR_OK ? NULL : fix);
	(void)json_object_array_add(doctor->checks, object);
	if (level > doctor->worst)
		doctor->worst = level;
	free(text);
}

int doctor_run(const char *command, char **ret)
{
	FILE *pipe = popen(command, "re"); /* NOLINT: the command is a literal of ours */
	char *text = calloc(1, OUTPUT_MAX + 1);
	size_t size = pipe && text ? fread(text, 1, OUTPUT_MAX, pipe) : 0;
	int status = pipe ? pclose(pipe) : -1;

	if (status < 0 || !text) {
		free(text);
		return -EIO;
	}
	text[size] = '\0';
	*ret = text;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

char *doctor_line(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && (line[len] == ' ' || line[len] == '\t')) {
			const char *value = line + len + strspn(line + len, " \t");

			return strndup(value, strcspn(value, "\n"));
		}
	}
	return NULL;
}

static void configuration(struct doctor *doctor, struct conf **ret)
{
	_cleanup_(conf_problems_done) struct conf_problems problems = { 0 };
	_cleanup_free_ char *file = NULL, *dropins = NULL;
	int r = -ENOMEM;

	if (asprintf(&file, "%s/scimd.conf", doctor->context->directory) >= 0 &&
	    asprintf(&dropins, "%s/scimd.conf.d", doctor->context->directory) >= 0)
		r = conf_load(file, dropins, ret, &problems);
	for (size_t i = 0; i < problems.count; i++)
		doctor_report(doctor, "configuration", DOCTOR_FAILURE, "scimd -t", "%s:%u: %s",
			      problems.items[i].file, problems.items[i].line,
			      problems.items[i].message);
	if (r == 0)
		doctor_report(doctor, "configuration", DOCTOR_OK, NULL,
			      "%s and its drop-ins are valid", file);
	else if (problems.count == 0)
		doctor_report(doctor, "configuration", DOCTOR_FAILURE, NULL, "%s", strerror(-r));
	doctor->conf = r == 0 ? *ret : NULL;
}

static void print_check(struct json_object *check, bool quiet)
{
	const char *status = json_string(check, "status"), *fix = json_string(check, "fix");
	enum style style = strcmp(status, "ok") == 0	    ? STYLE_GOOD
			   : strcmp(status, "failure") == 0 ? STYLE_BAD
							    : STYLE_ATTENTION;

	if (quiet && style == STYLE_GOOD)
		return;
	print_styled(style, 8, status);
	printf("%s: ", json_string(check, "check"));
	print_tame(json_string(check, "detail"));
	putchar('\n');
	if (*fix) {
		printf("         fix: ");
		print_tame(fix);
		putchar('\n');
	}
}

static int doctor_print(const struct doctor *doctor)
{
	_cleanup_(json_putp) struct json_object *object = json_object_new_object();
	int code = EXIT_SUCCESS;

	if (doctor->context->json) {
		put_text(object, "status", level_names[doctor->worst]);
		(void)json_object_object_add(object, "checks", json_object_get(doctor->checks));
		code = print_json(object);
	} else {
		for (size_t i = 0; i < json_object_array_length(doctor->checks); i++)
			print_check(json_object_array_get_idx(doctor->checks, i),
				    doctor->context->quiet);
	}
	return doctor->worst == DOCTOR_FAILURE ? EXIT_FAILURE : code;
}

int doctor_examine(const struct context *context, char **operands)
{
	_cleanup_(json_putp) struct json_object *checks = json_object_new_array();
	_cleanup_(conf_freep) struct conf *conf = NULL;
	struct doctor doctor = { .context = context, .checks = checks };

	(void)operands;
	if (geteuid() != 0)
		return complain("doctor looks at what only root may see");
	configuration(&doctor, &conf);
	doctor_service(&doctor);
	doctor_files(&doctor);
	doctor_certificate(&doctor);
	doctor_host(&doctor);
	doctor_pam(&doctor);
	doctor_sshd(&doctor);
	return doctor_print(&doctor);
}
