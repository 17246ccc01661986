/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "atomics.h"
#include "wait.h"

/* A spin looks for less than a sleep that was bounded does, so it may not be longer. */
_Static_assert(SHMRING_SPIN_MAX_NS <= RECHECK_NS, "a spin longer than the re-check");

/* However rarely it pays: this much is always tried. */
#define SPIN_LEAST_NS 1000u

/*
 * So many sleeps between two looks at how many processors this thread may run on, and between two
 * tries whether what has not paid does now.
 */
#define SPIN_SLEEPS 64

/* After so many spins in a row that did not pay, more patience is no answer. */
#define SPIN_MISSES 4

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t clock_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_coarse_ns(void)
{
	return read_clock(CLOCK_MONOTONIC_COARSE);
}

uint64_t clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t clock_wall_coarse_ns(void)
{
	return read_clock(CLOCK_REALTIME_COARSE);
}

struct deadline deadline_after(int64_t timeout_ns)
{
	uint64_t now;

	if (timeout_ns < 0)
		return (struct deadline){ UINT64_MAX };
	now = clock_ns();
	return (struct deadline){ now > UINT64_MAX - (uint64_t)timeout_ns
					  ? UINT64_MAX
					  : now + (uint64_t)timeout_ns };
}

int64_t deadline_left(struct deadline deadline, int64_t bound)
{
	uint64_t now;

	if (deadline.at_ns == UINT64_MAX)
		return bound;
	now = clock_ns();
	if (now >= deadline.at_ns)
		return 0;
	return deadline.at_ns - now < (uint64_t)bound ? (int64_t)(deadline.at_ns - now) : bound;
}

/*
 * Never FUTEX_PRIVATE_FLAG: the other side is another process, and its address for the word
 * another.
 */
enum sleep_end futex_wait(const shared_u32 *word, uint32_t expected, int64_t timeout_ns)
{
	/*
	 * What this system call takes everywhere; a 32-bit C library's struct timespec may be
	 * wider.
	 */
	struct {
		long seconds, nanoseconds;
	} timeout = { (long)(timeout_ns / NS_PER_SECOND), (long)(timeout_ns % NS_PER_SECOND) };

	if (timeout_ns <= 0)
		return SLEEP_TIMED_OUT;
	if (syscall(SYS_futex, word, FUTEX_WAIT, expected, &timeout, NULL, 0) == 0 ||
	    errno == EAGAIN)
		return SLEEP_WOKEN;
	return errno == EINTR ? SLEEP_INTERRUPTED : SLEEP_TIMED_OUT;
}

bool membarrier_register(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
}

bool membarrier_everywhere(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0;
}

void futex_wake(const shared_u32 *word, int count)
{
	syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}

/*
 * Hundredths of a nanosecond that one pause takes. Racing threads measure the same thing twice:
 * relaxed is enough.
 */
static _Atomic uint32_t pause_cost;

#define PAUSE_SAMPLES 64
#define PAUSE_TRIES   8

static cold_path uint32_t pause_measure(void)
{
	uint64_t least = UINT64_MAX;
	uint32_t cost;

	for (int attempt = 0; attempt < PAUSE_TRIES; attempt++) {
		uint64_t start = clock_ns(), took;

		for (int i = 0; i < PAUSE_SAMPLES; i++)
			cpu_pause();
		took = clock_ns() - start;
		if (took < least)
			least = took;
	}
	cost = (uint32_t)(least * 100 / PAUSE_SAMPLES);
	if (cost == 0)
		cost = 1;
	atomic_store_explicit(&pause_cost, cost, memory_order_relaxed);
	return cost;
}

void pause_for_ns(unsigned int ns)
{
	uint32_t cost = atomic_load_explicit(&pause_cost, memory_order_relaxed);
	uint32_t pauses;

	if (unlikely(cost == 0))
		cost = pause_measure();
	pauses = ns * 100 / cost + 1;
	while (pauses-- > 0)
		cpu_pause();
}

/* There is nothing to spin for where whoever is waited for cannot run meanwhile. */
static void spin_count_processors(struct spin *spin)
{
	cpu_set_t allowed, other;
	const uint32_t limit_ns = spin->limit_ns;
	/*
	 * With more processors than the set has room for, the call fails, and there is more than
	 * one.
	 */
	const bool counted = sched_getaffinity(0, sizeof(allowed), &allowed) == 0;

	/* Whoever is waited for runs elsewhere, if each is kept to a processor of its own. */
	if (counted && spin->peer != 0 &&
	    sched_getaffinity((pid_t)spin->peer, sizeof(other), &other) == 0)
		CPU_OR(&allowed, &allowed, &other);
	spin->limit_ns = counted && CPU_COUNT(&allowed) < 2 ? 0 : spin->asked_ns;
	if (limit_ns == 0 || spin->budget_ns > spin->limit_ns)
		spin->budget_ns = spin->limit_ns;
}

bool spin_init(struct spin *spin, int64_t spin_ns)
{
	if (spin_ns > SHMRING_SPIN_MAX_NS)
		return false;
	if (spin_ns == 0)
		spin_ns = SHMRING_SPIN_DEFAULT_NS;
	spin->asked_ns = spin_ns < 0 ? 0 : (uint32_t)spin_ns;
	spin->budget_ns = spin->asked_ns;
	spin->limit_ns = spin->asked_ns;
	spin->misses = spin->peer = 0;
	/* Once more after the first sleep: then there is somebody to be waited for. */
	spin->sleeps = SPIN_SLEEPS - 1;
	spin_count_processors(spin);
	if (atomic_load_explicit(&pause_cost, memory_order_relaxed) == 0)
		pause_measure();
	return true;
}

void spin_paid(struct spin *spin)
{
	uint32_t more = spin->budget_ns * 2;

	spin->budget_ns = more < spin->limit_ns ? more : spin->limit_ns;
	spin->misses = 0;
}

bool spin_counts_next(const struct spin *spin)
{
	return spin->sleeps + 1 == SPIN_SLEEPS;
}

void spin_slept(struct spin *spin, uint64_t slept_ns)
{
	/* The thread may have been moved, or pinned, since it opened the ring. */
	if (++spin->sleeps == SPIN_SLEEPS) {
		spin->sleeps = spin->misses = 0;
		spin_count_processors(spin);
	}
	/*
	 * A little more patience would have done: what is seen of a sleep is the wait and the
	 * waking up, of which the limit is about the length.
	 */
	if (slept_ns < 2 * (uint64_t)spin->limit_ns && spin->misses++ < SPIN_MISSES)
		spin->budget_ns = spin->limit_ns;
	else if (spin->budget_ns > SPIN_LEAST_NS)
		spin->budget_ns /= 2;
}

/* One of the two may be killed before it runs: then the other is there. */
#define GROUP_WAKES 2

void wake_group(shared_u32 *bell)
{
	atomic_fetch_add_explicit(bell, 1, memory_order_release);
	futex_wake(bell, GROUP_WAKES);
}

/*
 * A bit for every group: of one that was rung for before, and whose two have not run yet, others may
 * sleep without one.
 */
static uint64_t groups_of(struct layout_control *control)
{
	uint64_t groups = 0;

	for (unsigned int i = 0; i < SHMRING_SUBSCRIPTIONS; i++)
		/* Relaxed: whoever sleeps has not changed what it is. */
		if (slot_shared(atomic_load_explicit(&control->state[i], memory_order_relaxed)))
			groups |= UINT64_C(1) << i;
	return groups;
}

unsigned int wake_sleepers(struct layout_control *control, shared_u32 bells[SHMRING_SUBSCRIPTIONS],
			   bool everyone)
{
	shared_u64 *sleepers = &control->sleepers;
	unsigned int woken = 0;
	/* Relaxed: a bit set after this load is the business of the next record, or of [SLEEP]. */
	uint64_t asleep = atomic_load_explicit(sleepers, memory_order_relaxed);

	if (everyone)
		asleep |= groups_of(control);
	while (asleep != 0) {
		unsigned int i = (unsigned int)__builtin_ctzll(asleep);
		/* Relaxed: whoever sleeps has not changed what it is. */
		const uint64_t state =
			atomic_load_explicit(&control->state[i], memory_order_relaxed);

		asleep &= asleep - 1;
		/*
		 * [BELL] The bit first: a sleeper that sets it again after this reads the bell
		 * after that, and is woken by the next record; pairs with
		 * consumer_wait.c:consumer_arm()
		 */
		atomic_fetch_and_explicit(sleepers, ~(UINT64_C(1) << i), memory_order_acq_rel);
		atomic_fetch_add_explicit(&bells[i], 1, memory_order_release);
		futex_wake(&bells[i], slot_shared(state) && !everyone ? GROUP_WAKES : INT_MAX);
		woken++;
	}
	return woken;
}
