/* SPDX-License-Identifier: MIT */
/* cancel NAME - reads a ring's records until SIGINT or SIGTERM, and then leaves in good order. */
#include <shmring/shmring.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

static struct shmring_consumer *consumer;
static volatile sig_atomic_t stopping;

/* The flag is for the loop, the cancel for a wait, be it under way or yet to come. */
static void stop(int signal)
{
	(void)signal;
	stopping = 1;
	shmring_cancel(consumer);
}

static bool producer_left(int error)
{
	return error == -EPIPE || error == -EOWNERDEAD;
}

int main(int argc, char **argv)
{
	struct shmring_record record;
	int error;

	if (argc != 2) {
		fprintf(stderr, "Usage: cancel NAME\n");
		return 2;
	}
	error = shmring_consumer_open(&consumer, argv[1], NULL);
	if (error) {
		fprintf(stderr, "cancel: open: %s\n", shmring_strerror(error));
		return 1;
	}
	/* Only now is there something for the handler to cancel. */
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	printf("waiting\n");
	fflush(stdout);

	while (!stopping) {
		error = shmring_read(consumer, &record);
		if (error == 0) {
			printf("%.*s\n", (int)record.length, (const char *)record.data);
			fflush(stdout);
			error = shmring_release(consumer);
		} else if (error == -EAGAIN || producer_left(error)) {
			/* Told once that a producer is gone, a consumer may wait for the next one. */
			error = shmring_wait(consumer, -1);
		}
		if (error != 0 && !producer_left(error))
			break;
	}
	shmring_consumer_close(consumer);
	if (stopping)
		return 0;
	fprintf(stderr, "cancel: %s\n", shmring_strerror(error));
	return 1;
}
