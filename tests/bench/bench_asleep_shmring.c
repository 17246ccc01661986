/* SPDX-License-Identifier: MIT */
/* This library, by its public calls, on two rings: write; wait, read, release. It never spins. */
#include "bench_asleep.h"

#include <shmring/shmring.h>

static struct shmring_producer *producer;
static struct shmring_consumer *consumer;
static const char *created[2];

static int shmring_open(const struct bench_contender *self, const struct bench_job *job,
			enum bench_side side)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	struct shmring_consumer_options asleep = SHMRING_CONSUMER_OPTIONS_INIT;

	options.capacity = job->capacity;
	options.wake_mode = (enum shmring_wake_mode)self->mode;
	asleep.spin_ns = -1;
	for (int i = 0; side == BENCH_NEAR && i < 2; i++) {
		bench_must(shmring_create(job->name[i], &options), "create");
		created[i] = job->name[i];
	}
	bench_must(shmring_producer_open(&producer, job->name[side], NULL), "open for writing");
	bench_must(shmring_consumer_open(&consumer, job->name[!side], &asleep), "open for reading");
	return 0;
}

static asleep_inline void shmring_put(enum bench_side side, uint64_t number)
{
	(void)side;
	bench_must(shmring_write(producer, &number, sizeof(number), 0, -1), "write");
}

static asleep_inline uint64_t shmring_get(enum bench_side side)
{
	struct shmring_record record;
	uint64_t number;

	(void)side;
	bench_must(shmring_wait(consumer, -1), "wait");
	bench_must(shmring_read(consumer, &record), "read");
	number = *(const uint64_t *)record.data;
	bench_must(shmring_release(consumer), "release");
	return number;
}

static void shmring_run(const struct bench_job *job, enum bench_side side,
			struct bench_result *result)
{
	asleep_run(job, side, result, shmring_put, shmring_get);
}

static void shmring_close(enum bench_side side)
{
	bench_must(shmring_consumer_close(consumer), "close");
	bench_must(shmring_producer_close(producer), "close");
	for (int i = 0; side == BENCH_NEAR && i < 2; i++)
		bench_must(shmring_unlink(created[i]), "unlink");
}

const struct bench_contender bench_asleep_shmring = {
	.label = "shmring",
	.figure = "shmring",
	.mode = SHMRING_WAKE_FENCE,
	.lap = asleep_lap,
	.open = shmring_open,
	.run = shmring_run,
	.close = shmring_close,
};
