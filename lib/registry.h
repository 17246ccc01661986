/* SPDX-License-Identifier: MIT */
/*
 * registry.h - the open handles of this process.
 *
 * A list read under RCU and changed under a mutex: any thread, also in a signal handler, can tell whether a pointer
 * is an open handle and keep it from being freed while it looks. The hot path knows nothing of it.
 */
#ifndef SHMRING_REGISTRY_H
#define SHMRING_REGISTRY_H

#include <stdbool.h>

#include <urcu/list.h>

#include "segment.h"

/* What every handle starts with. */
struct handle {
	struct cds_list_head node;
	struct segment segment;
	void (*forked)(struct handle *handle); /* makes it answer -EOWNERDEAD; runs in a forked child */
	bool is_forked;
	shared_u32 cancelled;                   /* set once, by shmring_cancel */
	const shared_u32 *_Atomic sleeps_on;    /* futex word, while it may sleep; null otherwise */
};

/* Enters a handle; it can be cancelled, and is told of a fork, from now on. Errors: -ENOMEM. */
int registry_add(struct handle *handle);

/* Takes it out, and returns when nobody looks at it any more: then it may be freed. */
void registry_remove(struct handle *handle);

static inline bool handle_cancelled(const struct handle *handle)
{
	/* Relaxed: it carries nothing, and the futex call that it interrupts orders the rest. */
	return atomic_load_explicit(&handle->cancelled, memory_order_relaxed) != 0;
}

#endif
