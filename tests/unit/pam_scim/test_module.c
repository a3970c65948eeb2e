/* The module as built (three folders above this test), loaded by the real libpam. Its directory,
 * /etc/passwd, /home and /dev/log are the test's own; see people.h. */
#undef DIRECTORY_PUBLIC_DIR

#include <errno.h>
#include <fcntl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <security/pam_appl.h>

#include "tests/unit/nss_scim/people.h"

#define NOBODY 65534
#define SERVICE_DIR "/mnt/pam.d"
#define COPY "/usr/bin/cp"

static char module[512], keys_program[512];
static char said[1024], logged[4096];
static int log_fd = -1;

static void locate(void)
{
	char self[400];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	NEED(n > 0);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	(void)snprintf(module, sizeof(module), "%s/../../../pam_scim.so", self);
	(void)snprintf(keys_program, sizeof(keys_program), "%s/../../../scim-authorized-keys",
		       self);
	NEED(access(module, R_OK) == 0 && access(keys_program, X_OK) == 0);
}

/* A /dev with what programs need and our ear instead of the journal's. */
static void listen_to_log(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int null_fd = open("/dev/null", O_PATH | O_CLOEXEC);
	char null_path[64];

	NEED(null_fd >= 0);
	NEED(mount("tmpfs", "/dev", "tmpfs", 0, "mode=0755") == 0);
	people_write("/dev/null", "", 0666);
	(void)snprintf(null_path, sizeof(null_path), "/proc/self/fd/%d", null_fd);
	NEED(mount(null_path, "/dev/null", NULL, MS_BIND, NULL) == 0);
	close(null_fd);
	log_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	NEED(log_fd >= 0 && bind(log_fd, (struct sockaddr *)&address, sizeof(address)) == 0);
}

static void write_services(void)
{
	char text[4096];

	NEED(mkdir(SERVICE_DIR, 0755) == 0);
	(void)snprintf(text, sizeof(text),
		       "auth required %1$s\nauth required pam_permit.so\n"
		       "account required %1$s\naccount required pam_permit.so\n"
		       "session required %1$s\nsession required pam_permit.so\n"
		       "password requisite %1$s url=https://id.example.com/\n"
		       "password required pam_permit.so\n",
		       module);
	people_write(SERVICE_DIR "/t", text, 0644);
	(void)snprintf(text, sizeof(text),
		       "account required %1$s debug nonsense=1\naccount required pam_permit.so\n"
		       "password requisite %1$s\npassword required pam_permit.so\n", module);
	people_write(SERVICE_DIR "/t2", text, 0644);
}

/* The directory and all else that surrounds the module; once the namespace, each time the people.
 *  */
static void start(void)
{
	bool first = !people_folder;

	if (first)
		locate();
	people_start_in(DIRECTORY_PUBLIC_DIR);
	if (!first)
		return;
	write_services();
	listen_to_log();
	NEED(mount("tmpfs", "/home", "tmpfs", 0, "mode=0755") == 0);
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
		    void *unused)
{
	(void)unused;
	for (int i = 0; i < count; i++) {
		if (messages[i]->msg_style != PAM_ERROR_MSG)
			return PAM_CONV_ERR;
		(void)strncat(said, messages[i]->msg, sizeof(said) - strlen(said) - 1);
		(void)strncat(said, "\n", sizeof(said) - strlen(said) - 1);
	}
	*responses = calloc((size_t)count, sizeof(**responses));
	return *responses ? PAM_SUCCESS : PAM_BUF_ERR;
}

static void hear_log(void)
{
	char line[1024];
	ssize_t n;

	while ((n = recv(log_fd, line, sizeof(line) - 1, 0)) > 0) {
		line[n] = '\0';
		(void)strncat(logged, line, sizeof(logged) - strlen(logged) - 2);
		(void)strcat(logged, "\n");
	}
}

static pam_handle_t *begin(const char *service, const char *name)
{
	static const struct pam_conv conversation = { .conv = converse };
	pam_handle_t *pamh;

	hear_log();
	said[0] = logged[0] = '\0';
	NEED(pam_start_confdir(service, name, &conversation, SERVICE_DIR, &pamh) == PAM_SUCCESS);
	return pamh;
}

static void end(pam_handle_t *pamh)
{
	T_INT(pam_end(pamh, PAM_SUCCESS), PAM_SUCCESS);
	hear_log();
}

typedef int (*phase_fn)(pam_handle_t *pamh, int flags);

static int ask(phase_fn phase, const char *name, int flags)
{
	pam_handle_t *pamh = begin("t", name);
	int r = phase(pamh, flags);

	end(pamh);
	return r;
}

static void expect_heard(const char *heard, const char *want)
{
	if (!strstr(heard, want))
		T_STR(heard, want);
}

#define ENDED "is deactivated: your organization has ended your access."
#define UNCHECKED "cannot be checked right now"

static void test_account(void)
{
	static const struct {
		const char *name;
		int want;
	} cases[] = {
		{ "alice", PAM_SUCCESS }, { "carol", PAM_SUCCESS }, { "bob", PAM_PERM_DENIED },
		/* not ours: pam_permit speaks */
		{ "root", PAM_SUCCESS }, { "erin", PAM_SUCCESS }, { "dave", PAM_SUCCESS },
		{ "nobody-here", PAM_SUCCESS }, { "Bob", PAM_SUCCESS },
	};

	start();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		T_INT(ask(pam_acct_mgmt, cases[i].name, 0), cases[i].want);
		T_INT(said[0] != '\0', cases[i].want != PAM_SUCCESS);
		T_INT(strstr(logged, "denied") != NULL, cases[i].want != PAM_SUCCESS);
	}
}

static void test_denial_is_told_and_logged(void)
{
	start();
	T_INT(ask(pam_acct_mgmt, "bob", 0), PAM_PERM_DENIED);
	expect_heard(said, "Your account on ");
	expect_heard(said, ENDED);
	T_TRUE(!strstr(said, "ops"));
	expect_heard(logged, "pam_scim(t:account): scim: denied user=bob uid=70002 service=t "
			     "phase=account reason=\"locked by \\\"ops\\\"\"");
	T_INT(ask(pam_open_session, "bob", 0), PAM_PERM_DENIED);
	expect_heard(said, ENDED);
	expect_heard(logged, "phase=session reason=");
	T_INT(ask(pam_acct_mgmt, "bob", PAM_SILENT), PAM_PERM_DENIED);
	T_STR(said, "");
	expect_heard(logged, "scim: denied user=bob");
}

static void test_local_account_wins(void)
{
	start();
	people_local("root:x:0:0:root:/root:/bin/bash\nbob:x:1001:1001::/home/bob:/bin/sh\n");
	T_INT(ask(pam_acct_mgmt, "bob", 0), PAM_SUCCESS);
	T_INT(ask(pam_open_session, "bob", 0), PAM_SUCCESS);
	T_INT(ask(pam_chauthtok, "bob", 0), PAM_SUCCESS);
	T_STR(said, "");
}

/* Account was passed; what happens before the session opens counts. */
static void test_session_checks_again(void)
{
	pam_handle_t *pamh;

	start();
	pamh = begin("t", "alice");
	T_INT(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
	people_change(ALICE, "alice", 0);
	T_INT(pam_open_session(pamh, 0), PAM_PERM_DENIED);
	end(pamh);
	expect_heard(said, ENDED);

	start();
	pamh = begin("t", "alice");
	T_INT(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
	people_change(ALICE, "", DIRECTORY_DELETED);
	T_INT(pam_open_session(pamh, 0), PAM_PERM_DENIED);
	end(pamh);
	expect_heard(logged, "user=alice uid=unknown service=t phase=session "
			     "reason=\"no longer in the directory\"");

	start();
	pamh = begin("t", "alice");
	T_INT(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
	people_remove(DIRECTORY_FILE);
	T_INT(pam_open_session(pamh, 0), PAM_PERM_DENIED);
	end(pamh);
	expect_heard(said, UNCHECKED);
	expect_heard(logged, "reason=\"the directory is missing\"");
}

/* The warden's way to keep it: a segment beside the file. *ret_id: that segment. */
static void start_with_segment(int *ret_id)
{
	static const struct directory_writer_options options = {
		.folder = DIRECTORY_PUBLIC_DIR, .name = DIRECTORY_FILE, .magic = DIRECTORY_MAGIC,
		.mode = 0644, .segment = true, .uid_min = UID_MIN_DEFAULT, .uid_max = UID_MAX_DEFAULT,
	};
	static struct directory_writer *writer;
	struct directory_header header;
	bool damaged;
	int fd;

	start();
	people_remove(DIRECTORY_FILE);
	directory_writer_closep(&writer);
	NEED(directory_writer_open(&options, &writer, &damaged) == 0);
	NEED(directory_writer_start_over(writer, people_instance, 8, 8) == 0);
	people_put_alice(writer);
	NEED(directory_writer_commit(writer, ++people_revision, &(uint64_t){ 0 },
				     &(uint64_t){ 0 }) == 0);
	fd = open(DIRECTORY_PUBLIC_DIR "/" DIRECTORY_FILE, O_RDONLY | O_CLOEXEC);
	NEED(fd >= 0 && pread(fd, &header, sizeof(header), 0) == sizeof(header));
	close(fd);
	NEED(header.segment_nonce[0] | header.segment_nonce[1]);
	*ret_id = header.segment_id;
}

/* As from a backup, by root: another file of that name, and nobody is told. */
static void put_back(bool alice_is_allowed)
{
	static const char moved[] = DIRECTORY_PUBLIC_DIR "/moved";
	static const char path[] = DIRECTORY_PUBLIC_DIR "/" DIRECTORY_FILE;
	struct directory_writer *writer;

	NEED(rename(path, moved) == 0);
	writer = people_open();
	NEED(directory_writer_start_over(writer, people_instance, 8, 8) == 0);
	people_put(writer, ALICE, "alice", alice_is_allowed ? DIRECTORY_ALLOWED : 0);
	people_commit(writer);
	NEED(unlink(moved) == 0);
}

static unsigned int segments_attached(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	unsigned int count = 0;
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		count += strstr(line, "SYSV") != NULL;
	if (file)
		fclose(file);
	return count;
}

/* A process that has checked before, and goes on: each check is of the file of that moment, whether the
 * segment is there, or marked for removal while somebody holds it, or was never there. */
static void test_each_check_is_of_the_newest_file(void)
{
	pam_handle_t *pamh;
	unsigned int before;
	int id;

	for (int removed = 0; removed < 3; removed++) {
		start_with_segment(&id);
		if (removed == 1)
			NEED(shmctl(id, IPC_RMID, NULL) == 0);
		pamh = begin("t", "alice");
		T_INT(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
		if (removed == 2)
			NEED(shmctl(id, IPC_RMID, NULL) == 0);
		for (int again = 0; again < 6; again++) {
			put_back(again % 2);
			T_INT(pam_acct_mgmt(pamh, 0), again % 2 ? PAM_SUCCESS : PAM_PERM_DENIED);
			put_back(!(again % 2));
			T_INT(pam_open_session(pamh, 0), again % 2 ? PAM_PERM_DENIED : PAM_SUCCESS);
		}
		NEED(unlink(DIRECTORY_PUBLIC_DIR "/" DIRECTORY_FILE) == 0);
		T_INT(pam_acct_mgmt(pamh, 0), PAM_PERM_DENIED);
		end(pamh);
	}
	/* The module is unloaded after each login: a program that lives on must not keep what it held. */
	start_with_segment(&id);
	before = segments_attached();
	for (int i = 0; i < 5; i++)
		T_INT(ask(pam_acct_mgmt, "alice", 0), PAM_SUCCESS);
	T_INT(segments_attached(), before);
}

static void test_damaged_directory(void)
{
	start();
	people_damage(DIRECTORY_FILE, "alice\0x", 8);
	T_INT(ask(pam_acct_mgmt, "alice", 0), PAM_PERM_DENIED);
	expect_heard(said, UNCHECKED);
	T_INT(ask(pam_acct_mgmt, "carol", 0), PAM_SUCCESS);
	T_INT(ask(pam_acct_mgmt, "bob", 0), PAM_PERM_DENIED);
	T_INT(ask(pam_acct_mgmt, "root", 0), PAM_SUCCESS);

	/* the reason alone: still denied */
	start();
	people_damage(DIRECTORY_FILE, BOB_REASON, strlen(BOB_REASON));
	T_INT(ask(pam_acct_mgmt, "bob", 0), PAM_PERM_DENIED);
	expect_heard(logged, "user=bob uid=70002 service=t phase=account reason=\"\"");

	start();
	people_remove(DIRECTORY_FILE);
	T_INT(ask(pam_acct_mgmt, "root", 0), PAM_SUCCESS);
	T_INT(ask(pam_open_session, "root", 0), PAM_SUCCESS);
	T_INT(ask(pam_acct_mgmt, "erin", 0), PAM_SUCCESS);
}

static void test_environment(void)
{
	pam_handle_t *pamh;

	start();
	pamh = begin("t", "alice");
	T_INT(pam_open_session(pamh, 0), PAM_SUCCESS);
	T_STR(pam_getenv(pamh, "SCIM_COST_CENTER"), "42 a");
	T_STR(pam_getenv(pamh, "LD_PRELOAD"), NULL);
	T_INT(pam_close_session(pamh, 0), PAM_SUCCESS);
	end(pamh);
	expect_heard(logged, "attribute 2 of alice is not set");
}

static void read_file(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buffer, size - 1);

	buffer[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

static void is_theirs(const char *path, uint32_t uid, mode_t mode)
{
	struct stat st = { 0 };

	T_OK(lstat(path, &st));
	T_INT(st.st_uid, uid);
	T_INT(st.st_gid, uid);
	T_INT(st.st_mode & 07777, mode);
}

static void home_remove(const char *path)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "rm -rf %s", path);
	NEED(system(command) == 0);
}

static void test_home(void)
{
	struct stat st;

	start();
	home_remove("/home/alice");
	NEED(signal(SIGCHLD, SIG_IGN) != SIG_ERR); /* as some login programs have it */
	umask(0777); /* as who calls su or sudo may have it */
	T_INT(ask(pam_acct_mgmt, "alice", 0), PAM_SUCCESS);
	T_INT(stat("/home/alice", &st), -1);
	T_INT(ask(pam_open_session, "alice", 0), PAM_SUCCESS);
	umask(022);
	expect_heard(logged, "made the home /home/alice");
	is_theirs("/home/alice", ALICE, 0700);
	is_theirs("/home/alice/.profile", ALICE, 0600);
	T_TRUE(signal(SIGCHLD, SIG_DFL) == SIG_IGN);

	/* there already, not ours, may not be here */
	home_remove("/home/alice/.profile");
	T_INT(ask(pam_open_session, "alice", 0), PAM_SUCCESS);
	T_INT(stat("/home/alice/.profile", &st), -1);
	T_INT(ask(pam_open_session, "erin", 0), PAM_SUCCESS);
	T_INT(stat("/home/erin", &st), -1);
	T_INT(ask(pam_open_session, "bob", 0), PAM_PERM_DENIED);
	T_INT(stat("/home/bob", &st), -1);
}

/* What fills it is the person, and has nothing of the login program's. */
static void test_home_is_filled_by_the_person(void)
{
	char said_there[128];
	int stray = open("/mnt/passwd", O_RDONLY);

	start();
	NEED(stray >= 0 && setenv("SECRET", "1", 1) == 0);
	home_remove("/home/carol");
	people_cover(COPY, "#!/bin/sh\necho \"$(id -ru) $(id -rg) $(id -G) $(env | grep -c ^SECRET)"
			   " $(ls /proc/self/fd | wc -l)\" >said\nexit 6\n", 0755);
	umask(0);
	T_INT(ask(pam_open_session, "carol", 0), PAM_SUCCESS);
	umask(022);
	NEED(umount(COPY) == 0);
	close(stray);
	expect_heard(logged, "made the home /home/carol, but /etc/skel is not copied");
	is_theirs("/home/carol", CAROL, 0700);
	read_file("/home/carol/said", said_there, sizeof(said_there));
	T_STR(said_there, "70003 70003 70003 0 4\n");
}

static void carol_lives_in(const char *home)
{
	static const char none[] = "";
	const struct directory_user_entry entry = {
		.uid = CAROL, .flags = DIRECTORY_ALLOWED, .name = "carol", .gecos = "",
		.home = home, .shell = "/bin/sh",
		.detail_text = none, .detail_size = sizeof(none),
	};
	struct directory_writer *writer = people_open();

	NEED(directory_writer_put_user(writer, &entry) == 0);
	people_commit(writer);
}

/* Where somebody else than root could have put something, root makes nothing. */
static void test_home_in_a_strange_place(void)
{
	static const struct {
		const char *home, *made;
	} cases[] = {
		{ "/etc/systemd/system/x.service.d", NULL },
		{ "/home/mallory/carol", NULL },
		{ "/home/mallory/way/carol", NULL }, /* a link to /mnt/root */
		{ "/home/mallory/new/carol", NULL },
		{ "/home/wide/carol", NULL },
		{ "/home/team/carol", NULL },
		{ "/home/file/carol", NULL },
		{ "/home/dangling", NULL },
		{ "/home/way/carol", "/mnt/root/carol" }, /* root's own link */
		{ "/home/a//b/carol", "/home/a/b/carol" },
	};
	struct stat st;

	start();
	NEED(mkdir("/home/mallory", 0700) == 0 && chown("/home/mallory", BOB, BOB) == 0 &&
	     symlink("/mnt/root", "/home/mallory/way") == 0);
	NEED(mkdir("/mnt/root", 0755) == 0 && symlink("/mnt/root", "/home/way") == 0);
	NEED(mkdir("/home/wide", 0755) == 0 && chmod("/home/wide", 01777) == 0);
	NEED(mkdir("/home/team", 0755) == 0 && chmod("/home/team", 0775) == 0);
	NEED(symlink("/mnt/root/nothing", "/home/dangling") == 0);
	people_write("/home/file", "", 0644);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		carol_lives_in(cases[i].home);
		umask(077);
		T_INT(ask(pam_open_session, "carol", 0), PAM_SUCCESS);
		umask(022);
		if (cases[i].made)
			is_theirs(cases[i].made, CAROL, 0700);
		else
			T_INT(stat(cases[i].home, &st), -1);
	}
	T_INT(stat("/mnt/root/nothing", &st), -1);
	is_theirs("/home/a", 0, 0755);
	carol_lives_in("/home/mallory/way/again");
	T_INT(ask(pam_open_session, "carol", 0), PAM_SUCCESS);
	expect_heard(logged, "is not made");
}

static void test_password(void)
{
	pam_handle_t *pamh;

	start();
	T_INT(ask(pam_chauthtok, "alice", 0), PAM_PERM_DENIED);
	T_STR(said, "Your password is managed by your organization's identity provider. "
		    "Change it at https://id.example.com/.\n");
	T_INT(ask(pam_chauthtok, "alice", PAM_SILENT), PAM_PERM_DENIED);
	T_STR(said, "");
	T_INT(ask(pam_chauthtok, "bob", 0), PAM_PERM_DENIED);
	T_INT(ask(pam_chauthtok, "erin", 0), PAM_SUCCESS);
	T_INT(ask(pam_chauthtok, "root", 0), PAM_SUCCESS);
	pamh = begin("t2", "alice");
	T_INT(pam_chauthtok(pamh, 0), PAM_PERM_DENIED);
	end(pamh);
	T_STR(said, "Your password is managed by your organization's identity provider. "
		    "Change it there.\n");
}

static void test_auth_is_not_ours(void)
{
	start();
	T_INT(ask(pam_authenticate, "bob", 0), PAM_SUCCESS);
	T_INT(ask(pam_setcred, "bob", PAM_ESTABLISH_CRED), PAM_SUCCESS);
	T_STR(said, "");
}

static void test_arguments(void)
{
	pam_handle_t *pamh;

	start();
	pamh = begin("t2", "alice");
	T_INT(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
	end(pamh);
	expect_heard(logged, "unknown argument: nonsense=1");
	expect_heard(logged, "scim: allowed user=alice uid=70001 phase=account");
}

/* Runs scim-authorized-keys as nobody, who may have no way to the folder we were built in; its
 * output in `said`, its exit code returned. */
static int run_keys(const char *name)
{
	char *arguments[] = { "scim-authorized-keys", (char *)name, NULL };
	int out[2], program, state;
	ssize_t n, used = 0;
	pid_t pid;

	NEED(pipe2(out, O_CLOEXEC) == 0);
	program = open(keys_program, O_PATH | O_CLOEXEC);
	NEED(program >= 0);
	pid = fork();
	if (pid == 0) {
		if (dup2(out[1], 1) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
			_exit(99);
		if (!freopen("/dev/null", "w", stderr))
			_exit(98);
		fexecve(program, arguments, environ);
		_exit(97);
	}
	close(program);
	close(out[1]);
	while ((n = read(out[0], said + used, sizeof(said) - 1 - (size_t)used)) > 0)
		used += n;
	said[used] = '\0';
	close(out[0]);
	T_INT(waitpid(pid, &state, 0), pid);
	return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

static void test_authorized_keys(void)
{
	static const struct {
		const char *name, *want;
	} cases[] = {
		{ "alice", "ssh-ed25519 AAAA alice@one\nssh-rsa BBBB\n" },
		{ "bob", "" }, /* has a key, and may not be here */
		{ "carol", "" }, { "dave", "" }, { "nobody-here", "" }, { "root", "" },
		{ "", "" }, { "Alice", "" }, { NULL, NULL },
	};

	start();
	for (size_t i = 0; cases[i].name; i++) {
		T_INT(run_keys(cases[i].name), 0);
		T_STR(said, cases[i].want);
	}
	T_INT(run_keys(NULL), 2);

	people_local("alice:x:1001:1001::/home/alice:/bin/sh\n");
	T_INT(run_keys("alice"), 0);
	T_STR(said, "");
	start();
	people_damage(DIRECTORY_FILE, "ssh-rsa BBBB", 12);
	T_INT(run_keys("alice"), 1);
	T_STR(said, "");
	people_remove(DIRECTORY_FILE);
	T_INT(run_keys("alice"), 1);
	T_INT(run_keys("Alice"), 0);
}

T_MAIN("pam module", T(test_account), T(test_denial_is_told_and_logged), T(test_local_account_wins),
       T(test_session_checks_again),
       T(test_each_check_is_of_the_newest_file), T(test_damaged_directory), T(test_environment), T(test_home),
       T(test_home_is_filled_by_the_person), T(test_home_in_a_strange_place), T(test_password),
       T(test_auth_is_not_ours), T(test_arguments), T(test_authorized_keys))
