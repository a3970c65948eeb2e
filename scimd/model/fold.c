/* json_fold: how names are compared without case. */
#include "scimd/model/json.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scimd/model/fold_table.h"
#include "scimd/model/utf8.h"

#define MARK_FIRST 0x300u /* of all pairs, U+0300 COMBINING GRAVE ACCENT */

static uint32_t fold_character(uint32_t character)
{
	size_t low = 0, high = ARRAY_SIZE(fold_ranges);

	if (character < 0x80)
		return character >= 'A' && character <= 'Z' ? character + 32 : character;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (character > fold_ranges[middle].last)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == ARRAY_SIZE(fold_ranges) || character < fold_ranges[low].first ||
	    (character - fold_ranges[low].first) % fold_ranges[low].step != 0)
		return character;
	return character + (uint32_t)fold_ranges[low].delta;
}

/* The character that base and mark make together, 0 if none. */
static uint32_t compose(uint32_t base, uint32_t mark)
{
	uint64_t wanted = (uint64_t)base << 32 | mark;
	size_t low = 0, high = ARRAY_SIZE(fold_pairs);

	if (mark < MARK_FIRST)
		return 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		uint64_t here = (uint64_t)fold_pairs[middle].base << 32 | fold_pairs[middle].mark;

		if (here == wanted)
			return fold_pairs[middle].composed;
		if (here < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

void json_fold_into(const char *text, size_t len, char *folded)
{
	size_t out = 0, previous_at = 0;
	uint32_t previous = 0, character = 0, composed;

	for (size_t at = 0; at < len;) {
		int size = utf8_decode(text + at, len - at, &character);

		if (size < 0) {
			folded[out++] = text[at++];
			previous = 0;
			continue;
		}
		at += (size_t)size;
		character = fold_character(character);
		composed = previous ? compose(previous, character) : 0;
		if (composed) {
			out = previous_at;
			character = composed;
		}
		previous = character;
		previous_at = out;
		out += utf8_encode(character, folded + out);
	}
	folded[out] = '\0';
}

char *json_fold(const char *text)
{
	size_t len = strlen(text);
	char *folded = malloc(JSON_FOLD_ROOM(len));

	if (folded)
		json_fold_into(text, len, folded);
	return folded;
}
