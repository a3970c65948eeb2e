/* clock, log, notify. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"
#include "scimd/base/notify.h"
#include "shared/attrs.h"
#include "tests/unit/t.h"

static void test_clock_format(void)
{
	static const struct {
		uint64_t us;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 999999, "1970-01-01T00:00:00.999Z" },
		{ 1795256130123456, "2026-11-21T10:15:30.123Z" },
		{ 253402300799999999, "9999-12-31T23:59:59.999Z" },
	};
	char text[CLOCK_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		T_STR(clock_format(cases[i].us, text), cases[i].text);
	T_TRUE(strlen(clock_format(UINT64_MAX, text)) < CLOCK_TEXT_SIZE);
}

static void test_clocks_run(void)
{
	uint64_t monotonic_us = clock_monotonic_us(), now_us = clock_now_us();

	T_TRUE(now_us / 1000000u > 1700000000u);
	(void)usleep(2000);
	T_TRUE(clock_monotonic_us() >= monotonic_us + 2000);
	T_TRUE(clock_monotonic_us() < monotonic_us + 60000000u);
}

static char captured[8192];
static int stderr_before = -1, capture_pipe[2];

static void capture_start(void)
{
	(void)fflush(stderr);
	T_FATAL(pipe2(capture_pipe, O_CLOEXEC) == 0);
	stderr_before = dup(STDERR_FILENO);
	T_FATAL(dup2(capture_pipe[1], STDERR_FILENO) >= 0);
}

static const char *capture_end(void)
{
	ssize_t n;

	(void)dup2(stderr_before, STDERR_FILENO);
	(void)close(stderr_before);
	(void)close(capture_pipe[1]);
	n = read(capture_pipe[0], captured, sizeof(captured) - 1);
	(void)close(capture_pipe[0]);
	captured[n > 0 ? n : 0] = '\0';
	return captured;
}

static void test_log_lines(void)
{
	(void)unsetenv("JOURNAL_STREAM");
	log_open("program", LOG_LEVEL_NOTICE);
	capture_start();
	log_notice("started with %d", 7);
	log_info("not shown");
	T_INT(log_error_errno(-ENOENT, "open %s", "/x"), -ENOENT);
	T_STR(capture_end(), "program: started with 7\n"
			     "program: open /x: No such file or directory\n");

	(void)setenv("JOURNAL_STREAM", "8:1", 1);
	log_open("program", LOG_LEVEL_DEBUG);
	capture_start();
	log_error("e");
	log_warning("w");
	log_debug("d");
	(void)log_error_errno(-EIO, "disk");
	T_STR(capture_end(), "<3>program: e\n<4>program: w\n<7>program: d\n"
			     "<3>program: disk: Input/output error\n");
	(void)unsetenv("JOURNAL_STREAM");
	log_open("program", LOG_LEVEL_INFO);
}

static void test_log_escapes(void)
{
	static const struct {
		const char *text, *line;
	} cases[] = {
		{ "a\nprogram: forged", "program: a\\x0aprogram: forged\n" },
		{ "\r\t\033[2J\177", "program: \\x0d\\x09\\x1b[2J\\x7f\n" },
		{ "Zoë 😀 €", "program: Zoë 😀 €\n" },
		{ "\xc2\x9b" "31m", "program: \\xc2\\x9b31m\n" }, /* C1: a terminal's CSI */
		{ "\xc0\xaf \xe0\x80\xaf", "program: \\xc0\\xaf \\xe0\\x80\\xaf\n" }, /* overlong */
		{ "\xed\xa0\x80", "program: \\xed\\xa0\\x80\n" },             /* surrogate */
		{ "\xf4\x90\x80\x80", "program: \\xf4\\x90\\x80\\x80\n" },    /* beyond Unicode */
		{ "\xe2\x82", "program: \\xe2\\x82\n" },                      /* cut off */
		{ "\xff%s%n", "program: \\xff%s%n\n" },
		{ "", "program: \n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		capture_start();
		log_info("%s", cases[i].text);
		T_STR(capture_end(), cases[i].line);
	}
}

static void test_log_cuts(void)
{
	static char text[6000];
	size_t length;

	for (size_t start = 0; start < 8; start++) {
		memset(text, 'a', sizeof(text) - 1);
		for (size_t i = start; i + 4 < sizeof(text); i += 4)
			memcpy(text + i, i % 8 ? "\x01" "bcd" : "😀", 4);
		capture_start();
		log_info("%s", text);
		length = strlen(capture_end());
		T_TRUE(length > 1900 && length <= 2048);
		T_STR(captured + length - strlen("…\n"), "…\n");
		T_TRUE(strchr(captured, '\n') == captured + length - 1);
	}
}

static void test_log_keeps_errno(void)
{
	errno = ENOTTY;
	capture_start();
	errno = ENOTTY;
	log_info("x");
	T_INT(errno, ENOTTY);
	(void)capture_end();
}

/* A supervisor's end of $NOTIFY_SOCKET. */
static int supervisor_open(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, name, length);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	if (bind(fd, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		return -1;
	return fd;
}

static void test_notify(void)
{
	char path[64], abstract[64], got[64];
	const char *names[] = { path, abstract };

	(void)snprintf(path, sizeof(path), "/tmp/scimd-notify-%d", (int)getpid());
	(void)snprintf(abstract, sizeof(abstract), "@scimd-notify-%d", (int)getpid());
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_close_ int fd = supervisor_open(names[i]);
		ssize_t n;

		T_FATAL(fd >= 0);
		(void)setenv("NOTIFY_SOCKET", names[i], 1);
		notify_send("READY=1\nSTATUS=x");
		n = recv(fd, got, sizeof(got), 0);
		T_INT(n, strlen("READY=1\nSTATUS=x"));
		T_TRUE(n > 0 && memcmp(got, "READY=1\nSTATUS=x", (size_t)n) == 0);
	}
	(void)unlink(path);
	/* Nobody there, nothing sensible, nothing at all: no harm. */
	notify_send("READY=1");
	(void)setenv("NOTIFY_SOCKET", "relative", 1);
	notify_send("READY=1");
	(void)unsetenv("NOTIFY_SOCKET");
	notify_send("READY=1");
}

static void test_watchdog(void)
{
	char self[16];
	static const struct {
		const char *period;
		uint64_t ms;
	} cases[] = {
		{ "30000000", 15000 }, { "3000", 1 },  { "0", 0 },
		{ "", 0 },             { "-5", 0 },    { "5x", 0 },
		{ " 5000000", 0 },     { "99999999999999999999999", 0 },
	};

	(void)snprintf(self, sizeof(self), "%d", (int)getpid());
	(void)unsetenv("WATCHDOG_PID");
	(void)unsetenv("WATCHDOG_USEC");
	T_INT(notify_watchdog_ms(), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		(void)setenv("WATCHDOG_USEC", cases[i].period, 1);
		T_INT(notify_watchdog_ms(), cases[i].ms);
	}
	(void)setenv("WATCHDOG_USEC", "30000000", 1);
	(void)setenv("WATCHDOG_PID", self, 1);
	T_INT(notify_watchdog_ms(), 15000);
	(void)setenv("WATCHDOG_PID", "1", 1);
	T_INT(notify_watchdog_ms(), 0);
}

T_MAIN("base", T(test_clock_format), T(test_clocks_run), T(test_log_lines), T(test_log_escapes),
       T(test_log_cuts), T(test_log_keeps_errno), T(test_notify), T(test_watchdog))
