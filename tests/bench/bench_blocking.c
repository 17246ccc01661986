/* SPDX-License-Identifier: MIT */
/* What it takes to hand a record to a process that sleeps, beside the kernel's own ways. */
#include "bench_asleep.h"

#include <stdio.h>

#define DEFAULT_ROUNDS 61

static const char help[] =
	"Usage: bench_blocking [OPTION]...\n"
	"Measures how long 8 bytes take to a process that sleeps: by this library, which is\n"
	"told never to spin, by a bare futex, an eventfd and a pipe, one after the other in\n"
	"every round; prints medians and quartiles of the ratios in a round, as a table and\n"
	"as lines `figure NAME VALUE`.\n"
	"\n"
	"  --rounds N      rounds, 1 to 1000 (61)\n"
	"  --quick         a tenth of the records: shows that it works, not how fast\n"
	"  --capacity N    bytes of each ring, a power of two, 65536 to 4194304 (1048576)\n"
	"  --cpus A,B      the two processes' CPUs (the first two allowed)\n"
	"  --help          this text\n"
	"\n"
	"One way is from before the one side's call to after the other's, which has had\n"
	"20 microseconds to fall asleep: the median of a run. Sums are checked. Exit status: 0,\n"
	"1 failed, 2 usage, 77 fewer than two CPUs.\n";

static void make_plan(struct bench_plan *plan)
{
	struct bench_heat *heat = bench_add_heat(plan, BENCH_ONE_WAY, 8, 1, plan->quick ? 32 : 192);

	bench_add_contender(heat, &bench_asleep_futex, true);
	bench_add_contender(heat, &bench_asleep_shmring, false);
	bench_add_contender(heat, &bench_asleep_eventfd, false);
	bench_add_contender(heat, &bench_asleep_pipe, false);
	/* For how quiet the machine was. */
	heat = bench_add_heat(plan, BENCH_ONE_WAY, 8, 1, plan->quick ? 200 : 10000);
	bench_add_contender(heat, &bench_handover, false);
}

static void report(const struct bench_plan *plan)
{
	const struct bench_heat *heat = &plan->heats[0];

	printf("\nOne way to a sleeper, ns, and how many times the futex\n"
	       "(median of per-round ratios [quartiles]; less is better; aim for shmring: at most "
	       "1.1)\n");
	for (int i = 0; i < heat->count; i++) {
		const struct bench_quartiles q = bench_ratios(plan, heat, i, heat->reference);

		printf("  %-8s %9.0f", heat->contenders[i]->label,
		       bench_times(plan, heat, i).median);
		if (i != heat->reference)
			printf("   %5.3f [%5.3f %5.3f]", q.median, q.low, q.high);
		printf("\n");
	}
	bench_print_peace(plan);
	printf("\n");
	for (int i = 0; i < heat->count; i++) {
		const struct bench_quartiles q = bench_ratios(plan, heat, i, heat->reference);
		const char *figure = heat->contenders[i]->figure;

		printf("figure blocking_ns_%s %.1f\n", figure, bench_times(plan, heat, i).median);
		if (i == heat->reference)
			continue;
		printf("figure blocking_%s_over_futex %.3f\n", figure, q.median);
		printf("figure blocking_%s_over_futex_low %.3f\n", figure, q.low);
		printf("figure blocking_%s_over_futex_high %.3f\n", figure, q.high);
	}
	bench_print_spread(plan);
}

int main(int argc, char **argv)
{
	static struct bench_plan plan;

	bench_program = "bench_blocking";
	plan.rounds = DEFAULT_ROUNDS;
	bench_options(argc, argv, help, &plan, NULL);
	make_plan(&plan);
	if (bench_asleep_open() != 0) {
		perror("bench_blocking");
		return 1;
	}
	bench_print_machine(&plan);
	return bench_main(&plan, report);
}
