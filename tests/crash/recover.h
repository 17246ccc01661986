/* SPDX-License-Identifier: MIT */
/* What the survivors of a kill do, and what they must find. */
#ifndef TESTS_CRASH_RECOVER_H
#define TESTS_CRASH_RECOVER_H

#include "world.h"

/*
 * Runs them in world->copy, whose contents have been set. `variation` chooses among the orders in
 * which they come. Returns true if all is well; otherwise `what` says what is not. `published` is
 * set to the sequence number behind the last record that they found.
 */
bool recover(struct world *world, uint64_t variation, uint64_t *published, char *what, size_t size);

#endif
