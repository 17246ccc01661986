/* SPDX-License-Identifier: MIT */
/*
 * hot.h - the path of every record, as shmring/inline.h has it for programs, for the library
 * itself; and what ThreadSanitizer, which knows no fences, needs in its place.
 */
#ifndef SHMRING_HOT_H
#define SHMRING_HOT_H

#include "atomics.h"
#include "layout.h"

#ifdef SHMRING_TSAN_BUILD
struct shmring_consumer_hot;
uint64_t hot_load(const struct shmring_consumer_hot *hot, const uint64_t *word);

#define shmring_hot_fence_full()    fence_full()
#define shmring_hot_fence_acquire() fence_acquire()
#define shmring_hot_load(hot, word) hot_load(hot, word)
#define SHMRING_HOT_WITHHELD        __ATOMIC_RELEASE
#endif

#define SHMRING_HOT_ONLY
#include <shmring/inline.h>

_Static_assert(SHMRING_HOT_HEADER == RECORD_HEADER, "ABI");
_Static_assert(SHMRING_HOT_VALID == RECORD_WORD_VALID, "ABI");
_Static_assert(offsetof(struct shmring_producer_hot, fences) == 98, "ABI");
_Static_assert(sizeof(struct shmring_producer_hot) == 128, "ABI");
_Static_assert(offsetof(struct shmring_consumer_hot, block_shift) == 121, "ABI");
_Static_assert(sizeof(struct shmring_consumer_hot) == 128, "ABI");

#endif
