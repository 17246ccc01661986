/* SPDX-License-Identifier: MIT */
/*
 * breakpoint.h - runs a stepped child at full speed to an instruction that earlier stepping has
 * come by.
 */
#ifndef TESTS_CRASH_BREAKPOINT_H
#define TESTS_CRASH_BREAKPOINT_H

#include "stepper.h"

/*
 * Runs it on until it is before the instruction at `address`; from there, until it is there again.
 * STEPPER_MARKED: it never came there, and is behind the mark where stepping ends.
 */
enum stepper_event breakpoint_run(struct stepper *stepper, uint64_t address);

/* Runs it to its end, through all marks. Returns waitpid's status. */
int breakpoint_finish(struct stepper *stepper);

#endif
