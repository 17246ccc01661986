/* SPDX-License-Identifier: MIT */
/* tsan.c - what only ThreadSanitizer's builds need; see atomics.h. */
#include "atomics.h"

#ifdef SHMRING_TSAN_BUILD

_Atomic uint64_t tsan_fence_word;

/*
 * A plain load on purpose: clang reports atomic ones also from functions that it is told not to
 * look at.
 */
not_seen_by_tsan uint64_t load_unseen(const _Atomic uint64_t *word)
{
	uint64_t value = *(const volatile uint64_t *)(const void *)word;

	atomic_signal_fence(memory_order_seq_cst);
	return value;
}

#endif
