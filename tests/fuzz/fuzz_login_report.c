/* A datagram about a denied login: refused, or strings that are all inside of it; and what is written
 * from them is read as the same. */
#include "shared/login_report.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct login_report report, again;
	char buffer[LOGIN_REPORT_MAX];
	const char **strings = (const char **)&report;
	char *text = malloc(size ? size : 1);
	size_t total = sizeof(LOGIN_REPORT_MAGIC), written;

	HOLDS(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	if (login_report_read(text, size, &report) == 0) {
		for (size_t i = 0; i < LOGIN_REPORT_STRINGS; i++) {
			HOLDS(strings[i] >= text && strings[i] < text + size);
			total += strlen(strings[i]) + 1;
		}
		HOLDS(total == size);
		written = login_report_write(&report, buffer);
		HOLDS(written <= LOGIN_REPORT_MAX && written <= size);
		HOLDS(login_report_read(buffer, written, &again) == 0);
		HOLDS(strncmp(again.user, report.user, LOGIN_REPORT_STRING_MAX) == 0);
		HOLDS(strncmp(again.reason, report.reason, LOGIN_REPORT_STRING_MAX) == 0);
	}
	free(text);
	return 0;
}
