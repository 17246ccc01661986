/* SPDX-License-Identifier: MIT */
#include "stepper.h"
#include "victims.h"

#include "../../lib/layout.h"
#include "../support/payload.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* What of writing a record is stepped. */
enum {
	RESERVING = 1,
	FILLING = 2,
	COMMITTING = 4,
};

/* Longer than any payload of a plan. */
#define PAYLOAD_MOST 4096

struct pen {
	struct world *world;
	struct shmring_producer *producer;
	uint64_t next;
	unsigned int stepped;
};

/* Opens, and tells the board. The board's two numbers are one from then on. */
static int come(struct world *world, struct pen *pen)
{
	struct shmring_producer_info info = SHMRING_PRODUCER_INFO_INIT;
	struct board *board = world->board;
	int error;

	board->opened = 1;
	in_order();
	error = shmring_producer_open(&pen->producer, world->victim.name, NULL);
	if (error)
		return error;
	in_order();
	board->opened = 2;
	in_order();
	board->closed = 0;
	shmring_producer_info(pen->producer, &info);
	if (info.sequence != board->committed && info.sequence != board->begun)
		return -ERANGE;
	board->committed = board->begun = board->behind = pen->next = info.sequence;
	pen->world = world;
	return 0;
}

static void mark_if(const struct pen *pen, unsigned int part)
{
	if (pen->stepped & part)
		stepper_mark();
}

static int reserve(struct pen *pen, size_t extra, void **data)
{
	const size_t most = record_size(&pen->world->plan, pen->next) + extra;
	int error;

	mark_if(pen, RESERVING);
	error = shmring_reserve(pen->producer, most, data);
	mark_if(pen, RESERVING);
	return error;
}

/* Stepped, it is a word at a time. */
static void fill(struct pen *pen, void *data, size_t length, uint64_t seed)
{
	uint64_t payload[PAYLOAD_MOST / sizeof(uint64_t)];
	shared_u64 *word = data;

	if (!(pen->stepped & FILLING)) {
		payload_fill(data, length, seed, pen->next);
		return;
	}
	payload_fill(payload, length, seed, pen->next);
	stepper_mark();
	for (size_t i = 0; i < (length + 7) / 8; i++)
		atomic_store_explicit(&word[i], payload[i], memory_order_relaxed);
	stepper_mark();
}

static int commit(struct pen *pen, void *data, unsigned int flags)
{
	const struct plan *plan = &pen->world->plan;
	struct board *board = pen->world->board;
	const uint64_t seed = record_seed(plan, pen->next);
	const size_t length = record_size(plan, pen->next);
	const uint16_t type = payload_type(seed, pen->next);
	int error;

	fill(pen, data, length, seed);
	pen->next++;
	mark_if(pen, COMMITTING);
	if (!(flags & SHMRING_MORE))
		board->begun = pen->next;
	in_order();
	error = shmring_commit(pen->producer, length, type, flags);
	if (!(flags & SHMRING_MORE))
		board->committed = board->behind = pen->next;
	mark_if(pen, COMMITTING);
	return error;
}

static int put(struct pen *pen, unsigned int flags)
{
	void *data;
	int error = reserve(pen, 0, &data);

	return error ? error : commit(pen, data, flags);
}

/* So many records, or fewer, if the ring is full before. */
static int put_many(struct pen *pen, int count, unsigned int flags)
{
	int error = 0;

	for (int i = 0; i < count * pen->world->rounds && !error; i++)
		error = put(pen, flags);
	return error == -EAGAIN ? 0 : error;
}

/* A record of a batch that will not be. */
static int put_garbage(struct pen *pen, size_t length)
{
	void *data;
	int error;

	mark_if(pen, RESERVING);
	error = shmring_reserve(pen->producer, length, &data);
	mark_if(pen, RESERVING);
	if (error)
		return error;
	memset(data, 0x5a, length);
	mark_if(pen, COMMITTING);
	error = shmring_commit(pen->producer, length, 0, SHMRING_MORE);
	mark_if(pen, COMMITTING);
	return error;
}

int victim_open(struct world *world)
{
	struct pen pen = { 0 };

	stepper_mark();
	MUST(come(world, &pen), 0);
	stepper_mark();
	MUST(put(&pen, 0), 0);
	return 0;
}

int victim_reserve(struct world *world)
{
	struct pen pen = { .stepped = RESERVING };
	void *data;

	MUST(come(world, &pen), 0);
	for (int i = 0; i < 6 * world->rounds; i++) {
		MUST(reserve(&pen, 16, &data), 0);
		/* What the victim has written when it dies is not yet what it will be. */
		memset(data, 0xa5, record_size(&world->plan, pen.next) + 16);
		MUST(commit(&pen, data, 0), 0);
	}
	return 0;
}

int victim_commit(struct world *world)
{
	struct pen pen = { .stepped = COMMITTING };

	MUST(come(world, &pen), 0);
	MUST(put_many(&pen, 8, 0), 0);
	return 0;
}

/* All of it, word by word. */
int victim_record(struct world *world)
{
	struct pen pen = { .stepped = RESERVING | FILLING | COMMITTING };

	MUST(come(world, &pen), 0);
	MUST(put_many(&pen, 6, 0), 0);
	return 0;
}

int victim_sleeper(struct world *world)
{
	struct layout_control *control = (void *)world->victim.control;
	struct pen pen = { 0 };
	void *data;

	MUST(come(world, &pen), 0);
	for (int i = 0; i < 3 * world->rounds; i++) {
		MUST(reserve(&pen, 0, &data), 0);
		/* As steady and loose do when they are about to sleep. */
		atomic_fetch_or_explicit(&control->sleepers, 3, memory_order_seq_cst);
		pen.stepped = COMMITTING;
		MUST(commit(&pen, data, 0), 0);
		pen.stepped = 0;
	}
	return 0;
}

int victim_full(struct world *world)
{
	struct pen pen = { .stepped = RESERVING };
	void *data;
	char bytes[PAYLOAD_MOST] = { 0 };

	MUST(come(world, &pen), 0);
	MUST(reserve(&pen, 0, &data), -EAGAIN);
	stepper_mark();
	MUST(shmring_producer_wait(pen.producer, record_size(&world->plan, pen.next), 1),
	     -ETIMEDOUT);
	MUST(shmring_write(pen.producer, bytes, record_size(&world->plan, pen.next), 0, 0),
	     -EAGAIN);
	stepper_mark();
	return 0;
}

/* Tried until it works; the wait between is the clock's, by which the library limits how often it
 * looks for the dead. */
int victim_room(struct world *world)
{
	const struct timespec nap = { .tv_nsec = 2000000 };
	struct pen pen = { .stepped = RESERVING };
	int error = -EAGAIN;

	MUST(come(world, &pen), 0);
	for (int attempt = 0; attempt < 100 && error == -EAGAIN; attempt++) {
		error = put(&pen, 0);
		if (error)
			nanosleep(&nap, NULL);
	}
	MUST(error, 0);
	pen.stepped = RESERVING | COMMITTING;
	MUST(put(&pen, 0), 0);
	return 0;
}

/* Somebody joins at the oldest record after the producer has last looked at the gates. Both are the
 * victim's. */
int victim_raced(struct world *world)
{
	struct layout_control *control = (void *)world->victim.control;
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_consumer *consumer;
	struct pen pen = { 0 };
	void *data;
	int error;

	MUST(come(world, &pen), 0);
	for (int i = 0; i < 3; i++)
		MUST(put(&pen, 0), 0);
	/* A join that changes nothing. */
	atomic_fetch_add_explicit(&control->joins, 1, memory_order_seq_cst);
	pen.stepped = RESERVING;
	for (int i = 0; i < 3; i++)
		MUST(put(&pen, 0), 0);
	pen.stepped = 0;
	options.subscription = "companion";
	MUST(shmring_consumer_open(&consumer, world->victim.name, &options), 0);
	pen.stepped = RESERVING;
	for (error = 0; error == 0;)
		error = reserve(&pen, 0, &data) ? -EAGAIN : commit(&pen, data, 0);
	MUST(error, -EAGAIN);
	return 0;
}

/* One ended by its last record, one by flush, and one given up. */
static int three_batches(struct world *world, struct pen *pen)
{
	void *data;

	for (int i = 0; i < 5; i++)
		MUST(put(pen, i < 4 ? SHMRING_MORE : 0), 0);
	/* Ended by flush. */
	for (int i = 0; i < 3; i++)
		MUST(put(pen, SHMRING_MORE), 0);
	stepper_mark();
	world->board->begun = pen->next;
	in_order();
	MUST(shmring_flush(pen->producer), 0);
	world->board->committed = world->board->behind = pen->next;
	stepper_mark();
	/* Given up: the same numbers come again, in records of other sizes. */
	for (int i = 0; i < 3; i++)
		MUST(put_garbage(pen, 150 + 8 * (size_t)i), 0);
	MUST(reserve(pen, 0, &data), 0);
	memset(data, 0x5a, record_size(&world->plan, pen->next));
	stepper_mark();
	MUST(shmring_abort(pen->producer), 0);
	stepper_mark();
	for (int i = 0; i < 3; i++)
		MUST(put(pen, 0), 0);
	return 0;
}

int victim_batch(struct world *world)
{
	struct pen pen = { .stepped = RESERVING | COMMITTING };

	MUST(come(world, &pen), 0);
	for (int i = 0; i < (world->rounds + 3) / 4; i++) {
		pen.stepped |= i > 0 ? FILLING : 0;
		MUST(three_batches(world, &pen), 0);
	}
	return 0;
}

int victim_abort(struct world *world)
{
	struct pen pen = { 0 };
	void *data;

	MUST(come(world, &pen), 0);
	for (int i = 0; i < 4; i++) {
		pen.stepped = RESERVING;
		MUST(reserve(&pen, 200, &data), 0);
		memset(data, 0x5a, record_size(&world->plan, pen.next) + 200);
		stepper_mark();
		MUST(shmring_abort(pen.producer), 0);
		stepper_mark();
		pen.stepped = COMMITTING;
		MUST(put(&pen, 0), 0);
	}
	return 0;
}

/* shmring_write, of a payload in the victim's own memory; in two pieces the second time. */
int victim_write(struct world *world)
{
	const struct plan *plan = &world->plan;
	struct pen pen = { 0 };
	char payload[PAYLOAD_MOST];

	MUST(come(world, &pen), 0);
	for (int i = 0; i < 4 * world->rounds; i++) {
		const size_t length = record_size(plan, pen.next), half = length / 2;
		const struct iovec pieces[2] = { { payload, half },
						 { payload + half, length - half } };
		const uint16_t type = payload_type(plan->seed, pen.next);

		payload_fill(payload, length, plan->seed, pen.next);
		world->board->begun = ++pen.next;
		stepper_mark();
		if (i % 2)
			MUST(shmring_writev(pen.producer, pieces, 2, type, 0), 0);
		else
			MUST(shmring_write(pen.producer, payload, length, type, 0), 0);
		world->board->committed = world->board->behind = pen.next;
		stepper_mark();
	}
	return 0;
}

int victim_close(struct world *world)
{
	struct pen pen = { 0 };
	void *data;

	MUST(come(world, &pen), 0);
	for (int i = 0; i < 3; i++)
		MUST(put(&pen, i < 1 ? 0 : SHMRING_MORE), 0);
	MUST(reserve(&pen, 0, &data), 0);
	stepper_mark();
	world->board->closed = 1;
	MUST(shmring_producer_close(pen.producer), 0);
	world->board->closed = 2;
	stepper_mark();
	return 0;
}

int victim_takeover(struct world *world)
{
	struct pen pen = { 0 };
	int error;

	stepper_mark();
	MUST(come(world, &pen), 0);
	/* Its records are not those that its predecessor would have written. */
	world->plan.later[0].from = world->board->taken = pen.next;
	/* A ring that was full when its producer died is still full. */
	error = put(&pen, 0);
	stepper_mark();
	MUST(error == -EAGAIN ? 0 : error, 0);
	return 0;
}
