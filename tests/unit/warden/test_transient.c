/* The search for units, as far as it goes without systemd; tests/host/test_offboard_sudorun.sh has the rest.
 * Needs root. */
#include "scimd/warden/transient.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/t.h"

static char folder[64], cgroup[96];
static struct transients *transients;
static bool complete;

static void setup(void)
{
	strcpy(folder, "/tmp/scimd-transient-XXXXXX");
	T_FATAL(mkdtemp(folder) != NULL && chmod(folder, 0755) == 0);
	snprintf(cgroup, sizeof(cgroup), "%s/cgroup", folder);
	T_FATAL(mkdir(cgroup, 0755) == 0);
	T_FATAL(transients_new(folder, cgroup, &transients) == 0);
}

static void teardown(void)
{
	char command[128];

	transients_freep(&transients);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	T_OK(system(command));
}

static void file_write(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	(void)unlink(path);
	file = fopen(path, "w");
	T_FATAL(file != NULL && fputs(text, file) >= 0);
	T_FATAL(fclose(file) == 0);
}

/* Everything found, once the child is through. */
static size_t search(const struct transient **ret)
{
	const uint32_t uids[] = { 70001, 70002 };
	size_t count = 0;

	T_FATAL(transients_search(transients, uids, 2) == 1);
	T_INT(transients_search(transients, uids, 2), -EBUSY);
	for (int i = 0; i < 2000; i++) {
		if (transients_take(transients, ret, &count, &complete))
			return count;
		(void)usleep(1000);
	}
	T_TRUE(!"the search ends");
	return 0;
}

static void test_nothing_to_search(void)
{
	const uint32_t uid = 70001;

	setup();
	T_INT(transients_search(transients, &uid, 1), 0);
	file_write("run-1.scope", "");
	T_INT(transients_search(transients, &uid, 1), 0);
	teardown();
}

/* Nobody's sudo made it: at most it is named, and never as theirs. */
static void test_nobody_made_it(void)
{
	const struct transient *found;
	size_t count;

	setup();
	file_write("a.timer", "[Timer]\nOnActiveSec=5min\n");
	file_write("a.service", "[Service]\nExecStart=\nExecStart=\"/usr/bin/sleep\" \"7 0\"\n");
	file_write("dead.service", "[Service]\nExecStart=\nExecStart=\"/usr/bin/sleep\" \"71\"\n");
	for (int again = 0; again < 3; again++) {
		count = search(&found);
		T_TRUE(count <= 2);
		for (size_t i = 0; i < count; i++) {
			T_STR(found[i].name, "a.timer"); /* what runs nothing is no news */
			T_TRUE(found[i].uid == 70001 || found[i].uid == 70002);
			T_TRUE(found[i].why != WARDEN_UNIT_ENDED && found[i].why != WARDEN_UNIT_KILLED);
			T_TRUE(!found[i].ended && !found[i].reported);
		}
		/* Without a journal everybody is told. */
		if (access("/run/log/journal", F_OK) < 0 && access("/var/log/journal", F_OK) < 0) {
			T_INT(count, 2);
			T_INT(count ? found[0].why : 0, WARDEN_UNIT_NO_JOURNAL);
		}
	}
	teardown();
}

/* Files that nobody would write. */
static void test_odd_files(void)
{
	static char huge[100000];
	const struct transient *found;
	char name[256];

	setup();
	memset(huge, 'x', sizeof(huge) - 1);
	file_write("huge.service", huge);
	file_write("open.service", "[Service]\nExecStart=\"/usr/bin/sleep");
	file_write("back.service", "[Service]\nExecStart=\"\\");
	file_write("percent.service", "[Service]\nExecStart=\"%");
	file_write("empty.service", "");
	file_write(".service", "");
	memset(name, 'n', sizeof(name));
	strcpy(name + 248, ".timer");
	file_write(name, "");
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "many-%d.timer", i);
		file_write(name, "");
	}
	(void)search(&found);
	T_TRUE(complete);
	teardown();
}

/* A unit is one file: another one of its name is another unit. */
static void test_identity(void)
{
	struct transient unit = { 0 };
	char path[192];
	struct stat st;
	int fd;

	setup();
	file_write("a.service", "one");
	snprintf(path, sizeof(path), "%s/a.service", folder);
	T_OK(stat(path, &st));
	strcpy(unit.name, "a.service");
	unit.inode = st.st_ino;
	unit.made_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
	T_TRUE(transient_is_there(transients, &unit));
	(void)usleep(10000);
	file_write("a.service", "two");
	T_TRUE(!transient_is_there(transients, &unit));
	/* Its group, in slices alone: another folder of that name is somebody's own. */
	T_INT(transient_open(transients, &unit), -ENOENT);
	snprintf(path, sizeof(path), "%s/user@1.service", cgroup);
	T_OK(mkdir(path, 0755));
	strcat(path, "/a.service");
	T_OK(mkdir(path, 0755));
	T_TRUE(transient_open(transients, &unit) < 0);
	snprintf(path, sizeof(path), "%s/system.slice", cgroup);
	T_OK(mkdir(path, 0755));
	strcat(path, "/a.service");
	T_OK(mkdir(path, 0755));
	fd = transient_open(transients, &unit);
	T_TRUE(fd >= 0);
	close(fd);
	strcpy(unit.name, "../a.service");
	T_TRUE(transient_open(transients, &unit) < 0);
	strcpy(unit.name, "x.timer");
	T_TRUE(transient_starts_others(&unit));
	teardown();
}

/* Each kind alone is worth a search; what is no file is no unit. */
static void test_kinds(void)
{
	static const char *const names[] = { "a.service", "a.timer", "a.path", "a.socket" };
	const struct transient *found;
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		setup();
		file_write(names[i], "");
		(void)search(&found);
		T_TRUE(complete);
		teardown();
	}
	setup();
	file_write("a.timer", "");
	snprintf(path, sizeof(path), "%s/folder.timer", folder);
	T_OK(mkdir(path, 0755));
	snprintf(path, sizeof(path), "%s/link.timer", folder);
	T_OK(symlink("a.timer", path));
	for (size_t i = 0, count = search(&found); i < count; i++)
		T_STR(found[i].name, "a.timer");
	teardown();
}

T_MAIN("warden/transient",
       T(test_kinds),
       T(test_nothing_to_search),
       T(test_nobody_made_it),
       T(test_odd_files),
       T(test_identity))
