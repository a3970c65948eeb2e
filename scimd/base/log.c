#include "scimd/base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES_MAX 2048u
#define CUT_MARK "…"
/* Room kept free at the end of a line: the mark, a newline and snprintf's terminator. */
#define LINE_TAIL_BYTES (sizeof(CUT_MARK) + 1)

static const char *log_program = "scimd";
static enum log_level log_most = LOG_LEVEL_INFO;
static bool log_prefixes;

void log_open(const char *program, enum log_level most)
{
	log_program = program;
	log_most = most;
	log_prefixes = getenv("JOURNAL_STREAM") != NULL;
}

/* Length of the well-formed UTF-8 sequence at s if it is safe to show on a terminal (neither a C0
 * nor a C1 control character), else 0. s ends with a NUL, which stops every comparison. */
static size_t printable_length(const unsigned char *s)
{
	unsigned char second_min = 0x80, second_max = 0xBF;
	size_t length;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7F;
	if (s[0] < 0xC2 || s[0] > 0xF4)
		return 0;
	length = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
	if (s[0] == 0xC2)
		second_min = 0xA0; /* below: C1 controls */
	else if (s[0] == 0xE0)
		second_min = 0xA0; /* overlong */
	else if (s[0] == 0xED)
		second_max = 0x9F; /* surrogates */
	else if (s[0] == 0xF0)
		second_min = 0x90; /* overlong */
	else if (s[0] == 0xF4)
		second_max = 0x8F; /* beyond Unicode */
	if (s[1] < second_min || s[1] > second_max)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((s[i] & 0xC0) != 0x80)
			return 0;
	return length;
}

/* Append text to line at used, escaping what is not printable as \xNN and cutting what is too
 * much. Returns the bytes used now. */
static size_t line_append(char line[static LINE_BYTES_MAX], size_t used, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t length = printable_length(s), room = LINE_BYTES_MAX - LINE_TAIL_BYTES - used;

		if (room < (length ? length : sizeof("\\xNN") - 1)) {
			memcpy(line + used, CUT_MARK, sizeof(CUT_MARK) - 1);
			return used + sizeof(CUT_MARK) - 1;
		}
		if (length == 0) {
			used += (size_t)snprintf(line + used, room + 1, "\\x%02x", *s);
			s++;
			continue;
		}
		memcpy(line + used, s, length);
		used += length;
		s += length;
	}
	return used;
}

/* One write(2) per line, so that lines of different threads never mix. */
static void log_line(enum log_level level, const char *text)
{
	char line[LINE_BYTES_MAX];
	int saved = errno, head;
	size_t used;

	head = log_prefixes ? snprintf(line, sizeof(line), "<%d>%.64s: ", (int)level, log_program)
			    : snprintf(line, sizeof(line), "%.64s: ", log_program);
	used = line_append(line, head > 0 ? (size_t)head : 0, text);
	line[used++] = '\n';
	while (write(STDERR_FILENO, line, used) < 0 && errno == EINTR)
		;
	errno = saved;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char text[LINE_BYTES_MAX];
	va_list args;
	int r;

	if (level > log_most)
		return;
	va_start(args, fmt);
	r = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	log_line(level, r < 0 ? fmt : text);
}

int log_error_errno(int r, const char *fmt, ...)
{
	char text[LINE_BYTES_MAX / 2], whole[LINE_BYTES_MAX], reason[128];
	va_list args;
	int printed;

	va_start(args, fmt);
	printed = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	(void)snprintf(whole, sizeof(whole), "%s: %s", printed < 0 ? fmt : text,
		       strerror_r(-r, reason, sizeof(reason)));
	log_line(LOG_LEVEL_ERROR, whole);
	return r;
}
