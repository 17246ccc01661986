/* SPDX-License-Identifier: MIT */
/* What the victims do: a script for each operation, run in the child that is stepped. */
#ifndef TESTS_CRASH_VICTIMS_H
#define TESTS_CRASH_VICTIMS_H

#include "../support/random.h"
#include "world.h"

#include <stdatomic.h>

struct scenario {
	const char *name;
	const char *operation; /* whose figure its kill points count for */
	int (*run)(struct world *world);
	/* Changes what it needs of a plan; may be null. */
	void (*plan)(struct plan *plan, struct random *random);
	const char *after; /* starts where the victim of that scenario was killed */
	bool rich;         /* runs longer, and more often, in the long run: there are many states */
	bool reads;        /* the victim is, or becomes, a consumer */
	bool durable;
	enum shmring_policy policy;
	enum shmring_start start; /* of a consumer's subscription */
	const char *subscription; /* the consumer's; null: "victim" */
	unsigned int evictable;   /* survivors that it evicts, by their bits */
	bool unsubscribes;        /* ends kept's subscription */
	uint32_t group;           /* the victim is a group's member, that claims so many at once */
};

extern const struct scenario producer_scenarios[], consumer_scenarios[], group_scenarios[];

/* The same for every scenario, but for what its own function then changes. */
void plan_make(struct plan *plan, const struct scenario *scenario, uint64_t seed, uint64_t variant);

/* Options of the victim's subscription, for it and for whoever comes back under its name. */
struct shmring_consumer_options victim_options(const struct scenario *scenario);

/* The value that goes with the place where the victim joins, or that it seeks. */
uint64_t victim_start_value(const struct world *world, enum shmring_start start);

/* The scripts. */
int victim_open(struct world *world);
int victim_reserve(struct world *world);
int victim_commit(struct world *world);
int victim_record(struct world *world);
int victim_sleeper(struct world *world);
int victim_full(struct world *world);
int victim_room(struct world *world);
int victim_raced(struct world *world);
int victim_batch(struct world *world);
int victim_abort(struct world *world);
int victim_write(struct world *world);
int victim_close(struct world *world);
int victim_takeover(struct world *world);
int victim_join(struct world *world);
int victim_read(struct world *world);
int victim_drain(struct world *world);
int victim_read_copy(struct world *world);
int victim_seek(struct world *world);
int victim_wait(struct world *world);
int victim_leave(struct world *world);
int victim_resume(struct world *world);
int victim_rejoin(struct world *world);
int victim_evict(struct world *world);
int victim_unsubscribe(struct world *world);
int victim_group_join(struct world *world);
int victim_group_read(struct world *world);
int victim_group_parts(struct world *world);
int victim_group_wait(struct world *world);
int victim_group_leave(struct world *world);
int victim_group_rejoin(struct world *world);

/* What the script tells the board, it tells in this order: a compiler sees nobody who looks. */
static inline void in_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/* In a script: the call has to return that, or the script ends there. */
#define MUST(call, expected)                                       \
	do {                                                       \
		int got_ = (call);                                 \
		if (got_ != (expected)) {                          \
			world->board->failed = (uint64_t)__LINE__; \
			world->board->error = got_;                \
			return 1;                                  \
		}                                                  \
	} while (0)

#endif
