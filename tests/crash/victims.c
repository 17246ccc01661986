/* SPDX-License-Identifier: MIT */
#include "victims.h"

struct shmring_consumer_options victim_options(const struct scenario *scenario)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;

	options.subscription = scenario->subscription ? scenario->subscription : "victim";
	options.policy = scenario->policy;
	options.deadline_ns = scenario->policy == SHMRING_DEADLINE ? 1 : 0;
	options.durable = scenario->durable;
	return options;
}

static uint64_t stream_of(const char *name, uint64_t variant)
{
	uint64_t stream = variant;

	for (; *name; name++)
		stream = random_mix(stream + (unsigned char)*name);
	return stream;
}

void plan_make(struct plan *plan, const struct scenario *scenario, uint64_t seed, uint64_t variant)
{
	struct random random;

	random_seed(&random, seed, stream_of(scenario->name, variant));
	*plan = (struct plan){
		.seed = random_next(&random),
		.later = { { UINT64_MAX, random_next(&random) }, { UINT64_MAX, random_next(&random) } },
		.first_position = 8 * random_below(&random, UINT64_C(1) << 40),
		.first_sequence = random_below(&random, UINT64_C(1) << 40),
		.smallest = random_below(&random, 40),
		.written = 8 * random_between(&random, 256, SHMRING_CAPACITY_MIN / 4),
		.present = WHO(STEADY) | WHO(LOOSE) | (random_once_in(&random, 2) ? WHO(KEPT) : 0),
		.lags = WHO(STEADY) | WHO(KEPT),
		.died = random_once_in(&random, 2),
		.none = random_once_in(&random, 8),
	};
	plan->largest = plan->smallest + random_between(&random, 60, 400);
	plan->lag = random_below(&random, plan->written < SHMRING_CAPACITY_MIN ? plan->written : SHMRING_CAPACITY_MIN / 2);
	if (scenario->plan)
		scenario->plan(plan, &random);
}
