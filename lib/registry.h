/* SPDX-License-Identifier: MIT */
/*
 * registry.h - the open handles of this process.
 *
 * A list read under RCU and changed under a mutex: any thread, also in a signal handler, can tell
 * whether a pointer is an open handle and keep it from being freed while it looks. The hot path
 * knows nothing of it.
 */
#ifndef SHMRING_REGISTRY_H
#define SHMRING_REGISTRY_H

#include <stdbool.h>

#include "segment.h"
#include "wait.h"

/* What every handle starts with. */
struct handle {
	struct handle *_Atomic next; /* in the registry */
	struct segment segment;
	size_t offset; /* in what the user holds; 0: it starts with this */
	/* makes it answer -EOWNERDEAD, in a forked child; may be null */
	void (*forked)(struct handle *handle);
	bool is_forked;
	bool interruptible;                     /* a signal ends its waits */
	shared_u32 cancelled;                   /* set once, by shmring_cancel */
	const shared_u32 *_Atomic sleeps_on;    /* futex word, while it may sleep; null otherwise */
	_Atomic int event_fd;                   /* shmring_cancel makes it readable; 0: none, or 1 more */
	const void *_Atomic poller;             /* that it is in; null: none */
};

/*
 * Attaches to a ring, waiting for up to timeout_ns for one that is not there yet, and enters the
 * handle; it can be cancelled, and is told of a fork, from now on. No fork comes between, so no
 * child keeps a descriptor whose locks would outlive this process. Errors: as
 * shmring_consumer_open.
 */
int handle_open(struct handle *handle, const char *name, enum segment_role role, struct tag tag,
		int64_t timeout_ns, bool prefault);

/*
 * Takes the handle out, waits until nobody looks at it any more, and detaches: it may be freed
 * then.
 */
void handle_close(struct handle *handle);

/* Enters a handle without a ring. Errors: the C library's. */
int handle_enter(struct handle *handle);

/*
 * Not to be closed: some poller's waiting thread uses it. In a forked child there is no such
 * thread.
 */
static inline bool handle_in_poller(const struct handle *handle)
{
	return !handle->is_forked &&
	       atomic_load_explicit(&handle->poller, memory_order_acquire) != NULL;
}

/*
 * Like handle_open, for nothing but a descriptor to lock with: opens a control object by its path
 * for reading and writing, without following links. Errors: the kernel's.
 */
int handle_open_lock(struct handle *handle, const char *path);

/*
 * Between these two, no fork: for a descriptor that is locked and is not a handle's, from before it
 * is opened until it is closed. A child that had it would keep the lock when this process dies.
 */
void fork_hold(void);
void fork_release(void);

/*
 * From here on, until handle_disarm, shmring_cancel wakes whoever sleeps on this futex word. False:
 * the handle was cancelled before.
 */
bool handle_arm(struct handle *handle, const shared_u32 *word);
void handle_disarm(struct handle *handle);

/*
 * Sleeps on a futex word, for at most sleep_ns, unless the handle was cancelled before; while it
 * does, shmring_cancel wakes it. Counts the sleep, if there is one.
 */
enum sleep_end handle_sleep(struct handle *handle, const shared_u32 *word, uint32_t expected,
			    int64_t sleep_ns, uint64_t *sleeps);

/* shmring_cancel makes this eventfd readable, from here on; or, when the other returns, no more. */
void handle_watch_fd(struct handle *handle, int fd);
void handle_unwatch_fd(struct handle *handle);

/* What the user holds. */
static inline void *handle_address(struct handle *handle)
{
	return (char *)handle - handle->offset;
}

static inline bool handle_cancelled(const struct handle *handle)
{
	/* Relaxed: it carries nothing, and the futex call that it interrupts orders the rest. */
	return atomic_load_explicit(&handle->cancelled, memory_order_relaxed) != 0;
}

#endif
