/* crowd.c - becomes N processes, each of which waits for ever: crowd N. For tests and benchmarks. */
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 0;

	for (int i = 0; i < count; i++)
		if (fork() == 0)
			for (;;)
				(void)pause();
	return 0;
}
