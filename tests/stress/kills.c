/* SPDX-License-Identifier: MIT */
#include "kills.h"

#include <stdio.h>

#define NS_PER_MS 1000000ULL

/* Time between two kills is up to twice this. */
#define KILL_EVERY_NS   (5 * NS_PER_MS)
/* A role stays unplayed for up to so long, half of the time. */
#define DEAD_LONGEST_NS (10 * NS_PER_MS)
/* Some are killed again in the first moments, in which they open the ring. */
#define START_NS        (2 * NS_PER_MS)
/* Kills between two trials. */
#define TRIAL_EVERY     40

#define PAUSE_LEAST_NS 20000ULL

void kills_begin(struct killer *killer, struct board *board, struct runner *runners)
{
	*killer = (struct killer){ .board = board, .runners = runners };
	random_seed(&killer->random, board->plan.seed, 2);
}

static int is_dead(const struct runner *runner)
{
	return runner->process == 0;
}

static struct shmring_info look_at_ring(const struct killer *killer)
{
	struct shmring_info info = SHMRING_INFO_INIT;
	struct shmring_inspector *inspector;

	if (shmring_inspector_open(&inspector, killer->board->ring) == 0) {
		shmring_inspect(inspector, &info);
		shmring_inspector_close(inspector);
	}
	return info;
}

/*
 * Whether the producer that has just been killed had opened the ring: otherwise its readers have
 * nothing to be told.
 */
static int left_open(struct killer *killer)
{
	struct shmring_info info = look_at_ring(killer);
	int is_new = info.stream == SHMRING_STREAM_OPEN && info.epoch > killer->dead_epoch;

	killer->dead_epoch = info.epoch;
	return is_new;
}

/* Without a member that lives, a group that is not durable ends. */
static int is_spared(const struct killer *killer, const struct role *role)
{
	return role->kind == KIND_MEMBER && role->number == 0 &&
	       !killer->board->plan.durable_group;
}

/*
 * What a member had in its hands may come again when it is dead, which somebody may see before we
 * do: it is looked at before.
 */
static int condemn(struct killer *killer, struct runner *runner)
{
	if (runner->role->kind != KIND_MEMBER)
		return 1;
	if (!runner_stop(runner))
		return 0;
	ledger_bequeath(killer->board->ledger, &runner->role->holding);
	return 1;
}

static void kill_one(struct killer *killer, struct runner *runner, uint64_t restart_ns)
{
	struct board *board = killer->board;
	int produces = runner->role->kind == KIND_PRODUCER;
	int died;

	runner->kill_ns = 0;
	if (is_dead(runner) || runner->ended || is_spared(killer, runner->role) ||
	    !condemn(killer, runner))
		return;
	atomic_fetch_add_explicit(&board->kills, 1, memory_order_seq_cst);
	/* Before it: a reader may be told at once, and only once. */
	atomic_fetch_add_explicit(&board->deaths, (uint64_t)produces, memory_order_seq_cst);
	died = runner_kill(runner);
	atomic_fetch_add_explicit(&board->buried, 1, memory_order_seq_cst);
	atomic_fetch_add_explicit(&board->buried_producers, (uint64_t)produces,
				  memory_order_seq_cst);
	if (!died)
		return;
	killer->killed++;
	if (runner->role->kind == KIND_MEMBER)
		killer->members++;
	runner->restart_ns = restart_ns;
	if (produces)
		killer->left_open = left_open(killer);
}

static struct runner *producer_of(const struct killer *killer)
{
	return &killer->runners[killer->board->roles - 1];
}

/* The producer more often than one of many readers. */
static struct runner *victim(struct killer *killer)
{
	if (random_once_in(&killer->random, 4))
		return producer_of(killer);
	return &killer->runners[random_below(&killer->random, killer->board->roles)];
}

static uint64_t restart_time(struct killer *killer, uint64_t now)
{
	return random_once_in(&killer->random, 2)
		       ? now + random_below(&killer->random, DEAD_LONGEST_NS)
		       : now;
}

static void kill_some(struct killer *killer, uint64_t now)
{
	int all = random_once_in(&killer->random, 40);

	killer->next_ns = now + random_below(&killer->random, 2 * KILL_EVERY_NS);
	if (!all) {
		kill_one(killer, victim(killer), restart_time(killer, now));
		return;
	}
	for (unsigned int i = 0; i < killer->board->roles; i++)
		kill_one(killer, &killer->runners[i], restart_time(killer, now));
}

static void restart(struct killer *killer, struct runner *runner, uint64_t now)
{
	runner_restart(runner);
	killer->restarts++;
	runner->kill_ns = random_once_in(&killer->random, 3)
				  ? now + random_below(&killer->random, START_NS)
				  : 0;
}

/* Starts and kills whoever is due. True if every role is played. */
static int tend(struct killer *killer, uint64_t now)
{
	int all = 1;

	for (unsigned int i = 0; i < killer->board->roles; i++) {
		struct runner *runner = &killer->runners[i];

		if (is_dead(runner) && runner->restart_ns <= now)
			restart(killer, runner, now);
		else if (runner->kill_ns && runner->kill_ns <= now)
			kill_one(killer, runner, restart_time(killer, now));
		all &= !is_dead(runner);
	}
	return all;
}

/*
 * ---- Trials -------------------------------------------------------------------------------------
 */

/* Nobody is killed any more as it starts: whoever is alive now stays so until the trial is over. */
static void call_off(struct killer *killer)
{
	for (unsigned int i = 0; i < killer->board->roles; i++)
		killer->runners[i].kill_ns = 0;
}

static void kill_those_who_hold(struct killer *killer)
{
	for (unsigned int i = 0; i < killer->board->roles; i++) {
		const struct role *role = killer->runners[i].role;
		enum kind kind = role->kind;

		if (kind == KIND_RELIABLE || kind == KIND_DEADLINE || kind == KIND_JOINER ||
		    (kind == KIND_MEMBER && role->number > 0))
			kill_one(killer, &killer->runners[i], UINT64_MAX);
	}
}

static void trial_end(struct killer *killer, uint64_t now)
{
	if (now - killer->trial_ns > killer->longest_ns)
		killer->longest_ns = now - killer->trial_ns;
	killer->trial = TRIAL_NONE;
	for (unsigned int i = 0; i < killer->board->roles; i++)
		if (is_dead(&killer->runners[i]))
			killer->runners[i].restart_ns = now;
}

/* Everybody is alive, and the producer has opened the ring. */
static int trial_can_begin(const struct killer *killer, int played)
{
	return played && atomic_load_explicit(&killer->board->epochs, memory_order_acquire) >
				 killer->dead_epoch;
}

static void trial_begin(struct killer *killer, uint64_t now)
{
	killer->trial = killer->trials++ % 2 ? TRIAL_END : TRIAL_ROOM;
	killer->trial_ns = now;
	if (killer->trial == TRIAL_ROOM) {
		kill_those_who_hold(killer);
		killer->trial_until =
			look_at_ring(killer).head_position + 2 * killer->board->plan.capacity;
		return;
	}
	kill_one(killer, producer_of(killer), UINT64_MAX);
	if (!killer->left_open) {
		/* Another time. */
		killer->trials--;
		trial_end(killer, now);
	}
}

static int all_told(const struct killer *killer)
{
	uint64_t deaths = atomic_load_explicit(&killer->board->deaths, memory_order_acquire);

	for (unsigned int i = 0; i < killer->board->roles; i++) {
		const struct role *role = killer->runners[i].role;

		if (role->kind != KIND_PRODUCER && !is_dead(&killer->runners[i]) &&
		    atomic_load_explicit(&role->told, memory_order_acquire) < deaths)
			return 0;
	}
	return 1;
}

static int trial_passed(const struct killer *killer)
{
	return killer->trial == TRIAL_END
		       ? all_told(killer)
		       : look_at_ring(killer).head_position >= killer->trial_until;
}

/*
 * ---- All of it ----------------------------------------------------------------------------------
 */

int kills_look(struct killer *killer, uint64_t now)
{
	const uint64_t wanted = killer->board->plan.kills;
	const int trial_is_due = killer->killed >= killer->trials * TRIAL_EVERY;
	int played;

	/* Every role has joined when there is something to read. */
	if (atomic_load_explicit(&killer->board->published, memory_order_acquire) == 0)
		return 0;
	if (killer->trial != TRIAL_NONE) {
		if (trial_passed(killer))
			trial_end(killer, now);
		return 0;
	}
	if (killer->killed >= wanted || trial_is_due)
		call_off(killer);
	played = tend(killer, now);
	if (killer->killed >= wanted)
		return played;
	if (trial_is_due && trial_can_begin(killer, played))
		trial_begin(killer, now);
	else if (!trial_is_due && killer->next_ns <= now)
		kill_some(killer, now);
	return 0;
}

uint64_t kills_pause(const struct killer *killer, uint64_t now)
{
	uint64_t due = now + NS_PER_MS;

	if (killer->trial == TRIAL_NONE && killer->next_ns < due)
		due = killer->next_ns;
	for (unsigned int i = 0; i < killer->board->roles; i++) {
		const struct runner *runner = &killer->runners[i];

		if (is_dead(runner) && runner->restart_ns < due)
			due = runner->restart_ns;
		if (runner->kill_ns && runner->kill_ns < due)
			due = runner->kill_ns;
	}
	return due > now + PAUSE_LEAST_NS ? due - now : PAUSE_LEAST_NS;
}
