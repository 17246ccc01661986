/* SPDX-License-Identifier: MIT */
/*
 * This library's groups, by its public calls: records are written where they stay, in batches that
 * appear at once, and summed where they lie. A member claims up to a batch, reads it and releases
 * it as a whole. The group is RELIABLE, the ring in its default mode; nobody waits, all try again
 * and again.
 */
#include "bench_group.h"

#include <shmring/inline.h>

#include <errno.h>
#include <stdio.h>

static struct shmring_producer *producer;
static struct shmring_consumer *consumer;
static const char *created;

static uint64_t shmring_lap(const struct bench_job *job)
{
	return job->capacity / (job->size + 16) + 1;
}

static void check(const char *what, int error)
{
	if (error != 0)
		bench_fail("%s: %s", what, shmring_strerror(error));
}

static int shmring_open(const struct bench_contender *self, const struct bench_job *job,
			enum bench_side side)
{
	struct shmring_create_options create = SHMRING_CREATE_OPTIONS_INIT;
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;

	(void)self;
	producer = NULL;
	consumer = NULL;
	if (side == BENCH_NEAR) {
		create.capacity = job->capacity;
		check("create", shmring_create(job->name[0], &create));
		created = job->name[0];
		check("open for writing", shmring_producer_open(&producer, job->name[0], NULL));
	} else {
		options.subscription = "members";
		options.shared = 1;
		options.claim_batch = job->batch;
		check("join", shmring_consumer_open(&consumer, job->name[0], &options));
	}
	return 0;
}

static bench_inline void put_one(uint64_t number, unsigned int flags)
{
	void *payload;
	int error;

	while ((error = shmring_reserve(producer, GROUP_SIZE, &payload)) == -EAGAIN)
		bench_pause();
	check("reserve", error);
	bench_fill(payload, GROUP_SIZE, number);
	check("commit", shmring_commit(producer, GROUP_SIZE, 0, flags));
}

static bench_inline void put(unsigned int batch, uint64_t number)
{
	for (unsigned int i = 0; i < batch; i++)
		put_one(number + i, i + 1 < batch ? SHMRING_MORE : 0);
}

static bench_inline unsigned int take(unsigned int batch, uint64_t *sum)
{
	unsigned int count = 0;

	while (count < batch) {
		struct shmring_record record;
		const int error = shmring_read(consumer, &record);

		/* Nothing there; or a claim that was not full is at its end. */
		if (error == -EAGAIN || error == -EALREADY)
			break;
		check("read", error);
		if (record.length != GROUP_SIZE)
			bench_fail("a record of %u bytes", (unsigned int)record.length);
		*sum += bench_sum(record.data, GROUP_SIZE);
		count++;
	}
	if (count != 0)
		check("release", shmring_release(consumer));
	return count;
}

GROUP_FUNCTIONS(shmring, put, take)

static void shmring_close(enum bench_side side)
{
	if (consumer)
		shmring_consumer_close(consumer);
	if (producer)
		shmring_producer_close(producer);
	if (side == BENCH_NEAR)
		check("unlink", shmring_unlink(created));
}

const struct bench_contender bench_group_shmring = {
	.label = "shmring group",
	.figure = "shmring",
	.lap = shmring_lap,
	.open = shmring_open,
	.run = shmring_run,
	.close = shmring_close,
	.fill = shmring_fill,
	.drain = shmring_drain,
};
