/* The reaper against a host made of files (a /proc, a cgroup tree, lingering) and of a bus. */
#include "scimd/warden/reap.h"

#include <ftw.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <systemd/sd-bus.h>

#include "tests/unit/warden/reap_fixture.h"

static char folder[64];

static void make_folder(void)
{
	(void)snprintf(folder, sizeof(folder), "/tmp/scimd-test-reap-XXXXXX");
	T_FATAL(mkdtemp(folder) != NULL);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_tree(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A path below the test's folder; four are good at a time. */
static const char *below(const char *fmt, ...)
{
	static char paths[4][256];
	static unsigned int at;
	char *path = paths[at++ % 4];
	int length = snprintf(path, sizeof(paths[0]), "%s/", folder);
	va_list values;

	va_start(values, fmt);
	(void)vsnprintf(path + length, sizeof(paths[0]) - (size_t)length, fmt, values);
	va_end(values);
	return path;
}

static void make_file(const char *path, const char *text)
{
	T_FATAL(write_text(path, text));
}

static char *read_text(const char *path)
{
	static char text[256];
	FILE *file = fopen(path, "r");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	if (file)
		(void)fclose(file);
	text[n] = '\0';
	return text;
}

/* --- a made-up /proc ---------------------------------------------------------------------- */

#define NO_SUCH_PID 4194303 /* the last one possible: a host has to be very busy */

static const char *status_text(uint32_t uid, const char *state)
{
	static char text[512];

	(void)snprintf(text, sizeof(text), "Name:\tmade-up\nState:\t%s\nUid:\t%u\t%u\t%u\t%u\n"
		       "Gid:\t1\t1\t1\t1\nFDSize:\t0\nGroups:\t5 27 \nThreads:\t1\n", state, uid, uid, uid,
		       uid);
	return text;
}

static const char *stat_text(unsigned long flags, unsigned long ticks)
{
	static char text[256];

	(void)snprintf(text, sizeof(text), "1 (a) b) S 1 1 1 0 -1 %lu 0 0 0 0 0 0 0 0 20 0 1 0 %lu 0 0\n",
		       flags, ticks);
	return text;
}

static void make_process(int pid, uint32_t uid, unsigned long flags)
{
	(void)mkdir(below("proc"), 0755);
	T_FATAL(mkdir(below("proc/%d", pid), 0755) == 0);
	make_file(below("proc/%d/status", pid), status_text(uid, "S (sleeping)"));
	make_file(below("proc/%d/stat", pid), stat_text(flags, 1000));
	make_file(below("proc/%d/loginuid", pid), "4294967295");
}

/* In a sleep that nothing interrupts, as far as anybody can see. */
static void test_deadline(void)
{
	_cleanup_(reap_freep) struct reap *reap = NULL;
	uint64_t begin;

	make_folder();
	make_process(NO_SUCH_PID, 70011, 0);
	reap = make_reap((struct reap_options){ .proc = below("proc") });
	begin = now_ms();
	T_OK(reap_user(reap, 70011, "", 6, 60, 0));
	drive(reap, 1, 5000);
	T_TRUE(now_ms() - begin >= 60);
	T_INT(report_count, 1);
	T_INT(reports[0].report.flags, 0);
	T_INT(reports[0].report.ended_count, 0);
	T_INT(reports[0].report.left_count, 1);
	T_TRUE(reports[0].items[0].left);
	T_STR(reports[0].items[0].comm, "made-up");
	drive(reap, 2, 200); /* goes on, without a word */
	T_INT(report_count, 1);
	T_INT(reap_pending(reap), 1);
	make_file(below("proc/%d/status", NO_SUCH_PID), status_text(70011, "Z (zombie)"));
	drive(reap, 2, 1000);
	T_INT(report_count, 2);
	T_INT(reports[1].report.tag, 6);
	T_INT(reports[1].report.flags, WARDEN_ENDED_DONE | WARDEN_ENDED_LATE);
	T_INT(reports[1].report.ended_count, 1);
	T_INT(reports[1].report.left_count, 0);
	remove_tree(folder);
}

static void test_unreadable_is_not_clean(void)
{
	_cleanup_(reap_freep) struct reap *reap = NULL;

	make_folder();
	make_process(NO_SUCH_PID, 70011, 0);
	make_file(below("proc/%d/status", NO_SUCH_PID), "Name:\tx\nnoise\n");
	reap = make_reap((struct reap_options){ .proc = below("proc") });
	T_OK(reap_user(reap, 70011, "", 6, 50, 0));
	drive(reap, 1, 1000);
	T_INT(reports[0].report.flags, 0);
	T_OK(remove(below("proc/%d/status", NO_SUCH_PID)));
	drive(reap, 2, 1000);
	T_INT(reports[1].report.flags, WARDEN_ENDED_DONE | WARDEN_ENDED_LATE);
	remove_tree(folder);
}

/* Listed, and gone when it is read: may have left a child behind the reader's back. */
static void test_vanished_is_looked_for(void)
{
	_cleanup_(reap_freep) struct reap *reap = NULL;

	make_folder();
	T_OK(mkdir(below("proc"), 0755));
	T_OK(mkdir(below("proc/%d", NO_SUCH_PID), 0755));
	reap = make_reap((struct reap_options){ .proc = below("proc") });
	T_OK(reap_user(reap, 70011, "", 6, 1000, 0));
	drive(reap, 1, 1000);
	T_INT(verdicts_asked, 4); /* looks; a host where something always vanishes is believed in the end */
	T_INT(reports[0].report.flags, WARDEN_ENDED_DONE);
	remove_tree(folder);
}

/* Real and innocent pids under a made-up /proc: init, ourselves, a kernel thread. Were any of them
 * signalled, this test would not get to its end. */
static void test_never_init_ourselves_or_the_kernel(void)
{
	_cleanup_(reap_freep) struct reap *reap = NULL;
	pid_t pid = spawn_uid(70050);

	make_folder();
	make_process(getpid(), 70012, 0);
	make_process(pid, 70012, 0x00200000);
	reap = make_reap((struct reap_options){ .proc = below("proc") });
	T_OK(reap_user(reap, 70012, "", 1, 100, 0));
	drive(reap, 1, 1000);
	T_INT(reports[0].report.flags, WARDEN_ENDED_DONE);
	T_INT(reports[0].report.ended_count, 0);
	T_TRUE(is_alive(pid));
	put_down(pid);
	remove_tree(folder);
}

/* A file that says something else each time it is read. */
struct telling {
	char path[256], next[256];
	const char *texts[4];
};

/* The next pipe is in place before the reader gets to read this one. */
static void *tell(void *argument)
{
	const struct telling *telling = argument;
	const char *next = telling->next;

	for (size_t i = 0; telling->texts[i]; i++) {
		int fd = open(telling->path, O_WRONLY | O_CLOEXEC); /* waits for the reader */

		if (fd < 0 || mkfifo(next, 0600) < 0 || rename(next, telling->path) < 0 ||
		    write(fd, telling->texts[i], strlen(telling->texts[i])) < 0)
			return NULL;
		(void)close(fd);
	}
	return NULL;
}

/* The pid was given to somebody else between the look and the signal. */
static void check_reuse(const char *file, const struct telling *texts)
{
	_cleanup_(reap_freep) struct reap *reap = NULL;
	struct telling telling = *texts;
	pid_t pid = spawn_uid(70050);
	pthread_t thread;

	make_folder();
	make_process(pid, 70013, 0);
	(void)snprintf(telling.path, sizeof(telling.path), "%s", below("proc/%d/%s", pid, file));
	(void)snprintf(telling.next, sizeof(telling.next), "%s", below("next"));
	T_OK(remove(telling.path));
	T_OK(mkfifo(telling.path, 0600));
	reap = make_reap((struct reap_options){ .proc = below("proc") });
	T_OK(reap_user(reap, 70013, "", 1, 1000, 0));
	T_OK(pthread_create(&thread, NULL, tell, &telling));
	(void)reap_step(reap);
	T_OK(pthread_join(thread, NULL));
	T_TRUE(is_alive(pid));
	put_down(pid);
	remove_tree(folder);
}

static void test_pid_reuse(void)
{
	char before[512], after[512];

	(void)snprintf(before, sizeof(before), "%s", status_text(70013, "S (sleeping)"));
	(void)snprintf(after, sizeof(after), "%s", status_text(70050, "S (sleeping)"));
	/* Whose it is, what it is, and what it is once it is held. */
	check_reuse("status", &(struct telling){ .texts = { before, before, after } });
	(void)snprintf(before, sizeof(before), "%s", stat_text(0, 1000));
	(void)snprintf(after, sizeof(after), "%s", stat_text(0, 1001));
	check_reuse("stat", &(struct telling){ .texts = { before, after } });
}

/* --- slices ------------------------------------------------------------------------------- */

static void make_slice(uint32_t uid, pid_t pid)
{
	char text[32];

	(void)mkdir(below("unified"), 0755);
	(void)mkdir(below("unified/user.slice"), 0755);
	T_OK(mkdir(below("unified/user.slice/user-%u.slice", uid), 0755));
	T_OK(mkdir(below("unified/user.slice/user-%u.slice/session-c7.scope", uid), 0755));
	make_file(below("unified/user.slice/user-%u.slice/cgroup.events", uid), "populated 1\nfrozen 0\n");
	make_file(below("unified/user.slice/user-%u.slice/cgroup.procs", uid), "");
	(void)snprintf(text, sizeof(text), "%d\n", pid);
	make_file(below("unified/user.slice/user-%u.slice/session-c7.scope/cgroup.procs", uid), text);
}

static void test_slice(void)
{
	_cleanup_(reap_freep) struct reap *reap = NULL;
	pid_t pid = spawn_uid(70050); /* a subordinate uid, say */

	make_folder();
	make_slice(70014, pid);
	make_file(below("unified/user.slice/user-70014.slice/cgroup.kill"), "");
	reap = make_reap((struct reap_options){ .cgroup = folder });
	T_OK(reap_user(reap, 70014, "", 1, 1000, 0));
	(void)reap_step(reap);
	T_STR(read_text(below("unified/user.slice/user-70014.slice/cgroup.kill")), "1");
	T_TRUE(is_alive(pid)); /* that was the kernel's to do */
	(void)reap_step(reap);
	T_INT(report_count, 0);
	put_down(pid);
	make_file(below("unified/user.slice/user-70014.slice/cgroup.events"), "populated 0\nfrozen 0\n");
	drive(reap, 1, 1000);
	T_INT(reports[0].report.flags, WARDEN_ENDED_DONE);
	T_INT(reports[0].report.ended_count, 1);
	T_INT(reports[0].items[0].pid, pid);
	T_INT(reports[0].items[0].found, WARDEN_FOUND_CGROUP);
	T_INT(reports[0].report.session_count, 1);
	T_STR(reports[0].sessions[0], "c7");
	remove_tree(folder);
}

#define CROWD 150

static void *live_on(void *unused)
{
	for (;;)
		(void)pause();
	return unused;
}

static void live_headless(int ready)
{
	pthread_t thread;

	say_ready(ready);
	if (pthread_create(&thread, NULL, live_on, NULL) == 0)
		pthread_exit(NULL);
	_exit(7);
}

/* The kernel's kill by control group leaves those whose first thread has ended. */
static void test_headless_in_a_crowd(void)
{
	_cleanup_(reap_freep) struct reap *reap = NULL;
	char text[(CROWD + 2) * 12] = "";
	pid_t pids[CROWD], headless[2];

	for (size_t i = 0; i < CROWD; i++)
		pids[i] = spawn_uid(70014);
	for (size_t i = 0; i < 2; i++)
		headless[i] = spawn(&(struct child){ 70050, 70050, 70050, 0, 0, 0, NULL, live_headless });
	(void)usleep(20000);
	for (size_t i = 0; i < CROWD; i++)
		(void)snprintf(text + strlen(text), 12, "%d\n", pids[i]);
	(void)snprintf(text + strlen(text), 24, "%d\n%d\n", headless[0], headless[1]);
	make_folder();
	make_slice(70014, pids[0]);
	make_file(below("unified/user.slice/user-70014.slice/cgroup.procs"), text);
	make_file(below("unified/user.slice/user-70014.slice/cgroup.kill"), "");
	reap = make_reap((struct reap_options){ .cgroup = folder });
	T_OK(reap_user(reap, 70014, "", 1, 1000, 0));
	(void)reap_step(reap);
	for (size_t i = 0; i < 2; i++)
		T_INT(ended_by(headless[i]), SIGKILL);
	remove_tree(folder);
	for (size_t i = 0; i < CROWD; i++)
		put_down(pids[i]);
}

/* Whoever has a grace is asked to end by themselves, however many they are. */
static void test_grace_of_a_crowd(void)
{
	_cleanup_(reap_freep) struct reap *reap = NULL;
	char text[CROWD * 12] = "";
	pid_t pids[CROWD];
	int asked = 0;

	for (size_t i = 0; i < CROWD; i++) {
		pids[i] = spawn_uid(70014);
		(void)snprintf(text + strlen(text), 12, "%d\n", pids[i]);
	}
	make_folder();
	make_slice(70014, pids[0]);
	make_file(below("unified/user.slice/user-70014.slice/cgroup.procs"), text);
	reap = make_reap((struct reap_options){ .cgroup = folder });
	T_OK(reap_user(reap, 70014, "", 1, 1000, 800));
	(void)reap_step(reap);
	for (size_t i = 0; i < CROWD; i++) {
		int signal_number = ended_by(pids[i]);

		asked += signal_number == SIGTERM;
		if (signal_number < 0)
			put_down(pids[i]);
	}
	T_INT(asked, CROWD);
	remove_tree(folder);
}

static void test_slice_of_an_old_kernel(void)
{
	_cleanup_(reap_freep) struct reap *reap = NULL;
	pid_t pid = spawn_uid(70050);

	make_folder();
	make_slice(70014, pid);
	reap = make_reap((struct reap_options){ .cgroup = folder });
	T_OK(reap_user(reap, 70014, "", 1, 1000, 0));
	(void)reap_step(reap);
	T_INT(ended_by(pid), SIGKILL);
	remove_tree(folder);
}

/* Started by hand from a session of the person: not a reason to kill ourselves. */
static void test_slice_of_our_own(void)
{
	_cleanup_(reap_freep) struct reap *reap = NULL;

	make_folder();
	make_slice(70014, getpid());
	make_file(below("unified/user.slice/user-70014.slice/cgroup.kill"), "");
	reap = make_reap((struct reap_options){ .cgroup = folder });
	T_OK(reap_user(reap, 70014, "", 1, 1000, 0));
	drive(reap, 1, 1000);
	T_STR(read_text(below("unified/user.slice/user-70014.slice/cgroup.kill")), "");
	T_INT(reports[0].report.flags, WARDEN_ENDED_DONE);
	remove_tree(folder);
}

static void test_policy_before_slice(void)
{
	_cleanup_(reap_freep) struct reap *reap = NULL;

	make_folder();
	make_slice(70050, 1);
	make_file(below("unified/user.slice/user-70050.slice/cgroup.kill"), "");
	make_file(below("ada"), "");
	reap = make_reap((struct reap_options){ .cgroup = folder, .linger = folder });
	T_OK(reap_user(reap, 70050, "ada", 1, 1000, 0));
	drive(reap, 1, 1000);
	T_STR(read_text(below("unified/user.slice/user-70050.slice/cgroup.kill")), "");
	T_OK(access(below("ada"), F_OK));
	remove_tree(folder);
}

/* The kernel's own, where this place has a cgroup v2 that may be written. */
static void test_real_slice(void)
{
	static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	char slice[160] = "", parent[128], procs[192], text[16];
	_cleanup_(reap_freep) struct reap *reap = make_reap((struct reap_options){ .cgroup = roots[0] });
	bool made_parent = false;
	pid_t pid;

	for (size_t i = 0; i < ARRAY_SIZE(roots) && !slice[0]; i++) {
		(void)snprintf(parent, sizeof(parent), "%s/cgroup.procs", roots[i]);
		if (access(parent, W_OK) < 0)
			continue;
		(void)snprintf(parent, sizeof(parent), "%s/user.slice", roots[i]);
		made_parent = mkdir(parent, 0755) == 0;
		(void)snprintf(slice, sizeof(slice), "%s/user-70015.slice", parent);
	}
	if (!slice[0] || (mkdir(slice, 0755) < 0 && errno != EEXIST)) {
		fprintf(stderr, "no cgroup v2 to write here: tested with files alone\n");
		return;
	}
	pid = spawn_uid(70050);
	(void)snprintf(procs, sizeof(procs), "%s/cgroup.procs", slice);
	(void)snprintf(text, sizeof(text), "%d", pid);
	T_TRUE(write_text(procs, text));
	T_OK(reap_user(reap, 70015, "", 1, 1000, 0));
	drive(reap, 1, 1000);
	T_INT(reports[0].report.flags, WARDEN_ENDED_DONE);
	T_INT(reports[0].report.ended_count, 1);
	T_INT(reports[0].items[0].found, WARDEN_FOUND_CGROUP);
	T_INT(ended_by(pid), SIGKILL);
	T_OK(rmdir(slice));
	if (made_parent)
		T_OK(rmdir(parent));
}

/* --- lingering ---------------------------------------------------------------------------- */

static void test_linger(void)
{
	_cleanup_(reap_freep) struct reap *reap = NULL;

	make_folder();
	T_OK(mkdir(below("linger"), 0755));
	make_file(below("linger/ada"), "");
	make_file(below("linger/bob"), "");
	make_file(below("bob"), "");
	reap = make_reap((struct reap_options){ .linger = below("linger") });
	T_OK(reap_user(reap, 70016, "ada", 1, 1000, 0));
	T_OK(reap_user(reap, 70017, "../bob", 2, 1000, 0));
	drive(reap, 2, 1000);
	T_TRUE(access(below("linger/ada"), F_OK) < 0);
	T_OK(access(below("linger/bob"), F_OK));
	T_OK(access(below("bob"), F_OK));
	remove_tree(folder);
}

/* --- logind ------------------------------------------------------------------------------- */

static char heard[512];
static const char *service_user; /* whom systemd runs any service as */

static int on_call(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *member = sd_bus_message_get_member(message);
	uint32_t uid = 0;
	size_t used = strlen(heard);

	(void)userdata;
	(void)error;
	if (!sd_bus_message_is_method_call(message, NULL, NULL))
		return 0;
	if (sd_bus_message_is_method_call(message, "org.freedesktop.DBus", "Hello"))
		return sd_bus_reply_method_return(message, "s", ":1.1");
	if (sd_bus_message_is_method_call(message, "org.freedesktop.login1.Manager", "ListSessions"))
		return sd_bus_reply_method_return(message, "a(susso)", 2, "31", 70018, "ada", "", "/s31",
						  "32", 70050, "bob", "", "/s32");
	if (sd_bus_message_is_method_call(message, "org.freedesktop.DBus.Properties", "Get")) {
		(void)snprintf(heard + used, sizeof(heard) - used, "%s ",
			       sd_bus_message_get_path(message));
		return sd_bus_reply_method_return(message, "v", "s", service_user);
	}
	if (sd_bus_message_is_method_call(message, "org.freedesktop.systemd1.Manager", "StopUnit")) {
		const char *unit = "";

		(void)sd_bus_message_read(message, "s", &unit);
		(void)snprintf(heard + used, sizeof(heard) - used, "%s(%s) ", member, unit);
		return 1;
	}
	(void)sd_bus_message_read(message, "u", &uid);
	(void)snprintf(heard + used, sizeof(heard) - used, "%s(%u) ", member, uid);
	return 1;
}

/* A bus with nobody on it but a logind, for one client. */
static void *serve_bus(void *argument)
{
	int listener = *(int *)argument, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	uint64_t end = now_ms() + 3000;
	sd_bus *bus = NULL;
	sd_id128_t id;

	if (fd < 0 || sd_id128_randomize(&id) < 0 || sd_bus_new(&bus) < 0 ||
	    sd_bus_set_fd(bus, fd, fd) < 0 || sd_bus_set_server(bus, 1, id) < 0 ||
	    sd_bus_add_filter(bus, NULL, on_call, NULL) < 0 || sd_bus_start(bus) < 0)
		return NULL;
	while (now_ms() < end) {
		int r = sd_bus_process(bus, NULL);

		if (r < 0)
			break; /* the client went away */
		if (r == 0)
			(void)sd_bus_wait(bus, 20000);
	}
	sd_bus_close_unref(bus);
	return NULL;
}

static int listen_bus(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char variable[160];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", below("bus"));
	(void)snprintf(variable, sizeof(variable), "unix:path=%s", address.sun_path);
	T_OK(setenv("DBUS_SYSTEM_BUS_ADDRESS", variable, 1));
	T_FATAL(fd >= 0);
	T_OK(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	T_OK(listen(fd, 1));
	return fd;
}

/* One offboarding beside a logind; true if the report names the session. */
static bool logind_names_session(void)
{
	_cleanup_(reap_freep) struct reap *reap = NULL;
	_cleanup_close_ int listener = -1;
	bool named;
	pthread_t thread;
	uint64_t end;
	pid_t pid;

	heard[0] = '\0';
	make_folder();
	listener = listen_bus();
	T_OK(pthread_create(&thread, NULL, serve_bus, &listener));
	reap = make_reap((struct reap_options){ .logind = true });
	pid = spawn_uid(70018);
	T_OK(reap_user(reap, 70018, "", 1, 1000, 0));
	drive(reap, 1, 1000);
	T_INT(ended_by(pid), SIGKILL);
	T_INT(report_count, 1);
	T_TRUE(reports[0].report.session_count <= 1);
	named = reports[0].report.session_count == 1 && strcmp(reports[0].sessions[0], "31") == 0;
	for (end = now_ms() + 40; now_ms() < end;)
		(void)reap_step(reap);
	reap_freep(&reap); /* and the bus hears of it */
	T_OK(pthread_join(thread, NULL));
	T_STR(heard, "SetUserLinger(70018) TerminateUser(70018) ");
	remove_tree(folder);
	return named;
}

/* The reaper waits a moment for logind's answer, which may come later on a busy machine. */
static void test_logind(void)
{
	bool named = false;

	for (int i = 0; i < 20 && !named; i++)
		named = logind_names_session();
	T_TRUE(named);
}

/* A session that systemd does not notice to be empty is stopped, but no sooner than by a later look. */
static void test_empty_session(void)
{
	_cleanup_(reap_freep) struct reap *reap = NULL;
	_cleanup_close_ int listener = -1;
	pthread_t thread;
	uint64_t end;

	heard[0] = '\0';
	make_folder();
	make_slice(70019, 0);
	make_file(below("unified/user.slice/user-70019.slice/cgroup.events"), "populated 0\nfrozen 0\n");
	listener = listen_bus();
	T_OK(pthread_create(&thread, NULL, serve_bus, &listener));
	reap = make_reap((struct reap_options){ .logind = true, .cgroup = folder });
	T_OK(reap_user(reap, 70019, "", 1, 1000, 0));
	drive(reap, 1, 1000);
	T_INT(reports[0].report.session_count, 0);
	T_TRUE(!strstr(heard, "StopUnit"));
	for (end = now_ms() + 1000; now_ms() < end && !strstr(heard, "StopUnit");)
		(void)reap_step(reap);
	reap_freep(&reap);
	T_OK(pthread_join(thread, NULL));
	T_STR(heard, "TerminateUser(70019) SetUserLinger(70019) StopUnit(session-c7.scope) ");
	remove_tree(folder);
}

static bool is_ada(void *context, uint32_t uid, const char *name)
{
	(void)context;
	return uid == 70018 && strcmp(name, "ada") == 0;
}

#define UNIT_PATH "/org/freedesktop/systemd1/unit/"
static const struct {
	const char *cgroup, *user, *asked, *stopped;
} services[] = {
	{ "0::/system.slice/a.service\n", "ada", UNIT_PATH "a_2eservice ", "StopUnit(a.service) " },
	{ "1:cpu:/\n0::/m.slice/x@1.service/sub/y.service\n", "70018", UNIT_PATH "x_401_2eservice ",
	  "StopUnit(x@1.service) " },
	/* Of others, as cron, whose jobs are in its group. */
	{ "0::/system.slice/a.service\n", "", UNIT_PATH "a_2eservice ", "" },
	{ "0::/system.slice/a.service\n", "bob", UNIT_PATH "a_2eservice ", "" },
	{ "0::/system.slice/a.service\n", "7001", UNIT_PATH "a_2eservice ", "" },
	/* No service of the system's. */
	{ "0::/user.slice/user-70018.slice/user@70018.service/app.slice/a.service\n", "ada", "", "" },
	{ "0::/system.slice/a.scope\n", "ada", "", "" },
	{ "0::/system.slice/.service\n", "ada", "", "" },
	{ "1:name=x:/system.slice/a.service\n", "ada", "", "" },
	{ "0::/\n", "ada", "", "" },
	{ "", "ada", "", "" },
};

/* In any order: they are gone when systemd answers, or not yet. */
static bool heard_all(size_t i)
{
	return strstr(heard, services[i].asked) && strstr(heard, services[i].stopped) &&
	       strstr(heard, "SetUserLinger(70018) ");
}

static void check_service(size_t i)
{
	_cleanup_(reap_freep) struct reap *reap = NULL;
	_cleanup_close_ int listener = -1;
	const char *first;
	pthread_t thread;
	uint64_t end;

	heard[0] = '\0';
	service_user = services[i].user;
	make_folder();
	make_process(NO_SUCH_PID, 70018, 0);
	make_file(below("proc/%d/cgroup", NO_SUCH_PID), services[i].cgroup);
	make_process(NO_SUCH_PID - 1, 70018, 0); /* of the same service, which is asked about once */
	make_file(below("proc/%d/cgroup", NO_SUCH_PID - 1), services[i].cgroup);
	listener = listen_bus();
	T_OK(pthread_create(&thread, NULL, serve_bus, &listener));
	reap = make_reap((struct reap_options){ .proc = below("proc"), .logind = true,
						.policy = { .is_named = is_ada } });
	T_OK(reap_user(reap, 70018, "", 1, 1000, 0));
	/* It is found, asked about and told over and over; here once, and it is gone. */
	(void)reap_step(reap);
	remove_tree(below("proc/%d", NO_SUCH_PID));
	remove_tree(below("proc/%d", NO_SUCH_PID - 1));
	for (end = now_ms() + 1000; now_ms() < end && !heard_all(i);)
		(void)reap_step(reap);
	/* And a moment for the answer, where nothing must come of it. */
	for (end = now_ms() + 20; now_ms() < end && !services[i].stopped[0];)
		(void)reap_step(reap);
	reap_freep(&reap);
	T_OK(pthread_join(thread, NULL));
	T_TRUE(heard_all(i));
	T_TRUE(services[i].stopped[0] || !strstr(heard, "StopUnit"));
	first = strstr(heard, UNIT_PATH);
	T_TRUE(services[i].asked[0] ? first && !strstr(first + 1, UNIT_PATH) : !first);
	remove_tree(folder);
}

/* What systemd runs as somebody who leaves is stopped, or it would start it again. */
static void test_service(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(services); i++)
		check_service(i);
}

/* Neither the lack of a bus nor a silent one may cost time. */
static void check_without_logind(void)
{
	_cleanup_(reap_freep) struct reap *reap = make_reap((struct reap_options){ .logind = true });
	pid_t pid = spawn_uid(70018);

	/* Whoever waited for the bus would wait for its 25 s. */
	T_OK(reap_user(reap, 70018, "", 1, 10000, 0));
	drive(reap, 1, 10000);
	T_INT(reports[0].report.flags, WARDEN_ENDED_DONE);
	T_INT(reports[0].report.ended_count, 1);
	T_INT(ended_by(pid), SIGKILL);
}

static void test_no_logind(void)
{
	_cleanup_close_ int listener = -1;

	make_folder();
	T_OK(setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1));
	check_without_logind();
	listener = listen_bus(); /* accepts, and that is all */
	check_without_logind();
	remove_tree(folder);
}

T_MAIN("reap_host", T(test_deadline), T(test_unreadable_is_not_clean),
       T(test_vanished_is_looked_for), T(test_never_init_ourselves_or_the_kernel),
       T(test_pid_reuse), T(test_slice), T(test_headless_in_a_crowd),
       T(test_grace_of_a_crowd), T(test_slice_of_an_old_kernel),
       T(test_slice_of_our_own), T(test_policy_before_slice), T(test_real_slice), T(test_linger),
       T(test_logind), T(test_empty_session), T(test_service),
       T(test_no_logind))
