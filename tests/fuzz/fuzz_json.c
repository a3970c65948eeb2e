/* JSON: what is taken prints to a text that parses to the same again, and to the same text. */
#include "scimd/model/json.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(json_putp) struct json_object *first = NULL, *second = NULL;
	_cleanup_free_ char *text = NULL, *again = NULL;
	struct fault fault = { 0 };
	int r = json_parse((const char *)data, size, &first, &fault);

	if (r < 0) {
		HOLDS(r == -EPROTO && fault.status == 400 && fault.detail[0] != '\0');
		return 0;
	}
	text = json_text(first);
	HOLDS(text != NULL);
	HOLDS(json_parse(text, strlen(text), &second, &fault) == 0);
	HOLDS(json_object_equal(first, second));
	again = json_text(second);
	HOLDS(again != NULL && strcmp(text, again) == 0);
	return 0;
}
