/* Certificates, and a server that speaks TLS with them. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "scimd/http/tls.h"
#include "tests/unit/http/harness.h"
#include "tests/unit/t.h"

#define BYTES(text) text, sizeof(text) - 1

static char directory[64], cert_path[96], key_path[96];

static void place_make(void)
{
	char root[] = "/tmp/scimd-tls-XXXXXX";

	T_FATAL(mkdtemp(root) != NULL);
	(void)snprintf(directory, sizeof(directory), "%s/tls", root);
	(void)snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", directory);
	(void)snprintf(key_path, sizeof(key_path), "%s/key.pem", directory);
}

static void place_remove(void)
{
	(void)unlink(cert_path);
	(void)unlink(key_path);
	T_OK(rmdir(directory)); /* so nothing else was left there */
	*strrchr(directory, '/') = '\0';
	T_OK(rmdir(directory));
}

static unsigned int mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0xFFFF;
}

static void certificate_check(const char *pem)
{
	gnutls_datum_t datum = { (unsigned char *)pem, (unsigned int)strlen(pem) };
	gnutls_x509_crt_t crt;
	char host[256] = "";
	unsigned int bits;
	time_t now = time(NULL);

	T_FATAL(gnutls_x509_crt_init(&crt) == 0);
	T_FATAL(gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_PEM) == 0);
	T_INT(gethostname(host, sizeof(host) - 1), 0);
	T_TRUE(gnutls_x509_crt_check_hostname(crt, "localhost"));
	T_TRUE(gnutls_x509_crt_check_hostname(crt, host));
	T_TRUE(gnutls_x509_crt_check_hostname(crt, "127.0.0.1"));
	T_TRUE(gnutls_x509_crt_check_hostname(crt, "::1"));
	T_TRUE(!gnutls_x509_crt_check_hostname(crt, "example.org"));
	T_INT(gnutls_x509_crt_get_pk_algorithm(crt, &bits), GNUTLS_PK_ECDSA);
	T_INT(bits, 256);
	T_INT(gnutls_x509_crt_get_version(crt), 3);
	T_TRUE(gnutls_x509_crt_get_activation_time(crt) <= now);
	T_TRUE(gnutls_x509_crt_get_expiration_time(crt) > now + (time_t)3640 * 86400);
	T_TRUE(gnutls_x509_crt_get_expiration_time(crt) < now + (time_t)3660 * 86400);
	gnutls_x509_crt_deinit(crt);
}

static void test_made_once_and_used_again(void)
{
	_cleanup_free_ char *first = NULL, *first_key = NULL, *second = NULL, *second_key = NULL;
	int made = -1;

	place_make();
	(void)umask(0);
	T_OK(tls_self_signed(directory, &first, &first_key, &made));
	(void)umask(0022);
	T_INT(made, 1);
	T_INT(mode_of(directory), 0755);
	T_INT(mode_of(cert_path), 0644);
	T_INT(mode_of(key_path), 0600);
	certificate_check(first);
	T_OK(tls_self_signed(directory, &second, &second_key, &made));
	T_INT(made, 0);
	T_STR(second, first);
	T_STR(second_key, first_key);
	place_remove();
}

/* A start that ended between the two files is a first start; a broken pair is the operator's. */
static void test_incomplete_and_broken_pairs(void)
{
	_cleanup_free_ char *first = NULL, *first_key = NULL, *second = NULL, *second_key = NULL;
	char *none = NULL, *none_key = NULL;
	int made = -1, fd;

	place_make();
	T_OK(tls_self_signed(directory, &first, &first_key, &made));
	T_OK(unlink(cert_path));
	T_OK(tls_self_signed(directory, &second, &second_key, &made));
	T_INT(made, 1);
	T_TRUE(strcmp(first_key, second_key) != 0);

	fd = open(key_path, O_WRONLY | O_TRUNC);
	T_TRUE(fd >= 0 && write(fd, first_key, strlen(first_key)) > 0 && close(fd) == 0);
	T_INT(tls_self_signed(directory, &none, &none_key, &made), -EINVAL);
	T_INT(tls_load(cert_path, key_path, &none, &none_key), -EINVAL);
	T_OK(truncate(key_path, 0));
	T_INT(tls_load(cert_path, key_path, &none, &none_key), -EINVAL);
	T_INT(tls_load(directory, key_path, &none, &none_key), -EISDIR);
	T_INT(tls_load("/nonexistent", key_path, &none, &none_key), -ENOENT);
	T_TRUE(none == NULL && none_key == NULL);
	place_remove();
}

static void test_fingerprint(void)
{
	/* The expected value is from `openssl x509 -fingerprint -sha256`. */
	static const char pem[] =
		"-----BEGIN CERTIFICATE-----\n"
		"MIIBizCCATGgAwIBAgIUccN/Bm1JaAv0kCAeZjz9W3gJrgswCgYIKoZIzj0EAwIw\n"
		"GzEZMBcGA1UEAwwQZmluZ2VycHJpbnQudGVzdDAeFw0yNjExMjEyMjE0NTNaFw0z\n"
		"NjExMTgyMjE0NTNaMBsxGTAXBgNVBAMMEGZpbmdlcnByaW50LnRlc3QwWTATBgcq\n"
		"hkjOPQIBBggqhkjOPQMBBwNCAATMLDZn/RBUPXOKaWu3Udc6A2ugAIiV09FTp2xB\n"
		"d17aiAFx+2suPodIHtDeXk8NLrEfT5GydNrQyWN/uiUWxxPRo1MwUTAdBgNVHQ4E\n"
		"FgQUC6h8mmLMyQBJR0JThmgat8Am8iYwHwYDVR0jBBgwFoAUC6h8mmLMyQBJR0JT\n"
		"hmgat8Am8iYwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBH1mhr\n"
		"9nJoip4o/fTr4KiN8b7pusAgdsvXRM2hMoHLfgIhAMQ//ijRoR4p1QLkFiz+vGqj\n"
		"qQAIX5JEudx1euK215hB\n"
		"-----END CERTIFICATE-----\n";
	char fingerprint[TLS_FINGERPRINT_SIZE];

	T_OK(tls_fingerprint(pem, fingerprint));
	T_STR(fingerprint, "57:EF:91:98:D3:A5:16:35:BE:91:C5:35:2E:90:14:E7:"
			   "BA:9F:48:76:DB:FE:F8:CE:0D:4E:19:AF:26:53:59:3D");
	T_INT(tls_fingerprint("no certificate", fingerprint), -EINVAL);
	T_INT(tls_fingerprint("", fingerprint), -EINVAL);
}

/* One handshake with these priorities, and one request for path. Returns the status, or 0. */
static int ask_tls(in_port_t port, const char *priorities, const char *path,
		   char ret[static HARNESS_REPLY_SIZE])
{
	char request[256];
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
	size_t used = 0;
	ssize_t n;
	int fd = harness_connect(port), r;

	ret[0] = '\0';
	(void)snprintf(request, sizeof(request),
		       "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n"
		       "Connection: close\r\n\r\nbody",
		       path);
	T_OK(gnutls_certificate_allocate_credentials(&credentials));
	T_INT(gnutls_certificate_set_x509_trust_file(credentials, cert_path, GNUTLS_X509_FMT_PEM),
	      1);
	T_OK(gnutls_init(&session, GNUTLS_CLIENT));
	T_OK(gnutls_priority_set_direct(session, priorities, NULL));
	T_OK(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials));
	gnutls_session_set_verify_cert(session, "localhost", 0);
	gnutls_transport_set_int(session, fd);
	do
		r = gnutls_handshake(session);
	while (r < 0 && !gnutls_error_is_fatal(r));
	if (r == 0 && gnutls_record_send(session, request, strlen(request)) > 0) {
		while ((n = gnutls_record_recv(session, ret + used,
					       HARNESS_REPLY_SIZE - 1 - used)) > 0)
			used += (size_t)n;
		ret[used] = '\0';
	}
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(credentials);
	(void)close(fd);
	return r == 0 ? harness_status(ret) : 0;
}

static void test_server(void)
{
	static char reply[HARNESS_REPLY_SIZE];
	static const struct {
		const char *priorities;
		int status;
	} cases[] = {
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.3", 200 },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2", 200 },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT", 0 },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.0:%COMPAT", 0 },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+3DES-CBC", 0 },
	};
	_cleanup_free_ char *certificate = NULL, *key = NULL;
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	struct http_options options = harness_options();
	in_port_t port;
	int made;

	place_make();
	T_OK(tls_self_signed(directory, &certificate, &key, &made));
	options.certificate = certificate;
	options.key = key;
	options.idle_timeout_s = 1;
	port = harness_start(&options, &server);
	T_FATAL(port != 0);
	explicit_bzero(key, strlen(key)); /* the server has its own copy */
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		T_INT(ask_tls(port, cases[i].priorities, "/tls", reply), cases[i].status);
		if (cases[i].status == 200)
			T_TRUE(harness_has(reply, "body_size=4\nbody=body\n"));
	}
	/* A handler that is slower than a client may be is answered here, too. */
	T_INT(ask_tls(port, "NORMAL", "/slow", reply), 200);
	/* Plain HTTP on the TLS port gets nothing from the handler. */
	made = harness_calls;
	T_INT(harness_ask(port, BYTES("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), reply), 0);
	T_INT(harness_calls, made);
	place_remove();
}

/* A self-signed RSA pair for localhost; the certificate at cert_path, too. */
static void rsa_make(char **ret_certificate, char **ret_key)
{
	const time_t now = time(NULL);
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	gnutls_datum_t text;
	FILE *file;

	T_OK(mkdir(directory, 0700));
	file = fopen(cert_path, "w");
	T_OK(gnutls_x509_privkey_init(&key));
	T_OK(gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, 2048, 0));
	T_OK(gnutls_x509_crt_init(&crt));
	T_OK(gnutls_x509_crt_set_version(crt, 3));
	T_OK(gnutls_x509_crt_set_serial(crt, "\1", 1));
	T_OK(gnutls_x509_crt_set_activation_time(crt, now - 3600));
	T_OK(gnutls_x509_crt_set_expiration_time(crt, now + 3600));
	T_OK(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, "localhost", 9,
						  GNUTLS_FSAN_SET));
	T_OK(gnutls_x509_crt_set_key(crt, key));
	T_OK(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0));
	T_OK(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &text));
	*ret_key = strndup((const char *)text.data, text.size);
	gnutls_free(text.data);
	T_OK(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &text));
	*ret_certificate = strndup((const char *)text.data, text.size);
	T_FATAL(file && fwrite(text.data, text.size, 1, file) == 1 && fclose(file) == 0);
	gnutls_free(text.data);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

/* With RSA, too, a key that is stolen later opens nothing that was recorded. */
static void test_forward_secrecy(void)
{
	static char reply[HARNESS_REPLY_SIZE];
	static const struct {
		const char *priorities;
		int status;
	} cases[] = {
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.3", 200 },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-RSA", 200 },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA", 0 },
	};
	_cleanup_free_ char *certificate = NULL, *key = NULL;
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	struct http_options options = harness_options();
	in_port_t port;

	place_make();
	rsa_make(&certificate, &key);
	options.certificate = certificate;
	options.key = key;
	port = harness_start(&options, &server);
	T_FATAL(port != 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		T_INT(ask_tls(port, cases[i].priorities, "/tls", reply), cases[i].status);
	place_remove();
}

/* A pair of its own; place_remove is the caller's. */
static void pair_get(char **ret_certificate, char **ret_key)
{
	int made = 0;

	place_make();
	T_OK(tls_self_signed(directory, ret_certificate, ret_key, &made));
	T_INT(made, 1);
}

/* A renewed certificate is presented to who comes next; who was there goes on. */
static void test_renewed(void)
{
	static char reply[HARNESS_REPLY_SIZE];
	_cleanup_free_ char *old = NULL, *old_key = NULL, *new = NULL, *new_key = NULL;
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	struct http_options options = harness_options();
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
	in_port_t port;
	ssize_t n;
	int fd, r;

	pair_get(&old, &old_key);
	options.certificate = old;
	options.key = old_key;
	options.idle_timeout_s = 5;
	port = harness_start(&options, &server);
	T_FATAL(port != 0);
	T_INT(ask_tls(port, "NORMAL", "/before", reply), 200);

	T_OK(gnutls_certificate_allocate_credentials(&credentials));
	T_INT(gnutls_certificate_set_x509_trust_file(credentials, cert_path, GNUTLS_X509_FMT_PEM),
	      1);
	T_OK(gnutls_init(&session, GNUTLS_CLIENT));
	T_OK(gnutls_priority_set_direct(session, "NORMAL", NULL));
	T_OK(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials));
	gnutls_session_set_verify_cert(session, "localhost", 0);
	fd = harness_connect(port);
	gnutls_transport_set_int(session, fd);
	do
		r = gnutls_handshake(session);
	while (r < 0 && !gnutls_error_is_fatal(r));
	T_OK(r);
	place_remove();

	pair_get(&new, &new_key);
	T_TRUE(strcmp(old, new) != 0);
	T_INT(ask_tls(port, "NORMAL", "/not-yet", reply), 0); /* trusts the new one alone */
	T_OK(tls_current_set(new, new_key));
	T_INT(ask_tls(port, "NORMAL", "/after", reply), 200);

	n = gnutls_record_send(session, BYTES("GET /old HTTP/1.1\r\nHost: localhost\r\n"
					      "Connection: close\r\n\r\n"));
	T_TRUE(n > 0);
	do
		n = gnutls_record_recv(session, reply, sizeof(reply) - 1);
	while (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED);
	reply[n > 0 ? n : 0] = '\0';
	T_INT(harness_status(reply), 200);
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(credentials);
	(void)close(fd);
	place_remove();
}

T_MAIN("http tls", T(test_made_once_and_used_again), T(test_incomplete_and_broken_pairs),
       T(test_fingerprint), T(test_server), T(test_forward_secrecy), T(test_renewed))
