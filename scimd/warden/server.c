#include "scimd/warden/server.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"
#include "scimd/warden/proc.h"
#include "scimd/warden/record.h"
#include "shared/packet.h"

#define BACKLOG 4
#define SEND_BUFFER (4 * (int)WARDEN_MESSAGE_MAX)

/* The largest answer: it has to fit, or scimd waits for it in vain. */
_Static_assert(sizeof(struct warden_message) + sizeof(struct warden_published) +
			       WARDEN_ENDING_MAX * sizeof(uint32_t) +
			       PUBLISH_REFUSALS_MAX * (sizeof(struct warden_refusal) + sizeof(uint16_t) +
						       WARDEN_REASON_MAX) <=
		       WARDEN_MESSAGE_MAX,
	       "PUBLISHED");

_Static_assert(sizeof(struct warden_message) + sizeof(struct warden_ended) + 2 * sizeof(uint32_t) +
			       REAP_ITEMS_MAX * (sizeof(struct warden_process) + PROC_COMM_SIZE + 1) +
			       REAP_SESSIONS_MAX * (sizeof(uint16_t) + 32) +
			       REAP_UNITS_MAX * (sizeof(struct warden_transient) + 2 * sizeof(uint16_t) +
						 TRANSIENT_NAME_SIZE + TRANSIENT_COMMAND_SIZE) <=
		       WARDEN_MESSAGE_MAX,
	       "ENDED");

struct server {
	struct server_options options;
	struct reap *reap;
	int listener, client, stop;
	struct packet in, out;
};

static int listen_on(const char *path, gid_t group)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat st;

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return -EEXIST;
	(void)unlink(path); /* an old socket; anything else makes bind fail */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chown(path, 0, group) < 0 || chmod(path, 0660) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int server_new(const struct server_options *options, struct server **ret)
{
	_cleanup_(server_freep) struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return -ENOMEM;
	server->options = *options;
	server->client = server->stop = -1;
	server->listener = listen_on(options->socket, options->group);
	if (server->listener < 0)
		return server->listener;
	*ret = TAKE_PTR(server);
	return 0;
}

void server_freep(struct server **server)
{
	if (!*server)
		return;
	closep(&(*server)->client);
	closep(&(*server)->listener);
	explicit_bzero(&(*server)->in, sizeof((*server)->in));
	free(*server);
	*server = NULL;
}

void server_set_reap(struct server *server, struct reap *reap)
{
	server->reap = reap;
}

void server_set_stop(struct server *server, int fd)
{
	server->stop = fd;
}

static void client_drop(struct server *server)
{
	closep(&server->client);
	server->client = -1;
	publish_abort(server->options.publish);
}

/* --- answers ------------------------------------------------------------------------------------ */

static void answer_send(struct server *server)
{
	packet_finish(&server->out);
	if (server->client < 0 || server->out.bad)
		return;
	if (send(server->client, server->out.bytes, server->out.size,
		 MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		/* It does not read its answers; it will ask for the state when it is back. */
		log_error_errno(-errno, "answering scimd");
		client_drop(server);
	}
}

static void answer_refused(struct server *server, uint64_t tag, const struct refusal *why)
{
	packet_begin(&server->out, WARDEN_REFUSED, tag);
	packet_put_string(&server->out, why->text);
	answer_send(server);
}

static void answer_plain(struct server *server, enum warden_op op, uint64_t tag)
{
	packet_begin(&server->out, op, tag);
	answer_send(server);
}

void server_report(void *context, const struct reap_report *report)
{
	struct server *server = context;
	struct packet *out = &server->out;
	struct warden_ended ended = {
		.uid = report->uid,
		.flags = report->flags,
		.started_us = report->started_us,
		.first_signal_us = report->first_signal_us,
		.last_gone_us = report->last_gone_us,
		.session_count = report->session_count,
		.ended_count = report->ended_count,
		.left_count = report->left_count,
		.item_count = report->item_count,
	};

	packet_begin(out, WARDEN_ENDED, report->tag);
	packet_put(out, &ended, sizeof(ended));
	for (uint32_t i = 0; i < report->item_count; i++) {
		const struct reap_item *item = &report->items[i];
		struct warden_process process = {
			.pid = item->pid,
			.uid = item->uid,
			.found = item->found,
			.left = item->left,
			.started_us = item->started_us,
		};

		packet_put(out, &process, sizeof(process));
		packet_put_string(out, item->comm);
	}
	for (uint32_t i = 0; i < report->session_count; i++)
		packet_put_string(out, report->sessions[i]);
	packet_put(out, &report->unit_count, sizeof(report->unit_count));
	for (uint32_t i = 0; i < report->unit_count; i++) {
		struct warden_transient unit = { .what = report->units[i].why };

		packet_put(out, &unit, sizeof(unit));
		packet_put_string(out, report->units[i].name);
		packet_put_string(out, report->units[i].command);
	}
	answer_send(server);
	/* After that: who waits for the answer does not wait for whoever reads the log. */
	log_notice("uid %u: ended %u processes and %u sessions, %u left", report->uid,
		   report->ended_count, report->session_count, report->left_count);
}

/* Many may end at once, more than the socket holds: whoever reads gets all of them in time. */
bool server_can_report(void *context)
{
	const struct server *server = context;
	struct pollfd client = { .fd = server->client, .events = POLLOUT };

	return server->client < 0 || poll(&client, 1, 0) != 0;
}

static void answer_published(struct server *server, uint64_t tag,
			     const struct publish_result *result)
{
	struct packet *out = &server->out;
	struct warden_published published = {
		.revision = result->revision,
		.durable_us = result->durable_us,
		.visible_us = result->visible_us,
		.refused_count = (uint32_t)result->refusal_count,
	};

	if (server->reap)
		published.ending_count = (uint32_t)(result->loss_count < WARDEN_ENDING_MAX
							    ? result->loss_count
							    : WARDEN_ENDING_MAX);
	packet_begin(out, WARDEN_PUBLISHED, tag);
	packet_put(out, &published, sizeof(published));
	for (uint32_t i = 0; i < published.ending_count; i++)
		packet_put(out, &result->losses[i].uid, sizeof(uint32_t));
	for (size_t i = 0; i < result->refusal_count; i++) {
		const struct publish_refusal *refusal = &result->refusals[i];
		struct warden_refusal item = { refusal->id, refusal->is_group };

		packet_put(out, &item, sizeof(item));
		packet_put_string(out, refusal->why.text);
	}
	answer_send(server);
}

/* --- requests ----------------------------------------------------------------------------------- */

/* A request: its body and where to say why not. 0, -EINVAL refused, else the batch is lost. */
typedef int (*handle_fn)(struct server *server, const struct warden_message *head, const void *body,
			 struct refusal *why);

static int on_hello(struct server *server, const struct warden_message *head, const void *body,
		    struct refusal *why)
{
	struct warden_state state;

	(void)body;
	if (head->size != 0)
		return -EINVAL;
	(void)why;
	publish_state(server->options.publish, &state);
	if (server->reap)
		state.pending = reap_pending(server->reap);
	packet_begin(&server->out, WARDEN_STATE, head->tag);
	packet_put(&server->out, &state, sizeof(state));
	answer_send(server);
	return 0;
}

/* Messages that publish takes as they are. */
typedef int (*publish_fn)(struct publish *publish, const void *body, size_t size,
			  struct refusal *why);

static const struct taker {
	enum warden_op op;
	publish_fn take;
} takers[] = {
	{ WARDEN_CHECK_USER, publish_check_user },
	{ WARDEN_CHECK_GROUP, publish_check_group },
	{ WARDEN_BEGIN, publish_begin },
	{ WARDEN_USER, publish_user },
	{ WARDEN_GROUP, publish_group },
	{ WARDEN_MEMBERS, publish_members },
	{ WARDEN_PASSWORD, publish_password },
};

static int on_taken(struct server *server, const struct warden_message *head, const void *body,
		    struct refusal *why)
{
	for (size_t i = 0; i < ARRAY_SIZE(takers); i++)
		if (takers[i].op == head->op)
			return takers[i].take(server->options.publish, body, head->size, why);
	return -EBADMSG;
}

static int on_check(struct server *server, const struct warden_message *head, const void *body,
		    struct refusal *why)
{
	int r = on_taken(server, head, body, why);

	if (r == 0)
		answer_plain(server, WARDEN_OK, head->tag);
	return r;
}

static void loss_end(struct server *server, const struct publish_loss *loss, uint64_t tag,
		     const struct warden_commit *commit)
{
	int r = 0;

	if (!loss->gids)
		r = reap_user(server->reap, loss->uid, loss->name, tag, commit->deadline_ms,
			      commit->grace_ms);
	else if (publish_ends_lost_roles(server->options.publish))
		r = reap_gids(server->reap, loss->uid, loss->gids, loss->gid_count, tag,
			      commit->deadline_ms);
	if (r < 0) /* the sweep finds them */
		log_error_errno(r, "ending uid %u", loss->uid);
}

/* Publish, answer, and start ending whoever lost something. */
static int on_commit(struct server *server, const struct warden_message *head, const void *body,
		     struct refusal *why)
{
	_cleanup_(publish_result_done) struct publish_result result = { 0 };
	struct packet_reader reader = { .at = body, .left = head->size };
	struct warden_commit commit;
	int r;

	packet_get(&reader, &commit, sizeof(commit));
	if (!packet_is_done(&reader) || commit.deadline_ms > 60000 || commit.grace_ms > 60000)
		return -EINVAL;
	r = publish_commit(server->options.publish, &result, why);
	if (r < 0)
		return r;
	answer_published(server, head->tag, &result);
	for (size_t i = 0; server->reap && i < result.loss_count; i++)
		loss_end(server, &result.losses[i], head->tag, &commit);
	return 0;
}

/* A report was lost: end them again. Nobody who may be here is ended on scimd's word. */
static int on_end(struct server *server, const struct warden_message *head, const void *body,
		  struct refusal *why)
{
	struct packet_reader reader = { .at = body, .left = head->size };
	struct reap_report nothing = { .tag = head->tag, .flags = WARDEN_ENDED_DONE };
	struct warden_end end;

	packet_get(&reader, &end, sizeof(end));
	if (!packet_is_done(&reader) || end.deadline_ms > 60000 || end.grace_ms > 60000)
		return -EINVAL;
	if (!publish_shuts_out(server->options.publish, end.uid))
		return refuse(why, "uid %u is nobody who has to leave", end.uid);
	answer_plain(server, WARDEN_OK, head->tag);
	nothing.uid = end.uid;
	if (!server->reap)
		server_report(server, &nothing);
	else if (reap_user(server->reap, end.uid, "", head->tag, end.deadline_ms,
			   end.grace_ms) < 0)
		log_error("ending uid %u: out of memory", end.uid); /* the sweep finds them */
	else
		reap_recall(server->reap, end.uid, end.since_us);
	return 0;
}

/* The next of the messages in a body, and where its own body is. */
static int message_next(struct packet_reader *reader, struct warden_message *ret,
			const unsigned char **ret_body)
{
	packet_get(reader, ret, sizeof(*ret));
	if (reader->bad || ret->version != WARDEN_VERSION || ret->size > reader->left)
		return -EINVAL;
	*ret_body = reader->at;
	reader->at += ret->size;
	reader->left -= ret->size;
	return 0;
}

static int on_checks(struct server *server, const struct warden_message *head, const void *body,
		     struct refusal *why)
{
	struct packet_reader reader = { .at = body, .left = head->size };
	int r = 0;

	while (r == 0 && reader.left) {
		const unsigned char *user;
		struct warden_message one;

		r = message_next(&reader, &one, &user);
		if (r == 0)
			r = one.op == WARDEN_CHECK_USER ? on_taken(server, &one, user, why) : -EINVAL;
	}
	if (r == 0)
		answer_plain(server, WARDEN_OK, head->tag);
	return r;
}

/* The records of a batch are not answered one by one: what is refused is in PUBLISHED. */
static bool is_record(uint16_t op)
{
	return op >= WARDEN_USER && op <= WARDEN_PASSWORD;
}

/* One message of a batch. What is refused of a record is in PUBLISHED; anything else ends the batch. */
static int on_part(struct server *server, const struct warden_message *head, const void *body, bool is_last,
		   struct refusal *why)
{
	int r = -EBADMSG;

	if (is_record(head->op) || head->op == WARDEN_BEGIN)
		r = on_taken(server, head, body, why);
	else if (head->op == WARDEN_COMMIT && is_last)
		r = on_commit(server, head, body, why);
	if (r != -EINVAL)
		return r;
	if (is_record(head->op))
		return 0;
	publish_abort(server->options.publish);
	return r;
}

/* As if each had come by itself. Where they cannot be told apart, the batch is lost. */
static int on_records(struct server *server, const struct warden_message *head, const void *body,
		      struct refusal *why)
{
	struct packet_reader reader = { .at = body, .left = head->size };
	int r = 0;

	while (r == 0 && reader.left) {
		const unsigned char *part;
		struct warden_message one;

		if (message_next(&reader, &one, &part) < 0)
			return -EBADMSG;
		r = on_part(server, &one, part, reader.left == 0, why);
	}
	return r;
}

static const struct handler {
	enum warden_op op;
	handle_fn handle;
} handlers[] = {
	{ WARDEN_HELLO, on_hello },
	{ WARDEN_CHECK_USER, on_check },
	{ WARDEN_CHECK_GROUP, on_check },
	{ WARDEN_BEGIN, on_taken },
	{ WARDEN_USER, on_taken },
	{ WARDEN_GROUP, on_taken },
	{ WARDEN_MEMBERS, on_taken },
	{ WARDEN_PASSWORD, on_taken },
	{ WARDEN_COMMIT, on_commit },
	{ WARDEN_END, on_end },
	{ WARDEN_CHECKS, on_checks },
	{ WARDEN_RECORDS, on_records },
};

static void handle_message(struct server *server, size_t size)
{
	struct refusal why = { "malformed or unknown message" };
	const unsigned char *body = server->in.bytes + sizeof(struct warden_message);
	struct warden_message head = { 0 };
	int r = -EINVAL;

	if (size >= sizeof(head))
		memcpy(&head, server->in.bytes, sizeof(head));
	if (size >= sizeof(head) && head.version == WARDEN_VERSION &&
	    head.size == size - sizeof(head))
		for (size_t i = 0; i < ARRAY_SIZE(handlers); i++)
			if (handlers[i].op == head.op)
				r = handlers[i].handle(server, &head, body, &why);
	if (r == 0)
		return;
	if (r != -EINVAL) {
		(void)refuse(&why, "the batch was given up: %s", strerror(-r));
		publish_abort(server->options.publish);
	}
	if (r != -EINVAL || !is_record(head.op)) {
		log_warning("refused message %u: %s", head.op, why.text);
		answer_refused(server, head.tag, &why);
	}
}

/* --- the socket --------------------------------------------------------------------------------- */

static bool peer_may_ask(const struct server *server, int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	uint32_t uid;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	if (peer.uid == 0 || (int64_t)peer.uid == server->options.peer_uid)
		return true;
	return local_user_uid(server->options.local, server->options.user, &uid) == 0 &&
	       peer.uid == uid;
}

/* A new client takes the place of the old one: scimd was restarted. */
static void client_accept(struct server *server)
{
	_cleanup_close_ int fd =
		accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int size = SEND_BUFFER;

	if (fd < 0)
		return;
	(void)local_refresh(server->options.local); /* the account may be new; else the old state */
	if (!peer_may_ask(server, fd)) {
		log_warning("refused a connection: not scimd's credentials");
		return;
	}
	/* Larger is better, the default works. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (server->client >= 0)
		client_drop(server);
	server->client = TAKE_FD(fd);
	log_info("scimd connected");
}

static void client_read(struct server *server)
{
	ssize_t size = recv(server->client, server->in.bytes, sizeof(server->in.bytes),
			    MSG_DONTWAIT | MSG_TRUNC);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0) {
		log_info("scimd went away");
		client_drop(server);
		return;
	}
	/* A packet longer than the buffer is no message of ours: its size field can't be right. */
	if ((size_t)size > sizeof(server->in.bytes))
		size = 0;
	handle_message(server, (size_t)size);
	explicit_bzero(server->in.bytes, (size_t)size); /* it may have been a hash */
}

bool server_is_asked(const struct server *server)
{
	struct pollfd fds[] = {
		{ .fd = server->listener, .events = POLLIN },
		{ .fd = server->client, .events = POLLIN },
	};

	return poll(fds, ARRAY_SIZE(fds), 0) > 0;
}

int server_step(struct server *server, int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = server->listener, .events = POLLIN },
		{ .fd = server->client, .events = POLLIN },
		{ .fd = server->stop, .events = POLLIN },
	};

	if (poll(fds, ARRAY_SIZE(fds), timeout_ms) < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[2].revents)
		return 1;
	if (fds[1].revents)
		client_read(server);
	if (fds[0].revents)
		client_accept(server);
	return 0;
}
