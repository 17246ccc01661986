/* SPDX-License-Identifier: MIT */
/*
 * inspect.h - what the parts of an inspection share: inspect.c looks at the ring, inspect_table.c
 * at who reads it.
 */
#ifndef SHMRING_INSPECT_H
#define SHMRING_INSPECT_H

#include "registry.h"
#include "walk.h"

struct shmring_inspector {
	struct handle handle; /* first, as in every handle */
};

/* A place is looked up anew if it was overwritten meanwhile, this often at most. */
#define INSPECT_LOOKS_MAX 1000

/* The place at what `look` returns, with its sequence number. */
struct place inspect_place(const struct segment *segment,
			   uint64_t (*look)(const struct segment *segment));

enum shmring_liveness inspect_life(int lock_fd, unsigned int byte);

/* The position that gating tails have to reach before the producer has room; 0: it has. */
uint64_t inspect_wanted(const struct segment *segment);

#endif
