/* SPDX-License-Identifier: MIT */
/* What bench_peers' plan and its report have in common. */
#ifndef TESTS_BENCH_PEERS_BENCH_PEERS_H
#define TESTS_BENCH_PEERS_BENCH_PEERS_H

#include "../bench.h"

/* --json: the figures as one object, and nothing else. */
extern bool bench_peers_json;

/* Whether it is one of this library's contenders, or the bare hand-over: no peer. */
bool bench_peers_is_own(const struct bench_contender *contender);

/* The name in figures and in --peers. */
const char *bench_peers_name(const struct bench_contender *contender);

void bench_peers_report(const struct bench_plan *plan);

#endif
