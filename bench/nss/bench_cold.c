/* bench_cold [SERVICE NAME] - a process that looks one user up through glibc and ends, or only ends. */
#include <nss.h>
#include <pwd.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc < 3)
		return 0;
	if (strcmp(argv[1], "nscd") != 0)
		__nss_configure_lookup("passwd", argv[1]);
	return getpwnam(argv[2]) ? 0 : 1;
}
