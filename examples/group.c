/* SPDX-License-Identifier: MIT */
/*
 * group NAME - a worker that shares the work with others: start as many as you like, as they are needed. Each record
 * goes to one of them. It prints each record, and ends when the producer has closed.
 *
 * Each record is answered by a line on standard input, which stands for the work and the time it takes; at the end of
 * the input it goes on without. Whoever is killed meanwhile has not released its record, so that another worker gets
 * it again, flagged: the work may have been done before, in part or as a whole.
 */
#include <shmring/shmring.h>

#include <errno.h>
#include <stdio.h>

/* The work. It is done when this returns. */
static int work_on(const struct shmring_record *record)
{
	int letter;

	if (record->lost != 0)
		printf("(%llu lost)\n", (unsigned long long)record->lost);
	printf("%llu: %.*s%s\n", (unsigned long long)record->sequence, (int)record->length,
	       (const char *)record->data,
	       record->flags & SHMRING_REDELIVERED ? " (again)" : "");
	if (fflush(stdout) != 0)
		return -EIO;
	do
		letter = getchar();
	while (letter != EOF && letter != '\n');
	return 0;
}

static int work(struct shmring_consumer *consumer)
{
	struct shmring_record record;
	int error = shmring_read(consumer, &record);

	if (error == -EAGAIN)
		return shmring_wait(consumer, -1);
	if (error == 0)
		error = work_on(&record);
	return error ? error : shmring_release(consumer);
}

int main(int argc, char **argv)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_consumer *consumer;
	int error;

	if (argc != 2) {
		fprintf(stderr, "Usage: group NAME\n");
		return 2;
	}
	options.subscription = "workers";
	options.shared = 1;
	options.timeout_ns = -1; /* the ring may come later */
	error = shmring_consumer_open(&consumer, argv[1], &options);
	if (error) {
		fprintf(stderr, "group: open: %s\n", shmring_strerror(error));
		return 1;
	}
	do {
		error = work(consumer);
		/* The next producer goes on behind what this one has published. */
		if (error == -EOWNERDEAD)
			error = shmring_wait(consumer, -1);
		/* Somebody called shmring_evict: the next record tells what was lost. */
		if (error == -ECONNRESET)
			error = shmring_rejoin(consumer, NULL);
	} while (error == 0 || error == -EOWNERDEAD);
	shmring_consumer_close(consumer);
	if (error == -EPIPE)
		return 0;
	fprintf(stderr, "group: %s\n", shmring_strerror(error));
	return 1;
}
