/* SPDX-License-Identifier: MIT */
/*
 * How long a record is on its way when the consumers sleep in between: small records at a pace,
 * alternately through a ring and through two pipes, a segment each. The writer puts the time into
 * each record.
 */
#ifndef TOOLS_DEMO_LATENCY_H
#define TOOLS_DEMO_LATENCY_H

#include "stage.h"

#define LATENCY_SIZE    64
#define LATENCY_PACE_NS 100000

struct latency {
	double p50_us, p99_us, p999_us, max_us;
	uint64_t samples; /* over both consumers */
};

/* Returns what stage_play does. */
int latency_measure(struct stage *stage, struct latency *ring, struct latency *pipes);

#endif
