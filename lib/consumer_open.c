/* SPDX-License-Identifier: MIT */
/* consumer_open.c - a consumer's or observer's coming, going and seeking. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "atomics.h"
#include "consumer.h"
#include "group.h"
#include "index.h"
#include "liveness.h"
#include "options.h"

/*
 * Without a gate, the producer may overwrite a place while it is looked up. Looking takes
 * microseconds, and a producer at full speed some tens of microseconds for the smallest ring, so a
 * few attempts do; this is a bound.
 */
#define LOOKUPS_MAX 1000

/* A place as the caller named it, at or above `from`. */
static int find_from(const struct segment *segment, struct place from, enum shmring_start start,
		     uint64_t value, struct place *found)
{
	switch (start) {
	case SHMRING_SEQUENCE:
		if (value < from.sequence) {
			/* Gone: the first record that is read reports the gap. */
			*found = (struct place){ from.position, value };
			return 0;
		}
		return walk_to_sequence(segment, from, value, found);
	case SHMRING_TIME:
		return walk_to_time(segment, from, value, found);
	default:
		*found = from;
		return 0;
	}
}

static uint64_t first_look(const struct segment *segment, enum shmring_start start)
{
	if (start == SHMRING_NEWEST)
		return walk_head(segment);
	return walk_floor(segment);
}

/* For those who do not gate: looks until the place was not overwritten meanwhile. */
static int find_ungated(const struct shmring_consumer *consumer, enum shmring_start start,
			uint64_t value, struct place *found)
{
	const struct segment *segment = &consumer->handle.segment;
	int error = -EAGAIN;

	for (int lookups = 0; error == -EAGAIN && lookups < LOOKUPS_MAX; lookups++) {
		struct place from = { first_look(segment, start), 0 };

		error = walk_sequence(segment, &from);
		if (!error)
			error = find_from(segment, from, start, value, found);
	}
	return error;
}

/*
 * For those who gate: first the producer is held back at the oldest (or newest) record, then there
 * is time to look. The state is JOINING, and ACTIVE afterwards.
 */
static int find_gated(const struct shmring_consumer *consumer, enum shmring_start start,
		      uint64_t value, struct place *found)
{
	const struct segment *segment = &consumer->handle.segment;
	const struct subscription *subscription = &consumer->subscription;
	/* Seeking, it keeps what it has, unless it leaves all of it behind. Not joined: nothing. */
	const uint64_t held = consumer->hot.active == 0 || start == SHMRING_NEWEST
				      ? GATE_NEW
				      : consumer->hot.released;
	struct place from = { first_look(segment, start), 0 };
	int error;

	while (!subscription_gate(segment, subscription->slot, held, &from.position))
		;
	if (!consumer->shared && !subscription_activate(segment, subscription))
		return -ECONNRESET;
	error = walk_sequence(segment, &from);
	if (!error)
		error = find_from(segment, from, start, value, found);
	/* A gate that does not hold: somebody else has changed the control object. */
	return error == -EAGAIN ? -ECONNRESET : error;
}

static int find(const struct shmring_consumer *consumer, enum shmring_start start, uint64_t value,
		struct place *found)
{
	return consumer_gates(consumer) ? find_gated(consumer, start, value, found)
					: find_ungated(consumer, start, value, found);
}

void consumer_settle(struct shmring_consumer *consumer, struct place place)
{
	consumer->hot.cursor = consumer->hot.released = place.position;
	consumer->hot.expected = consumer->hot.released_expected = place.sequence;
	consumer->hot.released_lost = consumer->hot.lost;
	consumer_idle(consumer);
	consumer->hot.active =
		consumer->subscribed ? subscription_active(&consumer->subscription) : 0;
	if (consumer->marks)
		consumer_mark(consumer, place);
	atomic_store_explicit(consumer_tail(consumer), place.position, memory_order_release);
}

/* The child's copy sees a ring in which nothing ever comes, and what it has is gone. */
static void consumer_forked(struct handle *handle)
{
	struct shmring_consumer *consumer = handle_address(handle);

	consumer->hot.records = (char *)&consumer->nothing;
	consumer->hot.mask = 0;
	consumer->hot.floor = (uint64_t *)&consumer->everything;
	consumer->hot.tail = (uint64_t *)&consumer->private_tail;
	consumer->hot.state = (uint64_t *)&consumer->private_state;
	consumer->marks = NULL;
	consumer->hot.special = consumer->shared = false;
	consumer->hot.active = 0;
}

static bool start_known(enum shmring_start start)
{
	return start == SHMRING_OLDEST || start == SHMRING_NEWEST || start == SHMRING_SEQUENCE ||
	       start == SHMRING_TIME;
}

static int options_check(const struct shmring_consumer_options *options, bool subscribes)
{
	const bool has_deadline = options->policy == SHMRING_DEADLINE;

	if (options->prefault > 1 || options->durable > 1 || options->shared > 1 ||
	    options->interruptible > 1 || options->reserved != 0 || !start_known(options->start))
		return -EINVAL;
	if (!subscribes)
		return options->subscription || options->policy != 0 || options->durable ||
				       options->shared || options->claim_batch ||
				       options->deadline_ns != 0
			       ? -EINVAL
			       : 0;
	if (!policy_gates(options->policy) && options->policy != SHMRING_LOSSY)
		return -EINVAL;
	if (has_deadline ? options->deadline_ns <= 0 : options->deadline_ns != 0)
		return -EINVAL;
	if ((options->durable || options->shared) && !options->subscription)
		return -EINVAL;
	if (options->claim_batch > (options->shared ? SHMRING_CLAIM_MAX : 0))
		return -EINVAL;
	return options->subscription ? name_check_subscription(options->subscription) : 0;
}

static void consumer_init(struct shmring_consumer *consumer, bool subscribes)
{
	struct segment *segment = &consumer->handle.segment;

	consumer->hot.records = segment->records;
	consumer->hot.mask = segment->capacity - 1;
	consumer->hot.maximum = segment->maximum;
	consumer->hot.stop = UINT64_MAX;
	consumer->hot.block_shift = (uint8_t)segment->block_shift;
	consumer->hot.floor = (uint64_t *)&segment->data->floor;
	consumer->hot.tail = (uint64_t *)&consumer->private_tail;
	consumer->hot.state = (uint64_t *)&consumer->private_state;
	consumer->subscribed = subscribes;
	consumer_bell_init(consumer);
	atomic_init(&consumer->everything, UINT64_MAX);
}

/* Takes a place in the table. */
static int subscribe(struct shmring_consumer *consumer,
		     const struct shmring_consumer_options *options)
{
	struct segment *segment = &consumer->handle.segment;
	struct subscription *subscription = &consumer->subscription;
	int error;

	if (options->subscription)
		strcpy(subscription->name, options->subscription);
	subscription->policy = options->policy;
	subscription->deadline_ns = (uint64_t)options->deadline_ns;
	subscription->durable = options->durable;
	subscription->shared = options->shared;
	consumer->shared = options->shared;
	consumer->claim.most = options->claim_batch ? options->claim_batch : 1;
	/* One with a deadline may be overtaken, once it is evicted and does not know it yet. */
	/* A member looks where another one may be done already: what it has, it loads again. */
	segment->gates = options->policy == SHMRING_RELIABLE && !options->shared;
	error = subscription_join(segment, subscription);
	if (error)
		return error;
	consumer->hot.tail = (uint64_t *)&segment->control->tail[subscription->slot].tail;
	consumer->hot.state = (uint64_t *)&segment->control->state[subscription->slot];
	consumer->hot.special = subscription->durable || subscription->shared;
	if (consumer->hot.special)
		consumer->marks = &segment->control->tail[subscription->slot];
	return 0;
}

/*
 * A new subscription's way into the stream. From `subscription_keep` on it outlives this process.
 */
static int enter(struct shmring_consumer *consumer, const struct shmring_consumer_options *options)
{
	struct segment *segment = &consumer->handle.segment;
	struct subscription *subscription = &consumer->subscription;
	struct place place;
	int error = find(consumer, options->start, options->start_value, &place);

	if (error)
		return error;
	if (consumer->shared)
		return group_start(consumer, place);
	consumer_settle(consumer, place);
	/*
	 * One that gates is ACTIVE already; this is for the others, whose tail says nothing before.
	 */
	if (!consumer_gates(consumer) && !subscription_activate(segment, subscription))
		return -ECONNRESET;
	if (subscription->durable && !subscription_keep(segment, subscription))
		return -ECONNRESET;
	consumer->hot.active = subscription_active(subscription);
	return 0;
}

/* With the segment attached and the handle registered. */
static int join(struct shmring_consumer *consumer, const struct shmring_consumer_options *options)
{
	struct segment *segment = &consumer->handle.segment;
	struct place place;
	int error;

	if (!consumer->subscribed) {
		error = find(consumer, options->start, options->start_value, &place);
		if (!error)
			consumer_settle(consumer, place);
		return error;
	}
	error = subscribe(consumer, options);
	if (error)
		return error;
	if (consumer->shared && consumer->subscription.resumed) {
		error = group_join(consumer, &consumer->claim.lost);
	} else if (consumer->subscription.resumed) {
		error = consumer_resume(consumer, &place);
		if (!error)
			consumer_settle(consumer, place);
	} else {
		error = enter(consumer, options);
	}
	if (error && consumer->shared)
		subscription_leave_locked(segment, &consumer->subscription);
	else if (error)
		subscription_leave(segment, &consumer->subscription);
	if (consumer->shared)
		table_unlock(segment->lock_fd);
	subscription_ring_room(segment);
	return error;
}

static int consumer_open(struct shmring_consumer **out, const char *name,
			 const struct shmring_consumer_options *given, bool subscribes)
{
	struct shmring_consumer_options options;
	struct shmring_consumer *consumer;
	int error;

	error = options_copy(&options, sizeof(options), given, sizeof(options));
	if (!error)
		error = options_check(&options, subscribes);
	if (error || !out)
		return error ? error : -EINVAL;
	consumer = aligned_alloc(LAYOUT_LINE, sizeof(*consumer));
	if (!consumer)
		return -ENOMEM;
	memset(consumer, 0, sizeof(*consumer));
	if (!spin_init(&consumer->spin, options.spin_ns)) {
		free(consumer);
		return -EINVAL;
	}
	consumer->handle.interruptible = options.interruptible;
	consumer->handle.offset = offsetof(struct shmring_consumer, handle);
	consumer->handle.forked = consumer_forked;
	error = handle_open(&consumer->handle, name,
			    subscribes ? SEGMENT_CONSUMER : SEGMENT_OBSERVER,
			    (struct tag){ options.tag, options.tag_length }, options.timeout_ns,
			    options.prefault);
	if (!error) {
		consumer_init(consumer, subscribes);
		error = join(consumer, &options);
		if (!error) {
			*out = consumer;
			return 0;
		}
		handle_close(&consumer->handle);
	}
	free(consumer);
	return error;
}

int shmring_consumer_open(struct shmring_consumer **consumer, const char *name,
			  const struct shmring_consumer_options *options)
{
	KEEP_ERRNO;

	return consumer_open(consumer, name, options, true);
}

int shmring_observer_open(struct shmring_consumer **consumer, const char *name,
			  const struct shmring_consumer_options *options)
{
	KEEP_ERRNO;

	return consumer_open(consumer, name, options, false);
}

int shmring_consumer_close(struct shmring_consumer *consumer)
{
	KEEP_ERRNO;

	if (!consumer)
		return 0;
	if (handle_in_poller(&consumer->handle))
		return -EBUSY;
	consumer_fd_close(consumer);
	if (consumer->subscribed && !consumer->handle.is_forked)
		subscription_leave(&consumer->handle.segment, &consumer->subscription);
	handle_close(&consumer->handle);
	free(consumer);
	return 0;
}

int shmring_seek(struct shmring_consumer *consumer, enum shmring_start start, uint64_t value)
{
	const struct segment *segment = &consumer->handle.segment;
	const uint64_t back = consumer->hot.released;
	struct place place;
	int error;
	KEEP_ERRNO;

	if (consumer->handle.is_forked)
		return -EOWNERDEAD;
	if (!start_known(start) || consumer->shared)
		return -EINVAL;
	consumer_fd_kick(consumer);
	if (consumer_evicted(consumer) ||
	    (consumer_gates(consumer) &&
	     !subscription_reopen(segment, &consumer->subscription, SLOT_ACTIVE)))
		return -ECONNRESET;
	error = find(consumer, start, value, &place);
	if (!error) {
		consumer_settle(consumer, place);
	} else if (consumer_gates(consumer)) {
		/* The gate was lowered; what was not released before is still there. */
		consumer->hot.active = subscription_active(&consumer->subscription);
		if (error == -ERANGE || consumer_evicted(consumer))
			atomic_store_explicit(consumer_tail(consumer), back, memory_order_release);
	}
	consumer_room_look(consumer);
	return error;
}

int shmring_consumer_info(const struct shmring_consumer *consumer,
			  struct shmring_consumer_info *info)
{
	struct shmring_consumer_info report;
	int error = report_check(info, sizeof(report));

	if (error)
		return error;
	report = (struct shmring_consumer_info){
		.sequence = consumer->hot.expected,
		.position = consumer->hot.cursor,
		.capacity = consumer->handle.segment.capacity,
		.maximum = consumer->hot.maximum,
		.lost = consumer->hot.lost,
		.sleeps = consumer->sleeps,
		.wakeups = consumer->wakeups,
		.late = consumer->late,
	};
	memcpy(report.subscription, consumer->subscription.name, sizeof(report.subscription));
	report_copy(info, &report, sizeof(report));
	return 0;
}
