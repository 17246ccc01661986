/* SPDX-License-Identifier: MIT */
#include "latency.h"
#include "live.h"
#include "transport.h"

#include <shmring/shmring.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

/* The first ones after a change of transport do not count. */
#define WARM_UP 10

enum transport { RING, PIPES, TRANSPORTS };

struct paced {
	int segments;    /* of each transport */
	int per_segment; /* records, with the warm-up */
	int pipes[2][2];
	uint64_t *samples[TRANSPORTS][2]; /* ns, by consumer; shared */
};

static int samples_each(const struct paced *paced)
{
	return paced->segments * (paced->per_segment - WARM_UP);
}

static int failed(struct actor *me, const char *what, int error)
{
	return stage_problem(me, "%s: %s", what, shmring_strerror(error));
}

/* Sleeps until it is time for the next record. Late: the pace goes on from now. */
static void keep_pace(uint64_t *due_ns)
{
	uint64_t now = now_ns();
	struct timespec due;

	*due_ns += LATENCY_PACE_NS;
	if (*due_ns < now)
		*due_ns = now;
	due.tv_sec = (time_t)(*due_ns / 1000000000u);
	due.tv_nsec = (long)(*due_ns % 1000000000u);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
		;
}

static int act_write(struct stage *stage, struct actor *me, void *argument)
{
	struct paced *paced = argument;
	uint64_t payload[LATENCY_SIZE / 8] = { 0 };
	struct shmring_producer *producer;
	int error = shmring_producer_open(&producer, stage->settings->ring, NULL);
	uint64_t due_ns;

	if (error != 0)
		return failed(me, "open", error);
	pipes_keep(paced->pipes, true, 0);
	prctl(PR_SET_TIMERSLACK, 1);
	stage_await(stage, 2);
	due_ns = now_ns();
	for (int segment = 0; segment < TRANSPORTS * paced->segments; segment++) {
		for (int i = 0; i < paced->per_segment; i++) {
			keep_pace(&due_ns);
			payload[1] = (uint64_t)i;
			payload[0] = now_ns();
			if (segment % TRANSPORTS == RING) {
				error = shmring_write(producer, payload, sizeof(payload), 0, -1);
				if (error != 0)
					return failed(me, "write", error);
			} else {
				for (int pipe = 0; pipe < 2; pipe++) {
					if (pipe_write(me, paced->pipes[pipe][1], NULL, 0, payload,
						       sizeof(payload)))
						return 1;
				}
			}
			atomic_fetch_add_explicit(&me->progress, 1, memory_order_relaxed);
		}
	}
	shmring_producer_close(producer);
	return 0;
}

/* Waits for one record. The arrival is taken before anything else is done. */
static int receive(struct actor *me, struct shmring_consumer *consumer, int fd,
		   uint64_t payload[LATENCY_SIZE / 8], uint64_t *arrived_ns)
{
	size_t got = 0;
	int error;

	if (consumer) {
		struct shmring_record record;

		while ((error = shmring_read(consumer, &record)) == -EAGAIN) {
			error = shmring_wait(consumer, -1);
			if (error != 0)
				return failed(me, "wait", error);
		}
		*arrived_ns = now_ns();
		if (error != 0)
			return failed(me, "read", error);
		if (record.length != LATENCY_SIZE)
			return stage_problem(me, "a record of %u bytes",
					     (unsigned int)record.length);
		memcpy(payload, record.data, LATENCY_SIZE);
		error = shmring_release(consumer);
		return error ? failed(me, "release", error) : 0;
	}
	if (pipe_read(me, fd, payload, LATENCY_SIZE, &got) != 0)
		return 1;
	*arrived_ns = now_ns();
	/* So little is written to a pipe, and so read from it, at once. */
	return got == LATENCY_SIZE
		       ? 0
		       : stage_problem(me, "%zu bytes from a pipe, not %d", got, LATENCY_SIZE);
}

static int act_consume(struct stage *stage, struct actor *me, void *argument)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct paced *paced = argument;
	int which = me == &stage->actors[CONSUMER_A] ? 0 : 1;
	uint64_t *next[TRANSPORTS] = { paced->samples[RING][which], paced->samples[PIPES][which] };
	struct shmring_consumer *consumer;
	int error;

	options.subscription = which == 0 ? "a" : "b";
	error = shmring_consumer_open(&consumer, stage->settings->ring, &options);
	if (error != 0)
		return failed(me, "open", error);
	pipes_keep(paced->pipes, false, which);
	stage_ready(stage);
	for (int segment = 0; segment < TRANSPORTS * paced->segments; segment++) {
		enum transport transport = segment % TRANSPORTS == RING ? RING : PIPES;

		for (int i = 0; i < paced->per_segment; i++) {
			uint64_t payload[LATENCY_SIZE / 8];
			uint64_t arrived_ns = 0;

			if (receive(me, transport == RING ? consumer : NULL, paced->pipes[which][0],
				    payload, &arrived_ns) != 0)
				return 1;
			if (payload[1] != (uint64_t)i)
				return stage_problem(me, "record %llu came where %d should",
						     (unsigned long long)payload[1], i);
			if (i >= WARM_UP)
				*next[transport]++ = arrived_ns - payload[0];
		}
	}
	shmring_consumer_close(consumer);
	return 0;
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* Of both consumers together; their samples lie one behind the other. */
static struct latency summarise(uint64_t *samples, size_t count)
{
	struct latency latency = { .samples = count };

	qsort(samples, count, sizeof(*samples), compare);
	latency.p50_us = (double)samples[count / 2] / 1000;
	latency.p99_us = (double)samples[count * 99 / 100] / 1000;
	latency.p999_us = (double)samples[count * 999 / 1000] / 1000;
	latency.max_us = (double)samples[count - 1] / 1000;
	return latency;
}

static void let_go(void *argument)
{
	struct paced *paced = argument;

	pipes_close(paced->pipes);
}

int latency_measure(struct stage *stage, struct latency *ring, struct latency *pipes)
{
	bool quick = stage->settings->quick;
	struct paced paced = {
		.segments = quick ? 2 : 8,
		.per_segment = WARM_UP + (quick ? 50 : 1250),
	};
	struct live live = {
		.what = "paced",
		.ring = true,
		.total = (uint64_t)(TRANSPORTS * paced.segments * paced.per_segment),
	};
	struct play play = {
		.acts = { act_write, act_consume, act_consume, NULL },
		.argument = &paced,
		.started = let_go,
		.tick = live_tick,
		.tick_argument = &live,
		.tick_ms = LIVE_TICK_MS,
	};
	size_t each = (size_t)samples_each(&paced);
	size_t size = TRANSPORTS * 2 * each * sizeof(uint64_t);
	uint64_t *samples =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;

	if (samples == MAP_FAILED) {
		perror("demo");
		return 1;
	}
	for (size_t i = 0; i < TRANSPORTS * 2; i++)
		paced.samples[i / 2][i % 2] = samples + i * each;

	status = pipes_open(paced.pipes);
	if (status == 0)
		status = ring_create(stage->settings);
	if (status == 0) {
		status = stage_play(stage, &play);
		live_close(&live);
		shmring_unlink(stage->settings->ring);
	}
	if (status == 0) {
		*ring = summarise(paced.samples[RING][0], 2 * each);
		*pipes = summarise(paced.samples[PIPES][0], 2 * each);
	}
	munmap(samples, size);
	return status;
}
