/* SPDX-License-Identifier: MIT */
/* What bench_peers found: as tables for people, then as figure lines, or JSON, for programs. */
#include "bench_peers.h"

#include <stdio.h>
#include <string.h>

/* Sizes that stand beside each other in 80 columns. */
#define COLUMNS 5

/* Three digits that count, or more before the point. */
static const char *digits(char text[16], double number)
{
	snprintf(text, 16, "%.*f", number < 9.995 ? 2 : number < 99.95 ? 1 : 0, number);
	return text;
}

static const char *task_name(const struct bench_job *job)
{
	return job->task == BENCH_ONE_WAY ? "one_way"
	       : job->batch == 1          ? "single"
	       : job->batch == 8          ? "batch8"
					  : "batch32";
}

static int index_of(const struct bench_heat *heat, const struct bench_contender *contender)
{
	for (int i = 0; i < heat->count; i++) {
		if (heat->contenders[i] == contender)
			return i;
	}
	return -1;
}

/* A heat that is there for the noise alone has no reference. */
static bool is_measured(const struct bench_heat *heat)
{
	return heat->reference >= 0;
}

/* One way: how many times as long as the hand-over; a stream: how many times as fast FENCE is. */
static struct bench_quartiles ratios(const struct bench_plan *plan, const struct bench_heat *heat,
				     int which)
{
	return bench_ratios(plan, heat, which, heat->reference);
}

/* The peer whose median is the least, or -1. */
static int best_peer(const struct bench_plan *plan, const struct bench_heat *heat)
{
	int best = -1;

	for (int i = 0; i < heat->count; i++) {
		if (!bench_peers_is_own(heat->contenders[i]) &&
		    (best < 0 ||
		     bench_times(plan, heat, i).median < bench_times(plan, heat, best).median))
			best = i;
	}
	return best;
}

/*
 * One way: the time of FENCE, or of FENCE copied, by the best peer's; a stream: how many times as
 * fast as that one it is.
 */
static struct bench_quartiles over_best(const struct bench_plan *plan,
					const struct bench_heat *heat, int own, int best)
{
	return heat->job.task == BENCH_ONE_WAY ? bench_ratios(plan, heat, own, best)
					       : bench_ratios(plan, heat, best, own);
}

/* ---- what is to be reached ---- */

struct aim {
	double limit;
	bool at_most;
	bool by_handover; /* by the bare hand-over, not the best peer */
};

static struct aim aim_of(const struct bench_job *job)
{
	struct aim aim = { .limit = 1 };

	if (job->task == BENCH_ONE_WAY) {
		aim.at_most = true;
		aim.by_handover = job->size < 64;
		if (aim.by_handover)
			aim.limit = job->size == 8 ? 1.05 : 1.10;
	} else if (job->batch == 1) {
		aim.limit = job->size >= 64 && job->size <= 1024 ? 1.3 : 1;
	} else {
		aim.limit = job->size < 64 ? 0.8 : 1;
	}
	return aim;
}

static void print_aim(const struct bench_plan *plan, const struct bench_heat *heat,
		      const struct bench_contender *contender)
{
	const struct aim aim = aim_of(&heat->job);
	const int best = best_peer(plan, heat), own = index_of(heat, contender);
	struct bench_quartiles q;
	char name[64];

	if (own < 0 || (best < 0 && !aim.by_handover))
		return;
	q = aim.by_handover ? ratios(plan, heat, own) : over_best(plan, heat, own, best);
	snprintf(name, sizeof(name), "%s_%zu_over_%s", task_name(&heat->job), heat->job.size,
		 aim.by_handover ? "handover" : "best");
	printf("  %-24s %5.2f [%4.2f %4.2f]  %s %4.2f  %s%s%s\n", name, q.median, q.low, q.high,
	       aim.at_most ? "at most " : "at least", aim.limit,
	       (aim.at_most ? q.median <= aim.limit : q.median >= aim.limit) ? "yes" : "NO",
	       aim.by_handover ? "" : ", ", aim.by_handover ? "" : heat->contenders[best]->label);
}

/* Copied: for who copies anyway, or gains by it. */
static void print_aims(const struct bench_plan *plan, const struct bench_contender *contender)
{
	bool there = false;

	for (int i = 0; i < plan->count; i++)
		there |= index_of(&plan->heats[i], contender) >= 0;
	if (!there)
		return;
	printf("\nAims for %s: medians of per-round ratios [quartiles], best peer\n",
	       contender->label);
	for (int i = 0; i < plan->count; i++) {
		if (is_measured(&plan->heats[i]))
			print_aim(plan, &plan->heats[i], contender);
	}
}

/* ---- tables ---- */

static void print_row(const struct bench_plan *plan, const struct bench_heat *const *heats,
		      int count, const struct bench_contender *contender)
{
	char a[16], b[16], cell[64];
	int which;

	printf("%-13s", contender->label);
	for (int i = 0; i < count; i++) {
		which = index_of(heats[i], contender);
		if (which == heats[i]->reference)
			b[0] = '\0';
		else
			digits(b, ratios(plan, heats[i], which).median);
		printf(" %6s %5s", digits(a, bench_times(plan, heats[i], which).median), b);
	}
	printf("\n");
	if (index_of(heats[0], contender) == heats[0]->reference)
		return;
	printf("%-13s", "");
	for (int i = 0; i < count; i++) {
		const struct bench_quartiles q =
			ratios(plan, heats[i], index_of(heats[i], contender));

		snprintf(cell, sizeof(cell), "[%s %s]", digits(a, q.low), digits(b, q.high));
		printf(" %12s", cell);
	}
	printf("\n");
}

/* Heats that differ in the size alone have the same contenders. */
static void print_table(const struct bench_plan *plan, const struct bench_heat *const *heats,
			int count)
{
	const struct bench_job *job = &heats[0]->job;

	if (job->task == BENCH_ONE_WAY)
		printf("\nOne way, ns (half of there and back), and how many times the hand-over\n"
		       "(median of per-round ratios [quartiles]; less is better)\n");
	else if (job->batch == 1)
		printf("\nSingle records: ns a record, and how many times as fast FENCE is\n"
		       "(median of per-round ratios [quartiles]; more is better for FENCE)\n");
	else
		printf("\nBatches of %u against bursts of %u: the same\n", job->batch, job->batch);
	printf("%-13s", "bytes");
	for (int i = 0; i < count; i++)
		printf(" %6zu %5s", heats[i]->job.size, "");
	printf("\n");
	for (int j = 0; j < heats[0]->count; j++)
		print_row(plan, heats, count, heats[0]->contenders[j]);
}

static void print_tables(const struct bench_plan *plan)
{
	const struct bench_heat *row[COLUMNS];
	int count = 0;

	for (int i = 0; i < plan->count; i++) {
		const struct bench_heat *heat = &plan->heats[i];
		const bool last = i + 1 == plan->count ||
				  strcmp(task_name(&heat->job), task_name(&heat[1].job)) != 0;

		if (!is_measured(heat))
			continue;
		row[count++] = heat;
		if (last || count == COLUMNS) {
			print_table(plan, row, count);
			count = 0;
		}
	}
	print_aims(plan, &bench_shmring_fence);
	print_aims(plan, &bench_shmring_copied);
	bench_print_peace(plan);
	printf("\n");
}

/* ---- figures ---- */

static void print_figure(const char *name, const char *suffix, double value)
{
	static bool comma;

	if (bench_peers_json)
		printf("%s\n  \"%s%s\": %.3f", comma ? "," : "", name, suffix, value);
	else
		printf("figure %s%s %.3f\n", name, suffix, value);
	comma = true;
}

static void print_ratio(const char *name, struct bench_quartiles q)
{
	print_figure(name, "", q.median);
	print_figure(name, "_low", q.low);
	print_figure(name, "_high", q.high);
}

/* "single_64_ns_rte", "single_64_over_rte", "one_way_8_over_handover", "batch32_64_over_best" */
static void print_figures(const struct bench_plan *plan, const struct bench_heat *heat)
{
	const bool one_way = heat->job.task == BENCH_ONE_WAY;
	const int best = best_peer(plan, heat), fence = index_of(heat, &bench_shmring_fence);
	const int copied = index_of(heat, &bench_shmring_copied);
	char begin[32], name[128];

	snprintf(begin, sizeof(begin), "%s_%zu", task_name(&heat->job), heat->job.size);
	for (int i = 0; i < heat->count; i++) {
		const struct bench_contender *contender = heat->contenders[i];

		snprintf(name, sizeof(name), "%s_ns_%s", begin, bench_peers_name(contender));
		print_figure(name, "", bench_times(plan, heat, i).median);
		if (i == heat->reference)
			continue;
		if (one_way)
			snprintf(name, sizeof(name), "%s%s%s_over_handover", begin,
				 *contender->figure ? "_" : "", contender->figure);
		else
			snprintf(name, sizeof(name), "%s_over_%s", begin, contender->figure);
		print_ratio(name, ratios(plan, heat, i));
	}
	snprintf(name, sizeof(name), "%s_over_best", begin);
	if (best >= 0)
		print_ratio(name, over_best(plan, heat, fence, best));
	snprintf(name, sizeof(name), "%s_copied_over_best", begin);
	if (best >= 0 && copied >= 0)
		print_ratio(name, over_best(plan, heat, copied, best));
}

void bench_peers_report(const struct bench_plan *plan)
{
	if (bench_peers_json)
		printf("{");
	else
		print_tables(plan);
	for (int i = 0; i < plan->count; i++) {
		if (is_measured(&plan->heats[i]))
			print_figures(plan, &plan->heats[i]);
	}
	print_figure("handover_spread", "", bench_spread(plan));
	if (bench_peers_json)
		printf("\n}\n");
}
