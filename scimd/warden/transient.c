#include "scimd/warden/transient.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"
#include "scimd/warden/cgroup.h"
#include "shared/names.h"

#define NOBODY 65534u
#define SEARCH_US 200000u  /* the child's time for the journal */
#define PATIENCE_US 500000u /* and ours for the child */
#define ENTRIES_MAX 1024u
#define NAMED_MAX 1024u
#define FOUND_MAX 65536u /* a child that tells more than this is out of its mind */
#define UNIT_FILE_MAX 65536u
#define LINE_MAX_BYTES 8192u
#define RUN_US 5000000u /* between sudo's start and the unit's */
#define SLACK_US 10000u /* the clock of files lags behind by a tick */

struct transients {
	const char *folder, *cgroup;
	pid_t child; /* 0: none */
	int pipe;
	uint64_t until_us;
	struct transient *found;
	size_t room;  /* of found */
	size_t bytes; /* of found that came */
};

/* --- the child: units ------------------------------------------------------------------------- */

struct unit {
	struct transient id;
	char *line; /* the command line as sudo would log it; "": not comparable */
};

static bool has_suffix(const char *text, const char *suffix)
{
	size_t length = strlen(text), tail = strlen(suffix);

	return length > tail && strcmp(text + length - tail, suffix) == 0;
}

bool transient_starts_others(const struct transient *unit)
{
	return has_suffix(unit->name, ".timer") || has_suffix(unit->name, ".path") ||
	       has_suffix(unit->name, ".socket");
}

/* One quoted word of systemd's into `to` as sudo writes it. Returns what follows, or NULL: it holds
 * what the two write differently. */
static const char *copy_word(const char *at, char *to, size_t room)
{
	const char *end = at;
	size_t n = 0;
	bool blank;

	while (*end && *end != '"')
		end += *end == '\\' && end[1] ? 2 : 1;
	if (*end != '"' || (size_t)(end - at) + 4 > room)
		return NULL;
	blank = memchr(at, ' ', (size_t)(end - at)) != NULL;
	if (blank)
		to[n++] = '\'';
	for (; at < end; at++) {
		if (*at == '%' && *++at != '%')
			return NULL;
		if (*at == '\\' && !strchr("\"$;", *++at))
			return NULL;
		if ((unsigned char)*at < ' ' || *at == 0x7f || *at == '\'')
			return NULL;
		to[n++] = *at;
	}
	if (blank)
		to[n++] = '\'';
	to[n] = '\0';
	return end + 1;
}

/* The one ExecStart= with a command. */
static void read_line(const char *text, char line[static LINE_MAX_BYTES])
{
	static const char key[] = "\nExecStart=\"";
	const char *at = strstr(text, key);
	size_t n = 0;

	line[0] = '\0';
	if (!at || strstr(at + 1, key))
		return;
	for (at += sizeof(key) - 1;; at += 2) {
		at = copy_word(at, line + n, LINE_MAX_BYTES - n);
		if (!at || (*at && *at != '\n' && strncmp(at, " \"", 2) != 0))
			break;
		if (*at != ' ')
			return;
		n += strlen(line + n);
		line[n++] = ' ';
	}
	line[0] = '\0';
}

static void copy_printable(const char *from, char *to, size_t size)
{
	size_t i;

	for (i = 0; i < size - 1 && from[i]; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	to[i] = '\0';
}

static int unit_identify(int folder, const char *name, struct transient *ret)
{
	struct stat st;

	if (strlen(name) >= sizeof(ret->name) ||
	    fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return -ENOENT;
	*ret = (struct transient){ .inode = st.st_ino };
	ret->made_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
	memcpy(ret->name, name, strlen(name) + 1);
	return 0;
}

static int unit_read(int folder, const char *name, struct unit *ret)
{
	static char text[UNIT_FILE_MAX], line[LINE_MAX_BYTES];
	_cleanup_close_ int fd = -1;
	ssize_t n;
	int r = unit_identify(folder, name, &ret->id);

	ret->line = "";
	if (r < 0 || transient_starts_others(&ret->id))
		return r;
	if (!has_suffix(name, ".service"))
		return -ENOENT;
	fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -ENOENT;
	text[n] = '\0';
	line[0] = '\0';
	if ((size_t)n < sizeof(text) - 1)
		read_line(text, line);
	ret->line = strdup(line);
	if (!ret->line)
		return -ENOMEM;
	copy_printable(ret->line, ret->id.command, sizeof(ret->id.command));
	return 0;
}

struct units {
	struct unit *items;
	size_t count, room;
	bool partial; /* there are more */
};

static bool units_grow(struct units *units)
{
	size_t room = units->room ? units->room * 2 : 64;
	struct unit *items;

	if (units->count < units->room)
		return true;
	items = reallocarray(units->items, room, sizeof(*items));
	if (!items)
		return false;
	units->items = items;
	units->room = room;
	return true;
}

/* All there are, as long as there is time. */
static void units_read(const char *path, uint64_t until_us, struct units *ret)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	while (dir && !ret->partial && (entry = readdir(dir))) {
		ret->partial = clock_monotonic_us() > until_us || !units_grow(ret);
		if (!ret->partial && unit_read(dirfd(dir), entry->d_name, &ret->items[ret->count]) == 0)
			ret->count++;
	}
	if (dir)
		(void)closedir(dir);
}

/* --- the child: sudo's entries ---------------------------------------------------------------- */

/* One run of systemd-run by sudo. */
struct entry {
	uint64_t pid, loginuid;
	uint64_t began_us, ended_us; /* 0: it still runs, or nobody said */
	char *command;               /* behind COMMAND= */
};

struct journal {
	sd_journal *journal;
	uint64_t until_us; /* monotonic */
	enum warden_unit why; /* what is said of a unit that nobody is known to have made */
	/* What processes named before they were seen as root; by pid, a later one takes the place. */
	struct entry named[NAMED_MAX];
	struct entry entries[ENTRIES_MAX];
	size_t count;
};

static bool field_get(sd_journal *journal, const char *name, char *into, size_t room)
{
	size_t size, skip = strlen(name) + 1;
	const void *data;

	into[0] = '\0';
	if (sd_journal_get_data(journal, name, &data, &size) < 0 || size < skip ||
	    size - skip >= room || memchr(data, '\0', size))
		return false;
	memcpy(into, (const char *)data + skip, size - skip);
	into[size - skip] = '\0';
	return true;
}

static bool number_get(sd_journal *journal, const char *name, uint64_t *ret)
{
	char text[32], *end;

	if (!field_get(journal, name, text, sizeof(text)) || *text < '0' || *text > '9')
		return false;
	*ret = strtoull(text, &end, 10);
	return *end == '\0';
}

/* "  ada : TTY=… ; PWD=… ; USER=… ; COMMAND=/usr/bin/systemd-run …": what sudo logs of a command that it
 * runs; one that it refuses has another word first. Where a folder or an argument pretends to be a
 * COMMAND= too, it is not told apart. */
static const char *command_of(const char *message)
{
	static const char key[] = " ; COMMAND=";
	const char *at = strstr(message, " : "), *command;

	if (!at || (strncmp(at + 3, "TTY=", 4) != 0 && strncmp(at + 3, "PWD=", 4) != 0))
		return NULL;
	command = strstr(at, key);
	if (!command || strstr(command + 1, key))
		return NULL;
	return command + sizeof(key) - 1;
}

static struct entry *entry_of(struct journal *journal, uint64_t pid)
{
	for (size_t i = journal->count; i-- > 0;)
		if (journal->entries[i].pid == pid)
			return &journal->entries[i];
	return NULL;
}

/* The process is root: what it named last was sudo's word. */
static void entry_prove(struct journal *journal, uint64_t pid, uint64_t loginuid, const char *message,
			uint64_t at_us)
{
	struct entry *named = &journal->named[pid % NAMED_MAX], *entry;

	if (named->command && named->pid == pid && named->loginuid == loginuid) {
		if (!strstr(named->command, "systemd-run")) {
			free(TAKE_PTR(named->command));
			return;
		}
		if (journal->count == ENTRIES_MAX) {
			journal->why = WARDEN_UNIT_NO_TIME;
			return;
		}
		journal->entries[journal->count++] = *named;
		named->command = NULL;
	}
	entry = entry_of(journal, pid);
	if (entry && entry->loginuid == loginuid && !entry->ended_us &&
	    strstr(message, "session closed"))
		entry->ended_us = at_us;
}

/* The entry that the journal stands at. */
static void entry_take(struct journal *journal, uint64_t at_us)
{
	static char message[LINE_MAX_BYTES];
	uint64_t pid, gid, loginuid;
	struct entry *named;
	const char *command;
	char exe[256];

	if (!number_get(journal->journal, "_PID", &pid) ||
	    !number_get(journal->journal, "_GID", &gid) ||
	    !number_get(journal->journal, "_AUDIT_LOGINUID", &loginuid) ||
	    !field_get(journal->journal, "MESSAGE", message, sizeof(message)))
		return;
	if (strstr(message, "COMMAND=")) {
		named = &journal->named[pid % NAMED_MAX];
		command = command_of(message);
		free(named->command);
		*named = (struct entry){ .pid = pid, .loginuid = loginuid, .began_us = at_us,
					 .command = command ? strdup(command) : NULL };
	} else if (gid == 0 && field_get(journal->journal, "_EXE", exe, sizeof(exe)) &&
		   has_suffix(exe, "/sudo")) {
		entry_prove(journal, pid, loginuid, message, at_us);
	}
}

/* What sudo ran between the two times. */
static void entries_read(struct journal *journal, uint64_t since_us, uint64_t last_us)
{
	uint64_t at_us = 0;

	sd_journal_flush_matches(journal->journal);
	if (sd_journal_add_match(journal->journal, "SYSLOG_IDENTIFIER=sudo", 0) < 0 ||
	    sd_journal_seek_realtime_usec(journal->journal, since_us) < 0)
		journal->why = WARDEN_UNIT_NO_JOURNAL;
	while (journal->why == WARDEN_UNIT_UNCLEAR && at_us <= last_us &&
	       sd_journal_next(journal->journal) > 0 &&
	       sd_journal_get_realtime_usec(journal->journal, &at_us) >= 0) {
		entry_take(journal, at_us);
		if (clock_monotonic_us() > journal->until_us)
			journal->why = WARDEN_UNIT_NO_TIME;
	}
	if (journal->why != WARDEN_UNIT_UNCLEAR)
		journal->count = 0; /* half of it proves nothing */
}

/* Of anything that sudo said to the person; UINT64_MAX: never. */
static uint64_t first_sudo_us(sd_journal *journal, uint32_t uid)
{
	char match[48];
	uint64_t at_us;

	(void)snprintf(match, sizeof(match), "_AUDIT_LOGINUID=%u", uid);
	sd_journal_flush_matches(journal);
	if (sd_journal_add_match(journal, "SYSLOG_IDENTIFIER=sudo", 0) < 0 ||
	    sd_journal_add_match(journal, match, 0) < 0 || sd_journal_seek_head(journal) < 0 ||
	    sd_journal_next(journal) <= 0 || sd_journal_get_realtime_usec(journal, &at_us) < 0)
		return UINT64_MAX;
	return at_us;
}

/* --- the child: which belongs to which -------------------------------------------------------- */

/* systemd-run's options that go without a value and change nothing about whose it is. Those which make
 * it no service of the system's (--user, --scope, --shell …) are missing, as is what we do not know. */
static bool is_flag(const char *word)
{
	static const char *const flags[] = { "-d", "-t", "-P", "-q", "-G", "--same-dir", "--pty", "--pipe",
					     "--quiet", "--collect", "--wait", "--no-block",
					     "--remain-after-exit", "-r", "--slice-inherit",
					     "--no-ask-password", "--send-sighup" };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (strcmp(word, flags[i]) == 0)
			return true;
	return false;
}

static bool takes_value(const char *word)
{
	static const char *const with_value[] = { "-u", "-p", "-E", "--unit", "--property",
						  "--description", "--slice", "--uid", "--gid", "--nice",
						  "--setenv", "--service-type", "--working-directory",
						  "--on-active", "--on-boot", "--on-startup",
						  "--on-unit-active", "--on-unit-inactive",
						  "--on-calendar", "--timer-property", "--path-property",
						  "--socket-property" };

	for (size_t i = 0; i < ARRAY_SIZE(with_value); i++)
		if (strcmp(word, with_value[i]) == 0)
			return true;
	return false;
}

/* "name" and "name.service" are the same to systemd-run. */
static bool is_named(const char *unit, const char *name, size_t length)
{
	size_t stem = strlen(unit) - strlen(strrchr(unit, '.'));

	return strncmp(unit, name, length) == 0 &&
	       (length == stem || (length == strlen(unit) && has_suffix(unit, ".service")));
}

/* The options before a command, word by word; a value that holds a blank is more words than one, and
 * then this is not understood. False also if they name another unit. */
static bool options_fit(const char *options, size_t length, const char *unit)
{
	char text[LINE_MAX_BYTES], *word, *save = NULL, *value;

	if (length >= sizeof(text))
		return false;
	memcpy(text, options, length);
	text[length] = '\0';
	for (word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (strcmp(word, "--") == 0)
			return strtok_r(NULL, " ", &save) == NULL;
		if (is_flag(word))
			continue;
		value = word[0] == '-' && word[1] == '-' ? strchr(word, '=') : NULL;
		if (value)
			*value++ = '\0';
		if (!takes_value(word))
			return false;
		if (!value)
			value = strtok_r(NULL, " ", &save);
		if (!value || ((strcmp(word, "--unit") == 0 || strcmp(word, "-u") == 0) &&
			       !is_named(unit, value, strlen(value))))
			return false;
	}
	return true;
}

/* Does "PATH/systemd-run OPTIONS LINE" run this unit? systemd-run writes the first word of LINE with its
 * folder, sudo logs it as it was given. */
static bool command_fits(const char *command, const struct unit *unit)
{
	size_t run = strcspn(command, " "), length = strlen(command), line = strlen(unit->line);
	const char *name = unit->line, *options = command + run;

	if (run < strlen("/systemd-run") || strncmp(options - strlen("/systemd-run"), "/systemd-run",
						    strlen("/systemd-run")) != 0 || line == 0)
		return false;
	if (line >= length || strcmp(command + length - line, unit->line) != 0) {
		name += strcspn(name, " "); /* the last slash of the first word */
		while (name > unit->line && name[-1] != '/')
			name--;
		line = strlen(name);
	}
	if (line >= length - run || strcmp(command + length - line, name) != 0 ||
	    command[length - line - 1] != ' ')
		return false;
	return options_fit(options, length - line - run, unit->id.name);
}

static bool entry_fits(const struct entry *entry, const struct unit *unit)
{
	uint64_t made_us = unit->id.made_ns / 1000, end_us = entry->began_us + RUN_US;

	if (entry->ended_us && entry->ended_us < end_us)
		end_us = entry->ended_us;
	return made_us + SLACK_US >= entry->began_us &&
	       made_us <= end_us + SLACK_US && command_fits(entry->command, unit);
}

/* The login uid of whoever made it, or UINT32_MAX. unit may be NULL. */
static uint32_t owner_of(const struct unit *unit, const struct unit *units, size_t count,
			 const struct journal *journal)
{
	static const struct entry *fits[ENTRIES_MAX];
	size_t fitting = 0, rivals = 0;
	uint64_t owner = UINT32_MAX;

	for (size_t i = 0; unit && i < journal->count; i++) {
		if (!entry_fits(&journal->entries[i], unit))
			continue;
		if (fitting && journal->entries[i].loginuid != owner)
			return UINT32_MAX;
		owner = journal->entries[i].loginuid;
		fits[fitting++] = &journal->entries[i];
	}
	for (size_t n = 0; fitting && n < count; n++)
		for (size_t i = 0; i < fitting; i++)
			if (entry_fits(fits[i], &units[n])) {
				rivals++;
				break;
			}
	return fitting && rivals <= fitting && owner < UINT32_MAX ? (uint32_t)owner : UINT32_MAX;
}

/* The service that a timer starts has its name, and says whose both are. */
static const struct unit *service_of(const struct unit *unit, const struct unit *units, size_t count)
{
	size_t stem = strlen(unit->id.name) - strlen(strrchr(unit->id.name, '.'));

	for (size_t i = 0; i < count; i++)
		if (has_suffix(units[i].id.name, ".service") &&
		    strlen(units[i].id.name) == stem + strlen(".service") &&
		    strncmp(units[i].id.name, unit->id.name, stem) == 0 &&
		    units[i].id.made_ns / 1000 + RUN_US > unit->id.made_ns / 1000 &&
		    unit->id.made_ns / 1000 + RUN_US > units[i].id.made_ns / 1000)
			return &units[i];
	return NULL;
}

static bool is_alive(const struct transients *transients, const struct transient *unit)
{
	_cleanup_close_ int fd = -1;

	if (transient_starts_others(unit))
		return true;
	fd = transient_open(transients, unit);
	return fd >= 0 && cgroup_is_populated(fd) > 0;
}

static void tell(int to, struct transient unit, uint32_t uid, enum warden_unit why)
{
	unit.uid = uid;
	unit.why = why;
	if (write(to, &unit, sizeof(unit)) != (ssize_t)sizeof(unit))
		_exit(1);
}

/* To each person: the units that are theirs, dead ones too, as those may be about to come again. */
static void tell_theirs(int to, const struct units *units, const uint32_t *owners, const uint32_t *uids,
			size_t uid_count)
{
	for (size_t i = 0; i < units->count; i++)
		for (size_t n = 0; n < uid_count; n++)
			if (owners[i] == uids[n])
				tell(to, units->items[i].id, uids[n], WARDEN_UNIT_ENDED);
}

/* And those of which nobody knows whose they are. */
static void tell_others(const struct transients *transients, int to, const struct units *units,
			const uint32_t *owners, const uint32_t *uids, const uint64_t *firsts_us,
			size_t uid_count, enum warden_unit why)
{
	for (size_t i = 0; i < units->count; i++) {
		const struct transient *id = &units->items[i].id;

		if (owners[i] != UINT32_MAX || !is_alive(transients, id))
			continue;
		for (size_t n = 0; n < uid_count; n++)
			if (firsts_us[n] <= id->made_ns / 1000 + SLACK_US)
				tell(to, *id, uids[n], why);
	}
}

/* Whether there is one, and anything in it. */
static void journal_probe(struct journal *journal)
{
	if (!journal->journal || sd_journal_seek_head(journal->journal) < 0 ||
	    sd_journal_next(journal->journal) <= 0)
		journal->why = WARDEN_UNIT_NO_JOURNAL;
	else
		journal->why = WARDEN_UNIT_UNCLEAR;
}

/* What sudo logged while these were made, and when each person first used it. */
static void journal_read(struct journal *journal, const struct units *units, const uint32_t *uids,
			 size_t uid_count, uint64_t *firsts_us)
{
	uint64_t oldest_us = UINT64_MAX, newest_us = 0;

	for (size_t i = 0; i < units->count; i++) {
		uint64_t made_us = units->items[i].id.made_ns / 1000;

		oldest_us = made_us < oldest_us ? made_us : oldest_us;
		newest_us = made_us > newest_us ? made_us : newest_us;
	}
	if (units->count > 0 && oldest_us > 2 * RUN_US)
		entries_read(journal, oldest_us - 2 * RUN_US, newest_us + 2 * RUN_US);
	for (size_t n = 0; n < uid_count && journal->why == WARDEN_UNIT_UNCLEAR; n++) {
		firsts_us[n] = first_sudo_us(journal->journal, uids[n]);
		if (clock_monotonic_us() > journal->until_us)
			journal->why = WARDEN_UNIT_NO_TIME;
	}
}

static void owners_find(struct journal *journal, const struct units *units, uint32_t *ret)
{
	for (size_t i = 0; i < units->count; i++) {
		const struct unit *service = service_of(&units->items[i], units->items, units->count);

		ret[i] = UINT32_MAX;
		if (journal->count > 0 && clock_monotonic_us() > journal->until_us + SEARCH_US)
			journal->why = WARDEN_UNIT_NO_TIME;
		else
			ret[i] = owner_of(service, units->items, units->count, journal);
	}
}

/* Everything, in the child. What only root may read is open before it becomes nobody. */
__attribute__((noreturn)) static void search(const struct transients *transients, int to,
					     const uint32_t *uids, size_t uid_count)
{
	struct journal *journal = calloc(1, sizeof(*journal));
	uint64_t *firsts_us = calloc(uid_count + 1, sizeof(*firsts_us));
	const struct transient last = { 0 };
	struct units units = { 0 };
	uint32_t *owners;

	if (!journal || !firsts_us)
		_exit(1);
	journal->until_us = clock_monotonic_us() + SEARCH_US;
	if (sd_journal_open(&journal->journal, SD_JOURNAL_LOCAL_ONLY) < 0)
		journal->journal = NULL;
	if (setresuid(NOBODY, NOBODY, NOBODY) < 0)
		_exit(1);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* now: another uid clears it */
	units_read(transients->folder, journal->until_us, &units);
	owners = calloc(units.count + 1, sizeof(*owners));
	if (!owners)
		_exit(1);
	journal_probe(journal);
	journal_read(journal, &units, uids, uid_count, firsts_us);
	owners_find(journal, &units, owners);
	tell_theirs(to, &units, owners, uids, uid_count);
	tell_others(transients, to, &units, owners, uids, firsts_us, uid_count, journal->why);
	if (!units.partial) /* without this it was not all */
		tell(to, last, 0, WARDEN_UNIT_ENDED);
	_exit(0);
}

/* --- the parent ------------------------------------------------------------------------------- */

int transients_new(const char *folder, const char *cgroup, struct transients **ret)
{
	_cleanup_(transients_freep) struct transients *transients = calloc(1, sizeof(*transients));

	if (!transients)
		return -ENOMEM;
	transients->pipe = -1;
	transients->folder = folder;
	transients->cgroup = cgroup;
	*ret = TAKE_PTR(transients);
	return 0;
}

void transients_freep(struct transients **transients)
{
	if (!*transients)
		return;
	if ((*transients)->child > 0) {
		(void)kill((*transients)->child, SIGKILL);
		(void)waitpid((*transients)->child, NULL, 0);
	}
	closep(&(*transients)->pipe);
	free((*transients)->found);
	free(*transients);
	*transients = NULL;
}

/* Most hosts have none, and then nothing has to be asked. Scopes keep their processes' login uid. */
static bool has_units(const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		found = has_suffix(entry->d_name, ".service") || has_suffix(entry->d_name, ".timer") ||
			has_suffix(entry->d_name, ".path") || has_suffix(entry->d_name, ".socket");
	if (dir)
		(void)closedir(dir);
	return found;
}

int transients_search(struct transients *transients, const uint32_t *uids, size_t count)
{
	int ends[2];

	if (transients->pipe < 0 && transients->child > 0 &&
	    waitpid(transients->child, NULL, WNOHANG) != 0)
		transients->child = 0;
	if (transients->child > 0)
		return -EBUSY;
	transients->bytes = 0;
	if (!has_units(transients->folder))
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	transients->child = fork();
	if (transients->child == 0) {
		/* Nobody's connection is kept open by it. */
		if (dup2(ends[1], 3) < 0 || close_range(4, ~0u, 0) < 0)
			_exit(1);
		search(transients, 3, uids, count);
	}
	closep(&ends[1]);
	transients->pipe = ends[0];
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	transients->until_us = clock_monotonic_us() + PATIENCE_US;
	if (transients->child > 0)
		return 1;
	closep(&transients->pipe);
	transients->pipe = -1;
	transients->child = 0;
	return -EAGAIN;
}

/* The child has read what others wrote: its word is checked for its form. */
static void distrust(struct transient *unit)
{
	char command[TRANSIENT_COMMAND_SIZE];

	unit->name[TRANSIENT_NAME_SIZE - 1] = unit->command[TRANSIENT_COMMAND_SIZE - 1] = '\0';
	copy_printable(unit->command, command, sizeof(command));
	memcpy(unit->command, command, sizeof(command));
	for (char *at = unit->name; *at; at++)
		if (*at <= ' ' || *at > '~' || *at == '/')
			*at = '?'; /* no unit is called so */
	unit->ended = unit->reported = false;
}

/* Room for at least one more byte, or no. */
static bool found_grow(struct transients *transients)
{
	size_t room = transients->room ? transients->room * 2 : 64;
	struct transient *found;

	if (transients->bytes < transients->room * sizeof(*found))
		return true;
	found = room > FOUND_MAX ? NULL : reallocarray(transients->found, room, sizeof(*found));
	if (!found)
		return false;
	transients->found = found;
	transients->room = room;
	return true;
}

/* 1: that was all; 0: more may come; else it is over before its time. */
static int found_read(struct transients *transients)
{
	while (transients->pipe >= 0 && found_grow(transients)) {
		ssize_t n = read(transients->pipe, (unsigned char *)transients->found + transients->bytes,
				 transients->room * sizeof(struct transient) - transients->bytes);

		if (n < 0 && errno == EAGAIN && clock_monotonic_us() < transients->until_us)
			return 0;
		if (n <= 0)
			return n == 0 ? 1 : -ETIME;
		transients->bytes += (size_t)n;
	}
	return -ENOMEM;
}

/* A child whose time is over is not waited for, as a bad disk may keep it: its end is collected later. */
bool transients_take(struct transients *transients, const struct transient **ret, size_t *ret_count,
		     bool *ret_complete)
{
	int r = found_read(transients);
	size_t count;

	if (r == 0)
		return false;
	closep(&transients->pipe);
	transients->pipe = -1;
	if (transients->child > 0) {
		(void)kill(transients->child, SIGKILL);
		if (waitpid(transients->child, NULL, WNOHANG) != 0)
			transients->child = 0;
	}
	count = transients->bytes / sizeof(struct transient);
	*ret_complete = r > 0 && count > 0 && transients->found[count - 1].name[0] == '\0';
	*ret = transients->found;
	*ret_count = count - *ret_complete;
	for (size_t i = 0; i < *ret_count; i++)
		distrust(&transients->found[i]);
	if (!*ret_complete)
		log_warning("not all transient units were looked at");
	return true;
}

bool transient_is_there(const struct transients *transients, const struct transient *unit)
{
	_cleanup_close_ int folder = open(transients->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct transient now;

	return folder >= 0 && unit_identify(folder, unit->name, &now) == 0 &&
	       now.inode == unit->inode && now.made_ns == unit->made_ns;
}

int transient_open(const struct transients *transients, const struct transient *unit)
{
	return cgroup_open_unit(transients->cgroup, unit->name);
}
