/* A deactivation cannot hide: whatever a request says that may have been meant to keep somebody out,
 * in a shape which is not the attribute `active`, is remembered, and if that person would be active
 * after the request, it is refused. */
#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "scimd/model/json.h"
#include "scimd/model/json_private.h"
#include "scimd/model/resource_editor.h"
#include "scimd/model/utf8.h"
#include "scimd/model/value.h"

#define WORD_SIZE 32
#define WIDE_A 0xff21u /* U+FF21 FULLWIDTH LATIN CAPITAL LETTER A; the small ones are 32 behind */
#define DAYS_PAST 10000 /* since 1970: a day in 1997 */
#define AD_DISABLED 2 /* ACCOUNTDISABLE of userAccountControl */

enum meaning {
	MEANS_NOTHING,
	MEANS_ACTIVE,
	MEANS_IN,
	MEANS_OUT,
	MEANS_STATE,
	MEANS_LAST_DAY,
	MEANS_AD_FLAGS,
};

/* The small ASCII letter that a character is, or that somebody meant by one of another keyboard or
 * locale ("active" in Turkish capitals has a dot on its I); 0 for none. */
static char letter_of(uint32_t character)
{
	static const struct {
		uint16_t character;
		char letter;
	} alike[] = {
		{ 0x0130, 'i' }, { 0x0131, 'i' }, { 0x0391, 'a' }, { 0x0395, 'e' }, { 0x0399, 'i' },
		{ 0x039a, 'k' }, { 0x039f, 'o' }, { 0x03a4, 't' }, { 0x03b1, 'a' }, { 0x03b5, 'e' },
		{ 0x03b9, 'i' }, { 0x03ba, 'k' }, { 0x03bd, 'v' }, { 0x03bf, 'o' }, { 0x03c4, 't' },
		{ 0x0405, 's' }, { 0x0406, 'i' }, { 0x0410, 'a' }, { 0x0412, 'b' }, { 0x0415, 'e' },
		{ 0x041a, 'k' }, { 0x041e, 'o' }, { 0x0420, 'p' }, { 0x0421, 'c' }, { 0x0422, 't' },
		{ 0x0430, 'a' }, { 0x0435, 'e' }, { 0x043a, 'k' }, { 0x043e, 'o' }, { 0x0440, 'p' },
		{ 0x0441, 'c' }, { 0x0442, 't' }, { 0x0455, 's' }, { 0x0456, 'i' }, { 0x0474, 'v' },
		{ 0x0475, 'v' }, { 0x0501, 'd' },
	};

	if (character < 0x80)
		return isalpha((int)character) ? (char)tolower((int)character) : '\0';
	if (character >= WIDE_A && character < WIDE_A + 64 && (character - WIDE_A) % 32 < 26)
		return (char)('a' + (character - WIDE_A) % 32);
	for (size_t i = 0; i < ARRAY_SIZE(alike); i++) {
		if (alike[i].character == character)
			return alike[i].letter;
	}
	return '\0';
}

/* Lower-case letters alone, so that "is_active" and " Active" are seen for what they mean. */
static void letters(const char *name, size_t len, char *ret, size_t size)
{
	size_t used = 0;
	uint32_t character;

	for (size_t at = 0; at < len && used + 1 < size;) {
		int step = utf8_decode(name + at, len - at, &character);
		char letter = step > 0 ? letter_of(character) : '\0';

		if (letter)
			ret[used++] = letter;
		at += step > 0 ? (size_t)step : 1;
	}
	ret[used] = '\0';
}

static bool is_one_of(const char *const *words, const char *word)
{
	for (; *words; words++) {
		if (strcmp(word, *words) == 0)
			return true;
	}
	return false;
}

static bool is_word(const char *const *words, const char *text)
{
	char word[WORD_SIZE];

	letters(text, strlen(text), word, sizeof(word));
	return is_one_of(words, word);
}

/* What says whose or that something is, and no more: "user" and "is" of "isUserActive". */
static const char *const fillers[] = {
	"is", "user", "account", "login", "employee", "person", "flag", NULL,
};

static bool cut_front(char *word)
{
	for (const char *const *filler = fillers; *filler; filler++) {
		size_t len = strlen(*filler);

		if (strncmp(word, *filler, len) == 0) {
			memmove(word, word + len, strlen(word + len) + 1);
			return true;
		}
	}
	return false;
}

static bool cut_end(char *word, const char *end)
{
	size_t len = strlen(word), end_len = strlen(end);

	if (len < end_len || strcmp(word + len - end_len, end) != 0)
		return false;
	word[len - end_len] = '\0';
	return true;
}

static void cut_fillers(char *word)
{
	bool found = true;

	while (found) {
		found = cut_front(word);
		for (const char *const *filler = fillers; !found && *filler; filler++)
			found = cut_end(word, *filler);
	}
}

/* "status" and "userState", but not the state of anything. */
static bool is_state(char *word)
{
	static const char *const whose[] = {
		"", "active", "activation", "enabled", "lifecycle", "employment", NULL,
	};

	if (strcmp(word, "lifecycle") == 0)
		return true;
	if (!cut_end(word, "status") && !cut_end(word, "state"))
		return false;
	cut_fillers(word);
	return is_one_of(whose, word);
}

static enum meaning meaning_of_word(char *word)
{
	static const char *const in[] = {
		"enabled",    "enable",	    "activate",	 "activated",  "loginallowed",
		"allowlogin", "canlogin",   "nonlocked", "nonexpired", NULL,
	};
	static const char *const out[] = {
		"inactive",  "unactive",  "notactive",	   "deactive",	"deactivated", "deactivate",
		"disabled",  "disable",	  "suspended",	   "suspend",	"locked",      "lock",
		"lockedout", "lockout",	  "blocked",	   "banned",	"frozen",      "terminated",
		"revoked",   "archived",  "deleted",	   "softdeleted", "deprovisioned",
		"offboarded", "expired",  "nsaccountlock", "lockouttime", "pwdaccountlockedtime", NULL,
	};

	if (strcmp(word, "active") == 0)
		return MEANS_ACTIVE;
	if (strcmp(word, "shadowexpire") == 0)
		return MEANS_LAST_DAY;
	if (strcmp(word, "useraccountcontrol") == 0)
		return MEANS_AD_FLAGS;
	if (is_one_of(in, word))
		return MEANS_IN;
	if (is_one_of(out, word))
		return MEANS_OUT;
	cut_fillers(word);
	if (is_one_of(in, word) || strcmp(word, "active") == 0)
		return MEANS_IN;
	if (is_one_of(out, word) || (cut_end(word, "at") && is_one_of(out, word)))
		return MEANS_OUT;
	return is_state(word) ? MEANS_STATE : MEANS_NOTHING;
}

/* What the last part of a name speaks of: true for those in, true for those out, or a state. A
 * "value" below it, and what comes behind ";", is part of how it is said. */
static enum meaning meaning_of(const char *name)
{
	char word[WORD_SIZE];
	size_t end = strcspn(name, ";"), start;

	for (;;) {
		while (end > 0 && strchr(":./#", name[end - 1]))
			end--;
		start = end;
		while (start > 0 && !strchr(":./#", name[start - 1]))
			start--;
		letters(name + start, end - start, word, sizeof(word));
		if (start == 0 || strcmp(word, "value") != 0)
			return meaning_of_word(word);
		end = start;
	}
}

bool editor_means_active(const char *name)
{
	enum meaning meaning = meaning_of(name);

	return meaning == MEANS_ACTIVE || meaning == MEANS_IN || meaning == MEANS_OUT;
}

/* 1 and 0 for what says yes and no, -1 for anything else. */
static int truth_of(struct json_object *value)
{
	static const char *const yes[] = { "true", "yes", "y", "on", "t", "active", "enabled", NULL };
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

/* { "value": X } and [X] are X said with more words. */
static struct json_object *unwrap(struct json_object *value)
{
	if (json_object_is_type(value, json_type_array) && json_object_array_length(value) == 1)
		value = json_object_array_get_idx(value, 0);
	return json_object_is_type(value, json_type_object) ? json_get(value, "value") : value;
}

/* Of numbers only 1 is known to say that somebody is in. */
static bool is_state_out(struct json_object *value)
{
	static const char *const words[] = {
		"inactive", "notactive",   "deactive",	  "deactivated", "disabled", "disable",
		"suspended", "terminated", "locked",	  "lockedout",	 "blocked",  "banned",
		"revoked",  "archived",	   "deleted",	  "deprovisioned", "offboarded", "removed",
		"expired",  "closed",	   "cancelled",	  "canceled",	 "leaver",   "left",
		"departed", "resigned",	   "dismissed",	  "retired",	 NULL,
	};

	value = unwrap(value);
	if (json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double))
		return json_object_get_double(value) != 1;
	if (json_object_is_type(value, json_type_string) &&
	    is_word(words, json_object_get_string(value)))
		return true;
	return truth_of(value) == 0;
}

/* A number, also as a string. */
static bool number_of(struct json_object *value, int64_t *ret)
{
	const char *text = json_object_get_string(value);

	if (!json_object_is_type(value, json_type_int) &&
	    !(json_object_is_type(value, json_type_string) && isdigit((unsigned char)*text)))
		return false;
	*ret = json_object_get_int64(value);
	return true;
}

static bool is_empty_text(struct json_object *value)
{
	return json_object_is_type(value, json_type_string) &&
	       json_object_get_string_len(value) == 0;
}

static bool says_out(enum meaning meaning, struct json_object *value)
{
	int64_t number;

	switch (meaning) {
	case MEANS_ACTIVE:
	case MEANS_IN:
		return truth_of(value) != 1;
	case MEANS_OUT:
		return value && !is_empty_text(value) && truth_of(value) != 0;
	case MEANS_STATE:
		return is_state_out(value);
	case MEANS_LAST_DAY:
		return number_of(value, &number) && number >= 0 && number < DAYS_PAST;
	case MEANS_AD_FLAGS:
		return number_of(value, &number) && (number & AD_DISABLED) != 0;
	default:
		return false;
	}
}

bool editor_says_out(const char *name, struct json_object *value)
{
	return says_out(meaning_of(name), value);
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

/* An operation that got into the value of another one. */
static bool is_operation(const char *name, struct json_object *value)
{
	if (strcasecmp(name, "Operations") == 0)
		return true;
	return strcasecmp(name, "path") == 0 && json_object_is_type(value, json_type_string) &&
	       editor_means_active(json_object_get_string(value));
}

void editor_look_at_unknown(struct editor *editor, const char *name, struct json_object *value)
{
	enum meaning meaning = meaning_of(name);

	if (editor->type != RESOURCE_USER)
		return;
	if (says_out(meaning, value) || is_operation(name, value))
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
