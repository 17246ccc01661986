/* SPDX-License-Identifier: MIT */
/* victims_group.c - what members of a group do when they are killed. */
#include "stepper.h"
#include "victims.h"

#include <errno.h>

/* Joins the group. Where it stands, the world knows, unless the victim is its first member. */
static int come(struct world *world, struct shmring_consumer **consumer)
{
	const struct shmring_consumer_options options = victim_options(world->scenario);
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;
	struct board *board = world->board;
	const bool founds = !(world->plan.present & WHO(PEER));
	int error;

	board->opened = 1;
	in_order();
	error = shmring_consumer_open(consumer, world->victim.name, &options);
	if (error)
		return error;
	shmring_consumer_info(*consumer, &info);
	if (founds)
		board->released = board->releasing = board->given = info.sequence;
	in_order();
	board->opened = 2;
	return 0;
}

/* What it has read is known after the call, what it has released before. */
static int take(struct world *world, struct shmring_consumer *consumer)
{
	struct shmring_record record;
	int error = shmring_read(consumer, &record);

	if (error)
		return error;
	if (!record_sound(&world->plan, &record) || record.sequence < world->board->released)
		return -EBADMSG;
	/* Its own again, after an eviction. */
	if (record.sequence < world->board->given && !record.flags && !world->board->evicted)
		return -ERANGE;
	if (world->board->given <= record.sequence)
		world->board->given = record.sequence + 1;
	world->board->moving = record.sequence + 1;
	return 0;
}

static int give(struct world *world, struct shmring_consumer *consumer)
{
	struct board *board = world->board;
	int error;

	board->releasing = board->moving;
	in_order();
	error = shmring_release(consumer);
	if (!error)
		board->released = board->moving;
	return error;
}

int victim_group_join(struct world *world)
{
	struct shmring_consumer *consumer;

	stepper_mark();
	MUST(come(world, &consumer), 0);
	stepper_mark();
	return 0;
}

/* Claims, all of each read and released at once. */
int victim_group_read(struct world *world)
{
	struct shmring_consumer *consumer;

	MUST(come(world, &consumer), 0);
	for (int i = 0; i < 2 * world->rounds; i++) {
		int error = 0;

		stepper_mark();
		for (uint32_t j = 0; j < world->scenario->group && !error; j++)
			error = take(world, consumer);
		/* What was there when it claimed may have been less. */
		MUST(error == -EALREADY ? 0 : error, 0);
		MUST(give(world, consumer), 0);
		stepper_mark();
	}
	return 0;
}

/* Claims, released in parts; the last one not. */
int victim_group_parts(struct world *world)
{
	struct shmring_consumer *consumer;
	int error;

	MUST(come(world, &consumer), 0);
	for (int i = 0; i < 6 * world->rounds; i++) {
		stepper_mark();
		error = take(world, consumer);
		if (error == -EALREADY) {
			MUST(give(world, consumer), 0);
			error = take(world, consumer);
		}
		MUST(error, 0);
		if (i % 3 == 1)
			MUST(give(world, consumer), 0);
		stepper_mark();
	}
	return 0;
}

/* A dead member's claim, found as it is about to sleep. */
int victim_group_wait(struct world *world)
{
	struct shmring_consumer *consumer;
	int error;

	MUST(come(world, &consumer), 0);
	stepper_mark();
	MUST(shmring_wait(consumer, 0), 0);
	stepper_mark();
	do {
		error = take(world, consumer);
	} while (!error);
	MUST(error, -EALREADY);
	MUST(world->board->given == world->next ? 0 : -ERANGE, 0);
	stepper_mark();
	MUST(give(world, consumer), 0);
	MUST(shmring_wait(consumer, 0), -EAGAIN);
	stepper_mark();
	return 0;
}

int victim_group_leave(struct world *world)
{
	struct shmring_consumer *consumer;

	MUST(come(world, &consumer), 0);
	for (int i = 0; i < 3; i++)
		MUST(take(world, consumer), 0);
	MUST(give(world, consumer), 0);
	MUST(take(world, consumer), 0);
	stepper_mark();
	world->board->closed = 1;
	MUST(shmring_consumer_close(consumer), 0);
	world->board->closed = 2;
	stepper_mark();
	return 0;
}

/* It is the first one back, with a claim partly released. */
int victim_group_rejoin(struct world *world)
{
	struct shmring_consumer *consumer;
	uint64_t lost;

	MUST(come(world, &consumer), 0);
	MUST(take(world, consumer), 0);
	MUST(give(world, consumer), 0);
	MUST(take(world, consumer), 0);
	stepper_mark();
	world->board->evicted = 1;
	in_order();
	MUST(shmring_evict(world->victim.name, "group"), 0);
	stepper_mark();
	stepper_mark();
	MUST(take(world, consumer), -ECONNRESET);
	MUST(shmring_rejoin(consumer, &lost), 0);
	stepper_mark();
	MUST(lost == 0 ? 0 : -ERANGE, 0);
	stepper_mark();
	MUST(take(world, consumer), 0);
	MUST(give(world, consumer), 0);
	stepper_mark();
	return 0;
}
