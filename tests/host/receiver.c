/* receiver.c - what an organization has behind its webhook: takes POSTs over TLS (or plain, without a
 * certificate), verifies the signature, and writes down what came.
 *
 * receiver PORT SECRET-BASE64 DIR [CERT KEY]: DIR/status is what to answer, read for each request (0: no
 * answer at all); DIR/log gets a line "ID VERIFIED BODY" for each. One connection at a time. */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

static gnutls_certificate_credentials_t credentials;
static unsigned char key[64];
static size_t key_size;

static void die(const char *what)
{
	fprintf(stderr, "receiver: %s\n", what);
	exit(1);
}

static ssize_t conn_read(gnutls_session_t tls, int fd, char *to, size_t room)
{
	return tls ? gnutls_record_recv(tls, to, room) : recv(fd, to, room, 0);
}

static void header(const char *request, const char *name, char *ret, size_t size)
{
	const char *at = strcasestr(request, name);

	snprintf(ret, size, "%.*s", at ? (int)strcspn(at + strlen(name), "\r") : 0,
		 at ? at + strlen(name) : "");
}

static int verified(const char *id, const char *time, const char *signature, const char *body)
{
	unsigned char digest[32];
	gnutls_datum_t bytes = { digest, sizeof(digest) }, text = { NULL, 0 };
	char *signed_text = NULL, want[64];
	int size = asprintf(&signed_text, "%s.%s.%s", id, time, body);

	if (size < 0 || gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key_size, signed_text,
					 (size_t)size, digest) < 0 ||
	    gnutls_base64_encode2(&bytes, &text) < 0)
		die("HMAC");
	snprintf(want, sizeof(want), "v1,%.*s", (int)text.size, (char *)text.data);
	free(signed_text);
	return strcmp(want, signature) == 0;
}

/* 0: do not answer. */
static int status_now(const char *directory)
{
	char path[256];
	int status = 500;
	FILE *file;

	snprintf(path, sizeof(path), "%s/status", directory);
	file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%d", &status) != 1)
			status = 500;
		fclose(file);
	}
	return status;
}

static void note(const char *directory, const char *request, const char *body)
{
	char path[256], id[128], time[32], signature[128];
	FILE *file;

	header(request, "\r\nwebhook-id: ", id, sizeof(id));
	header(request, "\r\nwebhook-timestamp: ", time, sizeof(time));
	header(request, "\r\nwebhook-signature: ", signature, sizeof(signature));
	snprintf(path, sizeof(path), "%s/log", directory);
	file = fopen(path, "ae");
	if (!file)
		die("log");
	fprintf(file, "%s %s %s\n", id, verified(id, time, signature, body) ? "yes" : "NO", body);
	fclose(file);
}

static void serve(gnutls_session_t tls, int fd, const char *directory)
{
	static char text[1 << 20];
	struct pollfd gone = { .fd = fd, .events = POLLIN };
	const char *body = NULL, *length;
	size_t size = 0, wanted = sizeof(text);
	char answer[128];
	int status;

	while (size < sizeof(text) - 1 && size < wanted) {
		ssize_t n = conn_read(tls, fd, text + size, sizeof(text) - 1 - size);

		if (n <= 0)
			return;
		size += (size_t)n;
		text[size] = '\0';
		body = strstr(text, "\r\n\r\n");
		length = strcasestr(text, "\r\ncontent-length: ");
		if (body && length)
			wanted = (size_t)(body + 4 - text) + strtoul(length + 18, NULL, 10);
	}
	note(directory, text, body + 4);
	status = status_now(directory);
	if (status == 0) {
		(void)poll(&gone, 1, 60000);
		return;
	}
	snprintf(answer, sizeof(answer), "HTTP/1.1 %d X\r\nContent-Length: 0\r\n"
		 "Connection: close\r\n\r\n", status);
	if (tls)
		(void)gnutls_record_send(tls, answer, strlen(answer));
	else
		(void)send(fd, answer, strlen(answer), 0);
}

static void serve_tls(int fd, const char *directory)
{
	gnutls_session_t tls;

	if (gnutls_init(&tls, GNUTLS_SERVER) < 0 || gnutls_set_default_priority(tls) < 0 ||
	    gnutls_credentials_set(tls, GNUTLS_CRD_CERTIFICATE, credentials) < 0)
		die("TLS");
	gnutls_transport_set_int(tls, fd);
	gnutls_handshake_set_timeout(tls, 5000);
	if (gnutls_handshake(tls) == 0) {
		serve(tls, fd, directory);
		(void)gnutls_bye(tls, GNUTLS_SHUT_WR);
	}
	gnutls_deinit(tls);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	gnutls_datum_t text, bytes;
	int on = 1, listener, fd;

	if (argc != 4 && argc != 6)
		die("PORT SECRET-BASE64 DIR [CERT KEY]");
	text = (gnutls_datum_t){ (unsigned char *)argv[2], (unsigned int)strlen(argv[2]) };
	if (gnutls_base64_decode2(&text, &bytes) < 0 || bytes.size > sizeof(key))
		die("the secret is no base64");
	memcpy(key, bytes.data, key_size = bytes.size);
	signal(SIGPIPE, SIG_IGN);
	if (argc == 6 && (gnutls_certificate_allocate_credentials(&credentials) < 0 ||
			  gnutls_certificate_set_x509_key_file(credentials, argv[4], argv[5],
							       GNUTLS_X509_FMT_PEM) < 0))
		die("certificate");
	address.sin_port = htons((unsigned short)atoi(argv[1]));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 8) < 0)
		die("listen");
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		if (argc == 6)
			serve_tls(fd, argv[3]);
		else
			serve(NULL, fd, argv[3]);
		close(fd);
	}
	return 1;
}
