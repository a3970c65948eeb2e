/* References of the form bulkId:NAME, in values and in the filters of paths. Ids are given to all
 * that will be made before anything is, so that a reference can be resolved whether the other
 * resource comes earlier, later or, in a circle, both. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scimd/service/bulk.h"

static const char prefix[] = "bulkId:";

/* The operation that makes what a name of len bytes stands for. */
static struct bulk_operation *operation_find(const struct bulk *bulk, const char *name, size_t len)
{
	for (size_t i = 0; i < bulk->count; i++) {
		struct bulk_operation *operation = &bulk->operations[i];

		if (operation->id[0] && strncmp(operation->bulk_id, name, len) == 0 &&
		    operation->bulk_id[len] == '\0')
			return operation;
	}
	return NULL;
}

/* The next reference in text, and where it ends. A name goes up to a quote, a slash or the end. */
static const char *reference_next(const char *text, size_t *ret_len)
{
	const char *found = strstr(text, prefix);

	if (found)
		*ret_len = strcspn(found + strlen(prefix), "\"/") + strlen(prefix);
	return found;
}

typedef int (*text_fn)(struct json_object *text, void *context);

/* Every string below value; how deep that is the parser has bounded. */
static int texts_each(struct json_object *value, text_fn each, void *context)
{
	int r = 0;

	if (json_object_is_type(value, json_type_string))
		return each(value, context);
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; r == 0 && i < json_object_array_length(value); i++)
			r = texts_each(json_object_array_get_idx(value, i), each, context);
	} else if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, key, member) {
			(void)key;
			r = texts_each(member, each, context);
			if (r < 0)
				return r;
		}
	}
	return r;
}

struct visit {
	struct bulk *bulk;
	struct bulk_operation *operation;
	struct fault *fault;
};

static int reference_add(struct visit *visit, const struct bulk_operation *other)
{
	struct bulk_operation *operation = visit->operation;
	size_t *grown;

	grown = reallocarray(operation->references, operation->reference_count + 1,
			     sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	operation->references = grown;
	grown[operation->reference_count++] = (size_t)(other - visit->bulk->operations);
	return 0;
}

static int references_collect(struct visit *visit, const char *text)
{
	size_t len;

	while ((text = reference_next(text, &len))) {
		const struct bulk_operation *other = operation_find(
			visit->bulk, text + strlen(prefix), len - strlen(prefix));
		int r = other ? reference_add(visit, other) : 0;

		if (r < 0)
			return r;
		text += len;
	}
	return 0;
}

static int text_collect(struct json_object *text, void *context)
{
	return references_collect(context, json_object_get_string(text));
}

int bulk_find_references(struct bulk *bulk, struct bulk_operation *operation)
{
	struct visit visit = { .bulk = bulk, .operation = operation };
	int r;

	r = texts_each(operation->data, text_collect, &visit);
	return r < 0 || !operation->path ? r : references_collect(&visit, operation->path);
}

/* The id that a reference stands for; NULL with a fault if it stands for none. */
static const char *reference_id(const struct visit *visit, const char *name, size_t len)
{
	const struct bulk_operation *other = operation_find(visit->bulk, name, len);
	int shown = len > 100 ? 100 : (int)len;

	if (!other)
		fault_set(visit->fault, 400, "invalidValue",
			  "no operation of this request creates bulkId \"%.*s\"", shown, name);
	else if (other->state == BULK_DONE && other->error)
		fault_set(visit->fault, 409, NULL,
			  "the operation with bulkId \"%.*s\" failed, and this one needs it",
			  shown, name);
	else
		return other->id;
	return NULL;
}

/* Owned in *ret. */
static int text_resolve(const struct visit *visit, const char *text, char **ret)
{
	_cleanup_free_ char *out = NULL;
	const char *found;
	size_t size, len;
	FILE *stream = open_memstream(&out, &size);

	if (!stream)
		return -ENOMEM;
	while ((found = reference_next(text, &len))) {
		const char *id = reference_id(visit, found + strlen(prefix), len - strlen(prefix));

		if (!id) {
			fclose(stream);
			return -EPROTO;
		}
		fprintf(stream, "%.*s%s", (int)(found - text), text, id);
		text = found + len;
	}
	fputs(text, stream);
	if (fclose(stream) != 0)
		return -ENOMEM;
	*ret = TAKE_PTR(out);
	return 0;
}

/* Only what begins with the prefix must be a reference; elsewhere it may be part of a text. */
static bool is_reference(const struct visit *visit, const char *text)
{
	size_t len;
	const char *found = reference_next(text, &len);

	if (!found)
		return false;
	return found == text ||
	       operation_find(visit->bulk, found + strlen(prefix), len - strlen(prefix));
}

static int text_replace(struct json_object *text, void *context)
{
	const struct visit *visit = context;
	_cleanup_free_ char *resolved = NULL;
	int r;

	if (!is_reference(visit, json_object_get_string(text)))
		return 0;
	r = text_resolve(visit, json_object_get_string(text), &resolved);
	if (r < 0)
		return r;
	return json_object_set_string(text, resolved) ? 0 : -ENOMEM;
}

int bulk_resolve(struct bulk *bulk, struct bulk_operation *operation, char **ret_path,
		 struct fault *fault)
{
	struct visit visit = { .bulk = bulk, .operation = operation, .fault = fault };
	int r;

	r = texts_each(operation->data, text_replace, &visit);
	return r < 0 ? r : text_resolve(&visit, operation->path, ret_path);
}
