#include "scimd/service/media.h"

#include "shared/attrs.h"
#include "tests/unit/t.h"

static void content_types(void)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
		{ NULL, true },
		{ "application/scim+json", true },
		{ "application/scim+json; charset=utf-8", true },
		{ "application/json;charset=UTF-8", true },
		{ " Application/JSON ", true },
		{ "application/jsonx", false },
		{ "application/json-patch+json", false },
		{ "application/json; version=1; charset=\"UTF-8\"; q=1", true },
		{ "application/json; charset=us-ascii", true },
		{ "application/json; charset=iso-8859-1", false },
		{ "application/scim+json; q=1;charset=utf-16", false },
		{ "text/plain", false },
		{ "application/x-www-form-urlencoded", false },
		{ "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		T_INT(media_is_scim(cases[i].text), cases[i].want);
}

static void accepts(void)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
		{ NULL, true },
		{ "", true },
		{ "*/*", true },
		{ "application/*", true },
		{ "application/scim+json", true },
		{ "application/json, text/javascript, */*; q=0.01", true },
		{ "text/html, application/json;q=0.9", true },
		{ "text/html", false },
		{ "text/html, application/xml", false },
		{ "application/json;q=0", false },
		{ "application/json; q=0.000", false },
		{ "application/json;q=0.001", true },
		{ "*/*;q=0", false },
		{ "application/*;q=0, application/json", true },
		{ "application/*;q=0, */*", false }, /* the closest range decides */
		{ "application/json;q=0, application/scim+json;q=0, */*", false },
		{ "application/scim+json;q=0, */*", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		T_INT(media_is_accepted(cases[i].text), cases[i].want);
}

static void entity_tags(void)
{
	static const struct {
		const char *text;
		const char *tag;
		bool want;
	} cases[] = {
		{ "W/\"3\"", "W/\"3\"", true },
		{ "\"3\"", "W/\"3\"", true },
		{ "W/\"3\"", "\"3\"", true },
		{ "*", "W/\"3\"", true },
		{ "W/\"1\", W/\"3\"", "W/\"3\"", true },
		{ "\"1\",\"3\"", "W/\"3\"", true },
		{ "W/\"3\"", "W/\"33\"", false },
		{ "W/\"33\"", "W/\"3\"", false },
		{ "W/\"4\"", "W/\"3\"", false },
		{ "3", "W/\"3\"", false },
		{ "", "W/\"3\"", false },
		{ "W/", "W/\"3\"", false },
		{ "\"", "W/\"3\"", false },
		{ "W/\"3\"", "W/\"3-12ab\"", false },
		{ "W/\"3-12ab\"", "W/\"3-12ab\"", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		T_INT(media_etag_matches(cases[i].text, cases[i].tag), cases[i].want);
}

T_MAIN("media", T(content_types), T(accepts), T(entity_tags))
