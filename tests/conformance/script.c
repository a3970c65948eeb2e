#include "tests/conformance/conformance.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define CALL_DEPTH_MAX 8
#define ARGUMENTS_MAX 9

struct script {
	const char *file;
	char **lines; /* owned */
	size_t count;
	struct exchange *exchange;
	struct variables *variables;
	struct totals totals;
	unsigned int tests; /* how many names were made unique */
	const char *test;   /* the title of the current one */
	bool broken;
};

/* Where a step stands: the request's first line, its answer's, and the first line after it. */
struct step {
	size_t request, answer, end;
};

static bool broken(struct script *script, size_t line, const char *what)
{
	printf("%s:%zu: %s\n", script->file, line + 1, what);
	script->broken = true;
	return false;
}

static bool starts(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

static bool is_request(const char *line)
{
	size_t len = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return len >= 3 && (line[len] == ' ' || strcmp(line, "RAW") == 0);
}

static bool is_expectation(const char *line)
{
	return line[0] == '.' || starts(line, "header ") || starts(line, "body ");
}

/* --- one step --------------------------------------------------------------------------------- */

static void step_report(struct script *script, size_t line, const char *what, const char *why)
{
	printf("%s:%zu: %s: %s\n    %s: %.600s\n", script->file, line + 1,
	       script->test ? script->test : "", script->lines[line], what, why);
}

static bool expand(struct script *script, size_t line, struct text *ret)
{
	if (variables_expand(script->variables, script->lines[line], ret)) {
		text_unhex(ret);
		return true;
	}
	step_report(script, line, "unknown variable", ret->bytes);
	return false;
}

static bool is_header(const char *line)
{
	size_t len = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-");

	return len > 0 && line[len] == ':' && line[len + 1] == ' ';
}

static bool body_read(struct script *script, size_t line, size_t end, const char *newline,
		      struct text *ret)
{
	for (size_t i = line; i < end; i++) {
		_cleanup_(text_done) struct text text = { .bytes = NULL };

		if (!expand(script, i, &text))
			return false;
		text_add(ret, text.bytes, text.size);
		if (i + 1 < end || *newline == '\r')
			text_puts(ret, newline);
	}
	return true;
}

/* "METHOD target", headers, and the rest is the body. RAW has a body alone. */
static bool request_read(struct script *script, const struct step *step, struct request *ret)
{
	_cleanup_(text_done) struct text first = { .bytes = NULL };
	size_t at = step->request + 1;
	const char *space;

	if (!expand(script, step->request, &first))
		return false;
	if (strcmp(first.bytes, "RAW") == 0) {
		strcpy(ret->method, "RAW");
		return body_read(script, at, step->answer, "\r\n", &ret->body);
	}
	space = strchr(first.bytes, ' ');
	(void)snprintf(ret->method, sizeof(ret->method), "%.*s", (int)(space - first.bytes),
		       first.bytes);
	text_puts(&ret->target, space + 1);
	if (strcmp(ret->target.bytes, "-") == 0)
		text_done(&ret->target);
	text_add(&ret->target, "", 0);
	for (; at < step->answer && is_header(script->lines[at]); at++) {
		if (ret->header_count == ARRAY_SIZE(ret->headers))
			return broken(script, at, "too many headers");
		if (!expand(script, at, &ret->headers[ret->header_count++]))
			return false;
	}
	return body_read(script, at, step->answer, "\n", &ret->body);
}

/* "< 200", "< 4xx" or "< 200 204". */
static bool status_matches(const char *wanted, int status)
{
	char have[16];

	(void)snprintf(have, sizeof(have), "%03d", status);
	for (wanted += strspn(wanted, " "); *wanted; wanted += strspn(wanted, " ")) {
		bool same = true;

		for (size_t i = 0; i < 3; i++)
			same = same && (wanted[i] == 'x' || wanted[i] == have[i]);
		if (same)
			return true;
		wanted += strcspn(wanted, " ");
	}
	return false;
}

static bool answer_check(struct script *script, const struct step *step,
			 const struct request *request, const struct response *response)
{
	_cleanup_(text_done) struct text why = { .bytes = NULL }, wanted = { .bytes = NULL };
	bool good = true;

	if (!expand(script, step->answer, &wanted))
		return false;
	if (response->problem[0] || !status_matches(wanted.bytes + 1, response->status)) {
		char status[320];

		(void)snprintf(status, sizeof(status), "%d %s", response->status,
			       response->problem);
		step_report(script, step->answer, "status", status);
		step_report(script, step->request, "body",
			    response->body.bytes ? response->body.bytes : "");
		return false;
	}
	if (!expect_always(request, response, &why)) {
		step_report(script, step->request, "answer", why.bytes);
		return false;
	}
	for (size_t i = step->answer + 1; i < step->end; i++) {
		_cleanup_(text_done) struct text line = { .bytes = NULL };

		text_done(&why);
		if (!expand(script, i, &line)) {
			good = false;
		} else if (!expect_line(response, line.bytes, script->variables, &why)) {
			step_report(script, i, "but", why.bytes);
			good = false;
		}
	}
	return good;
}

static bool step_run(struct script *script, const struct step *step)
{
	_cleanup_(request_done) struct request request = { .header_count = 0 };
	_cleanup_(response_done) struct response response = { .status = 0 };

	if (!request_read(script, step, &request))
		return false;
	if (strcmp(request.method, "RAW") == 0)
		exchange_send_raw(script->exchange, &request, &response);
	else
		exchange_send(script->exchange, variable_get(script->variables, "token"), &request,
			      &response);
	return answer_check(script, step, &request, &response);
}

/* --- lines in order --------------------------------------------------------------------------- */

static bool lines_run(struct script *script, size_t from, size_t to, unsigned int depth);

/* A new word for ${u}: names that nobody else has. */
static void unique_make(struct script *script)
{
	char word[32];

	(void)snprintf(word, sizeof(word), "%s%u", variable_get(script->variables, "file"),
		       ++script->tests);
	variable_set(script->variables, "u", word);
}

static size_t find_end(const struct script *script, size_t line)
{
	while (line < script->count && strcmp(script->lines[line], "end") != 0)
		line++;
	return line;
}

static size_t find_macro(const struct script *script, const char *name, size_t len)
{
	for (size_t i = 0; i < script->count; i++) {
		const char *line = script->lines[i];

		if (starts(line, "macro ") && strlen(line + 6) == len &&
		    strncmp(line + 6, name, len) == 0)
			return i;
	}
	return script->count;
}

/* The arguments and ${u} belong to the macro that is running. */
static void frame_swap(struct variables *variables, struct variables *frame)
{
	for (size_t i = 0; i < frame->count; i++) {
		_cleanup_free_ char *outer = strdup(variable_get(variables, frame->items[i].name));

		if (!outer)
			exit(2);
		variable_set(variables, frame->items[i].name, frame->items[i].value);
		variable_set(frame, frame->items[i].name, outer);
	}
}

static void frame_make(struct script *script, char *arguments, struct variables *ret)
{
	for (unsigned int i = 1; i <= ARGUMENTS_MAX; i++) {
		char *bar = strstr(arguments, " | ");
		char name[2] = { (char)('0' + i), '\0' };

		if (bar)
			*bar = '\0';
		if (!variable_get(script->variables, name))
			variable_set(script->variables, name, "");
		variable_set(ret, name, arguments);
		arguments = bar ? bar + 3 : arguments + strlen(arguments);
	}
	variable_set(ret, "u", "");
}

/* "do NAME A | B": ${1} is A, ${2} is B. */
static bool call_run(struct script *script, size_t line, unsigned int depth)
{
	_cleanup_(variables_done) struct variables frame = { .items = NULL };
	_cleanup_(text_done) struct text text = { .bytes = NULL };
	size_t macro, len;
	char *arguments;
	bool good;

	if (!variables_expand(script->variables, script->lines[line], &text))
		return broken(script, line, "unknown variable");
	arguments = text.bytes + 3;
	len = strcspn(arguments, " ");
	macro = find_macro(script, arguments, len);
	if (macro == script->count || depth >= CALL_DEPTH_MAX)
		return broken(script, line, "no such macro");
	frame_make(script, arguments + len + (arguments[len] == ' '), &frame);
	frame_swap(script->variables, &frame);
	unique_make(script);
	good = lines_run(script, macro + 1, find_end(script, macro), depth + 1);
	frame_swap(script->variables, &frame);
	if (!good)
		printf("    in: %s:%zu: %s\n", script->file, line + 1, script->lines[line]);
	return good;
}

static bool step_find(struct script *script, size_t line, size_t to, struct step *ret)
{
	*ret = (struct step){ .request = line, .answer = line };
	while (ret->answer < to && !starts(script->lines[ret->answer], "< "))
		ret->answer++;
	if (ret->answer == to)
		return broken(script, line, "a request without \"< STATUS\"");
	ret->end = ret->answer + 1;
	while (ret->end < to && is_expectation(script->lines[ret->end]))
		ret->end++;
	return true;
}

static bool set_run(struct script *script, size_t line)
{
	_cleanup_(text_done) struct text text = { .bytes = NULL };
	char *value;

	if (!expand(script, line, &text))
		return broken(script, line, "cannot set");
	value = strchr(text.bytes + 4, ' ');
	if (!value)
		return broken(script, line, "set NAME VALUE");
	*value++ = '\0';
	variable_set(script->variables, text.bytes + 4, value);
	return true;
}

/* Run the line, and move *line to the last one of what stands there. */
static bool line_run(struct script *script, size_t *line, size_t to, unsigned int depth)
{
	const char *text = script->lines[*line];
	struct step step;
	bool good;

	if (text[0] == '\0' || text[0] == '#')
		return true;
	if (starts(text, "macro ")) {
		*line = find_end(script, *line);
		return *line < to || broken(script, to - 1, "a macro without \"end\"");
	}
	if (starts(text, "test ")) {
		script->test = text + 5;
		unique_make(script);
		return true;
	}
	if (starts(text, "set "))
		return set_run(script, *line);
	if (starts(text, "wait "))
		return usleep((useconds_t)strtoul(text + 5, NULL, 10) * 1000) == 0;
	if (starts(text, "do "))
		return call_run(script, *line, depth);
	if (!is_request(text))
		return broken(script, *line, "neither a request nor a command");
	if (!step_find(script, *line, to, &step))
		return false;
	*line = step.end - 1;
	good = step_run(script, &step);
	script->totals.passed += good;
	script->totals.failed += !good;
	return good;
}

static bool lines_run(struct script *script, size_t from, size_t to, unsigned int depth)
{
	bool good = true;

	for (size_t i = from; i < to && !script->broken; i++)
		good = line_run(script, &i, to, depth) && good;
	return good;
}

static bool lines_read(struct script *script)
{
	FILE *file = fopen(script->file, "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	if (!file) {
		perror(script->file);
		return false;
	}
	while ((len = getline(&line, &room, file)) >= 0) {
		if (len > 0 && line[len - 1] == '\n')
			line[len - 1] = '\0';
		script->lines = reallocarray(script->lines, script->count + 1,
					     sizeof(*script->lines));
		if (!script->lines)
			exit(2);
		script->lines[script->count++] = line;
		line = NULL;
		room = 0;
	}
	free(line);
	(void)fclose(file);
	return true;
}

bool script_run(const char *file, struct exchange *exchange, struct variables *variables,
		struct totals *ret)
{
	struct script script = { .file = file, .exchange = exchange, .variables = variables };

	if (!lines_read(&script))
		return false;
	unique_make(&script);
	(void)lines_run(&script, 0, script.count, 0);
	for (size_t i = 0; i < script.count; i++)
		free(script.lines[i]);
	free(script.lines);
	*ret = script.totals;
	return !script.broken;
}
