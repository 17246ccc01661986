/* SPDX-License-Identifier: MIT */
/*
 * wait.h - clocks, futexes, and how long to spin before sleeping. What is waited for is its
 * callers' business.
 */
#ifndef SHMRING_WAIT_H
#define SHMRING_WAIT_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "layout.h"

#define NS_PER_SECOND 1000000000LL
#define NS_PER_MS     1000000LL

/*
 * No sleep is longer than this: then everything is looked at again, for what a killed process left
 * undone.
 */
#define RECHECK_NS (100 * NS_PER_MS)

/*
 * Naps of those whom nobody can wake (observers, mode NONE) are a share of the silence so far, between
 * these: a record is late by at most that share of the time since the last, and looking for nothing
 * takes less and less.
 */
#define NAP_SHARE       16
#define NAP_SHORTEST_NS (50 * 1000LL)
#define NAP_LONGEST_NS  (16 * NS_PER_MS)

/* Monotonic time. Only ever compared with earlier times of the same process. */
uint64_t clock_ns(void);

/*
 * The same from a coarse clock that never needs a system call: milliseconds of granularity,
 * nanoseconds of cost.
 */
uint64_t clock_coarse_ns(void);

/*
 * Nanoseconds since 1970. Not from the coarse clock: on a machine that sleeps between ticks that
 * one may be late by more than its granularity, and records would be skipped.
 */
uint64_t clock_wall_ns(void);

/* The same from a coarse clock: milliseconds of granularity, no system call. */
uint64_t clock_wall_coarse_ns(void);

/* A point in time until which to wait; `timeout_ns` as in the public header. */
struct deadline {
	uint64_t at_ns; /* UINT64_MAX: never */
};
struct deadline deadline_after(int64_t timeout_ns);

/* Nanoseconds left, at most `bound`; 0 if the deadline has passed. */
int64_t deadline_left(struct deadline deadline, int64_t bound);

/* How a sleep ended. */
enum sleep_end {
	SLEEP_WOKEN, /* also: it never began, since *word had changed */
	SLEEP_TIMED_OUT,
	SLEEP_INTERRUPTED, /* by a signal */
	SLEEP_NOT,         /* there was no need to */
};

/* Sleep while *word is `expected`, for at most bound_ns. */
struct sleep_word {
	const shared_u32 *word;
	uint32_t expected;
	int64_t bound_ns;
};

/* For programs that sleep by themselves. */
static inline void sleep_word_tell(const struct sleep_word *on, struct shmring_futex *futex)
{
	futex->word = (const uint32_t *)(const void *)on->word;
	futex->expected = on->expected;
	futex->timeout_ns = on->bound_ns;
}

/* Sleeps while *word is `expected`, for at most timeout_ns. */
enum sleep_end futex_wait(const shared_u32 *word, uint32_t expected, int64_t timeout_ns);

/*
 * Wake mode MEMBARRIER. Registering makes this process one that others' barriers reach, for good;
 * the barrier is a full fence here and in each such process that runs. False: the kernel, or a
 * filter, refuses.
 */
bool membarrier_register(void);
bool membarrier_everywhere(void);

/* Wakes up to `count` sleepers. `word` may be in a read-only mapping. */
void futex_wake(const shared_u32 *word, int count);

/*
 * Pauses for roughly so many nanoseconds, in units of the processor's pause instruction, measured
 * once.
 */
void pause_for_ns(unsigned int ns);

/* How long spinning has paid off lately; one for each handle. */
struct spin {
	uint32_t budget_ns;
	uint32_t limit_ns; /* 0 where there is but one processor for both sides */
	uint32_t asked_ns; /* what it is elsewhere */
	uint32_t sleeps;   /* since the processors were last counted */
	uint32_t misses;   /* spins in a row that did not pay, at most since then */
	uint32_t peer;     /* process that is waited for; 0: not known */
};

/* `spin_ns` as in the options. False if it is more than SHMRING_SPIN_MAX_NS. */
bool spin_init(struct spin *spin, int64_t spin_ns);

/* What was waited for came while spinning. */
void spin_paid(struct spin *spin);

/* The next sleep looks again where `peer` may run. */
bool spin_counts_next(const struct spin *spin);

/* It did not, and came after so long a sleep; UINT64_MAX: it did not come. */
void spin_slept(struct spin *spin, uint64_t slept_ns);

/* Producer: wakes members of a group, whose bell this is, though there is no record for them. */
void wake_group(shared_u32 *bell);

/*
 * Wakes every subscription that sleeps: of a group two members, of which each wakes another if it
 * leaves records behind, or, with `everyone`, all of every group. Returns how many subscriptions
 * were woken.
 */
unsigned int wake_sleepers(struct layout_control *control, shared_u32 bells[SHMRING_SUBSCRIPTIONS],
			   bool everyone);

/* Restores errno at the end of the scope: the library leaves it alone. */
static inline void errno_restore(const int *saved)
{
	errno = *saved;
}
#define KEEP_ERRNO int saved_errno __attribute__((cleanup(errno_restore), unused)) = errno

#endif
