/* SPDX-License-Identifier: MIT */
/*
 * poller.h - waiting for any of many rings. poller.c: who is in it; poller_wait.c: waiting.
 *
 * The members are a roster, highest priority first. The waiting thread looks at them, arms them
 * and sleeps on the words of all, its own `change` among them, so that a change wakes it.
 */
#ifndef SHMRING_POLLER_H
#define SHMRING_POLLER_H

#include "consumer.h"
#include "producer.h"
#include "registry.h"
#include "roster.h"
#include "wait.h"

struct poller_member {
	struct handle *handle;
	struct shmring_consumer *consumer; /* one of the two is null */
	struct shmring_producer *producer;
	uint64_t stride; /* a producer's: of the record that is to find room */
	int32_t priority;
	void *context;
	/* The waiting thread's; and, once it is off the roster, that of whoever took it out. */
	bool armed;
	struct sleep_word on; /* if it is armed */
	int told;             /* found as it was armed, to be reported; or 0 */
};

struct shmring_poller {
	struct handle handle; /* first: shmring_cancel goes by its address */
	struct roster members;
	bool by_priority;
	struct spin spin;
	unsigned int turn;        /* where in a level the next look starts */
	uint64_t silent_since_ns; /* nothing found since then; 0: not known */
};

/* `slept`: it was armed for a sleep that took place; `overslept`: one of RECHECK_NS, to its end. */
void poller_disarm(struct poller_member *member, bool slept, bool overslept);

#endif
