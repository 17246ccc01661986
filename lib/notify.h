/* SPDX-License-Identifier: MIT */
/*
 * notify.h - event loops: the thread that makes a consumer's file descriptor readable.
 *
 * There is one such thread in a process, while there is a consumer with a descriptor, and none
 * otherwise. It sleeps on the bells of all of them. A consumer that finds nothing to read arms its
 * notice and sets its bit in `sleepers`; the thread writes to the eventfd of one that is armed,
 * once, and that disarms it. So one of the two always holds: it is armed, or readable; and nothing
 * is written while the consumer is at work.
 *
 * notify.c: the thread. consumer_fd.c: the consumer's side, and what the thread looks at.
 */
#ifndef SHMRING_NOTIFY_H
#define SHMRING_NOTIFY_H

#include "layout.h"

struct shmring_consumer;

struct notice {
	int fd;              /* the eventfd */
	shared_u32 armed;    /* to be made readable; the thread, or the consumer, takes it back */
	shared_u32 fired;    /* was made readable, and has not been cleared */
	shared_u32 listened; /* the thread sleeps on the bell: nobody has to tell it */
	shared_u32 unrung;   /* it will not be rung for any more: see consumer_fence */
	shared_u32 late; /* so often was a record found at a re-check that nobody had rung for */
	const shared_u32 *bell; /* null: nobody rings it */
	uint32_t seen;          /* the bell, as the thread last saw it */
	const struct shmring_consumer *consumer;
	/* What the consumer knew as it was armed. */
	shared_u64 cursor;
	shared_u64 stream;
	shared_u64 active;
	shared_u64 since_ns; /* the coarse clock */
	shared_u32 told;     /* NOTICE_... */
	/* The consumer's own. */
	bool asleep; /* has been armed, and not read anything since */
};

/* It knows already that the producer is dead, that the ring is gone. */
#define NOTICE_DEAD 1u
#define NOTICE_GONE 2u

/* From now on the thread looks after it; it is started if this is the first. Errors: -ENOMEM. */
int notice_add(struct notice *notice);

/* The thread does so no more. The last one ends the thread. */
void notice_remove(struct notice *notice);

/* Makes it readable, if it is armed. True if so. */
bool notice_fire(struct notice *notice);

/* Makes it readable. Safe in a signal handler. */
void notice_write(int fd);

/* The thread is to look at it: it does not sleep on its bell. */
void notice_tell(void);

/* Around a fork: the child has no such thread, and none of the notices. */
void notify_before_fork(void);
void notify_after_fork_parent(void);
void notify_after_fork_child(void);

#endif
