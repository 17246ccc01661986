/* SPDX-License-Identifier: MIT */
/*
 * This library's ring, in wake mode FENCE, with one RELIABLE consumer. Zero-copy: filled and read
 * where the record lies. Copying: filled elsewhere and written, copied out and read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shmring/shmring.h>

#include "bench_work.h"

static char names[2][64];
static bool created[2];

/* This process's ends, and its buffers for copying. */
static struct shmring_producer *producer;
static struct shmring_consumer *consumer;
static void *outgoing, *incoming;

static int how(const struct bench_run *run)
{
	return run->transport->variant & ~BENCH_COPY;
}

static bool copies(const struct bench_run *run)
{
	return (run->transport->variant & BENCH_COPY) != 0;
}

enum bench_opened bench_ring_open(struct bench_run *run)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;

	created[0] = created[1] = false;
	/* The longest record is a quarter of the capacity; so at least seven fit. */
	options.capacity = SHMRING_CAPACITY_DEFAULT;
	while (options.capacity < 8 * run->job.size)
		options.capacity *= 2;
	for (unsigned int way = 0; way < run->job.ways; way++) {
		int error;

		snprintf(names[way], sizeof(names[way]), "shmtool-bench-%ld-%s", (long)getpid(),
			 way == 0 ? "there" : "back");
		error = shmring_create(names[way], &options);
		if (error != 0) {
			snprintf(run->reason, sizeof(run->reason), "making a ring: %s",
				 shmring_strerror(error));
			return BENCH_REFUSED;
		}
		created[way] = true;
	}
	return BENCH_OPEN;
}

void bench_ring_close(struct bench_run *run)
{
	(void)run;
	for (int way = 0; way < 2; way++)
		if (created[way])
			shmring_unlink(names[way]);
}

static void __attribute__((noreturn)) fail(struct bench_run *run, const char *call, int error)
{
	bench_fail(run, "%s: %s", call, shmring_strerror(error));
}

static void ring_start(struct bench_run *run, enum bench_side side)
{
	struct shmring_producer_options writing = SHMRING_PRODUCER_OPTIONS_INIT;
	struct shmring_consumer_options reading = SHMRING_CONSUMER_OPTIONS_INIT;
	const int out = side == BENCH_NEAR ? 0 : 1;
	int error;

	writing.prefault = reading.prefault = 1;
	if (how(run) == BENCH_BLOCK)
		writing.spin_ns = reading.spin_ns = -1;
	if (run->job.ways == 2 || side == BENCH_NEAR) {
		error = shmring_producer_open(&producer, names[out], &writing);
		if (error != 0)
			fail(run, "opening the ring to write", error);
	}
	if (run->job.ways == 2 || side == BENCH_FAR) {
		error = shmring_consumer_open(&consumer, names[!out], &reading);
		if (error != 0)
			fail(run, "opening the ring to read", error);
	}
	outgoing = malloc(run->job.size);
	incoming = malloc(run->job.size);
	if (!outgoing || !incoming)
		bench_fail(run, "out of memory");
}

/* The library's system calls are those of sleeping and waking. */
static void ring_stop(struct bench_run *run, enum bench_side side)
{
	struct shmring_producer_info wrote = SHMRING_PRODUCER_INFO_INIT;
	struct shmring_consumer_info read = SHMRING_CONSUMER_INFO_INIT;

	/* Whoever slept for want of room was also woken, which its reader does not count. */
	if (producer && shmring_producer_info(producer, &wrote) == 0)
		run->shared->measured[side].calls += wrote.wakeups + 2 * wrote.sleeps - wrote.late;
	if (consumer && shmring_consumer_info(consumer, &read) == 0)
		run->shared->measured[side].calls += read.sleeps;
	if (consumer)
		shmring_consumer_close(consumer);
	if (producer)
		shmring_producer_close(producer);
	free(outgoing);
	free(incoming);
}

/* ---- zero-copy ---- */

BENCH_INLINE void *room(struct bench_run *run, int mode)
{
	void *data;
	int error;

	while ((error = shmring_reserve(producer, run->job.size, &data)) == -EAGAIN) {
		if (mode == BENCH_SPIN) {
			bench_pause();
			continue;
		}
		error = shmring_producer_wait(producer, run->job.size, -1);
		if (error != 0)
			fail(run, "waiting for room", error);
	}
	if (error != 0)
		fail(run, "reserving", error);
	return data;
}

BENCH_INLINE void *room_spinning(struct bench_run *run, int way)
{
	(void)way;
	return room(run, BENCH_SPIN);
}

BENCH_INLINE void *room_waiting(struct bench_run *run, int way)
{
	(void)way;
	return room(run, BENCH_ADAPTIVE);
}

BENCH_INLINE void commit(struct bench_run *run, int way)
{
	int error = shmring_commit(producer, run->job.size, 0, 0);

	(void)way;
	if (error != 0)
		fail(run, "committing", error);
}

BENCH_INLINE const void *next_record(struct bench_run *run, int mode, bool copies)
{
	struct shmring_record record;
	int error;

	while ((error = copies ? shmring_read_copy(consumer, incoming, run->job.size, &record)
			       : shmring_read(consumer, &record)) == -EAGAIN) {
		if (mode == BENCH_SPIN)
			continue;
		error = shmring_wait(consumer, -1);
		if (error != 0)
			fail(run, "waiting for a record", error);
	}
	if (error != 0)
		fail(run, "reading", error);
	if (record.length != run->job.size || record.lost != 0)
		bench_fail(run, "a record of %u bytes, behind %llu lost ones, instead of %zu bytes",
			   (unsigned int)record.length, (unsigned long long)record.lost,
			   run->job.size);
	return copies ? incoming : record.data;
}

BENCH_INLINE const void *next_spinning(struct bench_run *run, int way)
{
	(void)way;
	return next_record(run, BENCH_SPIN, false);
}

BENCH_INLINE const void *next_waiting(struct bench_run *run, int way)
{
	(void)way;
	return next_record(run, BENCH_ADAPTIVE, false);
}

BENCH_INLINE void release(struct bench_run *run, int way)
{
	int error = shmring_release(consumer);

	(void)way;
	if (error != 0)
		fail(run, "releasing", error);
}

static const struct bench_calls spinning_calls = {
	.start = ring_start,
	.room = room_spinning,
	.send = commit,
	.receive = next_spinning,
	.release = release,
	.stop = ring_stop,
};

static const struct bench_calls waiting_calls = {
	.start = ring_start,
	.room = room_waiting,
	.send = commit,
	.receive = next_waiting,
	.release = release,
	.stop = ring_stop,
};

/* ---- copying ---- */

BENCH_INLINE void *copy_room(struct bench_run *run, int way)
{
	(void)run;
	(void)way;
	return outgoing;
}

BENCH_INLINE void write_spinning(struct bench_run *run, int way)
{
	int error;

	(void)way;
	while ((error = shmring_write(producer, outgoing, run->job.size, 0, 0)) == -EAGAIN)
		bench_pause();
	if (error != 0)
		fail(run, "writing", error);
}

BENCH_INLINE void write_waiting(struct bench_run *run, int way)
{
	int error = shmring_write(producer, outgoing, run->job.size, 0, -1);

	(void)way;
	if (error != 0)
		fail(run, "writing", error);
}

BENCH_INLINE const void *copy_spinning(struct bench_run *run, int way)
{
	(void)way;
	return next_record(run, BENCH_SPIN, true);
}

BENCH_INLINE const void *copy_waiting(struct bench_run *run, int way)
{
	(void)way;
	return next_record(run, BENCH_ADAPTIVE, true);
}

BENCH_INLINE void copy_release(struct bench_run *run, int way)
{
	/* Copying out released it. */
	(void)run;
	(void)way;
}

static const struct bench_calls spinning_copy_calls = {
	.start = ring_start,
	.room = copy_room,
	.send = write_spinning,
	.receive = copy_spinning,
	.release = copy_release,
	.stop = ring_stop,
};

static const struct bench_calls waiting_copy_calls = {
	.start = ring_start,
	.room = copy_room,
	.send = write_waiting,
	.receive = copy_waiting,
	.release = copy_release,
	.stop = ring_stop,
};

void bench_ring_run(struct bench_run *run, enum bench_side side)
{
	if (how(run) == BENCH_SPIN && !copies(run))
		bench_work(run, side, &spinning_calls);
	else if (how(run) == BENCH_SPIN)
		bench_work(run, side, &spinning_copy_calls);
	else if (!copies(run))
		bench_work(run, side, &waiting_calls);
	else
		bench_work(run, side, &waiting_copy_calls);
}
