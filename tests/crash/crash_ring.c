/* SPDX-License-Identifier: MIT */
/*
 * crash_ring - kills a process at every instruction, and looks at what the others find.
 *
 * A victim is stepped through an operation. Before each of its instructions the ring is what it
 * would be if the victim were killed there. Whenever that is something new, the survivors are put
 * into it, do all that survivors do, and must find what was promised. Then the next instruction is
 * run.
 */
#include "recover.h"
#include "run.h"
#include "stepper.h"
#include "symbols.h"
#include "victims.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The long run sees every scenario so many times, and goes on with those that have many states
 * until it has seen so many.
 */
#define POINTS_WANTED  120000
#define VARIANTS_LEAST 3
#define VARIANTS_MOST  200

/* States of a killed victim from which others then start. */
#define STARTS_QUICK 1
#define STARTS_LONG  3

static const struct option long_options[] = {
	{ "quick", no_argument, NULL, 'q' },          { "list", no_argument, NULL, 'l' },
	{ "scenario", required_argument, NULL, 's' }, { "seed", required_argument, NULL, 'e' },
	{ "variant", required_argument, NULL, 'v' },  { "variants", required_argument, NULL, 'n' },
	{ "step", required_argument, NULL, 't' },     { "first", no_argument, NULL, '1' },
	{ "from", required_argument, NULL, 'f' },     { "points", required_argument, NULL, 'p' },
	{ "help", no_argument, NULL, 'h' },           { 0 },
};

static void usage(FILE *file)
{
	fputs("usage: crash_ring [--quick] [--first] [--seed N] [--scenario NAME] [--points N | "
	      "--variants "
	      "N]\n"
	      "       crash_ring --scenario NAME --seed N --variant N [--from STEP] --step STEP\n"
	      "       crash_ring --list\n",
	      file);
}

static const struct scenario *const tables[] = { producer_scenarios, consumer_scenarios,
						 group_scenarios };
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static void list(void)
{
	for (unsigned int i = 0; i < TABLES; i++)
		for (const struct scenario *scenario = tables[i]; scenario->name; scenario++)
			printf("%-20s %-16s%s%s\n", scenario->name, scenario->operation,
			       scenario->after ? " after " : "",
			       scenario->after ? scenario->after : "");
}

static const struct scenario *named(const char *name)
{
	for (unsigned int i = 0; i < TABLES; i++)
		for (const struct scenario *scenario = tables[i]; scenario->name; scenario++)
			if (strcmp(scenario->name, name) == 0)
				return scenario;
	return NULL;
}

/*
 * The quick run takes every second scenario of an operation, those or the others as the seed says;
 * and all of the operations.
 */
static bool chosen(const struct run *run, const struct scenario *scenario,
		   const struct scenario *only)
{
	unsigned int before = 0, all = 0;

	if (only || !run->quick)
		return !only || only == scenario;
	for (unsigned int i = 0; i < TABLES; i++) {
		for (const struct scenario *other = tables[i]; other->name; other++) {
			if (other == scenario)
				before = all;
			all += strcmp(other->operation, scenario->operation) == 0;
		}
	}
	return all == 1 || (before + run->seed) % 2 == 0;
}

/* Does it start where the victim of the other was killed, and is it to be run? */
static bool follows(const struct run *run, const struct scenario *scenario,
		    const struct scenario *other, const struct scenario *only)
{
	return scenario->after && strcmp(scenario->after, other->name) == 0 &&
	       chosen(run, scenario, only);
}

/* A scenario, and those that start where its victim was killed. `only`: nothing else, and what
 * leads to it. */
static void run_with_followers(struct run *run, const struct scenario *scenario,
			       const struct scenario *only)
{
	struct starts starts = { .wanted = run->starts_wanted };
	bool followed = false;
	struct world world;
	struct plan plan;

	for (unsigned int i = 0; i < TABLES; i++)
		for (const struct scenario *next = tables[i]; next->name; next++)
			followed |= follows(run, next, scenario, only);
	followed = followed && run->variants < VARIANTS_LEAST;
	if (!followed && !chosen(run, scenario, only))
		return;
	plan_make(&plan, scenario, run->seed, run->variant);
	world_make(&world, &plan);
	run_scenario(run, &world, scenario, NULL, followed ? &starts : NULL);
	for (unsigned int i = 0; i < TABLES; i++)
		for (const struct scenario *next = tables[i]; next->name; next++)
			for (unsigned int j = 0;
			     j < starts.count && follows(run, next, scenario, only); j++)
				run_scenario(run, &world, next, &starts.start[j], NULL);
	starts_free(&starts);
	world_drop(&world);
}

static void run_variant(struct run *run, const struct scenario *only)
{
	for (unsigned int i = 0; i < TABLES; i++)
		for (const struct scenario *scenario = tables[i]; scenario->name; scenario++)
			if (!scenario->after && (scenario->rich || run->variants < VARIANTS_LEAST))
				run_with_followers(run, scenario, only);
}

static int report(const struct run *run)
{
	const struct visits visits = symbols_visits();
	unsigned int strange;
	unsigned int instructions = symbols_static(&strange);

	printf("seed %" PRIu64 ", %u variants\n", run->seed, run->variants);
	for (unsigned int i = 0; i < run->operations; i++)
		printf("figure kill_points_%s %" PRIu64 "\n", run->operation[i].name,
		       run->operation[i].points);
	printf("figure kill_points %" PRIu64 "\n", run->points);
	printf("figure kill_steps %" PRIu64 "\n", run->steps);
	printf("figure kill_recoveries %" PRIu64 "\n", run->recoveries);
	printf("figure kill_addresses_known %u\n", visits.addresses);
	if (instructions && strange == 0)
		printf("figure kill_addresses_static %.1f\n",
		       100.0 * visits.addresses / instructions);
	else
		printf("kill_addresses_static: %s\n",
		       strange ? "objdump sees other instructions" : "no objdump here");
	printf("figure kill_functions %u\n", visits.functions);
	/* Of the addresses that victims ran through, those where they were killed and the survivors
	 * were all right. */
	printf("figure kill_addresses %.2f\n",
	       visits.addresses ? 100.0 * visits.well / visits.addresses : 0.0);
	printf("figure kill_violations %" PRIu64 "\n", run->violations);
	return run->violations == 0 && visits.addresses != 0 ? 0 : 1;
}

int main(int argc, char *argv[])
{
	struct run run = { .step_wanted = STEP_ALL,
			   .from_wanted = STEP_ALL,
			   .starts_wanted = STARTS_LONG };
	uint64_t points = POINTS_WANTED, variant = UINT64_MAX;
	const struct scenario *only = NULL;
	bool quick = false, seeded = false;
	const char *reason;
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'q':
			quick = true;
			run.starts_wanted = STARTS_QUICK;
			break;
		case '1':
			run.first = true;
			break;
		case 'l':
			list();
			return 0;
		case 's':
			only = named(optarg);
			if (!only) {
				fprintf(stderr, "crash_ring: no scenario %s\n", optarg);
				return 2;
			}
			break;
		case 'e':
			run.seed = strtoull(optarg, NULL, 0);
			seeded = true;
			break;
		case 'v':
			variant = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			run.variants_wanted = (unsigned int)strtoul(optarg, NULL, 0);
			break;
		case 't':
			run.step_wanted = strtoull(optarg, NULL, 0);
			break;
		case 'f':
			run.from_wanted = strtoull(optarg, NULL, 0);
			break;
		case 'p':
			points = strtoull(optarg, NULL, 0);
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	reason = stepper_unavailable();
	if (!reason)
		reason = symbols_read();
	if (reason) {
		printf("SKIP: crash_ring: %s\n", reason);
		return 77;
	}
	if (!seeded)
		run.seed = random_fresh_seed();
	printf("crash_ring: seed %" PRIu64 "\n", run.seed);
	fflush(stdout);
	run.quick = quick;
	run.variant = variant == UINT64_MAX ? 0 : variant;
	if (run.variants_wanted == 0 && (quick || only || variant != UINT64_MAX))
		run.variants_wanted = 1;
	do {
		run_variant(&run, only);
		run.variants++;
		run.variant++;
		if (!run.variants_wanted)
			printf("variant %" PRIu64 ": %" PRIu64 " states so far\n", run.variant - 1,
			       run.points);
		fflush(stdout);
	} while (run.variants < VARIANTS_MOST &&
		 (run.variants_wanted ? run.variants < run.variants_wanted
				      : run.points < points || run.variants < VARIANTS_LEAST));
	run_free(&run);
	return report(&run);
}
