/* SPDX-License-Identifier: MIT */
#include "stepper.h"
#include "victims.h"

#include <errno.h>
#include <string.h>

uint64_t victim_start_value(const struct world *world, enum shmring_start start)
{
	/* A record that is there in any case: the last one. The times are those of right now, or of
	 * long ago. */
	return start == SHMRING_SEQUENCE ? world->next - 1 : start == SHMRING_TIME ? 1 : 0;
}

/* Opens the victim's subscription, and tells the board: nothing is promised until it has returned.
 */
static int come(struct world *world, struct shmring_consumer **consumer)
{
	struct shmring_consumer_options options = victim_options(world->scenario);
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;
	struct board *board = world->board;
	const bool resumes = options.durable && board->opened == 2;
	int error;

	options.start = world->scenario->start;
	options.start_value = victim_start_value(world, options.start);
	if (!resumes)
		board->opened = 1;
	in_order();
	error = shmring_consumer_open(consumer, world->victim.name, &options);
	if (error)
		return error;
	shmring_consumer_info(*consumer, &info);
	if (resumes && !board->moving && info.sequence != board->released &&
	    info.sequence != board->releasing)
		return -ERANGE;
	board->released = board->releasing = info.sequence;
	in_order();
	board->moving = 0;
	board->opened = 2;
	return 0;
}

int victim_join(struct world *world)
{
	struct shmring_consumer *consumer;

	stepper_mark();
	MUST(come(world, &consumer), 0);
	stepper_mark();
	return 0;
}

/* Two records in place at a time; what is released is known before it is. */
int victim_read(struct world *world)
{
	struct shmring_consumer *consumer;
	struct shmring_record record;

	MUST(come(world, &consumer), 0);
	for (int i = 0; i < 3 * world->rounds; i++) {
		for (int j = 0; j < 2; j++) {
			stepper_mark();
			MUST(shmring_read(consumer, &record), 0);
			stepper_mark();
		}
		stepper_mark();
		world->board->releasing = record.sequence + 1;
		MUST(shmring_release(consumer), 0);
		world->board->released = record.sequence + 1;
		stepper_mark();
	}
	return 0;
}

/* Up to the end, and once more: a release in every block, and what a reader does that finds
 * nothing. */
int victim_drain(struct world *world)
{
	struct shmring_consumer *consumer;
	struct shmring_record record;
	int error;

	MUST(come(world, &consumer), 0);
	for (int i = 0;; i++) {
		const bool stepped = world->rounds > 1 || i % 16 == 0;

		if (stepped)
			stepper_mark();
		error = shmring_read(consumer, &record);
		if (error)
			break;
		world->board->releasing = record.sequence + 1;
		MUST(shmring_release(consumer), 0);
		world->board->released = record.sequence + 1;
		if (stepped)
			stepper_mark();
	}
	MUST(error, -EAGAIN);
	stepper_mark();
	MUST(shmring_read(consumer, &record), -EAGAIN);
	stepper_mark();
	return 0;
}

int victim_read_copy(struct world *world)
{
	struct shmring_consumer *consumer;
	struct shmring_record record;
	char buffer[4096];

	MUST(come(world, &consumer), 0);
	for (int i = 0; i < 4 * world->rounds; i++) {
		stepper_mark();
		world->board->releasing = world->board->released + 1;
		MUST(shmring_read_copy(consumer, buffer, sizeof(buffer), &record), 0);
		world->board->released = world->board->releasing = record.sequence + 1;
		stepper_mark();
	}
	return 0;
}

int victim_seek(struct world *world)
{
	static const enum shmring_start places[] = { SHMRING_SEQUENCE, SHMRING_OLDEST,
						     SHMRING_NEWEST, SHMRING_TIME };
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;
	struct shmring_consumer *consumer;
	struct shmring_record record;
	struct board *board = world->board;

	MUST(come(world, &consumer), 0);
	for (unsigned int i = 0; i < (world->rounds > 1 ? 5 : 2); i++) {
		const enum shmring_start place = places[i % 4];

		if (shmring_read(consumer, &record) == 0 && i == 1) {
			board->releasing = record.sequence + 1;
			MUST(shmring_release(consumer), 0);
		}
		stepper_mark();
		board->moving = 1 + (uint64_t)place;
		in_order();
		MUST(shmring_seek(consumer, place, victim_start_value(world, place)), 0);
		shmring_consumer_info(consumer, &info);
		board->released = board->releasing = info.sequence;
		in_order();
		board->moving = 0;
		stepper_mark();
	}
	/* There is no such record: the place is unchanged. A long way to find that out. */
	if (world->rounds == 1 && world->scenario->policy == SHMRING_LOSSY)
		return 0;
	stepper_mark();
	board->moving = 1 + SHMRING_SEQUENCE;
	in_order();
	MUST(shmring_seek(consumer, SHMRING_SEQUENCE, UINT64_MAX), -ERANGE);
	in_order();
	board->moving = 0;
	stepper_mark();
	return 0;
}

/* Nothing to read: about to sleep, asleep for a nanosecond, awake again. */
int victim_wait(struct world *world)
{
	struct shmring_consumer *consumer;
	struct shmring_record record;

	MUST(come(world, &consumer), 0);
	while (shmring_read(consumer, &record) == 0)
		world->board->releasing = record.sequence + 1;
	MUST(shmring_release(consumer), 0);
	world->board->released = world->board->releasing;
	for (int i = 0; i < 3; i++) {
		stepper_mark();
		MUST(shmring_wait(consumer, i == 0   ? 0
					    : i == 1 ? 1
						     : 200000),
		     i == 0 ? -EAGAIN : -ETIMEDOUT);
		stepper_mark();
	}
	return 0;
}

int victim_leave(struct world *world)
{
	struct shmring_consumer *consumer;
	struct shmring_record record;

	MUST(come(world, &consumer), 0);
	for (int i = 0; i < 3; i++)
		MUST(shmring_read(consumer, &record), 0);
	world->board->releasing = record.sequence + 1;
	MUST(shmring_release(consumer), 0);
	world->board->released = record.sequence + 1;
	/* Not released: it counts as not read. */
	MUST(shmring_read(consumer, &record), 0);
	stepper_mark();
	world->board->closed = 1;
	MUST(shmring_consumer_close(consumer), 0);
	world->board->closed = 2;
	stepper_mark();
	return 0;
}

int victim_resume(struct world *world)
{
	struct shmring_consumer *consumer;
	struct shmring_record record;

	MUST(come(world, &consumer), 0);
	for (int i = 0; i < 5; i++)
		MUST(shmring_read(consumer, &record), 0);
	world->board->releasing = record.sequence + 1;
	MUST(shmring_release(consumer), 0);
	world->board->released = record.sequence + 1;
	MUST(shmring_read(consumer, &record), 0);
	MUST(shmring_consumer_close(consumer), 0);
	stepper_mark();
	MUST(come(world, &consumer), 0);
	MUST(shmring_read(consumer, &record), 0);
	stepper_mark();
	return 0;
}

int victim_rejoin(struct world *world)
{
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;
	struct shmring_consumer *consumer;
	struct shmring_record record;
	uint64_t lost;

	MUST(come(world, &consumer), 0);
	for (int i = 0; i < 5; i++)
		MUST(shmring_read(consumer, &record), 0);
	world->board->releasing = record.sequence + 1;
	MUST(shmring_release(consumer), 0);
	world->board->released = record.sequence + 1;
	MUST(shmring_read(consumer, &record), 0);
	stepper_mark();
	/* An operator. From now on the producer goes on without it. */
	world->board->evicted = 1;
	in_order();
	MUST(shmring_evict(world->victim.name, "victim"), 0);
	stepper_mark();
	stepper_mark();
	MUST(shmring_read(consumer, &record), -ECONNRESET);
	MUST(shmring_rejoin(consumer, &lost), 0);
	world->board->evicted = 0;
	stepper_mark();
	shmring_consumer_info(consumer, &info);
	MUST(info.sequence == world->board->released && lost == 0 ? 0 : -ERANGE, 0);
	stepper_mark();
	MUST(shmring_read(consumer, &record), 0);
	world->board->releasing = record.sequence + 1;
	MUST(shmring_release(consumer), 0);
	world->board->released = record.sequence + 1;
	stepper_mark();
	return 0;
}

int victim_evict(struct world *world)
{
	static const char *const names[] = { "steady", "loose", "late", "kept" };

	for (unsigned int i = 0; i < 4; i++) {
		if (!(world->scenario->evictable & WHO(i)))
			continue;
		stepper_mark();
		MUST(shmring_evict(world->victim.name, names[i]), 0);
		stepper_mark();
	}
	MUST(shmring_evict(world->victim.name, "nobody"), -ESRCH);
	return 0;
}

int victim_unsubscribe(struct world *world)
{
	stepper_mark();
	MUST(shmring_unsubscribe(world->victim.name, "kept"), 0);
	stepper_mark();
	MUST(shmring_unsubscribe(world->victim.name, "steady"), -EBUSY);
	return 0;
}
