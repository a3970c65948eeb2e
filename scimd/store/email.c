/* TABLE_EMAIL: connection, terminator, folded address, terminator, order -> nothing. */
#include "scimd/store/email.h"

#include <string.h>

#include "scimd/store/table.h"

void email_put_key(struct bytes *bytes, const char *connection, const char *folded_email,
		   size_t len)
{
	codec_put_word(bytes, connection);
	codec_put_mem(bytes, folded_email, len);
	codec_put_u8(bytes, 0);
}

/* Whether a list, which may be NULL, holds this address. */
static bool list_has(const char *list, const char *email, size_t len)
{
	while (list && *list) {
		size_t this_len = strcspn(list, "\n");

		if (this_len == len && memcmp(list, email, len) == 0)
			return true;
		list += this_len + (list[this_len] == '\n');
	}
	return false;
}

static int entry_write(struct store_txn *txn, const struct row *row, const char *email,
		       size_t len, bool add)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	int r;

	email_put_key(&key, row->resource.connection, email, len);
	codec_put_u64(&key, row->order);
	if (add)
		return table_put(txn, TABLE_EMAIL, &key, NULL);
	r = table_delete(txn, TABLE_EMAIL, &key);
	return r == -ENOENT ? 0 : r; /* an address may be on the list twice */
}

/* Write the entries of row which other does not have. */
static int entries_write(struct store_txn *txn, const struct row *row, const struct row *other,
			 bool add)
{
	const char *email = row ? row->resource.emails : NULL;
	bool same = row && other &&
		    strcmp(row->resource.connection, other->resource.connection) == 0;
	size_t len;
	int r = 0;

	for (; r == 0 && email && *email; email += len + (email[len] == '\n')) {
		len = strcspn(email, "\n");
		if (!same || !list_has(other->resource.emails, email, len))
			r = entry_write(txn, row, email, len, add);
	}
	return r;
}

int email_update(struct store_txn *txn, const struct row *from, const struct row *to)
{
	int r = entries_write(txn, from, to, false);

	return r < 0 ? r : entries_write(txn, to, from, true);
}
