/* Schemas of the configuration: what documents are taken, and that everything obeys them. */
#include "scimd/model/schema_file.h"

#include <errno.h>
#include <stdio.h>

#include "scimd/model/filter.h"
#include "scimd/model/path.h"
#include "scimd/model/resource.h"
#include "scimd/model/sort.h"
#include "tests/unit/model/model.h"

#define DOCUMENT "tests/conformance/schemas/badge.json"
#define URN "urn:example:params:scim:schemas:extension:badge:1.0:User"

static char *file_text(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = calloc(1, 65536);

	T_FATAL(file != NULL && text != NULL);
	T_TRUE(fread(text, 1, 65535, file) > 0);
	(void)fclose(file);
	return text;
}

static void install(void)
{
	_cleanup_free_ char *text = file_text(DOCUMENT);
	_cleanup_(schema_set_freep) struct schema_set *set = NULL;
	struct fault fault = { .status = 0 };

	T_OK(schema_set_new(&set));
	T_OK(schema_set_add(set, "badge", RESOURCE_USER, text, strlen(text), &fault));
	T_STR(fault.detail, "");
	T_OK(schema_set_install(&set));
	T_TRUE(set == NULL);
}

static void test_bad_documents(void)
{
	static const struct {
		const char *document, *why;
	} cases[] = {
		{ "[", "JSON" },
		{ "[]", "must be an object" },
		{ "{}", "id must be a URN" },
		{ "{'id':'http://x','attributes':[{'name':'a'}]}", "id must be a URN" },
		{ "{'id':'urn:x:y z','attributes':[{'name':'a'}]}", "id must be a URN" },
		{ "{'id':'urn:x:y:','attributes':[{'name':'a'}]}", "id must be a URN" },
		{ "{'id':'" URN_USER "','attributes':[{'name':'a'}]}", "always there" },
		{ "{'id':'URN:ietf:params:scim:schemas:oracle:idcs:extension:posix:user',"
		  "'attributes':[{'name':'a'}]}", "always there" },
		{ "{'id':'urn:ietf:params:scim:api:messages:2.0:X','attributes':[{'name':'a'}]}",
		  "a message" },
		{ "{'id':'urn:x:y'}", "attributes must be a list" },
		{ "{'id':'urn:x:y','attributes':[]}", "1 to 200 attributes" },
		{ "{'id':'urn:x:y','attributes':['a']}", "objects with a name" },
		{ "{'id':'urn:x:y','attributes':[{}]}", "objects with a name" },
		{ "{'id':'urn:x:y','atributes':[]}", "has \"atributes\", which is not known" },
		{ "{'id':'urn:x:y','attributes':[{'name':'a','typ':'string'}]}",
		  "a has \"typ\", which is not known" },
		{ "{'id':'urn:x:y','attributes':[{'name':'a b'}]}", "a b has a name" },
		{ "{'id':'urn:x:y','attributes':[{'name':'a'},{'name':'A'}]}", "has \"A\" twice" },
		{ "{'id':'urn:x:y','attributes':[{'name':'Active','type':'boolean'}]}",
		  "cannot be called active" },
		{ "{'id':'urn:x:y','attributes':[{'name':'a','type':'text'}]}", "a type is none" },
		{ "{'id':'urn:x:y','attributes':[{'name':'a','type':5}]}", "a type is none" },
		{ "{'id':'urn:x:y','attributes':[{'name':'a','required':'yes'}]}",
		  "required must be true or false" },
		{ "{'id':'urn:x:y','attributes':[{'name':'a','returned':'sometimes'}]}",
		  "returned is none" },
		{ "{'id':'urn:x:y','attributes':[{'name':'a','mutability':''}]}",
		  "mutability is none" },
		{ "{'id':'urn:x:y','attributes':[{'name':'a','canonicalValues':[1]}]}",
		  "canonicalValues must be a list" },
		{ "{'id':'urn:x:y','attributes':[{'name':'a','referenceTypes':'User'}]}",
		  "referenceTypes must be a list" },
		{ "{'id':'urn:x:y','attributes':[{'name':'a','subAttributes':'b'}]}",
		  "a must have subAttributes" },
		{ "{'id':'urn:x:y','attributes':[{'name':'a','type':'complex',"
		  "'subAttributes':{'name':'b'}}]}",
		  "a must have subAttributes" },
		{ "{'id':'urn:x:y','attributes':{'name':'a'}}", "attributes must be a list" },
		{ "{'id':['urn:x:y'],'attributes':[]}", "id must be a string" },
		{ "{'id':'urn:x:y','attributes':[{'name':5}]}", "objects with a name" },
		{ "{'id':'urn:x:y','attributes':[{'name':'a','type':'complex'}]}",
		  "a must have subAttributes" },
		{ "{'id':'urn:x:y','attributes':[{'name':'a','subAttributes':[{'name':'b'}]}]}",
		  "a must have subAttributes" },
		{ "{'id':'urn:x:y','attributes':[{'name':'a','type':'complex','subAttributes':"
		  "[{'name':'b','multiValued':true}]}]}", "a.b is within another" },
		{ "{'id':'urn:x:y','attributes':[{'name':'a','type':'complex','subAttributes':"
		  "[{'name':'b','returned':'never'}]}]}", "a.b cannot be writeOnly" },
		{ "{'id':'urn:x:y','attributes':[{'name':'a','multiValued':true,"
		  "'uniqueness':'server'}]}", "a can be unique only" },
		{ "{'id':'urn:x:y','attributes':[{'name':'a','returned':'never',"
		  "'uniqueness':'server'}]}", "a cannot be unique" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(schema_set_freep) struct schema_set *set = NULL;
		_cleanup_free_ char *text = quoted(cases[i].document);
		struct fault fault = { .status = 0 };

		T_OK(schema_set_new(&set));
		T_INT(schema_set_add(set, "x", RESOURCE_USER, text, strlen(text), &fault),
		      -EPROTO);
		if (!strstr(fault.detail, cases[i].why))
			fprintf(stderr, "%s: %s\n", cases[i].document, fault.detail);
		T_TRUE(strstr(fault.detail, cases[i].why) != NULL);
	}
}

/* The same document leaves everything where it is; another one is another schema, and what pointed
 * at the old one still may. */
static void test_install(void)
{
	_cleanup_(schema_set_freep) struct schema_set *set = NULL;
	static const char other[] = "{\"id\":\"urn:x:y\",\"attributes\":[{\"name\":\"a\"}]}";
	const struct schema *before;
	struct fault fault;

	install();
	before = schema_find(URN, strlen(URN));
	T_FATAL(before != NULL);
	install();
	T_TRUE(schema_find(URN, strlen(URN)) == before);
	T_OK(schema_set_new(&set));
	T_OK(schema_set_add(set, "y", RESOURCE_GROUP, other, strlen(other), &fault));
	T_INT(schema_set_add(set, "z", RESOURCE_USER, other, strlen(other), &fault), -EPROTO);
	T_OK(schema_set_install(&set));
	T_TRUE(schema_find(URN, strlen(URN)) == NULL);
	T_TRUE(schema_find("URN:X:Y", 7) != NULL);
	T_STR(before->attributes[0].name, "number");
	install();
	T_TRUE(schema_find(URN, strlen(URN)) == before);
}

static struct json_object *created(const char *badge)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_(json_putp) struct json_object *body = NULL;
	_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
	struct fault fault = { .status = 0 };

	T_TRUE(asprintf(&text, "{'userName':'u','active':true,'" URN "':%s}", badge) > 0);
	body = object_of(text);
	T_OK(resource_create(RESOURCE_USER, NULL, body, &edit, &fault));
	return json_object_get(edit.resource);
}

static void test_values(void)
{
	static const struct {
		const char *badge;
		const char *wanted; /* NULL: refused */
	} cases[] = {
		{ "{'number':'7'}", "{'number':'7'}" },
		{ "{'NUMBER':'7','LEVEL':-3,'height':1.5,'visitor':'True'}",
		  "{'number':'7','level':-3,'height':1.5,'visitor':true}" },
		{ "{'number':'7','level':'12','height':2}", "{'number':'7','level':12,'height':2}" },
		{ "{'number':'7','lastSeen':'2020-01-01T00:00:00Z','pin':'1234'}",
		  "{'number':'7'}" },
		{ "{'number':'7','colour':'blue'}", "{'number':'7','colour':'blue'}" },
		{ "{'number':'7','doors':['a','A','a']}", "{'number':'7','doors':['a','A']}" },
		{ "{'number':'7','floors':[1,'2']}", "{'number':'7','floors':[1,2]}" },
		{ "{'number':'7','unheard':'of'}", "{'number':'7'}" },
		{ "{'number':'7','host':'boss'}", "{'number':'7','host':{'value':'boss'}}" },
		{ "{'level':1}", NULL }, /* without what is required */
		{ "{'number':''}", NULL },
		{ "{'number':7}", NULL },
		{ "{'number':'7','level':1.5}", NULL },
		{ "{'number':'7','level':'1x'}", NULL },
		{ "{'number':'7','level':true}", NULL },
		{ "{'number':'7','height':'1.5'}", NULL },
		{ "{'number':'7','visitor':1}", NULL },
		{ "{'number':'7','issued':'yesterday'}", NULL },
		{ "{'number':'7','issued':'2023-02-29T00:00:00Z'}", NULL },
		{ "{'number':'7','issued':'2024-04-31T00:00:00Z'}", NULL },
		{ "{'number':'7','issued':'2024-01-01T24:00:01Z'}", NULL },
		{ "{'number':'7','issued':'2024-02-29T24:00:00Z'}",
		  "{'number':'7','issued':'2024-02-29T24:00:00Z'}" },
		{ "{'number':'7','issued':'2024-12-31T23:59:60.5-11:30'}",
		  "{'number':'7','issued':'2024-12-31T23:59:60.5-11:30'}" },
		{ "{'number':'7','pin':5}", NULL },
		{ "{'number':'7','host':{'$ref':'../Users/x'}}", NULL },
		{ "{'number':'7','cards':[{'value':'1','primary':true},"
		  "{'value':'2','primary':true}]}", NULL },
	};

	install();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = NULL;
		_cleanup_(json_putp) struct json_object *body = NULL;
		_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
		struct fault fault = { .status = 0 };
		int r;

		T_TRUE(asprintf(&text, "{'userName':'u','" URN "':%s}", cases[i].badge) > 0);
		body = object_of(text);
		r = resource_create(RESOURCE_USER, NULL, body, &edit, &fault);
		T_INT(r, cases[i].wanted ? 0 : -EPROTO);
		if (cases[i].wanted && r == 0)
			T_TRUE(is_json(json_get(edit.resource, URN), cases[i].wanted));
		if (!cases[i].wanted)
			T_STR(fault.scim_type, "invalidValue");
	}
}

static void test_patch(void)
{
	static const char start[] = "{'number':'7','issued':'2020-01-01T00:00:00Z',"
				    "'host':{'value':'h','since':'2020-01-01T00:00:00Z'},"
				    "'cards':[{'value':'a','type':'day'}],'floors':[1,2]}";
	static const struct {
		const char *operation;
		const char *attribute, *wanted;
		const char *fault;
	} cases[] = {
		{ "'op':'replace','path':'" URN ":level','value':4", "level", "4", NULL },
		{ "'op':'replace','path':'level','value':4", "level", "4", NULL },
		{ "'op':'add','value':{'" URN ":level':5}", "level", "5", NULL },
		{ "'op':'add','value':{'" URN "':{'level':5}}", "level", "5", NULL },
		{ "'op':'add','path':'" URN "','value':{'level':5}", "level", "5", NULL },
		{ "'op':'add','path':'" URN ":floors','value':[3]", "floors", "[1,2,3]", NULL },
		{ "'op':'remove','path':'" URN ":floors[value gt 1]'", "floors", "[1]", NULL },
		{ "'op':'add','path':'" URN ":cards[type eq \\'night\\'].value','value':'n'", "cards",
		  "[{'value':'a','type':'day'},{'type':'night','value':'n'}]", NULL },
		{ "'op':'replace','path':'" URN ":issued','value':'2020-01-01T00:00:00Z'",
		  "issued", "'2020-01-01T00:00:00Z'", NULL },
		{ "'op':'replace','path':'" URN ":issued','value':'2021-01-01T00:00:00Z'", NULL,
		  NULL, "mutability" },
		{ "'op':'remove','path':'" URN ":issued'", NULL, NULL, "mutability" },
		{ "'op':'replace','path':'" URN ":host.since','value':'2021-01-01T00:00:00Z'",
		  NULL, NULL, "mutability" },
		{ "'op':'add','path':'" URN ":host','value':{'since':'2021-01-01T00:00:00Z'}",
		  NULL, NULL, "mutability" },
		{ "'op':'remove','path':'" URN ":host.since'", NULL, NULL, "mutability" },
		{ "'op':'remove','path':'" URN ":number'", NULL, NULL, "mutability" },
		{ "'op':'remove','path':'" URN ":host.value'", NULL, NULL, "invalidValue" },
		{ "'op':'replace','path':'" URN ":lastSeen','value':'2020-01-01T00:00:00Z'", NULL,
		  NULL, "mutability" },
		{ "'op':'replace','path':'" URN ":level','value':'x'", NULL, NULL,
		  "invalidValue" },
		{ "'op':'replace','path':'" URN ":nothing','value':'x'", NULL, NULL,
		  "invalidPath" },
		{ "'op':'replace','path':'" URN ":pin','value':'1'", "pin", NULL, NULL },
	};

	install();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = NULL;
		_cleanup_(json_putp) struct json_object *current = created(start), *body = NULL;
		_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
		struct fault fault = { .status = 0 };
		struct json_object *value;
		int r;

		T_TRUE(asprintf(&text, "{'Operations':[{%s}]}", cases[i].operation) > 0);
		body = object_of(text);
		r = resource_patch(RESOURCE_USER, NULL, current, body, &edit, &fault);
		if ((r == 0) != !cases[i].fault)
			fprintf(stderr, "%s: %s\n", cases[i].operation, fault.detail);
		T_INT(r, cases[i].fault ? -EPROTO : 0);
		if (cases[i].fault) {
			T_STR(fault.scim_type, cases[i].fault);
			continue;
		}
		value = json_get(json_get(edit.resource, URN), cases[i].attribute);
		T_TRUE(cases[i].wanted ? is_json(value, cases[i].wanted) : value == NULL);
	}
}

/* PUT keeps what is immutable and not said, and refuses what is said otherwise. */
static void test_replace(void)
{
	_cleanup_(json_putp) struct json_object *current = NULL, *without = NULL, *other = NULL;
	_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
	_cleanup_(resource_edit_done) struct resource_edit none = { .resource = NULL };
	struct fault fault = { .status = 0 };

	install();
	current = created("{'number':'7','issued':'2020-01-01T00:00:00Z','level':1}");
	without = object_of("{'userName':'u','" URN "':{'number':'8'}}");
	T_OK(resource_replace(RESOURCE_USER, NULL, current, without, &edit, &fault));
	T_TRUE(is_json(json_get(edit.resource, URN),
		       "{'number':'8','issued':'2020-01-01T00:00:00Z'}"));
	other = object_of("{'userName':'u','" URN
			  "':{'number':'7','issued':'2021-01-01T00:00:00Z'}}");
	T_INT(resource_replace(RESOURCE_USER, NULL, current, other, &none, &fault), -EPROTO);
	T_STR(fault.scim_type, "mutability");
}

static void test_filter(void)
{
	static const struct {
		const char *filter;
		int wanted; /* -1: refused */
	} cases[] = {
		{ URN ":number eq 'ab'", 1 },
		{ "number eq 'AB'", 1 },
		{ URN ":seal eq 'AB'", 0 },
		{ URN ":level gt 2 and " URN ":level lt 4", 1 },
		{ URN ":level gt 2.5", 1 },
		{ URN ":height gt 1 and " URN ":height lt 2", 1 },
		{ URN ":height eq 1.5", 1 },
		{ URN ":visitor eq true", 1 },
		{ URN ":visitor gt true", -1 },
		{ URN ":issued gt '2019-12-31T23:59:59-01:00'", 0 },
		{ URN ":issued ge '2020-01-01T01:00:00+01:00'", 1 },
		{ URN ":floors eq 2", 1 },
		{ URN ":floors[value gt 2]", 0 },
		{ URN ":doors sw 'n'", 1 },
		{ URN ":doors eq 'North'", 0 },
		{ URN ":cards[type eq 'day' and value eq 'a']", 1 },
		{ URN ":cards[type eq 'day'].value eq 'b'", 0 },
		{ URN ":host eq 'h'", 1 },
		{ URN ":pin eq '1'", -1 },
		{ URN ":nothing pr", -1 },
	};
	_cleanup_(json_putp) struct json_object *resource = NULL;

	install();
	resource = created("{'number':'aB','seal':'ab','level':3,'height':1.5,'visitor':true,"
			   "'issued':'2020-01-01T00:00:00Z','floors':[1,2],'doors':['north'],"
			   "'cards':[{'value':'a','type':'day'},{'value':'b'}],"
			   "'host':{'value':'h'}}");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = quoted(cases[i].filter);
		_cleanup_(filter_freep) struct filter *filter = NULL;
		struct fault fault = { .status = 0 };
		int r = filter_parse(RESOURCE_USER, text, strlen(text), &filter, &fault);

		if (r == 0)
			r = filter_matches(filter, resource);
		else
			r = -1;
		if (r != cases[i].wanted)
			fprintf(stderr, "%s\n", text);
		T_INT(r, cases[i].wanted);
	}
}

static void test_project(void)
{
	static const struct {
		const char *attributes, *excluded, *wanted;
	} cases[] = {
		{ NULL, NULL, "{'number':'7','seal':'s','cards':[{'value':'a'}]}" },
		{ URN ":note", NULL, "{'seal':'s','note':'n'}" },
		{ "userName", NULL, "{'seal':'s'}" },
		{ NULL, URN ":seal," URN ":number", "{'seal':'s','cards':[{'value':'a'}]}" },
		{ NULL, URN, "{'seal':'s'}" },
		{ URN ":cards.hint", NULL, "{'seal':'s','cards':[{'hint':'h'}]}" },
		{ URN ":cards", NULL, "{'seal':'s','cards':[{'value':'a'}]}" },
	};

	install();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(json_putp) struct json_object *full =
			created("{'number':'7','seal':'s','note':'n',"
				"'cards':[{'value':'a','hint':'h'}]}");
		struct fault fault;

		T_OK(resource_project(RESOURCE_USER, full, cases[i].attributes, cases[i].excluded,
				      &fault));
		T_TRUE(is_json(json_get(full, URN), cases[i].wanted));
	}
}

static void test_sort(void)
{
	static const char *const heights[] = { "-10.5", "-2", "-0.5", "0", "0.25", "1", "3.5",
					       "1e10" };
	_cleanup_(sort_freep) struct sort *sort = NULL;
	_cleanup_free_ char *last = NULL;
	struct fault fault;

	install();
	T_OK(sort_parse(RESOURCE_USER, false, URN ":height", &sort, &fault));
	for (size_t i = 0; i < ARRAY_SIZE(heights); i++) {
		_cleanup_(json_putp) struct json_object *resource = NULL;
		_cleanup_free_ char *badge = NULL;
		char *key = NULL;

		T_TRUE(asprintf(&badge, "{'number':'7','height':%s}", heights[i]) > 0);
		resource = created(badge);
		T_OK(sort_key(sort, resource, &key));
		T_TRUE(!last || sort_compare(last, key) < 0);
		free(last);
		last = key;
	}
}

static void test_secret(void)
{
	install();
	T_TRUE(schema_is_secret("pin"));
	T_TRUE(schema_is_secret(URN ":PIN"));
	T_TRUE(schema_is_secret("pin[value eq 1]"));
	T_TRUE(!schema_is_secret("pins"));
	T_TRUE(!schema_is_secret("spin"));
	T_TRUE(!schema_is_secret(URN ":number"));
	T_TRUE(!schema_is_secret(""));
}

static void test_unique(void)
{
	_cleanup_(json_putp) struct json_object *resource = NULL;
	_cleanup_free_ char *lines = NULL, *value = NULL;

	install();
	resource = created("{'number':'A\\n7'}");
	T_OK(resource_unique_values(RESOURCE_USER, resource, &lines));
	T_STR(lines, URN ":number=a\0017\n");
	T_OK(resource_value(RESOURCE_USER, resource, URN ":number", &value));
	T_STR(value, "A\n7");
}

static void test_kept(void)
{
	static const struct resource_rules keeps = { .keeps_unknown = true };
	static const char other[] = "urn:other:1.0:User";
	static const struct {
		const char *operation;
		const char *wanted; /* NULL: nothing of it is left; "": refused */
	} cases[] = {
		{ "'op':'add','value':{'urn:other:1.0:User':{'b':2}}", "{'a':{'x':1},'b':2}" },
		{ "'op':'replace','value':{'urn:other:1.0:User:a':7}", "{'a':7}" },
		{ "'op':'add','path':'URN:other:1.0:user:b','value':[1]", "{'a':{'x':1},'b':[1]}" },
		{ "'op':'add','path':'urn:other:1.0:User','value':{'b':2}",
		  "{'a':{'x':1},'b':2}" },
		{ "'op':'remove','path':'urn:other:1.0:User:a'", NULL },
		{ "'op':'remove','path':'urn:other:1.0:User'", NULL },
		{ "'op':'add','path':'urn:other:1.0:User:active','value':false", "" },
		{ "'op':'add','path':'urn:other:1.0:User','value':{'active':false}", "" },
		{ "'op':'add','value':{'urn:other:1.0:User':{'Active':false}}", "" },
		{ "'op':'add','path':'urn:unheard:of','value':5", "" },
		{ "'op':'add','path':'urn:other:1.0:User:password','value':'x'", "{'a':{'x':1}}" },
	};

	install();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(json_putp) struct json_object *body = object_of(
			"{'userName':'u','urn:other:1.0:User':"
			"{'a':{'x':1,'password':'p'},'Password':'s'}}");
		_cleanup_(json_putp) struct json_object *patch = NULL, *urns = NULL;
		_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
		_cleanup_(resource_edit_done) struct resource_edit after = { .resource = NULL };
		_cleanup_free_ char *text = NULL;
		struct fault fault;
		int r;

		T_OK(resource_create(RESOURCE_USER, &keeps, body, &edit, &fault));
		T_TRUE(is_json(json_get(edit.resource, other), "{'a':{'x':1}}"));
		urns = resource_schemas(RESOURCE_USER, edit.resource);
		T_TRUE(is_json(urns, "['" URN_USER "','urn:other:1.0:User']"));
		T_TRUE(asprintf(&text, "{'Operations':[{%s}]}", cases[i].operation) > 0);
		patch = object_of(text);
		r = resource_patch(RESOURCE_USER, &keeps, edit.resource, patch, &after, &fault);
		T_INT(r, cases[i].wanted && !*cases[i].wanted ? -EPROTO : 0);
		if (r == 0 && cases[i].wanted)
			T_TRUE(is_json(json_get(after.resource, other), cases[i].wanted));
		if (r == 0 && !cases[i].wanted)
			T_TRUE(json_get(after.resource, other) == NULL);
	}
}

static void test_strict_schemas(void)
{
	static const struct resource_rules strict = { .checks_schemas = true };
	static const struct {
		const char *body;
		bool good;
	} cases[] = {
		{ "{'schemas':['" URN_USER "'],'userName':'u'}", true },
		{ "{'schemas':['URN:ietf:params:scim:schemas:core:2.0:user','" URN_ENTERPRISE
		  "'],'userName':'u'}", true },
		{ "{'schemas':['" URN_USER "','" URN "'],'userName':'u','" URN
		  "':{'number':'1'}}", true },
		{ "{'schemas':['" URN_USER "','" URN_POSIX_USER "'],'userName':'u',"
		  "'urn:ietf:params:scim:schemas:oracle:idcs:extension:posix:User':"
		  "{'uidNumber':70000}}", true },
		{ "{'userName':'u'}", false },
		{ "{'schemas':[],'userName':'u'}", false },
		{ "{'schemas':'" URN_USER "','userName':'u'}", false },
		{ "{'schemas':['" URN_GROUP "'],'userName':'u'}", false },
		{ "{'schemas':['" URN_USER "','urn:x:y'],'userName':'u'}", false },
		{ "{'schemas':['" URN_USER "'],'userName':'u','" URN "':{'number':'1'}}", false },
	};

	install();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(json_putp) struct json_object *body = object_of(cases[i].body);
		_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
		struct fault fault;
		int r = resource_create(RESOURCE_USER, &strict, body, &edit, &fault);

		T_INT(r, cases[i].good ? 0 : -EPROTO);
		if (!cases[i].good)
			T_STR(fault.scim_type, "invalidSyntax");
	}
}

T_MAIN("schema_file", T(test_bad_documents), T(test_install), T(test_values), T(test_patch),
       T(test_replace), T(test_filter), T(test_project), T(test_sort), T(test_secret), T(test_unique),
       T(test_kept), T(test_strict_schemas))
