/* TABLE_LOGIN: id of a user in 16 bytes -> version, time, service and from where, each with its length. */
#include "scimd/store/table.h"

#define LOGIN_VERSION 1

void store_login_done(struct store_login *login)
{
	free(login->service);
	free(login->host);
	*login = (struct store_login){ 0 };
}

int store_login_put(struct store_txn *txn, const char *user_id, const struct store_login *login)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	int r = codec_put_id(&key, user_id);

	if (r < 0)
		return r;
	codec_put_u8(&value, LOGIN_VERSION);
	codec_put_u64(&value, login->time_us);
	codec_put_text(&value, login->service);
	codec_put_text(&value, login->host);
	return table_put(txn, TABLE_LOGIN, &key, &value);
}

static int login_decode(struct span value, struct store_login *ret)
{
	_cleanup_(store_login_done) struct store_login login = { 0 };
	int r;

	if (codec_get_version(&value, LOGIN_VERSION) < 0 ||
	    codec_get_u64(&value, &login.time_us) < 0)
		return -EIO;
	if ((r = codec_get_text(&value, &login.service)) < 0 ||
	    (r = codec_get_text(&value, &login.host)) < 0)
		return r;
	if (codec_get_end(&value) < 0 || !login.service)
		return -EIO;
	*ret = login;
	login = (struct store_login){ 0 }; /* handed over */
	return 0;
}

int store_login_get(struct store_txn *txn, const char *user_id, struct store_login *ret)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	int r = codec_put_id(&key, user_id);

	if (r == 0)
		r = table_get(txn, TABLE_LOGIN, &key, &value);
	return r < 0 ? r : login_decode(codec_span(&value), ret);
}
