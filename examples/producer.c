/* SPDX-License-Identifier: MIT */
/* producer NAME - makes a ring, writes five records to it once a consumer has joined, and removes it. */
#include <shmring/shmring.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void check(const char *what, int error)
{
	if (error) {
		fprintf(stderr, "producer: %s: %s\n", what, shmring_strerror(error));
		exit(1);
	}
}

int main(int argc, char **argv)
{
	struct shmring_producer *producer;
	void *room;

	if (argc != 2) {
		fprintf(stderr, "Usage: producer NAME\n");
		return 2;
	}
	check("create", shmring_create(argv[1], NULL));
	check("open", shmring_producer_open(&producer, argv[1], NULL));
	check("wait for a consumer", shmring_producer_wait_consumers(producer, 1, -1));

	for (uint16_t i = 0; i < 5; i++) {
		int length;

		/* Up to 64 bytes, written where the consumers will read them; no copy is made. */
		check("wait for room", shmring_producer_wait(producer, 64, -1));
		check("reserve", shmring_reserve(producer, 64, &room));
		length = snprintf(room, 64, "record %u", (unsigned int)i);
		check("commit", shmring_commit(producer, (size_t)length, i, 0));
	}

	/* Who has joined reads what is left, and is then told that this was all. */
	check("close", shmring_producer_close(producer));
	check("remove", shmring_unlink(argv[1]));
	return 0;
}
