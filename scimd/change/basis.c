/* What evaluation depends on, in one digest. A start at which it is what it was, with a directory that
 * shows what the store holds, has nobody to evaluate. Files count by their inode and change time, not by
 * their content: the warden may have read what was in them in between. */
#include "scimd/change/internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <gnutls/crypto.h>

#include "scimd/model/json.h"
#include "scimd/model/schema.h"

#define RULES 2 /* raised when a start makes something else of the same resource */

/* Another text for another state of the file; scimd may not be able to read it. */
static void file_print(FILE *out, int folder, const char *path)
{
	struct stat st;

	if (fstatat(folder, path, &st, 0) < 0) {
		fprintf(out, "%s: %d\n", path, errno);
		return;
	}
	/* Not its device: some have another number after each boot. */
	fprintf(out, "%s: %llu %lld %lld.%ld\n", path, (unsigned long long)st.st_ino,
		(long long)st.st_size, (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
}

static void folder_print(FILE *out, const char *path)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **entries;
	int count = folder < 0 ? -1 : scandirat(folder, ".", &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.')
			file_print(out, folder, entries[i]->d_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	if (folder >= 0)
		(void)close(folder);
	fprintf(out, "%s: %d files\n", path, count);
}

static int schemas_print(FILE *out)
{
	_cleanup_(json_putp) struct json_object *documents = schema_documents("", NULL);
	_cleanup_free_ char *text = documents ? json_text(documents) : NULL;

	if (!text)
		return -ENOMEM;
	fprintf(out, "%s\n", text);
	return 0;
}

static int all_print(FILE *out, const struct change_engine *engine)
{
	struct conf conf = *engine->confs->conf; /* borrows */

	conf.connection_count = 0; /* who pushes makes no difference, and there are secrets in it */
	fprintf(out, "scimd %s %d\n", SCIMD_VERSION, RULES);
	conf_print(&conf, out);
	file_print(out, AT_FDCWD, engine->files.conf_file);
	if (engine->files.conf_dropins) /* not with -C "" */
		folder_print(out, engine->files.conf_dropins);
	file_print(out, AT_FDCWD, engine->files.passwd);
	file_print(out, AT_FDCWD, engine->files.group);
	return schemas_print(out);
}

int basis_make(struct change_engine *engine, unsigned char ret[static STORE_BASIS_SIZE])
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int r;

	if (!out)
		return -ENOMEM;
	r = all_print(out, engine);
	if (fclose(out) != 0)
		return -ENOMEM;
	if (r == 0 && gnutls_hash_fast(GNUTLS_DIG_SHA256, text, size, ret) < 0)
		r = -ENOTSUP;
	return r;
}
