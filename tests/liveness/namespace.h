/* SPDX-License-Identifier: MIT */
/*
 * Processes in namespaces of their own. Each function returns a negative errno value where that is
 * not allowed.
 */
#ifndef TESTS_LIVENESS_NAMESPACE_H
#define TESTS_LIVENESS_NAMESPACE_H

#include <sys/types.h>

/* Starts a process that is number 1 in a pid namespace of its own, as child_start does. */
pid_t start_as_init(int (*run)(void *argument), void *argument);

/* Starts a process that has this pid, in the pid namespace that the caller is number 1 of. */
pid_t start_as(pid_t wanted, int (*run)(void *argument), void *argument);

/*
 * From here on the caller's new children have a CLOCK_MONOTONIC that is ahead by so many seconds.
 */
int shift_clock_of_children(long seconds);

#endif
