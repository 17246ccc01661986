/* SPDX-License-Identifier: MIT */
#include "recover.h"
#include "survivors.h"
#include "victims.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

/* More than any of this takes; who needs more is stuck. */
#define ATTEMPTS_MAX        2000
#define ATTEMPTS_BEFORE_NAP 4
#define NAP_NS              500000

/* ---- The producer's part ---- */

/* Exactly one of the two, and from now on no other. */
static bool successor_opens(struct rescue *rescue)
{
	struct shmring_producer_info info = SHMRING_PRODUCER_INFO_INIT;
	const struct world *world = rescue->world;
	int error = shmring_producer_open(&rescue->producer, world->copy.name, NULL);

	if (!rescue_expect(rescue, error, 0, "a successor opens") ||
	    !rescue_expect(rescue, shmring_producer_info(rescue->producer, &info), 0,
			   "producer_info"))
		return false;
	if (info.sequence != rescue->low && info.sequence != rescue->high)
		return rescue_bad(rescue,
				  "the successor goes on at %" PRIu64 ", not at %" PRIu64
				  " or %" PRIu64,
				  info.sequence, rescue->low, rescue->high);
	if (info.sequence < rescue->next[STEADY])
		return rescue_bad(rescue,
				  "the successor goes on at %" PRIu64 ", but %" PRIu64 " was read",
				  info.sequence, rescue->next[STEADY] - 1);
	if (info.epoch != world->killed_epoch + 1)
		return rescue_bad(rescue, "epoch %" PRIu64 " after %" PRIu64, info.epoch,
				  world->killed_epoch);
	rescue->low = rescue->high = rescue->behind = info.sequence;
	rescue->plan.later[1].from = info.sequence;
	return true;
}

/* Full: those who read do, and who is durable comes back when nobody else is in the way. */
static bool make_room(struct rescue *rescue, unsigned int attempt)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };

	/* What the dead hold is all that keeps the producer now. */
	if (attempt == 2)
		rescue->unaware = false;
	if (!survivors_read(rescue))
		return false;
	if (attempt == 1 && !(kept_returns(rescue) &&
			      (!rescue->world->scenario->durable || victim_returns(rescue))))
		return false;
	if (attempt > ATTEMPTS_BEFORE_NAP)
		nanosleep(&nap, NULL);
	return attempt < ATTEMPTS_MAX ||
	       rescue_bad(rescue, "the producer is stuck at %" PRIu64, rescue->high);
}

/* Writes so much, which is more than the ring holds. */
static bool go_round(struct rescue *rescue, uint64_t bytes)
{
	struct shmring_producer_info info = SHMRING_PRODUCER_INFO_INIT;
	unsigned int attempt = 0;
	uint64_t end = 0;

	for (;;) {
		int error = shmring_producer_info(rescue->producer, &info);

		if (!rescue_expect(rescue, error, 0, "producer_info"))
			return false;
		if (end == 0)
			end = info.position + bytes;
		if (info.sequence != rescue->high)
			return rescue_bad(rescue, "the producer is at %" PRIu64 ", not at %" PRIu64,
					  info.sequence, rescue->high);
		if (info.position >= end)
			return true;
		error = record_write(&rescue->plan, rescue->producer, rescue->high);
		if (error == 0) {
			rescue->low = rescue->behind = ++rescue->high;
			attempt = 0;
		} else if (error != -EAGAIN) {
			return rescue_bad(rescue, "write: %s", shmring_strerror(error));
		} else if (!make_room(rescue, attempt++)) {
			return false;
		}
	}
}

/* Everyone has got everything, exactly. */
static bool all_there(struct rescue *rescue)
{
	rescue->lazy = rescue->unaware = false;
	if (!survivors_read(rescue))
		return false;
	for (unsigned int i = 0; i < READERS; i++)
		if (rescue->world->copy.reader[i].consumer && i < DEAD &&
		    rescue->next[i] != rescue->high)
			return rescue_bad(rescue, "%s: has read up to %" PRIu64 " of %" PRIu64,
					  reader_names[i], rescue->next[i], rescue->high);
	if ((rescue->kept && rescue->kept_next != rescue->high) ||
	    (rescue->newcomer && rescue->newcomer_next != rescue->high) ||
	    (rescue->victim && rescue->victim_next != rescue->high))
		return rescue_bad(rescue,
				  "kept %" PRIu64 ", newcomer %" PRIu64 ", victim %" PRIu64
				  " of %" PRIu64,
				  rescue->kept_next, rescue->newcomer_next, rescue->victim_next,
				  rescue->high);
	return true;
}

/* ---- The order of things ---- */

static bool before_the_successor(struct rescue *rescue, uint64_t *published)
{
	if (rescue_choice(rescue, 2) && !inspector_looks(rescue))
		return false;
	if (rescue_choice(rescue, 2) && !check_passes(rescue))
		return false;
	if (rescue_choice(rescue, 4) == 0)
		return true; /* nobody reads before there is a successor */
	if (!survivors_read(rescue) || !end_told(rescue))
		return false;
	if (rescue->world->copy.reader[STEADY].consumer)
		*published = rescue->next[STEADY];
	return true;
}

static bool run(struct rescue *rescue, uint64_t *published)
{
	const struct world *world = rescue->world;

	if (world->plan.alive)
		rescue->producer = world->copy.producer;
	else if (!before_the_successor(rescue, published) || !successor_opens(rescue))
		return false;
	*published = rescue->high;
	if (world->scenario->group && rescue_choice(rescue, 2) && !check_passes(rescue))
		return false;
	if ((world->plan.alive && rescue_choice(rescue, 2) && !inspector_looks(rescue)) ||
	    (rescue_choice(rescue, 4) && !newcomer_joins(rescue)) ||
	    (rescue_choice(rescue, 2) && !kept_returns(rescue)) ||
	    (rescue_choice(rescue, 2) && !victim_returns(rescue)))
		return false;
	return go_round(rescue, SHMRING_CAPACITY_MIN + SHMRING_CAPACITY_MIN / 4) &&
	       group_reaped(rescue) && kept_returns(rescue) && victim_returns(rescue) &&
	       all_there(rescue) && group_complete(rescue) && inspector_looks(rescue) &&
	       check_passes(rescue);
}

bool recover(struct world *world, uint64_t variation, uint64_t *published, char *what, size_t size)
{
	const uint64_t locks = ring_locks(&world->copy);
	struct rescue rescue = {
		.world = world,
		.plan = world->plan,
		.variation = variation,
		.lazy = variation >> 63,
		.unaware = variation >> 62 & 1,
		.low = world->board->committed,
		.high = world->board->begun,
		.behind = world->board->behind,
		.what = what,
		.size = size,
	};
	bool good;

	if (world->board->taken)
		rescue.plan.later[0].from = world->board->taken;
	for (unsigned int i = 0; i < READERS; i++)
		rescue.next[i] = world->copy.reader[i].next;
	*published = rescue.low;
	group_begins(&rescue);
	good = run(&rescue, published);
	group_ends(&rescue);
	shmring_consumer_close(rescue.newcomer);
	shmring_consumer_close(rescue.victim);
	shmring_consumer_close(rescue.kept);
	if (!world->plan.alive)
		shmring_producer_close(rescue.producer);
	if (good && ring_locks(&world->copy) != locks)
		good = rescue_bad(&rescue, "a lock is left");
	return good;
}
