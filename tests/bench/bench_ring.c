/* SPDX-License-Identifier: MIT */
/* How fast the ring is, beside the bare hand-over of a cache line and DPDK's rte_ring. */
#include "bench.h"
#include "../support/names.h"

#include <shmring/shmring.h>

#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define DEFAULT_ROUNDS 31
#define SKIPPED        77

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
	"Both processes spin. The writer fills each payload and the reader adds up all of\n"
	"it: in place in this ring; rte_ring copies elements in and out (SP/MC; memory of\n"
	"about the same size). One way is half of a record there and one back, on two\n"
	"rings; the hand-over is a counter there and one back, on two lines. The clock runs\n"
	"after one lap of the ring. Sums are checked. Exit status: 0, 1 failed, 2 usage,\n"
	"77 fewer than two CPUs.\n";

static struct bench_group *add_group(struct bench_plan *plan, enum bench_task task, size_t size,
				     unsigned int batch, uint64_t records)
{
	struct bench_group *group = &plan->groups[plan->count++];

	group->job.task = task;
	group->job.size = size;
	group->job.batch = batch;
	group->job.capacity = plan->capacity;
	group->job.records = (records + BENCH_BATCH - 1) / BENCH_BATCH * BENCH_BATCH;
	group->reference = -1;
	return group;
}

static void add_contender(struct bench_group *group, const struct bench_contender *contender,
			  bool reference)
{
	if (reference)
		group->reference = group->count;
	group->contenders[group->count++] = contender;
}

static void make_plan(struct bench_plan *plan, bool quick)
{
	for (size_t i = 0; i < COUNT(one_way_sizes); i++) {
		struct bench_group *group =
			add_group(plan, BENCH_ONE_WAY, one_way_sizes[i], 1, quick ? 200 : 10000);

		add_contender(group, &bench_handover, true);
		add_contender(group, &bench_shmring_none, false);
		add_contender(group, &bench_shmring_fence, false);
#ifdef HAVE_DPDK
		add_contender(group, &bench_rte, false);
#endif
		if (i == 0)
			add_contender(group, &bench_handover_one_word, false);
	}
	for (unsigned int batch = 1; batch <= BENCH_BATCH; batch *= BENCH_BATCH) {
		for (size_t i = 0; i < COUNT(stream_sizes); i++) {
			struct bench_group *group = add_group(plan, BENCH_STREAM, stream_sizes[i],
							      batch, quick ? 4000 : 200000);

			add_contender(group, &bench_shmring_none, false);
			add_contender(group, &bench_shmring_fence, false);
#ifdef HAVE_DPDK
			add_contender(group, &bench_rte, true);
#endif
		}
	}
}

static bool find_cpus(int cpus[2])
{
	cpu_set_t set;
	int found = 0;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return false;
	for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++) {
		if (CPU_ISSET(cpu, &set))
			cpus[found++] = cpu;
	}
	return found == 2;
}

static long number(const char *option, const char *text, long low, long high)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value < low || value > high) {
		fprintf(stderr, "bench_ring: --%s: a number from %ld to %ld, please, not '%s'\n",
			option, low, high, text);
		exit(2);
	}
	return value;
}

static void parse(int argc, char **argv, struct bench_plan *plan, bool *quick, bool *chosen)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "quick", no_argument, NULL, 'q' },
		{ "capacity", required_argument, NULL, 'c' },
		{ "cpus", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'r':
			plan->rounds = (int)number("rounds", optarg, 1, BENCH_ROUNDS);
			break;
		case 'q':
			*quick = true;
			break;
		case 'c':
			plan->capacity = (size_t)number("capacity", optarg, 65536, 4 << 20);
			break;
		case 'p':
			*chosen = sscanf(optarg, "%d,%d", &plan->cpus[0], &plan->cpus[1]) == 2 &&
				  plan->cpus[0] != plan->cpus[1] && plan->cpus[0] >= 0 &&
				  plan->cpus[1] >= 0 && plan->cpus[0] < CPU_SETSIZE &&
				  plan->cpus[1] < CPU_SETSIZE;
			if (!*chosen) {
				fprintf(stderr,
					"bench_ring: --cpus: two numbers like 0,1, please, not "
					"'%s'\n",
					optarg);
				exit(2);
			}
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			fprintf(stderr, "Try bench_ring --help\n");
			exit(2);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "bench_ring: no arguments, please, but options ('%s')\n",
			argv[optind]);
		exit(2);
	}
	if ((plan->capacity & (plan->capacity - 1)) != 0) {
		fprintf(stderr, "bench_ring: --capacity: a power of two, please, not %zu\n",
			plan->capacity);
		exit(2);
	}
}

static void print_machine(const struct bench_plan *plan)
{
	char line[512];
	const char *model = "unknown processor";
	struct utsname system;
	FILE *file = fopen("/proc/cpuinfo", "re");

	while (file && fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) == 0 && colon) {
			colon[strcspn(colon, "\n")] = '\0';
			model = colon + 2;
			break;
		}
	}
	uname(&system);
	printf("bench_ring: %s, Linux %s, CPUs %d and %d of %ld\n", model, system.release,
	       plan->cpus[0], plan->cpus[1], sysconf(_SC_NPROCESSORS_ONLN));
	printf("shmring %d.%d.%d; rings of %zu KiB; %d rounds; ns are medians over the rounds\n",
	       shmring_version() / 10000, shmring_version() / 100 % 100, shmring_version() % 100,
	       plan->capacity / 1024, plan->rounds);
	if (file)
		fclose(file);
}

int main(int argc, char **argv)
{
	static struct bench_plan plan;
	bool quick = false;
	bool chosen = false;
	int status;

	plan.rounds = DEFAULT_ROUNDS;
	plan.capacity = SHMRING_CAPACITY_DEFAULT;
	parse(argc, argv, &plan, &quick, &chosen);
	if (!chosen && !find_cpus(plan.cpus)) {
		fprintf(stderr, "bench_ring: skipped: it needs two CPUs, one for each process\n");
		return SKIPPED;
	}
	plan.progress = isatty(STDERR_FILENO);
	plan.name[0] = unique_name();
	plan.name[1] = unique_name();
	make_plan(&plan, quick);

	print_machine(&plan);
#ifndef HAVE_DPDK
	printf("\nWITHOUT rte_ring: DPDK was not there when this was built (Debian: libdpdk-dev).\n"
	       "Nothing to compare streaming with.\n");
#endif
	if (quick)
		printf("\nQUICK: this shows that the benchmark works; its numbers mean nothing.\n");
	fflush(stdout);

	status = bench_execute(&plan);
	unique_names_sweep();
	if (status == 0)
		bench_report(&plan);
	return status;
}
