/* SPDX-License-Identifier: MIT */
/*
 * crash_names: a process that creates, removes or collects is killed at every instruction, and
 * others come in between.
 *
 * A walk through each call, instruction by instruction, looks at what is in /dev/shm before each:
 * names, objects, also those without a name, and locks. At each new state others must find a ring
 * that works or none, and leave alone what the stopped one may still be at. Then, for each distinct
 * pair of instruction and state, a fresh process is run there
 *
 * - and killed: what is left must be a whole ring or a control object that collecting removes, and
 *   nothing may stand in the way of a new one;
 * - and stopped, while another process does something to the same name, and goes on: their results
 *   must agree, and whoever removes must hit the ring that it has looked at.
 *
 * Collecting goes over all of /dev/shm, so the whole test has a /dev/shm of its own.
 */
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/names.h"
#include "../support/sandbox.h"
#include "names_after.h"
#include "names_rivals.h"
#include "names_walk.h"
#include "symbols.h"

#define SHM_BYTES  (64u << 20)
#define COMPLAINTS 20
#define ATTEMPTS   20

static struct walk walk;
static struct states states[OPERATIONS];
static uint64_t kills, overtakings, steps, violations;

/* Library instructions that were stepped on. */
static uint64_t *stepped;
static size_t stepped_count;

/* Instructions that one was killed at. */
static uint64_t killed[POINTS_MAX];
static size_t killed_count;

/* The complaint that one waits for, if any, and whether it has come. */
static const char *awaited_text;
static regex_t awaited;
static bool has_come;

static void complain(const struct point *point, const char *doing, const char *problem)
{
	char where[128], line[512];

	violations++;
	symbols_name(point->address, where, sizeof(where));
	snprintf(line, sizeof(line), "%s: %s before %s (state %016llx): %s", walk.scene->what,
		 doing, where, (unsigned long long)point->state, problem);
	if (awaited_text && regexec(&awaited, line, 0, NULL, 0) == 0)
		has_come = true;
	if (violations <= COMPLAINTS || has_come)
		fprintf(stderr, "%s\n", line);
}

static int by_value(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

/* Adds the walk's addresses, each once. */
static void note_stepped(void)
{
	size_t distinct = 0;

	stepped = realloc(stepped, (stepped_count + walk.points) * sizeof(*stepped));
	if (!stepped) {
		perror("realloc");
		exit(99);
	}
	for (unsigned int i = 0; i < walk.points; i++)
		if (symbols_in_library(walk.point[i].address))
			stepped[stepped_count++] = walk.point[i].address;
	qsort(stepped, stepped_count, sizeof(*stepped), by_value);
	for (size_t i = 0; i < stepped_count; i++)
		if (distinct == 0 || stepped[distinct - 1] != stepped[i])
			stepped[distinct++] = stepped[i];
	stepped_count = distinct;
}

static bool killed_before(uint64_t address)
{
	for (size_t i = 0; i < killed_count; i++)
		if (killed[i] == address)
			return true;
	return false;
}

static void note_killed(uint64_t address)
{
	kills++;
	if (!killed_before(address) && killed_count < sizeof(killed) / sizeof(killed[0]))
		killed[killed_count++] = address;
}

static struct way way_to(const struct point *point)
{
	const struct point *state = walk.point;

	while (state->state != point->state)
		state++;
	return (struct way){ &walk.cue, state, point };
}

/* Some places depend on the digits of a UUID, which is another each time: then one more is tried. */
static bool bring(struct cast *cast, const struct way *way)
{
	for (unsigned int attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (cast_bring(cast, walk.scene, way))
			return true;
		stepper_kill(&cast->victim.stepper);
		partner_kill(cast);
	}
	return false;
}

/* Really kills one at the point; a partner goes on to its end, or dies too. */
static void kill_at(const struct point *point, bool partner_dies)
{
	const struct way way = way_to(point);
	const char *problem = NULL;
	struct cast cast;

	if (!bring(&cast, &way)) {
		complain(point, "killing", "it does not come there again");
		return;
	}
	stepper_kill(&cast.victim.stepper);
	note_killed(point->address);
	if (partner_dies)
		partner_kill(&cast);
	else
		problem = partner_finish(&cast);
	if (!problem)
		problem = check_after(walk.scene);
	symbols_visit(point->address, problem == NULL);
	if (problem)
		complain(point, "killed", problem);
}

static void overtake_at(const struct point *point, enum rival rival)
{
	const struct way way = way_to(point);
	const char *problem = NULL;
	struct cast cast;

	if (!rival_fits(rival, walk.scene, point))
		return;
	if (!bring(&cast, &way)) {
		complain(point, rival_names[rival], "it does not come there again");
		return;
	}
	problem = rival_overtakes(rival, &cast, point);
	overtakings++;
	if (!problem)
		problem = check_after(walk.scene);
	if (problem)
		complain(point, rival_names[rival], problem);
}

/*
 * Every so many points have to do in a short run, but each state, and each instruction once to be
 * killed at.
 */
static void play_scene(const struct scene *scene, unsigned int every)
{
	const char *problem = walk_scene(&walk, scene, &states[scene->operation]);

	steps += walk.steps;
	if (problem)
		complain(&walk.problem_at, "stopped", problem);
	note_stepped();
	for (unsigned int i = 0; i < walk.points && !has_come; i++) {
		const struct point *point = &walk.point[i];

		/* Until the rival comes, the scene is the same as without one. */
		if (scene->rival && !point->after_rival)
			continue;
		if (i % every == 0 || point->first_in_state || !killed_before(point->address))
			kill_at(point, kills % 2);
		for (enum rival rival = 0; rival < RIVALS && !has_come; rival++)
			if (i % every == 0 || point->first_in_state || rival_matters(rival, scene))
				overtake_at(point, rival);
	}
}

static bool report(void)
{
	const struct visits visits = symbols_visits();

	for (enum operation i = 0; i < OPERATIONS; i++)
		printf("figure kill_points_%s %u\n", operation_names[i], states[i].count);
	printf("figure names_steps %llu\n", (unsigned long long)steps);
	printf("figure names_kills %llu\n", (unsigned long long)kills);
	printf("figure names_overtakings %llu\n", (unsigned long long)overtakings);
	printf("figure names_addresses %zu\n", stepped_count);
	printf("figure names_functions %u\n", visits.functions);
	printf("figure kill_addresses %.1f\n",
	       stepped_count ? 100.0 * visits.well / (double)stepped_count : 0);
	printf("figure kill_violations %llu\n", (unsigned long long)violations);
	return violations == 0 && visits.well == stepped_count && visits.well > 0;
}

static int usage(const char *program)
{
	fprintf(stderr,
		"Usage: %s [--every N] [--scene TEXT] [--until PATTERN]\n"
		"  --every N        try every Nth point, each state, and each instruction once "
		"(20)\n"
		"  --scene TEXT     only scenes whose name contains it\n"
		"  --until PATTERN  (an extended regular expression) end with the first complaint "
		"like it\n",
		program);
	return 2;
}

static int skip(const char *why)
{
	printf("SKIP: %s\n", why);
	return SANDBOX_UNAVAILABLE;
}

int main(int argc, char **argv)
{
	const char *only = "", *problem;
	unsigned int every = 20;
	int error;

	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return usage(argv[0]);
		if (strcmp(argv[i], "--every") == 0)
			every = (unsigned int)atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--scene") == 0)
			only = argv[i + 1];
		else if (strcmp(argv[i], "--until") == 0)
			awaited_text = argv[i + 1];
		else
			return usage(argv[0]);
	}
	if (every == 0 ||
	    (awaited_text && regcomp(&awaited, awaited_text, REG_EXTENDED | REG_NOSUB) != 0))
		return usage(argv[0]);
	problem = stepper_unavailable();
	if (problem)
		return skip(problem);
	problem = symbols_read();
	if (problem) {
		fprintf(stderr, "crash_names: %s\n", problem);
		return 1;
	}
	error = sandbox_small_shm(SHM_BYTES);
	if (error) {
		fprintf(stderr, "%s: ", strerror(-error));
		return skip("no /dev/shm of its own can be had here");
	}
	stage_choose_names();
	for (unsigned int i = 0; i < scene_count && !has_come; i++)
		if (strstr(scenes[i].what, only))
			play_scene(&scenes[i], every);
	stage_clear();
	return report() ? 0 : 1;
}
