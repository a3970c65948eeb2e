/* offboard_time.c - how long it takes to end somebody, measured in the process that asks for it.
 *
 *   offboard_time UID INIT patch URL CONNECT-TO CA-FILE AUTH-FILE BODY
 *   offboard_time UID INIT run COMMAND…
 *
 * UID's processes (real, effective, saved or filesystem uid, or audit login uid) in the pid namespace of
 * INIT are held by pidfd; a thread of its own waits for the last of them. The time begins when the
 * connection stands and the next thing is the first byte of the PATCH; or, in the namespaces of INIT, right
 * before COMMAND is executed. Prints: how many there were, milliseconds until the last was gone, and how
 * many there are then, new ones included. It waits for OFFBOARD_TIMEOUT_MS (30000) at most. For tests/host/bench_offboard.sh. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#define TIMEOUT_MS "30000"

static int epoll;
static size_t watched;
static uint64_t gone_us;
static uint64_t *began_us; /* shared with a child */

static uint64_t now_us(void)
{
	struct timespec at;

	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000000u + (uint64_t)at.tv_nsec / 1000u;
}

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "offboard_time: %s: %s\n", what, strerror(errno));
	exit(1);
}

static bool slurp(int pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return false;
	text[n] = '\0';
	return true;
}

static bool is_theirs(int pid, const char *uid, const struct stat *namespace)
{
	char text[4096], path[64], *line, *end;
	struct stat st;
	size_t length = strlen(uid);

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	if (stat(path, &st) < 0 || st.st_ino != namespace->st_ino)
		return false;
	if (!slurp(pid, "status", text, sizeof(text)) || strstr(text, "\nState:\tZ") ||
	    strstr(text, "\nState:\tX"))
		return false;
	line = strstr(text, "\nUid:\t");
	end = line ? strchr(line + 1, '\n') : NULL;
	if (!end)
		return false;
	*end = '\0';
	for (char *id = strtok(line + 6, "\t"); id; id = strtok(NULL, "\t"))
		if (strcmp(id, uid) == 0)
			return true;
	return slurp(pid, "loginuid", text, sizeof(text)) && strncmp(text, uid, length) == 0 &&
	       text[length] == '\0';
}

/* Returns how many there are; watch: and has each watched. */
static size_t look(const char *uid, const char *init, bool watch)
{
	struct epoll_event event = { .events = EPOLLIN };
	const struct dirent *entry;
	struct stat namespace;
	char path[64];
	size_t count = 0;
	DIR *proc;

	snprintf(path, sizeof(path), "/proc/%s/ns/pid", init);
	proc = opendir("/proc");
	if (!proc || stat(path, &namespace) < 0)
		fail(path);
	while ((entry = readdir(proc))) {
		int pid = atoi(entry->d_name), fd;

		if (pid <= 0 || !is_theirs(pid, uid, &namespace))
			continue;
		count++;
		if (!watch)
			continue;
		fd = pidfd_open(pid, 0);
		event.data.fd = fd;
		if (fd < 0)
			count--;
		else if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
			fail("epoll");
	}
	closedir(proc);
	return count;
}

static void *wait_gone(void *argument)
{
	struct epoll_event events[256];
	const char *timeout = getenv("OFFBOARD_TIMEOUT_MS");
	int timeout_ms = atoi(timeout ? timeout : TIMEOUT_MS);

	for (size_t left = watched; left > 0;) {
		int n = epoll_wait(epoll, events, 256, timeout_ms);

		if (n <= 0)
			break;
		for (int i = 0; i < n; i++) {
			(void)epoll_ctl(epoll, EPOLL_CTL_DEL, events[i].data.fd, NULL);
			close(events[i].data.fd);
		}
		left -= (size_t)n;
	}
	gone_us = now_us();
	return argument;
}

static int on_ready(void *context, char *remote, char *local, int remote_port, int local_port)
{
	(void)context, (void)remote, (void)local, (void)remote_port, (void)local_port;
	*began_us = now_us();
	return CURL_PREREQFUNC_OK;
}

static size_t ignore(char *data, size_t size, size_t count, void *context)
{
	(void)data, (void)context;
	return size * count;
}

static void patch(char **arguments)
{
	struct curl_slist *headers = NULL, *connect_to = NULL;
	char authorization[256] = "";
	CURL *curl = curl_easy_init();
	FILE *file = fopen(arguments[3], "r");
	long status = 0;

	if (!curl || !file || !fgets(authorization, sizeof(authorization), file))
		fail(arguments[3]);
	fclose(file);
	authorization[strcspn(authorization, "\n")] = '\0';
	headers = curl_slist_append(headers, authorization);
	headers = curl_slist_append(headers, "Content-Type: application/scim+json");
	connect_to = curl_slist_append(connect_to, arguments[1]);
	curl_easy_setopt(curl, CURLOPT_URL, arguments[0]);
	curl_easy_setopt(curl, CURLOPT_CONNECT_TO, connect_to);
	curl_easy_setopt(curl, CURLOPT_CAINFO, arguments[2]);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PATCH");
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, arguments[4]);
	curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_ready);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
	if (curl_easy_perform(curl) != CURLE_OK ||
	    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK || status / 100 != 2) {
		fprintf(stderr, "offboard_time: the PATCH was answered %ld\n", status);
		exit(1);
	}
	curl_easy_cleanup(curl);
}

/* A new process only is in the pid namespace that was entered, hence two. */
static void run(const char *init, char **command)
{
	char path[64];
	pid_t child = fork();
	int status, pidfd;

	if (child < 0)
		fail("fork");
	if (child > 0) {
		(void)waitpid(child, &status, 0);
		return;
	}
	snprintf(path, sizeof(path), "/proc/%s/root", init);
	pidfd = pidfd_open(atoi(init), 0);
	status = open(path, O_PATH | O_DIRECTORY);
	if (pidfd < 0 || status < 0 ||
	    setns(pidfd, CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWPID |
				 CLONE_NEWCGROUP) < 0 ||
	    fchdir(status) < 0 || chroot(".") < 0 || chdir("/") < 0)
		fail("entering the host");
	child = fork();
	if (child == 0) {
		*began_us = now_us();
		execvp(command[0], command);
		fail(command[0]);
	}
	(void)waitpid(child, &status, 0);
	_exit(0);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc < 5 || (strcmp(argv[3], "patch") == 0 && argc != 9))
		return 2;
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	began_us = mmap(NULL, sizeof(*began_us), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (began_us == MAP_FAILED || epoll < 0)
		fail("starting");
	watched = look(argv[1], argv[2], true);
	if (pthread_create(&thread, NULL, wait_gone, NULL) != 0)
		fail("thread");
	if (strcmp(argv[3], "patch") == 0)
		patch(argv + 4);
	else
		run(argv[2], argv + 4);
	pthread_join(thread, NULL);
	printf("%zu %.3f %zu\n", watched, (double)(int64_t)(gone_us - *began_us) / 1000.0,
	       look(argv[1], argv[2], false));
	return 0;
}
