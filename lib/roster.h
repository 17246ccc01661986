/* SPDX-License-Identifier: MIT */
/*
 * roster.h - a list that one thread goes through again and again, and others change meanwhile.
 *
 * It is read under RCU and replaced as a whole, under a mutex. Whoever has changed it returns when
 * the reader no longer touches what was taken out. A reader never holds the read lock as it sleeps:
 * it sleeps on `change`, which is bumped by each change.
 */
#ifndef SHMRING_ROSTER_H
#define SHMRING_ROSTER_H

#include <pthread.h>

#include "layout.h"

struct roster_list {
	unsigned int count;
	void *item[];
};

struct roster {
	pthread_mutex_t mutex;            /* held by whoever changes it */
	struct roster_list *_Atomic list; /* null: empty, and never had any */
	struct roster_list *spare;        /* the next list: taking out needs no memory */
	unsigned int room;                /* items that each of the two can hold */
	shared_u32 change;
	shared_u32 left; /* the reader has come so far */
};

void roster_init(struct roster *roster);

/* Frees the lists, not what is in them. Nobody reads or changes it any more. */
void roster_free(struct roster *roster);

/* The reader: what is on the list, until roster_leave. */
const struct roster_list *roster_enter(struct roster *roster);
void roster_leave(struct roster *roster);

/* With the mutex held: what is on the list, for as long. */
const struct roster_list *roster_held(const struct roster *roster);

/*
 * With the mutex held: puts an item at this place, or takes the one there out. Whoever sleeps on
 * `change` is woken; what the reader did before with the item has been done. Errors: -ENOMEM.
 */
int roster_insert(struct roster *roster, unsigned int place, void *item);
void roster_erase(struct roster *roster, unsigned int place);

/* Wakes the reader. */
void roster_wake(struct roster *roster);

#endif
