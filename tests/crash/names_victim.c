/* SPDX-License-Identifier: MIT */
#include "names_victim.h"

#include "../../lib/layout.h"
#include "../support/sandbox.h"
#include "breakpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What victims tell; two at most are there at once. */
static int *results;
#define RESULTS 2
static unsigned int next_result;

struct part {
	int (*act)(void);
	bool old_kernel;
	int *result;
};

static int play(void *argument)
{
	const struct part part = *(const struct part *)argument;
	int result;

	if (part.old_kernel && sandbox_deny_linkat_by_descriptor() != 0)
		return SANDBOX_UNAVAILABLE;
	stepper_mark();
	result = part.act();
	stepper_mark();
	*part.result = result;
	return 0;
}

/* Starts one at the beginning of its call. */
static void victim_start(struct victim *victim, const struct scene *scene, int (*act)(void))
{
	struct part part = { .act = act, .old_kernel = scene->old_kernel };

	if (!results) {
		results = mmap(NULL, RESULTS * sizeof(*results), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (results == MAP_FAILED) {
			perror("mmap");
			exit(99);
		}
	}
	part.result = &results[next_result++ % RESULTS];
	*part.result = -EINTR;
	*victim = (struct victim){ .scene = scene };
	stepper_start(&victim->stepper, play, &part);
	if (stepper_go(&victim->stepper) != STEPPER_STOPPED) {
		fprintf(stderr, "%s: the victim ended before it began\n", scene->what);
		exit(99);
	}
	victim->result = part.result;
}

/* Has it opened the data object that is there? Its own is not yet, or no longer, called so. */
static bool has_looked(const struct victim *victim)
{
	char path[64], target[512], data[512];
	bool found = false;

	snprintf(data, sizeof(data), "/dev/shm/%s", stage_name);
	for (int fd = 0; !found && fd < 16; fd++) {
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)victim->stepper.pid, fd);
		length = readlink(path, target, sizeof(target) - 1);
		target[length < 0 ? 0 : length] = '\0';
		found = strcmp(target, data) == 0;
	}
	return found;
}

static void see(struct victim *victim)
{
	struct point seen = { .state = victim->state, .looked = has_looked(victim) };

	for (unsigned int i = 0; i < victim->outside.count; i++) {
		const struct outside_file *file = &victim->outside.files[i];
		const bool held = (file->locks & 1u << LOCK_NAMES) != 0;

		seen.holds = seen.holds || held;
		if (!held || file->links == 0)
			continue;
		seen.orphaned = seen.orphaned || file->orphan;
		seen.ring_locked =
			seen.ring_locked || (!file->orphan && strcmp(file->name, stage_name) == 0);
	}
	victim->seen = seen;
}

void victim_look(struct victim *victim)
{
	outside_look(&victim->outside, "", true);
	outside_look_at_unnamed(&victim->outside, victim->stepper.pid, true);
	victim->state = outside_state(&victim->outside);
	see(victim);
}

struct point victim_point(const struct victim *victim)
{
	struct point point = victim->seen;

	point.address = victim->stepper.address;
	return point;
}

bool victim_reach(struct victim *victim, const struct point *point)
{
	if (victim->stepper.address == point->address) {
		victim_look(victim);
		if (victim->state == point->state)
			return true;
	}
	while (breakpoint_run(&victim->stepper, point->address) == STEPPER_STOPPED) {
		victim_look(victim);
		if (victim->state == point->state)
			return true;
	}
	return false;
}

int victim_finish(struct victim *victim)
{
	const int status = breakpoint_finish(&victim->stepper);

	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? *victim->result : -EINTR;
}

/* Steps it to where a control object is locked and has a name, and its data object has none. */
static void step_partner(struct victim *partner)
{
	victim_look(partner);
	while (!partner->seen.orphaned) {
		do {
			if (stepper_step(&partner->stepper) != STEPPER_STOPPED) {
				fprintf(stderr, "%s: the partner is too quick\n",
					partner->scene->what);
				exit(99);
			}
		} while (!partner->stepper.ran_over);
		victim_look(partner);
	}
}

/* Steps the first one there, and lets the others run. */
static void bring_partner(struct victim *partner)
{
	static const struct scene *brought;
	static uint64_t place;

	if (brought == partner->scene) {
		while (!partner->seen.orphaned &&
		       breakpoint_run(&partner->stepper, place) == STEPPER_STOPPED)
			victim_look(partner);
		return;
	}
	step_partner(partner);
	brought = partner->scene;
	place = partner->stepper.address;
}

void cast_start(struct cast *cast, const struct scene *scene)
{
	cast->partner.stepper.pid = 0;
	stage_set(scene);
	if (scene->partner) {
		victim_start(&cast->partner, scene, scene->partner);
		bring_partner(&cast->partner);
	}
	victim_start(&cast->victim, scene, scene->act);
	victim_look(&cast->victim);
}

bool cast_bring(struct cast *cast, const struct scene *scene, const struct way *way)
{
	struct victim *victim = &cast->victim;

	cast_start(cast, scene);
	if (scene->rival && way->point->after_rival) {
		if (!victim_reach(victim, &way->cue->at) || stage_create(MADE_BY_RIVAL) != 0)
			return false;
		victim_look(victim);
	}
	return (victim->state == way->state->state || victim_reach(victim, way->state)) &&
	       victim_reach(victim, way->point);
}

const char *partner_finish(struct cast *cast)
{
	if (!cast->victim.scene->partner)
		return NULL;
	return victim_finish(&cast->partner) == 0 ? NULL : "the other one's call fails";
}

void partner_kill(struct cast *cast)
{
	if (cast->victim.scene->partner)
		stepper_kill(&cast->partner.stepper);
}
