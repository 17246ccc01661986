/* SPDX-License-Identifier: MIT */
/* JSON that both measurements begin and end with. */
#ifndef SHMTOOL_BENCH_JSON_H
#define SHMTOOL_BENCH_JSON_H

#include <jansson.h>

#include "bench.h"

json_t *bench_json_head(const struct bench_plan *plan);
int bench_json_print(json_t *root); /* and frees it; returns a status */

#endif
