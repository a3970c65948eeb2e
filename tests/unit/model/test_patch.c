#include "scimd/model/resource.h"

#include "tests/unit/model/model.h"

#define E "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
#define P "urn:ietf:params:scim:schemas:extension:posix:2.0:User"
#define CORE "urn:ietf:params:scim:schemas:core:2.0:User"
#define GROUP "urn:ietf:params:scim:schemas:core:2.0:Group"

static const char user[] =
	"{'userName':'u','active':true,'title':'t','name':{'givenName':'G','familyName':'F'},"
	"'emails':[{'value':'w@x','type':'work','primary':true},{'value':'h@x','type':'home'}],"
	"'" E "':{'department':'d'}}";

/* The body around operations. */
static struct json_object *body_of(const char *operations)
{
	_cleanup_free_ char *text = NULL;

	if (asprintf(&text, "{'schemas':['urn:ietf:params:scim:api:messages:2.0:PatchOp'],"
			    "'Operations':[%s]}", operations) < 0)
		return NULL;
	return object_of(text);
}

static int patch(enum resource_type type, const char *current, const char *operations,
		 struct resource_edit *ret, struct fault *fault)
{
	_cleanup_(json_putp) struct json_object *resource = object_of(current);
	_cleanup_(json_putp) struct json_object *body = body_of(operations);
	int r = resource_patch(type, NULL, resource, body, ret, fault);

	T_TRUE(is_json(resource, current)); /* what was there is left alone, whatever happened */
	return r;
}

/* Every way to say that somebody is out; each must end in active:false. */
static void test_deactivation(void)
{
	static const char *const cases[] = {
		"{'op':'replace','path':'active','value':false}",
		"{'op':'Replace','path':'active','value':'False'}",
		"{'op':'REPLACE','path':'Active','value':'false'}",
		"{'op':'add','path':'active','value':false}",
		"{'op':'Add','path':'active','value':'FALSE'}",
		"{'op':'replace','value':{'active':false}}",
		"{'op':'replace','value':{'active':'False'}}",
		"{'op':'Add','value':{'ACTIVE':'false'}}",
		"{'op':'replace','path':null,'value':{'active':false}}",
		"{'op':'replace','path':'','value':{'active':false}}",
		"{'op':'replace','path':'" CORE ":active','value':false}",
		"{'op':'Replace','path':'URN:ietf:params:scim:schemas:core:2.0:user:ACTIVE','value':'False'}",
		"{'op':'replace','value':{'" CORE ":active':false}}",
		"{'op':'replace','value':{'" CORE "':{'active':'False'}}}",
		"{'op':'replace','path':'" CORE "','value':{'active':false}}",
		"{'OP':'replace','Path':'active','VALUE':false}",
		"{'op':'replace','value':{'id':'1','schemas':[],'active':false,'colour':'red'}}",
		"{'op':'replace','path':'active','value':true},"
		"{'op':'replace','path':'active','value':false}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
		struct fault fault = { .detail = "" };
		int r = patch(RESOURCE_USER, user, cases[i], &edit, &fault);
		struct json_object *active = json_get(edit.resource, "active");

		if (r < 0)
			fprintf(stderr, "%s: %s\n", cases[i], fault.detail);
		T_OK(r);
		T_TRUE(json_object_is_type(active, json_type_boolean) &&
		       !json_object_get_boolean(active));
		T_TRUE(edit.changed);
	}
}

/* Everything that comes near must be refused, with a reason. */
static void test_near_miss(void)
{
	static const struct {
		const char *operations, *scim_type, *why;
	} cases[] = {
		{ "{'op':'replace','path':'active','value':'no'}", "invalidValue", "active" },
		{ "{'op':'replace','path':'active','value':0}", "invalidValue", "active" },
		{ "{'op':'replace','path':'active','value':'0'}", "invalidValue", "active" },
		{ "{'op':'replace','path':'active','value':''}", "invalidValue", "active" },
		{ "{'op':'replace','path':'active','value':null}", "invalidValue", "active" },
		{ "{'op':'add','path':'active','value':null}", "invalidValue", "active" },
		{ "{'op':'replace','path':'active','value':[]}", "invalidValue", "active" },
		{ "{'op':'replace','path':'active','value':[false]}", "invalidValue", "active" },
		{ "{'op':'replace','path':'active','value':{'active':false}}", "invalidValue", "active" },
		{ "{'op':'replace','path':'active'}", "invalidValue", "value" },
		{ "{'op':'replace','value':{'active':null}}", "invalidValue", "active" },
		{ "{'op':'replace','value':{'active':'no','title':'x'}}", "invalidValue", "active" },
		{ "{'op':'remove','path':'active'}", "mutability", "active" },
		{ "{'op':'remove','path':'active','value':true}", "mutability", "active" },
		{ "{'op':'remove','value':{'active':true}}", "noTarget", "path" },
		{ "{'op':'remove','path':'" CORE "'}", "noTarget", "removed" },
		{ "{'op':'deactivate'}", "invalidSyntax", "deactivate" },
		{ "{'op':'deactivate','path':'active','value':false}", "invalidSyntax", "deactivate" },
		{ "{'path':'active','value':false}", "invalidSyntax", "op" },
		{ "{'op':5,'path':'active','value':false}", "invalidSyntax", "op" },
		{ "{'op':'replace','path':'/active','value':false}", "invalidPath", "active" },
		{ "{'op':'replace','path':'active.value','value':false}", "invalidPath", "active" },
		{ "{'op':'replace','path':'active[value eq true]','value':false}", "invalidPath",
		  "filter" },
		{ "{'op':'replace','path':['active'],'value':false}", "invalidPath", "path" },
		{ "{'op':'replace','path':'urn:x:User:Active','value':false}", "invalidPath", "Active" },
		{ "{'op':'replace','path':'" E ":active','value':false}", "invalidPath", "active" },
		{ "{'op':'replace','path':'" GROUP ":active','value':false}", "invalidPath", "active" },
		{ "{'op':'replace','path':'enabled','value':false}", "invalidPath", "enabled" },
		{ "{'op':'replace','value':{'enabled':false}}", "invalidValue", "enabled" },
		{ "{'op':'replace','value':{'title':'x','enabled':false}}", "invalidValue", "enabled" },
		{ "{'op':'replace','value':{'title':'x','is_active':false}}", "invalidValue",
		  "is_active" },
		{ "{'op':'replace','value':{'title':'x','active ':false}}", "invalidValue", "active" },
		{ "{'op':'replace','value':{'title':'x','urn:x:User:Active':false}}", "invalidValue",
		  "active" },
		{ "{'op':'replace','value':{'title':'x','urn:x:User':{'Active':false}}}",
		  "invalidValue", "active" },
		{ "{'op':'replace','value':{'" E "':{'department':'x','active':false}}}",
		  "invalidValue", "active" },
		{ "{'op':'replace','value':{'active':true,'Active':false}}", "invalidValue", "twice" },
		{ "{'op':'replace','value':{'active':true,'" CORE ":active':false}}", "invalidValue",
		  "twice" },
		{ "{'op':'replace','path':'active','value':true,'Value':false}", "invalidSyntax",
		  "twice" },
		{ "{'op':'replace','path':'title','value':'x','active':false}", "invalidSyntax",
		  "active" },
		{ "{'op':'replace','value':false}", "invalidValue", "object" },
		{ "{'op':'replace','value':[{'active':false}]}", "invalidValue", "object" },
		{ "{'op':'replace','value':{'colour':'red'}}", "invalidValue", "no attribute" },
		{ "{'op':'replace','value':{'id':'1','colour':'red'}}", "invalidValue",
		  "no attribute" },
		{ "{'op':'replace','value':{}}", "invalidValue", "no attribute" },
		{ "{'op':'replace','value':{'" E "':{}}}", "invalidValue", "no attribute" },
		{ "'deactivate'", "invalidSyntax", "object" },
		{ "null", "invalidSyntax", "object" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct resource_edit edit = { .member_count = 77 };
		struct fault fault = { .status = 0 };
		int r = patch(RESOURCE_USER, user, cases[i].operations, &edit, &fault);

		if (r != -EPROTO || !strstr(fault.detail, cases[i].why))
			fprintf(stderr, "%s: %d %s\n", cases[i].operations, r, fault.detail);
		T_INT(r, -EPROTO);
		T_INT(fault.status, 400);
		T_STR(fault.scim_type, cases[i].scim_type);
		T_TRUE(strstr(fault.detail, cases[i].why) != NULL);
		T_INT(edit.member_count, 77);
	}
}

static void test_envelope(void)
{
	static const char *const cases[] = {
		"[]", "null", "{}", "{'active':false}", "{'Operations':null}", "{'Operations':[]}",
		"{'Operations':{'op':'replace','path':'active','value':false}}",
		"{'schemas':5,'Operations':[{'op':'replace','path':'title','value':'x'}]}",
		"{'active':false,'Operations':[{'op':'replace','path':'title','value':'x'}]}",
		"{'Operations':[{'op':'replace','path':'title','value':'x'}],'operations':[]}",
	};
	_cleanup_(json_putp) struct json_object *current = object_of(user);
	_cleanup_(json_putp) struct json_object *bare =
		object_of("{'operations':[{'op':'replace','path':'title','value':'x'}]}");
	_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
	struct fault fault = { .status = 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(json_putp) struct json_object *body = object_of(cases[i]);

		T_INT(resource_patch(RESOURCE_USER, NULL, current, body, &edit, &fault), -EPROTO);
		T_STR(fault.scim_type, "invalidSyntax");
	}
	T_OK(resource_patch(RESOURCE_USER, NULL, current, bare, &edit, &fault));
	T_STR(json_get_string(edit.resource, "title"), "x");
}

/* From current, by operations, to wanted; the resource is {userName, active} and what is given. */
static const struct {
	const char *current, *operations, *wanted;
} steps[] = {
	/* simple attributes */
	{ "{}", "{'op':'add','path':'title','value':'a'}", "{'title':'a'}" },
	{ "{'title':'a'}", "{'op':'add','path':'title','value':'b'}", "{'title':'b'}" },
	{ "{'title':'a'}", "{'op':'replace','path':'Title','value':'b'}", "{'title':'b'}" },
	{ "{'title':'a'}", "{'op':'replace','path':'title','value':null}", "{}" },
	{ "{'title':'a'}", "{'op':'Remove','path':'title'}", "{}" },
	{ "{}", "{'op':'remove','path':'title'}", "{}" },
	{ "{'title':'a'}", "{'op':'replace','value':{'title':null,'nickName':'n'}}",
	  "{'nickName':'n'}" },
	/* single complex attributes: the rest stays */
	{ "{'name':{'givenName':'G','familyName':'F'}}",
	  "{'op':'replace','path':'name','value':{'givenName':'X'}}",
	  "{'name':{'givenName':'X','familyName':'F'}}" },
	{ "{'name':{'givenName':'G','familyName':'F'}}",
	  "{'op':'add','path':'name','value':{'familyName':null,'colour':1}}",
	  "{'name':{'givenName':'G'}}" },
	{ "{}", "{'op':'replace','path':'name.givenName','value':'X'}",
	  "{'name':{'givenName':'X'}}" },
	{ "{'name':{'givenName':'G'}}", "{'op':'remove','path':'name.givenName'}", "{}" },
	{ "{'name':{'givenName':'G'}}", "{'op':'replace','path':'name.givenName','value':null}",
	  "{}" },
	{ "{'name':{'givenName':'G'}}", "{'op':'remove','path':'name'}", "{}" },
	{ "{'name':{'givenName':'G'}}", "{'op':'replace','path':'name','value':null}", "{}" },
	/* no path: dotted names, URN:name, URN with an object */
	{ "{'name':{'familyName':'F'}}",
	  "{'op':'replace','value':{'displayName':'B','name.givenName':'K','" E
	  ":employeeNumber':'7'}}",
	  "{'displayName':'B','name':{'familyName':'F','givenName':'K'},"
	  "'" E "':{'employeeNumber':'7'}}" },
	{ "{'" E "':{'department':'d'}}",
	  "{'op':'add','value':{'" E "':{'division':'v','manager.value':'m'}}}",
	  "{'" E "':{'department':'d','division':'v','manager':{'value':'m'}}}" },
	{ "{}", "{'op':'add','path':'" E "','value':{'department':'d'}}",
	  "{'" E "':{'department':'d'}}" },
	{ "{'" E "':{'department':'d'}}", "{'op':'remove','path':'" E "'}", "{}" },
	{ "{'" E "':{'department':'d'}}", "{'op':'replace','value':{'" E "':null}}", "{}" },
	{ "{}", "{'op':'replace','value':{'emails[type eq \\u0022work\\u0022].value':'x'}}",
	  "{'emails':[{'type':'work','value':'x'}]}" },
	{ "{'title':'a'}",
	  "{'op':'replace','value':{'id':'1','meta':{'a':1},'schemas':['x'],'groups':[],"
	  "'title':'b'}}",
	  "{'title':'b'}" },
	{ "{'title':'a'}", "{'op':'replace','value':{'id':'1'}}", "{'title':'a'}" },
	/* extension paths */
	{ "{}", "{'op':'Add','path':'" E ":department','value':'d'}", "{'" E "':{'department':'d'}}" },
	{ "{'" E "':{'department':'d'}}", "{'op':'Remove','path':'" E ":department'}", "{}" },
	{ "{}", "{'op':'add','path':'department','value':'d'}", "{'" E "':{'department':'d'}}" },
	/* manager in its shapes */
	{ "{}", "{'op':'Add','path':'" E ":manager','value':'m'}", "{'" E "':{'manager':{'value':'m'}}}" },
	{ "{}", "{'op':'Replace','path':'manager','value':[{'$ref':'http://h/Users/m','value':'m'}]}",
	  "{'" E "':{'manager':{'$ref':'http://h/Users/m','value':'m'}}}" },
	{ "{'" E "':{'manager':{'value':'a'}}}", "{'op':'replace','path':'manager','value':{'value':'m'}}",
	  "{'" E "':{'manager':{'value':'m'}}}" },
	{ "{'" E "':{'manager':{'value':'a'}}}", "{'op':'replace','path':'" E ":manager.value','value':'m'}",
	  "{'" E "':{'manager':{'value':'m'}}}" },
	{ "{'" E "':{'manager':{'value':'a'}}}", "{'op':'Remove','path':'manager'}", "{}" },
	/* multi-valued attributes */
	{ "{'emails':[{'value':'a'}]}", "{'op':'add','path':'emails','value':[{'value':'b'}]}",
	  "{'emails':[{'value':'a'},{'value':'b'}]}" },
	{ "{'emails':[{'value':'a'}]}", "{'op':'add','path':'emails','value':{'value':'a'}}",
	  "{'emails':[{'value':'a'}]}" },
	{ "{'emails':[{'value':'a','type':'work'}]}",
	  "{'op':'add','path':'emails','value':[{'value':'a','type':'work','display':'A'}]}",
	  "{'emails':[{'value':'a','type':'work','display':'A'}]}" },
	{ "{'emails':[{'value':'a'}]}", "{'op':'replace','path':'emails','value':[{'value':'b'}]}",
	  "{'emails':[{'value':'b'}]}" },
	{ "{'emails':[{'value':'a'}]}", "{'op':'replace','path':'emails','value':[]}", "{}" },
	{ "{'emails':[{'value':'a'}]}", "{'op':'add','path':'emails','value':[]}",
	  "{'emails':[{'value':'a'}]}" },
	{ "{'emails':[{'value':'a'}]}", "{'op':'remove','path':'emails'}", "{}" },
	{ "{'emails':[{'value':'a'},{'value':'b'}]}",
	  "{'op':'remove','path':'emails','value':[{'value':'a'}]}", "{'emails':[{'value':'b'}]}" },
	{ "{'emails':[{'value':'a'}]}", "{'op':'remove','path':'emails','value':[{'value':'z'}]}",
	  "{'emails':[{'value':'a'}]}" },
	{ "{'roles':[{'value':'a'}]}", "{'op':'add','value':{'roles':'b'}}",
	  "{'roles':[{'value':'a'},{'value':'b'}]}" },
	{ "{'roles':[{'value':'a'}]}", "{'op':'replace','value':{'roles':'b'}}",
	  "{'roles':[{'value':'b'}]}" },
	{ "{'emails':[{'value':'a'},{'value':'b'}]}", "{'op':'remove','path':'emails.value'}", "{}" },
	{ "{}", "{'op':'add','path':'emails.value','value':'a'}", "{'emails':[{'value':'a'}]}" },
	/* value paths */
	{ "{'emails':[{'value':'a','type':'work'},{'value':'b','type':'home'}]}",
	  "{'op':'replace','path':'emails[type eq \\u0022work\\u0022].value','value':'x'}",
	  "{'emails':[{'value':'x','type':'work'},{'value':'b','type':'home'}]}" },
	{ "{'emails':[{'value':'b','type':'home'}]}",
	  "{'op':'Add','path':'emails[type eq \\u0022work\\u0022].Value','value':'x'}",
	  "{'emails':[{'value':'b','type':'home'},{'type':'work','value':'x'}]}" },
	{ "{}",
	  "{'op':'Add','path':'addresses[type eq \\u0022work\\u0022].locality','value':'L'},"
	  "{'op':'Add','path':'addresses[type eq \\u0022work\\u0022].region','value':'R'},"
	  "{'op':'Replace','path':'addresses[Type eq \\u0022WORK\\u0022].postalCode','value':'1'}",
	  "{'addresses':[{'type':'work','locality':'L','region':'R','postalCode':'1'}]}" },
	{ "{}",
	  "{'op':'Add','path':'roles[primary eq \\u0022True\\u0022].display','value':'D'},"
	  "{'op':'Add','path':'roles[primary eq \\u0022True\\u0022].value','value':'V'}",
	  "{'roles':[{'primary':true,'display':'D','value':'V'}]}" },
	{ "{'emails':[{'value':'a','type':'work'},{'value':'b','type':'home'}]}",
	  "{'op':'remove','path':'emails[type eq \\u0022work\\u0022]'}",
	  "{'emails':[{'value':'b','type':'home'}]}" },
	{ "{'emails':[{'value':'a','type':'work'}]}",
	  "{'op':'remove','path':'emails[type eq \\u0022work\\u0022].value'}",
	  "{'emails':[{'type':'work'}]}" },
	{ "{'emails':[{'value':'a','type':'work'}]}",
	  "{'op':'replace','path':'emails[type eq \\u0022work\\u0022]','value':null}", "{}" },
	{ "{'emails':[{'value':'a','type':'work','display':'A'}]}",
	  "{'op':'replace','path':'emails[type eq \\u0022work\\u0022]','value':{'value':'x'}}",
	  "{'emails':[{'value':'x','type':'work'}]}" },
	{ "{'emails':[{'value':'a','type':'work','display':'A'}]}",
	  "{'op':'add','path':'emails[type eq \\u0022work\\u0022]','value':{'value':'x'}}",
	  "{'emails':[{'value':'x','type':'work','display':'A'}]}" },
	{ "{'emails':[{'value':'a'},{'value':'b'}]}",
	  "{'op':'replace','path':'emails[value co \\u0022a\\u0022 or value eq \\u0022b\\u0022].type',"
	  "'value':'work'}",
	  "{'emails':[{'value':'a','type':'work'},{'value':'b','type':'work'}]}" },
	{ "{'emails':[{'value':'a'}]}",
	  "{'op':'remove','path':'emails[type eq \\u0022none\\u0022]'}",
	  "{'emails':[{'value':'a'}]}" },
	/* one primary */
	{ "{'emails':[{'value':'a','primary':true},{'value':'b'}]}",
	  "{'op':'add','path':'emails','value':[{'value':'c','primary':true}]}",
	  "{'emails':[{'value':'a','primary':false},{'value':'b'},{'value':'c','primary':true}]}" },
	{ "{'emails':[{'value':'a','primary':true},{'value':'b'}]}",
	  "{'op':'replace','path':'emails[value eq \\u0022b\\u0022].primary','value':'True'}",
	  "{'emails':[{'value':'a','primary':false},{'value':'b','primary':true}]}" },
	{ "{'emails':[{'value':'a','primary':true},{'value':'b'}]}",
	  "{'op':'add','path':'emails','value':{'value':'b','primary':true}}",
	  "{'emails':[{'value':'a','primary':false},{'value':'b','primary':true}]}" },
	{ "{'emails':[{'value':'a','type':'work','primary':true}]}",
	  "{'op':'add','path':'emails[type eq \\u0022home\\u0022 and primary eq true].value',"
	  "'value':'h'}",
	  "{'emails':[{'value':'a','type':'work','primary':false},"
	  "{'type':'home','primary':true,'value':'h'}]}" },
	/* SSH keys are strings */
	{ "{'" P "':{'sshPublicKeys':['k1']}}",
	  "{'op':'add','path':'" P ":sshPublicKeys','value':[{'value':'k2'},'k1']}",
	  "{'" P "':{'sshPublicKeys':['k1','k2']}}" },
	{ "{'" P "':{'sshPublicKeys':['k1','k2']}}",
	  "{'op':'remove','path':'sshPublicKeys[value eq \\u0022k1\\u0022]'}",
	  "{'" P "':{'sshPublicKeys':['k2']}}" },
	{ "{'" P "':{'sshPublicKeys':['k1','k2']}}",
	  "{'op':'remove','path':'sshPublicKeys','value':['k2']}",
	  "{'" P "':{'sshPublicKeys':['k1']}}" },
	{ "{'" P "':{'sshPublicKeys':['k1']}}",
	  "{'op':'replace','path':'sshKeys[value eq \\u0022k1\\u0022].value','value':'k3'}",
	  "{'" P "':{'sshPublicKeys':['k3']}}" },
	{ "{'" P "':{'sshPublicKeys':['k1']}}",
	  "{'op':'add','path':'sshKeys[value eq \\u0022k2\\u0022]','value':'k2'}",
	  "{'" P "':{'sshPublicKeys':['k1','k2']}}" },
	{ "{}", "{'op':'replace','path':'" P ":uidNumber','value':'70000'}",
	  "{'" P "':{'uidNumber':70000}}" },
};

/* fields with userName and active beside them. */
static struct json_object *with_basics(const char *fields)
{
	struct json_object *object = object_of(fields);

	json_object_object_add(object, "userName", json_object_new_string("u"));
	json_object_object_add(object, "active", json_object_new_boolean(1));
	return object;
}

static void test_steps(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		_cleanup_(json_putp) struct json_object *current = with_basics(steps[i].current);
		_cleanup_(json_putp) struct json_object *wanted = with_basics(steps[i].wanted);
		_cleanup_(json_putp) struct json_object *body = body_of(steps[i].operations);
		_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
		struct fault fault = { .detail = "" };
		int r = resource_patch(RESOURCE_USER, NULL, current, body, &edit, &fault);

		if (r < 0 || !json_object_equal(edit.resource, wanted))
			fprintf(stderr, "%s\n%s\ngot %s\n", steps[i].operations, fault.detail,
				json_object_to_json_string(edit.resource));
		T_OK(r);
		T_TRUE(json_object_equal(edit.resource, wanted));
		T_INT(edit.changed, !json_object_equal(current, wanted));
	}
}

static void test_refused(void)
{
	static const struct {
		const char *operations, *scim_type;
	} cases[] = {
		{ "{'op':'replace','path':'id','value':'x'}", "mutability" },
		{ "{'op':'replace','path':'meta','value':{}}", "mutability" },
		{ "{'op':'replace','path':'meta.created','value':'x'}", "mutability" },
		{ "{'op':'add','path':'schemas','value':['x']}", "mutability" },
		{ "{'op':'add','path':'groups','value':[{'value':'g'}]}", "mutability" },
		{ "{'op':'remove','path':'groups[value eq \\u0022g\\u0022]'}", "mutability" },
		{ "{'op':'replace','path':'manager.displayName','value':'x'}", "mutability" },
		{ "{'op':'remove','path':'userName'}", "mutability" },
		{ "{'op':'replace','path':'userName','value':null}", "invalidValue" },
		{ "{'op':'replace','path':'userName','value':''}", "invalidValue" },
		{ "{'op':'replace','path':'userName','value':5}", "invalidValue" },
		{ "{'op':'remove'}", "noTarget" },
		{ "{'op':'add','path':'title'}", "invalidValue" },
		{ "{'op':'add','path':'colour','value':'x'}", "invalidPath" },
		{ "{'op':'remove','path':'colour'}", "invalidPath" },
		{ "{'op':'add','path':'name.colour','value':'x'}", "invalidPath" },
		{ "{'op':'add','path':'emails[type eq \\u0022work\\u0022].colour','value':'x'}",
		  "invalidPath" },
		{ "{'op':'add','path':'emails[type eq \\u0022work\\u0022]value','value':'x'}",
		  "invalidPath" },
		{ "{'op':'add','path':'emails[colour eq \\u0022x\\u0022].value','value':'x'}",
		  "invalidFilter" },
		{ "{'op':'add','path':'emails[type eq \\u0022work\\u0022','value':'x'}",
		  "invalidFilter" },
		{ "{'op':'add','path':'emails[]','value':'x'}", "invalidFilter" },
		{ "{'op':'add','path':'title[value eq \\u0022x\\u0022]','value':'x'}",
		  "invalidPath" },
		{ "{'op':'add','path':'name..givenName','value':'x'}", "invalidPath" },
		{ "{'op':'add','path':'urn:x:title','value':'x'}", "invalidPath" },
		{ "{'op':'add','path':'" CORE "Xtitle','value':'x'}", "invalidPath" },
		{ "{'op':'add','path':'" CORE "X:title','value':'x'}", "invalidPath" },
		{ "{'op':'add','path':'" CORE ":','value':'x'}", "invalidPath" },
		{ "{'op':'add','path':'" E ":title','value':'x'}", "invalidPath" },
		{ "{'op':'add','path':'members','value':[{'value':'x'}]}", "invalidPath" },
		{ "{'op':'replace','path':'emails[type ne \\u0022work\\u0022 and type ne "
		  "\\u0022home\\u0022].value','value':'x'}", "noTarget" },
		{ "{'op':'add','path':'x509Certificates[value eq \\u0022!\\u0022].display','value':'x'}",
		  "noTarget" },
		{ "{'op':'replace','path':'name','value':{'colour':'x'}}", "invalidValue" },
		{ "{'op':'replace','path':'name','value':'A B'}", "invalidValue" },
		{ "{'op':'replace','path':'emails','value':[{'colour':'x'}]}", "invalidValue" },
		{ "{'op':'replace','path':'emails.primary','value':true}", "invalidValue" },
		{ "{'op':'remove','path':'password'}", "invalidValue" },
		{ "{'op':'replace','path':'password','value':null}", "invalidValue" },
		{ "{'op':'replace','path':'" E "','value':'x'}", "invalidValue" },
		{ "{'op':'move','path':'title','value':'x'}", "invalidSyntax" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
		struct fault fault = { .status = 0, .scim_type = "" };
		int r = patch(RESOURCE_USER, user, cases[i].operations, &edit, &fault);

		if (r != -EPROTO || strcmp(fault.scim_type, cases[i].scim_type) != 0)
			fprintf(stderr, "%s: %d %s\n", cases[i].operations, r, fault.detail);
		T_INT(r, -EPROTO);
		T_INT(fault.status, 400);
		T_STR(fault.scim_type, cases[i].scim_type);
		T_TRUE(edit.resource == NULL);
	}
}

/* The first operation is good, the second is not: nothing happened, and which one is said. */
static void test_atomic(void)
{
	struct resource_edit edit = { .member_count = 77 };
	struct fault fault = { .status = 0 };

	T_INT(patch(RESOURCE_USER, user,
		    "{'op':'replace','path':'active','value':false},"
		    "{'op':'replace','path':'password','value':'s3cret'},"
		    "{'op':'replace','path':'colour','value':'s3cret'}", &edit, &fault), -EPROTO);
	T_TRUE(strncmp(fault.detail, "operation 3: ", 13) == 0);
	T_TRUE(strstr(fault.detail, "s3cret") == NULL);
	T_INT(edit.member_count, 77);
}

static void test_password(void)
{
	_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
	struct fault fault;

	T_OK(patch(RESOURCE_USER, user,
		   "{'op':'replace','path':'password','value':'one'},"
		   "{'op':'replace','value':{'password':'two'}}", &edit, &fault));
	T_STR(edit.password, "two");
	T_TRUE(!edit.changed);
	T_TRUE(json_get(edit.resource, "password") == NULL);
}

/* Members: "+id" adds, "-id" removes, "0" clears, in order. */
static void test_members(void)
{
	static const struct {
		const char *operations, *wanted;
	} cases[] = {
		{ "{'op':'add','path':'members','value':[{'value':'a','display':'A'},"
		  "{'$ref':null,'value':'b'},'c']}", "+a+b+c" },
		{ "{'op':'Add','path':'members','value':'a'}", "+a" },
		{ "{'op':'Add','path':'Members','value':{'Value':'a','type':'User'}}", "+a" },
		{ "{'op':'add','path':'" GROUP ":members','value':[{'value':'a'}]}", "+a" },
		{ "{'op':'add','value':{'members':[{'value':'a'}]}}", "+a" },
		{ "{'op':'add','path':'members','value':[]}", "" },
		{ "{'op':'remove','path':'members[value eq \\u0022a\\u0022]'}", "-a" },
		{ "{'op':'remove','path':'members[value eq \\u0022a\\u0022 or value eq "
		  "\\u0022b\\u0022]'}", "-a-b" },
		{ "{'op':'Remove','path':'members','value':[{'$ref':null,'value':'a'}]}", "-a" },
		{ "{'op':'remove','path':'members[$ref eq \\u0022https://h/Users/a\\u0022]'}", "-a" },
		{ "{'op':'remove','path':'members[Display eq \\u0022a\\u0022 or value eq "
		  "\\u0022b\\u0022]'}", "-~a-b" },
		{ "{'op':'remove','path':'members[type eq \\u0022User\\u0022 and display eq "
		  "\\u0022a\\u0022]'}", "-~a" },
		{ "{'op':'Remove','path':'members','value':[]}", "" },
		{ "{'op':'remove','path':'members'}", "0" },
		{ "{'op':'remove','path':'members','value':null}", "0" },
		{ "{'op':'replace','path':'members','value':[{'value':'a'}]}", "0+a" },
		{ "{'op':'replace','path':'members','value':[]}", "0" },
		{ "{'op':'replace','path':'members','value':null}", "0" },
		{ "{'op':'replace','value':{'members':[],'id':'g','displayName':'G'}}", "0" },
		{ "{'op':'replace','value':{'id':'g','displayName':'G'}}", "" },
		{ "{'op':'remove','path':'members[value eq \\u0022a\\u0022]'},"
		  "{'op':'add','path':'members','value':[{'value':'b'}]}", "-a+b" },
		{ "{'op':'add','path':'members[value eq \\u0022a\\u0022]','value':{'value':'a'}}",
		  "+a+a" },
		{ "{'op':'replace','path':'members[value eq \\u0022a\\u0022]','value':{'value':'b'}}",
		  "-a+b" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
		struct fault fault = { .detail = "" };
		char got[64] = "";
		int r = patch(RESOURCE_GROUP, "{'displayName':'G'}", cases[i].operations, &edit,
			      &fault);

		if (r < 0)
			fprintf(stderr, "%s: %s\n", cases[i].operations, fault.detail);
		T_OK(r);
		for (size_t m = 0; m < edit.member_count; m++) {
			const struct member_change *change = &edit.members[m];

			strcat(got, change->op == MEMBER_ADD ? "+" :
				    change->op == MEMBER_REMOVE ? "-" : "0");
			strcat(got, change->by_display ? "~" : "");
			strcat(got, change->user_id ? change->user_id : "");
		}
		T_STR(got, cases[i].wanted);
		T_TRUE(is_json(edit.resource, "{'displayName':'G'}"));
		T_TRUE(!edit.changed);
	}
}

static void test_group_refused(void)
{
	static const struct {
		const char *operations, *scim_type;
	} cases[] = {
		{ "{'op':'remove','path':'displayName'}", "mutability" },
		{ "{'op':'replace','path':'displayName','value':''}", "invalidValue" },
		{ "{'op':'replace','path':'members[value eq \\u0022a\\u0022].display','value':'x'}",
		  "mutability" },
		{ "{'op':'replace','path':'members[value eq \\u0022a\\u0022].value','value':'x'}",
		  "mutability" },
		{ "{'op':'remove','path':'members.value'}", "mutability" },
		{ "{'op':'add','path':'members[display eq \\u0022a\\u0022]','value':{}}",
		  "invalidFilter" },
		{ "{'op':'remove','path':'members[display co \\u0022a\\u0022]'}", "invalidFilter" },
		{ "{'op':'remove','path':'members[$ref eq \\u0022a\\u0022]'}", "invalidFilter" },
		{ "{'op':'remove','path':'members[not (value eq \\u0022a\\u0022)]'}",
		  "invalidFilter" },
		{ "{'op':'add','path':'members','value':[{'display':'x'}]}", "invalidValue" },
		{ "{'op':'add','path':'members','value':[{'value':'x','Value':'y'}]}",
		  "invalidValue" },
		{ "{'op':'add','path':'members','value':5}", "invalidValue" },
		{ "{'op':'replace','value':{'colour':'x'}}", "invalidValue" },
		{ "{'op':'replace','path':'userName','value':'x'}", "invalidPath" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
		struct fault fault = { .scim_type = "" };
		int r = patch(RESOURCE_GROUP, "{'displayName':'G'}", cases[i].operations, &edit,
			      &fault);

		if (r != -EPROTO)
			fprintf(stderr, "%s: %d\n", cases[i].operations, r);
		T_INT(r, -EPROTO);
		T_STR(fault.scim_type, cases[i].scim_type);
	}
}

/* A replace on a value path that matches nothing: whose spelling and which dialect makes it. */
static void test_dialects(void)
{
	static const struct {
		enum patch_dialect dialect;
		const char *operation;
		bool makes;
	} cases[] = {
		{ PATCH_AUTO, "'op':'replace'", false },
		{ PATCH_AUTO, "'op':'Replace'", true },
		{ PATCH_RFC, "'op':'replace'", false },
		{ PATCH_RFC, "'op':'Replace'", false },
		{ PATCH_ENTRA, "'op':'replace'", true },
		{ PATCH_ENTRA, "'op':'Replace'", true },
		{ PATCH_AUTO, "'op':'add'", true },
		{ PATCH_RFC, "'op':'Add'", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct resource_rules rules = { .dialect = cases[i].dialect };
		_cleanup_(json_putp) struct json_object *current =
			object_of("{'userName':'a','emails':[{'type':'home','value':'h'}]}");
		_cleanup_(json_putp) struct json_object *body = NULL;
		_cleanup_(resource_edit_done) struct resource_edit edit = {};
		struct fault fault = {};
		char text[256];
		int r;

		snprintf(text, sizeof(text),
			 "{'Operations':[{%s,'path':'emails[type eq \\u0022work\\u0022].value',"
			 "'value':'w'}]}",
			 cases[i].operation);
		body = object_of(text);
		r = resource_patch(RESOURCE_USER, &rules, current, body, &edit, &fault);
		T_INT(r, cases[i].makes ? 0 : -EPROTO);
		T_STR(fault.scim_type, cases[i].makes ? NULL : "noTarget");
		if (r == 0)
			T_INT(json_object_array_length(json_get(edit.resource, "emails")), 2);
	}
}

/* Operations that each look through a long list, so many that together they would keep the writer
 * busy for seconds; and as many that do not. */
static void test_costs(void)
{
	static const struct {
		const char *operation; /* one of so many */
		unsigned int elements, repeats, operations;
		int status;
	} cases[] = {
		{ "{'op':'add','path':'emails','value':%s}", 900, 60, 1000, 413 },
		{ "{'op':'remove','path':'emails','value':%s}", 900, 60, 1000, 413 },
		{ "{'op':'remove','path':'emails[value co \\u0022x\\u0022%s].display'}", 900, 60, 100,
		  413 },
		{ "{'op':'add','path':'emails[value co \\u00220\\u0022%s].display','value':'d'}", 900,
		  60, 100, 413 },
		{ "{'op':'add','path':'emails','value':%s}", 900, 1, 1000, 0 },
		{ "{'op':'add','path':'emails','value':%s}", 9, 60, 1000, 0 },
		{ "{'op':'remove','path':'emails[value eq \\u0022x\\u0022%s].display'}", 900, 0, 1000,
		  0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
		_cleanup_free_ char *current = NULL, *operations = NULL, *list = NULL;
		bool is_filter = strstr(cases[i].operation, "[value") != NULL;
		struct fault fault = { .status = 0 };
		size_t size;
		FILE *out = open_memstream(&current, &size);

		fputs("{'userName':'u','emails':[", out);
		for (unsigned int e = 0; e < cases[i].elements; e++)
			fprintf(out, "%s{'value':'m%u'}", e > 0 ? "," : "", e);
		fputs("]}", out);
		fclose(out);
		out = open_memstream(&list, &size);
		for (unsigned int e = 0; e < cases[i].repeats; e++)
			fprintf(out, is_filter ? " or value eq \\u0022x\\u0022%s" : "%s{'value':'m1'}",
				is_filter ? "" : e > 0 ? "," : "[");
		fputs(is_filter ? "" : "]", out);
		fclose(out);
		out = open_memstream(&operations, &size);
		for (unsigned int o = 0; o < cases[i].operations; o++) {
			const char *mark = strstr(cases[i].operation, "%s");

			fprintf(out, "%s%.*s%s%s", o > 0 ? "," : "",
				(int)(mark - cases[i].operation), cases[i].operation, list,
				mark + 2);
		}
		fclose(out);
		T_INT(patch(RESOURCE_USER, current, operations, &edit, &fault),
		      cases[i].status ? -EPROTO : 0);
		T_INT(fault.status, cases[i].status);
	}
}

/* However many requests it is made by, a list does not grow for ever. */
static void test_list_size(void)
{
	_cleanup_(json_putp) struct json_object *current = object_of("{'userName':'u'}");
	_cleanup_free_ char *body = NULL;
	struct fault fault = { .status = 0 };
	char text[8001];
	int grown = 0, r = 0;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (; r == 0 && grown < 200; grown += r == 0) {
		_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
		_cleanup_(json_putp) struct json_object *more = NULL;

		free(body);
		T_TRUE(asprintf(&body, "{'op':'add','path':'addresses','value':"
				       "{'locality':'%d','formatted':'%s'}}", grown, text) > 0);
		more = body_of(body);
		r = resource_patch(RESOURCE_USER, NULL, current, more, &edit, &fault);
		if (r == 0) {
			json_object_put(current);
			current = TAKE_PTR(edit.resource);
		}
	}
	T_INT(r, -EPROTO);
	T_STR(fault.scim_type, "invalidValue");
	T_TRUE(grown > 100);
}

/* What is kept of an extension nobody knows is kept as it came: two that are alike stay two. */
static void test_kept_lists(void)
{
	static const struct resource_rules keeps = { .keeps_unknown = true };
	static const char kept[] =
		"{'userName':'u','active':true,'urn:x:1:A':{'list':[1,1,{'value':'a','b':1},"
		"{'value':'a','b':2}],'object':{'list':['x','x']}}}";
	_cleanup_(json_putp) struct json_object *body = object_of(kept);
	_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
	struct fault fault = { .status = 0 };

	T_INT(resource_create(RESOURCE_USER, &keeps, body, &edit, &fault), 0);
	T_TRUE(is_json(edit.resource, kept));
}

T_MAIN("patch", T(test_costs), T(test_list_size), T(test_kept_lists), T(test_dialects), T(test_deactivation), T(test_near_miss), T(test_envelope), T(test_steps),
       T(test_refused), T(test_atomic), T(test_password), T(test_members), T(test_group_refused))
