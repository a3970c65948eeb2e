#include "scimd/model/schema_file.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "scimd/model/json.h"
#include "scimd/model/json_private.h"
#include "shared/conf_file.h"

/* One piece of memory; they are freed together. */
struct block {
	struct block *next;
	max_align_t payload[];
};

struct item {
	const struct schema *schema; /* in blocks; once installed perhaps an older set's */
	const char *text;            /* of the document, in blocks */
};

struct schema_set {
	struct block *blocks;
	struct item *items;
	size_t count;
	const struct schema **list; /* once installed: what is in force */
	struct schema_set *before;  /* once installed: the one that was in force */
};

/* A document being read. */
struct reader {
	struct schema_set *set;
	const char *name; /* for messages */
	struct fault *fault;
};

static pthread_mutex_t install_lock = PTHREAD_MUTEX_INITIALIZER;
static struct schema_set *installed;

static void *set_alloc(struct schema_set *set, size_t size)
{
	struct block *block = calloc(1, sizeof(*block) + size);

	if (!block)
		return NULL;
	block->next = set->blocks;
	set->blocks = block;
	return block->payload;
}

static const char *set_copy(struct schema_set *set, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = set_alloc(set, size);

	return copy ? memcpy(copy, text, size) : NULL;
}

int schema_set_new(struct schema_set **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void schema_set_freep(struct schema_set **set)
{
	int saved = errno;

	if (!*set)
		return;
	for (struct block *block = (*set)->blocks, *next; block; block = next) {
		next = block->next;
		free(block);
	}
	free((*set)->items);
	free((*set)->list);
	free(*set);
	*set = NULL;
	errno = saved;
}

/* --- reading a document ------------------------------------------------------------------------- */

static int _printf_(3, 4)
	bad(const struct reader *reader, const char *where, const char *fmt, ...)
{
	char what[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	return fault_set(reader->fault, 400, "invalidValue", "[schema %s]: %s%s%s", reader->name,
			 where, *where ? " " : "", what);
}

/* Every member of the object is one of these, and comes once. */
static int check_names(const struct reader *reader, const char *where, struct json_object *object,
		       const char *const *names)
{
	json_object_object_foreach(object, key, value) {
		const char *const *name = names;

		(void)value;
		while (*name && strcmp(*name, key) != 0)
			name++;
		if (!*name)
			return bad(reader, where, "has \"%.60s\", which is not known", key);
	}
	return 0;
}

static int read_flag(const struct reader *reader, const char *where, struct json_object *object,
		     const char *name, bool *ret)
{
	struct json_object *value = json_member(object, name);

	if (!value)
		return 0;
	if (!json_object_is_type(value, json_type_boolean))
		return bad(reader, where, "%s must be true or false", name);
	*ret = json_object_get_boolean(value);
	return 0;
}

/* One of the words, as its place among them; the first if there is none. */
static int read_word(const struct reader *reader, const char *where, struct json_object *object,
		     const char *name, const char *const *words, int *ret)
{
	struct json_object *value = json_member(object, name);

	*ret = 0;
	if (!value)
		return 0;
	for (int i = 0; json_object_is_type(value, json_type_string) && words[i]; i++) {
		if (strcasecmp(words[i], json_object_get_string(value)) == 0) {
			*ret = i;
			return 0;
		}
	}
	return bad(reader, where, "%s is none of those of RFC 7643 section 7", name);
}

static int read_text(const struct reader *reader, const char *where, struct json_object *object,
		     const char *name, const char *otherwise, const char **ret)
{
	struct json_object *value = json_member(object, name);

	if (value && !json_object_is_type(value, json_type_string))
		return bad(reader, where, "%s must be a string", name);
	*ret = set_copy(reader->set, value ? json_object_get_string(value) : otherwise);
	return *ret ? 0 : -ENOMEM;
}

static int read_list(const struct reader *reader, const char *where, struct json_object *object,
		     const char *name, const char *const **ret)
{
	struct json_object *value = json_member(object, name);
	const char **list;
	size_t count;

	if (!value)
		return 0;
	if (!json_object_is_type(value, json_type_array))
		return bad(reader, where, "%s must be a list of strings", name);
	count = json_object_array_length(value);
	list = set_alloc(reader->set, (count + 1) * sizeof(*list));
	for (size_t i = 0; list && i < count; i++) {
		struct json_object *item = json_object_array_get_idx(value, i);

		if (!json_object_is_type(item, json_type_string))
			return bad(reader, where, "%s must be a list of strings", name);
		list[i] = set_copy(reader->set, json_object_get_string(item));
		if (!list[i])
			return -ENOMEM;
	}
	*ret = count > 0 ? list : NULL;
	return list ? 0 : -ENOMEM;
}

static bool name_is_valid(const char *name)
{
	if (strcmp(name, "$ref") == 0)
		return true;
	if (!isalpha((unsigned char)*name) || strlen(name) > 100)
		return false;
	for (; *name; name++) {
		if (!isalnum((unsigned char)*name) && *name != '-' && *name != '_')
			return false;
	}
	return true;
}

static int read_attributes(const struct reader *reader, const char *parent,
			   struct json_object *list, const struct schema_attribute **ret);

static int read_characteristics(const struct reader *reader, const char *where,
				struct json_object *object, struct schema_attribute *attribute)
{
	static const char *const mutabilities[] = {
		[SCHEMA_READ_WRITE] = "readWrite",
		[SCHEMA_READ_ONLY] = "readOnly",
		[SCHEMA_WRITE_ONLY] = "writeOnly",
		[SCHEMA_IMMUTABLE] = "immutable",
		NULL,
	};
	static const char *const returned[] = {
		[SCHEMA_DEFAULT] = "default",
		[SCHEMA_ALWAYS] = "always",
		[SCHEMA_NEVER] = "never",
		[SCHEMA_REQUEST] = "request",
		NULL,
	};
	static const char *const uniqueness[] = { "none", "server", "global", NULL };
	int word, r;

	r = read_word(reader, where, object, "mutability", mutabilities, &word);
	if (r < 0)
		return r;
	attribute->mutability = (enum schema_mutability)word;
	r = read_word(reader, where, object, "returned", returned, &word);
	if (r < 0)
		return r;
	attribute->returned = (enum schema_returned)word;
	/* What may only be written is not to be read (RFC 7643 section 7). */
	if (attribute->mutability == SCHEMA_WRITE_ONLY)
		attribute->returned = SCHEMA_NEVER;
	r = read_word(reader, where, object, "uniqueness", uniqueness, &word);
	if (r < 0)
		return r;
	attribute->unique = word > 0;
	attribute->case_exact = attribute->type == SCHEMA_REFERENCE ||
				attribute->type == SCHEMA_BINARY;
	r = read_flag(reader, where, object, "caseExact", &attribute->case_exact);
	if (r >= 0)
		r = read_flag(reader, where, object, "required", &attribute->required);
	if (r >= 0)
		r = read_list(reader, where, object, "canonicalValues",
			      &attribute->canonical_values);
	return r < 0 ? r
		     : read_list(reader, where, object, "referenceTypes",
				 &attribute->reference_types);
}

/* What one part does not let the other be. */
static int check_attribute(const struct reader *reader, const char *where, bool is_sub,
			   const struct schema_attribute *attribute)
{
	bool is_complex = attribute->type == SCHEMA_COMPLEX;

	if (!name_is_valid(attribute->name))
		return bad(reader, where, "has a name that is not an attribute's");
	/* A deactivation sent here would be stored and do nothing. */
	if (!is_sub && strcasecmp(attribute->name, "active") == 0)
		return bad(reader, where, "cannot be called active: that is User's own");
	if (is_sub && (is_complex || attribute->multi_valued))
		return bad(reader, where, "is within another and must be a single simple value");
	if (is_sub && attribute->returned == SCHEMA_NEVER)
		return bad(reader, where, "cannot be writeOnly or never returned by itself");
	if (attribute->unique && (is_sub || is_complex || attribute->multi_valued))
		return bad(reader, where, "can be unique only as a single simple value");
	if (attribute->returned == SCHEMA_NEVER && attribute->unique)
		return bad(reader, where, "cannot be unique without being returned");
	return 0;
}

static int read_attribute(const struct reader *reader, const char *parent,
			  struct json_object *object, struct schema_attribute *attribute)
{
	static const char *const names[] = { "name",	       "type",	     "subAttributes",
					     "multiValued",    "description", "required",
					     "canonicalValues", "caseExact", "mutability",
					     "returned",       "uniqueness",  "referenceTypes",
					     NULL };
	static const char *const types[] = {
		[SCHEMA_STRING] = "string",	  [SCHEMA_BOOLEAN] = "boolean",
		[SCHEMA_INTEGER] = "integer",	  [SCHEMA_DECIMAL] = "decimal",
		[SCHEMA_DATETIME] = "dateTime",	  [SCHEMA_REFERENCE] = "reference",
		[SCHEMA_BINARY] = "binary",	  [SCHEMA_COMPLEX] = "complex",
		NULL,
	};
	struct json_object *subs = json_member(object, "subAttributes");
	char where[256];
	int type, r;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_is_type(json_member(object, "name"), json_type_string))
		return bad(reader, parent, "must have attributes that are objects with a name");
	(void)snprintf(where, sizeof(where), "%s%s%.100s", parent, *parent ? "." : "",
		       json_object_get_string(json_member(object, "name")));
	r = check_names(reader, where, object, names);
	if (r >= 0)
		r = read_text(reader, where, object, "name", "", &attribute->name);
	if (r >= 0)
		r = read_text(reader, where, object, "description", attribute->name,
			      &attribute->description);
	if (r >= 0)
		r = read_word(reader, where, object, "type", types, &type);
	if (r < 0)
		return r;
	attribute->type = (enum schema_type)type;
	r = read_flag(reader, where, object, "multiValued", &attribute->multi_valued);
	if (r >= 0)
		r = read_characteristics(reader, where, object, attribute);
	if (r >= 0)
		r = check_attribute(reader, where, *parent, attribute);
	if (r < 0)
		return r;
	if ((type == SCHEMA_COMPLEX) != (subs != NULL) ||
	    (subs && !json_object_is_type(subs, json_type_array)))
		return bad(reader, where, "must have subAttributes if it is complex, and only then");
	return subs ? read_attributes(reader, where, subs, &attribute->sub) : 0;
}

static int read_attributes(const struct reader *reader, const char *parent,
			   struct json_object *list, const struct schema_attribute **ret)
{
	size_t count = json_object_array_length(list);
	struct schema_attribute *attributes;

	if (count == 0 || count > SCHEMA_ATTRIBUTES_MAX)
		return bad(reader, parent, "must have 1 to %u attributes", SCHEMA_ATTRIBUTES_MAX);
	attributes = set_alloc(reader->set, (count + 1) * sizeof(*attributes));
	if (!attributes)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct schema_attribute attribute = { .name = NULL };
		int r = read_attribute(reader, parent, json_object_array_get_idx(list, i),
				       &attribute);

		if (r < 0)
			return r;
		if (schema_attribute_find(attributes, attribute.name, strlen(attribute.name)))
			return bad(reader, parent, "has \"%.60s\" twice", attribute.name);
		attributes[i] = attribute;
	}
	*ret = attributes;
	return 0;
}

static bool hides(const struct schema_attribute *list)
{
	for (; list && list->name; list++) {
		if (list->returned == SCHEMA_REQUEST || list->returned == SCHEMA_NEVER ||
		    hides(list->sub))
			return true;
	}
	return false;
}

/* A URN of harmless characters that is nobody else's. */
static int check_urn(const struct reader *reader, const char *urn)
{
	size_t len = strlen(urn), plain;

	plain = strspn(urn, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:._-+");
	if (strncasecmp(urn, "urn:", 4) != 0 || len < 7 || len > SCHEMA_URN_MAX || plain != len ||
	    !isalnum((unsigned char)urn[len - 1]))
		return bad(reader, "", "id must be a URN of letters, digits, ':', '.', '_', '-' "
				       "and '+', such as urn:example:params:scim:User");
	if (strncasecmp(urn, "urn:ietf:params:scim:api:", 25) == 0)
		return bad(reader, "", "id is that of a message, not of a schema");
	for (size_t i = 0; i < SCHEMA_BUILT_IN; i++) {
		const struct schema *schema = schema_all()[i];

		if (strcasecmp(schema->urn, urn) == 0 ||
		    (schema->alias_urn && strcasecmp(schema->alias_urn, urn) == 0))
			return bad(reader, "", "id is that of a schema which is always there");
	}
	for (size_t i = 0; i < reader->set->count; i++) {
		if (strcasecmp(reader->set->items[i].schema->urn, urn) == 0)
			return bad(reader, "", "id is that of another [schema]");
	}
	return 0;
}

static int read_document(const struct reader *reader, struct json_object *document,
			 struct schema *schema)
{
	static const char *const names[] = { "schemas", "id",	"name", "description",
					     "attributes", "meta", NULL };
	struct json_object *list = json_member(document, "attributes");
	int r;

	if (!json_object_is_type(document, json_type_object))
		return bad(reader, "", "the document must be an object");
	r = check_names(reader, "the document", document, names);
	if (r >= 0)
		r = read_text(reader, "", document, "id", "", &schema->urn);
	if (r >= 0)
		r = check_urn(reader, schema->urn);
	if (r >= 0)
		r = read_text(reader, "", document, "name", reader->name, &schema->name);
	if (r >= 0)
		r = read_text(reader, "", document, "description", schema->name,
			      &schema->description);
	if (r < 0)
		return r;
	if (!json_object_is_type(list, json_type_array))
		return bad(reader, "", "attributes must be a list");
	r = read_attributes(reader, "", list, &schema->attributes);
	schema->hides = r == 0 && hides(schema->attributes);
	return r;
}

int schema_set_add(struct schema_set *set, const char *name, enum resource_type resource,
		   const char *text, size_t len, struct fault *fault)
{
	const struct reader reader = { .set = set, .name = name, .fault = fault };
	_cleanup_(json_putp) struct json_object *document = NULL;
	struct schema *schema = set_alloc(set, sizeof(*schema));
	char *copy = set_alloc(set, len + 1);
	struct fault why;
	struct item *grown;
	int r;

	if (!schema || !copy)
		return -ENOMEM;
	memcpy(copy, text, len);
	r = json_parse(text, len, &document, &why);
	if (r == -EPROTO)
		return bad(&reader, "", "%s", why.detail);
	if (r < 0)
		return r;
	schema->resource = resource;
	r = read_document(&reader, document, schema);
	if (r < 0)
		return r;
	grown = reallocarray(set->items, set->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	set->items = grown;
	set->items[set->count++] = (struct item){ .schema = schema, .text = copy };
	return 0;
}

/* --- files ------------------------------------------------------------------------------------ */

static int file_add(struct schema_set *set, const struct conf_schema *conf, struct fault *fault)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r = conf_file_read(conf->file, SCHEMA_FILE_BYTES_MAX, &text, &size);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return fault_set(fault, 400, "invalidValue", "[schema %s]: %s: %s", conf->name,
				 conf->file, strerrordesc_np(-r));
	return schema_set_add(set, conf->name,
			      conf->resource == CONF_RESOURCE_GROUP ? RESOURCE_GROUP
								     : RESOURCE_USER,
			      text, size, fault);
}

int schema_set_load(const struct conf *conf, struct schema_set **ret, struct fault *fault)
{
	_cleanup_(schema_set_freep) struct schema_set *set = NULL;
	int r = schema_set_new(&set);

	for (size_t i = 0; r >= 0 && i < conf->schema_count; i++)
		r = file_add(set, &conf->schemas[i], fault);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(set);
	return 0;
}

/* --- putting in force ------------------------------------------------------------------------- */

/* The same schema in a set that was installed before, if its document has not changed. */
static const struct schema *item_known(const struct item *item)
{
	for (const struct schema_set *set = installed; set; set = set->before) {
		for (size_t i = 0; i < set->count; i++) {
			const struct item *known = &set->items[i];

			if (known->schema->resource == item->schema->resource &&
			    strcmp(known->text, item->text) == 0)
				return known->schema;
		}
	}
	return NULL;
}

static bool lists_equal(const struct schema *const *a, const struct schema *const *b)
{
	for (; *a && *a == *b; a++)
		b++;
	return *a == *b;
}

static int install(struct schema_set **set)
{
	struct schema_set *new = *set;
	const struct schema **list = calloc(SCHEMA_BUILT_IN + new->count + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	new->list = list;
	memcpy(list, schema_all(), SCHEMA_BUILT_IN * sizeof(*list));
	for (size_t i = 0; i < new->count; i++) {
		const struct schema *known = item_known(&new->items[i]);

		if (known)
			new->items[i].schema = known;
		list[SCHEMA_BUILT_IN + i] = new->items[i].schema;
	}
	if (lists_equal(list, schema_all())) {
		schema_set_freep(set);
		return 0;
	}
	new->before = installed;
	installed = TAKE_PTR(*set);
	schema_use(list);
	return 0;
}

int schema_set_install(struct schema_set **set)
{
	int r;

	(void)pthread_mutex_lock(&install_lock);
	r = install(set);
	(void)pthread_mutex_unlock(&install_lock);
	return r;
}
