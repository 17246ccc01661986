/* SPDX-License-Identifier: MIT */
/*
 * durable NAME - a worker that may be killed at any moment: started again, it goes on where it was. It prints each
 * record, and ends when the producer has closed.
 *
 * The order is what matters: finish the work, then release. Whoever is killed in between gets the record again, so
 * each is worked on at least once; its sequence number tells whether that was done before.
 */
#include <shmring/shmring.h>

#include <errno.h>
#include <stdio.h>

/* The work. It is done when this returns. */
static int work_on(const struct shmring_record *record)
{
	if (record->lost != 0)
		printf("(%llu lost)\n", (unsigned long long)record->lost);
	printf("%llu: %.*s\n", (unsigned long long)record->sequence, (int)record->length,
	       (const char *)record->data);
	return fflush(stdout) == 0 ? 0 : -EIO;
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
		fprintf(stderr, "Usage: durable NAME\n");
		return 2;
	}
	options.subscription = "worker";
	options.durable = 1;
	options.timeout_ns = -1; /* the ring may come later */
	error = shmring_consumer_open(&consumer, argv[1], &options);
	if (error) {
		fprintf(stderr, "durable: open: %s\n", shmring_strerror(error));
		return 1;
	}
	do {
		error = work(consumer);
		/* Killed as well: the next one goes on behind what it has published. */
		if (error == -EOWNERDEAD)
			error = shmring_wait(consumer, -1);
		/* Somebody called shmring_evict: the next record tells what was lost. */
		if (error == -ECONNRESET)
			error = shmring_rejoin(consumer, NULL);
	} while (error == 0 || error == -EOWNERDEAD);
	shmring_consumer_close(consumer);
	if (error == -EPIPE)
		return 0;
	fprintf(stderr, "durable: %s\n", shmring_strerror(error));
	return 1;
}
