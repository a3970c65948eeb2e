/* TABLE_RESOURCE: order of creation in 8 bytes -> version, id in 16 bytes, type, flags, change
 * version, created, modified, number, then connection, POSIX name, folded name, title, emails,
 * external id, JSON, password, reason, roles and home, each with its length. Keyed by order rather
 * than by id, new rows fill the last page instead of touching a random one, and a listing reads its
 * neighbours. */
#include "scimd/store/row.h"

#include <string.h>

#define ROW_ALLOWED 0x01u

void store_resource_done(struct store_resource *row)
{
	int saved = errno;

	if (row->password)
		explicit_bzero(row->password, strlen(row->password));
	freep(&row->password);
	freep(&row->folded_name);
	freep(&row->title);
	freep(&row->emails);
	freep(&row->external_id);
	freep(&row->json);
	freep(&row->reason);
	freep(&row->roles);
	freep(&row->home);
	memset(row, 0, sizeof(*row));
	errno = saved;
}

void row_done(struct row *row)
{
	store_resource_done(&row->resource);
	row->order = 0;
}

static bool resource_is_storable(const struct store_resource *resource)
{
	return (resource->type == RESOURCE_USER || resource->type == RESOURCE_GROUP) &&
	       resource->folded_name && resource->json &&
	       memchr(resource->connection, 0, sizeof(resource->connection)) &&
	       memchr(resource->posix_name, 0, sizeof(resource->posix_name));
}

int row_encode(const struct store_resource *resource, struct bytes *ret)
{
	unsigned char id[CODEC_ID_SIZE];
	int r;

	if (!resource_is_storable(resource))
		return -EINVAL;
	if ((r = codec_id_parse(resource->id, id)) < 0)
		return r;
	codec_put_u8(ret, ROW_VERSION);
	codec_put_mem(ret, id, sizeof(id));
	codec_put_u8(ret, (uint8_t)resource->type);
	codec_put_u8(ret, resource->allowed ? ROW_ALLOWED : 0);
	codec_put_u64(ret, resource->version);
	codec_put_u64(ret, resource->created_us);
	codec_put_u64(ret, resource->modified_us);
	codec_put_u32(ret, resource->number);
	codec_put_text(ret, resource->connection);
	codec_put_text(ret, resource->posix_name);
	codec_put_text(ret, resource->folded_name);
	codec_put_text(ret, resource->title);
	codec_put_text(ret, resource->emails);
	codec_put_text(ret, resource->external_id);
	codec_put_text(ret, resource->json);
	codec_put_text(ret, resource->password);
	codec_put_text(ret, resource->reason);
	codec_put_text(ret, resource->roles);
	codec_put_text(ret, resource->home);
	return ret->failed ? -ENOMEM : 0;
}

static int row_decode_fixed(struct span *span, struct store_resource *resource)
{
	unsigned char id[CODEC_ID_SIZE];
	uint8_t type, flags;

	if (codec_get_version(span, ROW_VERSION) < 0 || codec_get_mem(span, sizeof(id), id) < 0 ||
	    codec_get_u8(span, &type) < 0 || codec_get_u8(span, &flags) < 0 ||
	    codec_get_u64(span, &resource->version) < 0 ||
	    codec_get_u64(span, &resource->created_us) < 0 ||
	    codec_get_u64(span, &resource->modified_us) < 0 ||
	    codec_get_u32(span, &resource->number) < 0)
		return -EIO;
	if ((type != RESOURCE_USER && type != RESOURCE_GROUP) || (flags & ~ROW_ALLOWED))
		return -EIO;
	codec_id_format(id, resource->id);
	resource->type = type;
	resource->allowed = flags & ROW_ALLOWED;
	return 0;
}

static int row_decode_text(struct span *span, struct store_resource *resource)
{
	int r;

	if ((r = codec_get_text_into(span, resource->connection,
				     sizeof(resource->connection))) < 0 ||
	    (r = codec_get_text_into(span, resource->posix_name,
				     sizeof(resource->posix_name))) < 0 ||
	    (r = codec_get_text(span, &resource->folded_name)) < 0 ||
	    (r = codec_get_text(span, &resource->title)) < 0 ||
	    (r = codec_get_text(span, &resource->emails)) < 0 ||
	    (r = codec_get_text(span, &resource->external_id)) < 0 ||
	    (r = codec_get_text(span, &resource->json)) < 0 ||
	    (r = codec_get_text(span, &resource->password)) < 0 ||
	    (r = codec_get_text(span, &resource->reason)) < 0 ||
	    (r = codec_get_text(span, &resource->roles)) < 0 ||
	    (r = codec_get_text(span, &resource->home)) < 0)
		return r;
	return resource->folded_name && resource->json ? 0 : -EIO;
}

int row_decode(uint64_t order, struct span value, struct row *ret)
{
	_cleanup_(row_done) struct row row = { .order = order, .resource.order = order };
	int r;

	if ((r = row_decode_fixed(&value, &row.resource)) < 0 ||
	    (r = row_decode_text(&value, &row.resource)) < 0 || (r = codec_get_end(&value)) < 0)
		return r;
	*ret = row;
	memset(&row, 0, sizeof(row)); /* handed over */
	return 0;
}
