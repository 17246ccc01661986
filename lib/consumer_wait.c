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
		return consumer->released != consumer->claim.end || group_record_there(consumer);
	return consumer_load(consumer, consumer_word(consumer, consumer->cursor)) &
	       RECORD_WORD_VALID;
}

static bool spin_for_record(struct shmring_consumer *consumer, struct deadline deadline)
{
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
	} while (clock_ns() < until && !handle_cancelled(&consumer->handle));
	return false;
}

/*
 * Sleeps on a futex word unless the handle was cancelled before; from then on shmring_cancel wakes
 * it.
 */
static bool sleep_on(struct shmring_consumer *consumer, const shared_u32 *word, uint32_t expected,
		     int64_t sleep_ns)
{
	struct handle *handle = &consumer->handle;
	bool woken = false;

	atomic_store_explicit(&handle->sleeps_on, word, memory_order_seq_cst);
	if (!atomic_load_explicit(&handle->cancelled, memory_order_seq_cst)) {
		consumer->sleeps++;
		woken = futex_wait(word, expected, sleep_ns);
	}
	atomic_store_explicit(&handle->sleeps_on, NULL, memory_order_relaxed);
	return woken;
}

/* With a subscription and a producer that looks for sleepers. */
static void sleep_on_bell(struct shmring_consumer *consumer, int64_t sleep_ns)
{
	struct segment *segment = &consumer->handle.segment;
	const shared_u32 *word = &segment->data->bell[consumer->subscription.slot];
	shared_u64 *sleepers = &segment->control->sleepers;
	const uint64_t bit = UINT64_C(1) << consumer->subscription.slot;
	/* [BELL] acquire: the bell, then the bit; pairs with wait.c:wake_sleepers() */
	const uint32_t bell = atomic_load_explicit(word, memory_order_acquire);
	uint64_t start;

	atomic_fetch_or_explicit(sleepers, bit, memory_order_relaxed);
	/* [SLEEP] sleepers, full fence, then header word; pairs with producer.c:publish() */
	/*
	 * [SLEEP] and likewise what became of the stream; pairs with producer_open.c:stream_store()
	 */
	fence_full();
	if (!record_there(consumer) &&
	    atomic_load_explicit(&segment->data->stream, memory_order_relaxed) ==
		    consumer->seen_stream) {
		start = clock_ns();
		if (sleep_on(consumer, word, bell, sleep_ns)) {
			consumer->wakeups++;
			if (consumer->shared)
				group_woken(consumer);
			spin_slept(&consumer->spin, clock_ns() - start);
		} else {
			/* What is there for a group may be another member's business. */
			consumer->late += sleep_ns == RECHECK_NS && !consumer->shared &&
					  record_there(consumer);
			spin_slept(&consumer->spin, UINT64_MAX);
		}
	}
	/*
	 * Whoever rings clears the bit; after any other end it would cost the producer a futile
	 * system call.
	 */
	if (!consumer->shared && atomic_load_explicit(sleepers, memory_order_relaxed) & bit)
		atomic_fetch_and_explicit(sleepers, ~bit, memory_order_relaxed);
}

/* Nobody can wake an observer, and in mode NONE nobody looks for sleepers. */
static void nap(struct shmring_consumer *consumer, uint64_t silent_since_ns, int64_t sleep_ns)
{
	uint64_t share = (clock_ns() - silent_since_ns) / NAP_SHARE;
	int64_t nap_ns = share < NAP_SHORTEST_NS  ? NAP_SHORTEST_NS
			 : share > NAP_LONGEST_NS ? NAP_LONGEST_NS
						  : (int64_t)share;

	sleep_on(consumer, &consumer->handle.cancelled, 0, nap_ns < sleep_ns ? nap_ns : sleep_ns);
	spin_slept(&consumer->spin, UINT64_MAX);
}

/* There is a record, or shmring_read will move on to where there is one. */
static bool something_there(struct shmring_consumer *consumer)
{
	if (consumer->shared)
		return record_there(consumer) || group_lapped(consumer) ||
		       group_take_over(consumer, true);
	return record_there(consumer) || consumer_lapped(consumer);
}

static cold_path int wait_slowly(struct shmring_consumer *consumer, int64_t timeout_ns)
{
	const bool has_bell = consumer->subscribed &&
			      consumer->handle.segment.header.wake_mode == SHMRING_WAKE_FENCE;
	struct deadline deadline = deadline_after(timeout_ns);
	const uint64_t start_ns = clock_ns();
	KEEP_ERRNO;

	if (timeout_ns != 0 && !consumer_evicted(consumer) && spin_for_record(consumer, deadline))
		return 0;
	for (;;) {
		uint64_t epoch;
		int64_t left;
		int ended;

		if (handle_cancelled(&consumer->handle))
			return -ECANCELED;
		if (consumer_evicted(consumer))
			return -ECONNRESET;
		ended = consumer_ended(consumer, true, &epoch);
		/*
		 * Once more, after it was seen to have ended: what was published before that is
		 * there now.
		 */
		if (something_there(consumer))
			return 0;
		if (ended == -ESTALE ||
		    (ended && consumer->removed && consumer->told_epoch == epoch))
			return -ESTALE;
		if (ended && consumer->told_epoch != epoch) {
			consumer->told_epoch = epoch;
			return ended;
		}
		if (timeout_ns == 0)
			return -EAGAIN;
		left = deadline_left(deadline, RECHECK_NS);
		if (left == 0)
			return -ETIMEDOUT;
		consumer_room_look(consumer);
		if (has_bell)
			sleep_on_bell(consumer, left);
		else
			nap(consumer, start_ns, left);
	}
}

int shmring_wait(struct shmring_consumer *consumer, int64_t timeout_ns)
{
	if (unlikely(consumer->handle.is_forked))
		return -EOWNERDEAD;
	if (unlikely(handle_cancelled(&consumer->handle)))
		return -ECANCELED;
	consumer->idle_expected = consumer->expected;
	if (record_there(consumer) && !consumer_evicted(consumer))
		return 0;
	return wait_slowly(consumer, timeout_ns);
}
