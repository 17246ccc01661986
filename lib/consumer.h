/* SPDX-License-Identifier: MIT */
/*
 * consumer.h - what a consumer's or observer's handle holds. consumer.c reads; consumer_open.c
 * comes, goes and seeks; consumer_return.c comes back, after an eviction or as a durable
 * subscription's next process; consumer_wait.c waits.
 */
#ifndef SHMRING_CONSUMER_H
#define SHMRING_CONSUMER_H

#include "hot.h"
#include "notify.h"
#include "registry.h"
#include "subscription.h"
#include "wait.h"
#include "walk.h"

/* A group's member: what it has taken and not given back. From `released` to `end`. */
struct claim {
	struct layout_member *line; /* where it is noted: the member's own, or a dead one's */
	unsigned int member;        /* whose that is */
	uint64_t end;
	uint64_t end_sequence;
	uint64_t lost;              /* to be told with the next record */
	uint16_t flags;             /* SHMRING_REDELIVERED if it is a dead one's */
	uint32_t most;              /* records that may be taken at once */
	uint64_t looked_ns;         /* when dead members were last looked for */
	bool woken;                 /* has just been woken: others may have to be */
};

struct shmring_consumer {
	struct shmring_consumer_hot hot; /* first: programs know it */
	struct handle handle;

	uint64_t idle_expected;     /* `expected` when last there was nothing to read */
	uint64_t idle_cursor;       /* and the cursor then */
	struct layout_tail *marks;  /* a durable subscription's; null otherwise */
	bool subscribed;            /* has a subscription: not an observer */
	bool shared;                /* with others: see group.h */
	struct claim claim;
	struct subscription subscription;
	uint64_t dead_epoch;        /* the producer of this epoch was found dead; 0: none */
	/* shmring_wait has returned the end of this epoch's stream; 0: none */
	uint64_t told_epoch;
	uint64_t read_told_epoch;   /* the same for shmring_read */
	bool removed;               /* the ring was found removed */
	uint64_t seen_stream;       /* the stream word, when last looked at */
	uint32_t idle_looks;        /* looks that found nothing, since the last one at the clock */
	uint32_t idle_stride;       /* so many of those before the next one at the clock */
	uint64_t clock_ns;          /* what it said then, coarse clock */
	uint64_t checked_ns;        /* when the producer was last looked for, coarse clock */
	struct spin spin;
	uint64_t nap_cursor;        /* where the cursor was at the last nap */
	uint64_t silent_since_ns;   /* and when it was first seen there; 0: never */
	bool has_bell;              /* somebody looks whether it sleeps, and wakes it */
	bool armed;                 /* by shmring_consumer_arm */
	uint32_t armed_bell;        /* what the bell was then */
	uint64_t sleeps;
	uint64_t wakeups;
	uint64_t late;
	unsigned int mark;          /* the one that was written last */
	struct notice *notice;      /* for an event loop; null: it has no file descriptor */
	shared_u64 private_tail;
	shared_u64 private_state;
	shared_u64 nothing;         /* a header word that never becomes valid, for a forked child */
	shared_u64 everything;      /* a floor above everything, for the same */
};

/* What a program that has the hot path inline knows as plain words. */
static inline shared_u64 *consumer_tail(const struct shmring_consumer *consumer)
{
	return (shared_u64 *)(void *)consumer->hot.tail;
}
static inline const shared_u64 *consumer_floor(const struct shmring_consumer *consumer)
{
	return (const shared_u64 *)(const void *)consumer->hot.floor;
}
static inline const shared_u64 *consumer_state(const struct shmring_consumer *consumer)
{
	return (const shared_u64 *)(const void *)consumer->hot.state;
}

static inline shared_u64 *consumer_word(const struct shmring_consumer *consumer, uint64_t position)
{
	return (shared_u64 *)(void *)(consumer->hot.records + (position & consumer->hot.mask));
}

/* The process that is waited for, for struct spin. */
static inline uint32_t consumer_awaits(const struct shmring_consumer *consumer)
{
	/* Relaxed: a hint. */
	return atomic_load_explicit(&consumer->handle.segment.data->producer_pid,
				    memory_order_relaxed);
}

/* There was nothing to read: a new streak begins. */
static inline void consumer_idle(struct shmring_consumer *consumer)
{
	consumer->idle_expected = consumer->hot.expected;
	consumer->idle_cursor = consumer->hot.cursor;
}

/* Holds the producer back. */
static inline bool consumer_gates(const struct shmring_consumer *consumer)
{
	return consumer->subscribed && policy_gates((unsigned int)consumer->subscription.policy);
}

/* Or otherwise not what it was: the subscription is lost until shmring_rejoin. */
static inline bool consumer_evicted(const struct shmring_consumer *consumer)
{
	/* Relaxed: whoever overwrote something is found out by [FLOOR]. This only tells why. */
	return atomic_load_explicit(consumer_state(consumer), memory_order_relaxed) != consumer->hot.active;
}

/* A header or sequence word. */
static inline uint64_t consumer_load(const struct shmring_consumer *consumer,
				     const shared_u64 *word)
{
	return load_record_word(word, consumer->handle.segment.gates);
}

/* Has the cursor been overtaken? To be asked after what was read there. */
bool consumer_lapped(const struct shmring_consumer *consumer);

/*
 * With no record there: 0, or why there will be none: -EPIPE, -EOWNERDEAD, -ESTALE, -ECONNRESET.
 * With `look`, the producer is looked for, by system calls, rather than only what is known of it.
 * `epoch` is told, for shmring_wait.
 */
int consumer_ended(struct shmring_consumer *consumer, bool look, uint64_t *epoch);

/*
 * The end of a stream is told as often as is asked; but who has been told, also that the ring is
 * gone.
 */
int consumer_tell_end(struct shmring_consumer *consumer, int ended, uint64_t epoch);

/* Goes on at a place, whose sequence number is the one to expect there. */
void consumer_settle(struct shmring_consumer *consumer, struct place place);

/* Before the tail is moved to a place: marks it, for a durable subscription. */
void consumer_mark(struct shmring_consumer *consumer, struct place place);

/* Finds the place at which a durable subscription goes on. Errors: -EBADMSG, -ECONNRESET. */
int consumer_resume(struct shmring_consumer *consumer, struct place *place);

/*
 * The place `position`, or, where that is overwritten, one with a head start. Errors: -EAGAIN,
 * -EBADMSG.
 */
int consumer_find_ungated(const struct shmring_consumer *consumer, uint64_t position,
			  struct place *at);

/*
 * Does a subscription whose process died as it sought still hold the place that its tail is at, or
 * is GATE_NEW to be asked for? An advance of the producer beyond it may be under way, and be taken
 * back, or not.
 */
uint64_t consumer_held_by_the_dead(const struct segment *segment, uint64_t tail);

/*
 * What shmring_wait looks for: 0 if there is something to read, -EAGAIN if there is not, or why
 * there will not be: -ECANCELED, -ECONNRESET, and, once for each producer, how its stream ended.
 */
int consumer_look(struct shmring_consumer *consumer);

/* Sees whether the producer's and this process's kernel can wake it. */
void consumer_bell_init(struct shmring_consumer *consumer);

/* A sleeper's full fence: in wake mode MEMBARRIER, one for the producer as well. */
void consumer_fence(struct shmring_consumer *consumer);

/* Is it worth a look? What takes a system call, or a while, to find out is left out. */
bool consumer_glance(const struct shmring_consumer *consumer);

/*
 * Prepares to sleep, after consumer_look found nothing, and says on what. False: something came
 * meanwhile. consumer_disarm has to follow in either case, with how the sleep ended.
 */
bool consumer_arm(struct shmring_consumer *consumer, struct sleep_word *on);
void consumer_disarm(struct shmring_consumer *consumer, enum sleep_end end);

/* After a sleep of RECHECK_NS that nobody ended: counts it if there was something to wake it for. */
void consumer_overslept(struct shmring_consumer *consumer);

/*
 * With a file descriptor, and nothing to read: sees to it that the descriptor becomes readable when
 * there is. -EAGAIN: so it will; -ECANCELED; 0: look again, something may have come. `reads`: with
 * shmring_read, which tells the end of a stream as often as it is asked.
 */
int consumer_fd_idle(struct shmring_consumer *consumer, bool reads);

/* It reads again: after it has been woken through the descriptor, if it has one. */
void consumer_fd_awake(struct shmring_consumer *consumer);

/* It has moved: if the descriptor waits for a record, it is readable. True if it was made so now. */
bool consumer_fd_kick(struct shmring_consumer *consumer);

static inline bool consumer_fd_armed(const struct shmring_consumer *consumer)
{
	/* Relaxed: only the consumer itself sets it. */
	return consumer->notice &&
	       atomic_load_explicit(&consumer->notice->armed, memory_order_relaxed) != 0;
}

void consumer_fd_close(struct shmring_consumer *consumer);

/*
 * For the thread of notify.h. Is there something to read, as far as can be seen? Or, by system
 * calls, something to tell? Is it a record, for which it should have been woken?
 */
bool consumer_fd_ready(const struct notice *notice);
bool consumer_fd_due(const struct notice *notice);
bool consumer_fd_overslept(const struct notice *notice);

/* Lets a producer that waits for room know that there is some now. */
void consumer_room_look(const struct shmring_consumer *consumer);

#endif
