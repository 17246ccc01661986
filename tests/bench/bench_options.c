/* SPDX-License-Identifier: MIT */
/* The command line, and where and how this runs. */
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

#define SKIPPED 77

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

long bench_number(const char *option, const char *text, long low, long high)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value < low || value > high) {
		fprintf(stderr, "%s: --%s: a number from %ld to %ld, please, not '%s'\n",
			bench_program, option, low, high, text);
		exit(2);
	}
	return value;
}

static bool choose_cpus(const char *text, int cpus[2])
{
	if (sscanf(text, "%d,%d", &cpus[0], &cpus[1]) == 2 && cpus[0] != cpus[1] && cpus[0] >= 0 &&
	    cpus[1] >= 0 && cpus[0] < CPU_SETSIZE && cpus[1] < CPU_SETSIZE)
		return true;
	fprintf(stderr, "%s: --cpus: two numbers like 0,1, please, not '%s'\n", bench_program,
		text);
	exit(2);
}

static void parse(int argc, char **argv, const char *help, struct bench_plan *plan, bool *chosen)
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
			plan->rounds = (int)bench_number("rounds", optarg, 1, BENCH_ROUNDS);
			break;
		case 'q':
			plan->quick = true;
			break;
		case 'c':
			plan->capacity = (size_t)bench_number("capacity", optarg, 65536, 4 << 20);
			break;
		case 'p':
			*chosen = choose_cpus(optarg, plan->cpus);
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			fprintf(stderr, "Try %s --help\n", bench_program);
			exit(2);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "%s: no arguments, please, but options ('%s')\n", bench_program,
			argv[optind]);
		exit(2);
	}
	if ((plan->capacity & (plan->capacity - 1)) != 0) {
		fprintf(stderr, "%s: --capacity: a power of two, please, not %zu\n", bench_program,
			plan->capacity);
		exit(2);
	}
}

void bench_options(int argc, char **argv, const char *help, struct bench_plan *plan)
{
	bool chosen = false;

	plan->capacity = SHMRING_CAPACITY_DEFAULT;
	parse(argc, argv, help, plan, &chosen);
	if (!chosen && !find_cpus(plan->cpus)) {
		fprintf(stderr, "%s: skipped: it needs two CPUs, one for each process\n",
			bench_program);
		exit(SKIPPED);
	}
	plan->progress = isatty(STDERR_FILENO);
	plan->name[0] = unique_name();
	plan->name[1] = unique_name();
}

void bench_print_machine(const struct bench_plan *plan)
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
	printf("%s: %s, Linux %s, CPUs %d and %d of %ld\n", bench_program, model, system.release,
	       plan->cpus[0], plan->cpus[1], sysconf(_SC_NPROCESSORS_ONLN));
	printf("shmring %d.%d.%d; rings of %zu KiB; %d rounds; ns are medians over the rounds\n",
	       shmring_version() / 10000, shmring_version() / 100 % 100, shmring_version() % 100,
	       plan->capacity / 1024, plan->rounds);
	if (plan->quick)
		printf("\nQUICK: this shows that the benchmark works; its numbers mean nothing.\n");
	if (file)
		fclose(file);
}

struct bench_heat *bench_add_heat(struct bench_plan *plan, enum bench_task task, size_t size,
				  unsigned int batch, uint64_t records)
{
	struct bench_heat *heat = &plan->heats[plan->count++];

	heat->job.task = task;
	heat->job.size = size;
	heat->job.batch = batch;
	heat->job.capacity = plan->capacity;
	heat->job.records = (records + BENCH_BATCH - 1) / BENCH_BATCH * BENCH_BATCH;
	heat->reference = -1;
	return heat;
}

void bench_add_contender(struct bench_heat *heat, const struct bench_contender *contender,
			 bool reference)
{
	if (reference)
		heat->reference = heat->count;
	heat->contenders[heat->count++] = contender;
}
