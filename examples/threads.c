/* SPDX-License-Identifier: MIT */
/* threads NAME - threads read one ring; a handle belongs to one thread, so each opens its own. */
#include <shmring/shmring.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define READERS 3
#define RECORDS 10000

static const char *name;

static void check(const char *what, int error)
{
	if (error) {
		fprintf(stderr, "threads: %s: %s\n", what, shmring_strerror(error));
		exit(1);
	}
}

static void *sum_up(void *argument)
{
	struct shmring_consumer *consumer;
	struct shmring_record record;
	uint64_t *sum = argument;
	int error;

	check("open a consumer", shmring_consumer_open(&consumer, name, NULL));
	do {
		error = shmring_read(consumer, &record);
		if (error == 0) {
			/* Payloads are aligned to 8 bytes. */
			*sum += *(const uint64_t *)record.data;
			error = shmring_release(consumer);
		} else if (error == -EAGAIN) {
			error = shmring_wait(consumer, -1);
		}
	} while (error == 0);
	check("read", error == -EPIPE ? 0 : error);
	check("close a consumer", shmring_consumer_close(consumer));
	return NULL;
}

int main(int argc, char **argv)
{
	struct shmring_producer *producer;
	pthread_t readers[READERS];
	uint64_t sums[READERS] = { 0 };

	if (argc != 2) {
		fprintf(stderr, "Usage: threads NAME\n");
		return 2;
	}
	name = argv[1];
	check("create", shmring_create(name, NULL));
	for (int i = 0; i < READERS; i++)
		check("start a thread", -pthread_create(&readers[i], NULL, sum_up, &sums[i]));

	check("open the producer", shmring_producer_open(&producer, name, NULL));
	check("wait for the readers", shmring_producer_wait_consumers(producer, READERS, -1));
	for (uint64_t i = 1; i <= RECORDS; i++)
		check("write", shmring_write(producer, &i, sizeof(i), 0, -1));
	check("close the producer", shmring_producer_close(producer));

	for (int i = 0; i < READERS; i++) {
		pthread_join(readers[i], NULL);
		printf("reader %d: %" PRIu64 "\n", i, sums[i]);
	}
	check("remove", shmring_unlink(name));
	return 0;
}
