/* The warden's socket against peers that do not keep to the protocol: whatever they send, nothing is
 * published by it and the next HELLO is answered. */
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "scimd/warden/server.h"
#include "scimd/base/clock.h"
#include "tests/unit/warden/publish_fixture.h"

#define STRANGER 4242u
#define GUEST 4343u /* server_options.peer_uid */
#define ANN 70001u

static struct server *server;
static struct packet out, in;

/* --- a reaper that only takes notes, instead of the real one --- */

struct reap {
	uint32_t users, grants; /* calls of reap_user, reap_gids */
	uint32_t uid, gids[8], gid_count;
	uint64_t tag;
	uint32_t recalled;
	uint64_t since_us;
	uint32_t deadline_ms, grace_ms;
	char name[NAME_MAX_BYTES + 1];
};

static struct reap reaper;

int reap_user(struct reap *reap, uint32_t uid, const char *name, uint64_t tag, uint32_t deadline_ms,
	      uint32_t grace_ms)
{
	reap->users++;
	reap->uid = uid;
	reap->tag = tag;
	reap->deadline_ms = deadline_ms;
	reap->grace_ms = grace_ms;
	snprintf(reap->name, sizeof(reap->name), "%s", name);
	return 0;
}

int reap_gids(struct reap *reap, uint32_t uid, const uint32_t *gids, uint32_t gid_count, uint64_t tag,
	      uint32_t deadline_ms)
{
	T_FATAL(gid_count <= ARRAY_SIZE(reap->gids));
	reap->grants++;
	reap->uid = uid;
	memcpy(reap->gids, gids, gid_count * sizeof(*gids));
	reap->gid_count = gid_count;
	reap->tag = tag;
	reap->deadline_ms = deadline_ms;
	return 0;
}

void reap_recall(struct reap *reap, uint32_t uid, uint64_t since_us)
{
	reap->recalled = uid;
	reap->since_us = since_us;
}

uint32_t reap_pending(const struct reap *reap)
{
	return reap->users;
}

static void reap_start(void)
{
	reaper = (struct reap){ 0 };
	server_set_reap(server, &reaper);
}

static void server_open(void)
{
	struct server_options options = { .group = 0, .user = "scimd", .peer_uid = GUEST };

	fixture_open(FIXTURE_CONF);
	options.socket = fixture.socket;
	options.publish = fixture.publish;
	options.local = fixture.local;
	T_FATAL(server_new(&options, &server) == 0);
}

static void server_shut(void)
{
	server_freep(&server);
	fixture_close();
}

/* Let the warden do everything it has to do. */
static void settle(void)
{
	for (int i = 0; i < 3; i++)
		T_OK(server_step(server, 0));
}

static int dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 2 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	T_FATAL(fd >= 0);
	strcpy(address.sun_path, fixture.socket);
	T_OK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)));
	T_OK(connect(fd, (struct sockaddr *)&address, sizeof(address)));
	return fd;
}

static int dial_and_settle(void)
{
	int fd = dial();

	settle();
	return fd;
}

static void send_bytes(int fd, const void *bytes, size_t size)
{
	T_INT(send(fd, bytes, size, MSG_NOSIGNAL), size);
	settle();
}

static void send_out(int fd, uint64_t tag)
{
	memcpy(out.bytes + offsetof(struct warden_message, tag), &tag, sizeof(tag));
	send_bytes(fd, out.bytes, out.size);
}

/* The operation of the next answer to tag; 0: there is none, -1: closed. */
static int answer(int fd, uint64_t tag)
{
	struct warden_message head;
	ssize_t size = recv(fd, in.bytes, sizeof(in.bytes), MSG_DONTWAIT);

	if (size <= 0)
		return size == 0 ? -1 : 0;
	in.size = (size_t)size;
	T_FATAL(in.size >= sizeof(head));
	memcpy(&head, in.bytes, sizeof(head));
	T_INT(head.version, WARDEN_VERSION);
	T_INT(head.tag, tag);
	T_INT(head.size, in.size - sizeof(head));
	return head.op;
}

static const char *sentence(void)
{
	static char text[WARDEN_REASON_MAX + 1];
	struct packet_reader reader = { .at = in.bytes + sizeof(struct warden_message),
					.left = in.size - sizeof(struct warden_message) };

	packet_get_string(&reader, text, sizeof(text));
	T_TRUE(packet_is_done(&reader));
	return text;
}

/* The warden is up, on this connection, and its directory is at this revision. */
static void check_alive(int fd, uint64_t revision)
{
	struct warden_state state;

	packet_begin(&out, WARDEN_HELLO, 0);
	packet_finish(&out);
	send_out(fd, 77);
	T_FATAL(answer(fd, 77) == WARDEN_STATE);
	T_FATAL(in.size == sizeof(struct warden_message) + sizeof(state));
	memcpy(&state, in.bytes + sizeof(struct warden_message), sizeof(state));
	T_INT(state.revision, revision);
}

static void send_begin(int fd, uint64_t revision, uint32_t flags)
{
	struct warden_begin *begin = (void *)(out.bytes + sizeof(struct warden_message));

	begin_packet(&out, revision, flags);
	begin->users_hint = flags & WARDEN_FULL ? 1u << 14 : 0;
	send_out(fd, revision);
}

static void send_user(int fd, const struct user_spec *spec)
{
	user_packet(&out, WARDEN_USER, spec);
	send_out(fd, 0);
}

static void send_commit(int fd, uint64_t tag)
{
	struct warden_commit commit = { .deadline_ms = 100 };

	packet_begin(&out, WARDEN_COMMIT, 0);
	packet_put(&out, &commit, sizeof(commit));
	packet_finish(&out);
	send_out(fd, tag);
}

static const struct user_spec ann = { .uid = ANN, .flags = WARDEN_USER_ALLOWED };

/* A person at revision 1. */
static int connect_and_publish(void)
{
	int fd = dial_and_settle();

	send_begin(fd, 1, WARDEN_FULL);
	send_user(fd, &ann);
	send_commit(fd, 1);
	T_INT(answer(fd, 1), WARDEN_PUBLISHED);
	return fd;
}

/* --- who may ask --- */

/* What a process of that uid gets: 1: an answer, 0: the connection is closed, 2: no connection. */
static int hello_as(uid_t uid)
{
	pid_t child = fork();
	int status;

	T_FATAL(child >= 0);
	if (child == 0) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };
		struct timeval patience = { .tv_sec = 2 };
		struct warden_message hello = { .version = WARDEN_VERSION, .op = WARDEN_HELLO };
		int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		unsigned char reply[256];

		alarm(4);
		strcpy(address.sun_path, fixture.socket);
		if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
		    setresuid(uid, uid, uid) < 0 ||
		    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
			_exit(3);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			_exit(2);
		/* May fail: it may be closed already. */
		(void)send(fd, &hello, sizeof(hello), MSG_NOSIGNAL);
		_exit(recv(fd, reply, sizeof(reply), 0) > 0);
	}
	for (int i = 0; i < 300 && waitpid(child, &status, WNOHANG) == 0; i++)
		T_OK(server_step(server, 10));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_credentials(void)
{
	struct stat st;
	int fd;

	server_open();
	T_TRUE(stat(fixture.socket, &st) == 0);
	T_INT(st.st_mode & 07777, 0660);
	T_INT(st.st_uid, 0);
	T_INT(hello_as(STRANGER), 2); /* the mode keeps them out */
	/* And were it open, the credentials would. */
	T_TRUE(chmod(fixture.socket, 0666) == 0);
	fd = connect_and_publish();
	T_INT(hello_as(STRANGER), 0);
	T_INT(hello_as(65534), 0);
	check_alive(fd, 1); /* they did not even take our place */
	T_INT(hello_as(0), 1);
	T_INT(hello_as(GUEST), 1);
	closep(&fd);
	server_shut();
}

/* The account is looked up when somebody connects: it may be made after the warden started. */
static void test_account_by_name(void)
{
	server_open();
	T_TRUE(chmod(fixture.socket, 0666) == 0);
	T_INT(hello_as(STRANGER), 0);
	file_write(fixture.passwd, FIXTURE_PASSWD "scimd:x:4242:1::/:/bin/false\n");
	T_INT(hello_as(STRANGER), 1);
	file_write(fixture.passwd, FIXTURE_PASSWD "Scimd:x:4242:1::/:/bin/false\n");
	T_INT(hello_as(STRANGER), 0);
	server_shut();
}

static void test_old_socket_is_replaced(void)
{
	struct server_options options = { .user = "scimd", .peer_uid = -1 };
	struct server *second = NULL;
	char path[FIXTURE_PATH + 8];
	int fd;

	server_open();
	options.socket = fixture.socket;
	options.publish = fixture.publish;
	options.local = fixture.local;
	server_freep(&server); /* leaves the socket's file, as a crash does */
	T_FATAL(server_new(&options, &server) == 0);
	fd = dial_and_settle();
	check_alive(fd, 0);
	closep(&fd);
	snprintf(path, sizeof(path), "%s.file", fixture.socket);
	file_write(path, "mine");
	options.socket = path;
	T_INT(server_new(&options, &second), -EEXIST);
	T_TRUE(second == NULL && access(path, F_OK) == 0);
	server_shut();
}

/* --- what they send --- */

static void test_bad_messages(void)
{
	static const struct {
		uint16_t version, op;
		uint32_t size; /* as claimed */
		size_t body;   /* as sent */
		bool is_record; /* not answered one by one */
	} cases[] = {
		{ 0, WARDEN_HELLO, 0, 0, false },
		{ WARDEN_VERSION + 1, WARDEN_HELLO, 0, 0, false },
		{ WARDEN_VERSION, 0, 0, 0, false },
		{ WARDEN_VERSION, WARDEN_END, 0, 0, false },
		{ WARDEN_VERSION, WARDEN_RECORDS + 1, 0, 0, false },
		{ WARDEN_VERSION, WARDEN_STATE, 0, 0, false },
		{ WARDEN_VERSION, WARDEN_ENDED, 64, 64, false },
		{ WARDEN_VERSION, 65535, 0, 0, false },
		{ WARDEN_VERSION, WARDEN_HELLO, 1, 1, false },
		{ WARDEN_VERSION, WARDEN_HELLO, 1, 0, false },
		{ WARDEN_VERSION, WARDEN_HELLO, 0, 1, false },
		{ WARDEN_VERSION, WARDEN_HELLO, UINT32_MAX, 0, false },
		{ WARDEN_VERSION, WARDEN_BEGIN, 0, 0, false },
		{ WARDEN_VERSION, WARDEN_BEGIN, sizeof(struct warden_begin) + 1,
		  sizeof(struct warden_begin) + 1, false },
		{ WARDEN_VERSION, WARDEN_COMMIT, 0, 0, false },
		{ WARDEN_VERSION, WARDEN_COMMIT, 7, 7, false },
		{ WARDEN_VERSION, WARDEN_COMMIT, 8, 8, false }, /* no batch */
		{ WARDEN_VERSION, WARDEN_CHECK_USER, 0, 0, false },
		{ WARDEN_VERSION, WARDEN_CHECK_GROUP, 3, 3, false },
		{ WARDEN_VERSION, WARDEN_USER, 0, 0, true },
		{ WARDEN_VERSION, WARDEN_GROUP, 9, 9, true },
		{ WARDEN_VERSION, WARDEN_MEMBERS, 12, 12, true },
		{ WARDEN_VERSION, WARDEN_PASSWORD, 200, 200, true },
		{ WARDEN_VERSION, WARDEN_CHECKS, 15, 15, false },
		{ WARDEN_VERSION, WARDEN_CHECKS, 16, 16, false },
		{ WARDEN_VERSION, WARDEN_RECORDS, 15, 15, false },
		{ WARDEN_VERSION, WARDEN_RECORDS, 16, 16, false },
	};
	int fd;

	server_open();
	fd = connect_and_publish();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct {
			struct warden_message head;
			unsigned char body[256];
		} message = { .head = { .version = cases[i].version, .op = cases[i].op,
					.size = cases[i].size, .tag = 500 + i } };

		send_bytes(fd, &message, sizeof(message.head) + cases[i].body);
		T_INT(answer(fd, 500 + i), cases[i].is_record ? 0 : WARDEN_REFUSED);
		if (!cases[i].is_record)
			T_TRUE(strlen(sentence()) > 0);
		check_alive(fd, 1);
	}
	for (size_t size = 1; size < sizeof(struct warden_message); size++) {
		static const unsigned char noise[16] = { WARDEN_VERSION, 0, 1 };

		send_bytes(fd, noise, size);
		T_INT(answer(fd, 0), WARDEN_REFUSED);
		check_alive(fd, 1);
	}
	closep(&fd);
	server_shut();
}

static void test_sentences(void)
{
	static const struct warden_commit commits[] = { { .deadline_ms = 60001 },
							{ .deadline_ms = 100, .grace_ms = 60001 } };
	int fd;

	server_open();
	fd = connect_and_publish();
	packet_begin(&out, 99, 0);
	packet_finish(&out);
	send_out(fd, 5);
	T_INT(answer(fd, 5), WARDEN_REFUSED);
	T_STR(sentence(), "malformed or unknown message");
	send_begin(fd, 1, 0);
	T_INT(answer(fd, 1), WARDEN_REFUSED);
	T_STR(sentence(), "revision 1 is not newer");
	send_commit(fd, 6);
	T_INT(answer(fd, 6), WARDEN_REFUSED);
	T_STR(sentence(), "no batch is open");
	user_packet(&out, WARDEN_CHECK_USER, &ann);
	send_out(fd, 7);
	T_INT(answer(fd, 7), WARDEN_OK);
	user_packet(&out, WARDEN_CHECK_USER, &(struct user_spec){ .uid = ANN, .name = "root" });
	send_out(fd, 8);
	T_INT(answer(fd, 8), WARDEN_REFUSED);
	T_STR(sentence(), "the name \"root\" is reserved");
	group_packet(&out, WARDEN_CHECK_GROUP, 71000, 0, "sudo");
	send_out(fd, 9);
	T_INT(answer(fd, 9), WARDEN_REFUSED);
	T_STR(sentence(), "the name \"sudo\" is reserved");
	group_packet(&out, WARDEN_CHECK_GROUP, 71000, 0, "team");
	send_out(fd, 10);
	T_INT(answer(fd, 10), WARDEN_OK);
	/* A commit that asks for too much is refused, and the batch stays open for a better one. */
	send_begin(fd, 2, 0);
	for (size_t i = 0; i < ARRAY_SIZE(commits); i++) {
		packet_begin(&out, WARDEN_COMMIT, 0);
		packet_put(&out, &commits[i], sizeof(commits[i]));
		packet_finish(&out);
		send_out(fd, 11);
		T_INT(answer(fd, 11), WARDEN_REFUSED);
	}
	send_commit(fd, 12);
	T_INT(answer(fd, 12), WARDEN_PUBLISHED);
	check_alive(fd, 2);
	closep(&fd);
	server_shut();
}

/* Longer than any message: cut by the kernel, refused by us. As long as any: taken. */
static void test_oversized_packets(void)
{
	static unsigned char bytes[WARDEN_MESSAGE_MAX + 4096];
	struct warden_message head = { .version = WARDEN_VERSION, .op = WARDEN_HELLO };
	static const size_t sizes[] = { WARDEN_MESSAGE_MAX, WARDEN_MESSAGE_MAX + 1, sizeof(bytes) };
	int fd, room = 1 << 20;

	server_open();
	fd = connect_and_publish();
	T_OK(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		for (int honest = 0; honest < 2; honest++) {
			size_t claimed = honest ? sizes[i] : WARDEN_MESSAGE_MAX;

			head.size = (uint32_t)(claimed - sizeof(head));
			memcpy(bytes, &head, sizeof(head));
			send_bytes(fd, bytes, sizes[i]);
			T_INT(answer(fd, 0), WARDEN_REFUSED);
			check_alive(fd, 1);
		}
	closep(&fd);
	server_shut();
}

/* Descriptors that come along are not kept. */
static void test_descriptors_are_dropped(void)
{
	struct warden_message hello = { .version = WARDEN_VERSION, .op = WARDEN_HELLO, .tag = 3 };
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { &hello, sizeof(hello) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	int pipes[2], fd;
	struct pollfd end;

	server_open();
	fd = connect_and_publish();
	T_FATAL(pipe(pipes) == 0);
	control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
					 .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.head), &pipes[1], sizeof(int));
	T_INT(sendmsg(fd, &message, 0), sizeof(hello));
	settle();
	T_INT(answer(fd, 3), WARDEN_STATE);
	closep(&pipes[1]);
	end = (struct pollfd){ .fd = pipes[0], .events = POLLIN };
	T_INT(poll(&end, 1, 0), 1); /* nobody holds the writing end */
	T_TRUE(end.revents & POLLHUP);
	closep(&pipes[0]);
	closep(&fd);
	server_shut();
}

static void flood(int fd, size_t rounds)
{
	for (size_t i = 0; i < rounds; i++) {
		/* Answers are not read: in the end the warden lets go. */
		if (send(fd, out.bytes, out.size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
		    errno != EAGAIN)
			return;
		T_OK(server_step(server, 0));
	}
}

static void test_floods(void)
{
	static uint32_t uids[32000];
	int fd;

	server_open();
	for (int kind = 0; kind < 3; kind++) {
		fd = kind == 0 ? connect_and_publish() : dial_and_settle();
		packet_begin(&out, kind == 0 ? WARDEN_HELLO : 99, 0);
		if (kind == 2) {
			send_begin(fd, 2, 0);
			members_packet(&out, 71000, WARDEN_MEMBERS_ADD, uids, ARRAY_SIZE(uids));
		}
		packet_finish(&out);
		flood(fd, kind == 2 ? 200 : 20000);
		closep(&fd);
		settle();
		fd = dial_and_settle();
		check_alive(fd, 1);
		closep(&fd);
	}
	server_shut();
}

/* Told to stop it stops at once, with nobody there or a client that never pauses. */
static void test_stop(void)
{
	uint64_t began_us = clock_monotonic_us();
	int ends[2], fd;

	server_open();
	T_FATAL(pipe2(ends, O_CLOEXEC) == 0);
	server_set_stop(server, ends[0]);
	fd = connect_and_publish();
	packet_begin(&out, WARDEN_HELLO, 0);
	packet_finish(&out);
	T_INT(send(fd, out.bytes, out.size, 0), (ssize_t)out.size);
	T_INT(write(ends[1], "x", 1), 1);
	T_INT(server_step(server, 5000), 1);
	closep(&fd);
	T_INT(server_step(server, 5000), 1);
	T_TRUE(clock_monotonic_us() - began_us < 2000000);
	closep(&ends[0]);
	closep(&ends[1]);
	server_shut();
}

/* --- who is served --- */

static void test_second_client_takes_over(void)
{
	int first, second;

	server_open();
	first = connect_and_publish();
	send_begin(first, 2, 0);
	send_user(first, &(struct user_spec){ .uid = ANN, .flags = WARDEN_USER_DELETED });
	second = dial_and_settle();
	T_INT(answer(first, 0), -1);
	check_alive(second, 1);
	/* The first one's batch is not the second one's to commit. */
	send_commit(second, 2);
	T_INT(answer(second, 2), WARDEN_REFUSED);
	T_STR(sentence(), "no batch is open");
	T_TRUE(!publish_shuts_out(fixture.publish, ANN));
	closep(&first);
	settle();
	check_alive(second, 1);
	closep(&second);
	server_shut();
}

static void test_disconnect_aborts(void)
{
	int fd;

	server_open();
	fd = connect_and_publish();
	send_begin(fd, 2, 0);
	send_user(fd, &(struct user_spec){ .uid = ANN, .flags = 0 });
	closep(&fd);
	settle();
	fd = dial_and_settle();
	check_alive(fd, 1);
	T_TRUE(!publish_shuts_out(fixture.publish, ANN));
	send_commit(fd, 2);
	T_INT(answer(fd, 2), WARDEN_REFUSED);
	/* An empty packet reads as the end. */
	T_INT(send(fd, "", 0, MSG_NOSIGNAL), 0);
	settle();
	T_INT(answer(fd, 0), -1);
	closep(&fd);
	fd = dial_and_settle();
	send_begin(fd, 2, 0);
	send_user(fd, &(struct user_spec){ .uid = ANN, .flags = 0 });
	send_commit(fd, 2);
	T_INT(answer(fd, 2), WARDEN_PUBLISHED);
	T_TRUE(publish_shuts_out(fixture.publish, ANN));
	check_alive(fd, 2);
	closep(&fd);
	server_shut();
}

/* --- many in one packet --- */

static struct packet many;

/* What is in `out`, behind what there is. */
static void many_add(void)
{
	packet_put(&many, out.bytes, out.size);
	packet_finish(&many);
}

/* Of what is in `out`. */
static void version_set(uint16_t later)
{
	struct warden_message head;

	memcpy(&head, out.bytes, sizeof(head));
	head.version = (uint16_t)(WARDEN_VERSION + later);
	memcpy(out.bytes, &head, sizeof(head));
}

static void many_send(int fd, uint64_t tag)
{
	memcpy(&out, &many, sizeof(out));
	send_out(fd, tag);
}

static const struct user_spec bob = { .uid = ANN + 1, .flags = WARDEN_USER_ALLOWED, .name = "bob" };
static const struct user_spec root = { .uid = ANN + 2, .flags = WARDEN_USER_ALLOWED, .name = "root" };

static void test_checks(void)
{
	static const struct {
		enum warden_op op; /* of the middle one */
		const struct user_spec *spec;
		size_t cut; /* so much of the last is missing */
		uint16_t later; /* than our version */
		int answer;
		const char *sentence;
	} cases[] = {
		{ WARDEN_CHECK_USER, &bob, 0, 0, WARDEN_OK, NULL },
		{ WARDEN_CHECK_USER, &root, 0, 0, WARDEN_REFUSED, "the name \"root\" is reserved" },
		{ WARDEN_USER, &bob, 0, 0, WARDEN_REFUSED, "malformed or unknown message" },
		{ WARDEN_CHECKS, &bob, 0, 0, WARDEN_REFUSED, "malformed or unknown message" },
		{ WARDEN_CHECK_USER, &bob, 1, 0, WARDEN_REFUSED, "malformed or unknown message" },
		{ WARDEN_CHECK_USER, &bob, 0, 1, WARDEN_REFUSED, "malformed or unknown message" },
	};
	int fd;

	server_open();
	fd = connect_and_publish();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		packet_begin(&many, WARDEN_CHECKS, 0);
		user_packet(&out, WARDEN_CHECK_USER, &ann);
		many_add();
		user_packet(&out, cases[i].op, cases[i].spec);
		version_set(cases[i].later);
		many_add();
		user_packet(&out, WARDEN_CHECK_USER, &ann);
		many_add();
		many.size -= cases[i].cut;
		packet_finish(&many);
		many_send(fd, 30 + i);
		T_INT(answer(fd, 30 + i), cases[i].answer);
		if (cases[i].sentence)
			T_STR(sentence(), cases[i].sentence);
		T_INT(answer(fd, 30 + i), 0); /* one answer to all */
		check_alive(fd, 1);
	}
	closep(&fd);
	server_shut();
}

/* A change whose records go as one; returns the connection. */
static int records_begin(void)
{
	int fd;

	server_open();
	fd = connect_and_publish();
	send_begin(fd, 2, 0);
	packet_begin(&many, WARDEN_RECORDS, 0);
	return fd;
}

/* Send and publish them; tag and the next. */
static void records_publish(int fd, uint64_t tag, struct warden_published *ret)
{
	many_send(fd, tag);
	T_INT(answer(fd, tag), 0);
	send_commit(fd, tag + 1);
	T_INT(answer(fd, tag + 1), WARDEN_PUBLISHED);
	memcpy(ret, in.bytes + sizeof(struct warden_message), sizeof(*ret));
}

static void test_records(void)
{
	struct warden_published published;
	int fd = records_begin();

	user_packet(&out, WARDEN_USER, &root);
	many_add();
	user_packet(&out, WARDEN_USER, &(struct user_spec){ .uid = ANN, .flags = 0 });
	many_add();
	group_packet(&out, WARDEN_GROUP, 71000, 0, "team");
	many_add();
	records_publish(fd, 40, &published);
	T_INT(published.refused_count, 1); /* and the others came through */
	T_TRUE(publish_shuts_out(fixture.publish, ANN));
	check_alive(fd, 2);
	closep(&fd);
	server_shut();
}

/* Those that cannot be read, and can be told from their neighbours, are refused by themselves. */
static void test_records_with_bad_ones(void)
{
	static const struct warden_user nameless = { .uid = ANN + 1, .flags = WARDEN_USER_ALLOWED };
	struct warden_published published;
	int fd = records_begin();

	packet_begin(&out, WARDEN_USER, 0);
	packet_put(&out, &nameless, sizeof(nameless));
	packet_finish(&out);
	many_add();
	packet_begin(&out, WARDEN_USER, 0);
	packet_put(&out, "nobody's", 3); /* of which there is no uid to tell */
	packet_finish(&out);
	many_add();
	user_packet(&out, WARDEN_USER, &(struct user_spec){ .uid = ANN, .flags = 0 });
	many_add();
	records_publish(fd, 46, &published);
	T_INT(published.refused_count, 1);
	T_TRUE(publish_shuts_out(fixture.publish, ANN));
	check_alive(fd, 2);
	closep(&fd);
	server_shut();
}

/* A whole batch in one packet. */
static void test_records_are_all(void)
{
	static const struct warden_commit commit = { .deadline_ms = 100 };
	int fd;

	server_open();
	fd = connect_and_publish();
	for (uint64_t revision = 2; revision <= 3; revision++) {
		packet_begin(&many, WARDEN_RECORDS, 0);
		begin_packet(&out, revision, 0);
		many_add();
		user_packet(&out, WARDEN_USER,
			    &(struct user_spec){ .uid = ANN, .name = "ann",
						 .flags = revision == 2 ? 0 : WARDEN_USER_ALLOWED });
		many_add();
		packet_begin(&out, WARDEN_COMMIT, 42);
		packet_put(&out, &commit, sizeof(commit));
		packet_finish(&out);
		many_add();
		many_send(fd, 43);
		T_INT(answer(fd, 42), WARDEN_PUBLISHED);
		T_INT(publish_shuts_out(fixture.publish, ANN), revision == 2);
		check_alive(fd, revision);
	}
	/* Nothing is published that is older, and nothing may follow the end. */
	many_send(fd, 44);
	T_INT(answer(fd, 44), WARDEN_REFUSED);
	T_STR(sentence(), "revision 3 is not newer");
	T_INT(answer(fd, 42), 0);
	packet_begin(&many, WARDEN_RECORDS, 0);
	begin_packet(&out, 4, 0);
	many_add();
	packet_begin(&out, WARDEN_COMMIT, 42);
	packet_put(&out, &commit, sizeof(commit));
	packet_finish(&out);
	many_add();
	begin_packet(&out, 5, 0);
	many_add();
	many_send(fd, 45);
	T_INT(answer(fd, 45), WARDEN_REFUSED);
	check_alive(fd, 3);
	closep(&fd);
	server_shut();
}

/* Nothing of a batch is published if a part of it could not be read. */
static void test_records_damaged(void)
{
	static const struct {
		enum warden_op op;
		size_t cut;
		uint16_t later; /* than our version */
	} cases[] = { { WARDEN_USER, 1, 0 }, { WARDEN_USER, 0, 1 }, { WARDEN_BEGIN, 0, 0 },
		      { WARDEN_COMMIT, 0, 0 }, { WARDEN_RECORDS, 0, 0 }, { WARDEN_CHECK_USER, 0, 0 },
		      { WARDEN_HELLO, 0, 0 } };
	int fd;

	server_open();
	fd = connect_and_publish();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		send_begin(fd, 2, 0);
		packet_begin(&many, WARDEN_RECORDS, 0);
		user_packet(&out, WARDEN_USER, &(struct user_spec){ .uid = ANN, .flags = 0 });
		many_add();
		user_packet(&out, cases[i].op, &bob);
		version_set(cases[i].later);
		many_add();
		many.size -= cases[i].cut;
		packet_finish(&many);
		many_send(fd, 50 + i);
		T_INT(answer(fd, 50 + i), WARDEN_REFUSED);
		send_commit(fd, 60);
		T_INT(answer(fd, 60), WARDEN_REFUSED);
		T_STR(sentence(), "no batch is open");
		T_TRUE(!publish_shuts_out(fixture.publish, ANN));
		check_alive(fd, 1);
	}
	closep(&fd);
	server_shut();
}

/* --- who is ended --- */

/* The uids of a PUBLISHED that was just received, and what follows them. */
static struct packet_reader published_read(struct warden_published *ret, uint32_t *uids, size_t room)
{
	struct packet_reader reader = { .at = in.bytes + sizeof(struct warden_message),
					.left = in.size - sizeof(struct warden_message) };

	packet_get(&reader, ret, sizeof(*ret));
	T_FATAL(!reader.bad && ret->ending_count <= room);
	packet_get(&reader, uids, ret->ending_count * sizeof(*uids));
	T_FATAL(!reader.bad);
	return reader;
}

static void send_role(int fd, uint64_t revision, uint32_t flags, const char *role)
{
	send_begin(fd, revision, 0);
	send_user(fd, &(struct user_spec){ .uid = ANN, .flags = flags, .roles = { role } });
	send_commit(fd, revision);
	T_INT(answer(fd, revision), WARDEN_PUBLISHED);
}

static void test_losses_are_handed_on(void)
{
	struct warden_published published;
	uint32_t uids[4];
	int fd;

	server_open();
	reap_start();
	fd = connect_and_publish();
	send_role(fd, 2, WARDEN_USER_ALLOWED, "admin");
	T_INT(reaper.users + reaper.grants, 0);
	send_role(fd, 3, WARDEN_USER_ALLOWED, "plain");
	T_INT(reaper.grants, 1);
	T_INT(reaper.tag, 3);
	T_INT(reaper.gid_count, 2);
	T_INT(reaper.gids[0] + reaper.gids[1], 27 + 998);
	send_role(fd, 4, 0, "plain");
	published_read(&published, uids, ARRAY_SIZE(uids));
	T_INT(published.ending_count, 1);
	T_INT(uids[0], ANN);
	T_INT(reaper.users, 1);
	T_INT(reaper.uid, ANN);
	T_STR(reaper.name, "ann");
	T_INT(reaper.tag, 4);
	T_INT(reaper.deadline_ms, 100);
	send_role(fd, 5, 0, "plain");
	T_INT(reaper.users, 1); /* once is enough */
	closep(&fd);
	server_shut();
}

static void test_roles_may_be_kept(void)
{
	int fd;

	server_open();
	reap_start();
	fd = connect_and_publish();
	send_role(fd, 2, WARDEN_USER_ALLOWED, "admin");
	file_write(fixture.conf, FIXTURE_CONF "[offboard]\non_role_loss = keep\n");
	send_role(fd, 3, WARDEN_USER_ALLOWED, "plain");
	T_INT(reaper.grants, 0);
	send_role(fd, 4, 0, "plain");
	T_INT(reaper.users, 1);
	closep(&fd);
	server_shut();
}

#define END_SINCE_US UINT64_C(1795308405141982)

static void send_end(int fd, uint64_t tag, uint32_t uid, uint32_t deadline_ms)
{
	const struct warden_end end = { .uid = uid, .deadline_ms = deadline_ms,
					.since_us = END_SINCE_US };

	packet_begin(&out, WARDEN_END, 0);
	packet_put(&out, &end, sizeof(end));
	packet_finish(&out);
	send_out(fd, tag);
}

/* Asking for it ends nobody who may be here, nor anybody who is not ours. */
static void test_end_is_for_those_who_left(void)
{
	static const struct warden_end patient = { .uid = ANN, .deadline_ms = 300, .grace_ms = 60001 };
	static const uint32_t others[] = { ANN, 0, 1000, 27, 70777, 70500, 99999, UINT32_MAX };
	int fd;

	server_open();
	reap_start();
	fd = connect_and_publish();
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		send_end(fd, 40 + i, others[i], 100);
		T_INT(answer(fd, 40 + i), WARDEN_REFUSED);
		T_TRUE(strstr(sentence(), "is nobody who has to leave") != NULL);
	}
	T_INT(reaper.users, 0);
	send_role(fd, 2, 0, "plain");
	T_INT(reaper.users, 1);
	send_end(fd, 60, ANN, 60001);
	T_INT(answer(fd, 60), WARDEN_REFUSED);
	packet_begin(&out, WARDEN_END, 0);
	packet_put(&out, &patient, sizeof(patient));
	packet_finish(&out);
	send_out(fd, 62);
	T_INT(answer(fd, 62), WARDEN_REFUSED);
	send_end(fd, 61, ANN, 300);
	T_INT(answer(fd, 61), WARDEN_OK);
	T_INT(reaper.users, 2);
	T_INT(reaper.recalled, ANN);
	T_TRUE(reaper.since_us == END_SINCE_US);
	T_INT(reaper.tag, 61);
	T_INT(reaper.deadline_ms, 300);
	closep(&fd);
	server_shut();
}

#define MASS 13000u

/* More losses and refusals than an answer can list: it comes, it is whole, and all are ended. */
static void test_largest_answer(void)
{
	static uint32_t uids[MASS];
	struct warden_published published;
	struct packet_reader reader;
	int fd;

	server_open();
	file_write(fixture.conf, "[identity]\nuid_range = 70601-99999\n");
	reap_start();
	fd = dial_and_settle();
	send_begin(fd, 1, WARDEN_FULL);
	for (uint32_t i = 0; i < MASS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "u%u", i);
		user_packet(&out, WARDEN_USER, &(struct user_spec){ .uid = 70601 + i, .name = name,
								    .flags = WARDEN_USER_ALLOWED });
		T_INT(send(fd, out.bytes, out.size, MSG_NOSIGNAL), out.size);
		T_OK(server_step(server, 0));
	}
	send_commit(fd, 1);
	T_INT(answer(fd, 1), WARDEN_PUBLISHED);
	send_begin(fd, 2, WARDEN_FULL);
	for (uint32_t i = 0; i < PUBLISH_REFUSALS_MAX + 10; i++)
		send_user(fd, &(struct user_spec){ .uid = 70000, .name = "root" });
	send_commit(fd, 2);
	T_INT(answer(fd, 2), WARDEN_PUBLISHED);
	reader = published_read(&published, uids, MASS);
	T_INT(published.ending_count, WARDEN_ENDING_MAX);
	T_INT(published.refused_count, PUBLISH_REFUSALS_MAX);
	for (uint32_t i = 0; i < published.refused_count; i++) {
		struct warden_refusal refusal;
		char text[WARDEN_REASON_MAX + 1];

		packet_get(&reader, &refusal, sizeof(refusal));
		packet_get_string(&reader, text, sizeof(text));
		T_STR(text, "id 70000 is outside uid_range 70601-99999");
	}
	T_TRUE(packet_is_done(&reader));
	T_INT(reaper.users, MASS);
	check_alive(fd, 2);
	closep(&fd);
	server_shut();
}

/* A report goes to whoever is connected; to nobody is fine. */
static void test_reports(void)
{
	static struct reap_item items[REAP_ITEMS_MAX];
	static char sessions[REAP_SESSIONS_MAX][33];
	static struct transient units[REAP_UNITS_MAX];
	struct reap_report report = { .uid = ANN, .tag = 9, .flags = WARDEN_ENDED_DONE,
				      .units = units, .unit_count = REAP_UNITS_MAX,
				      .ended_count = 5000, .items = items,
				      .item_count = REAP_ITEMS_MAX, .sessions = sessions,
				      .session_count = REAP_SESSIONS_MAX };
	struct warden_ended ended;
	int fd;

	server_open();
	server_report(server, &report);
	fd = connect_and_publish();
	for (size_t i = 0; i < REAP_ITEMS_MAX; i++)
		memset(items[i].comm, 'c', sizeof(items[i].comm) - 1);
	for (size_t i = 0; i < REAP_SESSIONS_MAX; i++)
		memset(sessions[i], 's', sizeof(sessions[i]) - 1);
	for (size_t i = 0; i < REAP_UNITS_MAX; i++) {
		memset(units[i].name, 'u', sizeof(units[i].name) - 1);
		memset(units[i].command, 'c', sizeof(units[i].command) - 1);
	}
	server_report(server, &report);
	T_INT(answer(fd, 9), WARDEN_ENDED);
	memcpy(&ended, in.bytes + sizeof(struct warden_message), sizeof(ended));
	T_INT(ended.uid, ANN);
	T_INT(ended.ended_count, 5000);
	T_INT(in.size, sizeof(struct warden_message) + sizeof(ended) +
			       REAP_ITEMS_MAX * (sizeof(struct warden_process) + 2 + 32) +
			       REAP_SESSIONS_MAX * (2 + 32) + sizeof(uint32_t) +
			       REAP_UNITS_MAX * (sizeof(struct warden_transient) + 2 + 255 + 2 + 127));
	check_alive(fd, 1);
	closep(&fd);
	server_shut();
}

T_MAIN("warden/server",
       T(test_credentials),
       T(test_account_by_name),
       T(test_old_socket_is_replaced),
       T(test_bad_messages),
       T(test_sentences),
       T(test_oversized_packets),
       T(test_descriptors_are_dropped),
       T(test_floods),
       T(test_stop),
       T(test_second_client_takes_over),
       T(test_disconnect_aborts),
       T(test_checks),
       T(test_records),
       T(test_records_with_bad_ones),
       T(test_records_are_all),
       T(test_records_damaged),
       T(test_losses_are_handed_on),
       T(test_roles_may_be_kept),
       T(test_end_is_for_those_who_left),
       T(test_largest_answer),
       T(test_reports))
