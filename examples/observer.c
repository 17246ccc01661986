/* SPDX-License-Identifier: MIT */
/*
 * observer NAME - watches a ring from its first record on, and tells how many records it saw and how
 * many it was too slow for. The producer never waits for it, nor knows that it is there.
 */
#include <shmring/shmring.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct count {
	uint64_t records, bytes, lost;
};

/* Looks at some records; what was seen counts only if it was still whole afterwards. */
static int look(struct shmring_consumer *observer, struct count *total)
{
	struct count seen = { 0, 0, 0 };
	struct shmring_record record;
	int error = 0;

	while (seen.records < 100 && (error = shmring_read(observer, &record)) == 0) {
		seen.records++;
		seen.bytes += record.length;
		seen.lost += record.lost;
	}
	/* -EOVERFLOW: some of it was overwritten meanwhile. The next read counts all of it as lost. */
	if (shmring_release(observer) == 0) {
		total->records += seen.records;
		total->bytes += seen.bytes;
		total->lost += seen.lost;
	}
	return error;
}

int main(int argc, char **argv)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct count total = { 0, 0, 0 };
	struct shmring_consumer *observer;
	int error;

	if (argc != 2) {
		fprintf(stderr, "Usage: observer NAME\n");
		return 2;
	}
	options.timeout_ns = -1;
	/* From sequence number 0 on: what is gone already counts as lost. */
	options.start = SHMRING_SEQUENCE;
	options.start_value = 0;
	error = shmring_observer_open(&observer, argv[1], &options);
	if (error) {
		fprintf(stderr, "observer: open: %s\n", shmring_strerror(error));
		return 1;
	}
	do {
		error = look(observer, &total);
		if (error == -EAGAIN)
			error = shmring_wait(observer, -1);
	} while (error == 0);
	shmring_consumer_close(observer);
	printf("%" PRIu64 " records, %" PRIu64 " bytes, %" PRIu64 " lost: %s\n", total.records,
	       total.bytes, total.lost, shmring_strerror(error));
	return error == -EPIPE ? 0 : 1;
}
