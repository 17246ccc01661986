/* SPDX-License-Identifier: MIT */
/*
 * many.h - sleeping on many futex words at once, as far as the kernel can.
 *
 * Where it cannot (before Linux 5.16, or a filter of system calls refuses it), or for words beyond
 * its limit, the sleeper naps on the words it can have and looks at the others by itself.
 */
#ifndef SHMRING_MANY_H
#define SHMRING_MANY_H

#include "wait.h"

/* So many words the kernel takes. */
#define MANY_MAX 128u

/* Longest nap of who has to look by itself; the shortest is NAP_SHORTEST_NS. */
#define MANY_NAP_LONGEST_NS (4 * NS_PER_MS)

/* Can it be done here, as far as is known? */
bool many_possible(void);

/*
 * Sleeps while all words are as expected, for at most sleep_ns; their own bounds are the caller's
 * business. Where many_possible is false, on the first of them alone. An end as by a wake-up says
 * nothing but that it is time to look.
 */
enum sleep_end many_sleep(const struct sleep_word *words, unsigned int count, int64_t sleep_ns);

/* The length of a nap that grows with the silence since then. */
int64_t many_nap(uint64_t silent_since_ns);

#endif
