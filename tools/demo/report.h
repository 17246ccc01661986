/* SPDX-License-Identifier: MIT */
/*
 * What comes of it all, as text and tables, then as `figure NAME VALUE` lines. At most 79
 * columns.
 */
#ifndef TOOLS_DEMO_REPORT_H
#define TOOLS_DEMO_REPORT_H

#include "latency.h"
#include "stage.h"

enum pass_kind { RING_COPIED, PIPES_COPIED, PIPES_BLOCKS, RING_HASHED, PIPES_HASHED, PASS_KINDS };

/* One pass, all roles together. */
struct outcome {
	bool done;
	uint64_t records;
	uint64_t bytes; /* to each consumer */
	double rate;    /* bytes a second, to each consumer */
	uint64_t wakeups;
	uint64_t calls;
	uint64_t switches;
	double cpu_seconds;
};

struct findings {
	struct outcome passes[PASS_KINDS];
	uint64_t observer_records, observer_lost, observer_wrong;
	int mismatches;
	struct latency ring, pipes;
};

void report_head(const struct settings *settings);

/* Compares what came out with what went in, and prints that. Returns the number of mismatches. */
int report_digests(const struct settings *settings, const struct actor *actors, bool ring);

struct outcome report_outcome(const struct actor *actors);

void report_tables(const struct findings *findings, int rounds);
void report_figures(const struct findings *findings);

#endif
