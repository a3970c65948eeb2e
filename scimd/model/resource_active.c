/* A deactivation cannot hide: whatever a request says that may have been meant to keep somebody out,
 * in a shape which is not the attribute `active`, is remembered, and if that person would be active
 * after the request, it is refused. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "scimd/model/json_private.h"
#include "scimd/model/resource_editor.h"
#include "scimd/model/value.h"

#define WORD_SIZE 32

/* Lower-case letters alone, so that "is_active" and " Active" are seen for what they mean. */
static void letters(const char *name, char *ret, size_t size)
{
	size_t used = 0;

	for (; *name && used + 1 < size; name++) {
		if (isalpha((unsigned char)*name))
			ret[used++] = (char)tolower((unsigned char)*name);
	}
	ret[used] = '\0';
}

static bool is_word(const char *const *words, const char *text)
{
	char word[WORD_SIZE];

	letters(text, word, sizeof(word));
	for (; *words; words++) {
		if (strcmp(word, *words) == 0)
			return true;
	}
	return false;
}

enum meaning { MEANS_NOTHING, MEANS_ACTIVE, MEANS_IN, MEANS_OUT, MEANS_STATE };

/* What the last part of a name speaks of: true for those in, true for those out, or a state. */
static enum meaning meaning_of(const char *name)
{
	static const char *const active[] = { "active", NULL };
	static const char *const in[] = {
		"isactive", "useractive",     "accountactive", "enabled",      "isenabled",
		"enable",   "accountenabled", "activate",      "activated",    "isactivated",
		"loginenabled", "loginallowed", NULL,
	};
	static const char *const out[] = {
		"inactive",    "isinactive", "disabled",       "isdisabled",	"disable",
		"accountdisabled", "suspended", "issuspended", "suspend",	"deactivated",
		"isdeactivated", "deactivate", "locked",       "islocked",	"accountlocked",
		"lockedout",   "islockedout", "blocked",       "isblocked",	"terminated",
		"isterminated", "revoked",    "isrevoked",     "archived",	"isarchived",
		"deleted",     "isdeleted",   "softdeleted",   "issoftdeleted", NULL,
	};
	static const char *const state[] = {
		"status",      "userstatus",  "accountstatus", "state",		"userstate",
		"accountstate", "lifecyclestatus", "lifecyclestate", "employmentstatus", NULL,
	};
	const char *last = name + strlen(name);

	while (last > name && !strchr(":./", last[-1]))
		last--;
	if (is_word(active, last))
		return MEANS_ACTIVE;
	if (is_word(in, last))
		return MEANS_IN;
	if (is_word(out, last))
		return MEANS_OUT;
	return is_word(state, last) ? MEANS_STATE : MEANS_NOTHING;
}

bool editor_means_active(const char *name)
{
	enum meaning meaning = meaning_of(name);

	return meaning != MEANS_NOTHING && meaning != MEANS_STATE;
}

/* 1 and 0 for what says yes and no, -1 for anything else. */
static int truth_of(struct json_object *value)
{
	static const char *const yes[] = { "true", "yes", "y", "on", "t", NULL };
	static const char *const no[] = { "false", "no", "n", "off", "f", NULL };
	const char *text = json_object_get_string(value);

	switch (json_object_get_type(value)) {
	case json_type_boolean:
		return json_object_get_boolean(value);
	case json_type_int:
		return json_object_get_int64(value) != 0;
	case json_type_string:
		if (is_word(yes, text) || strcmp(text, "1") == 0)
			return 1;
		return is_word(no, text) || strcmp(text, "0") == 0 ? 0 : -1;
	default:
		return -1;
	}
}

static bool is_state_out(struct json_object *value)
{
	static const char *const words[] = {
		"inactive", "disabled", "suspended", "deactivated", "deprovisioned", "terminated",
		"locked",   "lockedout", "blocked",  "revoked",	    "archived",	     "deleted",
		NULL,
	};

	return json_object_is_type(value, json_type_string) &&
	       is_word(words, json_object_get_string(value));
}

static bool says_out(enum meaning meaning, struct json_object *value)
{
	switch (meaning) {
	case MEANS_ACTIVE:
	case MEANS_IN:
		return truth_of(value) != 1;
	case MEANS_OUT:
		return value && truth_of(value) != 0;
	case MEANS_STATE:
		return is_state_out(value);
	default:
		return false;
	}
}

void editor_remember_out(struct editor *editor, const char *name)
{
	size_t len = strnlen(name, sizeof(editor->out) - 1);

	if (editor->out[0] || editor->type != RESOURCE_USER)
		return;
	memcpy(editor->out, name, len);
	editor->out[len] = '\0';
	if (len == 0)
		editor->out[0] = '?';
}

/* "active" within objects which nobody looks into. What is in a list is a thing the person has. */
static void look_within(struct editor *editor, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_object))
		return;
	json_object_object_foreach(value, name, member) {
		if (meaning_of(name) == MEANS_ACTIVE && says_out(MEANS_ACTIVE, member))
			editor_remember_out(editor, name);
		else
			look_within(editor, member);
	}
}

void editor_look_at_unknown(struct editor *editor, const char *name, struct json_object *value)
{
	enum meaning meaning = meaning_of(name);

	if (editor->type != RESOURCE_USER)
		return;
	if (says_out(meaning, value))
		editor_remember_out(editor, name);
	/* An extension nobody knows may have the attribute. */
	if (strchr(name, ':') && json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, inner, member) {
			if (says_out(meaning_of(inner), member))
				editor_remember_out(editor, inner);
		}
	}
	look_within(editor, value);
}

void editor_look_within(struct editor *editor, const struct schema_attribute *attribute,
			struct json_object *value)
{
	if (editor->type != RESOURCE_USER || !json_object_is_type(value, json_type_object))
		return;
	json_object_object_foreach(value, name, member) {
		if (!schema_attribute_find(attribute->sub, name, strlen(name)) &&
		    meaning_of(name) == MEANS_ACTIVE && says_out(MEANS_ACTIVE, member))
			editor_remember_out(editor, name);
		else
			look_within(editor, member);
	}
}

int editor_check_active(struct editor *editor)
{
	struct json_object *active = json_member(editor->edit.resource, "active");

	if (!editor->out[0] || !json_object_get_boolean(active))
		return 0;
	return fault_set(editor->fault, 400, "invalidValue",
			 "\"%.100s\" seems to say that the person may not be here, and \"active\" "
			 "that they may; set active to false, or leave the other out",
			 editor->out);
}
