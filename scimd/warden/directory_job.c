/* Writing a large file, syncing it and giving it back wait for the disk much longer than a change may. A
 * thread does that with a file which is nobody else's meanwhile; it lives as long as the job. */
#include "scimd/warden/directory_file.h"

static void *job_thread(void *context)
{
	struct directory_file *file = context;
	int r = file->job.run(file, file->job.options);

	__atomic_store_n(&file->job.result, r, __ATOMIC_RELEASE);
	return NULL;
}

int directory_job_begin(struct directory_file *file, directory_job_fn run,
			const struct directory_writer_options *options)
{
	struct directory_job *job = &file->job;
	int error;

	*job = (struct directory_job){ .run = run, .options = options, .result = -EINPROGRESS };
	error = pthread_create(&job->thread, NULL, job_thread, file);
	if (error)
		job->run = NULL;
	return -error;
}

bool directory_job_runs(const struct directory_file *file)
{
	return file->job.run &&
	       __atomic_load_n(&file->job.result, __ATOMIC_ACQUIRE) == -EINPROGRESS;
}

int directory_job_result(struct directory_file *file)
{
	if (directory_job_runs(file))
		return -EINPROGRESS;
	directory_job_stop(file);
	return file->job.result;
}

void directory_job_stop(struct directory_file *file)
{
	if (!file->job.run)
		return;
	__atomic_store_n(&file->job.stop, true, __ATOMIC_RELAXED);
	(void)pthread_join(file->job.thread, NULL); /* ours, and not joined yet: cannot fail */
	file->job.run = NULL;
}
