/* SPDX-License-Identifier: MIT */
/* What shall be measured; the measuring itself is in bench_run.c and bench_consumers.c. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "bench.h"
#include "report.h"
#include "shmtool.h"
#include "signals.h"
#include "units.h"

enum {
	KEY_CONSUMERS = KEY_FIRST,
	KEY_CPUS,
	KEY_JSON,
	KEY_PLOT,
	KEY_QUICK,
	KEY_ROUNDS,
	KEY_SECONDS,
	KEY_SIZES,
	KEY_TRANSPORTS,
};

#define SECONDS_MIN 0.001
#define SECONDS_MAX 10

static const struct argp_option options[] = {
	{ "consumers", KEY_CONSUMERS, "N", 0, "Measure what a record costs the producer as consumers grow: 1, 2, 4, "
	  "... N, at most 64", 0 },
	{ "cpus", KEY_CPUS, "A,B", 0, "The two processors to run on", 0 },
	{ "json", KEY_JSON, NULL, 0, "Print JSON", 0 },
	{ "plot", KEY_PLOT, "FILE", 0, "Draw latency and throughput by size to FILE, an .svg or .png, with gnuplot",
	  0 },
	{ "quick", KEY_QUICK, NULL, 0, "Fewer sizes and rounds: less than a minute", 0 },
	{ "rounds", KEY_ROUNDS, "N", 0, "How often each is measured (15 by default, quick: 3)", 0 },
	{ "seconds", KEY_SECONDS, "SECONDS", 0, "How long each time (0.05 by default, quick: 0.03)", 0 },
	{ "sizes", KEY_SIZES, "SIZE,...", 0, "Record sizes: multiples of 8, up to 1M", 0 },
	{ "transports", KEY_TRANSPORTS, "NAME,...", 0, "What to measure: names as in the table, or ring, kernel, floor",
	  0 },
	OPTION_HELP,
	{ NULL, 0, NULL, 0, NULL, 0 },
};

/* ---- arguments ---- */

/* Takes the next piece of a list with commas; returns whether there was one that fits. */
static bool next_piece(const char **list, char *piece, size_t room)
{
	const size_t length = strcspn(*list, ",");

	if (length == 0 || length >= room)
		return false;
	memcpy(piece, *list, length);
	piece[length] = '\0';
	*list += length;
	if (**list == ',')
		return *++*list != '\0';
	return true;
}

static error_t wrong_sizes(const struct argp_state *state, const char *argument)
{
	return arguments_error(state, "--sizes takes up to %d multiples of 8 from 8 to 1M, ascending, like 8,64,4K, "
			       "not '%s'", BENCH_SIZES, argument);
}

static error_t set_sizes(struct bench_plan *plan, const char *argument, const struct argp_state *state)
{
	const char *rest = argument;
	uint64_t size, before = 0;
	char piece[32];

	plan->size_count = 0;
	do {
		if (plan->size_count == BENCH_SIZES || !next_piece(&rest, piece, sizeof(piece)) ||
		    !parse_size(piece, BENCH_SIZE_MIN, BENCH_SIZE_MAX, &size) || size % 8 != 0 ||
		    size <= before)
			return wrong_sizes(state, argument);
		plan->sizes[plan->size_count++] = size;
		before = size;
	} while (*rest != '\0');
	return 0;
}

static bool want(struct bench_plan *plan, const char *name)
{
	bool found = false;

	for (int i = 0; i < bench_transport_count; i++) {
		const struct bench_transport *transport = &bench_transports[i];
		const char *family = transport->family == BENCH_RING	 ? "ring"
				     : transport->family == BENCH_KERNEL ? "kernel"
									 : "floor";

		if (strcmp(transport->name, name) != 0 && strcmp(family, name) != 0)
			continue;
		plan->wanted[i] = true;
		found = true;
	}
	return found;
}

static error_t set_transports(struct bench_plan *plan, const char *argument, const struct argp_state *state)
{
	const char *rest = argument;
	char piece[32];

	memset(plan->wanted, 0, sizeof(plan->wanted));
	do {
		if (!next_piece(&rest, piece, sizeof(piece)))
			return arguments_error(state, "--transports takes names with commas between, like "
					       "ring,pipe,tcp, not '%s'", argument);
		if (!want(plan, piece))
			return arguments_error(state, "there is no transport '%s'", piece);
	} while (*rest != '\0');
	return 0;
}

static error_t set_cpus(struct bench_plan *plan, const char *argument, const struct argp_state *state)
{
	const char *rest = argument;
	uint64_t cpus[2] = { 0, 0 };
	char piece[32];

	for (int i = 0; i < 2; i++) {
		if (!next_piece(&rest, piece, sizeof(piece)) ||
		    !parse_number(piece, 0, CPU_SETSIZE - 1, &cpus[i]))
			break;
		plan->cpus[i] = (int)cpus[i];
		if (i == 1 && *rest == '\0' && cpus[0] != cpus[1])
			return 0;
	}
	return arguments_error(state, "--cpus takes two different processors, like 0,2, not '%s'", argument);
}

static error_t set_plot(struct bench_plan *plan, const char *argument, const struct argp_state *state)
{
	const size_t length = strlen(argument);

	plan->plot = argument;
	if (length > 4 && (strcmp(argument + length - 4, ".svg") == 0 || strcmp(argument + length - 4, ".png") == 0))
		return 0;
	return arguments_error(state, "--plot takes a file whose name ends in .svg or .png, not '%s'", argument);
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct bench_plan *plan = state->input;
	uint64_t number;
	int64_t ns;

	switch (key) {
	case KEY_CONSUMERS:
		if (!parse_number(argument, 1, BENCH_CONSUMERS, &number))
			return arguments_error(state, "--consumers takes a number from 1 to %d, not '%s'",
					       BENCH_CONSUMERS, argument);
		plan->consumers = (unsigned int)number;
		return 0;
	case KEY_CPUS:
		return set_cpus(plan, argument, state);
	case KEY_JSON:
		plan->json = true;
		return 0;
	case KEY_PLOT:
		return set_plot(plan, argument, state);
	case KEY_QUICK:
		plan->quick = true;
		return 0;
	case KEY_ROUNDS:
		if (!parse_number(argument, 1, BENCH_ROUNDS, &number))
			return arguments_error(state, "--rounds takes a number from 1 to %d, not '%s'", BENCH_ROUNDS,
					       argument);
		plan->rounds = (int)number;
		return 0;
	case KEY_SECONDS:
		if (!parse_seconds(argument, &ns) || (double)ns < SECONDS_MIN * 1e9 || (double)ns > SECONDS_MAX * 1e9)
			return arguments_error(state, "--seconds takes a time from 0.001 to 10, not '%s'", argument);
		plan->seconds = (double)ns / 1e9;
		return 0;
	case KEY_SIZES:
		return set_sizes(plan, argument, state);
	case KEY_TRANSPORTS:
		return set_transports(plan, argument, state);
	case ARGP_KEY_ARG:
		return arguments_error(state, "'%s' is one argument too many", argument);
	case ARGP_KEY_NO_ARGS:
		return 0;
	case ARGP_KEY_END:
		if (plan->consumers != 0 && plan->plot)
			return arguments_error(state, "--plot draws transports; leave out --consumers");
		return 0;
	default:
		return arguments_common(key, argument, state);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Measures this ring beside every other way that two processes can talk: the same records through "
	       "each of them, in interleaved rounds, each record checked. Takes about eight minutes, or with "
	       "--quick less than one, and two processors that have nothing else to do."
	       "\vEnds with lines \"figure NAME VALUE\", for programs.",
};

/* ---- defaults ---- */

static void set_defaults(struct bench_plan *plan)
{
	static const size_t all[] = { 8, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576 };
	static const size_t few[] = { 8, 64, 1024, 16384, 131072, 1048576 };
	const size_t *sizes = plan->quick ? few : all;

	if (plan->size_count == 0) {
		plan->size_count = plan->quick ? sizeof(few) / sizeof(few[0]) : sizeof(all) / sizeof(all[0]);
		memcpy(plan->sizes, sizes, (size_t)plan->size_count * sizeof(*sizes));
	}
	if (plan->rounds == 0)
		plan->rounds = plan->quick ? 3 : 15;
	if (plan->seconds == 0)
		plan->seconds = plan->quick ? 0.03 : 0.05;
}

/* Whether the second is a hyperthread of the first one's core. */
static bool same_core(int cpu, int other)
{
	char path[128];
	int number, last;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
	file = fopen(path, "r");
	if (!file)
		return false;
	/* "0,4" or "0-1" */
	while (!found && fscanf(file, "%d", &number) == 1) {
		int separator = fgetc(file);

		last = number;
		if (separator == '-' && fscanf(file, "%d", &last) == 1)
			fgetc(file);
		found = other >= number && other <= last;
	}
	fclose(file);
	return found;
}

/* Two of those that this process may run on, on different cores if that can be. */
static int choose_cpus(struct bench_plan *plan)
{
	int second_best = -1;
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return report("bench", "cannot tell the processors: %s; see sched_getaffinity(2)", strerror(errno));
	for (int side = 0; side < 2 && plan->cpus[0] >= 0 && plan->cpus[1] >= 0; side++)
		if (!CPU_ISSET(plan->cpus[side], &allowed))
			return report("bench", "this process may not run on CPU %d; take others with --cpus",
				      plan->cpus[side]);
	for (int cpu = 0; cpu < CPU_SETSIZE && plan->cpus[1] < 0; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		if (plan->cpus[0] < 0)
			plan->cpus[0] = cpu;
		else if (!same_core(plan->cpus[0], cpu))
			plan->cpus[1] = cpu;
		else if (second_best < 0)
			second_best = cpu;
	}
	if (plan->cpus[1] < 0)
		plan->cpus[1] = second_best;
	if (plan->cpus[1] < 0)
		return report("bench", "it takes two processors, and this process may use one; run it elsewhere");
	return STATUS_DONE;
}

/* ---- the command ---- */

static int measure(struct bench_plan *plan)
{
	int status;

	signals_catch();
	if (plan->consumers != 0)
		return bench_consumers(plan);
	status = bench_execute(plan);
	if (status != STATUS_DONE)
		return status;
	if (plan->plot)
		status = bench_draw_plot(plan);
	if (plan->json) {
		if (bench_print_json(plan) != STATUS_DONE)
			status = STATUS_FAILED;
	} else {
		bench_print_table(plan);
	}
	return status;
}

int cmd_bench(int argc, char **argv)
{
	static struct bench_plan plan;
	int status;

	plan.cpus[0] = plan.cpus[1] = -1;
	for (int i = 0; i < bench_transport_count; i++)
		plan.wanted[i] = true;
	if (arguments_parse(&argp, argc, argv, &plan, &status) != 0)
		return status;
	set_defaults(&plan);
	status = choose_cpus(&plan);
	if (status == STATUS_DONE && plan.plot)
		status = bench_check_plot(plan.plot);
	if (status != STATUS_DONE)
		return status;
	plan.shared = bench_map_shared(sizeof(*plan.shared));
	if (!plan.shared)
		return report("bench", "cannot share memory: %s; free some", strerror(errno));
	return measure(&plan);
}
