#include "scimd/change/warden_client.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "scimd/base/log.h"

#define SEND_TIMEOUT_S 10

struct warden_client {
	const char *path;
	warden_ended_fn ended;
	void *context;
	pthread_t receiver;
	bool receiving; /* the receiver was started and has to be joined */
	pthread_mutex_t lock;
	pthread_cond_t arrived;
	int fd;       /* -1: not connected */
	bool broken;  /* the receiver saw the end */
	bool full;    /* mailbox holds an answer nobody took */
	struct packet mailbox, answer, in;
	struct packet records; /* that wait to be sent; size 0: none */
};

int warden_client_new(const char *path, warden_ended_fn ended, void *context,
		      struct warden_client **ret)
{
	struct warden_client *client = calloc(1, sizeof(*client));
	pthread_condattr_t attributes;

	if (!client)
		return -ENOMEM;
	client->path = path;
	client->ended = ended;
	client->context = context;
	client->fd = -1;
	pthread_mutex_init(&client->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&client->arrived, &attributes);
	pthread_condattr_destroy(&attributes);
	*ret = client;
	return 0;
}

void warden_client_freep(struct warden_client **client)
{
	if (!*client)
		return;
	warden_client_disconnect(*client);
	pthread_cond_destroy(&(*client)->arrived);
	pthread_mutex_destroy(&(*client)->lock);
	explicit_bzero(*client, sizeof(**client));
	free(*client);
	*client = NULL;
}

static struct warden_message head_of(const struct packet *packet)
{
	struct warden_message head = { 0 };

	if (packet->size >= sizeof(head))
		memcpy(&head, packet->bytes, sizeof(head));
	return head;
}

static bool packet_is_sound(const struct packet *packet)
{
	struct warden_message head = head_of(packet);

	return head.version == WARDEN_VERSION && head.size == packet->size - sizeof(head);
}

/* Until the connection ends: ENDED goes to its function, anything else into the mailbox. */
static void *receive(void *argument)
{
	struct warden_client *client = argument;

	for (;;) {
		ssize_t size = recv(client->fd, client->in.bytes, sizeof(client->in.bytes), 0);

		if (size < 0 && errno == EINTR)
			continue;
		client->in.size = size > 0 ? (size_t)size : 0;
		if (size <= 0 || !packet_is_sound(&client->in))
			break;
		if (head_of(&client->in).op == WARDEN_ENDED) {
			client->ended(client->context, client->in.bytes, client->in.size);
			continue;
		}
		pthread_mutex_lock(&client->lock);
		client->mailbox.size = client->in.size;
		memcpy(client->mailbox.bytes, client->in.bytes, client->in.size);
		client->full = true;
		pthread_cond_broadcast(&client->arrived);
		pthread_mutex_unlock(&client->lock);
	}
	pthread_mutex_lock(&client->lock);
	client->broken = true;
	pthread_cond_broadcast(&client->arrived);
	pthread_mutex_unlock(&client->lock);
	return NULL;
}

static int connect_to(const char *path)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval timeout = { .tv_sec = SEND_TIMEOUT_S };
	int room = 4 * (int)WARDEN_MESSAGE_MAX;

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	/* Both are improvements only. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* The kernel knows at once that the warden is gone, the receiver's thread when it gets its turn. */
static bool has_hung_up(int fd)
{
	struct pollfd state = { .fd = fd };

	return poll(&state, 1, 0) > 0 && state.revents & (POLLHUP | POLLERR);
}

bool warden_client_is_connected(struct warden_client *client)
{
	bool connected;

	pthread_mutex_lock(&client->lock);
	connected = client->fd >= 0 && !client->broken && !has_hung_up(client->fd);
	pthread_mutex_unlock(&client->lock);
	return connected;
}

int warden_client_connect(struct warden_client *client)
{
	int fd, r;

	if (warden_client_is_connected(client))
		return 0;
	warden_client_disconnect(client);
	fd = connect_to(client->path);
	if (fd < 0)
		return fd;
	client->fd = fd;
	client->broken = client->full = false;
	r = pthread_create(&client->receiver, NULL, receive, client);
	if (r != 0) {
		closep(&client->fd);
		client->fd = -1;
		return -r;
	}
	client->receiving = true;
	return 0;
}

/* There may have been a password among them. */
static void records_drop(struct warden_client *client)
{
	explicit_bzero(client->records.bytes, client->records.size);
	client->records.size = 0;
}

void warden_client_disconnect(struct warden_client *client)
{
	if (client->fd >= 0)
		(void)shutdown(client->fd, SHUT_RDWR); /* wakes the receiver */
	if (client->receiving)
		pthread_join(client->receiver, NULL);
	client->receiving = false;
	pthread_mutex_lock(&client->lock);
	closep(&client->fd);
	client->fd = -1;
	pthread_mutex_unlock(&client->lock);
	records_drop(client);
}

static int send_now(struct warden_client *client, const void *message, size_t size)
{
	if (client->fd < 0)
		return -ENOTCONN;
	if (send(client->fd, message, size, MSG_NOSIGNAL) < 0) {
		int r = -errno;

		warden_client_disconnect(client);
		return r;
	}
	return 0;
}

static int records_send(struct warden_client *client)
{
	int r;

	if (client->records.size == 0)
		return 0;
	packet_finish(&client->records);
	r = send_now(client, client->records.bytes, client->records.size);
	records_drop(client);
	return r;
}

int warden_client_send(struct warden_client *client, const void *message, size_t size)
{
	int r = records_send(client);

	return r < 0 ? r : send_now(client, message, size);
}

int warden_client_put(struct warden_client *client, const void *message, size_t size)
{
	int r = 0;

	if (client->records.size && packet_room(&client->records) < size)
		r = records_send(client);
	if (r < 0)
		return r;
	if (client->records.size == 0)
		packet_begin(&client->records, WARDEN_RECORDS, 0);
	if (packet_room(&client->records) < size) { /* as large as a packet itself */
		records_drop(client);
		return send_now(client, message, size);
	}
	packet_put(&client->records, message, size);
	return 0;
}

static struct timespec deadline_after(unsigned int timeout_ms)
{
	struct timespec at;

	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += timeout_ms / 1000;
	at.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

/* Under the lock: wait until the mailbox has the answer with this tag; others are dropped. */
static int take_answer(struct warden_client *client, uint64_t tag, const struct timespec *deadline)
{
	for (;;) {
		int r;

		if (client->full) {
			client->full = false;
			if (head_of(&client->mailbox).tag != tag)
				continue;
			client->answer.size = client->mailbox.size;
			memcpy(client->answer.bytes, client->mailbox.bytes, client->mailbox.size);
			return 0;
		}
		if (client->broken)
			return -ECONNRESET;
		r = pthread_cond_timedwait(&client->arrived, &client->lock, deadline);
		if (r != 0)
			return -r;
	}
}

/* The last of a batch goes with what waits, if it fits; whatever is said to them has its tag. */
static int batch_end(struct warden_client *client, const struct packet *commit)
{
	uint64_t tag = head_of(commit).tag;

	if (client->records.size == 0 || packet_room(&client->records) < commit->size)
		return warden_client_send(client, commit->bytes, commit->size);
	packet_put(&client->records, commit->bytes, commit->size);
	memcpy(client->records.bytes + offsetof(struct warden_message, tag), &tag, sizeof(tag));
	return records_send(client);
}

int warden_client_wait(struct warden_client *client, uint64_t tag, unsigned int timeout_ms,
		       const struct packet **ret_answer)
{
	struct timespec deadline = deadline_after(timeout_ms);
	int r;

	pthread_mutex_lock(&client->lock);
	r = take_answer(client, tag, &deadline);
	pthread_mutex_unlock(&client->lock);
	if (r < 0) {
		warden_client_disconnect(client);
		return r;
	}
	*ret_answer = &client->answer;
	return 0;
}

int warden_client_ask(struct warden_client *client, struct packet *packet, unsigned int timeout_ms,
		      const struct packet **ret_answer)
{
	int r;

	packet_finish(packet);
	if (packet->bad)
		return -EMSGSIZE;
	r = head_of(packet).op == WARDEN_COMMIT
		    ? batch_end(client, packet)
		    : warden_client_send(client, packet->bytes, packet->size);
	if (r < 0)
		return r;
	return warden_client_wait(client, head_of(packet).tag, timeout_ms, ret_answer);
}

enum warden_op warden_answer_op(const struct packet *answer)
{
	return (enum warden_op)head_of(answer).op;
}

void warden_answer_sentence(const struct packet *answer, char text[static WARDEN_REASON_MAX + 1])
{
	struct packet_reader reader = { .at = answer->bytes + sizeof(struct warden_message),
					.left = answer->size - sizeof(struct warden_message) };

	packet_get_string(&reader, text, WARDEN_REASON_MAX + 1);
	if (reader.bad)
		(void)snprintf(text, WARDEN_REASON_MAX + 1, "refused");
}
