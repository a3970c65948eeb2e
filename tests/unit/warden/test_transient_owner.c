/* Whose a transient unit is, by sudo's entries in a journal of this test's own: the functions of libsystemd
 * that read one are defined here, and the child of the search inherits what they say. Needs root. */
#include "scimd/warden/transient.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#include "tests/unit/t.h"

#define BASE_US 1700000000000000
#define MANY 1100 /* more entries than are kept */

/* --- the journal ---------------------------------------------------------------------------------- */

struct line {
	long at_us; /* after BASE_US */
	const char *pid, *gid, *login, *exe, *message;
};

static const struct line *lines;
static struct line many[2 * MANY];
static size_t line_count, line_at;
static int open_result;
static unsigned int nap_us;
static bool dies;
static char matches[2][64];
static size_t match_count;

int sd_journal_open(sd_journal **ret, int flags)
{
	(void)flags;
	*ret = (sd_journal *)matches;
	return open_result;
}

void sd_journal_flush_matches(sd_journal *journal)
{
	(void)journal;
	match_count = 0;
}

int sd_journal_add_match(sd_journal *journal, const void *data, size_t size)
{
	(void)journal, (void)size;
	(void)snprintf(matches[match_count++], sizeof(matches[0]), "%s", (const char *)data);
	return 0;
}

int sd_journal_seek_head(sd_journal *journal)
{
	(void)journal;
	line_at = 0;
	return 0;
}

int sd_journal_seek_realtime_usec(sd_journal *journal, uint64_t usec)
{
	(void)journal;
	line_at = 0;
	while (line_at < line_count && (uint64_t)(BASE_US + lines[line_at].at_us) < usec)
		line_at++;
	return 0;
}

/* line_at is the next one. */
int sd_journal_next(sd_journal *journal)
{
	(void)journal;
	if (nap_us)
		(void)usleep(nap_us);
	if (dies)
		_exit(1);
	for (; line_at < line_count; line_at++) {
		size_t prefix = strlen("_AUDIT_LOGINUID=");

		if (match_count < 2 || strcmp(lines[line_at].login, matches[1] + prefix) == 0) {
			line_at++;
			return 1;
		}
	}
	return 0;
}

int sd_journal_get_realtime_usec(sd_journal *journal, uint64_t *ret)
{
	(void)journal;
	*ret = (uint64_t)(BASE_US + lines[line_at - 1].at_us);
	return 0;
}

int sd_journal_get_data(sd_journal *journal, const char *field, const void **data, size_t *size)
{
	const struct line *line = &lines[line_at - 1];
	const char *value = strcmp(field, "_PID") == 0 ? line->pid :
			    strcmp(field, "_GID") == 0 ? line->gid :
			    strcmp(field, "_AUDIT_LOGINUID") == 0 ? line->login :
			    strcmp(field, "_EXE") == 0 ? line->exe : line->message;
	static char text[16384];

	(void)journal;
	if (!value)
		return -ENOENT;
	*size = (size_t)snprintf(text, sizeof(text), "%s=%s", field, value);
	*data = text;
	return 0;
}

/* --- scenes --------------------------------------------------------------------------------------- */

#define SUDO "/usr/bin/sudo"
#define SAYS "     ada : TTY=pts/0 ; PWD=/home/ada ; USER=root ; COMMAND="
#define OPENED "pam_unix(sudo:session): session opened for user root(uid=0)"
#define CLOSED "pam_unix(sudo:session): session closed for user root"
#define ADA "70001"
#define BOB "70002"
#define NAMES(at, pid, who, command) { at, pid, who, who, SUDO, SAYS command }
#define OPENS(at, pid, who) { at, pid, "0", who, SUDO, OPENED }
#define CLOSES(at, pid, who) { at, pid, "0", who, SUDO, CLOSED }
#define RUNS(pid, who, command) NAMES(0, pid, who, command), OPENS(1000, pid, who)
#define RUN "/usr/bin/systemd-run "

#define LINE(line) "[Service]\nExecStart=\nExecStart=" line "\n"
#define SLEEP LINE("\"/usr/bin/sleep\" \"71\"")

struct file {
	const char *name, *text;
	long made_us;
	bool dead;
};

struct scene {
	const char *what;
	struct file files[4];
	struct line lines[8];
	const char *want; /* UNIT WHOSE WHY; … in order: E theirs, U unclear */
};

static char folder[64], cgroup[96];
static struct transients *transients;
static bool complete;

static void file_make(const struct file *file)
{
	struct timespec times[2] = { { 0 } };
	char path[256];
	FILE *out;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, file->name);
	if (file->text) {
		out = fopen(path, "w");
		T_FATAL(out != NULL && fputs(file->text, out) >= 0 && fclose(out) == 0);
	} else {
		T_FATAL(mkdir(path, 0755) == 0);
	}
	times[0].tv_sec = times[1].tv_sec = (BASE_US + file->made_us) / 1000000;
	times[0].tv_nsec = times[1].tv_nsec = (BASE_US + file->made_us) % 1000000 * 1000;
	T_FATAL(utimensat(AT_FDCWD, path, times, 0) == 0);
	(void)snprintf(path, sizeof(path), "%s/system.slice/%s", cgroup, file->name);
	T_FATAL(mkdir(path, 0755) == 0);
	strcat(path, "/cgroup.events");
	out = fopen(path, "w");
	T_FATAL(out != NULL && fprintf(out, "populated %d\n", !file->dead) > 0 && fclose(out) == 0);
}

static void setup(const struct file *files, size_t count)
{
	char path[128];

	strcpy(folder, "/tmp/scimd-owner-XXXXXX");
	T_FATAL(mkdtemp(folder) != NULL && chmod(folder, 0755) == 0);
	(void)snprintf(cgroup, sizeof(cgroup), "%s/cgroup", folder);
	(void)snprintf(path, sizeof(path), "%s/system.slice", cgroup);
	T_FATAL(mkdir(cgroup, 0755) == 0 && mkdir(path, 0755) == 0);
	for (size_t i = 0; i < count && files[i].name; i++)
		file_make(&files[i]);
	T_FATAL(transients_new(folder, cgroup, &transients) == 0);
}

static void teardown(void)
{
	char command[128];

	transients_freep(&transients);
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	T_OK(system(command));
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* "a.service ada E; …", in order. */
static const char *search(void)
{
	static const char why[] = "?EKUJT";
	const uint32_t uids[] = { 70001, 70002 };
	const struct transient *found;
	static char told[64][300], text[8192];
	size_t count = 0, length = 0;

	T_FATAL(transients_search(transients, uids, 2) == 1);
	for (int i = 0; i < 2000 && !transients_take(transients, &found, &count, &complete); i++)
		(void)usleep(1000);
	T_FATAL(count <= 64);
	for (size_t i = 0; i < count; i++)
		(void)snprintf(told[i], sizeof(told[i]), "%s %s %c", found[i].name,
			       found[i].uid == 70001 ? "ada" : "bob", why[found[i].why]);
	qsort(told, count, sizeof(told[0]), by_text);
	text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
					   i ? "; " : "", told[i]);
	return text;
}

static void play(const struct scene *scene)
{
	const char *said;

	setup(scene->files, 4);
	lines = scene->lines;
	for (line_count = 0; line_count < 8 && scene->lines[line_count].pid;)
		line_count++;
	said = search();
	if (strcmp(said, scene->want) != 0)
		fprintf(stderr, "%s:\n", scene->what);
	T_STR(said, scene->want);
	teardown();
}

#define A { { "a.service", SLEEP, 2000, false } }
#define THEIRS "a.service ada E"
#define NOBODYS "a.service ada U" /* as only ada has had a sudo */

static const struct scene scenes[] = {
	{ "theirs", A, { RUNS("5", ADA, RUN "/usr/bin/sleep 71") }, THEIRS },
	{ "as it was typed", A, { RUNS("5", ADA, RUN "sleep 71") }, THEIRS },
	{ "another command", A, { RUNS("5", ADA, RUN "sleep 72") }, NOBODYS },
	{ "the end of a word", A, { RUNS("5", ADA, RUN "-q xsleep 71") }, NOBODYS },
	{ "no command", A, { RUNS("5", ADA, RUN) }, NOBODYS },
	{ "another program", A, { RUNS("5", ADA, "/usr/bin/my-systemd-run sleep 71") }, NOBODYS },
	{ "at the top", A, { RUNS("5", ADA, "/systemd-run sleep 71") }, THEIRS },
	{ "another number", A, { RUNS("95", ADA, RUN "sleep 71") }, THEIRS },
	{ "bob's", A, { RUNS("5", BOB, RUN "sleep 71") }, "a.service bob E" },
	{ "somebody else's", A, { RUNS("5", "70003", RUN "sleep 71"),
	  NAMES(1500, "6", ADA, "/bin/true") }, "" },
	{ "dead, and theirs", { { "a.service", SLEEP, 2000, true } },
	  { RUNS("5", ADA, RUN "sleep 71") }, THEIRS },
	{ "dead, and nobody's", { { "a.service", SLEEP, 2000, true } },
	  { RUNS("5", ADA, "/bin/true") }, "" },
	/* who says so */
	{ "never root", A, { NAMES(0, "5", ADA, RUN "sleep 71") }, NOBODYS },
	{ "root, but no sudo", A, { NAMES(0, "5", ADA, RUN "sleep 71"),
	  { 1000, "5", "0", ADA, "/usr/bin/su", OPENED } }, NOBODYS },
	{ "sudo, but no root", A, { NAMES(0, "5", ADA, RUN "sleep 71"),
	  { 1000, "5", ADA, ADA, SUDO, OPENED } }, NOBODYS },
	{ "another process", A, { NAMES(0, "5", ADA, RUN "sleep 71"), OPENS(1000, "6", ADA) }, NOBODYS },
	{ "one of the same place", A, { NAMES(0, "5", ADA, RUN "sleep 71"), OPENS(1000, "1029", ADA) },
	  NOBODYS },
	{ "another login", A, { NAMES(0, "5", ADA, RUN "sleep 71"), OPENS(1000, "5", BOB) },
	  "a.service ada U; a.service bob U" },
	{ "another word later", A, { NAMES(0, "5", ADA, RUN "sleep 71"), NAMES(10, "5", ADA, "/bin/true"),
	  OPENS(1000, "5", ADA) }, NOBODYS },
	{ "no number", A, { NAMES(0, "5x", ADA, RUN "sleep 71"), OPENS(1000, "5x", ADA) }, NOBODYS },
	{ "a sign", A, { NAMES(0, "-5", ADA, RUN "sleep 71"), OPENS(1000, "-5", ADA) }, NOBODYS },
	{ "no login uid", A, { RUNS("5", "4294967295", RUN "sleep 71"),
	  NAMES(1500, "6", ADA, "/bin/true") }, NOBODYS },
	{ "two commands", A, { RUNS("5", ADA, "/bin/x ; COMMAND=" RUN "sleep 71") }, NOBODYS },
	{ "refused", A, { { 0, "5", ADA, ADA, SUDO, "ada : command not allowed ; TTY=pts/0 ; PWD=/ ; "
	  "USER=root ; COMMAND=" RUN "sleep 71" }, OPENS(1000, "5", ADA) }, NOBODYS },
	{ "no command at its place", A, { { 0, "5", ADA, ADA, SUDO, "ada : TTY=pts/0 COMMAND=" RUN "sleep 71" },
	  OPENS(1000, "5", ADA) }, NOBODYS },
	{ "without a terminal", A, { { 0, "5", ADA, ADA, SUDO, "ada : PWD=/ ; USER=root ; COMMAND=" RUN
	  "sleep 71" }, OPENS(1000, "5", ADA) }, THEIRS },
	/* when */
	{ "as early as a clock's tick", { { "a.service", SLEEP, -10000, false } },
	  { RUNS("5", ADA, RUN "sleep 71") }, THEIRS },
	{ "too early", { { "a.service", SLEEP, -10001, false } },
	  { RUNS("5", ADA, RUN "sleep 71") }, "" },
	{ "as late as may be", { { "a.service", SLEEP, 5010000, false } },
	  { RUNS("5", ADA, RUN "sleep 71") }, THEIRS },
	{ "too late", { { "a.service", SLEEP, 5010001, false } },
	  { RUNS("5", ADA, RUN "sleep 71") }, NOBODYS },
	{ "just closed", { { "a.service", SLEEP, 30000, false } },
	  { RUNS("5", ADA, RUN "sleep 71"), CLOSES(20000, "5", ADA) }, THEIRS },
	{ "closed", { { "a.service", SLEEP, 30001, false } },
	  { RUNS("5", ADA, RUN "sleep 71"), CLOSES(20000, "5", ADA) }, NOBODYS },
	{ "closed twice", { { "a.service", SLEEP, 40000, false } }, { RUNS("5", ADA, RUN "sleep 71"),
	  CLOSES(20000, "5", ADA), CLOSES(50000, "5", ADA) }, NOBODYS },
	{ "closed by another", { { "a.service", SLEEP, 40000, false } }, { RUNS("5", ADA, RUN "sleep 71"),
	  CLOSES(20000, "6", ADA), CLOSES(25000, "5", BOB) }, THEIRS },
	{ "closed much later", { { "a.service", SLEEP, 5010001, false } },
	  { RUNS("5", ADA, RUN "sleep 71"), CLOSES(9000000, "5", ADA) }, NOBODYS },
	/* who else */
	{ "both", A, { RUNS("5", ADA, RUN "sleep 71"), RUNS("6", BOB, RUN "sleep 71") },
	  "a.service ada U; a.service bob U" },
	{ "twice the same person", A, { RUNS("5", ADA, RUN "sleep 71"), RUNS("6", ADA, RUN "sleep 71") },
	  THEIRS },
	{ "two units for one", { { "a.service", SLEEP, 2000, false }, { "b.service", SLEEP, 2000, false } },
	  { RUNS("5", ADA, RUN "sleep 71") }, "a.service ada U; b.service ada U" },
	{ "two for two", { { "a.service", SLEEP, 2000, false }, { "b.service", SLEEP, 2000, false } },
	  { RUNS("5", ADA, RUN "sleep 71"), RUNS("6", ADA, RUN "sleep 71") }, "a.service ada E; b.service ada E" },
	/* timers and their services */
	{ "a timer", { { "a.timer", "[Timer]\n", 2000, false }, { "a.service", SLEEP, 2000, false } },
	  { RUNS("5", ADA, RUN "--on-active=5 sleep 71") }, "a.service ada E; a.timer ada E" },
	{ "a timer of long ago", { { "a.timer", "[Timer]\n", 5002000, false }, { "a.service", SLEEP, 2000, false } },
	  { RUNS("5", ADA, RUN "sleep 71") }, "a.service ada E; a.timer ada U" },
	{ "a later timer", { { "a.timer", "[Timer]\n", 5001999, false }, { "a.service", SLEEP, 2000, false } },
	  { RUNS("5", ADA, RUN "sleep 71") }, "a.service ada E; a.timer ada E" },
	{ "a service of long after", { { "a.timer", "[Timer]\n", 2000, false },
	  { "a.service", SLEEP, 5002000, false } },
	  { RUNS("5", ADA, RUN "sleep 71") }, "a.service ada E; a.timer ada U" },
	{ "another's timer", { { "b.timer", "[Timer]\n", 2000, false }, { "a.service", SLEEP, 2000, false } },
	  { RUNS("5", ADA, RUN "sleep 71") }, "a.service ada E; b.timer ada U" },
	{ "a longer name's timer", { { "ab.timer", "[Timer]\n", 2000, false },
	  { "a.service", SLEEP, 2000, false } },
	  { RUNS("5", ADA, RUN "sleep 71") }, "a.service ada E; ab.timer ada U" },
	{ "a path", { { "a.path", "[Path]\n", 2000, false }, { "a.service", SLEEP, 2000, true } },
	  { RUNS("5", ADA, RUN "--path-property=PathExists=/x sleep 71") },
	  "a.path ada E; a.service ada E" },
	{ "a suffix is no name", { { ".service", SLEEP, 2000, false }, { "a.service", SLEEP, 2000, false } },
	  { RUNS("5", ADA, RUN "sleep 71") }, THEIRS },
	{ "a blank in a name", { { "a b.timer", "[Timer]\n", 2000, false } },
	  { RUNS("5", ADA, "/bin/true") }, "a?b.timer ada U" },
	{ "the ends of what is printable", { { "a~!\x7f.timer", "[Timer]\n", 2000, false } },
	  { RUNS("5", ADA, "/bin/true") }, "a~!?.timer ada U" },
	{ "a folder is none", { { "a.timer", "[Timer]\n", 2000, false }, { "b.timer", NULL, 2000, false } },
	  { RUNS("5", ADA, "/bin/true") }, "a.timer ada U" },
	{ "the ends of what is printable", { { "a~!\x7f.timer", "[Timer]\n", 2000, false } },
	  { RUNS("5", ADA, "/bin/true") }, "a~!?.timer ada U" },
	{ "a folder is none", { { "a.timer", "[Timer]\n", 2000, false }, { "b.timer", NULL, 2000, false } },
	  { RUNS("5", ADA, "/bin/true") }, "a.timer ada U" },
	{ "a scope is none", { { "a.scope", "[Scope]\n", 2000, false }, { "b.service", SLEEP, 2000, false } },
	  { RUNS("5", ADA, RUN "sleep 71") }, "b.service ada E" },
};

static void test_scenes(void)
{
	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++)
		play(&scenes[i]);
}

/* Options of systemd-run before "sleep 71", for the unit a.service. */
static void test_options(void)
{
	static const struct {
		const char *options;
		bool fits;
	} cases[] = {
		{ "", true }, { "-q", true }, { "--pty --collect -G", true }, { "-p Restart=always", true },
		{ "--property=X=y", true }, { "-E A=b --uid=1", true }, { "--", true },
		{ "--unit a", true }, { "--unit=a", true }, { "--unit=a.service", true }, { "-u a", true },
		{ "--unit=b", false }, { "-u b", false }, { "--unit=a.timer", false }, { "--unit=", false },
		{ "--unit=ab", false }, { "--unit=a.servic", false }, { "--user", false },
		{ "--scope", false }, { "-S", false }, { "-- x", false }, { "-p", false },
		{ "--what=1", false }, { "x", false }, { "--property X=a b", false }, { "=", false },
		{ "--quiet=1", false }, { "-E=b", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char message[256];
		struct scene scene = { cases[i].options, A,
			{ { 0, "5", ADA, ADA, SUDO, message }, OPENS(1000, "5", ADA) },
			cases[i].fits ? THEIRS : NOBODYS };

		(void)snprintf(message, sizeof(message), SAYS RUN "%s%ssleep 71", cases[i].options,
			       cases[i].options[0] ? " " : "");
		play(&scene);
	}
}

/* The command line in the unit's file, and what sudo would have logged. */
static void test_command_lines(void)
{
	static const struct {
		const char *unit, *logged;
		bool fits;
	} cases[] = {
		{ LINE("\"/bin/sh\" \"-c\" \"a b\""), "/bin/sh -c 'a b'", true },
		{ LINE("\"/bin/sh\" \"-c\" \"a b\""), "/bin/sh -c a b", false },
		{ LINE("\"/bin/e\" \"100%%\""), "/bin/e 100%", true },
		{ LINE("\"/bin/e\" \"100%\""), "/bin/e 100%", false },
		{ LINE("\"/bin/e\" \"%h\""), "/bin/e %h", false },
		{ LINE("\"/bin/e\" \"a\\\"b\\$c\\;\""), "/bin/e a\"b$c;", true },
		{ LINE("\"/bin/e\" \"a\\nb\""), "/bin/e anb", false },
		{ LINE("\"/bin/e\" \"a'b\""), "/bin/e a'b", false },
		{ LINE("\"/bin/e\" \"a\tb\""), "/bin/e a\tb", false },
		{ LINE("\"/bin/e\" \"a\x7f\""), "/bin/e a\x7f", false },
		{ LINE("\"/bin/e\" a"), "/bin/e a", false },
		{ LINE("\"/bin/e\"a"), "/bin/e", false },
		{ LINE("\"/bin/e\" \"a"), "/bin/e a", false },
		{ LINE("\"/bin/e\"") LINE("\"/bin/f\""), "/bin/e", false },
		{ "[Service]\nExecStart=\"/bin/e\"", "/bin/e", true },
		{ "[Service]\nExecStartPre=\"/bin/e\"\n", "/bin/e", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char message[256];
		struct scene scene = { cases[i].unit, { { "a.service", cases[i].unit, 2000, false } },
			{ { 0, "5", ADA, ADA, SUDO, message }, OPENS(1000, "5", ADA) },
			cases[i].fits ? THEIRS : NOBODYS };

		(void)snprintf(message, sizeof(message), SAYS RUN "%s", cases[i].logged);
		play(&scene);
	}
}

/* What the receipt shows of it: printable, blanks included, and cut off. */
static void test_command_shown(void)
{
	char text[400], want[TRANSIENT_COMMAND_SIZE];
	const struct file files[] = { { "a.timer", "[Timer]\n", 2000, false },
				      { "a.service", text, 2000, false } };
	const struct line journal[] = { NAMES(0, "5", ADA, "/bin/true") };
	const struct transient *found;
	const uint32_t uid = 70001;
	size_t count = 0;

	(void)snprintf(text, sizeof(text), LINE("\"/bin/e\" \"\xc3\xa4\" \"%0200d\""), 0);
	(void)snprintf(want, sizeof(want), "/bin/e ?? %0117d", 0);
	setup(files, 2);
	lines = journal;
	line_count = 1;
	T_FATAL(transients_search(transients, &uid, 1) == 1);
	for (int i = 0; i < 2000 && !transients_take(transients, &found, &count, &complete); i++)
		(void)usleep(1000);
	T_FATAL(count == 2);
	for (size_t i = 0; i < count; i++)
		T_STR(found[i].command, strcmp(found[i].name, "a.timer") == 0 ? "" : want);
	teardown();
}

/* Of units that are nobody's a person is told what was made after their first sudo. */
static void test_first_sudo(void)
{
	static const struct file files[] = { { "a.service", SLEEP, 2000, false } };
	const struct line after[] = { NAMES(12000, "5", ADA, "/bin/true") };
	const struct line long_after[] = { NAMES(12001, "5", ADA, "/bin/true") };

	setup(files, 1);
	line_count = 1;
	lines = after;
	T_STR(search(), NOBODYS);
	lines = long_after;
	T_STR(search(), "");
	teardown();
}

/* What can't be read to the end proves nothing. */
static void test_journal_that_fails(void)
{
	static const struct file files[] = { { "a.service", SLEEP, 2000, false } };
	const struct line sound[] = { RUNS("5", ADA, RUN "sleep 71") };

	setup(files, 1);
	lines = sound;
	line_count = 2;
	T_STR(search(), THEIRS);
	open_result = -EIO;
	T_STR(search(), "a.service ada J; a.service bob J");
	open_result = 0;
	line_count = 0;
	T_STR(search(), "a.service ada J; a.service bob J");
	line_count = 2;
	nap_us = 210000;
	T_STR(search(), "a.service ada T; a.service bob T");
	nap_us = 0;
	for (size_t i = 0; i < MANY; i++) {
		many[2 * i] = sound[0];
		many[2 * i + 1] = sound[1];
	}
	lines = many;
	line_count = 2 * 1024;
	T_STR(search(), THEIRS);
	line_count = 2 * 1025;
	T_STR(search(), "a.service ada T; a.service bob T");
	teardown();
}

static void search_raw(const struct transient **ret, size_t *ret_count)
{
	const uint32_t uids[] = { 70001, 70002 };

	T_FATAL(transients_search(transients, uids, 2) == 1);
	for (int i = 0; i < 3000 && !transients_take(transients, ret, ret_count, &complete); i++)
		(void)usleep(1000);
}

/* Theirs are all told, however many there are. */
static void test_many_units(void)
{
	static char name[MANY][16], message[MANY][128], unit[MANY][96];
	const struct transient *found;
	size_t count = 0, theirs = 0;

	setup(NULL, 0);
	lines = many;
	line_count = 0;
	for (size_t i = 0; i < 600; i++) {
		long at_us = (long)i * 6000000; /* which is quick to tell apart */
		struct file file = { name[i], unit[i], at_us + 2000, true };

		(void)snprintf(name[i], sizeof(name[i]), "%zu.service", i);
		(void)snprintf(unit[i], sizeof(unit[i]), LINE("\"/usr/bin/sleep\" \"%zu\""), i);
		(void)snprintf(message[i], sizeof(message[i]), SAYS RUN "--unit=%zu sleep %zu", i, i);
		file_make(&file);
		many[line_count++] = (struct line){ at_us, "5", ADA, ADA, SUDO, message[i] };
		many[line_count++] = (struct line)OPENS(at_us + 1000, "5", ADA);
	}
	search_raw(&found, &count);
	for (size_t i = 0; i < count; i++)
		theirs += found[i].uid == 70001 && found[i].why == WARDEN_UNIT_ENDED;
	T_INT(theirs, 600);
	T_TRUE(complete);
	teardown();
}

/* A child that dies, or takes longer than anybody waits: that is said. */
static void test_incomplete(void)
{
	static const struct file files[] = { { "a.service", SLEEP, 2000, false } };
	const struct line sound[] = { RUNS("5", ADA, RUN "sleep 71") };
	const struct transient *found;
	size_t count = 0;

	setup(files, 1);
	lines = sound;
	line_count = 2;
	search_raw(&found, &count);
	T_TRUE(complete);
	T_INT(count, 1);
	dies = true;
	search_raw(&found, &count);
	dies = false;
	T_TRUE(!complete);
	T_INT(count, 0);
	nap_us = 2000000;
	search_raw(&found, &count);
	nap_us = 0;
	T_TRUE(!complete);
	T_INT(count, 0);
	for (int i = 0; i < 1000; i++) { /* the child that was killed is collected by a later search */
		const uint32_t uid = 70001;

		if (transients_search(transients, &uid, 1) == 1)
			break;
		(void)usleep(1000);
	}
	while (!transients_take(transients, &found, &count, &complete))
		(void)usleep(1000);
	T_TRUE(complete);
	T_INT(count, 1);
	teardown();
}

T_MAIN("warden/transient_owner", T(test_many_units), T(test_incomplete), T(test_scenes), T(test_options), T(test_command_lines),
       T(test_command_shown), T(test_first_sudo), T(test_journal_that_fails))
