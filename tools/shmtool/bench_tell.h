/* SPDX-License-Identifier: MIT */
/* What the table, the figures and JSON have in common. */
#ifndef SHMTOOL_BENCH_TELL_H
#define SHMTOOL_BENCH_TELL_H

#include "bench.h"

/* All others are compared with this one. */
#define BENCH_REFERENCE "ring-spin"

/* A paced transport that kept less of its beats than this could not keep up. */
#define BENCH_PACE_KEPT 0.98

/* The processor's name, or the machine's. Returns `text`. */
const char *bench_processor(char *text, size_t size);

/* -1 where there were too few records to tell. */
double bench_tell_percentile(const struct bench_histogram *histogram, double per_mille);

void bench_print_head(const struct bench_plan *plan); /* an unfinished line at the end */
void bench_print_aims(const struct bench_plan *plan);
void bench_print_figures(const struct bench_plan *plan);

#endif
