/* The webhook against a receiver that takes, fails, is slow, and goes away: order, repetition, what is
 * signed, and what is remembered. The engine is a store, a configuration and a listener. */
#include "scimd/webhook/webhook.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include <json-c/json.h>

#include "scimd/base/clock.h"
#include "scimd/webhook/signature.h"
#include "tests/unit/store/store_t.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define OTHER "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define REQUESTS_MAX 64
#define HANG 0 /* instead of a status: no answer */
#define ENDLESS 299 /* an answer without an end */
static const struct webhook_patience quick = { 20, 80, 400 };

/* --- the engine --- */

struct change_engine {
	struct dir dir;
	struct store *store;
	struct conf conf;
	char url[64], secret_file[64];
	pthread_mutex_t lock;
	void (*listener)(void *context);
	void *context;
};

struct store *change_engine_store(struct change_engine *engine)
{
	return engine->store;
}

const struct conf *change_engine_conf(struct change_engine *engine)
{
	return &engine->conf;
}

void change_engine_conf_put(struct change_engine *engine, const struct conf *conf)
{
	(void)engine, (void)conf;
}

void change_engine_set_listener(struct change_engine *engine, void (*listener)(void *context),
				void *context)
{
	pthread_mutex_lock(&engine->lock);
	engine->listener = listener;
	engine->context = context;
	pthread_mutex_unlock(&engine->lock);
}

static void wake(struct change_engine *engine)
{
	pthread_mutex_lock(&engine->lock);
	if (engine->listener)
		engine->listener(engine->context);
	pthread_mutex_unlock(&engine->lock);
}

static void append(struct change_engine *engine, const char *user)
{
	_cleanup_txn_ struct store_txn *txn = t_begin(engine->store, NULL, true);
	char json[160];
	uint64_t sequence;

	snprintf(json, sizeof(json), "{\"type\":\"scim.user.created\",\"time\":\"x\",\"user\":\"%s\","
		 "\"connection\":\"okta\",\"payload\":\"{\\\"userName\\\":\\\"%s\\\"}\"}", user, user);
	T_OK(store_event_append(txn, "scim.user.created", user, json, &sequence));
	T_OK(store_commit(&txn));
	wake(engine);
}

/* --- the receiver --- */

struct received {
	char path[32], id[128], signature[128], body[1024], user[32];
	uint64_t time_s, at_us; /* as signed; when it came, monotonic */
};

static struct receiver {
	int fd;
	unsigned int port;
	pthread_t thread;
	pthread_mutex_t lock;
	int answers[REQUESTS_MAX]; /* statuses, the last for all that follow */
	size_t count, taken;	   /* requests; those answered 2xx */
	struct received requests[REQUESTS_MAX];
	bool stop;
} receiver = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void header_read(const char *request, const char *name, char *ret, size_t size)
{
	const char *at = strcasestr(request, name);

	ret[0] = '\0';
	if (at)
		snprintf(ret, size, "%.*s", (int)strcspn(at + strlen(name), "\r"), at + strlen(name));
}

static void request_note(const char *request, const char *body)
{
	struct json_object *object = json_tokener_parse(body), *data, *user;
	struct received *into = &receiver.requests[receiver.count];
	char time[32];

	(void)sscanf(request, "%*s %31s ", into->path);
	header_read(request, "\r\nwebhook-id: ", into->id, sizeof(into->id));
	header_read(request, "\r\nwebhook-signature: ", into->signature, sizeof(into->signature));
	header_read(request, "\r\nwebhook-timestamp: ", time, sizeof(time));
	into->time_s = strtoull(time, NULL, 10);
	into->at_us = clock_monotonic_us();
	snprintf(into->body, sizeof(into->body), "%s", body);
	if (json_object_object_get_ex(object, "data", &data) &&
	    json_object_object_get_ex(data, "user", &user))
		snprintf(into->user, sizeof(into->user), "%s", json_object_get_string(user));
	json_object_put(object);
}

/* Read a request with its body; false if there is none. */
static bool request_read(int fd, char *text, size_t room)
{
	size_t size = 0, wanted = room;
	const char *body, *length;

	while (size < room - 1 && size < wanted) {
		ssize_t n = recv(fd, text + size, room - 1 - size, 0);

		if (n <= 0)
			return false;
		size += (size_t)n;
		text[size] = '\0';
		body = strstr(text, "\r\n\r\n");
		length = strcasestr(text, "\r\ncontent-length: ");
		if (body)
			wanted = (size_t)(body + 4 - text) +
				 (length ? strtoul(length + 18, NULL, 10) : 0);
	}
	return true;
}

static void connection_serve(int fd)
{
	char text[8192], answer[128];
	struct pollfd gone = { .fd = fd, .events = POLLIN };
	int status;

	if (!request_read(fd, text, sizeof(text)))
		return;
	pthread_mutex_lock(&receiver.lock);
	request_note(text, strstr(text, "\r\n\r\n") + 4);
	status = receiver.answers[receiver.count];
	if (receiver.count + 1 < REQUESTS_MAX) {
		if (receiver.answers[receiver.count + 1] < 0)
			receiver.answers[receiver.count + 1] = status;
		receiver.count++;
	}
	receiver.taken += status / 100 == 2;
	pthread_mutex_unlock(&receiver.lock);
	if (status == HANG) {
		(void)poll(&gone, 1, 5000); /* until the other side gives up */
		return;
	}
	snprintf(answer, sizeof(answer), "HTTP/1.1 %d X\r\n%s%sConnection: close\r\n\r\n", status,
		 status == ENDLESS ? "" : "Content-Length: 0\r\n",
		 status / 100 == 3 ? "Location: /elsewhere\r\n"
		 : status == 503   ? "Retry-After: 1\r\n"
				   : "");
	(void)send(fd, answer, strlen(answer), MSG_NOSIGNAL);
	while (status == ENDLESS && send(fd, text, sizeof(text), MSG_NOSIGNAL) > 0)
		;
}

static void *receiver_run(void *argument)
{
	(void)argument;
	for (;;) {
		int fd = accept4(receiver.fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return NULL;
		connection_serve(fd);
		close(fd);
	}
}

static void receiver_start(const int *answers, size_t count)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	receiver.count = receiver.taken = 0;
	for (size_t i = 0; i < REQUESTS_MAX; i++)
		receiver.answers[i] = i < count ? answers[i] : -1;
	receiver.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	T_FATAL(bind(receiver.fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	T_FATAL(listen(receiver.fd, 8) == 0);
	T_FATAL(getsockname(receiver.fd, (struct sockaddr *)&address, &size) == 0);
	receiver.port = ntohs(address.sin_port);
	T_FATAL(pthread_create(&receiver.thread, NULL, receiver_run, NULL) == 0);
}

static void receiver_end(void)
{
	(void)shutdown(receiver.fd, SHUT_RDWR);
	pthread_join(receiver.thread, NULL);
	close(receiver.fd);
}

/* Wait until there were so many requests, or so many taken. */
static size_t receiver_wait(size_t count, bool taken)
{
	size_t now = 0;

	for (int i = 0; i < 500; i++) {
		pthread_mutex_lock(&receiver.lock);
		now = taken ? receiver.taken : receiver.count;
		pthread_mutex_unlock(&receiver.lock);
		if (now >= count)
			break;
		usleep(10000);
	}
	return now;
}

/* --- fixture --- */

static void text_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	T_FATAL(file != NULL);
	fputs(text, file);
	fclose(file);
}

static void engine_begin(struct change_engine *engine)
{
	*engine = (struct change_engine){ .dir = dir_make() };
	pthread_mutex_init(&engine->lock, NULL);
	engine->store = t_open(&engine->dir);
	snprintf(engine->secret_file, sizeof(engine->secret_file), "%s/secret", engine->dir.path);
	text_write(engine->secret_file, SECRET "\n");
	snprintf(engine->url, sizeof(engine->url), "http://127.0.0.1:%u/hook?x=1", receiver.port);
	engine->conf.events.webhook = engine->url;
	engine->conf.events.secret_file = engine->secret_file;
}

static void engine_end(struct change_engine *engine)
{
	store_closep(&engine->store);
	dir_done(&engine->dir);
}

static struct webhook *start(struct change_engine *engine)
{
	struct webhook *webhook = NULL;
	struct webhook_status status = { .configured = false };

	T_FATAL(webhook_new(engine, quick, &webhook) == 0);
	for (int i = 0; i < 500 && engine->conf.events.webhook && !status.configured; i++) {
		usleep(1000);
		webhook_status(webhook, &status);
	}
	return webhook;
}

/* --- tests --- */

static void test_signature(void)
{
	/* The specification's own example. */
	const char *want = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
	char path[] = "/tmp/scimd-secret-XXXXXX", text[SECRETS_MAX * SIGNATURE_SIZE] = "";
	struct secrets secrets = { 0 };

	close(mkstemp(path));
	text_write(path, SECRET "\n");
	T_OK(secrets_read(path, &secrets));
	T_OK(signature_make(&secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
			    "{\"test\": 2432232314}", text));
	T_STR(text, want);
	text_write(path, OTHER "\r\n" SECRET);
	T_OK(secrets_read(path, &secrets));
	T_INT(secrets.count, 2);
	T_OK(signature_make(&secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
			    "{\"test\": 2432232314}", text));
	T_STR(strchr(text, ' ') + 1, want);
	T_TRUE(strncmp(text, "v1,", 3) == 0 && strncmp(text, want, 40) != 0);
	unlink(path);
}

static void test_secrets_refused(void)
{
	static const char *const bad[] = {
		"", "\n\n", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", "whsec_\n", "whsec_short\n",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La*aSw\n",
		"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" /* 65 bytes */
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		SECRET "\n" OTHER "\n" SECRET "\n",
		SECRET "\nnothing\n",
	};
	char path[] = "/tmp/scimd-secret-XXXXXX", longest[1024];
	struct secrets secrets = { 0 };

	close(mkstemp(path));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		text_write(path, bad[i]);
		T_INT(secrets_read(path, &secrets), -EINVAL);
	}
	memset(longest, '\n', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	text_write(path, longest);
	T_INT(secrets_read(path, &secrets), -EINVAL);
	T_INT(secrets.count, 0);
	unlink(path);
	T_INT(secrets_read(path, &secrets), -ENOENT);
}

/* In order, once each, signed with what the receiver knows, and nothing of before. */
static void test_order(void)
{
	struct change_engine engine;
	struct webhook *webhook;
	struct webhook_status status;
	struct secrets secrets;
	char text[SECRETS_MAX * SIGNATURE_SIZE], name[16], id[64] = "scimd_";
	uint64_t time_us;

	receiver_start((int[]){ 204 }, 1);
	engine_begin(&engine);
	append(&engine, "before");
	webhook = start(&engine);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "user%02d", i);
		append(&engine, name);
	}
	T_INT(receiver_wait(20, true), 20);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "user%02d", i);
		T_STR(receiver.requests[i].user, name);
	}
	T_OK(secrets_read(engine.secret_file, &secrets));
	T_OK(signature_make(&secrets, receiver.requests[3].id, receiver.requests[3].time_s,
			    receiver.requests[3].body, text));
	T_STR(receiver.requests[3].signature, text);
	T_TRUE(receiver.requests[3].time_s <= clock_now_us() / 1000000 &&
	       receiver.requests[3].time_s + 10 > clock_now_us() / 1000000);
	/* "scimd_", which store, "_", which of its events, "_", and when, for ever. */
	for (size_t i = 0; i < 16; i++)
		snprintf(id + strlen(id), 3, "%02x", store_instance(engine.store)[i]);
	strcat(id, "_5_");
	T_TRUE(strncmp(receiver.requests[3].id, id, strlen(id)) == 0);
	time_us = strtoull(receiver.requests[3].id + strlen(id), NULL, 16);
	T_TRUE(time_us <= clock_now_us() && time_us + 10000000 > clock_now_us());
	T_TRUE(strcmp(receiver.requests[3].id, receiver.requests[4].id) != 0);
	T_TRUE(strncmp(receiver.requests[0].body,
		       "{\"type\":\"scim.user.created\",\"timestamp\":\"20", 43) == 0);
	T_TRUE(strstr(receiver.requests[0].body, "\"sequence\":2,\"host\":\"") != NULL);
	T_TRUE(strstr(receiver.requests[0].body, "\"connection\":\"okta\"") != NULL);
	usleep(50000);
	webhook_status(webhook, &status);
	T_INT(status.position, 21);
	T_INT(status.delivered, 20);
	T_INT(status.failed, 0);
	T_TRUE(strncmp(status.host, "http://127.0.0.1:", 17) == 0 && !strchr(status.host + 17, '/'));
	webhook_freep(&webhook);
	engine_end(&engine);
	receiver_end();
}

static void test_failures(void)
{
	struct change_engine engine;
	struct webhook *webhook;
	struct webhook_status status;

	receiver_start((int[]){ 503, 302, 404, 200 }, 4);
	engine_begin(&engine);
	webhook = start(&engine);
	append(&engine, "ada");
	append(&engine, "bob");
	T_INT(receiver_wait(1, false), 1);
	T_INT(receiver_wait(2, true), 2);
	T_INT(receiver.count, 5);
	for (int i = 0; i < 4; i++) {
		T_STR(receiver.requests[i].user, "ada");
		T_STR(receiver.requests[i].id, receiver.requests[0].id);
		T_STR(receiver.requests[i].path, "/hook?x=1"); /* whatever the 302 said */
	}
	T_STR(receiver.requests[4].user, "bob");
	/* The second that the 503 asked for is cut to our longest wait, of which half is chance. */
	T_TRUE(receiver.requests[1].at_us - receiver.requests[0].at_us >= 40000);
	usleep(50000);
	webhook_status(webhook, &status);
	T_INT(status.failed, 3);
	T_INT(status.failing_since_us, 0);
	T_STR(status.error, "");
	webhook_freep(&webhook);
	engine_end(&engine);
	receiver_end();
}

/* Whoever took it and does not stop talking took it. */
static void test_endless_answer(void)
{
	struct change_engine engine;
	struct webhook *webhook;

	receiver_start((int[]){ ENDLESS, 200 }, 2);
	engine_begin(&engine);
	webhook = start(&engine);
	append(&engine, "ada");
	append(&engine, "bob");
	T_INT(receiver_wait(2, true), 2);
	T_STR(receiver.requests[1].user, "bob");
	webhook_freep(&webhook);
	engine_end(&engine);
	receiver_end();
}

/* A store that was set back has fewer events than were taken: those to come are sent all the same. */
static void test_set_back(void)
{
	struct change_engine engine;
	struct webhook *webhook;
	struct store_txn *txn;

	receiver_start((int[]){ 200 }, 1);
	engine_begin(&engine);
	append(&engine, "before");
	txn = t_begin(engine.store, NULL, true);
	T_OK(store_position_put(txn, "webhook", 1000));
	T_OK(store_commit(&txn));
	webhook = start(&engine);
	append(&engine, "ada");
	T_INT(receiver_wait(1, true), 1);
	T_STR(receiver.requests[0].user, "ada");
	webhook_freep(&webhook);
	engine_end(&engine);
	receiver_end();
}

/* What is wrong is said, and is put right without a restart. */
static void test_errors_shown(void)
{
	struct change_engine engine;
	struct webhook *webhook;
	struct webhook_status status;

	receiver_start((int[]){ HANG, 500, 200 }, 3);
	engine_begin(&engine);
	unlink(engine.secret_file);
	webhook = start(&engine);
	append(&engine, "ada");
	usleep(100000);
	webhook_status(webhook, &status);
	T_STR(status.error, "secret_file: No such file or directory");
	T_TRUE(status.failing_since_us > 0);
	T_INT(receiver.count, 0); /* nothing goes out unsigned */
	text_write(engine.secret_file, SECRET);
	T_INT(receiver_wait(1, false), 1);
	T_INT(receiver_wait(2, false), 2); /* it hung up on us after the timeout */
	T_INT(receiver_wait(1, true), 1);
	T_STR(receiver.requests[2].id, receiver.requests[0].id);
	webhook_freep(&webhook);
	engine_end(&engine);
	receiver_end();
}

/* What was taken is not sent again after a restart, what was not is; ending never waits for an answer. */
static void test_restart(void)
{
	struct change_engine engine;
	struct webhook *webhook;
	uint64_t begin_us;

	receiver_start((int[]){ 200, HANG, 200 }, 3);
	engine_begin(&engine);
	webhook = start(&engine);
	append(&engine, "ada");
	append(&engine, "bob");
	T_INT(receiver_wait(2, false), 2);
	begin_us = clock_monotonic_us();
	webhook_freep(&webhook);
	T_TRUE(clock_monotonic_us() - begin_us < 300000);
	store_closep(&engine.store);
	engine.store = t_open(&engine.dir);
	append(&engine, "cleo"); /* while nobody sends */
	webhook = start(&engine);
	T_INT(receiver_wait(3, true), 3);
	T_STR(receiver.requests[2].user, "bob");
	T_STR(receiver.requests[2].id, receiver.requests[1].id);
	T_STR(receiver.requests[3].user, "cleo");
	T_INT(receiver.count, 4);
	webhook_freep(&webhook);
	engine_end(&engine);
	receiver_end();
}

/* Without a webhook nothing is kept for one. */
static void test_forgotten(void)
{
	struct change_engine engine;
	struct webhook *webhook;

	receiver_start((int[]){ 200 }, 1);
	engine_begin(&engine);
	webhook = start(&engine);
	append(&engine, "ada");
	T_INT(receiver_wait(1, true), 1);
	webhook_freep(&webhook);
	engine.conf.events.webhook = NULL;
	webhook = start(&engine);
	append(&engine, "bob");
	usleep(50000);
	engine.conf.events.webhook = engine.url;
	wake(&engine); /* as a reload does */
	usleep(50000);
	append(&engine, "cleo");
	T_INT(receiver_wait(2, true), 2);
	T_STR(receiver.requests[1].user, "cleo");
	webhook_freep(&webhook);
	engine_end(&engine);
	receiver_end();
}

/* A dead receiver is asked less and less often, and no more than so often. */
static void test_patience(void)
{
	struct change_engine engine;
	struct webhook *webhook;

	receiver_start((int[]){ 500 }, 1);
	engine_begin(&engine);
	webhook = start(&engine);
	append(&engine, "ada");
	for (int i = 0; i < 100; i++) { /* new events do not hurry it */
		append(&engine, "bob");
		usleep(5000);
	}
	/* 20, 40, 80, 80 … ms, each at least half: at most 3 and then one each 40 ms. */
	T_TRUE(receiver.count >= 4 && receiver.count <= 3 + 20);
	webhook_freep(&webhook);
	engine_end(&engine);
	receiver_end();
}

T_MAIN("webhook", T(test_signature), T(test_secrets_refused), T(test_order), T(test_failures),
       T(test_endless_answer), T(test_set_back),
       T(test_errors_shown), T(test_restart), T(test_forgotten), T(test_patience))
