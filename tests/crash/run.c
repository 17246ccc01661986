/* SPDX-License-Identifier: MIT */
#include "run.h"
#include "recover.h"
#include "stepper.h"
#include "symbols.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* One mistake shows in many states. */
#define VIOLATIONS_SHOWN 12

/* How much longer scripts that do the same thing again and again are in the long run. */
#define ROUNDS_LONG 12

/* A script of no more than some hundred calls. */
#define STEPS_MAX 5000000

/* One victim on its way. */
struct walk {
	struct run *run;
	struct world *world;
	const struct scenario *scenario;
	const struct start *start;
	struct starts *starts;
	struct stepper stepper;
	struct random random;
	struct image image, scratch;
	uint64_t step;  /* stops so far */
	uint64_t locks; /* the victim's, as long as it makes no system call */
	uint64_t last;  /* all of what was there at the last stop */
	bool last_well; /* and whether all was well */
};

/* ---- What was seen ---- */

static bool seen_place(struct seen *seen, uint64_t hash)
{
	uint64_t at = hash & (seen->size - 1);

	while (seen->slot[at] != 0 && seen->slot[at] != hash)
		at = (at + 1) & (seen->size - 1);
	if (seen->slot[at] == hash)
		return false;
	seen->slot[at] = hash;
	seen->used++;
	return true;
}

static bool seen_has(const struct seen *seen, uint64_t hash)
{
	uint64_t at = hash & (seen->size - 1);

	while (seen->size && seen->slot[at] != 0 && seen->slot[at] != hash)
		at = (at + 1) & (seen->size - 1);
	return seen->size && hash && seen->slot[at] == hash;
}

/* True if it was not there. */
static bool seen_add(struct seen *seen, uint64_t hash)
{
	if (seen->used * 2 >= seen->size) {
		struct seen larger = { .size = seen->size ? seen->size * 2 : 65536 };

		larger.slot = calloc(larger.size, sizeof(*larger.slot));
		if (!larger.slot) {
			perror("calloc");
			exit(99);
		}
		for (uint64_t i = 0; i < seen->size; i++)
			if (seen->slot[i] != 0)
				seen_place(&larger, seen->slot[i]);
		free(seen->slot);
		*seen = larger;
	}
	return seen_place(seen, hash ? hash : 1);
}

void run_free(struct run *run)
{
	free(run->states.slot);
	free(run->contexts.slot);
	free(run->bad.slot);
}

static uint64_t mixed(uint64_t hash, uint64_t more)
{
	return random_mix(hash + RANDOM_STEP) ^ random_mix(more);
}

static uint64_t board_hash(const struct board *board)
{
	uint64_t words[sizeof(*board) / sizeof(uint64_t)], hash = 0;

	memcpy(words, board, sizeof(*board));
	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		hash = mixed(hash, words[i]);
	return hash;
}

/* ---- Starts ---- */

void starts_free(struct starts *starts)
{
	for (unsigned int i = 0; i < starts->count; i++)
		image_free(&starts->start[i].image);
}

static void starts_offer(struct walk *walk, uint64_t published)
{
	struct starts *starts = walk->starts;
	uint64_t chosen = starts->offered++;
	struct start *start;

	if (starts->count < starts->wanted && starts->count < STARTS_MAX) {
		chosen = starts->count++;
		starts->start[chosen].image = image_new(&walk->world->victim);
	} else {
		chosen = random_below(&walk->random, starts->offered);
		if (chosen >= starts->count)
			return;
	}
	start = &starts->start[chosen];
	memcpy(start->image.bytes, walk->image.bytes,
	       walk->image.data_size + walk->image.control_size);
	start->board = *walk->world->board;
	/* What the survivors have seen is there for good. */
	if (!walk->scenario->reads) {
		start->board.committed = start->board.begun = published;
		start->board.closed = start->board.closed != 0;
	}
	start->step = walk->step;
}

/* ---- Kills ---- */

static void violation(struct walk *walk, const char *what)
{
	const struct run *run = walk->run;
	char where[128];

	if (walk->run->violations++ >= VIOLATIONS_SHOWN)
		return;
	symbols_name(walk->stepper.address, where, sizeof(where));
	printf("VIOLATION: %s: killed before instruction %" PRIu64 ", %s: %s\n",
	       walk->scenario->name, walk->step, where, what);
	printf("  again: crash_ring --seed %" PRIu64 " --variant %" PRIu64 " --scenario %s",
	       run->seed, run->variant, walk->scenario->name);
	if (walk->start)
		printf(" --from %" PRIu64, walk->start->step);
	printf(" --step %" PRIu64 "\n", walk->step);
	fflush(stdout);
	/* The victim dies with its tracer. */
	if (run->first)
		exit(1);
}

static void count_point(struct run *run, const char *operation)
{
	unsigned int i = 0;

	run->points++;
	while (i < run->operations && strcmp(run->operation[i].name, operation) != 0)
		i++;
	if (i == run->operations && i < OPERATIONS_MAX)
		run->operation[run->operations++].name = operation;
	run->operation[i].points++;
}

/* Is this the stop that was asked for, on the way of this victim? */
static bool wanted(const struct walk *walk)
{
	const struct run *run = walk->run;

	if (walk->starts && run->from_wanted != STEP_ALL)
		return walk->step == run->from_wanted;
	return run->step_wanted == STEP_ALL || walk->step == run->step_wanted;
}

/* The survivors look at what the victim left. True if all is well. */
static bool look(struct walk *walk, uint64_t context)
{
	struct world *world = walk->world;
	struct run *run = walk->run;
	uint64_t published;
	char what[512];

	if (!seen_add(&run->contexts, context))
		return !seen_has(&run->bad, context);
	world_set(world, &walk->image);
	run->recoveries++;
	/* What survivors do follows from the seed, so that it can be repeated. */
	if (!recover(world, mixed(run->seed, walk->step), &published, what, sizeof(what))) {
		violation(walk, what);
		seen_add(&run->bad, context);
		return false;
	}
	if (walk->starts)
		starts_offer(walk, published);
	return true;
}

/* The victim is killed here: true if that was tried, or known, and all is well. */
static bool place_kill(struct walk *walk)
{
	struct world *world = walk->world;
	struct run *run = walk->run;
	uint64_t board, all, state;

	if (walk->stepper.ran_over)
		walk->locks = ring_locks(&world->victim);
	if (!wanted(walk))
		return false;
	board = board_hash(world->board);
	all = mixed(mixed(ring_hash(&world->victim), board), walk->locks);
	if (all == walk->last)
		return walk->last_well;
	image_take(&walk->image, &world->victim);
	state = mixed(image_hash(&walk->scratch, &walk->image), walk->locks);
	if (seen_add(&run->states, state))
		count_point(run, walk->scenario->operation);
	walk->last = all;
	walk->last_well =
		look(walk, mixed(mixed(state, board), (uint64_t)(uintptr_t)walk->scenario));
	return walk->last_well;
}

/* ---- A victim's life ---- */

static int child(void *argument)
{
	const struct walk *walk = argument;

	return walk->scenario->run(walk->world);
}

static void check_end(struct walk *walk)
{
	const struct board *board = walk->world->board;
	char what[128];

	if (board->failed)
		snprintf(what, sizeof(what), "the victim itself failed: line %" PRIu64 " got: %s",
			 board->failed,
			 board->error > 0 ? "?" : shmring_strerror((int)board->error));
	else if (!WIFEXITED(walk->stepper.status) || WEXITSTATUS(walk->stepper.status) != 0)
		snprintf(what, sizeof(what), "the victim ended with status %#x",
			 (unsigned int)walk->stepper.status);
	else
		return;
	violation(walk, what);
}

static void walk_on(struct walk *walk)
{
	enum stepper_event event = STEPPER_MARKED;

	while (event != STEPPER_ENDED && walk->step < STEPS_MAX) {
		event = stepper_go(&walk->stepper);
		while (event == STEPPER_STOPPED) {
			symbols_visit(walk->stepper.address, place_kill(walk));
			walk->step++;
			event = stepper_step(&walk->stepper);
		}
	}
	walk->run->steps += walk->step;
	if (event == STEPPER_ENDED) {
		check_end(walk);
	} else {
		violation(walk, "the victim does not come to an end");
		stepper_kill(&walk->stepper);
	}
}

void run_scenario(struct run *run, struct world *world, const struct scenario *scenario,
		  const struct start *start, struct starts *starts)
{
	struct walk walk = {
		.run = run,
		.world = world,
		.scenario = scenario,
		.start = start,
		.starts = starts,
		.image = image_new(&world->victim),
		.scratch = image_new(&world->victim),
	};

	world->scenario = scenario;
	world->rounds = run->quick ? 1 : ROUNDS_LONG;
	random_seed(&walk.random, run->seed, run->variant);
	if (start) {
		image_put(&start->image, &world->victim);
		*world->board = start->board;
	}
	stepper_start(&walk.stepper, child, &walk);
	walk_on(&walk);
	image_free(&walk.image);
	image_free(&walk.scratch);
}
