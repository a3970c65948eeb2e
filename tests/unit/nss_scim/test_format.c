/* What `scimctl directory` says of a directory, beside a reader of its own that was written from the words
 * of directory_format.h (tests/format/directory.py). Runs in the source tree, with scimctl built. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <sys/wait.h>

#include "tests/unit/nss_scim/people.h"

#define READER "tests/format/directory.py"

static const char path[] = DIRECTORY_PUBLIC_DIR "/" DIRECTORY_FILE;

static const char *scimctl(void)
{
	static char found[PATH_MAX];
	char self[PATH_MAX];

	/* As it was called: in a chroot, the kernel's name of it may be a path outside. */
	(void)snprintf(self, sizeof(self), "%s", program_invocation_name);
	for (int i = 0; i < 4; i++) /* tests/unit/nss_scim/test_format */
		NEED(dirname(self));
	(void)snprintf(found, sizeof(found), "%.3000s/scimctl", self);
	return found;
}

/* Its exit code. What it printed goes to `output`, if that is not NULL. */
static int run(const char *command, char *output, size_t size)
{
	FILE *pipe = popen(command, "re");
	size_t n = 0;
	int status;

	NEED(pipe);
	if (output) {
		n = fread(output, 1, size - 1, pipe);
		output[n] = '\0';
	}
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Both as one line each, with sorted keys. */
static void test_two_readers_agree(void)
{
	static const char sort[] = "python3 -c 'import json, sys; "
				   "print(json.dumps(json.load(sys.stdin), sort_keys=True))'";
	static char ours[1 << 20], theirs[1 << 20];
	char command[8192];

	people_start_in(DIRECTORY_PUBLIC_DIR);
	people_change(CAROL, "caroline", DIRECTORY_ALLOWED); /* a name's slot is a removed one now */
	people_change(CAROL + 100, "erin", DIRECTORY_ALLOWED); /* in other eights: the walks' order counts */
	people_change(CAROL + 200, "frank", 0);
	(void)snprintf(command, sizeof(command), "%s directory dump --json --file %s | %s", scimctl(),
		       path, sort);
	T_INT(run(command, ours, sizeof(ours)), 0);
	(void)snprintf(command, sizeof(command), "python3 %s %s | %s", READER, path, sort);
	T_INT(run(command, theirs, sizeof(theirs)), 0);
	T_TRUE(strcmp(ours, theirs) == 0);
	T_TRUE(strstr(ours, "\"m2999\"") && strstr(ours, "\"caroline\"") &&
	       strstr(ours, "SCIM_COST_CENTER=42 a") && strstr(ours, "\"deleted\": true"));
	T_TRUE(strstr(ours, "\"carol\"") == NULL);
}

static void test_dump_as_lines(void)
{
	static char lines[1 << 20];
	char command[4096];

	people_start_in(DIRECTORY_PUBLIC_DIR);
	(void)snprintf(command, sizeof(command), "%s directory dump --file %s", scimctl(), path);
	T_INT(run(command, lines, sizeof(lines)), 0);
	T_TRUE(strstr(lines, "alice:x:70001:70001:Alice A.:/home/alice:/bin/bash\n") != NULL);
	T_TRUE(strstr(lines, "# 70004 deleted\n") != NULL);
	T_TRUE(strstr(lines, "linux-users:x:80001:alice\n") != NULL);
}

static int verify(const char *file, char *output, size_t size)
{
	char command[4096];

	(void)snprintf(command, sizeof(command), "%s directory verify --json --file %s 2>&1",
		       scimctl(), file);
	return run(command, output, size);
}

/* The first fault is in the record that holds the changed byte. */
static void test_verify(void)
{
	static const char name[] = "/home/carol";
	char output[4096];
	unsigned long long offset = 0;
	unsigned char content[65536];
	const char *found;
	int fd;

	people_start_in(DIRECTORY_PUBLIC_DIR);
	T_INT(verify(path, output, sizeof(output)), 0);
	T_TRUE(strstr(output, "\"sound\": true") || strstr(output, "\"sound\":true"));
	T_INT(verify(DIRECTORY_PUBLIC_DIR "/" DIRECTORY_SHADOW_FILE, output, sizeof(output)), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	NEED(fd >= 0 && read(fd, content, sizeof(content)) > 0);
	close(fd);
	found = memmem(content, sizeof(content), name, strlen(name));
	NEED(found);
	people_damage(DIRECTORY_FILE, name, strlen(name));
	T_INT(verify(path, output, sizeof(output)), 1);
	found = strstr(output, "\"offset\":") ? strstr(output, "\"offset\":") + 9 : "0";
	offset = strtoull(found, NULL, 10);
	found = memmem(content, sizeof(content), name, strlen(name));
	T_TRUE(offset > 4096 && offset < (size_t)((const unsigned char *)(const void *)found - content));
	T_TRUE((size_t)((const unsigned char *)(const void *)found - content) - offset < 128);
	T_INT(verify("/dev/null", output, sizeof(output)), 1);
	T_INT(verify("/etc/passwd", output, sizeof(output)), 1);
	T_INT(verify("/nonexistent", output, sizeof(output)), 1);
}

T_MAIN("directory format", T(test_two_readers_agree), T(test_dump_as_lines), T(test_verify))
