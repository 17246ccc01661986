/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <urcu-bp.h>

#include "roster.h"
#include "wait.h"

#define ROOM_LEAST 8

static const struct roster_list empty;

void roster_init(struct roster *roster)
{
	memset(roster, 0, sizeof(*roster));
	pthread_mutex_init(&roster->mutex, NULL);
}

void roster_free(struct roster *roster)
{
	free(atomic_load_explicit(&roster->list, memory_order_relaxed));
	free(roster->spare);
	atomic_store_explicit(&roster->list, NULL, memory_order_relaxed);
	roster->spare = NULL;
	roster->room = 0;
}

const struct roster_list *roster_enter(struct roster *roster)
{
	const struct roster_list *list;

	urcu_bp_read_lock();
	/* Acquire: what is on it, and what was done with that before. */
	list = atomic_load_explicit(&roster->list, memory_order_acquire);
	return list ? list : &empty;
}

void roster_leave(struct roster *roster)
{
	/* Release: for change_done; the grace period orders it too, but not for ThreadSanitizer. */
	atomic_fetch_add_explicit(&roster->left, 1, memory_order_release);
	urcu_bp_read_unlock();
}

const struct roster_list *roster_held(const struct roster *roster)
{
	/* Relaxed: the mutex is held. */
	const struct roster_list *list = atomic_load_explicit(&roster->list, memory_order_relaxed);

	return list ? list : &empty;
}

void roster_wake(struct roster *roster)
{
	atomic_fetch_add_explicit(&roster->change, 1, memory_order_release);
	futex_wake(&roster->change, INT_MAX);
}

/* The spare becomes the list, and the list, once nobody reads it, the spare. */
static void publish(struct roster *roster)
{
	struct roster_list *old = atomic_load_explicit(&roster->list, memory_order_relaxed);
	struct roster_list *next = roster->spare;

	/* A child that is forked meanwhile frees what it finds: rather not all than one twice. */
	roster->spare = NULL;
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&roster->list, next, memory_order_release);
	roster_wake(roster);
	urcu_bp_synchronize_rcu();
	atomic_load_explicit(&roster->left, memory_order_acquire);
	roster->spare = old;
}

static struct roster_list *list_new(unsigned int room)
{
	return malloc(sizeof(struct roster_list) + room * sizeof(void *));
}

static void replace_spare(struct roster *roster, struct roster_list *list)
{
	struct roster_list *old = roster->spare;

	roster->spare = list;
	/* See publish. */
	atomic_signal_fence(memory_order_seq_cst);
	free(old);
}

/* More room, in both. */
static int grow(struct roster *roster)
{
	const unsigned int room = roster->room ? roster->room * 2 : ROOM_LEAST;
	struct roster_list *one = list_new(room);
	struct roster_list *other = list_new(room);
	const struct roster_list *old = roster_held(roster);

	if (!one || !other) {
		free(one);
		free(other);
		return -ENOMEM;
	}
	memcpy(one, old, sizeof(*old) + old->count * sizeof(void *));
	replace_spare(roster, one);
	publish(roster);
	replace_spare(roster, other);
	roster->room = room;
	return 0;
}

int roster_insert(struct roster *roster, unsigned int place, void *item)
{
	const struct roster_list *old = roster_held(roster);
	struct roster_list *list;

	if (old->count == roster->room) {
		int error = grow(roster);

		if (error)
			return error;
		old = roster_held(roster);
	}
	list = roster->spare;
	list->count = old->count + 1;
	memcpy(list->item, old->item, place * sizeof(void *));
	list->item[place] = item;
	memcpy(list->item + place + 1, old->item + place, (old->count - place) * sizeof(void *));
	publish(roster);
	return 0;
}

void roster_erase(struct roster *roster, unsigned int place)
{
	const struct roster_list *old = roster_held(roster);
	struct roster_list *list = roster->spare;

	list->count = old->count - 1;
	memcpy(list->item, old->item, place * sizeof(void *));
	memcpy(list->item + place, old->item + place + 1,
	       (old->count - place - 1) * sizeof(void *));
	publish(roster);
}
