#include "scimd/model/schema.h"

#include "tests/unit/model/model.h"

#define BASE "https://h.example/scim/v2"

static void test_find(void)
{
	static const char alias[] = "URN:ietf:params:scim:schemas:oracle:idcs:extension:posix:user";
	const struct schema *user = schema_core(RESOURCE_USER);
	const struct schema *posix = schema_find(alias, strlen(alias));

	T_STR(user->urn, URN_USER);
	T_STR(schema_core(RESOURCE_GROUP)->urn, URN_GROUP);
	T_FATAL(posix != NULL);
	T_STR(posix->urn, URN_POSIX_USER);
	T_TRUE(schema_find(URN_USER, strlen(URN_USER) - 1) == NULL);
	T_STR(schema_attribute_find(user->attributes, "USERNAMEx", 8)->name, "userName");
	T_TRUE(schema_attribute_find(user->attributes, "userNam", 7) == NULL);
	T_STR(schema_attribute_find(posix->attributes, "sshkeys", 7)->name, "sshPublicKeys");
	T_TRUE(schema_attribute_find(user->attributes, "sshKeys", 7) == NULL);
}

/* The characteristics of RFC 7643 section 8.7.1 that something hangs on. */
static void test_characteristics(void)
{
	static const struct {
		const char *urn, *attribute, *sub, *wanted;
	} cases[] = {
		{ URN_USER, "userName", NULL,
		  "{'type':'string','multiValued':false,'required':true,'caseExact':false,"
		  "'mutability':'readWrite','returned':'default','uniqueness':'server'}" },
		{ URN_USER, "password", NULL,
		  "{'mutability':'writeOnly','returned':'never','uniqueness':'none'}" },
		{ URN_USER, "active", NULL, "{'type':'boolean','required':false}" },
		{ URN_USER, "emails", NULL, "{'type':'complex','multiValued':true}" },
		{ URN_USER, "emails", "type",
		  "{'type':'string','canonicalValues':['work','home','other']}" },
		{ URN_USER, "emails", "primary", "{'type':'boolean'}" },
		{ URN_USER, "groups", NULL, "{'mutability':'readOnly','multiValued':true}" },
		{ URN_USER, "groups", "$ref",
		  "{'type':'reference','referenceTypes':['Group'],'caseExact':true}" },
		{ URN_USER, "x509Certificates", "value", "{'type':'binary','caseExact':true}" },
		{ URN_USER, "profileUrl", NULL, "{'type':'reference','referenceTypes':['external']}" },
		{ URN_ENTERPRISE, "manager", "displayName", "{'mutability':'readOnly'}" },
		{ URN_ENTERPRISE, "manager", "value", "{'caseExact':true}" },
		{ URN_POSIX_USER, "sshPublicKeys", NULL, "{'type':'string','multiValued':true}" },
		{ URN_POSIX_USER, "uidNumber", NULL, "{'type':'integer'}" },
		{ URN_GROUP, "displayName", NULL, "{'required':true,'uniqueness':'none'}" },
		{ URN_GROUP, "members", "value", "{'mutability':'immutable'}" },
		{ URN_POSIX_GROUP, "gidNumber", NULL, "{'type':'integer'}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(json_putp) struct json_object *document =
			schema_documents(BASE, cases[i].urn);
		_cleanup_(json_putp) struct json_object *wanted = object_of(cases[i].wanted);
		const char *names[] = { cases[i].attribute, cases[i].sub };
		struct json_object *here = NULL, *list = json_get(document, "attributes");

		for (size_t n = 0; n < 2 && names[n]; n++) {
			here = NULL;
			for (size_t a = 0; a < json_object_array_length(list); a++) {
				struct json_object *item = json_object_array_get_idx(list, a);

				if (strcmp(json_get_string(item, "name"), names[n]) == 0)
					here = item;
			}
			T_FATAL(here != NULL);
			list = json_get(here, "subAttributes");
		}
		json_object_object_foreach(wanted, key, value) {
			int same = json_object_equal(json_get(here, key), value);

			if (!same)
				fprintf(stderr, "%s %s\n", cases[i].attribute, key);
			T_TRUE(same);
		}
	}
}

static size_t count_attributes(const struct schema_attribute *list)
{
	size_t count = 0;

	for (; list && list->name; list++) {
		T_TRUE(list->description != NULL && *list->description);
		T_TRUE((list->type == SCHEMA_COMPLEX) == (list->sub != NULL));
		count += 1 + count_attributes(list->sub);
	}
	return count;
}

static void test_complete(void)
{
	static const size_t wanted[] = { 67, 9, 6, 6, 1 };

	for (size_t i = 0; schema_all()[i]; i++) {
		T_FATAL(i < ARRAY_SIZE(wanted));
		T_INT(count_attributes(schema_all()[i]->attributes), wanted[i]);
	}
	T_INT(count_attributes(schema_common), 9);
}

static void test_documents(void)
{
	_cleanup_(json_putp) struct json_object *list = schema_documents(BASE, NULL);
	_cleanup_(json_putp) struct json_object *one = schema_documents(BASE, URN_POSIX_GROUP);

	T_INT(json_object_get_int(json_get(list, "totalResults")), 8);
	T_INT(json_object_array_length(json_get(list, "Resources")), 8);
	T_STR(json_get_string(one, "id"), URN_POSIX_GROUP);
	T_STR(json_get_string(json_get(one, "meta"), "location"),
	      BASE "/Schemas/" URN_POSIX_GROUP);
	T_TRUE(is_json(json_get(one, "schemas"),
		       "['urn:ietf:params:scim:schemas:core:2.0:Schema']"));
	errno = 0;
	T_TRUE(schema_documents(BASE, "urn:x") == NULL);
	T_INT(errno, ENOENT);
}

static bool is_of_type(struct json_object *value, enum schema_type type)
{
	switch (type) {
	case SCHEMA_BOOLEAN:
		return json_object_is_type(value, json_type_boolean);
	case SCHEMA_INTEGER:
		return json_object_is_type(value, json_type_int);
	case SCHEMA_COMPLEX:
		return json_object_is_type(value, json_type_object);
	default:
		return json_object_is_type(value, json_type_string);
	}
}

/* That an object has what list requires, and nothing that it lacks. */
static void check_conforms(struct json_object *object, const struct schema_attribute *list)
{
	for (const struct schema_attribute *a = list; a->name; a++)
		T_TRUE(!a->required || json_get(object, a->name) != NULL);
	json_object_object_foreach(object, key, value) {
		const struct schema_attribute *a = schema_attribute_find(list, key, strlen(key));
		size_t count = 1;

		if (strcmp(key, "schemas") == 0 || strcmp(key, "meta") == 0)
			continue;
		if (!a) { /* the schema of schemas is one level deeper than it says */
			T_STR(key, "subAttributes");
			continue;
		}
		T_TRUE(json_object_is_type(value, json_type_array) == a->multi_valued);
		if (a->multi_valued)
			count = json_object_array_length(value);
		for (size_t i = 0; i < count; i++) {
			struct json_object *one =
				a->multi_valued ? json_object_array_get_idx(value, i) : value;

			T_TRUE(is_of_type(one, a->type));
			if (a->type == SCHEMA_COMPLEX)
				check_conforms(one, a->sub);
		}
	}
}

static void check_all_conform(struct json_object *list, const struct schema_attribute *attributes)
{
	struct json_object *resources = json_get(list, "Resources");

	for (size_t i = 0; i < json_object_array_length(resources); i++)
		check_conforms(json_object_array_get_idx(resources, i), attributes);
}

/* What discovery answers with obeys the schemas that it shows of it. */
static void test_discovery_conforms(void)
{
	const struct schema_limits limits = { .bulk_operations = 1, .bulk_bytes = 2 };
	_cleanup_(json_putp) struct json_object *config = schema_provider_config(BASE, &limits);
	_cleanup_(json_putp) struct json_object *types = schema_resource_types(BASE, NULL);
	_cleanup_(json_putp) struct json_object *schemas = schema_documents(BASE, NULL);

	T_STR(schema_service[0].urn, SCHEMA_URN_PROVIDER_CONFIG);
	check_conforms(config, schema_service[0].attributes);
	check_all_conform(types, schema_service[1].attributes);
	check_all_conform(schemas, schema_service[2].attributes);
	for (size_t i = 0; i < SCHEMA_SERVICE; i++) {
		_cleanup_(json_putp) struct json_object *one =
			schema_documents(BASE, schema_service[i].urn);

		T_STR(json_get_string(one, "id"), schema_service[i].urn);
		T_TRUE(schema_find(schema_service[i].urn, strlen(schema_service[i].urn)) == NULL);
	}
}

static void test_resource_types(void)
{
	_cleanup_(json_putp) struct json_object *list = schema_resource_types(BASE, NULL);
	_cleanup_(json_putp) struct json_object *group = schema_resource_types(BASE, "Group");

	T_INT(json_object_get_int(json_get(list, "totalResults")), 2);
	json_object_object_del(group, "description");
	T_TRUE(is_json(group, "{'schemas':['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],"
			      "'id':'Group','name':'Group','endpoint':'/Groups',"
			      "'schema':'" URN_GROUP "','schemaExtensions':["
			      "{'schema':'" URN_POSIX_GROUP "','required':false}],"
			      "'meta':{'resourceType':'ResourceType',"
			      "'location':'" BASE "/ResourceTypes/Group'}}"));
	errno = 0;
	T_TRUE(schema_resource_types(BASE, "Device") == NULL);
	T_INT(errno, ENOENT);
}

static void test_provider_config(void)
{
	static const struct schema_limits limits = {
		.page_default = 50, .page_max = 200, .cursor_timeout_s = 600,
		.bulk_operations = 7, .bulk_bytes = 4096, .change_password = true,
	};
	_cleanup_(json_putp) struct json_object *config = schema_provider_config(BASE, &limits);
	struct json_object *schemes = json_get(config, "authenticationSchemes");

	T_INT(json_object_array_length(schemes), 1);
	T_STR(json_get_string(json_object_array_get_idx(schemes, 0), "type"), "oauthbearertoken");
	json_object_object_del(config, "authenticationSchemes");
	T_TRUE(is_json(config,
		       "{'schemas':['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],"
		       "'meta':{'resourceType':'ServiceProviderConfig',"
		       "'location':'" BASE "/ServiceProviderConfig'},"
		       "'patch':{'supported':true},"
		       "'bulk':{'supported':true,'maxOperations':7,'maxPayloadSize':4096},"
		       "'filter':{'supported':true,'maxResults':200},"
		       "'changePassword':{'supported':true},'sort':{'supported':true},"
		       "'etag':{'supported':true},'pagination':{'cursor':true,'index':true,"
		       "'defaultPaginationMethod':'index','defaultPageSize':50,"
		       "'maxPageSize':200,'cursorTimeout':600}}"));
}

T_MAIN("schema", T(test_find), T(test_characteristics), T(test_complete), T(test_documents),
       T(test_resource_types), T(test_provider_config), T(test_discovery_conforms))
