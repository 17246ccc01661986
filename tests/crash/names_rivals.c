/* SPDX-License-Identifier: MIT */
#include "names_rivals.h"

#include "names_after.h"

#include <errno.h>
#include <stddef.h>

const char *const rival_names[RIVALS] = {
	[RIVAL_COLLECTS] = "while another collected",
	[RIVAL_CREATES] = "while another created",
	[RIVAL_UNLINKS] = "while another unlinked",
	[RIVAL_REPLACES] = "while another replaced the ring",
	[RIVAL_FINISHES] = "while another finished",
	[RIVAL_DIES] = "while another died",
};

/* Not asked of the library: what it would have said. */
#define NOT_DONE 1

struct results {
	int victim;
	int collected, created, unlinked; /* by the rival */
	int partner;
};

bool rival_fits(enum rival rival, const struct scene *scene, const struct point *point)
{
	if (scene->partner)
		return rival == RIVAL_COLLECTS || rival == RIVAL_FINISHES || rival == RIVAL_DIES;
	switch (rival) {
	case RIVAL_COLLECTS:
	case RIVAL_CREATES:
		return true;
	case RIVAL_UNLINKS:
		/* It waits for the victim, in vain, for seconds: once will do. */
		return !point->ring_locked ||
		       (point->first_in_state && scene->orphans == 0 && !scene->old_kernel);
	case RIVAL_REPLACES:
		/* A damaged ring has no lock that could be found. */
		return !point->ring_locked && !scene->damaged;
	case RIVAL_FINISHES:
	case RIVAL_DIES:
	case RIVALS:
		break;
	}
	return false;
}

bool rival_matters(enum rival rival, const struct scene *scene)
{
	return rival == RIVAL_REPLACES && scene->operation == UNLINKING && scene->expected == 0 &&
	       scene->orphans == 0;
}

static struct results rival_acts(enum rival rival, struct cast *cast)
{
	struct results results = {
		.collected = NOT_DONE,
		.created = NOT_DONE,
		.unlinked = NOT_DONE,
	};

	if (rival == RIVAL_FINISHES)
		results.partner = victim_finish(&cast->partner);
	if (rival == RIVAL_DIES) {
		partner_kill(cast);
		results.partner = NOT_DONE;
	}
	if (rival == RIVAL_COLLECTS)
		results.collected = shmring_collect(0, NULL, NULL);
	if (rival == RIVAL_UNLINKS || rival == RIVAL_REPLACES)
		results.unlinked = shmring_unlink(stage_name);
	if (rival == RIVAL_CREATES || rival == RIVAL_REPLACES)
		results.created = stage_create(MADE_BY_RIVAL);
	return results;
}

static bool one_of(int result, int first, int second)
{
	return result == first || result == second;
}

/* Only what is documented, and what is possible there. */
static const char *check_results(const struct scene *scene, const struct point *point,
				 const struct results *results)
{
	const int lost[OPERATIONS] = {
		[CREATING] = -EEXIST,
		[UNLINKING] = -ENOENT,
		[COLLECTING] = scene->expected,
	};

	if (!one_of(results->victim, 0, lost[scene->operation]))
		return "the stopped one's call fails";
	if (!one_of(results->collected, 0, NOT_DONE))
		return "the other's shmring_collect fails";
	if (!one_of(results->created, 0, -EEXIST) && results->created != NOT_DONE)
		return "the other's shmring_create fails";
	if (results->unlinked == NOT_DONE)
		return NULL;
	if (point->ring_locked)
		return results->unlinked == -ETIMEDOUT ? NULL : "the other did not wait for it";
	return one_of(results->unlinked, 0, -ENOENT) ? NULL : "the other's shmring_unlink fails";
}

/* Rings made less rings removed are there. */
static const char *check_sum(const struct scene *scene, const struct point *point,
			     const struct results *results, const struct outside *outside)
{
	int rings = (int)scene->rings + (scene->rival && point->after_rival);

	if (results->victim == 0 && scene->operation == CREATING)
		rings++;
	if (results->victim == 0 && scene->operation == UNLINKING)
		rings--;
	rings += results->created == 0;
	rings -= results->unlinked == 0;
	/* The partner stops where its ring is not there yet, or no longer. */
	if (scene->partner && scene->partner_operation == UNLINKING)
		rings--;
	if (scene->partner && scene->partner_operation == CREATING && results->partner == 0)
		rings++;
	if (rings != (outside_data(outside, stage_name) != NULL))
		return "more or fewer rings are there than were made and not removed";
	return NULL;
}

/* Nobody has died, so there are no orphans but those of old. */
static const char *check_orphans(const struct scene *scene, const struct point *point,
				 const struct results *results, const struct outside *outside)
{
	unsigned int most = scene->orphans;

	/* One who died; or what nobody can tell the owner of. */
	if (scene->damaged || results->partner == NOT_DONE)
		return NULL;
	/* One that the victim was looking at is passed over by the rival. */
	if (results->collected == 0)
		most = scene->operation == COLLECTING && point->holds ? 1 : 0;
	if (scene->operation == COLLECTING && scene->collects)
		most = 0;
	return outside_orphans(outside) <= most ? NULL : "there is an orphan, though nobody died";
}

/* Who has the old ring open must not remove the new one. */
static const char *check_target(const struct scene *scene, const struct point *point,
				const struct results *results)
{
	if (scene->operation != UNLINKING || !point->looked || results->unlinked != 0 ||
	    results->created != 0)
		return NULL;
	if (results->victim != -ENOENT || stage_maker() != MADE_BY_RIVAL)
		return "it has removed a ring other than the one that it had looked at";
	return NULL;
}

const char *rival_overtakes(enum rival rival, struct cast *cast, const struct point *point)
{
	const struct scene *scene = cast->victim.scene;
	struct results results = rival_acts(rival, cast);
	const char *problem;
	struct outside outside;

	results.victim = victim_finish(&cast->victim);
	if (!scene->partner)
		results.partner = -ENOENT; /* there is none */
	else if (rival != RIVAL_FINISHES && rival != RIVAL_DIES)
		results.partner = victim_finish(&cast->partner);
	outside_look(&outside, "", true);
	problem = scene->partner && !one_of(results.partner, 0, NOT_DONE)
			  ? "the other one's call fails"
			  : NULL;
	if (!problem)
		problem = check_results(scene, point, &results);
	if (!problem)
		problem = check_target(scene, point, &results);
	if (!problem)
		problem = check_sum(scene, point, &results, &outside);
	if (!problem)
		problem = check_orphans(scene, point, &results, &outside);
	return problem;
}
