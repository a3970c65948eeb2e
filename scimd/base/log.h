/* log.h - one way to log: a line on standard error for journald or a terminal.
 * Layer: base. Threads: any. Only change, service, http, main and the warden log; library code
 * returns errors. Text that came from outside is passed as an argument and is escaped and cut.
 * Under systemd (JOURNAL_STREAM set) lines carry <N> priority prefixes. */
#ifndef SCIMD_BASE_LOG_H
#define SCIMD_BASE_LOG_H

#include "shared/attrs.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,   /* an operator must act */
	LOG_LEVEL_WARNING = 4, /* degraded, going on */
	LOG_LEVEL_NOTICE = 5,  /* state changed: started, somebody was offboarded */
	LOG_LEVEL_INFO = 6,    /* one line per change */
	LOG_LEVEL_DEBUG = 7,
};

/* Name in front of each line ("scimd", borrowed for ever) and the least important level shown. */
void log_open(const char *program, enum log_level most);

void log_write(enum log_level level, const char *fmt, ...) _printf_(2, 3);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* "what: strerror(-r)" at error level; returns r, so that `return log_error_errno(r, …)` works. */
int log_error_errno(int r, const char *fmt, ...) _printf_(2, 3);

#endif
