/* SPDX-License-Identifier: MIT */
/* A bar on standard error, if that is a terminal, that is full when all runs have been made. */
#ifndef SHMTOOL_BENCH_BAR_H
#define SHMTOOL_BENCH_BAR_H

#include <stdbool.h>
#include <stdint.h>

struct bench_bar {
	bool shown;
	uint64_t runs, done;
	uint64_t started, drawn; /* nanoseconds */
};

void bench_bar_start(struct bench_bar *bar, uint64_t runs);
void bench_bar_step(struct bench_bar *bar);
double bench_bar_end(struct bench_bar *bar); /* takes it away; returns how many seconds it took */

#endif
