#include "scimd/warden/reap.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "scimd/base/clock.h"
#include "tests/unit/warden/reap_fixture.h"

/* --- every kind of process a person can leave behind -------------------------------------- */

static void prepare_nothing(void)
{
}

static void prepare_session(void)
{
	(void)setsid();
	(void)prctl(PR_SET_NAME, "a) R 1 \n\x80z");
}

static void prepare_deaf(void)
{
	for (int i = 1; i < 32; i++)
		if (i != SIGALRM)
			(void)signal(i, SIG_IGN);
}

static void live_orphaned(int ready)
{
	if (fork() != 0)
		_exit(0);
	(void)setsid();
	if (fork() != 0)
		_exit(0);
	(void)alarm(CHILD_LIFE_S);
	say_ready(ready);
}

static void live_stopped(int ready)
{
	say_ready(ready);
	(void)raise(SIGSTOP);
}

static void *thread_body(void *unused)
{
	for (;;)
		(void)pause();
	return unused;
}

/* The first thread ends, and /proc says zombie; the second lives on. */
static void live_headless(int ready)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_body, NULL) == 0)
		say_ready(ready);
	(void)syscall(SYS_exit, 0);
}

static const struct {
	struct child child;
	enum warden_found found;
} kinds[] = {
	{ { 70001, 70001, 70001, 0, 0, 0, prepare_nothing, NULL }, WARDEN_FOUND_UID },
	{ { 70001, 70001, 70001, 0, 0, 0, prepare_session, NULL }, WARDEN_FOUND_UID },
	{ { 70001, 70001, 70001, 0, 0, 0, prepare_deaf, NULL }, WARDEN_FOUND_UID },
	{ { 70001, 70001, 70001, 0, 0, 0, NULL, live_orphaned }, WARDEN_FOUND_UID },
	{ { 70001, 70001, 70001, 0, 0, 0, NULL, live_stopped }, WARDEN_FOUND_UID },
	{ { 70001, 70001, 70001, 0, 0, 0, NULL, live_headless }, WARDEN_FOUND_UID },
	{ { 70001, SAME, SAME, 0, 0, 0, NULL, NULL }, WARDEN_FOUND_UID },
	{ { SAME, 70001, SAME, 0, 0, 0, NULL, NULL }, WARDEN_FOUND_UID },
	{ { SAME, SAME, 70001, 0, 0, 0, NULL, NULL }, WARDEN_FOUND_UID },
	{ { 0, 0, 0, 70001, 0, 0, NULL, NULL }, WARDEN_FOUND_UID },
	{ { 0, 0, 0, 0, 70001, 0, NULL, NULL }, WARDEN_FOUND_LOGINUID },
	{ { 70050, 70050, 70050, 0, 70001, 0, NULL, NULL }, WARDEN_FOUND_LOGINUID },
};

static void test_every_kind_is_ended(void)
{
	_cleanup_(reap_freep) struct reap *reap = make_reap((struct reap_options){ 0 });
	pid_t pids[ARRAY_SIZE(kinds)] = { 0 }, other = spawn_uid(70050), root;
	uint32_t count = 0;

	root = spawn(&(struct child){ 0 });
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].child.loginuid && !have_loginuid())
			continue;
		pids[i] = spawn(&kinds[i].child);
		count++;
	}
	(void)usleep(5000); /* for the stopped and the headless one */
	T_OK(reap_user(reap, 70001, "", 7, 2000, 0));
	T_INT(reap_pending(reap), 1);
	drive(reap, 1, 3000);
	T_INT(report_count, 1);
	T_INT(reports[0].report.uid, 70001);
	T_INT(reports[0].report.tag, 7);
	T_INT(reports[0].report.flags, WARDEN_ENDED_DONE);
	T_INT(reports[0].report.ended_count, count);
	T_INT(reports[0].report.left_count, 0);
	T_TRUE(reports[0].report.started_us <= reports[0].report.first_signal_us);
	T_TRUE(reports[0].report.first_signal_us < reports[0].report.last_gone_us);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct reap_item *item = report_item(&reports[0], pids[i]);

		if (!pids[i])
			continue;
		T_INT(ended_by(pids[i]), SIGKILL);
		T_TRUE(item && item->found == kinds[i].found && !item->left);
		T_TRUE(item && item->started_us / 1000000 + 5 > (uint64_t)time(NULL) &&
		       item->started_us / 1000000 <= (uint64_t)time(NULL) + 1);
	}
	T_STR(report_item(&reports[0], pids[1])->comm, "a) R 1 \\n?z");
	T_TRUE(is_alive(other) && is_alive(root));
	put_down(other);
	put_down(root);
}

/* --- who may be here ---------------------------------------------------------------------- */

static void test_nobody_who_may_be_here(void)
{
	_cleanup_(reap_freep) struct reap *reap = make_reap((struct reap_options){ 0 });
	static const uint32_t never[] = { 0, 1, 999, 61184, 65534, 65535, UINT32_MAX };
	pid_t pid = spawn_uid(70050);

	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		T_INT(reap_user(reap, never[i], "", 1, 100, 0), -EINVAL);
	T_INT(reap_gids(reap, 0, &(uint32_t){ 27 }, 1, 1, 100), -EINVAL);
	T_INT(reap_pending(reap), 0);
	T_INT(reap_step(reap), -1);

	T_OK(reap_user(reap, 70050, "", 9, 1000, 0)); /* answered all the same, and at once */
	drive(reap, 1, 100);
	T_INT(report_count, 1);
	T_INT(reports[0].report.tag, 9);
	T_INT(reports[0].report.flags, WARDEN_ENDED_PARDONED);
	T_INT(reap_pending(reap), 0);
	T_TRUE(is_alive(pid));
	put_down(pid);
}

static void test_let_in_again_meanwhile(void)
{
	_cleanup_(reap_freep) struct reap *reap = make_reap((struct reap_options){ 0 });
	pid_t pid = spawn(&(struct child){ 70002, 70002, 70002, 0, 0, 0, prepare_deaf, NULL });

	T_OK(reap_user(reap, 70002, "", 3, 2000, 60)); /* SIGTERM, which it does not hear */
	(void)reap_step(reap);
	T_TRUE(reap_step(reap) > 0);
	T_INT(report_count, 0);
	verdicts_that_end = 0;
	drive(reap, 1, 1000);
	T_INT(report_count, 1);
	T_INT(reports[0].report.flags, WARDEN_ENDED_PARDONED);
	T_INT(reports[0].report.left_count, 1);
	T_INT(reports[0].report.ended_count, 0);
	(void)usleep(80000);
	T_INT(reap_step(reap), -1);
	T_TRUE(is_alive(pid));
	put_down(pid);
}

static void test_grace(void)
{
	_cleanup_(reap_freep) struct reap *reap = make_reap((struct reap_options){ 0 });
	pid_t polite = spawn_uid(70003);
	pid_t deaf = spawn(&(struct child){ 70003, 70003, 70003, 0, 0, 0, prepare_deaf, NULL });
	uint64_t begin = now_ms();

	T_OK(reap_user(reap, 70003, "", 4, 2000, 100));
	drive(reap, 1, 2000);
	T_TRUE(now_ms() - begin >= 100);
	T_INT(ended_by(polite), SIGTERM);
	T_INT(ended_by(deaf), SIGKILL);
	T_INT(reports[0].report.ended_count, 2);

	polite = spawn_uid(70003);
	begin = now_ms();
	T_OK(reap_user(reap, 70003, "", 5, 5000, 4000)); /* nobody waits for a grace nobody needs */
	drive(reap, 2, 4000);
	T_TRUE(now_ms() - begin < 4000);
	T_INT(ended_by(polite), SIGTERM);
	T_INT(reports[1].report.flags, WARDEN_ENDED_DONE);
	T_INT(reports[1].report.ended_count, 1);
}

static volatile int *asked; /* shared */

static void on_asked(int number)
{
	(void)number;
	(*asked)++;
}

static void prepare_asked(void)
{
	(void)signal(SIGTERM, on_asked);
}

/* However often it is looked at while it puts its things away. */
static void test_grace_is_said_once(void)
{
	_cleanup_(reap_freep) struct reap *reap = make_reap((struct reap_options){ 0 });
	pid_t pid;

	asked = mmap(NULL, sizeof(*asked), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	T_FATAL(asked != MAP_FAILED);
	pid = spawn(&(struct child){ 70003, 70003, 70003, 0, 0, 0, prepare_asked, NULL });
	T_OK(reap_user(reap, 70003, "", 6, 2000, 100));
	drive(reap, 1, 2000);
	T_INT(ended_by(pid), SIGKILL);
	T_INT(*asked, 1);
	(void)munmap((void *)asked, sizeof(*asked));
}

/* --- those that run away ------------------------------------------------------------------ */

/* Forks and ends, over and over, under another name each time: one process, never the same. */
static void live_hopping(int ready)
{
	uint64_t end = now_ms() + 4000;
	char name[16];

	say_ready(ready);
	(void)signal(SIGCHLD, SIG_IGN);
	for (unsigned int i = 0; now_ms() < end; i++) {
		(void)snprintf(name, sizeof(name), "hop%u", i);
		(void)prctl(PR_SET_NAME, name);
		if (fork() > 0)
			_exit(0);
	}
	_exit(0);
}

/* A bounded bomb: everybody forks until 100 are there or the time is over. */
static void live_bombing(int ready)
{
	uint64_t end = now_ms() + 4000;

	say_ready(ready);
	(void)signal(SIGCHLD, SIG_IGN);
	while (now_ms() < end) {
		if (fork() < 0)
			(void)usleep(100);
		(void)alarm(CHILD_LIFE_S);
	}
	_exit(0);
}

static void limit_bomb(void)
{
	const struct rlimit limit = { 100, 100 };

	(void)setrlimit(RLIMIT_NPROC, &limit);
}

/* Asks the kernel's own count, which no runaway can dodge: may uid, limited to two processes,
 * have a second one? Zombies count. */
static bool anybody_has(uid_t uid)
{
	const struct rlimit limit = { 2, 2 };
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		if (setrlimit(RLIMIT_NPROC, &limit) < 0 || setresuid(uid, uid, uid) < 0)
			_exit(2);
		pid = fork();
		_exit(pid < 0 ? 1 : 0);
	}
	(void)waitpid(pid, &status, 0);
	return status != 0;
}

static void reap_orphans(void)
{
	for (int i = 0; i < 50; i++)
		while (waitpid(-1, NULL, WNOHANG) > 0 || usleep(1000) != 0)
			;
}

static void check_runaway(const struct child *child, unsigned int count)
{
	_cleanup_(reap_freep) struct reap *reap = make_reap((struct reap_options){ 0 });

	for (unsigned int i = 0; i < count; i++) {
		pid_t first = fork();

		T_FATAL(first >= 0);
		if (first == 0)
			be_child(child, open("/dev/null", O_WRONLY | O_CLOEXEC));
	}
	(void)usleep(30000);
	T_TRUE(anybody_has(child->real));
	T_OK(reap_user(reap, child->real, "", 1, 2000, 0));
	drive(reap, 1, 1900);
	T_INT(report_count, 1);
	T_INT(reports[0].report.flags, WARDEN_ENDED_DONE);
	reap_orphans();
	T_TRUE(!anybody_has(child->real));
}

static void test_hopping(void)
{
	check_runaway(&(struct child){ 70004, 70004, 70004, 0, 0, 0, NULL, live_hopping }, 3);
}

static void test_fork_bomb(void)
{
	check_runaway(&(struct child){ 70005, 70005, 70005, 0, 0, 0, limit_bomb, live_bombing }, 1);
}

static void test_many(void)
{
	_cleanup_(reap_freep) struct reap *reap = make_reap((struct reap_options){ 0 });
	pid_t pids[300];

	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = spawn_uid(70006);
	T_OK(reap_user(reap, 70006, "", 1, 2000, 0));
	drive(reap, 1, 2000);
	T_INT(reports[0].report.ended_count, ARRAY_SIZE(pids));
	T_INT(reports[0].report.item_count, ARRAY_SIZE(pids));
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		T_INT(ended_by(pids[i]), SIGKILL);
}

/* --- later looks, sweeps, asking twice ---------------------------------------------------- */

static void test_later_looks(void)
{
	_cleanup_(reap_freep) struct reap *reap = make_reap((struct reap_options){ 0 });
	pid_t late;

	T_OK(reap_user(reap, 70007, "", 11, 1000, 0));
	drive(reap, 1, 1000);
	T_INT(reports[0].report.flags, WARDEN_ENDED_DONE);
	T_INT(reports[0].report.ended_count, 0);
	T_INT(reports[0].report.first_signal_us, 0);
	T_INT(reports[0].report.last_gone_us, 0);
	for (int i = 0; i < 2; i++) { /* seen at 50 ms, and at 250 ms */
		late = spawn_uid(70007);
		drive(reap, 2 + (uint32_t)i, 8000); /* or at 1 s, on a busy machine */
		T_INT(report_count, 2 + i);
		T_INT(reports[1 + i].report.tag, 11);
		T_INT(reports[1 + i].report.flags, WARDEN_ENDED_DONE | WARDEN_ENDED_LATE);
		T_INT(reports[1 + i].report.ended_count, 1);
		T_TRUE(report_item(&reports[1 + i], late) != NULL);
		T_INT(ended_by(late), SIGKILL);
	}
	T_INT(reap_pending(reap), 1); /* 1 s and 5 s are to come */
	drive(reap, 4, 50);
	T_INT(report_count, 3);
}

static void test_asked_twice(void)
{
	_cleanup_(reap_freep) struct reap *reap = make_reap((struct reap_options){ 0 });
	pid_t pid = spawn_uid(70008);

	for (uint64_t tag = 1; tag <= 20; tag++) /* more than are remembered at a time */
		T_OK(reap_user(reap, 70008, "", tag, 1000, 0));
	T_INT(reap_pending(reap), 1);
	drive(reap, 20, 1000);
	drive(reap, 30, 20);
	for (uint64_t tag = 1; tag <= 20; tag++) {
		uint32_t answers = 0;

		for (uint32_t i = 0; i < report_count; i++)
			answers += reports[i].report.tag == tag &&
				   !(reports[i].report.flags & WARDEN_ENDED_LATE);
		T_INT(answers, 1);
	}
	T_INT(ended_by(pid), SIGKILL);
}

static void test_sweep(void)
{
	_cleanup_(reap_freep) struct reap *reap = make_reap((struct reap_options){ 0 });
	pid_t one = spawn_uid(70009), other = spawn_uid(70050), shell = 0;

	if (have_loginuid())
		shell = spawn(&(struct child){ .loginuid = 70010 });
	T_OK(reap_sweep(reap));
	T_INT(reap_pending(reap), shell ? 2 : 1);
	drive(reap, shell ? 2 : 1, 1000);
	for (uint32_t i = 0; i < report_count; i++) { /* in whichever order they were done */
		uint32_t uid = reports[i].report.uid;

		T_TRUE(uid == 70009 || (shell && uid == 70010));
		T_INT(reports[i].report.tag, 0);
		T_INT(reports[i].report.flags, WARDEN_ENDED_DONE | WARDEN_ENDED_LATE);
	}
	T_INT(report_count, shell ? 2 : 1);
	T_INT(ended_by(one), SIGKILL);
	if (shell)
		T_INT(ended_by(shell), SIGKILL);
	T_TRUE(is_alive(other));
	put_down(other);
}

/* --- losing a role ------------------------------------------------------------------------ */

#define LOST 70990u
static bool may_carry_now;

static bool may_carry(void *context, uint32_t uid, uint32_t gid)
{
	(void)context;
	return may_carry_now || uid != 70050 || gid != LOST;
}

static void test_lost_role(void)
{
	_cleanup_(reap_freep) struct reap *reap =
		make_reap((struct reap_options){ .may_carry = may_carry });
	uint32_t login = have_loginuid() ? 70050 : 0;
	const uint32_t lost[] = { LOST, LOST + 1 }; /* the second was never really lost */
	pid_t carries, kept, stranger, shell = 0;

	may_carry_now = false;
	carries = spawn(&(struct child){ 70050, 70050, 70050, 0, login, LOST, NULL, NULL });
	kept = spawn(&(struct child){ 70050, 70050, 70050, 0, login, LOST + 1, NULL, NULL });
	stranger = spawn(&(struct child){ 70051, 70051, 70051, 0, 0, LOST, NULL, NULL });
	if (login) /* a root shell in a login of its own */
		shell = spawn(&(struct child){ .loginuid = 70050 });
	T_OK(reap_gids(reap, 70050, lost, 2, 5, 1000));
	drive(reap, 1, 1000);
	T_INT(report_count, 1);
	T_INT(reports[0].report.flags, WARDEN_ENDED_DONE | WARDEN_ENDED_ROLE);
	T_INT(reports[0].report.ended_count, 1);
	T_INT(reports[0].items[0].found, WARDEN_FOUND_GID);
	T_INT(ended_by(carries), SIGKILL);
	T_TRUE(is_alive(kept) && is_alive(stranger) && (!shell || is_alive(shell)));

	may_carry_now = true; /* the role comes back: the later looks are off */
	carries = spawn(&(struct child){ 70050, 70050, 70050, 0, login, LOST, NULL, NULL });
	drive(reap, 2, 100);
	T_INT(report_count, 1);
	T_INT(reap_pending(reap), 0);
	T_TRUE(is_alive(carries));
	put_down(carries);
	put_down(kept);
	put_down(stranger);
	if (shell)
		put_down(shell);
}

/* The shell that a login became by sudo does not carry the group, but it is of that login. */
static void live_with_root_shell(int ready)
{
	gid_t lost = LOST;
	int changed[2];
	pid_t pid;

	if (pipe(changed) < 0)
		_exit(1);
	pid = fork();
	if (pid == 0) {
		(void)alarm(CHILD_LIFE_S);
		if (setgroups(1, &lost) < 0 || setresuid(70050, 70050, 70050) < 0)
			_exit(1);
		say_ready(changed[1]);
		for (;;)
			(void)pause();
	}
	(void)close(changed[1]);
	if (pid < 0 || read(changed[0], &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	say_ready(ready);
}

static void test_lost_role_takes_the_login(void)
{
	_cleanup_(reap_freep) struct reap *reap =
		make_reap((struct reap_options){ .may_carry = may_carry });
	pid_t shell;

	if (!have_loginuid())
		return;
	may_carry_now = false;
	shell = spawn(&(struct child){ .loginuid = 70050, .live = live_with_root_shell });
	T_OK(reap_gids(reap, 70050, &(uint32_t){ LOST }, 1, 5, 1000));
	drive(reap, 1, 1000);
	T_INT(reports[0].report.ended_count, 2);
	T_INT(ended_by(shell), SIGKILL);
	reap_orphans();
}

/* --- what a report owes ---------------------------------------------------------------------------- */

static bool room;

static bool has_room(void *context)
{
	(void)context;
	return room;
}

/* Who does not read reports gets them when they do; nobody is spared meanwhile. */
static void test_waits_for_room(void)
{
	struct reap *reap = make_reap((struct reap_options){ .can_report = has_room });
	pid_t pid = spawn_uid(70001);

	room = false;
	T_OK(reap_user(reap, 70001, "", 5, 1000, 0));
	drive(reap, 1, 100);
	T_INT(report_count, 0);
	T_INT(ended_by(pid), SIGKILL);
	room = true;
	drive(reap, 1, 1000);
	T_INT(report_count, 1);
	T_INT(reports[0].report.tag, 5);
	T_TRUE(report_item(&reports[0], pid) != NULL);
	/* More than are remembered: the last ones are. */
	room = false;
	for (uint64_t tag = 100; tag < 140; tag++)
		T_OK(reap_user(reap, 70001, "", tag, 1000, 0));
	drive(reap, 2, 50);
	room = true;
	drive(reap, 2 + 15, 1000);
	T_TRUE(report_count > 1);
	T_INT(reports[report_count - 1].report.tag, 139);
	reap_freep(&reap);
}

/* Killed between the kill and the report: the next one tells, once. */
static void test_next_warden_tells(void)
{
	char path[64];
	struct reap *reap;
	pid_t pid, other;

	snprintf(path, sizeof(path), "/tmp/scimd-reap-tally-%d", (int)getpid());
	(void)unlink(path);
	reap = make_reap((struct reap_options){ .tally = path });
	pid = spawn_uid(70001);
	T_OK(reap_user(reap, 70001, "", 5, 1000, 0));
	(void)reap_step(reap);
	T_INT(ended_by(pid), SIGKILL);
	reap_freep(&reap);

	reap = make_reap((struct reap_options){ .tally = path });
	other = spawn_uid(70001);
	T_OK(reap_user(reap, 70001, "", 6, 1000, 0));
	reap_recall(reap, 70001, 1);
	reap_recall(reap, 70001, 1);
	drive(reap, 1, 1000);
	T_INT(ended_by(other), SIGKILL);
	T_INT(reports[0].report.flags, WARDEN_ENDED_DONE);
	T_INT(reports[0].report.ended_count, 2);
	T_TRUE(report_item(&reports[0], pid) != NULL && report_item(&reports[0], other) != NULL);
	T_INT(report_item(&reports[0], pid)->left, 0);
	T_TRUE(reports[0].report.first_signal_us <= reports[0].report.last_gone_us);
	/* Out another time, it is no news. */
	T_OK(reap_user(reap, 70001, "", 7, 1000, 0));
	reap_recall(reap, 70001, clock_now_us());
	drive(reap, 2, 1000);
	T_INT(reports[1].report.ended_count, 0);
	reap_freep(&reap);
	unlink(path);
}

T_MAIN("reap", T(test_every_kind_is_ended), T(test_nobody_who_may_be_here),
       T(test_let_in_again_meanwhile), T(test_grace), T(test_grace_is_said_once),
       T(test_hopping), T(test_fork_bomb),
       T(test_many), T(test_later_looks), T(test_asked_twice), T(test_sweep), T(test_lost_role),
       T(test_lost_role_takes_the_login),
       T(test_waits_for_room),
       T(test_next_warden_tells))
