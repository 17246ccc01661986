/* SPDX-License-Identifier: MIT */
/*
 * consumer_wait.c - waiting for a record: spinning while that has paid off lately, then sleeping.
 */
#include <errno.h>

#include "atomics.h"
#include "consumer.h"
#include "group.h"

/* Looks between two looks at the clock while spinning. */
#define SPIN_LOOKS 32

static inline bool record_there(const struct shmring_consumer *consumer)
{
	if (consumer->shared)
		/* Or something to release before anything else. */
		return consumer->hot.released != consumer->claim.end ||
		       group_record_there(consumer);
	return consumer_load(consumer, consumer_word(consumer, consumer->hot.cursor)) &
	       RECORD_WORD_VALID;
}

/*
 * Since it looked: then what lies at the cursor may be part of another record. Groups find out as
 * they claim.
 */
static inline bool overtaken(const struct shmring_consumer *consumer)
{
	return !consumer->shared && consumer_lapped(consumer);
}

static bool spin_for_record(struct shmring_consumer *consumer, struct deadline deadline)
{
	/* Relaxed: a change ends the spin, and is looked at then. */
	const shared_u64 *word = &consumer->handle.segment.data->stream;
	const uint64_t stream = atomic_load_explicit(word, memory_order_relaxed);
	uint64_t until;

	if (consumer->spin.budget_ns == 0)
		return false;
	until = clock_ns() + consumer->spin.budget_ns;
	if (deadline.at_ns < until)
		until = deadline.at_ns;
	do {
		for (int look = 0; look < SPIN_LOOKS; look++) {
			if (record_there(consumer)) {
				spin_paid(&consumer->spin);
				return true;
			}
			cpu_pause();
		}
	} while (clock_ns() < until && !consumer_glance(consumer) &&
		 atomic_load_explicit(word, memory_order_relaxed) == stream);
	return false;
}

/* There is a record, or shmring_read will move on to where there is one. */
static bool something_there(struct shmring_consumer *consumer)
{
	if (consumer->shared)
		return record_there(consumer) || group_lapped(consumer) ||
		       group_take_over(consumer, true);
	return record_there(consumer) || consumer_lapped(consumer);
}

int consumer_look(struct shmring_consumer *consumer)
{
	uint64_t epoch;
	int ended;

	if (consumer->handle.is_forked)
		return -EOWNERDEAD;
	if (handle_cancelled(&consumer->handle))
		return -ECANCELED;
	if (consumer_evicted(consumer))
		return -ECONNRESET;
	ended = consumer_ended(consumer, true, &epoch);
	/*
	 * Once more, after it was seen to have ended: what was published before that is there now.
	 */
	if (something_there(consumer))
		return 0;
	if (ended == -ESTALE || (ended && consumer->removed && consumer->told_epoch == epoch))
		return -ESTALE;
	if (ended && consumer->told_epoch != epoch) {
		consumer->told_epoch = epoch;
		return ended;
	}
	return -EAGAIN;
}

bool consumer_glance(const struct shmring_consumer *consumer)
{
	return record_there(consumer) || overtaken(consumer) || consumer_evicted(consumer) ||
	       handle_cancelled(&consumer->handle);
}

/* With a subscription, and a producer that looks for sleepers. */
static inline bool has_bell(const struct shmring_consumer *consumer)
{
	return consumer->has_bell;
}

void consumer_bell_init(struct shmring_consumer *consumer)
{
	const uint32_t mode = consumer->handle.segment.header.wake_mode;

	consumer->has_bell = consumer->subscribed &&
			     (mode == SHMRING_WAKE_FENCE ||
			      (mode == SHMRING_WAKE_MEMBARRIER && membarrier_everywhere()));
}

void consumer_fence(struct shmring_consumer *consumer)
{
	fence_full();
	if (consumer->handle.segment.header.wake_mode != SHMRING_WAKE_MEMBARRIER)
		return;
	/* A filter of system calls may have come since the ring was opened. */
	if (!membarrier_everywhere())
		consumer->has_bell = false;
}

/*
 * Nobody can wake an observer, and in mode NONE nobody looks for sleepers: the length of the next
 * nap, which grows with the silence.
 */
static int64_t next_nap(struct shmring_consumer *consumer)
{
	const uint64_t now = clock_ns();
	uint64_t share;

	if (consumer->nap_cursor != consumer->hot.cursor || consumer->silent_since_ns == 0) {
		consumer->nap_cursor = consumer->hot.cursor;
		consumer->silent_since_ns = now;
	}
	share = (now - consumer->silent_since_ns) / NAP_SHARE;
	return share < NAP_SHORTEST_NS  ? NAP_SHORTEST_NS
	       : share > NAP_LONGEST_NS ? NAP_LONGEST_NS
					: (int64_t)share;
}

static void arm_nap(struct shmring_consumer *consumer, struct sleep_word *on)
{
	on->word = &consumer->handle.cancelled;
	on->expected = 0;
	on->bound_ns = next_nap(consumer);
}

bool consumer_arm(struct shmring_consumer *consumer, struct sleep_word *on)
{
	struct segment *segment = &consumer->handle.segment;
	const uint64_t bit = UINT64_C(1) << consumer->subscription.slot;

	if (!has_bell(consumer)) {
		arm_nap(consumer, on);
		return true;
	}
	on->word = &segment->data->bell[consumer->subscription.slot];
	on->bound_ns = RECHECK_NS;
	/* [BELL] acquire: the bell, then the bit; pairs with wait.c:wake_sleepers() */
	on->expected = atomic_load_explicit(on->word, memory_order_acquire);
	atomic_fetch_or_explicit(&segment->control->sleepers, bit, memory_order_relaxed);
	/* [SLEEP] sleepers, full fence, then header word; pairs with inline.h:shmring_hot_publish() */
	/*
	 * [SLEEP] and likewise what became of the stream; pairs with producer_open.c:stream_store()
	 */
	consumer_fence(consumer);
	return has_bell(consumer) && !record_there(consumer) && !overtaken(consumer) &&
	       atomic_load_explicit(&segment->data->stream, memory_order_relaxed) ==
		       consumer->seen_stream;
}

void consumer_disarm(struct shmring_consumer *consumer, enum sleep_end end)
{
	const uint64_t bit = UINT64_C(1) << consumer->subscription.slot;
	shared_u64 *sleepers;

	if (!has_bell(consumer))
		return;
	sleepers = &consumer->handle.segment.control->sleepers;
	if (end == SLEEP_WOKEN) {
		consumer->wakeups++;
		if (consumer->shared)
			group_woken(consumer);
	}
	/*
	 * Whoever rings clears the bit; after any other end it would cost the producer a futile
	 * system call. But a file descriptor may wait for that meanwhile.
	 */
	if (!consumer->shared && !consumer_fd_armed(consumer) &&
	    atomic_load_explicit(sleepers, memory_order_relaxed) & bit)
		atomic_fetch_and_explicit(sleepers, ~bit, memory_order_relaxed);
}

void consumer_overslept(struct shmring_consumer *consumer)
{
	/* What is there for a group may be another member's business. */
	consumer->late += !consumer->shared && record_there(consumer);
}

/* Sleeps for at most so long, unless something came at the last moment. */
static enum sleep_end sleep_once(struct shmring_consumer *consumer, int64_t sleep_ns)
{
	enum sleep_end end = SLEEP_NOT;
	struct sleep_word on;

	if (consumer_arm(consumer, &on)) {
		const uint64_t start = clock_ns();

		if (sleep_ns < on.bound_ns)
			on.bound_ns = sleep_ns;
		end = handle_sleep(&consumer->handle, on.word, on.expected, on.bound_ns,
				   &consumer->sleeps);
		consumer->spin.peer = consumer_awaits(consumer);
		spin_slept(&consumer->spin, end == SLEEP_WOKEN ? clock_ns() - start : UINT64_MAX);
		if (end == SLEEP_TIMED_OUT && on.bound_ns == RECHECK_NS)
			consumer_overslept(consumer);
	}
	consumer_disarm(consumer, end);
	return end;
}

/* Nothing there, and no wait: the file descriptor will tell. */
static int look_and_arm(struct shmring_consumer *consumer)
{
	const int error = consumer_fd_idle(consumer, false);

	return error == 0 ? consumer_look(consumer) : error;
}

static cold_path int wait_slowly(struct shmring_consumer *consumer, int64_t timeout_ns)
{
	struct deadline deadline = deadline_after(timeout_ns);
	enum sleep_end end = SLEEP_NOT;
	KEEP_ERRNO;

	if (timeout_ns != 0 && !consumer_evicted(consumer) && spin_for_record(consumer, deadline))
		return 0;
	for (;;) {
		const int error = consumer_look(consumer);
		int64_t left;

		if (error != -EAGAIN || timeout_ns == 0)
			return error == -EAGAIN && consumer->notice ? look_and_arm(consumer)
								    : error;
		if (end == SLEEP_INTERRUPTED && consumer->handle.interruptible)
			return -EINTR;
		left = deadline_left(deadline, RECHECK_NS);
		if (left == 0)
			return -ETIMEDOUT;
		consumer_room_look(consumer);
		end = sleep_once(consumer, left);
	}
}

int shmring_wait(struct shmring_consumer *consumer, int64_t timeout_ns)
{
	if (unlikely(consumer->handle.is_forked))
		return -EOWNERDEAD;
	if (unlikely(handle_cancelled(&consumer->handle)))
		return -ECANCELED;
	consumer_idle(consumer);
	if (record_there(consumer) && !consumer_evicted(consumer))
		return 0;
	return wait_slowly(consumer, timeout_ns);
}

int shmring_consumer_arm(struct shmring_consumer *consumer, struct shmring_futex *futex)
{
	struct sleep_word on;
	int error;
	KEEP_ERRNO;

	if (!futex)
		return -EINVAL;
	error = consumer_look(consumer);
	if (error != -EAGAIN)
		return error == 0 ? -EALREADY : error;
	consumer_idle(consumer);
	consumer_room_look(consumer);
	if (!consumer_arm(consumer, &on)) {
		consumer_disarm(consumer, SLEEP_NOT);
		return -EALREADY;
	}
	if (!handle_arm(&consumer->handle, on.word)) {
		consumer_disarm(consumer, SLEEP_NOT);
		return -ECANCELED;
	}
	consumer->armed = true;
	consumer->armed_bell = on.expected;
	sleep_word_tell(&on, futex);
	return 0;
}

int shmring_consumer_disarm(struct shmring_consumer *consumer)
{
	const struct segment *segment = &consumer->handle.segment;
	enum sleep_end end = SLEEP_NOT;
	KEEP_ERRNO;

	if (consumer->handle.is_forked)
		return -EOWNERDEAD;
	if (!consumer->armed)
		return 0;
	consumer->armed = false;
	handle_disarm(&consumer->handle);
	if (has_bell(consumer) &&
	    atomic_load_explicit(&segment->data->bell[consumer->subscription.slot],
				 memory_order_relaxed) != consumer->armed_bell)
		end = SLEEP_WOKEN;
	consumer_disarm(consumer, end);
	return 0;
}
