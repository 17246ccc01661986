/* SPDX-License-Identifier: MIT */
/* consumer_fd.c - a consumer's file descriptor for event loops: see notify.h. */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "atomics.h"
#include "consumer.h"
#include "group.h"
#include "liveness.h"
#include "notify.h"

/* ---- The consumer's side --------------------------------------------------------------------- */

static int notice_new(struct shmring_consumer *consumer)
{
	struct notice *notice = calloc(1, sizeof(*notice));
	int error = 0;

	if (!notice)
		return -ENOMEM;
	/* Readable from the start: the first look is the caller's. */
	notice->fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
	if (notice->fd < 0)
		error = -errno;
	atomic_init(&notice->fired, 1);
	notice->consumer = consumer;
	if (consumer->has_bell) {
		notice->bell = &consumer->handle.segment.data->bell[consumer->subscription.slot];
		notice->seen = atomic_load_explicit(notice->bell, memory_order_relaxed);
	}
	if (!error)
		error = notice_add(notice);
	if (error) {
		if (notice->fd >= 0)
			close(notice->fd);
		free(notice);
		return error;
	}
	consumer->notice = notice;
	handle_watch_fd(&consumer->handle, notice->fd);
	return 0;
}

int shmring_consumer_fd(struct shmring_consumer *consumer, int *fd)
{
	int error = 0;
	KEEP_ERRNO;

	if (!fd)
		return -EINVAL;
	if (consumer->handle.is_forked)
		return -EOWNERDEAD;
	if (!consumer->notice)
		error = notice_new(consumer);
	if (!error)
		*fd = consumer->notice->fd;
	return error;
}

void consumer_fd_close(struct shmring_consumer *consumer)
{
	struct notice *notice = consumer->notice;

	if (!notice)
		return;
	if (!consumer->handle.is_forked) {
		handle_unwatch_fd(&consumer->handle);
		notice_remove(notice);
	}
	close(notice->fd);
	free(notice);
	consumer->notice = NULL;
}

static void sleepers_leave(const struct shmring_consumer *consumer)
{
	if (consumer->has_bell && !consumer->shared)
		atomic_fetch_and_explicit(&consumer->handle.segment.control->sleepers,
					  ~(UINT64_C(1) << consumer->subscription.slot),
					  memory_order_relaxed);
}

bool consumer_fd_kick(struct shmring_consumer *consumer)
{
	struct notice *notice = consumer->notice;

	if (!notice || consumer->handle.is_forked || !notice_fire(notice))
		return false;
	sleepers_leave(consumer);
	return true;
}

void consumer_fd_awake(struct shmring_consumer *consumer)
{
	struct notice *notice = consumer->notice;

	if (!notice->asleep || atomic_load_explicit(&notice->armed, memory_order_relaxed))
		return;
	notice->asleep = false;
	consumer->wakeups++;
	consumer->late += atomic_exchange_explicit(&notice->late, 0, memory_order_relaxed);
	if (consumer->shared)
		group_woken(consumer);
}

/* What it has been told, and cannot be told again. */
static uint32_t told(const struct shmring_consumer *consumer)
{
	return (consumer->dead_epoch == stream_epoch(consumer->seen_stream) ? NOTICE_DEAD : 0) |
	       (consumer->removed ? NOTICE_GONE : 0);
}

/* False: there is something to look at; and it is readable again. */
static bool notice_arm(struct shmring_consumer *consumer)
{
	struct segment *segment = &consumer->handle.segment;
	struct notice *notice = consumer->notice;

	/* Relaxed: `armed` brings them. */
	atomic_store_explicit(&notice->cursor, consumer->hot.cursor, memory_order_relaxed);
	atomic_store_explicit(&notice->stream, consumer->seen_stream, memory_order_relaxed);
	atomic_store_explicit(&notice->active, consumer->hot.active, memory_order_relaxed);
	atomic_store_explicit(&notice->told, told(consumer), memory_order_relaxed);
	atomic_store_explicit(&notice->since_ns, clock_coarse_ns(), memory_order_relaxed);
	atomic_store_explicit(&notice->armed, 1, memory_order_seq_cst);
	if (consumer->has_bell)
		/*
		 * [FD] `armed`, then the bit (release): whoever clears it rings for this;
		 * pairs with notify.c:look_at()
		 */
		atomic_fetch_or_explicit(&segment->control->sleepers,
					 UINT64_C(1) << consumer->subscription.slot,
					 memory_order_release);
	/*
	 * [SLEEP] sleepers, full fence, then header word and stream; pairs with
	 * inline.h:shmring_hot_publish() and producer_open.c:stream_store()
	 */
	consumer_fence(consumer);
	/* Relaxed: telling brings it. */
	if (!consumer->has_bell)
		atomic_store_explicit(&notice->unrung, 1, memory_order_relaxed);
	if (!consumer->has_bell || !atomic_load_explicit(&notice->listened, memory_order_seq_cst))
		notice_tell();
	if (!consumer_glance(consumer) &&
	    atomic_load_explicit(&segment->data->stream, memory_order_relaxed) ==
		    consumer->seen_stream) {
		notice->asleep = true;
		consumer->sleeps++;
		return true;
	}
	/* The thread was faster: by a wake-up that others of its group may need. */
	if (!consumer_fd_kick(consumer) && consumer->shared)
		group_woken(consumer);
	return false;
}

int consumer_fd_idle(struct shmring_consumer *consumer, bool reads)
{
	struct notice *notice = consumer->notice;
	uint64_t count, epoch;
	KEEP_ERRNO;

	/* Whoever cancels has made it readable, and so it stays. */
	if (handle_cancelled(&consumer->handle))
		return -ECANCELED;
	if (atomic_load_explicit(&notice->fired, memory_order_acquire)) {
		/* It may be for a killed producer, which takes a system call to find out. */
		if (reads && !atomic_load_explicit(&notice->armed, memory_order_relaxed) &&
		    consumer_ended(consumer, true, &epoch) != 0)
			return 0;
		atomic_store_explicit(&notice->fired, 0, memory_order_relaxed);
		if (read(notice->fd, &count, sizeof(count)) < 0)
			count = 0;
		/* Once more: what was cleared may have been shmring_cancel's. */
		if (handle_cancelled(&consumer->handle)) {
			notice_write(notice->fd);
			return -ECANCELED;
		}
	}
	consumer_room_look(consumer);
	if (atomic_load_explicit(&notice->armed, memory_order_seq_cst))
		return -EAGAIN;
	return notice_arm(consumer) ? -EAGAIN : 0;
}

/* ---- The thread's ---------------------------------------------------------------------------- */

/* Where it looked, or, of a group, where that is now. Relaxed: `armed` has brought it. */
static uint64_t place_of(const struct notice *notice)
{
	const struct shmring_consumer *consumer = notice->consumer;

	return consumer->shared ? group_tail(consumer)
				: atomic_load_explicit(&notice->cursor, memory_order_relaxed);
}

static bool record_at(const struct shmring_consumer *consumer, uint64_t position)
{
	return consumer_load(consumer, consumer_word(consumer, position)) & RECORD_WORD_VALID;
}

bool consumer_fd_ready(const struct notice *notice)
{
	const struct shmring_consumer *consumer = notice->consumer;
	const struct layout_data *data = consumer->handle.segment.data;
	const uint64_t position = place_of(notice);

	/* Relaxed, all of it: the consumer looks for itself, and this comes back. */
	return record_at(consumer, position) ||
	       atomic_load_explicit(consumer_floor(consumer), memory_order_relaxed) > position ||
	       atomic_load_explicit(&data->stream, memory_order_relaxed) !=
		       atomic_load_explicit(&notice->stream, memory_order_relaxed) ||
	       atomic_load_explicit(consumer_state(consumer), memory_order_relaxed) !=
		       atomic_load_explicit(&notice->active, memory_order_relaxed);
}

/*
 * The re-check may come between arming and the last look, or between a record and its bell. What has
 * been armed for a while should have been rung for.
 */
bool consumer_fd_overslept(const struct notice *notice)
{
	const uint64_t since = atomic_load_explicit(&notice->since_ns, memory_order_relaxed);

	/* What is there for a group may be another member's business. */
	return !notice->consumer->shared && clock_coarse_ns() - since >= RECHECK_NS / 4 &&
	       record_at(notice->consumer, place_of(notice));
}

bool consumer_fd_due(const struct notice *notice)
{
	const struct segment *segment = &notice->consumer->handle.segment;
	const uint64_t stream = atomic_load_explicit(&notice->stream, memory_order_relaxed);
	const uint32_t known = atomic_load_explicit(&notice->told, memory_order_relaxed);

	/* A member of a group looks for what the dead have left, which takes more than a look. */
	if (notice->consumer->shared || consumer_fd_ready(notice))
		return true;
	if (!(known & NOTICE_DEAD) && stream_state(stream) == SHMRING_STREAM_OPEN &&
	    segment->lock_fd >= 0 && lock_held(segment->lock_fd, LOCK_PRODUCER) == 0)
		return true;
	return !(known & NOTICE_GONE) && segment_removed(segment);
}
