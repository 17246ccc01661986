/* SPDX-License-Identifier: MIT */
/* The cost of consumers to the producer: what is measured, and telling it. */
#ifndef SHMTOOL_BENCH_CONSUMERS_H
#define SHMTOOL_BENCH_CONSUMERS_H

#include "bench.h"

enum bench_crowd_state { BENCH_CAUGHT_UP, BENCH_ASLEEP, BENCH_IDLE, BENCH_STATES };

/* 1, 2, 4, ... 64 in each state, for broadcast and group. */
#define BENCH_CROWDS (2 * BENCH_STATES * 7)

struct bench_crowd {
	unsigned int count; /* consumers */
	bool shared;        /* they are members of one group */
	enum bench_crowd_state state;
	double *ns; /* a record's time, for each round */
};

/* Each returns a status. */
int bench_print_crowds(const struct bench_plan *plan, const struct bench_crowd *crowds, int count);
int bench_print_crowds_json(const struct bench_plan *plan, const struct bench_crowd *crowds,
			    int count);

#endif
