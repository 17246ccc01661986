/* SPDX-License-Identifier: MIT */
/* consumer NAME - waits for a ring, reads all its records, and ends when the producer has closed it. */
#include <shmring/shmring.h>

#include <errno.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_consumer *consumer;
	struct shmring_record record;
	int error;

	if (argc != 2) {
		fprintf(stderr, "Usage: consumer NAME\n");
		return 2;
	}
	options.timeout_ns = -1; /* the ring may come later */
	error = shmring_consumer_open(&consumer, argv[1], &options);
	if (error) {
		fprintf(stderr, "consumer: open: %s\n", shmring_strerror(error));
		return 1;
	}

	do {
		error = shmring_read(consumer, &record);
		if (error == 0) {
			printf("%u: %.*s\n", (unsigned int)record.type, (int)record.length,
			       (const char *)record.data);
			error = shmring_release(consumer);
		} else if (error == -EAGAIN) {
			error = shmring_wait(consumer, -1);
		}
	} while (error == 0);
	shmring_consumer_close(consumer);
	if (error == -EPIPE)
		return 0;
	fprintf(stderr, "consumer: %s\n", shmring_strerror(error));
	return 1;
}
