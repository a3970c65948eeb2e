/* limit - what bench/scim/run measures scimd against: as little as a server can do that takes POSTs over
 * TLS with the same library and answers when they are on the disk.
 *
 * limit PORT CERTIFICATE KEY FILE
 *
 * One thread for each connection, as scimd has; one that writes. The bodies of all requests that wait
 * are appended to FILE with one write and one sync, then each gets its own body back with an id put in.
 * Nothing is parsed, checked, indexed or published. A GET is answered from memory.
 * Ends at SIGTERM. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <microhttpd.h>

#define BATCH_MAX 256
#define FILE_BYTES_MAX 65536

/* A request; with the others that wait for the disk it is a list. */
struct post {
	struct post *next;
	char *body; /* owned */
	size_t size;
	bool written;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER, written = PTHREAD_COND_INITIALIZER;
static struct post *waiting;
static int file = -1;

_Noreturn static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void batch_write(struct post *batch)
{
	struct iovec parts[BATCH_MAX];
	int count = 0;

	for (struct post *post = batch; post; post = post->next) {
		if (count == BATCH_MAX)
			die("more than BATCH_MAX connections");
		parts[count++] = (struct iovec){ post->body, post->size };
	}
	if (writev(file, parts, count) <= 0 || fdatasync(file) < 0)
		die("writing");
}

static void *writer(void *unused)
{
	(void)unused;
	for (;;) {
		struct post *batch;

		pthread_mutex_lock(&lock);
		while (!waiting)
			pthread_cond_wait(&wake, &lock);
		batch = waiting;
		waiting = NULL;
		pthread_mutex_unlock(&lock);
		batch_write(batch);
		pthread_mutex_lock(&lock);
		for (struct post *post = batch; post; post = post->next)
			post->written = true;
		pthread_cond_broadcast(&written);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void post_store(struct post *post)
{
	pthread_mutex_lock(&lock);
	post->next = waiting;
	waiting = post;
	pthread_cond_signal(&wake);
	while (!post->written)
		pthread_cond_wait(&written, &lock);
	pthread_mutex_unlock(&lock);
}

/* The body as it came, which is an object, with an id in front. Owned by the caller. */
static char *answer_make(const struct post *post)
{
	static unsigned long ids;
	char *answer;

	if (asprintf(&answer, "{\"id\":\"%036lu\",%.*s",
		     __atomic_add_fetch(&ids, 1, __ATOMIC_RELAXED), (int)post->size - 1,
		     post->body + 1) < 0)
		die("asprintf");
	return answer;
}

static enum MHD_Result respond(struct MHD_Connection *connection, unsigned int status, char *text)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result r = MHD_queue_response(connection, status, response);

	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result on_request(void *unused, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **context)
{
	struct post *post = *context;

	(void)unused, (void)url, (void)version;
	if (!post) {
		*context = calloc(1, sizeof(*post));
		return *context ? MHD_YES : MHD_NO;
	}
	if (*size) {
		post->body = realloc(post->body, post->size + *size);
		if (!post->body)
			die("realloc");
		memcpy(post->body + post->size, data, *size);
		post->size += *size;
		*size = 0;
		return MHD_YES;
	}
	if (strcmp(method, "POST") != 0)
		return respond(connection, 200, strdup("{\"totalResults\":1}"));
	post_store(post);
	return respond(connection, 201, answer_make(post));
}

static void on_completed(void *unused, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode code)
{
	struct post *post = *context;

	(void)unused, (void)connection, (void)code;
	if (post)
		free(post->body);
	free(post);
}

/* Ended with a zero byte. */
static char *file_text(const char *path)
{
	static char texts[2][FILE_BYTES_MAX];
	static size_t count;
	char *text = texts[count++];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, FILE_BYTES_MAX - 1) <= 0)
		die(path);
	close(fd);
	return text;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	sigset_t ends;
	int signal;

	if (argc != 5)
		return 2;
	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGTERM);
	(void)pthread_sigmask(SIG_BLOCK, &ends, NULL);
	file = open(argv[4], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (file < 0 || pthread_create(&thread, NULL, writer, NULL) != 0)
		die(argv[4]);
	if (!MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
				      MHD_USE_POLL | MHD_USE_ITC | MHD_USE_TLS,
			      (uint16_t)atoi(argv[1]), NULL, NULL, on_request, NULL,
			      MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
			      MHD_OPTION_HTTPS_MEM_CERT, file_text(argv[2]),
			      MHD_OPTION_HTTPS_MEM_KEY, file_text(argv[3]), MHD_OPTION_END))
		die("listening");
	(void)sigwait(&ends, &signal);
	return 0;
}
