/* SPDX-License-Identifier: MIT */
/* How fast the ring is, beside the bare hand-over of a cache line and DPDK's rte_ring. */
#include "bench.h"

#include <stdio.h>

#define DEFAULT_ROUNDS 31

static const size_t one_way_sizes[] = { 8, 32, 48, 64, 256 };
static const size_t stream_sizes[] = { 8, 16, 32, 48, 64, 256 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char help[] =
	"Usage: bench_ring [OPTION]...\n"
	"Measures this ring, the bare hand-over of a cache line between two cores, and\n"
	"DPDK's rte_ring, one after the other in every round; prints medians and quartiles\n"
	"of the ratios in a round, as tables and as lines `figure NAME VALUE`.\n"
	"\n"
	"  --rounds N      rounds, 1 to 1000 (31)\n"
	"  --quick         a fiftieth of the records: shows that it works, not how fast\n"
	"  --capacity N    bytes of each ring, a power of two, 65536 to 4194304 (1048576)\n"
	"  --cpus A,B      the writer's and the reader's CPU (the first two allowed)\n"
	"  --help          this text\n"
	"\n"
	"Both processes spin. The writer fills each payload, and the reader looks at every\n"
	"cache line of it, and checks what it finds: in place in this ring; rte_ring copies\n"
	"elements in and out (SP/MC; memory of about the same size). One way is half of a\n"
	"record there and one back, on two rings; the hand-over is a counter there and one\n"
	"back, on two lines. The clock runs after one lap of the ring. Exit status: 0,\n"
	"1 failed, 2 usage, 77 fewer than two CPUs.\n";

static void make_plan(struct bench_plan *plan)
{
	for (size_t i = 0; i < COUNT(one_way_sizes); i++) {
		struct bench_heat *heat = bench_add_heat(plan, BENCH_ONE_WAY, one_way_sizes[i], 1,
							 plan->quick ? 200 : 10000);

		bench_add_contender(heat, &bench_handover, true);
		bench_add_contender(heat, &bench_shmring_none, false);
		bench_add_contender(heat, &bench_shmring_fence, false);
#ifdef HAVE_DPDK
		bench_add_contender(heat, &bench_rte, false);
#endif
		if (i == 0)
			bench_add_contender(heat, &bench_handover_one_word, false);
	}
	for (unsigned int batch = 1; batch <= BENCH_BATCH; batch *= BENCH_BATCH) {
		for (size_t i = 0; i < COUNT(stream_sizes); i++) {
			struct bench_heat *heat =
				bench_add_heat(plan, BENCH_STREAM, stream_sizes[i], batch,
					       plan->quick ? 4000 : 200000);

			bench_add_contender(heat, &bench_shmring_none, false);
			bench_add_contender(heat, &bench_shmring_fence, false);
#ifdef HAVE_DPDK
			bench_add_contender(heat, &bench_rte, true);
#endif
		}
	}
}

int main(int argc, char **argv)
{
	static struct bench_plan plan;

	bench_program = "bench_ring";
	plan.rounds = DEFAULT_ROUNDS;
	bench_options(argc, argv, help, &plan, NULL);
	make_plan(&plan);
	bench_print_machine(&plan);
#ifndef HAVE_DPDK
	bench_print_without("rte_ring", "libdpdk-dev");
	printf("Nothing to compare streaming with.\n");
#endif
	return bench_main(&plan, bench_report);
}
