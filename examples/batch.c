/* SPDX-License-Identifier: MIT */
/* batch NAME - publishes an order and its items at once: a reader sees none of them, or all. */
#include <shmring/shmring.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ORDER = 1, ITEM = 2 };

static void check(const char *what, int error)
{
	if (error) {
		fprintf(stderr, "batch: %s: %s\n", what, shmring_strerror(error));
		exit(1);
	}
}

static void put(struct shmring_producer *producer, const char *text, uint16_t type,
		unsigned int flags)
{
	const size_t length = strlen(text);
	void *room;

	check("reserve", shmring_reserve(producer, length, &room));
	memcpy(room, text, length);
	check("commit", shmring_commit(producer, length, type, flags));
}

static void show(struct shmring_consumer *consumer)
{
	struct shmring_record record;
	int error;

	while ((error = shmring_read(consumer, &record)) == 0)
		printf("%s %.*s\n", record.type == ORDER ? "order" : " item", (int)record.length,
		       (const char *)record.data);
	printf("(%s)\n", shmring_strerror(error));
	check("release", shmring_release(consumer));
}

int main(int argc, char **argv)
{
	struct shmring_producer *producer;
	struct shmring_consumer *consumer;

	if (argc != 2) {
		fprintf(stderr, "Usage: batch NAME\n");
		return 2;
	}
	check("create", shmring_create(argv[1], NULL));
	check("open the producer", shmring_producer_open(&producer, argv[1], NULL));
	check("open the consumer", shmring_consumer_open(&consumer, argv[1], NULL));

	put(producer, "1001", ORDER, SHMRING_MORE);
	put(producer, "two apples", ITEM, SHMRING_MORE);
	show(consumer); /* nothing yet */
	put(producer, "one pear", ITEM, 0);
	show(consumer);

	put(producer, "1002", ORDER, SHMRING_MORE);
	check("abort", shmring_abort(producer)); /* as if it had never been */

	check("close the producer", shmring_producer_close(producer));
	show(consumer);
	check("close the consumer", shmring_consumer_close(consumer));
	check("remove", shmring_unlink(argv[1]));
	return 0;
}
