/* scimctl sessions - what the people of the identity provider have running, as /proc says: by the
 * audit login uid, which survives sudo, else by the uid. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "scimctl/scimctl.h"
#include "shared/directory.h"

#define TEXT_SIZE 256
#define LOGIND_SESSIONS "/run/systemd/sessions"
#define SESSIONS_MAX 65536u

struct session {
	uint32_t uid;
	char name[64], id[64]; /* id: logind's, "" outside of one */
	char from[TEXT_SIZE], command[64];
	bool allowed;
	uint64_t since_s; /* epoch, start of its oldest process */
	size_t processes;
};

struct walk {
	struct directory_view view;
	struct session *sessions;
	size_t count;
	uint64_t boot_s;
	long ticks; /* in a second */
};

static void walk_done(struct walk *walk)
{
	directory_release(&walk->view);
	free(walk->sessions);
}

/* A small file of a process as text of less than size bytes; -errno. */
static ssize_t proc_read(int dir, const char *pid, const char *name, char *ret, size_t size)
{
	char path[64];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", pid, name);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, ret, size - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return n;
}

/* The login uid, or the real one of processes that no login started. */
static int owner_read(int dir, const char *pid, uint32_t *ret)
{
	char text[4096];
	const char *line;
	unsigned int uid;

	if (proc_read(dir, pid, "loginuid", text, sizeof(text)) > 0 &&
	    sscanf(text, "%u", &uid) == 1 && uid != UINT32_MAX) {
		*ret = uid;
		return 0;
	}
	if (proc_read(dir, pid, "status", text, sizeof(text)) <= 0)
		return -ESRCH;
	line = strstr(text, "\nUid:");
	if (!line || sscanf(line + 5, "%u", &uid) != 1)
		return -ESRCH;
	*ret = uid;
	return 0;
}

/* Start time in seconds of the epoch, and the command's name. */
static uint64_t start_read(const struct walk *walk, int dir, const char *pid, char command[64])
{
	char text[1024], *open, *close;
	unsigned long long ticks;

	if (proc_read(dir, pid, "stat", text, sizeof(text)) <= 0)
		return 0;
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close || close < open ||
	    sscanf(close + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
			      "%*d %*d %*d %llu", &ticks) != 1)
		return 0;
	(void)snprintf(command, 64, "%.*s", (int)(close - open - 1), open + 1);
	return walk->boot_s + ticks / (unsigned long long)walk->ticks;
}

/* The session of logind's in whose scope, below the user's own slice, the process is. */
static void id_read(int dir, const char *pid, uint32_t uid, char ret[64])
{
	char text[1024], slice[64];
	const char *scope;
	size_t size;

	*ret = '\0';
	(void)snprintf(slice, sizeof(slice), "/user-%u.slice/session-", uid);
	if (proc_read(dir, pid, "cgroup", text, sizeof(text)) <= 0)
		return;
	scope = strstr(text, slice);
	if (!scope)
		return;
	scope += strlen(slice);
	size = strspn(scope, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
	if (strncmp(scope + size, ".scope", 6) == 0)
		(void)snprintf(ret, 64, "%.*s", (int)size, scope);
}

/* "KEY=VALUE" among lines; the value is cut to size. */
static bool line_read(const char *text, const char *key, char *ret, size_t size)
{
	_cleanup_free_ char *start = NULL;
	const char *line;

	if (asprintf(&start, "\n%s=", key) < 0) {
		start = NULL; /* undefined after a failure */
		return false;
	}
	line = strstr(text, start);
	if (!line)
		return false;
	line += strlen(start);
	(void)snprintf(ret, size, "%.*s", (int)strcspn(line, "\n"), line);
	return true;
}

/* Where the client is, or the terminal, as PAM told logind, who keeps it where sd_session_get_remote_host(3)
 * looks. The processes' environments are the person's to write, and reading them can take as long as the
 * person likes, who may have put a FUSE file there. */
static void from_read(const struct session *session, char ret[TEXT_SIZE])
{
	char path[128], text[4096] = "\n", uid[16] = "";
	_cleanup_close_ int fd = -1;
	ssize_t n;

	if (!*session->id)
		return;
	(void)snprintf(path, sizeof(path), LOGIND_SESSIONS "/%s", session->id);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text + 1, sizeof(text) - 2);
	if (n < 0)
		return;
	text[1 + n] = '\0';
	if (line_read(text, "UID", uid, sizeof(uid)) && strtoul(uid, NULL, 10) == session->uid &&
	    !line_read(text, "REMOTE_HOST", ret, TEXT_SIZE))
		(void)line_read(text, "TTY", ret, TEXT_SIZE);
}

static struct session *session_find(struct walk *walk, uint32_t uid, const char *id)
{
	struct session *bigger;

	for (size_t i = 0; i < walk->count; i++)
		if (walk->sessions[i].uid == uid && strcmp(walk->sessions[i].id, id) == 0)
			return &walk->sessions[i];
	if (walk->count == SESSIONS_MAX)
		return NULL;
	bigger = reallocarray(walk->sessions, walk->count + 1, sizeof(*bigger));
	if (!bigger)
		return NULL;
	walk->sessions = bigger;
	bigger[walk->count] = (struct session){ .uid = uid };
	(void)snprintf(bigger[walk->count].id, sizeof(bigger->id), "%s", id);
	return &bigger[walk->count++];
}

static void process_look(struct walk *walk, int dir, const char *pid)
{
	struct directory_user user;
	char id[64], command[64] = "";
	struct session *session;
	uint64_t since_s;
	uint32_t uid;

	if (owner_read(dir, pid, &uid) < 0 ||
	    directory_user_by_uid(&walk->view, uid, &user) < 0)
		return;
	id_read(dir, pid, uid, id);
	since_s = start_read(walk, dir, pid, command);
	session = since_s ? session_find(walk, uid, id) : NULL;
	if (!session)
		return;
	session->processes++;
	session->allowed = user.flags & DIRECTORY_ALLOWED;
	(void)snprintf(session->name, sizeof(session->name), "%s",
		       user.flags & DIRECTORY_DELETED ? "(deleted)" : user.name);
	if (session->since_s == 0 || since_s < session->since_s) {
		session->since_s = since_s;
		memcpy(session->command, command, sizeof(session->command));
	}
}

static uint64_t boot_time(void)
{
	FILE *file = fopen("/proc/stat", "re");
	char line[4096];
	unsigned long long boot_s = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "btime %llu", &boot_s) == 1)
			break;
	if (file)
		fclose(file);
	return boot_s;
}

static int processes_walk(struct walk *walk)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;

	if (!dir)
		return complain("/proc: %s", strerror(errno));
	walk->boot_s = boot_time();
	walk->ticks = sysconf(_SC_CLK_TCK);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			process_look(walk, dirfd(dir), entry->d_name);
	closedir(dir);
	return EXIT_SUCCESS;
}

static int session_compare(const void *a, const void *b)
{
	const struct session *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->since_s > y->since_s) - (x->since_s < y->since_s);
}

static struct json_object *text_or_null(const char *text)
{
	return *text ? json_object_new_string(text) : NULL;
}

static struct json_object *session_object(const struct session *session)
{
	struct json_object *object = json_object_new_object();
	const time_t since = (time_t)session->since_s;
	char time[32] = "";
	struct tm tm;

	if (gmtime_r(&since, &tm))
		(void)strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%SZ", &tm);
	(void)json_object_object_add(object, "name", json_object_new_string(session->name));
	(void)json_object_object_add(object, "uid", json_object_new_int64(session->uid));
	(void)json_object_object_add(object, "session", text_or_null(session->id));
	(void)json_object_object_add(object, "since", text_or_null(time));
	(void)json_object_object_add(object, "from", text_or_null(session->from));
	(void)json_object_object_add(object, "processes",
				     json_object_new_int64((int64_t)session->processes));
	(void)json_object_object_add(object, "command", text_or_null(session->command));
	(void)json_object_object_add(object, "allowed", json_object_new_boolean(session->allowed));
	return object;
}

int sessions_list(const struct context *context, char **operands)
{
	static const struct column columns[] = {
		{ "NAME", "name", false },
		{ "UID", "uid", false },
		{ "SESSION", "session", true },
		{ "SINCE", "since", false },
		{ "FROM", "from", false },
		{ "PROCESSES", "processes", false },
		{ "COMMAND", "command", true },
		{ "ALLOWED", "allowed", false },
	};
	_cleanup_(json_putp) struct json_object *array = json_object_new_array();
	_cleanup_(walk_done) struct walk walk = { .count = 0 };
	int r = directory_acquire(&walk.view), code;

	(void)operands;
	if (r < 0)
		return complain("the directory cannot be read: %s", strerror(-r));
	if (geteuid() != 0)
		return complain("sessions of others are root's to see");
	code = processes_walk(&walk);
	if (code != EXIT_SUCCESS)
		return code;
	if (walk.count)
		qsort(walk.sessions, walk.count, sizeof(*walk.sessions), session_compare);
	for (size_t i = 0; i < walk.count; i++) {
		from_read(&walk.sessions[i], walk.sessions[i].from);
		(void)json_object_array_add(array, session_object(&walk.sessions[i]));
	}
	return context->json ? print_json(array)
			     : print_table(context, array, columns, ARRAY_SIZE(columns));
}
