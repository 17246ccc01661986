/* SPDX-License-Identifier: MIT */
/*
 * Somebody with a part in two rings, and somebody else who looks whether that one counts as alive
 * or as dead, as every part of the library sees it. On one ring the peer produces; on the other it
 * holds the watcher back, in three ways.
 *
 * Each function returns 0, or 1 after saying what is not so. What is waited for is an answer; the
 * times given are how long the wrong answer has a chance to come.
 */
#ifndef TESTS_LIVENESS_WATCH_H
#define TESTS_LIVENESS_WATCH_H

#include <stdatomic.h>
#include <sys/types.h>

#include <shmring/shmring.h>

#include "../support/child.h"

/* In memory that all processes share. */
struct watch {
	char produced[128];  /* the ring that the peer writes to */
	char held[128];      /* the ring that it reads */
	int ready, go, done; /* gates */
	_Atomic int result;  /* of what the peer did last */

	/* The watcher's own. */
	struct shmring_consumer *consumer;
	struct shmring_producer *producer;
	uint64_t sequence; /* of the next record that the peer writes */
};

/* Exit status of a test that cannot be done here. */
#define SKIPPED 77

/* Says loudly why; returns SKIPPED. */
int skip(const char *program, const char *what, int error);

/* Makes the rings. */
struct watch *watch_new(void);

/*
 * The peer: opens everything, then does something whenever it is told to. Returns only if something
 * is wrong.
 */
int peer_run(void *watch);

/*
 * The parts of it, for a peer with a life of its own: opens everything, and tells the watcher of
 * it.
 */
int peer_open(struct watch *watch);

/* Waits until the peer has opened everything, opens what the watcher needs, and fills the ring. */
int watch_begin(struct watch *watch);

/* The peer is alive, though it does nothing. */
int expect_alive(struct watch *watch);

/* It does something when told to. */
int expect_goes_on(struct watch *watch);

/* It is dead: its place can be taken, and it holds nobody back, but by its durable subscription. */
int expect_dead(struct watch *watch);

#endif
