/* SPDX-License-Identifier: MIT */
/* Medians and quartiles: as tables for people, then as figure lines for programs. */
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

struct bench_quartiles bench_quartiles(double *numbers, int count)
{
	struct bench_quartiles result;

	qsort(numbers, (size_t)count, sizeof(*numbers), compare);
	result.low = at(numbers, count, 0.25);
	result.median = at(numbers, count, 0.5);
	result.high = at(numbers, count, 0.75);
	return result;
}

static struct bench_quartiles times(const struct bench_plan *plan, const struct bench_group *group,
				    int which)
{
	double numbers[BENCH_ROUNDS];

	memcpy(numbers, group->ns[which], (size_t)plan->rounds * sizeof(double));
	return bench_quartiles(numbers, plan->rounds);
}

/*
 * Of one contender to the reference, round by round: one way how many times as long it takes,
 * streaming how many times as many records it moves.
 */
static struct bench_quartiles ratios(const struct bench_plan *plan, const struct bench_group *group,
				     int which)
{
	const double *mine = group->ns[which];
	const double *other = group->ns[group->reference];
	double numbers[BENCH_ROUNDS];

	for (int i = 0; i < plan->rounds; i++)
		numbers[i] =
			group->job.task == BENCH_ONE_WAY ? mine[i] / other[i] : other[i] / mine[i];
	return bench_quartiles(numbers, plan->rounds);
}

/* For how much the hand-over itself varied. */
static double noise(const struct bench_plan *plan)
{
	double worst = 0;

	for (int i = 0; i < plan->count; i++) {
		const struct bench_group *group = &plan->groups[i];

		for (int j = 0; j < group->count; j++) {
			if (group->contenders[j] == &bench_handover) {
				struct bench_quartiles q = times(plan, group, j);

				if ((q.high - q.low) / q.median > worst)
					worst = (q.high - q.low) / q.median;
			}
		}
	}
	return worst;
}

static void print_table(const struct bench_plan *plan, enum bench_task task, unsigned int batch,
			const char *title)
{
	bool heading = false;

	for (int i = 0; i < plan->count; i++) {
		const struct bench_group *group = &plan->groups[i];

		if (group->job.task != task || group->job.batch != batch)
			continue;
		if (!heading) {
			printf("\n%s\n%6s", title, "bytes");
			for (int j = 0; j < group->count && !group->contenders[j]->aside; j++)
				printf(j == group->reference ? "  %9s" : "  %22s",
				       group->contenders[j]->label);
			printf("\n");
			heading = true;
		}
		printf("%6zu", group->job.size);
		for (int j = 0; j < group->count && !group->contenders[j]->aside; j++) {
			double ns = times(plan, group, j).median;
			struct bench_quartiles q;

			if (j == group->reference || group->reference < 0) {
				printf(group->reference < 0 ? "  %22.1f" : "  %9.1f", ns);
				continue;
			}
			q = ratios(plan, group, j);
			printf("  %6.1f %4.2f [%4.2f %4.2f]", ns, q.median, q.low, q.high);
		}
		printf("\n");
	}
}

/* What stands last in a group and is no column. */
static void print_asides(const struct bench_plan *plan, enum bench_task task)
{
	for (int i = 0; i < plan->count; i++) {
		const struct bench_group *group = &plan->groups[i];
		int last = group->count - 1;
		struct bench_quartiles q;

		if (group->job.task != task || !group->contenders[last]->aside)
			continue;
		q = ratios(plan, group, last);
		printf("A %s: %.1f, %.2f [%.2f %.2f]\n", group->contenders[last]->label,
		       times(plan, group, last).median, q.median, q.low, q.high);
	}
}

static const char *task_name(const struct bench_job *job)
{
	return job->task == BENCH_ONE_WAY ? "one_way" : job->batch == 1 ? "single" : "batch32";
}

/* "one_way_8_over_handover", "single_64_none_over_rte", "batch32_64_over_rte_burst32" */
static void ratio_name(char *name, size_t size, const struct bench_group *group, int which)
{
	const struct bench_job *job = &group->job;
	const char *figure = group->contenders[which]->figure;

	snprintf(name, size, "%s_%zu%s%s_over_%s%s", task_name(job), job->size, *figure ? "_" : "",
		 figure, group->contenders[group->reference]->figure,
		 job->batch == 1 ? "" : "_burst32");
}

static void print_figures(const struct bench_plan *plan)
{
	for (int i = 0; i < plan->count; i++) {
		const struct bench_group *group = &plan->groups[i];
		const struct bench_job *job = &group->job;

		for (int j = 0; j < group->count; j++) {
			const char *figure = group->contenders[j]->figure;
			char name[128];

			printf("figure %s_ns_%s%zu_%s %.2f\n",
			       job->task == BENCH_ONE_WAY ? "one_way" : "record",
			       job->task == BENCH_ONE_WAY ? ""
			       : job->batch == 1          ? "single_"
							  : "batch32_",
			       job->size, *figure ? figure : "fence", times(plan, group, j).median);
			if (group->reference < 0 || j == group->reference)
				continue;
			ratio_name(name, sizeof(name), group, j);
			printf("figure %s %.3f\n", name, ratios(plan, group, j).median);
			printf("figure %s_low %.3f\n", name, ratios(plan, group, j).low);
			printf("figure %s_high %.3f\n", name, ratios(plan, group, j).high);
		}
	}
	printf("figure handover_spread %.3f\n", noise(plan));
}

static const struct {
	const char *name;
	double limit;
	bool at_most;
} aims[] = {
	{ "one_way_8_over_handover", 1.2, true },
	{ "one_way_48_over_handover", 1.2, true },
	{ "single_8_over_rte", 2.0, false },
	{ "single_64_over_rte", 1.5, false },
	{ "batch32_64_over_rte_burst32", 1.0, false },
};

static void print_aims(const struct bench_plan *plan)
{
	printf("\nAims (medians of per-round ratios, FENCE)\n");
	for (size_t a = 0; a < sizeof(aims) / sizeof(aims[0]); a++) {
		for (int i = 0; i < plan->count; i++) {
			const struct bench_group *group = &plan->groups[i];

			for (int j = 0; group->reference >= 0 && j < group->count; j++) {
				char name[128];
				double median;

				ratio_name(name, sizeof(name), group, j);
				if (strcmp(name, aims[a].name) != 0)
					continue;
				median = ratios(plan, group, j).median;
				printf("  %-28s %5.2f   %s %.1f: %s\n", name, median,
				       aims[a].at_most ? "at most " : "at least", aims[a].limit,
				       (aims[a].at_most ? median <= aims[a].limit
							: median >= aims[a].limit)
					       ? "yes"
					       : "NO");
			}
		}
	}
}

void bench_report(const struct bench_plan *plan)
{
	double spread = noise(plan);

	print_table(plan, BENCH_ONE_WAY, 1,
		    "One way, ns (half of there and back), and how many times the hand-over\n"
		    "(median of per-round ratios [quartiles]; less is better)");
	print_asides(plan, BENCH_ONE_WAY);
	print_table(
		plan, BENCH_STREAM, 1,
		"Streaming, single records: ns a record, and how many times as fast as rte_ring\n"
		"(median of per-round ratios [quartiles]; more is better)");
	print_table(plan, BENCH_STREAM, BENCH_BATCH,
		    "Streaming, batches of 32 against rte_ring's bursts of 32: the same");
	print_aims(plan);
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
	printf("\n");
	print_figures(plan);
}
