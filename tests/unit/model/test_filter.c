#include "scimd/model/filter.h"

#include "tests/unit/model/model.h"

static const char user[] =
	"{'schemas':['urn:ietf:params:scim:schemas:core:2.0:User'],'id':'Ab1','externalId':'E9',"
	"'userName':'Barbara@Example.com','active':true,'title':'Tour Guide','nickName':'',"
	"'name':{'familyName':'Jensen','givenName':'B\\u00e4rbel'},"
	"'emails':[{'value':'bj@work.example','type':'work','primary':true},"
	"{'value':'bj@home.example','type':'home'}],"
	"'groups':[{'value':'g1','display':'Admins'}],"
	"'meta':{'resourceType':'User','created':'2024-05-13T04:42:34Z',"
	"'lastModified':'2025-01-01T00:00:00.500Z'},"
	"'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User':"
	"{'department':'Ops','manager':{'value':'m1'}},"
	"'urn:ietf:params:scim:schemas:extension:posix:2.0:User':"
	"{'uidNumber':70000,'sshPublicKeys':['ssh-ed25519 AAAA a','ssh-rsa BBBB b']}}";

static int parse(enum resource_type type, const char *text, struct filter **ret,
		 struct fault *fault)
{
	_cleanup_free_ char *filter = quoted(text);

	return filter_parse(type, filter, strlen(filter), ret, fault);
}

static void test_matches(void)
{
	static const struct {
		const char *filter;
		bool wanted;
	} cases[] = {
		{ "userName eq 'barbara@example.COM'", true },
		{ "USERNAME EQ 'barbara@example.com'", true },
		{ "userName eq 'barbara'", false },
		{ "urn:ietf:params:scim:schemas:core:2.0:User:userName sw 'BARB'", true },
		{ "URN:IETF:params:scim:schemas:core:2.0:user:userName ew '.com'", true },
		{ "userName co '@ex'", true },
		{ "userName ne 'x'", true },
		{ "userName gt 'a'", true },
		{ "userName ge 'BARBARA@example.com'", true },
		{ "userName lt 'b'", false },
		{ "userName le 'c'", true },
		{ "id eq 'Ab1'", true },
		{ "id eq 'ab1'", false },
		{ "externalId eq E9", true },
		{ "externalId eq e9", false },
		{ "title pr", true },
		{ "nickName pr", false },
		{ "displayName pr", false },
		{ "name pr", true },
		{ "emails pr", true },
		{ "phoneNumbers pr", false },
		{ "displayName eq null", true },
		{ "title eq null", false },
		{ "title ne null", true },
		{ "displayName ne 'x'", true },
		{ "active eq true", true },
		{ "ActiVe eq True", true },
		{ "active eq 'True'", true },
		{ "active eq 'False'", false },
		{ "active ne false", true },
		{ "name.familyName eq 'jensen'", true },
		{ "name.givenName eq 'B\\u00c4RBEL'", true },
		{ "emails eq 'bj@home.example'", true },
		{ "emails co 'home'", true },
		{ "emails ne 'bj@home.example'", false },
		{ "emails.Value eq 'BJ@work.example'", true },
		{ "emails.type eq 'work' and emails.value co 'home'", true },
		{ "emails[type eq 'work' and value co 'home']", false },
		{ "emails[type eq 'work' and value co '@work']", true },
		{ "emails[type eq 'home' or type eq 'x']", true },
		{ "emails[not (type eq 'work')]", true },
		{ "emails[primary eq 'True'].value eq 'bj@work.example'", true },
		{ "emails[type eq 'work'].value eq 'bj@work.example'", true },
		{ "emails[type eq 'home'].value eq 'bj@work.example'", false },
		{ "emails[type eq 'work'].display pr", false },
		{ "emails[value pr]", true },
		{ "name[familyName eq 'Jensen']", true },
		{ "groups eq 'g1'", true },
		{ "groups.display eq 'admins'", true },
		{ "manager eq 'm1'", true },
		{ "manager.value eq 'M1'", false },
		{ "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq 'ops'",
		  true },
		{ "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value pr",
		  true },
		{ "uidNumber eq 70000", true },
		{ "uidNumber eq '70000'", true },
		{ "uidNumber gt 69999.5", true },
		{ "uidNumber lt 7", false },
		{ "urn:ietf:params:scim:schemas:oracle:idcs:extension:posix:User:uidNumber ge 70000",
		  true },
		{ "sshPublicKeys sw 'ssh-rsa'", true },
		{ "sshPublicKeys[value co 'AAAA']", true },
		{ "meta.resourceType eq 'User'", true },
		{ "meta.lastModified gt '2025-01-01T00:00:00Z'", true },
		{ "meta.lastModified eq '2025-01-01T01:00:00.5+01:00'", true },
		{ "meta.lastModified gt '2024-12-31T20:00:01-05:00'", false },
		{ "meta.Created gt 2015-01-01T00:00:00-07:00", true },
		{ "meta.created sw '2024-05'", true },
		{ "schemas eq 'urn:ietf:params:scim:schemas:core:2.0:User'", true },
		/* and binds tighter than or, not tighter than and */
		{ "title pr or displayName pr and nickName pr", true },
		{ "(title pr or displayName pr) and nickName pr", false },
		{ "displayName pr and nickName pr or title pr", true },
		{ "not (title pr) or title pr", true },
		{ "not (title pr) and title pr or active eq true", true },
		{ "NOT(displayName pr) AND title pr", true },
		{ "not (not (title pr))", true },
		{ "not (displayName pr and title pr)", true },
		{ "((title pr))", true },
		{ "(title pr)and(active eq true)", true },
		{ "  title   pr  ", true },
		{ "title eq 'Tour \\u0047uide'", true },
		{ "title eq 'a ] ) and b'", false },
	};
	_cleanup_(json_putp) struct json_object *resource = object_of(user);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(filter_freep) struct filter *filter = NULL;
		struct fault fault = { .detail = "" };
		int r = parse(RESOURCE_USER, cases[i].filter, &filter, &fault);

		T_OK(r);
		if (r < 0 || filter_matches(filter, resource) != cases[i].wanted)
			fprintf(stderr, "<%s> %s\n", cases[i].filter, fault.detail);
		T_TRUE(r == 0 && filter_matches(filter, resource) == cases[i].wanted);
	}
}

static void test_refused(void)
{
	static const char *const cases[] = {
		"",
		" ",
		"userName",
		"userName ",
		"userName eq",
		"userName eq ",
		"userName xx 'a'",
		"userName eq 'a",
		"userName eq 'a' and",
		"userName eq 'a' xor title pr",
		"userName eq 'a' title pr",
		"userName eq 'a'and title pr",
		"and title pr",
		"(title pr",
		"title pr)",
		"()",
		"not title pr",
		"not",
		"eq 'a'",
		"nonsense eq 'a'",
		"userName.value eq 'a'",
		"name.nonsense eq 'a'",
		"name eq 'a'",
		"addresses eq 'a'",
		"urn:unknown:userName eq 'a'",
		"urn:ietf:params:scim:schemas:core:2.0:User pr",
		"urn:ietf:params:scim:schemas:core:2.0:Group:displayName pr",
		"members eq 'x'",
		"emails[type eq 'work'",
		"emails[]",
		"emails[type eq 'work']]",
		"emails[emails[type eq 'a']]",
		"emails[value[type eq 'a']]",
		"emails.value[type eq 'a']",
		"userName[value eq 'a']",
		"emails[type eq 'work'].nonsense eq 'a'",
		"emails[type eq 'work'].value",
		"password eq 'a'",
		"password pr",
		"active gt true",
		"active co 'tr'",
		"active eq 'yes'",
		"active eq 1",
		"uidNumber eq 'abc'",
		"uidNumber co 7",
		"x509Certificates.value gt 'a'",
		"meta.created gt 'yesterday'",
		"meta.created gt '2024-13-01T00:00:00Z'",
		"title gt null",
		"title eq '\\x'",
		"title eq 'a\\",
		"title eq '\xff'",
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(filter_freep) struct filter *filter = NULL;
		struct fault fault = { .status = 0 };
		int r = parse(RESOURCE_USER, cases[i], &filter, &fault);

		if (r != -EPROTO)
			fprintf(stderr, "<%s> %d\n", cases[i], r);
		T_INT(r, -EPROTO);
		T_STR(fault.scim_type, "invalidFilter");
		T_INT(fault.status, 400);
		T_TRUE(fault.detail[0] != '\0');
	}
}

static void test_limits(void)
{
	_cleanup_(filter_freep) struct filter *filter = NULL;
	char text[FILTER_MAX_BYTES + 2];
	struct fault fault;
	size_t len = 0;

	memset(text, '(', FILTER_DEPTH_MAX);
	memcpy(text + FILTER_DEPTH_MAX, "title pr", 8);
	memset(text + FILTER_DEPTH_MAX + 8, ')', FILTER_DEPTH_MAX);
	T_OK(filter_parse(RESOURCE_USER, text, 2 * FILTER_DEPTH_MAX + 8, &filter, &fault));
	filter_freep(&filter);
	memset(text, '(', FILTER_DEPTH_MAX + 1);
	T_INT(filter_parse(RESOURCE_USER, text, FILTER_DEPTH_MAX + 1, &filter, &fault), -EPROTO);
	T_TRUE(strstr(fault.detail, "deep") != NULL);
	memset(text, ' ', sizeof(text));
	T_INT(filter_parse(RESOURCE_USER, text, sizeof(text), &filter, &fault), -EPROTO);
	T_TRUE(strstr(fault.detail, "longer") != NULL);
	for (; len + 9 + 12 < FILTER_MAX_BYTES; len += 12)
		memcpy(text + len, "title pr or ", 12);
	memcpy(text + len, "title pr ", 9);
	T_OK(filter_parse(RESOURCE_USER, text, len + 9, &filter, &fault));
	T_INT(filter_parse(RESOURCE_USER, "title pr\0 x", 11, &filter, &fault), -EPROTO);
}

static void test_requires(void)
{
	static const struct {
		enum resource_type type;
		const char *filter, *path, *wanted;
	} cases[] = {
		{ RESOURCE_USER, "userName eq 'Bob'", "userName", "Bob" },
		{ RESOURCE_USER, "title pr and id eq 'x' and manager eq 'y'", "id", "x" },
		{ RESOURCE_USER, "id eq 'x' or id eq 'y'", "id", NULL },
		{ RESOURCE_USER, "not (id eq 'x')", "id", NULL },
		{ RESOURCE_USER, "id ne 'x'", "id", NULL },
		{ RESOURCE_USER, "id sw 'x'", "id", NULL },
		{ RESOURCE_USER, "userName eq 'Bob'", "id", NULL },
		{ RESOURCE_USER, "emails eq 'a@b'", "emails.value", "a@b" },
		{ RESOURCE_USER, "emails.value eq 'a@b'", "emails.value", "a@b" },
		{ RESOURCE_USER, "emails[value eq 'a@b']", "emails.value", "a@b" },
		{ RESOURCE_USER, "emails[type eq 'work'].value eq 'a@b'", "emails.value", "a@b" },
		{ RESOURCE_USER, "emails.type eq 'a@b'", "emails.value", NULL },
		{ RESOURCE_USER, "id eq null", "id", NULL },
		{ RESOURCE_GROUP, "id eq 'g' and members eq 'u'", "members.value", "u" },
		{ RESOURCE_GROUP, "members[value eq 'u']", "members.value", "u" },
		{ RESOURCE_GROUP, "displayName eq 'D'", "displayName", "D" },
		{ RESOURCE_GROUP, "externalId eq 'D'", "externalId", "D" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(filter_freep) struct filter *filter = NULL;
		struct fault fault;

		T_OK(parse(cases[i].type, cases[i].filter, &filter, &fault));
		T_FATAL(filter != NULL);
		T_STR(filter_requires(filter, cases[i].path), cases[i].wanted);
	}
}

static void test_uses(void)
{
	_cleanup_(filter_freep) struct filter *filter = NULL;
	struct fault fault;

	T_OK(parse(RESOURCE_USER, "title pr and not (groups[value eq 'x'] or meta.created pr)",
		   &filter, &fault));
	T_FATAL(filter != NULL);
	T_TRUE(filter_uses(filter, "groups"));
	T_TRUE(filter_uses(filter, "meta"));
	T_TRUE(filter_uses(filter, "title"));
	T_TRUE(!filter_uses(filter, "members"));
}

T_MAIN("filter", T(test_matches), T(test_refused), T(test_limits), T(test_requires), T(test_uses))
