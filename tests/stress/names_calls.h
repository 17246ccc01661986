/* SPDX-License-Identifier: MIT */
/*
 * names_calls.h - a random call on one of the names, and a note of what came of it.
 */
#ifndef TESTS_STRESS_NAMES_CALLS_H
#define TESTS_STRESS_NAMES_CALLS_H

#include "../support/random.h"
#include "names_race.h"

/* Who makes the calls of this process. */
void calls_begin(struct race *race, struct worker *worker, struct random *random);

/* Makes one. */
void calls_any(void);

uint64_t calls_now_ns(void);

#endif
