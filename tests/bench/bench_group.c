/* SPDX-License-Identifier: MIT */
/*
 * How fast a group of members takes records, with one producer and one member on a core each,
 * beside queues whose consumers share. More members than cores are bench_members' business.
 */
#include "bench_group.h"

#include <stdio.h>

#define DEFAULT_ROUNDS 31

static const char help[] =
	"Usage: bench_group [OPTION]...\n"
	"Measures members that share the records of one producer: this library's groups,\n"
	"DPDK's rte_ring (SP/MC, MC-RTS, MC-HTS) and Concurrency Kit's ck_ring (SPMC), one\n"
	"after the other in every round; one member, records of 64 bytes, singly and in\n"
	"batches of 16. Prints medians and quartiles of the ratios in a round, as tables and\n"
	"as lines `figure NAME VALUE`.\n"
	"\n"
	"  --rounds N      rounds, 1 to 1000 (31)\n"
	"  --quick         a fiftieth of the records: shows that it works, not how fast\n"
	"  --capacity N    bytes of each ring, a power of two, 65536 to 4194304 (1048576)\n"
	"  --cpus A,B      the producer's and the member's CPU (the first two allowed)\n"
	"  --help          this text\n"
	"\n"
	"Both processes spin. The producer fills each payload and the member adds up all of\n"
	"it. The clock runs after one lap of the ring. Sums are checked. Exit status: 0,\n"
	"1 failed, 2 usage, 77 fewer than two CPUs.\n";

static const unsigned int batches[] = { 1, GROUP_BATCH };

static void make_plan(struct bench_plan *plan)
{
	struct bench_heat *heat;

	for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
		heat = bench_add_heat(plan, BENCH_STREAM, GROUP_SIZE, batches[i],
				      plan->quick ? 8000 : 400000);
		bench_add_contender(heat, &bench_group_shmring, true);
#ifdef HAVE_DPDK
		bench_add_contender(heat, &bench_group_rte_mc, false);
		bench_add_contender(heat, &bench_group_rte_rts, false);
		bench_add_contender(heat, &bench_group_rte_hts, false);
#endif
#ifdef HAVE_CK
		bench_add_contender(heat, &bench_group_ck, false);
#endif
	}
	/* For how quiet the machine was. */
	heat = bench_add_heat(plan, BENCH_ONE_WAY, 8, 1, plan->quick ? 200 : 10000);
	bench_add_contender(heat, &bench_handover, false);
}

/* How many times as many records the group moves as another. */
static struct bench_quartiles over(const struct bench_plan *plan, const struct bench_heat *heat,
				   int which)
{
	return bench_ratios(plan, heat, which, heat->reference);
}

static void print_table(const struct bench_plan *plan, const struct bench_heat *heat)
{
	printf("\n%s %u: ns a record, and how many times as fast the group is\n"
	       "(median of per-round ratios [quartiles]; more is better; aim: above 1)\n",
	       "Records of 64 bytes, batch", heat->job.batch);
	for (int i = 0; i < heat->count; i++) {
		const double ns = bench_times(plan, heat, i).median;
		const struct bench_quartiles q = over(plan, heat, i);

		printf("  %-16s %6.1f", heat->contenders[i]->label, ns);
		if (i != heat->reference)
			printf("   %5.2f [%4.2f %4.2f]   %s", q.median, q.low, q.high,
			       q.median > 1 ? "yes" : "NO");
		printf("\n");
	}
}

static void print_figures(const struct bench_plan *plan, const struct bench_heat *heat)
{
	for (int i = 0; i < heat->count; i++) {
		const char *figure = heat->contenders[i]->figure;
		const struct bench_quartiles q = over(plan, heat, i);
		char name[128];

		printf("figure group_batch%u_ns_%s %.2f\n", heat->job.batch, figure,
		       bench_times(plan, heat, i).median);
		if (i == heat->reference)
			continue;
		snprintf(name, sizeof(name), "group_batch%u_over_%s", heat->job.batch, figure);
		printf("figure %s %.3f\n", name, q.median);
		printf("figure %s_low %.3f\n", name, q.low);
		printf("figure %s_high %.3f\n", name, q.high);
	}
}

static void report(const struct bench_plan *plan)
{
	for (int i = 0; i < plan->count; i++) {
		if (plan->heats[i].job.task == BENCH_STREAM)
			print_table(plan, &plan->heats[i]);
	}
	bench_print_peace(plan);
	printf("\n");
	for (int i = 0; i < plan->count; i++) {
		if (plan->heats[i].job.task == BENCH_STREAM)
			print_figures(plan, &plan->heats[i]);
		else
			printf("figure handover_ns %.2f\n",
			       bench_times(plan, &plan->heats[i], 0).median);
	}
	bench_print_spread(plan);
}

int main(int argc, char **argv)
{
	static struct bench_plan plan;

	bench_program = "bench_group";
	plan.rounds = DEFAULT_ROUNDS;
	bench_options(argc, argv, help, &plan, NULL);
	make_plan(&plan);
	bench_print_machine(&plan);
#ifndef HAVE_DPDK
	bench_print_without("rte_ring", "libdpdk-dev");
#endif
#ifndef HAVE_CK
	bench_print_without("ck_ring", "libck-dev");
#endif
	return bench_main(&plan, report);
}
