/* SPDX-License-Identifier: MIT */
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "many.h"

int64_t many_nap(uint64_t silent_since_ns)
{
	const uint64_t share = (clock_ns() - silent_since_ns) / NAP_SHARE;

	return share < NAP_SHORTEST_NS       ? NAP_SHORTEST_NS
	       : share > MANY_NAP_LONGEST_NS ? MANY_NAP_LONGEST_NS
					     : (int64_t)share;
}

#ifdef HAVE_FUTEX_WAITV

_Static_assert(MANY_MAX <= FUTEX_WAITV_MAX, "more than the kernel takes");

/* Found out by trying; threads that race find the same: relaxed is enough. */
static _Atomic bool refused;

bool many_possible(void)
{
	return !atomic_load_explicit(&refused, memory_order_relaxed);
}

static enum sleep_end sleep_on_all(const struct sleep_word *words, unsigned int count,
				   int64_t sleep_ns)
{
	struct futex_waitv waiters[MANY_MAX];
	const uint64_t until = clock_ns() + (uint64_t)sleep_ns;
	/* 64 bits each, also in 32-bit processes. */
	const struct {
		int64_t seconds, nanoseconds;
	} timeout = { (int64_t)(until / NS_PER_SECOND), (int64_t)(until % NS_PER_SECOND) };

	memset(waiters, 0, count * sizeof(waiters[0]));
	for (unsigned int i = 0; i < count; i++) {
		waiters[i].val = words[i].expected;
		waiters[i].uaddr = (uintptr_t)words[i].word;
		/* Not private: the other side is another process. */
		waiters[i].flags = FUTEX_32;
	}
	if (syscall(SYS_futex_waitv, waiters, count, 0, &timeout, CLOCK_MONOTONIC) >= 0)
		return SLEEP_WOKEN;
	switch (errno) {
	case EAGAIN:
		return SLEEP_WOKEN;
	case EINTR:
		return SLEEP_INTERRUPTED;
	case ETIMEDOUT:
		return SLEEP_TIMED_OUT;
	case ENOSYS:
	case EPERM:
		atomic_store_explicit(&refused, true, memory_order_relaxed);
		return SLEEP_WOKEN;
	default:
		/* A ring that has been left meanwhile; then the first word has changed. */
		return futex_wait(words[0].word, words[0].expected, NAP_SHORTEST_NS);
	}
}

#else

bool many_possible(void)
{
	return false;
}

#endif

enum sleep_end many_sleep(const struct sleep_word *words, unsigned int count, int64_t sleep_ns)
{
	if (sleep_ns <= 0)
		return SLEEP_TIMED_OUT;
	/* Refused since the words were collected: they are to be collected again, without those. */
	if (count > 1 && !many_possible())
		return SLEEP_WOKEN;
#ifdef HAVE_FUTEX_WAITV
	if (count > 1)
		return sleep_on_all(words, count, sleep_ns);
#endif
	return futex_wait(words[0].word, words[0].expected, sleep_ns);
}
