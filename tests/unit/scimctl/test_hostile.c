/* scimctl as built (three folders above this test), run by root, and a scimd that was taken over: what it
 * answers and what lies in its folders neither reaches the terminal, nor brings scimctl down, nor has root
 * read or hand out what scimd could not. /run, /var/lib and /etc/passwd are the test's own. */
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/unit/nss_scim/people.h"

#define SCIMD_UID 70000u
#define SOCKET "/run/scimd/control.sock"
#define TLS "/var/lib/scimd/tls"
#define COPY "/var/lib/scimd/db/backup"
#define OUTPUT_MAX 65536

struct answer {
	const char *path; /* how it begins */
	const char *body;
};

static char program[512], output[OUTPUT_MAX];
static pid_t server;

static void locate(void)
{
	char self[400];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	NEED(n > 0);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	(void)snprintf(program, sizeof(program), "%s/../../../scimctl", self);
	NEED(access(program, X_OK) == 0);
}

static void make_folder(const char *path)
{
	people_mkdirs(path);
	NEED(chown(path, SCIMD_UID, SCIMD_UID) == 0);
}

static void put(const char *path, uid_t uid)
{
	people_write(path, "secret\n", 0600);
	NEED(chown(path, uid, uid) == 0);
}

static void surround(void)
{
	if (*program)
		return;
	locate();
	people_namespace("/var/lib/scimd");
	NEED(mount("tmpfs", "/run", "tmpfs", 0, "mode=0755") == 0);
	make_folder("/run/scimd");
	make_folder(TLS);
	make_folder(COPY);
	people_mkdirs("/mnt/conf/scimd.conf.d");
	people_write("/mnt/conf/scimd.conf", "", 0600);
}

static void serve_one(int fd, const struct answer *answers, size_t count)
{
	char request[8192] = "";
	const char *body = "{}", *path;
	size_t size = 0;

	while (!strstr(request, "\r\n\r\n")) {
		ssize_t n = read(fd, request + size, sizeof(request) - 1 - size);

		if (n <= 0)
			return;
		size += (size_t)n;
		request[size] = '\0';
	}
	path = strchr(request, ' ') + 1;
	for (size_t i = 0; i < count; i++)
		if (strncmp(path, answers[i].path, strlen(answers[i].path)) == 0)
			body = answers[i].body;
	dprintf(fd, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
		strncmp(path, "/v1/refuse", 10) == 0 || strstr(body, "\"detail\":") == body + 1
			? "400 Bad Request" : "200 OK", strlen(body), body);
}

static void begin(const struct answer *answers, size_t count)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	surround();
	(void)unlink(SOCKET);
	NEED(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	NEED(chown(SOCKET, SCIMD_UID, SCIMD_UID) == 0 && listen(fd, 16) == 0);
	server = fork();
	NEED(server >= 0);
	while (server == 0) {
		int peer = accept(fd, NULL, NULL);

		if (peer < 0)
			_exit(1);
		serve_one(peer, answers, count);
		close(peer);
	}
	close(fd);
}

static void end(void)
{
	(void)kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
}

/* Its exit code, or 128 and the signal's number; what it printed is in output. */
static int run(const char *arguments)
{
	char command[1024];
	size_t size;
	FILE *pipe;
	int status;

	(void)snprintf(command, sizeof(command),
		       "exec timeout 20 %s --socket " SOCKET " %s 2>&1 </dev/null", program, arguments);
	pipe = popen(command, "re");
	NEED(pipe);
	size = fread(output, 1, sizeof(output) - 1, pipe);
	output[size] = '\0';
	NEED(strlen(output) == size);
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What a terminal would take for more than text. */
static bool is_harmless(const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		if ((*at < ' ' && *at != '\n') || *at == 0x7f || *at == 0x9b)
			return false;
		if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)
			return false;
		if (*at == 0xe2 && at[1] == 0x80 && at[2] == 0xae)
			return false;
	}
	return true;
}

/* ESC, BEL, DEL, C1 as UTF-8 and as a byte, and a character that turns the line around. */
#define EVIL "\\u001b]0;x\\u0007\x7f\xc2\x9b" "31m\x9b" "31m\xe2\x80\xae" "e"

static void test_terminal(void)
{
	static const struct answer answers[] = {
		{ "/v1/users", "[{\"name\":\"" EVIL "\",\"uid\":\"" EVIL "\",\"roles\":[\"" EVIL "\"]}]" },
		{ "/v1/users/", "{\"na" EVIL "me\":\"" EVIL "\",\"x\":{\"" EVIL "\":\"" EVIL "\"},"
				"\"attributes\":{\"" EVIL "\":1}}" },
		{ "/v1/groups", "[{\"name\":\"" EVIL "\"}]" },
		{ "/v1/status", "{\"warden\":{\"" EVIL "\":\"" EVIL "\"},\"y\":[{\"" EVIL "\":2}]}" },
		{ "/v1/connections", "[{\"name\":\"" EVIL "\",\"last_push\":\"" EVIL "\"}]" },
		{ "/v1/receipts", "{\"detail\":\"" EVIL "\"}" },
		{ "/v1/ids", "[{\"type\":\"user\",\"number\":70000,\"name\":\"" EVIL "\"}]" },
		{ "/v1/events", "[{\"sequence\":1,\"time\":\"" EVIL "\",\"type\":\"" EVIL "\","
				"\"user\":\"" EVIL "\",\"connection\":\"" EVIL "\"}]" },
	};
	static const struct {
		const char *command, *says;
		int code;
	} cases[] = {
		{ "users", "?]0;x????31m?31m?e", 0 },
		{ "users -q", "?]0;x????31m?31m?e", 0 },
		{ "users --json", "\\u001b]0;x\\u0007\\u007f\\u009b31m\\ufffd31m\\u202ee", 0 },
		{ "user ada", "na?", 0 },
		{ "user ada --json", "\\u202e", 0 },
		{ "groups", "?e", 0 },
		{ "status", "?e", 0 },
		{ "connection list", "?e", 0 },
		{ "receipt ada", "scimctl: ?]0;x", 1 },
		{ "receipts", "scimctl: ?]0;x", 1 },
		{ "events", "?e", 0 },
		{ "events --json", "\\u202e", 0 },
		{ "ids export", "", 0 },
		{ "ids export --json", "\\u202e", 0 },
		{ "--config-dir /mnt/conf doctor", "last push", 1 },
		{ "--config-dir /mnt/conf doctor --json", "last push", 1 },
		{ "events -f & sleep 1; kill $!; true", "?e", 0 },
		{ "events -f --json & sleep 1; kill $!; true", "\\u202e", 0 },
	};

	begin(answers, sizeof(answers) / sizeof(answers[0]));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		T_INT(run(cases[i].command), cases[i].code);
		T_TRUE(strstr(output, cases[i].says) != NULL);
		T_TRUE(is_harmless(output));
		if (!strstr(output, cases[i].says) || !is_harmless(output))
			fprintf(stderr, "%s: %s\n", cases[i].command, output);
	}
	end();
}

/* What is not of the type that was asked for is as good as nothing. */
static void test_types(void)
{
	static const char *const bodies[] = { "{}", "[]", "5", "\"x\"", "null", "[null,5,[],{}]",
					      "{\"a\":[null,{\"b\":[null]}]}", "" };
	static const char *const commands[] = {
		"users", "users role=x", "user ada", "groups", "group x", "status", "receipts", "receipt x",
		"connection list", "events", "ids export", "lock ada", "confirm ada",
		"--config-dir /mnt/conf doctor", "--config-dir /mnt/conf backup /mnt/none",
	};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		const struct answer answer = { "/", bodies[i] };

		begin(&answer, 1);
		for (size_t j = 0; j < sizeof(commands) / sizeof(commands[0]); j++) {
			int code = run(commands[j]);

			T_TRUE(code == 0 || code == 1);
			if (code > 1)
				fprintf(stderr, "%s with %s: %d %s\n", commands[j], bodies[i], code,
					output);
		}
		end();
	}
	T_INT(access("/mnt/none", F_OK), -1);
}

/* Lines for another host's files: one name, one line. */
static void test_names(void)
{
	static const struct answer answers[] = {
		{ "/v1/ids", "[{\"type\":\"user\",\"number\":70000,\"name\":\"x\\nroot2:x:0:0::/:/bin/sh\"},"
			     "{\"type\":\"user\",\"number\":70001,\"name\":\"ada\"}]" },
		{ "/v1/connections", "[{\"name\":\"x; id\",\"tokens\":2},{\"name\":\"okta\"}]" },
	};

	begin(answers, 2);
	T_INT(run("ids export"), 0);
	T_STR(output, "ada:x:70001:70001:::\n");
	T_INT(run("--config-dir /mnt/conf doctor"), 1);
	T_TRUE(strstr(output, "rotate x; id") == NULL);
	end();
}

static void backup_is(const char *what, int code, const char *says)
{
	T_INT(run("--config-dir /mnt/conf backup /mnt/b"), code);
	T_TRUE(strstr(output, says) != NULL);
	if (!strstr(output, says))
		fprintf(stderr, "%s: %s\n", what, output);
	T_INT(access("/mnt/b", F_OK), code ? -1 : 0);
	T_INT(access("/mnt/b.partial", F_OK), -1);
}

/* The store's copy is where scimd says, and scimd's own: of others' folders, links and pipes nothing gets
 * into a backup, which restore would give to scimd. */
static void test_backup(void)
{
	static const struct answer root = { "/v1/backup", "{\"path\":\"/mnt/private\"}" };
	static const struct answer nowhere = { "/v1/backup", "{\"path\":\"/mnt/nowhere\"}" };
	static const struct answer own = { "/v1/backup", "{\"path\":\"" COPY "\"}" };

	begin(&root, 1);
	people_mkdirs("/mnt/private");
	put("/mnt/private/meta.db", 0);
	backup_is("root's", 1, "store/meta.db: Operation not permitted");
	end();
	begin(&nowhere, 1);
	backup_is("nobody's", 1, "not there, or not whole");
	end();
	begin(&own, 1);
	backup_is("empty", 1, "not there, or not whole");
	put(COPY "/meta.db", SCIMD_UID);
	NEED(link("/mnt/private/meta.db", COPY "/x.db") == 0 || errno == EXDEV);
	NEED(symlink("/mnt/private/meta.db", COPY "/log.1") == 0);
	backup_is("with a link", 1, "store/log.1: ");
	NEED(unlink(COPY "/log.1") == 0 && mkfifo(COPY "/log.1", 0600) == 0);
	backup_is("with a pipe", 1, "store/log.1: ");
	NEED(unlink(COPY "/log.1") == 0);
	put(COPY "/log.1", 0); /* as by a hard link */
	backup_is("with root's", 1, "store/log.1: Operation not permitted");
	NEED(unlink(COPY "/log.1") == 0);
	put(TLS "/key.pem", 0);
	backup_is("with root's key", 1, "tls/key.pem: Operation not permitted");
	NEED(unlink(TLS "/key.pem") == 0);
	backup_is("whole", 0, "/mnt/b: ");
	end();
}

static void certificate_is(const char *what, const char *says)
{
	T_INT(run("--config-dir /mnt/conf doctor"), 1);
	T_TRUE(strstr(output, says) != NULL);
	if (!strstr(output, says))
		fprintf(stderr, "%s: %s\n", what, output);
	(void)unlink(TLS "/cert.pem");
}

/* A certificate that would take all memory, or never end, or be something else's beginning. */
static void test_certificate(void)
{
	begin(NULL, 0);
	NEED(mkfifo(TLS "/cert.pem", 0600) == 0);
	certificate_is("a pipe", "certificate: " TLS "/cert.pem: Invalid argument");
	NEED(symlink("/dev/zero", TLS "/cert.pem") == 0);
	certificate_is("a device", "certificate: " TLS "/cert.pem: Invalid argument");
	put(TLS "/cert.pem", SCIMD_UID);
	NEED(truncate(TLS "/cert.pem", (off_t)1 << 40) == 0);
	certificate_is("endless", "certificate: " TLS "/cert.pem: Invalid argument");
	put(TLS "/cert.pem", SCIMD_UID);
	certificate_is("none", "certificate: " TLS "/cert.pem: ");
	end();
}

/* What root is told to type lets no link of scimd's lead it elsewhere. */
static void test_fix(void)
{
	begin(NULL, 0);
	put(TLS "/key.pem", 0);
	T_INT(run("--config-dir /mnt/conf doctor"), 1);
	T_TRUE(strstr(output, "fix: chown -h scimd:scimd " TLS "/key.pem; "
			      "runuser -u scimd -- chmod 0600 " TLS "/key.pem\n") != NULL);
	NEED(unlink(TLS "/key.pem") == 0 && symlink("/etc/shadow", TLS "/key.pem") == 0);
	T_INT(run("--config-dir /mnt/conf doctor"), 1);
	T_TRUE(strstr(output, "fix: rm " TLS "/key.pem; systemctl restart scimd\n") != NULL);
	NEED(unlink(TLS "/key.pem") == 0);
	end();
}

/* A file takes the place of a file, not of a device or a link. */
static void test_metrics(void)
{
	static const struct answer answer = { "/metrics", "scimd_up 1\n" };
	struct stat st;

	begin(&answer, 1);
	T_INT(run("metrics /mnt/metrics"), 0);
	T_INT(run("metrics /mnt/metrics"), 0);
	NEED(mkfifo("/mnt/pipe", 0600) == 0 && symlink("/dev/null", "/mnt/link") == 0);
	T_INT(run("metrics /mnt/pipe"), 1);
	T_TRUE(lstat("/mnt/pipe", &st) == 0 && S_ISFIFO(st.st_mode));
	T_INT(run("metrics /mnt/link"), 1);
	T_TRUE(lstat("/mnt/link", &st) == 0 && S_ISLNK(st.st_mode));
	end();
}

T_MAIN("scimctl_hostile", T(test_terminal), T(test_types), T(test_names), T(test_backup),
       T(test_certificate), T(test_fix), T(test_metrics))
