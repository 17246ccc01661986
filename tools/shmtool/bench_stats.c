/* SPDX-License-Identifier: MIT */
/* Percentiles, quartiles, ratios, and how far they can be relied upon. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* Quartiles of the floor that are further apart, relative to the median: the machine is busy. */
#define NOISE_LIMIT 0.15

/* Part of the runs in which another process had a core. */
#define DISTURBED_LIMIT 0.2

/* ---- histograms ---- */

/* Buckets of one nanosecond up to here, then 64 for each power of two. */
#define LINEAR 128u
#define SHIFT  7

void bench_note(struct bench_histogram *histogram, uint64_t ns)
{
	unsigned int bucket = (unsigned int)ns;

	if (ns >= LINEAR) {
		const unsigned int power = 63 - (unsigned int)__builtin_clzll(ns);

		bucket = LINEAR + (power - SHIFT) * 64 + (unsigned int)(ns >> (power - 6) & 63);
	}
	if (bucket >= BENCH_BUCKETS)
		bucket = BENCH_BUCKETS - 1;
	histogram->buckets[bucket]++;
	histogram->count++;
	if (ns > histogram->maximum)
		histogram->maximum = ns;
}

/* The middle of a bucket. */
static double bucket_ns(unsigned int bucket)
{
	const unsigned int above = bucket - LINEAR;
	double width;

	if (bucket < LINEAR)
		return bucket;
	width = (double)(UINT64_C(1) << (above / 64 + 1));
	return width * (64 + above % 64) + width / 2;
}

void bench_merge(struct bench_histogram *into, const struct bench_histogram *from)
{
	for (unsigned int i = 0; i < BENCH_BUCKETS; i++)
		into->buckets[i] += from->buckets[i];
	into->count += from->count;
	if (from->maximum > into->maximum)
		into->maximum = from->maximum;
}

double bench_percentile(const struct bench_histogram *histogram, double per_mille)
{
	const double rank = per_mille / 1000 * (double)histogram->count;
	uint64_t seen = 0;

	for (unsigned int i = 0; i < BENCH_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen > 0 && (double)seen >= rank)
			return bucket_ns(i) < (double)histogram->maximum
				       ? bucket_ns(i)
				       : (double)histogram->maximum;
	}
	return 0;
}

/* ---- quartiles ---- */

static int compare(const void *one, const void *other)
{
	const double a = *(const double *)one;
	const double b = *(const double *)other;

	return (a > b) - (a < b);
}

/* Between the two nearest, in proportion. */
static double quantile(const double *sorted, int count, double part)
{
	const double place = part * (count - 1);
	const int below = (int)place;

	if (below + 1 >= count)
		return sorted[count - 1];
	return sorted[below] + (place - below) * (sorted[below + 1] - sorted[below]);
}

struct bench_quartiles bench_quartiles(const double *numbers, int count)
{
	double sorted[BENCH_ROUNDS];

	memcpy(sorted, numbers, (size_t)count * sizeof(*numbers));
	qsort(sorted, (size_t)count, sizeof(*sorted), compare);
	return (struct bench_quartiles){
		.low = quantile(sorted, count, 0.25),
		.median = quantile(sorted, count, 0.5),
		.high = quantile(sorted, count, 0.75),
	};
}

struct bench_quartiles bench_ratios(const struct bench_plan *plan, const struct bench_group *group,
				    int one, int other)
{
	double ratios[BENCH_ROUNDS];

	for (int round = 0; round < plan->rounds; round++)
		ratios[round] = group->cells[one].ns[round] / group->cells[other].ns[round];
	return bench_quartiles(ratios, plan->rounds);
}

/* ---- finding ---- */

const struct bench_group *bench_find(const struct bench_plan *plan, enum bench_task task,
				     size_t size, uint64_t interval_ns)
{
	for (int i = 0; i < plan->group_count; i++) {
		const struct bench_job *job = &plan->groups[i].job;

		if (job->task == task && job->size == size && job->interval_ns == interval_ns)
			return &plan->groups[i];
	}
	return NULL;
}

bool bench_done(const struct bench_group *group, int transport)
{
	return group && transport >= 0 && group->cells[transport].state == BENCH_DONE;
}

size_t bench_detail_size(const struct bench_plan *plan)
{
	for (int i = 0; i < plan->size_count; i++)
		if (plan->sizes[i] == 64)
			return 64;
	return plan->sizes[0];
}

/* ---- noise ---- */

double bench_noise(const struct bench_plan *plan)
{
	const int floor = bench_transport("handover");
	double worst = -1;

	for (int i = 0; i < plan->group_count; i++) {
		const struct bench_group *group = &plan->groups[i];
		struct bench_quartiles q;

		if (group->job.task != BENCH_TRIP || !bench_done(group, floor))
			continue;
		q = bench_quartiles(group->cells[floor].ns, plan->rounds);
		if ((q.high - q.low) / q.median > worst)
			worst = (q.high - q.low) / q.median;
	}
	return worst;
}

bool bench_too_noisy(const struct bench_plan *plan)
{
	return bench_noise(plan) > NOISE_LIMIT ||
	       (double)plan->disturbed > DISTURBED_LIMIT * (double)plan->runs;
}
