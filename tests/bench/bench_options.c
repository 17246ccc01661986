/* SPDX-License-Identifier: MIT */
/* The command line, and where and how this runs. */
#include "bench.h"
#include "../support/names.h"

#include <shmring/shmring.h>

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define SKIPPED 77

/* At most, --help not counted. */
#define OPTIONS 14

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

void bench_misused(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	bench_complain(format, arguments);
	va_end(arguments);
	exit(2);
}

static long number_of(const struct bench_option *option, const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value < option->low || value > option->high)
		bench_misused("--%s: a number from %ld to %ld, please, not '%s'", option->name,
			      option->low, option->high, text);
	return value;
}

static void take(const struct bench_option *option, const char *text)
{
	if (option->number)
		*option->number = number_of(option, text);
	else if (option->text)
		*option->text = text;
	else
		*option->flag = true;
}

void bench_parse(int argc, char **argv, const char *help, const struct bench_option *options)
{
	/* An option's value is its place, after those that getopt itself gives a meaning. */
	enum { HELP = 256, FIRST };
	struct option list[OPTIONS + 2] = { { "help", no_argument, NULL, HELP } };
	int option;

	for (int i = 0; options[i].name; i++) {
		list[i + 1].name = options[i].name;
		list[i + 1].has_arg = options[i].flag ? no_argument : required_argument;
		list[i + 1].val = FIRST + i;
	}
	while ((option = getopt_long(argc, argv, "", list, NULL)) != -1) {
		if (option == HELP) {
			fputs(help, stdout);
			exit(0);
		}
		if (option < FIRST) {
			fprintf(stderr, "Try %s --help\n", bench_program);
			exit(2);
		}
		take(&options[option - FIRST], optarg);
	}
	if (optind < argc)
		bench_misused("no arguments, please, but options ('%s')", argv[optind]);
}

static void choose_cpus(const char *text, int cpus[2])
{
	if (sscanf(text, "%d,%d", &cpus[0], &cpus[1]) != 2 || cpus[0] == cpus[1] || cpus[0] < 0 ||
	    cpus[1] < 0 || cpus[0] >= CPU_SETSIZE || cpus[1] >= CPU_SETSIZE)
		bench_misused("--cpus: two numbers like 0,1, please, not '%s'", text);
}

void bench_options(int argc, char **argv, const char *help, struct bench_plan *plan,
		   const struct bench_option *more)
{
	long rounds = plan->rounds, capacity = SHMRING_CAPACITY_DEFAULT;
	const char *cpus = NULL;
	struct bench_option options[OPTIONS + 1] = {
		{ .name = "rounds", .number = &rounds, .low = 1, .high = BENCH_ROUNDS },
		{ .name = "capacity", .number = &capacity, .low = 65536, .high = 4 << 20 },
		{ .name = "cpus", .text = &cpus },
		{ .name = "quick", .flag = &plan->quick },
	};
	int count = 4;

	while (more && more->name && count < OPTIONS)
		options[count++] = *more++;
	bench_parse(argc, argv, help, options);
	if ((capacity & (capacity - 1)) != 0)
		bench_misused("--capacity: a power of two, please, not %ld", capacity);
	plan->rounds = (int)rounds;
	plan->capacity = (size_t)capacity;
	if (cpus) {
		choose_cpus(cpus, plan->cpus);
	} else if (!find_cpus(plan->cpus)) {
		fprintf(stderr, "%s: skipped: it needs two CPUs, one for each process\n",
			bench_program);
		exit(SKIPPED);
	}
	plan->progress = isatty(STDERR_FILENO);
	plan->name[0] = unique_name();
	plan->name[1] = unique_name();
}

void bench_refused(int error, const char *what)
{
	bench_fail("%s: %s", what, shmring_strerror(error));
}

void bench_stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		bench_fail("cannot run on CPU %d: %s", cpu, strerror(errno));
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

void bench_print_without(const char *peer, const char *package)
{
	printf("WITHOUT %s: it was not there when this was built (Debian: %s).\n", peer, package);
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

int bench_main(struct bench_plan *plan, void (*report)(const struct bench_plan *plan))
{
	int status;

	fflush(stdout);
	status = bench_execute(plan);
	unique_names_sweep();
	if (status == 0)
		report(plan);
	return status;
}
