/* SPDX-License-Identifier: MIT */
#include "names_walk.h"

#include "names_after.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Contents of the objects that one creation makes, as they were when their magic came. */
struct contents {
	uint64_t content[2];
};

/* Once an object has its magic, it is complete: nothing of it changes any more. */
static const char *check_magic(const struct victim *victim, struct contents *contents)
{
	for (unsigned int i = 0; i < victim->outside.count; i++) {
		const struct outside_file *file = &victim->outside.files[i];
		uint64_t *content = &contents->content[file->control];
		const bool own = file->links == 0 || strcmp(file->name, stage_name) == 0;

		if (!file->magic || !own || stranger(file))
			continue;
		if (*content == 0)
			*content = file->content;
		if (*content != file->content || !file->whole)
			return "an object has its magic before it is complete";
	}
	return NULL;
}

static bool known_state(const uint64_t *states, unsigned int count, uint64_t state)
{
	for (unsigned int i = 0; i < count; i++)
		if (states[i] == state)
			return true;
	return false;
}

static void note_state(struct states *states, uint64_t state)
{
	if (known_state(states->state, states->count, state))
		return;
	if (states->count == STATES_MAX) {
		fprintf(stderr, "crash_names: too many states\n");
		exit(99);
	}
	states->state[states->count++] = state;
}

static bool known_point(const struct walk *walk, const struct point *point, bool *new_state)
{
	*new_state = true;
	for (unsigned int i = walk->points; i-- > 0;) {
		if (walk->point[i].state != point->state)
			continue;
		*new_state = false;
		if (walk->point[i].address == point->address)
			return true;
	}
	return false;
}

static const char *take_point(struct walk *walk, struct victim *victim, struct states *states,
			      struct contents *contents)
{
	struct point point = victim_point(victim);
	const char *problem = NULL;
	struct outside named;

	point.after_rival = walk->cue.given;
	if (known_point(walk, &point, &point.first_in_state))
		return NULL;
	if (walk->points == POINTS_MAX) {
		fprintf(stderr, "crash_names: too many points\n");
		exit(99);
	}
	walk->point[walk->points++] = point;
	if (!point.first_in_state)
		return NULL;
	walk->states++;
	note_state(states, point.state);
	outside_look(&named, "", true);
	if (walk->scene->operation == CREATING && walk->scene->rings == 0 &&
	    walk->scene->orphans == 0 && !walk->cue.given)
		problem = check_magic(victim, contents);
	return problem ? problem : check_beside(walk->scene, &named);
}

/* The victim's control object is linked, and its data is about to be: too late for it now. */
static const char *let_rival_in(struct walk *walk, struct victim *victim)
{
	walk->cue.at = victim_point(victim);
	walk->cue.given = true;
	if (stage_create(MADE_BY_RIVAL) != 0)
		return "nobody else can make the ring";
	victim_look(victim);
	return NULL;
}

/*
 * Nothing else changes what is outside; most are made in the C library, which is run over in one
 * step.
 */
static bool is_system_call(uint64_t address)
{
	static const unsigned char code[] = { 0x0f, 0x05 };

	return memcmp((const void *)(uintptr_t)address, code, sizeof(code)) == 0;
}

const char *walk_scene(struct walk *walk, const struct scene *scene, struct states *states)
{
	struct contents contents = { { 0 } };
	enum stepper_event event = STEPPER_STOPPED;
	const char *problem = NULL, *found;
	struct cast cast;
	struct victim *victim = &cast.victim;
	bool system_call;
	int result;

	walk->scene = scene;
	walk->points = walk->states = 0;
	walk->cue.given = false;
	cast_start(&cast, scene);
	while (event == STEPPER_STOPPED) {
		found = take_point(walk, victim, states, &contents);
		if (!found && scene->rival && !walk->cue.given &&
		    walk->point[walk->points - 1].orphaned)
			found = let_rival_in(walk, victim);
		/* The rest of the scene is worth seeing all the same. */
		if (found && !problem) {
			problem = found;
			walk->problem_at = walk->point[walk->points - 1];
		}
		system_call = is_system_call(victim->stepper.address);
		event = stepper_step(&victim->stepper);
		if (event == STEPPER_STOPPED && (system_call || victim->stepper.ran_over))
			victim_look(victim);
	}
	walk->steps = victim->stepper.steps;
	result = victim_finish(victim);
	found = partner_finish(&cast);
	if (!found && result != scene->expected)
		found = "the call does not end as it should";
	if (!found)
		found = check_after(scene);
	if (found && !problem) {
		problem = found;
		walk->problem_at = walk->point[walk->points - 1];
	}
	return problem;
}
