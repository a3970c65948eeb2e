#include "scimd/service/query.h"

#include "tests/unit/t.h"

static void decodes(void)
{
	static const struct {
		const char *text;
		bool plus;
		int result;
		const char *want;
	} cases[] = {
		{ "abc", true, 0, "abc" },
		{ "", true, 0, "" },
		{ "a+b%20c", true, 0, "a b c" },
		{ "a+b%2Bc", false, 0, "a+b+c" },
		{ "%2b%2B", true, 0, "++" },
		{ "%C3%A9", true, 0, "\xc3\xa9" },
		{ "%25%32%30", true, 0, "%20" }, /* once, not twice */
		{ "%00", true, -EINVAL, NULL },
		{ "a%00b", true, -EINVAL, NULL },
		{ "%", true, -EINVAL, NULL },
		{ "%4", true, -EINVAL, NULL },
		{ "%4x", true, -EINVAL, NULL },
		{ "%C3", true, -EINVAL, NULL },
		{ "%C0%80", true, -EINVAL, NULL },     /* overlong NUL */
		{ "%ED%A0%80", true, -EINVAL, NULL },  /* surrogate */
		{ "%F4%90%80%80", true, -EINVAL, NULL }, /* beyond U+10FFFF */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *got = NULL;

		T_INT(query_decode(cases[i].text, strlen(cases[i].text), cases[i].plus, &got),
		      cases[i].result);
		T_STR(got, cases[i].want);
	}
}

static void understands(void)
{
	static const struct {
		const char *text;
		struct query want;
	} cases[] = {
		{ NULL, { .start = 1 } },
		{ "", { .start = 1 } },
		{ "&&", { .start = 1 } },
		{ "aadOptscim062020", { .start = 1 } },
		{ "x=y&=&x=z", { .start = 1 } },
		{ "sortBy=userName&sortOrder=Descending",
		  { .sort_by = (char *)"userName", .start = 1, .descending = true } },
		{ "sortby=&sortOrder=", { .start = 1 } },
		{ "sortOrder=ascending", { .start = 1 } },
		{ "cursor", { .cursor = (char *)"", .start = 1 } },
		{ "cursor=&count=5",
		  { .cursor = (char *)"", .start = 1, .count = 5, .has_count = true } },
		{ "cursor=a-_9&startIndex=1", { .cursor = (char *)"a-_9", .start = 1 } },
		{ "filter=userName%20eq%20%22a%40b.example%22&startIndex=1&count=100",
		  { .filter = (char *)"userName eq \"a@b.example\"",
		    .start = 1,
		    .count = 100,
		    .has_count = true } },
		{ "FILTER=a+eq+%22b%26c%3Dd%22",
		  { .filter = (char *)"a eq \"b&c=d\"", .start = 1 } },
		{ "filter=id eq \"a=b\"", { .filter = (char *)"id eq \"a=b\"", .start = 1 } },
		{ "startindex=0", { .start = 1 } },
		{ "startIndex=-5&count=-1", { .start = 1, .has_count = true } },
		{ "startIndex=201", { .start = 201 } },
		{ "count=0", { .start = 1, .has_count = true } },
		{ "count=99999999999999999999",
		  { .start = 1, .count = INT64_MAX, .has_count = true } },
		{ "attributes=id,userName", { .attributes = (char *)"id,userName", .start = 1 } },
		{ "excludedattributes=members", { .excluded = (char *)"members", .start = 1 } },
		{ "attributes=&excludedAttributes=members",
		  { .excluded = (char *)"members", .start = 1 } },
		{ "filter=", { .filter = (char *)"", .start = 1 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(query_done) struct query got = {};
		struct fault fault = {};

		T_OK(query_parse(cases[i].text, &got, &fault));
		T_STR(got.filter, cases[i].want.filter);
		T_STR(got.attributes, cases[i].want.attributes);
		T_STR(got.excluded, cases[i].want.excluded);
		T_STR(got.sort_by, cases[i].want.sort_by);
		T_STR(got.cursor, cases[i].want.cursor);
		T_INT(got.descending, cases[i].want.descending);
		T_INT(got.start, cases[i].want.start);
		T_INT(got.count, cases[i].want.count);
		T_INT(got.has_count, cases[i].want.has_count);
	}
}

static void refuses(void)
{
	static const struct {
		const char *text, *scim_type;
	} cases[] = {
		{ "filter=a%00b", "invalidSyntax" },
		{ "unknown=%00", "invalidSyntax" },
		{ "un%00known", "invalidSyntax" },
		{ "filter=%", "invalidSyntax" },
		{ "filter=%ff", "invalidSyntax" },
		{ "startIndex=one", "invalidValue" },
		{ "startIndex=", "invalidValue" },
		{ "startIndex", "invalidValue" },
		{ "count=1x", "invalidValue" },
		{ "count= 1", "invalidValue" },
		{ "count=-", "invalidValue" },
		{ "count=1&count=2", "invalidValue" },
		{ "startIndex=1&startindex=1", "invalidValue" },
		{ "filter=a&Filter=b", "invalidValue" },
		{ "attributes=id&excludedAttributes=name", "invalidValue" },
		{ "cursor&startIndex=2", "invalidCursor" },
		{ "cursor=a&cursor=b", "invalidValue" },
		{ "sortBy=id&sortby=id", "invalidValue" },
		{ "sortOrder=up", "invalidValue" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct query got = {};
		struct fault fault = {};

		T_INT(query_parse(cases[i].text, &got, &fault), -EPROTO);
		T_INT(fault.status, 400);
		T_STR(fault.scim_type, cases[i].scim_type);
		T_TRUE(fault.detail[0] != '\0');
		T_INT(got.start, 0); /* untouched */
	}
}

static void reads_bodies(void)
{
	static const struct {
		const char *text, *scim_type; /* NULL: read as want says */
		struct query want;
	} cases[] = {
		{ "{}", NULL, { .start = 1 } },
		{ "{\"schemas\":[\"x\"],\"filter\":\"id pr\",\"startIndex\":3,\"count\":2,"
		  "\"sortBy\":\"id\",\"sortOrder\":\"descending\"}",
		  NULL,
		  { .filter = (char *)"id pr", .sort_by = (char *)"id", .start = 3, .count = 2,
		    .has_count = true, .descending = true } },
		{ "{\"attributes\":[\"id\",\"userName\"]}", NULL,
		  { .attributes = (char *)"id,userName", .start = 1 } },
		{ "{\"attributes\":[],\"excludedAttributes\":\"emails\"}", NULL,
		  { .excluded = (char *)"emails", .start = 1 } },
		{ "{\"cursor\":\"\",\"count\":-1,\"startIndex\":null}", NULL,
		  { .cursor = (char *)"", .start = 1, .has_count = true } },
		{ "{\"filter\":1}", "invalidValue", {} },
		{ "{\"count\":\"1\"}", "invalidValue", {} },
		{ "{\"startIndex\":1.5}", "invalidValue", {} },
		{ "{\"attributes\":{}}", "invalidValue", {} },
		{ "{\"attributes\":[\"id\"],\"excludedAttributes\":[\"id\"]}", "invalidValue",
		  {} },
		{ "{\"sortOrder\":\"up\"}", "invalidValue", {} },
		{ "{\"filter\":\"a\",\"Filter\":\"b\"}", "invalidValue", {} },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(query_done) struct query got = {};
		struct json_object *body = json_tokener_parse(cases[i].text);
		struct fault fault = {};
		int r = query_read(body, &got, &fault);

		json_object_put(body);
		T_INT(r, cases[i].scim_type ? -EPROTO : 0);
		T_STR(fault.scim_type, cases[i].scim_type);
		T_STR(got.filter, cases[i].want.filter);
		T_STR(got.attributes, cases[i].want.attributes);
		T_STR(got.excluded, cases[i].want.excluded);
		T_STR(got.sort_by, cases[i].want.sort_by);
		T_STR(got.cursor, cases[i].want.cursor);
		T_INT(got.start, cases[i].want.start);
		T_INT(got.count, cases[i].want.count);
		T_INT(got.has_count, cases[i].want.has_count);
		T_INT(got.descending, cases[i].want.descending);
	}
}

T_MAIN("query", T(reads_bodies), T(decodes), T(understands), T(refuses))
