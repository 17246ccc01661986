/* SPDX-License-Identifier: MIT */
/* What a run tells people: how it goes, how it went, who is stuck. */
#ifndef TESTS_STRESS_VERDICT_H
#define TESTS_STRESS_VERDICT_H

#include "board.h"
#include "kills.h"

struct progress {
	uint64_t shown_ns; /* when a line was last shown */
	int open;          /* a line on a terminal, that the next one overwrites */
};
#define PROGRESS_INIT \
	{             \
		0, 0  \
	}

/* Shows a line now and then: over and over on a terminal, rarely elsewhere. */
void progress_show(struct progress *progress, const struct board *board, uint64_t elapsed_ns);
void progress_end(struct progress *progress);

void verdict_role_failed(const struct board *board, const struct role *role, int status);

/* Who waits for what, and what the ring looks like. */
void verdict_stuck(const struct board *board, const struct role *stuck);

/* Prints the figures, and how to repeat the run if anything was wrong. Returns 1 then. */
int verdict(const struct board *board, const struct killer *killer, int failed);

#endif
