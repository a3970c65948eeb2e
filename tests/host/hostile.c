/* hostile.c - a scimd that was taken over: sends the warden whatever might hurt. For a test, run as
 * the user scimd: hostile LOCAL-UID ACTIVE-UID GONE-UID. Exits 0 if the warden answered to the very end.
 * hostile canary UID lets the canary in, and exits 0 if the warden published that. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/names.h"
#include "shared/packet.h"

#define NOISE 20000
#define SUDO_GID 27u

static int fd = -1;
static struct packet out, in;
static struct warden_state state;
static unsigned int refused, published;

static void connect_again(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = WARDEN_SOCKET };

	if (fd >= 0)
		close(fd);
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror("connect");
		exit(1);
	}
}

/* Sends bytes as they are; a warden that dropped us is asked anew. */
static void send_raw(const void *bytes, size_t size)
{
	if (send(fd, bytes, size, MSG_NOSIGNAL) < 0)
		connect_again();
}

/* The next answer within the time, or 0. */
static unsigned int answer(int timeout_ms)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	struct warden_message head = { 0 };
	ssize_t n;

	if (poll(&ready, 1, timeout_ms) <= 0)
		return 0;
	n = recv(fd, in.bytes, sizeof(in.bytes), 0);
	if (n < (ssize_t)sizeof(head)) {
		connect_again();
		return 0;
	}
	in.size = (size_t)n;
	memcpy(&head, in.bytes, sizeof(head));
	refused += head.op == WARDEN_REFUSED;
	published += head.op == WARDEN_PUBLISHED;
	return head.op;
}

static void send_packet(void)
{
	packet_finish(&out);
	send_raw(out.bytes, out.size);
}

/* The warden is there and knows where we are. */
static void hello(void)
{
	for (int attempt = 0; attempt < 3; attempt++) {
		packet_begin(&out, WARDEN_HELLO, 1);
		send_packet();
		for (unsigned int op; (op = answer(3000)) != 0;)
			if (op == WARDEN_STATE) {
				memcpy(&state, in.bytes + sizeof(struct warden_message),
				       sizeof(state));
				return;
			}
		connect_again();
	}
	fprintf(stderr, "the warden does not answer\n");
	exit(1);
}

static void begin(void)
{
	struct warden_begin body = { .revision = state.revision + 1 };

	memcpy(body.instance, state.instance, sizeof(body.instance));
	packet_begin(&out, WARDEN_BEGIN, 2);
	packet_put(&out, &body, sizeof(body));
	send_packet();
}

static void commit(uint32_t deadline_ms)
{
	struct warden_commit body = { .deadline_ms = deadline_ms };

	packet_begin(&out, WARDEN_COMMIT, 3);
	packet_put(&out, &body, sizeof(body));
	send_packet();
	while (answer(500))
		;
	hello();
}

static void user(enum warden_op op, uint32_t uid, const char *name, const char *home,
		 const char *shell, const char *key)
{
	struct warden_user body = { .uid = uid, .flags = WARDEN_USER_ALLOWED, .key_count = 1 };

	packet_begin(&out, op, 4);
	packet_put(&out, &body, sizeof(body));
	packet_put_string(&out, name);
	packet_put_string(&out, "x");
	packet_put_string(&out, home);
	packet_put_string(&out, shell);
	packet_put_string(&out, "");
	packet_put_string(&out, key);
	send_packet();
}

static void members(uint32_t gid, uint32_t uid)
{
	struct warden_members body = { .gid = gid, .action = WARDEN_MEMBERS_ADD, .count = 1 };

	packet_begin(&out, WARDEN_MEMBERS, 5);
	packet_put(&out, &body, sizeof(body));
	packet_put(&out, &uid, sizeof(uid));
	send_packet();
}

static void password(uint32_t uid)
{
	struct warden_password body = { .uid = uid };

	packet_begin(&out, WARDEN_PASSWORD, 6);
	packet_put(&out, &body, sizeof(body));
	packet_put_string(&out, "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7");
	send_packet();
}

static void group(uint32_t gid, const char *name)
{
	struct warden_group body = { .gid = gid };

	packet_begin(&out, WARDEN_GROUP, 7);
	packet_put(&out, &body, sizeof(body));
	packet_put_string(&out, name);
	send_packet();
}

static void end(uint32_t uid)
{
	struct warden_end body = { .uid = uid, .deadline_ms = 100 };

	packet_begin(&out, WARDEN_END, 8);
	packet_put(&out, &body, sizeof(body));
	send_packet();
	(void)answer(500);
}

/* Records that must not be published, each in a batch of its own. */
static void evil_records(uint32_t local, uint32_t active)
{
	static const char *const names[] = { "root", "daemon", "grace", "nobody", "GRACE", "a:b", "a\nb",
					     "../x", "-x", "", "nogroup", "systemd-network" };
	const uint32_t uids[] = { 0, 1, 999, 1000, local, 65534, 65535, 61184, 100000, 500000,
				  UINT32_MAX };

	for (size_t i = 0; i < sizeof(uids) / sizeof(*uids); i++) {
		begin();
		user(WARDEN_USER, uids[i], "evil", "/home/evil", "/bin/bash", "ssh-ed25519 AAAA x");
		password(uids[i]);
		members(SUDO_GID, uids[i]);
		group(uids[i], "evilgroup");
		commit(100);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		begin();
		user(WARDEN_USER, 99990, names[i], "/home/evil", "/bin/bash", "ssh-ed25519 AAAA x");
		group(99991, names[i]);
		commit(100);
	}
	begin();
	user(WARDEN_USER, 99990, "evil", "/home/e:0:0", "/bin/bash", "ssh-ed25519 AAAA x");
	user(WARDEN_USER, 99990, "evil", "relative", "/bin/bash", "ssh-ed25519 AAAA x");
	user(WARDEN_USER, 99990, "evil", "/home/evil", "/bin/ba\nsh", "ssh-ed25519 AAAA x");
	user(WARDEN_USER, 99990, "evil", "/home/evil", "/bin/bash", "a\nssh-ed25519 AAAA x");
	/* Groups that no role grants. */
	members(SUDO_GID, active);
	members(0, active);
	members(42, active); /* shadow */
	commit(100);
}

/* A day's batches once more: of a revision that was, of no revision, of another store's directory. Each
 * has a record that would be right in a batch of today. Returns how many were published all the same. */
static unsigned int replays(void)
{
	const struct warden_begin begins[] = {
		{ .revision = state.revision }, { .revision = state.revision - 1 }, { .revision = 0 },
		{ .revision = state.revision + 1, .instance = "another store's" },
		{ .revision = state.revision + 1, .flags = ~WARDEN_FULL },
		{ .revision = state.revision + 1, .users_hint = UINT32_MAX },
		{ .revision = state.revision + 1, .unused = 1 },
	};
	unsigned int before = published;

	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++) {
		struct warden_begin body = begins[i];

		if (!body.instance[0])
			memcpy(body.instance, state.instance, sizeof(body.instance));
		packet_begin(&out, WARDEN_BEGIN, 10 + i);
		packet_put(&out, &body, sizeof(body));
		send_packet();
		user(WARDEN_USER, 99992, "replayed", "/home/replayed", "/bin/bash",
		     "ssh-ed25519 AAAA x");
		commit(100);
	}
	return published - before;
}

static void noise(void)
{
	unsigned char bytes[4096];

	for (int i = 0; i < NOISE; i++) {
		struct warden_message head = { .version = WARDEN_VERSION,
					       .op = (uint16_t)(rand() % 80),
					       .tag = (uint64_t)rand() };
		size_t size = (size_t)rand() % sizeof(bytes);

		for (size_t n = 0; n < size; n++)
			bytes[n] = (unsigned char)rand();
		if (i % 4 && size >= sizeof(head)) { /* a sound head, and nonsense behind it */
			/* No FULL batch, whose end would be everybody's: a provider may say that. */
			head.op = head.op == WARDEN_BEGIN ? WARDEN_COMMIT : head.op;
			head.size = (uint32_t)(size - sizeof(head));
			memcpy(bytes, &head, sizeof(head));
		}
		send_raw(bytes, size);
		while (answer(0))
			;
	}
}

/* Each request in every wrong size: none, a byte, one too few, one too many, all that fits. */
static void wrong_sizes(void)
{
	static unsigned char bytes[WARDEN_MESSAGE_MAX];
	const size_t right[] = { 0, sizeof(struct warden_user), sizeof(struct warden_group),
				 sizeof(struct warden_begin), sizeof(struct warden_members),
				 sizeof(struct warden_password), sizeof(struct warden_commit),
				 sizeof(struct warden_end) };
	struct warden_message head = { .version = WARDEN_VERSION, .tag = 9 };

	for (unsigned int op = 0; op < 80; op++)
		for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++)
			for (size_t n = 0; n < 3; n++) {
				size_t size = n == 2 ? sizeof(bytes) - sizeof(head) : right[i] + 2 * n - 1;

				if (right[i] + 2 * n == 0)
					size = 1;
				memset(bytes, op % 2 ? 0xff : 0, sizeof(bytes));
				head.op = (uint16_t)op;
				head.size = (uint32_t)size;
				memcpy(bytes, &head, sizeof(head));
				send_raw(bytes, sizeof(head) + size);
				while (answer(0))
					;
			}
	hello();
}

/* Asks to end somebody who is out already, over and over, and reads no answer: what is owed must not
 * pile up, and whoever comes next is served. */
static void greedy(uint32_t gone)
{
	struct warden_end body = { .uid = gone, .deadline_ms = 60000, .grace_ms = 60000,
				   .since_us = UINT64_MAX };

	for (uint64_t i = 0; i < 5000; i++) {
		packet_begin(&out, WARDEN_END, i);
		packet_put(&out, &body, sizeof(body));
		packet_finish(&out);
		if (send(fd, out.bytes, out.size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			connect_again();
	}
	connect_again();
	hello();
}

static int canary(uint32_t uid)
{
	connect_again();
	hello();
	begin();
	user(WARDEN_USER, uid, "scim-canary", "/nonexistent", "/bin/sh", "");
	commit(100);
	printf("refused %u, published %u\n", refused, published);
	return published != 1;
}

int main(int argc, char **argv)
{
	uint32_t local, active;

	if (argc == 3 && strcmp(argv[1], "canary") == 0)
		return canary((uint32_t)strtoul(argv[2], NULL, 10));
	if (argc != 4)
		return 2;
	local = (uint32_t)strtoul(argv[1], NULL, 10);
	active = (uint32_t)strtoul(argv[2], NULL, 10);
	srand(7);
	connect_again();
	hello();
	noise();
	hello();
	evil_records(local, active);
	if (replays() > 0) {
		fprintf(stderr, "an old batch was published\n");
		return 1;
	}
	for (uint32_t round = 0; round < 50; round++) {
		end(0);
		end(local);
		end(active);
		end(99999);
		end(UINT32_MAX);
	}
	hello();
	wrong_sizes();
	greedy((uint32_t)strtoul(argv[3], NULL, 10));
	/* A batch that is begun and begun, and a commit that is repeated. */
	for (int i = 0; i < 100; i++)
		begin();
	commit(100);
	commit(100);
	commit(70000);
	for (int i = 0; i < 200; i++) /* and hanging up in the middle */
		connect_again();
	hello();
	printf("refused %u, published %u\n", refused, published);
	return 0;
}
