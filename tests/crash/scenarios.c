/* SPDX-License-Identifier: MIT */
/* scenarios.c - which victims there are, and what the world is like when they come. */
#include "victims.h"

struct shmring_consumer_options victim_options(const struct scenario *scenario)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;

	options.subscription = scenario->subscription ? scenario->subscription : "victim";
	options.policy = scenario->policy;
	options.deadline_ns = scenario->policy == SHMRING_DEADLINE ? 1 : 0;
	options.durable = scenario->durable;
	if (scenario->group) {
		options.subscription = "group";
		options.shared = 1;
		options.claim_batch = scenario->group;
	}
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
		.later = { { UINT64_MAX, random_next(&random) },
			   { UINT64_MAX, random_next(&random) } },
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
	plan->lag = random_below(&random, plan->written < SHMRING_CAPACITY_MIN
						  ? plan->written
						  : SHMRING_CAPACITY_MIN / 2);
	if (scenario->group)
		plan->group = victim_options(scenario);
	if (scenario->plan)
		scenario->plan(plan, &random);
}

/* ---- Producers ---- */

static void plan_fresh(struct plan *plan, struct random *random)
{
	(void)random;
	plan->fresh = true;
	plan->written = plan->lag = 0;
}

/* Many words to a record. */
static void plan_long(struct plan *plan, struct random *random)
{
	plan->smallest = random_between(random, 150, 250);
	plan->largest = plan->smallest + 150;
}

/* The next records lie around the end of the record area. */
static void plan_wrap(struct plan *plan, struct random *random)
{
	const uint64_t end = plan->first_position + plan->written;

	plan->largest = plan->smallest + 60;
	plan->first_position += SHMRING_CAPACITY_MIN - end % SHMRING_CAPACITY_MIN -
				8 * random_between(random, 5, 40);
}

/* Every second or third record is the first one in its block, of 1 KiB. */
static void plan_block(struct plan *plan, struct random *random)
{
	plan->smallest = random_between(random, 320, 400);
	plan->largest = plan->smallest + 80;
}

/* Nothing fits any more, because of those who lag. */
static void plan_full(struct plan *plan, struct random *random)
{
	(void)random;
	plan->lag = SHMRING_CAPACITY_MIN;
	plan->written += SHMRING_CAPACITY_MIN;
}

/* Of half a dozen records, one at least needs the floor to move, by 2 KiB. */
static void plan_floor(struct plan *plan, struct random *random)
{
	plan->written = SHMRING_CAPACITY_MIN + random_below(random, SHMRING_CAPACITY_MIN);
	plan->lag = random_below(random, SHMRING_CAPACITY_MIN / 2);
	plan->smallest = random_between(random, 350, 450);
	plan->largest = plan->smallest + 100;
}

static void plan_late(struct plan *plan, struct random *random)
{
	plan_full(plan, random);
	plan->present = WHO(STEADY) | WHO(LOOSE) | WHO(LATE);
	plan->lags = WHO(LATE);
}

static void plan_dead(struct plan *plan, struct random *random)
{
	plan_full(plan, random);
	plan->present = WHO(STEADY) | WHO(LOOSE) | WHO(DEAD);
	plan->lags = WHO(DEAD);
}

static void plan_batch_floor(struct plan *plan, struct random *random)
{
	plan_floor(plan, random);
	plan->lag /= 2;
}

#define WRITER(title, figure, script, planned)                                     \
	{                                                                          \
		.name = title, .operation = figure, .run = script, .plan = planned \
	}
#define RICH(title, figure, script, planned)                                                     \
	{                                                                                        \
		.name = title, .operation = figure, .run = script, .plan = planned, .rich = true \
	}
#define SUCCESSOR(title, figure, script, predecessor)                                   \
	{                                                                               \
		.name = title, .operation = figure, .run = script, .after = predecessor \
	}

const struct scenario producer_scenarios[] = {
	WRITER("open", "producer_open", victim_open, NULL),
	WRITER("open_fresh", "producer_open", victim_open, plan_fresh),
	RICH("reserve", "reserve", victim_reserve, NULL),
	RICH("commit", "commit", victim_commit, NULL),
	RICH("record", "commit", victim_record, plan_long),
	RICH("write", "write", victim_write, NULL),
	RICH("wrap", "commit_wrap", victim_record, plan_wrap),
	RICH("block", "commit_block", victim_record, plan_block),
	RICH("sleeper", "commit_sleeper", victim_sleeper, NULL),
	WRITER("full", "full", victim_full, plan_full),
	RICH("floor", "floor", victim_record, plan_floor),
	WRITER("floor_raced", "floor", victim_raced, plan_floor),
	WRITER("floor_late", "floor_deadline", victim_room, plan_late),
	WRITER("floor_dead", "floor_reap", victim_room, plan_dead),
	RICH("batch", "batch", victim_batch, NULL),
	RICH("batch_wrap", "batch", victim_batch, plan_wrap),
	RICH("batch_floor", "batch", victim_batch, plan_batch_floor),
	RICH("abort", "abort", victim_abort, NULL),
	RICH("abort_block", "abort", victim_abort, plan_block),
	WRITER("close", "producer_close", victim_close, NULL),
	SUCCESSOR("open_again", "takeover", victim_takeover, "open"),
	SUCCESSOR("takeover_record", "takeover", victim_takeover, "record"),
	SUCCESSOR("takeover_floor", "takeover", victim_takeover, "floor"),
	SUCCESSOR("takeover_batch", "takeover", victim_takeover, "batch_floor"),
	SUCCESSOR("takeover_wrap", "takeover", victim_takeover, "batch_wrap"),
	SUCCESSOR("takeover_late", "takeover", victim_takeover, "floor_late"),
	SUCCESSOR("takeover_close", "takeover", victim_takeover, "close"),
	{ .name = NULL },
};

/* ---- Consumers, and operators ---- */

static void plan_living(struct plan *plan, struct random *random)
{
	(void)random;
	plan->alive = true;
	/* Enough to read. */
	plan->written += 8192;
}

static void plan_round(struct plan *plan, struct random *random)
{
	plan_living(plan, random);
	plan->written += 2 * SHMRING_CAPACITY_MIN;
}

/* The producer waits for room, which the victim has not made yet. */
static void plan_kept(struct plan *plan, struct random *random)
{
	plan_living(plan, random);
	plan->present |= WHO(KEPT) | WHO(LATE);
	plan->lags |= WHO(KEPT);
}

static void plan_abandoned(struct plan *plan, struct random *random)
{
	plan_kept(plan, random);
	plan->alive = false;
}

static void plan_dead_peer(struct plan *plan, struct random *random)
{
	plan_living(plan, random);
	plan->present |= WHO(DEAD);
	plan->lags |= WHO(DEAD);
}

#define READER(title, figure, script, planned, ...)                                                \
	{                                                                                          \
		.name = title, .operation = figure, .run = script, .plan = planned, .reads = true, \
		__VA_ARGS__                                                                        \
	}
#define OPERATOR(title, figure, script, planned, ...)                                           \
	{                                                                                       \
		.name = title, .operation = figure, .run = script, .plan = planned, __VA_ARGS__ \
	}

const struct scenario consumer_scenarios[] = {
	READER("join", "join", victim_join, plan_living, .policy = SHMRING_RELIABLE),
	READER("join_round", "join", victim_join, plan_round, .policy = SHMRING_RELIABLE),
	READER("join_newest", "join", victim_join, plan_living, .policy = SHMRING_RELIABLE,
	       .start = SHMRING_NEWEST),
	READER("join_sequence", "join", victim_join, plan_living, .policy = SHMRING_RELIABLE,
	       .start = SHMRING_SEQUENCE),
	READER("join_time", "join", victim_join, plan_living, .policy = SHMRING_DEADLINE,
	       .start = SHMRING_TIME),
	READER("join_lossy", "join", victim_join, plan_living, .policy = SHMRING_LOSSY),
	READER("join_lossy_time", "join", victim_join, plan_round, .policy = SHMRING_LOSSY,
	       .start = SHMRING_TIME),
	READER("join_durable", "join_durable", victim_join, plan_living, .policy = SHMRING_RELIABLE,
	       .durable = true),
	READER("join_durable_lossy", "join_durable", victim_join, plan_living,
	       .policy = SHMRING_LOSSY, .durable = true),
	READER("join_durable_late", "join_durable", victim_join, plan_living,
	       .policy = SHMRING_DEADLINE, .durable = true),
	READER("join_dead", "join_reap", victim_join, plan_dead_peer, .policy = SHMRING_RELIABLE,
	       .subscription = "dead"),
	READER("read", "read_release", victim_read, plan_living, .policy = SHMRING_RELIABLE,
	       .rich = true),
	READER("read_lossy", "read_release", victim_read, plan_round, .policy = SHMRING_LOSSY,
	       .rich = true),
	READER("read_late", "read_release", victim_read, plan_round, .policy = SHMRING_DEADLINE,
	       .rich = true),
	READER("read_durable", "read_release", victim_read, plan_round, .policy = SHMRING_RELIABLE,
	       .durable = true, .rich = true),
	READER("read_durable_lossy", "read_release", victim_read, plan_round,
	       .policy = SHMRING_LOSSY, .durable = true, .rich = true),
	READER("drain", "read_release", victim_drain, plan_living, .policy = SHMRING_RELIABLE,
	       .rich = true),
	READER("drain_durable", "read_release", victim_drain, plan_round,
	       .policy = SHMRING_RELIABLE, .durable = true, .rich = true),
	READER("copy", "read_copy", victim_read_copy, plan_living, .policy = SHMRING_RELIABLE,
	       .rich = true),
	READER("copy_durable", "read_copy", victim_read_copy, plan_living, .policy = SHMRING_LOSSY,
	       .durable = true, .rich = true),
	READER("seek", "seek", victim_seek, plan_living, .policy = SHMRING_RELIABLE),
	READER("seek_lossy", "seek", victim_seek, plan_round, .policy = SHMRING_LOSSY),
	READER("seek_durable", "seek", victim_seek, plan_round, .policy = SHMRING_RELIABLE,
	       .durable = true),
	READER("wait", "wait", victim_wait, plan_living, .policy = SHMRING_RELIABLE),
	READER("wait_durable", "wait", victim_wait, plan_living, .policy = SHMRING_RELIABLE,
	       .durable = true),
	READER("leave", "leave", victim_leave, plan_living, .policy = SHMRING_RELIABLE),
	READER("leave_durable", "leave", victim_leave, plan_living, .policy = SHMRING_RELIABLE,
	       .durable = true),
	READER("resume", "resume", victim_resume, plan_living, .policy = SHMRING_RELIABLE,
	       .durable = true),
	READER("resume_lossy", "resume", victim_resume, plan_round, .policy = SHMRING_LOSSY,
	       .durable = true),
	READER("rejoin", "rejoin", victim_rejoin, plan_living, .policy = SHMRING_RELIABLE),
	READER("rejoin_durable", "rejoin", victim_rejoin, plan_living, .policy = SHMRING_RELIABLE,
	       .durable = true),
	OPERATOR("evict", "evict", victim_evict, plan_kept,
		 .evictable = WHO(STEADY) | WHO(LOOSE) | WHO(LATE) | WHO(KEPT)),
	OPERATOR("evict_abandoned", "evict", victim_evict, plan_abandoned,
		 .evictable = WHO(STEADY) | WHO(KEPT)),
	OPERATOR("unsubscribe", "unsubscribe", victim_unsubscribe, plan_kept, .unsubscribes = true),
	READER("again_join", "join_again", victim_join, NULL, .after = "join"),
	READER("again_leave", "join_again", victim_join, NULL, .after = "leave"),
	READER("again_seek", "join_again", victim_join, NULL, .after = "seek"),
	READER("again_rejoin", "join_again", victim_join, NULL, .after = "rejoin"),
	READER("again_join_durable", "resume_again", victim_join, NULL, .after = "join_durable",
	       .durable = true),
	READER("again_read_durable", "resume_again", victim_join, NULL, .after = "read_durable",
	       .durable = true),
	READER("again_seek_durable", "resume_again", victim_join, NULL, .after = "seek_durable",
	       .durable = true),
	READER("again_leave_durable", "resume_again", victim_join, NULL, .after = "leave_durable",
	       .durable = true),
	READER("again_resume", "resume_again", victim_join, NULL, .after = "resume",
	       .durable = true),
	READER("again_rejoin_durable", "resume_again", victim_join, NULL, .after = "rejoin_durable",
	       .durable = true),
	{ .name = NULL },
};

/* ---- Members of a group ---- */

/* There is enough for everyone. */
static void plan_alone(struct plan *plan, struct random *random)
{
	plan_living(plan, random);
	plan->largest = plan->smallest + 60;
	plan->written = 8 * random_between(random, 4096, 8192);
	plan->lag = 24576 + 8 * random_below(random, 512);
}

static void plan_peer(struct plan *plan, struct random *random)
{
	plan_alone(plan, random);
	plan->present |= WHO(PEER);
	plan->lags |= WHO(PEER);
}

static void plan_ghost(struct plan *plan, struct random *random)
{
	plan_peer(plan, random);
	plan->present |= WHO(GHOST);
	plan->lags |= WHO(GHOST);
}

/* All that there is, a dead member has. */
static void plan_ghost_alone(struct plan *plan, struct random *random)
{
	plan_ghost(plan, random);
	plan->lag = 160;
}

/* The group has been overtaken. */
static void plan_asleep(struct plan *plan, struct random *random)
{
	plan_peer(plan, random);
	plan->written += 2 * SHMRING_CAPACITY_MIN;
	plan->asleep = true;
}

const struct scenario group_scenarios[] = {
	READER("group_found", "group_join", victim_group_join, plan_alone, .group = 1,
	       .policy = SHMRING_RELIABLE),
	READER("group_found_durable", "group_join", victim_group_join, plan_alone, .group = 1,
	       .durable = true, .policy = SHMRING_RELIABLE),
	READER("group_found_lossy", "group_join", victim_group_join, plan_alone, .group = 4,
	       .policy = SHMRING_LOSSY),
	READER("group_join", "group_join", victim_group_join, plan_peer, .group = 1,
	       .policy = SHMRING_RELIABLE),
	READER("group_join_durable", "group_join", victim_group_join, plan_peer, .group = 4,
	       .durable = true, .policy = SHMRING_RELIABLE),
	READER("group_one", "group_claim", victim_group_read, plan_peer, .group = 1, .rich = true,
	       .policy = SHMRING_RELIABLE),
	READER("group_one_lossy", "group_claim", victim_group_read, plan_peer, .group = 1,
	       .policy = SHMRING_LOSSY, .rich = true),
	READER("group_batch", "group_claim_batch", victim_group_read, plan_peer, .group = 6,
	       .rich = true, .policy = SHMRING_RELIABLE),
	READER("group_parts", "group_release", victim_group_parts, plan_peer, .group = 6,
	       .rich = true, .policy = SHMRING_RELIABLE),
	READER("group_parts_durable", "group_release", victim_group_parts, plan_alone, .group = 6,
	       .durable = true, .rich = true, .policy = SHMRING_RELIABLE),
	READER("group_leave", "group_leave", victim_group_leave, plan_peer, .group = 6,
	       .policy = SHMRING_RELIABLE),
	READER("group_leave_last", "group_leave", victim_group_leave, plan_alone, .group = 6,
	       .policy = SHMRING_RELIABLE),
	READER("group_ghost", "group_redelivery", victim_group_parts, plan_ghost, .group = 6,
	       .policy = SHMRING_RELIABLE),
	READER("group_ghost_wait", "group_redelivery", victim_group_wait, plan_ghost_alone,
	       .group = 6, .policy = SHMRING_RELIABLE),
	READER("group_skip", "group_skip", victim_group_read, plan_asleep, .group = 6,
	       .policy = SHMRING_LOSSY),
	READER("group_rejoin", "group_rejoin", victim_group_rejoin, plan_peer, .group = 4,
	       .evictable = WHO(PEER), .policy = SHMRING_RELIABLE),
	READER("group_rejoin_durable", "group_rejoin", victim_group_rejoin, plan_alone, .group = 4,
	       .evictable = WHO(PEER), .durable = true, .policy = SHMRING_RELIABLE),
	READER("group_rejoin_lossy", "group_rejoin", victim_group_rejoin, plan_peer, .group = 4,
	       .evictable = WHO(PEER), .policy = SHMRING_LOSSY),
	READER("group_again", "group_redelivery", victim_group_parts, NULL, .after = "group_parts",
	       .group = 6, .policy = SHMRING_RELIABLE),
	READER("group_again_ghost", "group_redelivery", victim_group_parts, NULL,
	       .after = "group_ghost", .group = 6, .policy = SHMRING_RELIABLE),
	{ .name = NULL },
};
