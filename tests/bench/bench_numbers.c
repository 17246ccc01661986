/* SPDX-License-Identifier: MIT */
/* Medians and quartiles of what was measured. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The hand-over's quartiles are further apart than this, relative to the median: the machine is
 * busy.
 */
#define NOISE_LIMIT 0.15

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left;
	double b = *(const double *)right;

	return (a > b) - (a < b);
}

static double at(const double *sorted, int count, double where)
{
	double place = where * (count - 1);
	int below = (int)place;
	double rest = place - below;

	return below + 1 < count ? sorted[below] * (1 - rest) + sorted[below + 1] * rest
				 : sorted[below];
}

struct bench_quartiles bench_quartiles_of(double *numbers, int count)
{
	struct bench_quartiles result;

	qsort(numbers, (size_t)count, sizeof(*numbers), compare);
	result.low = at(numbers, count, 0.25);
	result.median = at(numbers, count, 0.5);
	result.high = at(numbers, count, 0.75);
	return result;
}

struct bench_quartiles bench_times(const struct bench_plan *plan, const struct bench_heat *heat,
				   int which)
{
	double numbers[BENCH_ROUNDS];

	memcpy(numbers, heat->ns[which], (size_t)plan->rounds * sizeof(double));
	return bench_quartiles_of(numbers, plan->rounds);
}

struct bench_quartiles bench_ratios(const struct bench_plan *plan, const struct bench_heat *heat,
				    int dividend, int divisor)
{
	double numbers[BENCH_ROUNDS];

	for (int i = 0; i < plan->rounds; i++)
		numbers[i] = heat->ns[dividend][i] / heat->ns[divisor][i];
	return bench_quartiles_of(numbers, plan->rounds);
}

double bench_spread(const struct bench_plan *plan)
{
	double worst = 0;

	for (int i = 0; i < plan->count; i++) {
		const struct bench_heat *heat = &plan->heats[i];

		for (int j = 0; j < heat->count; j++) {
			if (heat->contenders[j] == &bench_handover) {
				struct bench_quartiles q = bench_times(plan, heat, j);

				if ((q.high - q.low) / q.median > worst)
					worst = (q.high - q.low) / q.median;
			}
		}
	}
	return worst;
}

void bench_print_peace(const struct bench_plan *plan)
{
	const double spread = bench_spread(plan);

	if (spread > NOISE_LIMIT)
		printf("\nTOO NOISY: the bare hand-over's own quartiles are %.0f %% apart.\n"
		       "Something else runs here; do not rely on these numbers.\n",
		       spread * 100);
	else
		printf("\nThe bare hand-over's own quartiles are at most %.0f %% apart.\n",
		       spread * 100);
	printf("%ld runs; %ld more because another process took a core; %ld never had both\n"
	       "cores to themselves.\n",
	       plan->runs, plan->tries - plan->runs, plan->disturbed);
}

void bench_print_spread(const struct bench_plan *plan)
{
	printf("figure handover_spread %.3f\n", bench_spread(plan));
}
