/* SPDX-License-Identifier: MIT */
/* The stream through a ring. */
#include "live.h"
#include "pieces.h"
#include "transport.h"

#include <shmring/shmring.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* Records that a consumer reads before it gives back their room. */
#define RELEASE_EVERY 16

void transport_touch(const struct input *input)
{
#ifdef MADV_POPULATE_READ
	/*
	 * Only what surely stays in memory; and where it cannot be done, nothing is lost but a
	 * little time.
	 */
	if (input->size > 0 && input->size <= GIB)
		madvise((void *)(uintptr_t)input->data, input->size, MADV_POPULATE_READ);
#else
	(void)input;
#endif
}

int ring_create(const struct settings *settings)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	int error;

	options.capacity = RING_CAPACITY;
	error = shmring_create(settings->ring, &options);
	if (error == 0)
		return 0;
	live_clear();
	fprintf(stderr, "demo: %s: cannot create the ring: %s%s\n", settings->ring,
		shmring_strerror(error),
		error == -ENOSPC ? "; remove something from /dev/shm, or make it larger" : "");
	return 1;
}

static int failed(struct actor *me, const char *what, int error)
{
	return stage_problem(me, "%s: %s", what, shmring_strerror(error));
}

static int write_all(struct stage *stage, struct actor *me, struct shmring_producer *producer)
{
	const struct input *input = &stage->settings->input;
	struct pieces pieces = pieces_start(stage->settings->seed, input->size);
	size_t offset, length;

	while (pieces_next(&pieces, &offset, &length)) {
		void *room;
		int error;

		while ((error = shmring_reserve(producer, length, &room)) == -EAGAIN) {
			error = shmring_producer_wait(producer, length, -1);
			if (error != 0)
				return failed(me, "wait for room", error);
		}
		if (error != 0)
			return failed(me, "reserve", error);
		memcpy(room, input->data + offset, length);
		error = shmring_commit(producer, length, 0, 0);
		if (error != 0)
			return failed(me, "commit", error);
		me->records++;
		me->bytes += length;
		atomic_store_explicit(&me->progress, me->bytes, memory_order_relaxed);
	}
	return 0;
}

static int act_write(struct stage *stage, struct actor *me, void *argument)
{
	struct shmring_producer_info info = SHMRING_PRODUCER_INFO_INIT;
	struct pass *pass = argument;
	struct shmring_producer *producer;
	int error = shmring_producer_open(&producer, stage->settings->ring, NULL);

	if (error != 0)
		return failed(me, "open", error);
	transport_touch(&stage->settings->input);
	stage_await(stage, pass->observer ? 3 : 2);
	stage_begin(me);
	if (write_all(stage, me, producer) != 0)
		return 1;
	stage_end(me);
	shmring_producer_info(producer, &info);
	me->wakeups = info.wakeups;
	me->calls = info.wakeups + info.sleeps;
	error = shmring_producer_close(producer);
	return error ? failed(me, "close", error) : 0;
}

/* Reads in place; a RELIABLE consumer's records stay as they are until it releases them. */
static int consume(struct stage *stage, struct actor *me, const struct pass *pass,
		   struct shmring_consumer *consumer)
{
	static char out[PIECE_MAX];
	struct shmring_record record;
	struct sha256_ctx hash;
	bool corrupt = stage->settings->corrupt && pass->verify && me == &stage->actors[CONSUMER_A];
	int error;

	sha256_init(&hash);
	while ((error = shmring_wait(consumer, -1)) == 0) {
		while ((error = shmring_read(consumer, &record)) == 0) {
			if (record.length > sizeof(out))
				return stage_problem(me, "a record of %u bytes",
						     (unsigned int)record.length);
			if (!pass->verify || corrupt)
				memcpy(out, record.data, record.length);
			if (corrupt && record.length > 0)
				out[record.length / 2] ^= 1;
			if (pass->verify)
				sha256_update(&hash, record.length,
					      corrupt ? (uint8_t *)out : record.data);
			corrupt = corrupt && record.length == 0;
			me->lost += record.lost;
			me->bytes += record.length;
			if (++me->records % RELEASE_EVERY == 0 &&
			    (error = shmring_release(consumer)) != 0)
				return failed(me, "release", error);
		}
		if (error != -EAGAIN && error != -EPIPE)
			return failed(me, "read", error);
		error = shmring_release(consumer);
		if (error != 0)
			return failed(me, "release", error);
	}
	if (error != -EPIPE)
		return failed(me, "wait", error);
	sha256_digest(&hash, sizeof(me->digest), me->digest);
	return 0;
}

static int act_consume(struct stage *stage, struct actor *me, void *argument)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;
	struct shmring_consumer *consumer;
	int error;

	options.subscription = me == &stage->actors[CONSUMER_A] ? "a" : "b";
	error = shmring_consumer_open(&consumer, stage->settings->ring, &options);
	if (error != 0)
		return failed(me, "open", error);
	stage_ready(stage);
	stage_begin(me);
	if (consume(stage, me, argument, consumer) != 0)
		return 1;
	stage_end(me);
	shmring_consumer_info(consumer, &info);
	me->calls = info.sleeps;
	shmring_consumer_close(consumer);
	return 0;
}

/*
 * The observer knows what was written, and so can tell of each record that it gets whether it is
 * that.
 */
static int act_observe(struct stage *stage, struct actor *me, void *argument)
{
	static char out[PIECE_MAX];
	const struct input *input = &stage->settings->input;
	struct pieces pieces = pieces_start(stage->settings->seed, input->size);
	struct shmring_consumer *observer;
	struct shmring_record record;
	size_t offset = 0, length = 0;
	int error = shmring_observer_open(&observer, stage->settings->ring, NULL);

	(void)argument;
	if (error != 0)
		return failed(me, "open", error);
	stage_ready(stage);
	stage_begin(me);
	while ((error = shmring_wait(observer, -1)) == 0) {
		while ((error = shmring_read_copy(observer, out, sizeof(out), &record)) == 0) {
			me->lost += record.lost;
			for (uint64_t i = 0; i <= record.lost; i++) {
				if (!pieces_next(&pieces, &offset, &length))
					return stage_problem(me, "got more records than there are");
			}
			if (record.length != length ||
			    memcmp(out, input->data + offset, length) != 0)
				me->wrong++;
			me->records++;
			me->bytes += record.length;
		}
		if (error != -EAGAIN && error != -EPIPE)
			return failed(me, "read", error);
	}
	if (error != -EPIPE)
		return failed(me, "wait", error);
	stage_end(me);
	shmring_consumer_close(observer);
	return 0;
}

int ring_pass(struct stage *stage, struct pass *pass)
{
	struct live live = {
		.what = pass->verify ? "ring, hashed" : "ring, copied",
		.ring = true,
		.total = stage->settings->input.size,
		.bytes = true,
	};
	struct play play = {
		.acts = { act_write, act_consume, act_consume,
			  pass->observer ? act_observe : NULL },
		.argument = pass,
		.tick = live_tick,
		.tick_argument = &live,
		.tick_ms = LIVE_TICK_MS,
	};
	int status = ring_create(stage->settings);

	if (status == 0) {
		status = stage_play(stage, &play);
		live_close(&live);
		shmring_unlink(stage->settings->ring);
	}
	return status;
}
