#include "scimd/webhook/internal.h"

#include <stdio.h>
#include <string.h>

#include "scimd/base/clock.h"
#include "scimd/webhook/signature.h"

#define HEADER_SIZE 256
#define POLL_MS 1000
#define ANSWER_MAX 65536L /* what a receiver says is not looked at, but read to keep the connection */

static void slist_freep(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

static size_t answer_drop(char *data, size_t size, size_t count, void *context)
{
	long *left = context;

	(void)data;
	*left -= (long)(size * count);
	return *left < 0 ? 0 : size * count;
}

static int header_add(struct curl_slist **list, const char *name, const char *value)
{
	char line[HEADER_SIZE];
	struct curl_slist *longer;

	if (snprintf(line, sizeof(line), "%s: %s", name, value) >= (int)sizeof(line))
		return -EINVAL;
	longer = curl_slist_append(*list, line);
	if (!longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

/* The headers with the signature of now, owned. Errors with the sentence in error. */
static int headers_make(const struct conf *conf, const struct message *message,
			struct curl_slist **ret, char error[static WEBHOOK_ERROR_SIZE])
{
	_cleanup_(secrets_wipe) struct secrets secrets = { 0 };
	_cleanup_(slist_freep) struct curl_slist *list = NULL;
	char signature[SECRETS_MAX * SIGNATURE_SIZE], time[24];
	uint64_t now_s = clock_now_us() / 1000000;
	int r = secrets_read(conf->events.secret_file, &secrets);

	if (r < 0) {
		(void)snprintf(error, WEBHOOK_ERROR_SIZE, "secret_file: %s",
			       r == -EINVAL ? "it holds no line of whsec_ and base64 of 24 to 64 bytes"
					    : strerrordesc_np(-r));
		return -EAGAIN;
	}
	(void)snprintf(time, sizeof(time), "%llu", (unsigned long long)now_s);
	r = signature_make(&secrets, message->id, now_s, message->body, signature);
	if (r == 0)
		r = header_add(&list, "Content-Type", "application/json");
	if (r == 0)
		r = header_add(&list, "webhook-id", message->id);
	if (r == 0)
		r = header_add(&list, "webhook-timestamp", time);
	if (r == 0)
		r = header_add(&list, "webhook-signature", signature);
	if (r == 0)
		r = header_add(&list, "Expect", ""); /* no round trip before the body */
	if (r < 0) {
		(void)snprintf(error, WEBHOOK_ERROR_SIZE, "cannot be signed: %s",
			       strerrordesc_np(-r));
		return -EAGAIN;
	}
	*ret = TAKE_PTR(list);
	return 0;
}

/* libcurl verifies the certificate and its name unless it is told not to. */
static bool easy_prepare(struct webhook *webhook, const struct conf *conf,
			 const struct message *message, struct curl_slist *headers, long *left,
			 char *error)
{
	CURL *easy = webhook->easy;

	curl_easy_reset(easy); /* it keeps the connection */
	return curl_easy_setopt(easy, CURLOPT_URL, conf->events.webhook) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)webhook->patience.timeout_ms) ==
		       CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_USERAGENT, "scimd/" SCIMD_VERSION) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(message->body)) ==
		       CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_POSTFIELDS, message->body) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, answer_drop) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEDATA, left) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error) == CURLE_OK;
}

static bool transfer_is_done(CURLM *multi, CURLcode *ret)
{
	const CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(multi, &left)))
		if (message->msg == CURLMSG_DONE) {
			*ret = message->data.result;
			return true;
		}
	return false;
}

/* Until the answer is there or the webhook ends. */
static int transfer_run(struct webhook *webhook, CURLcode *ret)
{
	int running, r = 0;

	if (curl_multi_add_handle(webhook->multi, webhook->easy) != CURLM_OK)
		return -ENOMEM;
	for (;;) {
		if (webhook_stops(webhook))
			r = -ECANCELED;
		else if (curl_multi_perform(webhook->multi, &running) != CURLM_OK)
			r = -EIO;
		if (r < 0 || transfer_is_done(webhook->multi, ret))
			break;
		if (curl_multi_poll(webhook->multi, NULL, 0, POLL_MS, NULL) != CURLM_OK)
			r = -EIO;
	}
	(void)curl_multi_remove_handle(webhook->multi, webhook->easy);
	return r;
}

static int answer_judge(CURL *easy, CURLcode code, const char *detail,
			char error[static WEBHOOK_ERROR_SIZE], uint32_t *ret_wait_s)
{
	curl_off_t wait_s = 0;
	long status = 0;

	(void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	/* An answer that is longer than we read to its end is one all the same. */
	if (code != CURLE_OK && code != CURLE_WRITE_ERROR) {
		(void)snprintf(error, WEBHOOK_ERROR_SIZE, "%s",
			       *detail ? detail : curl_easy_strerror(code));
		return -EAGAIN;
	}
	if (status >= 200 && status <= 299)
		return 0;
	(void)curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait_s);
	*ret_wait_s = wait_s > 0 && wait_s < UINT32_MAX ? (uint32_t)wait_s : 0;
	(void)snprintf(error, WEBHOOK_ERROR_SIZE, "answered %ld", status);
	return -EAGAIN;
}

int request_send(struct webhook *webhook, const struct conf *conf, const struct message *message,
		 char error[static WEBHOOK_ERROR_SIZE], uint32_t *ret_wait_s)
{
	_cleanup_(slist_freep) struct curl_slist *headers = NULL;
	char detail[CURL_ERROR_SIZE] = "";
	CURLcode code = CURLE_OK;
	long left = ANSWER_MAX;
	int r = headers_make(conf, message, &headers, error);

	*ret_wait_s = 0;
	if (r < 0)
		return r;
	if (!easy_prepare(webhook, conf, message, headers, &left, detail))
		r = -ENOMEM;
	if (r == 0)
		r = transfer_run(webhook, &code);
	if (r == 0)
		r = answer_judge(webhook->easy, code, detail, error, ret_wait_s);
	else if (r != -ECANCELED) {
		(void)snprintf(error, WEBHOOK_ERROR_SIZE, "%s", strerrordesc_np(-r));
		r = -EAGAIN;
	}
	curl_easy_reset(webhook->easy); /* what it points to goes out of scope */
	return r;
}
