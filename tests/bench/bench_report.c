/* SPDX-License-Identifier: MIT */
/* What bench_ring found: as tables for people, then as figure lines for programs. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

/*
 * Of one contender to the reference, round by round: one way how many times as long it takes,
 * streaming how many times as many records it moves.
 */
static struct bench_quartiles ratios(const struct bench_plan *plan, const struct bench_heat *heat,
				     int which)
{
	return heat->job.task == BENCH_ONE_WAY ? bench_ratios(plan, heat, which, heat->reference)
					       : bench_ratios(plan, heat, heat->reference, which);
}

static void print_table(const struct bench_plan *plan, enum bench_task task, unsigned int batch,
			const char *title)
{
	bool heading = false;

	for (int i = 0; i < plan->count; i++) {
		const struct bench_heat *heat = &plan->heats[i];

		if (heat->job.task != task || heat->job.batch != batch)
			continue;
		if (!heading) {
			printf("\n%s\n%6s", title, "bytes");
			for (int j = 0; j < heat->count && !heat->contenders[j]->aside; j++)
				printf(j == heat->reference ? "  %9s" : "  %22s",
				       heat->contenders[j]->label);
			printf("\n");
			heading = true;
		}
		printf("%6zu", heat->job.size);
		for (int j = 0; j < heat->count && !heat->contenders[j]->aside; j++) {
			double ns = bench_times(plan, heat, j).median;
			struct bench_quartiles q;

			if (j == heat->reference || heat->reference < 0) {
				printf(heat->reference < 0 ? "  %22.1f" : "  %9.1f", ns);
				continue;
			}
			q = ratios(plan, heat, j);
			printf("  %6.1f %4.2f [%4.2f %4.2f]", ns, q.median, q.low, q.high);
		}
		printf("\n");
	}
}

/* What stands last in a heat and is no column. */
static void print_asides(const struct bench_plan *plan, enum bench_task task)
{
	for (int i = 0; i < plan->count; i++) {
		const struct bench_heat *heat = &plan->heats[i];
		int last = heat->count - 1;
		struct bench_quartiles q;

		if (heat->job.task != task || !heat->contenders[last]->aside)
			continue;
		q = ratios(plan, heat, last);
		printf("A %s: %.1f, %.2f [%.2f %.2f]\n", heat->contenders[last]->label,
		       bench_times(plan, heat, last).median, q.median, q.low, q.high);
	}
}

static const char *task_name(const struct bench_job *job)
{
	return job->task == BENCH_ONE_WAY ? "one_way" : job->batch == 1 ? "single" : "batch32";
}

/* "one_way_8_over_handover", "single_64_none_over_rte", "batch32_64_over_rte_burst32" */
static void ratio_name(char *name, size_t size, const struct bench_heat *heat, int which)
{
	const struct bench_job *job = &heat->job;
	const char *figure = heat->contenders[which]->figure;

	snprintf(name, size, "%s_%zu%s%s_over_%s%s", task_name(job), job->size, *figure ? "_" : "",
		 figure, heat->contenders[heat->reference]->figure,
		 job->batch == 1 ? "" : "_burst32");
}

static void print_figures(const struct bench_plan *plan)
{
	for (int i = 0; i < plan->count; i++) {
		const struct bench_heat *heat = &plan->heats[i];
		const struct bench_job *job = &heat->job;

		for (int j = 0; j < heat->count; j++) {
			const char *figure = heat->contenders[j]->figure;
			char name[128];

			printf("figure %s_ns_%s%zu_%s %.2f\n",
			       job->task == BENCH_ONE_WAY ? "one_way" : "record",
			       job->task == BENCH_ONE_WAY ? ""
			       : job->batch == 1          ? "single_"
							  : "batch32_",
			       job->size, *figure ? figure : "fence",
			       bench_times(plan, heat, j).median);
			if (heat->reference < 0 || j == heat->reference)
				continue;
			ratio_name(name, sizeof(name), heat, j);
			printf("figure %s %.3f\n", name, ratios(plan, heat, j).median);
			printf("figure %s_low %.3f\n", name, ratios(plan, heat, j).low);
			printf("figure %s_high %.3f\n", name, ratios(plan, heat, j).high);
		}
	}
	bench_print_spread(plan);
}

static const struct {
	const char *name;
	double limit;
	bool at_most;
} aims[] = {
	{ "one_way_8_over_handover", 1.2, true },      { "one_way_48_over_handover", 1.2, true },
	{ "single_8_over_rte", 2.0, false },           { "single_64_over_rte", 1.5, false },
	{ "batch32_64_over_rte_burst32", 1.0, false },
};

static void print_aims(const struct bench_plan *plan)
{
	printf("\nAims (medians of per-round ratios, FENCE)\n");
	for (size_t a = 0; a < sizeof(aims) / sizeof(aims[0]); a++) {
		for (int i = 0; i < plan->count; i++) {
			const struct bench_heat *heat = &plan->heats[i];

			for (int j = 0; heat->reference >= 0 && j < heat->count; j++) {
				char name[128];
				double median;

				ratio_name(name, sizeof(name), heat, j);
				if (strcmp(name, aims[a].name) != 0)
					continue;
				median = ratios(plan, heat, j).median;
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
	bench_print_peace(plan);
	printf("\n");
	print_figures(plan);
}
