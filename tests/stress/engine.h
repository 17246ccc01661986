/* SPDX-License-Identifier: MIT */
/*
 * The stress engine: a ring, one process (or thread) per role, and an eye on them all. The programs of this folder
 * differ in their plans only.
 *
 * Under ThreadSanitizer all roles are threads of one process, since it cannot follow memory into others; LOSSY
 * consumers and observers then copy records out, since what they read in place may be overwritten as they read it, by
 * design.
 */
#ifndef TESTS_STRESS_ENGINE_H
#define TESTS_STRESS_ENGINE_H

#include "plan.h"

/* Runs the plan and prints the verdict. Returns the exit status. */
int engine_run(const struct plan *plan);

#endif
