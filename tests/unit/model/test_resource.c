#include "scimd/model/resource.h"

#include "tests/unit/model/model.h"

#define E "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
#define P "urn:ietf:params:scim:schemas:extension:posix:2.0:User"
#define ORACLE "urn:ietf:params:scim:schemas:oracle:idcs:extension:posix:User"
#define CORE "urn:ietf:params:scim:schemas:core:2.0:User"

static void test_create(void)
{
	static const struct {
		const char *body, *wanted;
	} cases[] = {
		{ "{'userName':'a'}", "{'userName':'a','active':true}" },
		{ "{'USERNAME':'a','Active':'False'}", "{'userName':'a','active':false}" },
		/* what Okta sends */
		{ "{'schemas':['" CORE "'],'userName':'a','name':{'givenName':'A','middleName':'',"
		  "'familyName':null},'emails':[{'primary':true,'value':'a@b','type':'work'}],"
		  "'locale':'en','externalId':'00u','groups':[],'active':true}",
		  "{'userName':'a','name':{'givenName':'A','middleName':''},"
		  "'emails':[{'primary':true,'value':'a@b','type':'work'}],'locale':'en',"
		  "'externalId':'00u','active':true}" },
		/* what Entra ID sends */
		{ "{'schemas':['" CORE "','urn:ietf:params:scim:schemas:extension:enterprise:2.0User'],"
		  "'externalId':'x','userName':'a','active':'True','meta':{'resourceType':'User'},"
		  "'roles':[],'addresses':null,'title':null,"
		  "'emails':[{'Primary':'True','type':'work','value':'a@b','display':null}]}",
		  "{'externalId':'x','userName':'a','active':true,"
		  "'emails':[{'primary':true,'type':'work','value':'a@b'}]}" },
		/* readOnly and unknown attributes */
		{ "{'id':'i','meta':{'version':'1'},'schemas':'x','groups':[{'value':'g'}],"
		  "'userName':'a','colour':'red','urn:x:y':{'a':1},'emails':[{'colour':1}],"
		  "'" E "':{'manager':{'displayName':'M'}}}",
		  "{'userName':'a','active':true}" },
		/* one value where a list is meant, strings where objects are meant */
		{ "{'userName':'a','emails':{'value':'a@b'},'roles':'admin','phoneNumbers':['1','2']}",
		  "{'userName':'a','active':true,'emails':[{'value':'a@b'}],"
		  "'roles':[{'value':'admin'}],'phoneNumbers':[{'value':'1'},{'value':'2'}]}" },
		/* extensions */
		{ "{'userName':'a','" E "':{'Department':'d','manager':'m','division':null}}",
		  "{'userName':'a','active':true,'" E "':{'department':'d','manager':{'value':'m'}}}" },
		{ "{'userName':'a','" E "':{'manager':[{'$ref':null,'value':'m'}]}}",
		  "{'userName':'a','active':true,'" E "':{'manager':{'value':'m'}}}" },
		{ "{'userName':'a','" E "':{}}", "{'userName':'a','active':true}" },
		{ "{'userName':'a','" E "':null}", "{'userName':'a','active':true}" },
		{ "{'userName':'a','" ORACLE "':{'uidNumber':'70000','gidNumber':70001}}",
		  "{'userName':'a','active':true,'" P "':{'uidNumber':70000,'gidNumber':70001}}" },
		{ "{'userName':'a','" P "':{'sshPublicKey':'k1'}}",
		  "{'userName':'a','active':true,'" P "':{'sshPublicKeys':['k1']}}" },
		{ "{'userName':'a','" P "':{'sshKeys':['k1',{'value':'k2','display':'x'}]}}",
		  "{'userName':'a','active':true,'" P "':{'sshPublicKeys':['k1','k2']}}" },
		/* names in one piece */
		{ "{'userName':'a','name.givenName':'G','" E ":department':'d','" CORE ":title':'t'}",
		  "{'userName':'a','active':true,'name':{'givenName':'G'},'title':'t',"
		  "'" E "':{'department':'d'}}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(json_putp) struct json_object *body = object_of(cases[i].body);
		_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
		struct fault fault = { .detail = "" };
		int r = resource_create(RESOURCE_USER, NULL, body, &edit, &fault);

		if (r < 0)
			fprintf(stderr, "%s: %s\n", cases[i].body, fault.detail);
		T_OK(r);
		T_TRUE(is_json(edit.resource, cases[i].wanted));
		T_TRUE(edit.changed);
		T_TRUE(edit.password == NULL);
	}
}

static void test_create_refused(void)
{
	static const struct {
		enum resource_type type;
		const char *body, *scim_type, *why;
	} cases[] = {
		{ RESOURCE_USER, "[]", "invalidSyntax", "object" },
		{ RESOURCE_USER, "null", "invalidSyntax", "object" },
		{ RESOURCE_USER, "{}", "invalidValue", "userName" },
		{ RESOURCE_USER, "{'userName':''}", "invalidValue", "userName" },
		{ RESOURCE_USER, "{'userName':null}", "invalidValue", "userName" },
		{ RESOURCE_USER, "{'userName':5}", "invalidValue", "userName" },
		{ RESOURCE_USER, "{'userName':['a']}", "invalidValue", "userName" },
		{ RESOURCE_USER, "{'userName':'a','schemas':5}", "invalidSyntax", "schemas" },
		{ RESOURCE_USER, "{'userName':'a','schemas':[5]}", "invalidSyntax", "schemas" },
		{ RESOURCE_USER, "{'userName':'a','active':'no'}", "invalidValue", "active" },
		{ RESOURCE_USER, "{'userName':'a','active':0}", "invalidValue", "active" },
		{ RESOURCE_USER, "{'userName':'a','active':{'value':false}}", "invalidValue", "active" },
		{ RESOURCE_USER, "{'userName':'a','active':[false]}", "invalidValue", "active" },
		{ RESOURCE_USER, "{'userName':'a','active':true,'Active':false}", "invalidValue", "twice" },
		{ RESOURCE_USER, "{'userName':'a','active':true,'" CORE ":active':false}", "invalidValue",
		  "twice" },
		{ RESOURCE_USER, "{'userName':'a','active':true,'" CORE "':{'active':false}}",
		  "invalidValue", "twice" },
		{ RESOURCE_USER, "{'userName':'a','urn:x:User:active':false}", "invalidValue", "active" },
		{ RESOURCE_USER, "{'userName':'a','urn:x:User':{'active':false}}", "invalidValue",
		  "active" },
		{ RESOURCE_USER, "{'userName':'a','name':'A B'}", "invalidValue", "name" },
		{ RESOURCE_USER, "{'userName':'a','name':{'givenName':{'a':1}}}", "invalidValue",
		  "name.givenName" },
		{ RESOURCE_USER, "{'userName':'a','emails':[5]}", "invalidValue", "emails" },
		{ RESOURCE_USER, "{'userName':'a','emails':[[{'value':'x'}]]}", "invalidValue",
		  "emails" },
		{ RESOURCE_USER, "{'userName':'a','emails':[{'value':'x','Value':'y'}]}", "invalidValue",
		  "twice" },
		{ RESOURCE_USER, "{'userName':'a','emails':[{'value':'x','primary':true},"
		  "{'value':'y','primary':'true'}]}", "invalidValue", "primary" },
		{ RESOURCE_USER, "{'userName':'a','emails':[{'value':'x','primary':'maybe'}]}",
		  "invalidValue", "emails.primary" },
		{ RESOURCE_USER, "{'userName':'a','x509Certificates':[{'value':'%'}]}", "invalidValue",
		  "x509Certificates.value" },
		{ RESOURCE_USER, "{'userName':'a','password':5}", "invalidValue", "password" },
		{ RESOURCE_USER, "{'userName':'a','" P "':{'uidNumber':'7e4'}}", "invalidValue",
		  "uidNumber" },
		{ RESOURCE_USER, "{'userName':'a','" P "':{'uidNumber':-1}}", "invalidValue",
		  "uidNumber" },
		{ RESOURCE_USER, "{'userName':'a','" P "':{'uidNumber':4294967296}}", "invalidValue",
		  "uidNumber" },
		{ RESOURCE_USER, "{'userName':'a','" P "':{'uidNumber':70000.5}}", "invalidValue",
		  "uidNumber" },
		{ RESOURCE_USER, "{'userName':'a','" P "':{'sshPublicKeys':[{'key':'x'}]}}",
		  "invalidValue", "sshPublicKeys" },
		{ RESOURCE_USER, "{'userName':'a','" P "':5}", "invalidValue", "object" },
		{ RESOURCE_GROUP, "{'members':[]}", "invalidValue", "displayName" },
		{ RESOURCE_GROUP, "{'displayName':'g','members':[{'display':'x'}]}", "invalidValue",
		  "members" },
		{ RESOURCE_GROUP, "{'displayName':'g','members':[{'value':'x','type':'Group'}]}",
		  "invalidValue", "nested" },
		{ RESOURCE_GROUP, "{'displayName':'g','members':[5]}", "invalidValue", "members" },
		{ RESOURCE_GROUP, "{'displayName':'g','members':[null]}", "invalidValue", "members" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(json_putp) struct json_object *body = object_of(cases[i].body);
		struct resource_edit edit = { .member_count = 77 };
		struct fault fault = { .status = 0 };
		int r = resource_create(cases[i].type, NULL, body, &edit, &fault);

		if (r != -EPROTO || !strstr(fault.detail, cases[i].why))
			fprintf(stderr, "%s: %d %s\n", cases[i].body, r, fault.detail);
		T_INT(r, -EPROTO);
		T_INT(fault.status, 400);
		T_STR(fault.scim_type, cases[i].scim_type);
		T_TRUE(strstr(fault.detail, cases[i].why) != NULL);
		T_INT(edit.member_count, 77);
	}
}

/* A string of len bytes as the named attribute. */
static int create_with(const char *name, size_t len)
{
	_cleanup_(json_putp) struct json_object *body = object_of("{'userName':'a'}");
	_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
	_cleanup_free_ char *text = malloc(len);
	struct fault fault;

	memset(text, 'a', len);
	json_object_object_add(body, name, json_object_new_string_len(text, (int)len));
	return resource_create(RESOURCE_USER, NULL, body, &edit, &fault);
}

static void test_bounds(void)
{
	_cleanup_(json_putp) struct json_object *body = object_of("{'userName':'a','roles':[]}");
	_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
	struct fault fault;

	T_OK(create_with("title", 8192));
	T_INT(create_with("title", 8193), -EPROTO);
	T_OK(create_with(P ":sshPublicKeys", 16384));
	T_INT(create_with(P ":sshPublicKeys", 16385), -EPROTO);
	for (size_t i = 0; i < 1001; i++)
		json_object_array_add(json_get(body, "roles"), json_object_new_string("r"));
	T_INT(resource_create(RESOURCE_USER, NULL, body, &edit, &fault), -EPROTO);
	T_TRUE(strstr(fault.detail, "roles") != NULL);
}

static void test_password(void)
{
	static const struct {
		const char *body, *password;
	} cases[] = {
		{ "{'userName':'a','password':'s3cret'}", "s3cret" },
		{ "{'userName':'a','password':''}", NULL },
		{ "{'userName':'a','password':null}", NULL },
		{ "{'userName':'a'}", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(json_putp) struct json_object *body = object_of(cases[i].body);
		_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
		struct fault fault;

		T_OK(resource_create(RESOURCE_USER, NULL, body, &edit, &fault));
		T_STR(edit.password, cases[i].password);
		T_TRUE(is_json(edit.resource, "{'userName':'a','active':true}"));
	}
}

static void test_replace(void)
{
	static const struct {
		const char *current, *body, *wanted;
		bool changed;
	} cases[] = {
		{ "{'userName':'a','active':false,'title':'t'}", "{'userName':'a'}",
		  "{'userName':'a','active':false}", true },
		{ "{'userName':'a','active':false}", "{'userName':'a','active':null}",
		  "{'userName':'a','active':false}", false },
		{ "{'userName':'a','active':true}", "{'userName':'a','active':'False'}",
		  "{'userName':'a','active':false}", true },
		{ "{'userName':'a','active':true}", "{'userName':'a','" CORE ":active':false}",
		  "{'userName':'a','active':false}", true },
		/* the echo of a GET changes nothing */
		{ "{'userName':'a','active':true,'emails':[{'value':'x'}]}",
		  "{'schemas':['" CORE "'],'id':'1','meta':{'version':'2'},'groups':[{'value':'g'}],"
		  "'emails':[{'value':'x'}],'active':true,'userName':'a'}",
		  "{'userName':'a','active':true,'emails':[{'value':'x'}]}", false },
		{ "{'userName':'a','active':true,'" E "':{'department':'d'}}", "{'userName':'b'}",
		  "{'userName':'b','active':true}", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(json_putp) struct json_object *current = object_of(cases[i].current);
		_cleanup_(json_putp) struct json_object *body = object_of(cases[i].body);
		_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
		struct fault fault = { .detail = "" };

		T_OK(resource_replace(RESOURCE_USER, NULL, current, body, &edit, &fault));
		T_TRUE(is_json(edit.resource, cases[i].wanted));
		T_INT(edit.changed, cases[i].changed);
		T_TRUE(is_json(current, cases[i].current));
	}
}

static void test_replace_refused(void)
{
	static const char *const cases[] = {
		"{}", "{'userName':null}", "{'active':false}", "{'userName':'a','active':'off'}",
		"{'userName':'a','active':0}", "5",
	};
	_cleanup_(json_putp) struct json_object *current =
		object_of("{'userName':'a','active':true}");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(json_putp) struct json_object *body = object_of(cases[i]);
		_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
		struct fault fault;

		T_INT(resource_replace(RESOURCE_USER, NULL, current, body, &edit, &fault), -EPROTO);
	}
}

static void test_group(void)
{
	_cleanup_(json_putp) struct json_object *body = object_of(
		"{'schemas':['urn:ietf:params:scim:schemas:core:2.0:Group',"
		"'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group'],"
		"'displayName':'G','externalId':'e','active':true,"
		"'urn:ietf:params:scim:schemas:oracle:idcs:extension:posix:Group':{'gidNumber':'7'},"
		"'members':['u1',{'value':'u2','$ref':null,'display':'x','type':'User'},"
		"{'$ref':'https://h/scim/v2/Users/u3'}]}");
	_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
	_cleanup_(resource_edit_done) struct resource_edit again = { .resource = NULL };
	_cleanup_(resource_edit_done) struct resource_edit bare = { .resource = NULL };
	_cleanup_(json_putp) struct json_object *empty = object_of("{'displayName':'G'}");
	struct fault fault;

	T_OK(resource_create(RESOURCE_GROUP, NULL, body, &edit, &fault));
	T_TRUE(is_json(edit.resource,
		       "{'displayName':'G','externalId':'e',"
		       "'urn:ietf:params:scim:schemas:extension:posix:2.0:Group':{'gidNumber':7}}"));
	T_INT(edit.member_count, 3);
	for (size_t i = 0; i < edit.member_count; i++) {
		T_INT(edit.members[i].op, MEMBER_ADD);
		T_INT(edit.members[i].user_id[1], '1' + (int)i);
	}
	T_OK(resource_replace(RESOURCE_GROUP, NULL, edit.resource, body, &again, &fault));
	T_TRUE(!again.changed);
	T_INT(again.member_count, 4);
	T_INT(again.members[0].op, MEMBER_CLEAR);
	T_OK(resource_replace(RESOURCE_GROUP, NULL, edit.resource, empty, &bare, &fault));
	T_INT(bare.member_count, 1);
	T_INT(bare.members[0].op, MEMBER_CLEAR);
}

static const char full[] =
	"{'userName':'u@x','active':false,'title':'','name':{'givenName':'G'},"
	"'emails':[{'value':'','type':'work'},{'value':'a@b','type':'home','primary':true}],"
	"'" E "':{'costCenter':'cc','manager':{'value':'m'}},"
	"'" P "':{'uidNumber':7,'sshPublicKeys':['k1','','k2']}}";

static void test_value(void)
{
	static const struct {
		const char *path, *wanted;
		int r;
	} cases[] = {
		{ "userName", "u@x", 0 },
		{ "name.givenName", "G", 0 },
		{ "emails", "a@b", 0 },
		{ "emails.value", "a@b", 0 },
		{ "emails.type", "work", 0 },
		{ "emails[primary eq true].value", "a@b", 0 },
		{ "emails[type eq \"home\"]", "a@b", 0 },
		{ "emails[type eq \"work\"].value", NULL, -ENOENT },
		{ E ":costCenter", "cc", 0 },
		{ E ":manager", "m", 0 },
		{ P ":uidNumber", "7", 0 },
		{ ORACLE ":uidNumber", "7", 0 },
		{ P ":sshPublicKeys", "k1", 0 },
		{ "active", "false", 0 },
		{ "title", NULL, -ENOENT },
		{ "displayName", NULL, -ENOENT },
		{ "name", NULL, -ENOENT },
		{ "id", NULL, -ENOENT },
		{ "nonsense", NULL, -EINVAL },
		{ "emails[", NULL, -EINVAL },
		{ E, NULL, -EINVAL },
		{ "", NULL, -EINVAL },
	};
	_cleanup_(json_putp) struct json_object *resource = object_of(full);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = NULL;

		T_INT(resource_value(RESOURCE_USER, resource, cases[i].path, &text), cases[i].r);
		T_STR(text, cases[i].wanted);
	}
}

static void test_values(void)
{
	_cleanup_(json_putp) struct json_object *resource = object_of(full);
	_cleanup_(string_list_freep) char **list = NULL, **none = NULL;

	T_OK(resource_values(RESOURCE_USER, resource, P ":sshPublicKeys", &list));
	T_FATAL(list != NULL);
	T_STR(list[0], "k1");
	T_STR(list[1], "k2");
	T_TRUE(list[2] == NULL);
	T_OK(resource_values(RESOURCE_USER, resource, "phoneNumbers", &none));
	T_FATAL(none != NULL);
	T_TRUE(none[0] == NULL);
	T_INT(resource_values(RESOURCE_USER, resource, "x y", &list), -EINVAL);
}

static void test_project(void)
{
	static const char whole[] =
		"{'schemas':['x'],'id':'1','userName':'u','title':'t','name':{'givenName':'G',"
		"'familyName':'F'},'emails':[{'value':'a','type':'work'},{'type':'home'}],"
		"'" E "':{'department':'d','costCenter':'c'},'meta':{'version':'v','created':'c'}}";
	static const struct {
		const char *attributes, *excluded, *wanted;
	} cases[] = {
		{ NULL, NULL, whole },
		{ "", "", whole },
		{ "userName", NULL, "{'schemas':['x'],'id':'1','userName':'u'}" },
		{ "USERNAME, " CORE ":title", NULL,
		  "{'schemas':['x'],'id':'1','userName':'u','title':'t'}" },
		{ "nonsense", NULL, "{'schemas':['x'],'id':'1'}" },
		{ "name.givenName,emails.value,meta.version", NULL,
		  "{'schemas':['x'],'id':'1','name':{'givenName':'G'},'emails':[{'value':'a'},{}],"
		  "'meta':{'version':'v'}}" },
		{ E ":department", NULL, "{'schemas':['x'],'id':'1','" E "':{'department':'d'}}" },
		{ E, NULL,
		  "{'schemas':['x'],'id':'1','" E "':{'department':'d','costCenter':'c'}}" },
		{ "emails[type eq \"a,b\"],id", NULL,
		  "{'schemas':['x'],'id':'1','emails':[{'value':'a','type':'work'},{'type':'home'}]}" },
		{ NULL, "id,schemas,name,emails,meta," E ",title,members",
		  "{'schemas':['x'],'id':'1','userName':'u'}" },
		{ NULL, "userName,name.familyName,emails.type,title,meta.created," E ":department",
		  "{'schemas':['x'],'id':'1','name':{'givenName':'G'},'emails':[{'value':'a'},{}],"
		  "'" E "':{'costCenter':'c'},'meta':{'version':'v'}}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(json_putp) struct json_object *object = object_of(whole);
		struct fault fault;

		T_OK(resource_project(RESOURCE_USER, object, cases[i].attributes,
				      cases[i].excluded, &fault));
		T_TRUE(is_json(object, cases[i].wanted));
	}
}

static void test_project_both(void)
{
	_cleanup_(json_putp) struct json_object *object = object_of("{'id':'1'}");
	struct fault fault;

	T_INT(resource_project(RESOURCE_USER, object, "a", "b", &fault), -EPROTO);
	T_STR(fault.scim_type, "invalidValue");
}

static void test_shows(void)
{
	static const struct {
		const char *attribute, *attributes, *excluded;
		bool wanted;
	} cases[] = {
		{ "members", NULL, NULL, true },
		{ "members", "", "", true },
		{ "members", NULL, "members", false },
		{ "members", NULL, "id, Members", false },
		{ "members", NULL, "members.display", true },
		{ "members", NULL, "urn:ietf:params:scim:schemas:core:2.0:Group:members", false },
		{ "members", "displayName", NULL, false },
		{ "members", "displayName,members", NULL, true },
		{ "members", "members.value", NULL, true },
		{ "members", "members[value eq \"x\"]", NULL, true },
		{ "members", "membersX", NULL, false },
		{ "groups", "urn:ietf:params:scim:schemas:core:2.0:User", NULL, true },
		{ "groups", "id", NULL, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		T_INT(resource_shows(cases[i].attribute, cases[i].attributes, cases[i].excluded),
		      cases[i].wanted);
}

static void test_schemas(void)
{
	_cleanup_(json_putp) struct json_object *resource = object_of(full);
	_cleanup_(json_putp) struct json_object *group = object_of("{'displayName':'g'}");
	_cleanup_(json_putp) struct json_object *urns = resource_schemas(RESOURCE_USER, resource);
	_cleanup_(json_putp) struct json_object *one = resource_schemas(RESOURCE_GROUP, group);

	T_TRUE(is_json(urns, "['" CORE "','" E "','" P "']"));
	T_TRUE(is_json(one, "['urn:ietf:params:scim:schemas:core:2.0:Group']"));
}

T_MAIN("resource", T(test_create), T(test_create_refused), T(test_bounds), T(test_password),
       T(test_replace), T(test_replace_refused), T(test_group), T(test_value), T(test_values),
       T(test_project), T(test_project_both), T(test_shows), T(test_schemas))
