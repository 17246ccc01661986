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
	void (*plan)(struct plan *plan, struct random *random); /* changes what it needs; may be null */
	const char *after;     /* starts from the states in which the victim of this scenario was killed */
	bool reads;            /* the victim is, or becomes, a consumer; otherwise a producer, or an operator */
	bool durable;
	enum shmring_policy policy;
	enum shmring_start start; /* of a consumer's subscription, or of its seek */
	const char *subscription; /* the consumer's; null: "victim" */
	unsigned int evictable;   /* survivors that it evicts, by their bits */
	bool unsubscribes;     /* ends kept's subscription */
};

extern const struct scenario producer_scenarios[], consumer_scenarios[];

/* The same for every scenario, but for what its own function then changes. */
void plan_make(struct plan *plan, const struct scenario *scenario, uint64_t seed, uint64_t variant);

/* Options of the victim's subscription, for it and for whoever comes back under its name. */
struct shmring_consumer_options victim_options(const struct scenario *scenario);

/* What the script tells the board, it tells in this order: a compiler sees nobody who looks. */
static inline void in_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/* In a script: the call has to return that, or the script ends there. */
#define MUST(call, expected)                                           \
	do {                                                           \
		int got_ = (call);                                     \
		if (got_ != (expected)) {                              \
			world->board->failed = (uint64_t)__LINE__;     \
			world->board->error = got_;                    \
			return 1;                                      \
		}                                                      \
	} while (0)

#endif
