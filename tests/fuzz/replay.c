/* replay FILE|FOLDER... - runs kept inputs through the fuzzer that this is linked with. */
#include <dirent.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

static unsigned int count;

static void replay_file(const char *path)
{
	FILE *file = fopen(path, "re");
	uint8_t *data = NULL;
	size_t size = 0, got;

	HOLDS(file != NULL);
	do {
		data = realloc(data, size + 65536);
		HOLDS(data != NULL);
		got = fread(data + size, 1, 65536, file);
		size += got;
	} while (got > 0);
	(void)fclose(file);
	data = realloc(data, size ? size : 1); /* exactly as large */
	HOLDS(data != NULL);
	(void)fprintf(stderr, "%s\n", path); /* the last one is the one that crashed */
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
	count++;
}

static void replay(const char *path)
{
	struct stat st;
	struct dirent *entry;
	DIR *folder;

	HOLDS(stat(path, &st) == 0);
	if (!S_ISDIR(st.st_mode)) {
		replay_file(path);
		return;
	}
	folder = opendir(path);
	HOLDS(folder != NULL);
	while ((entry = readdir(folder))) {
		char file[4096];

		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		replay_file(file);
	}
	(void)closedir(folder);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (count == 0) {
		(void)fprintf(stderr, "usage: %s FILE|FOLDER...\n", argv[0]);
		return 2;
	}
	printf("%u passed, 0 failed\n", count);
	return 0;
}
