/* SPDX-License-Identifier: MIT */
#include "verdict.h"
#include "../support/child.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const doings[] = {
	[DOING_NOTHING] = "nothing yet",
	[DOING_OPEN] = "open",
	[DOING_CLOSE] = "close",
	[DOING_READ] = "read",
	[DOING_WAIT] = "wait for a record",
	[DOING_SEEK] = "seek",
	[DOING_WRITE] = "write",
	[DOING_WAIT_FOR_ROOM] = "wait for room",
	[DOING_WAIT_FOR_READERS] = "wait for the readers to join",
	[DOING_PAUSE] = "pause",
};

static const char *const policies[] = { "RELIABLE", "LOSSY", "DEADLINE" };

static uint64_t total(const struct board *board, size_t offset)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < board->roles; i++) {
		uint64_t value;

		memcpy(&value, (const char *)&board->role[i].tally + offset, sizeof(value));
		sum += value;
	}
	return sum;
}

void progress_show(struct progress *progress, const struct board *board, uint64_t elapsed_ns)
{
	int terminal = isatty(STDERR_FILENO);
	uint64_t seen = 0, joins = 0;

	if (elapsed_ns - progress->shown_ns < (terminal ? NS_PER_SECOND / 4 : 10 * NS_PER_SECOND))
		return;
	progress->shown_ns = elapsed_ns;
	for (unsigned int i = 0; i < board->roles; i++) {
		seen += atomic_load_explicit(&board->role[i].seen, memory_order_relaxed);
		joins += atomic_load_explicit(&board->role[i].joins, memory_order_relaxed);
	}
	fprintf(stderr,
		"%s%" PRIu64 " of %" PRIu64 " s, %" PRIu64 " records published, %" PRIu64
		" delivered, %" PRIu64 " joins, %" PRIu64 " producers, %" PRIu64 " kills%s",
		terminal ? "\r\033[K" : "", (uint64_t)(elapsed_ns / NS_PER_SECOND),
		board->plan.seconds, atomic_load_explicit(&board->published, memory_order_relaxed),
		seen, joins, atomic_load_explicit(&board->epochs, memory_order_relaxed),
		atomic_load_explicit(&board->kills, memory_order_relaxed), terminal ? "" : "\n");
	progress->open = terminal;
}

void progress_end(struct progress *progress)
{
	if (progress->open)
		fputs("\r\033[K", stderr);
	progress->open = 0;
}

void verdict_role_failed(const struct board *board, const struct role *role, int status)
{
	fprintf(stderr, "%s: %s ended with %s %d: %s\n", board->plan.program, role->name,
		status >= CHILD_SIGNAL ? "signal" : "status",
		status >= CHILD_SIGNAL ? status - CHILD_SIGNAL : status, role->complaint);
}

static void show_ring(const char *ring)
{
	struct shmring_info info = SHMRING_INFO_INIT;
	struct shmring_inspector *inspector;
	int error = shmring_inspector_open(&inspector, ring);

	if (error) {
		fprintf(stderr, "  the ring cannot be inspected: %s\n", shmring_strerror(error));
		return;
	}
	error = shmring_inspect(inspector, &info);
	fprintf(stderr,
		"  ring: oldest %" PRIu64 " at %" PRIu64 ", head %" PRIu64 " at %" PRIu64
		", stream %d, epoch %" PRIu64 ", producer alive %d%s%s\n",
		info.oldest_sequence, info.oldest_position, info.head_sequence, info.head_position,
		(int)info.stream, info.epoch, (int)info.producer_alive, error ? ": " : "",
		error ? shmring_strerror(error) : "");
	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++) {
		struct shmring_subscription_info subscription = SHMRING_SUBSCRIPTION_INFO_INIT;

		if (shmring_inspect_subscription(inspector, slot, &subscription) != 0)
			continue;
		fprintf(stderr,
			"  slot %u %s: %s, %s, at %" PRIu64 " (position %" PRIu64 "), lag %" PRIu64
			" records%s%s%s%s\n",
			slot, subscription.name, policies[subscription.policy % 3],
			subscription.alive == SHMRING_ALIVE ? "alive" : "not alive",
			subscription.sequence, subscription.position, subscription.lag_records,
			subscription.durable ? ", durable" : "",
			subscription.sleeping ? ", asleep" : "",
			subscription.joining ? ", joining" : "",
			subscription.evicted ? ", evicted" : "");
	}
	shmring_inspector_close(inspector);
}

void verdict_stuck(const struct board *board, const struct role *stuck)
{
	fprintf(stderr, "%s: %s got nothing done for %" PRIu64 " s\n", board->plan.program,
		stuck->name, board->plan.patience);
	for (unsigned int i = 0; i < board->roles; i++) {
		const struct role *role = &board->role[i];
		uint32_t doing = atomic_load_explicit(&role->doing, memory_order_relaxed);

		fprintf(stderr,
			"  %s, life %u: %s, %" PRIu64 " things done, %" PRIu64
			" records read, told of %" PRIu64 " of %" PRIu64 " dead producers\n",
			role->name, role->life,
			atomic_load_explicit(&role->done, memory_order_relaxed) ? "has ended"
			: doing < sizeof(doings) / sizeof(doings[0])            ? doings[doing]
										: "?",
			atomic_load_explicit(&role->ticks, memory_order_relaxed),
			atomic_load_explicit(&role->seen, memory_order_relaxed),
			atomic_load_explicit(&role->told, memory_order_relaxed),
			atomic_load_explicit(&board->deaths, memory_order_relaxed));
	}
	show_ring(board->ring);
}

static void print_figure(const char *name, uint64_t value)
{
	printf("figure %s %" PRIu64 "\n", name, value);
}

/*
 * Every record the group has been given, or been told to have lost. One that is killed may take
 * with it what it was told, but nothing is lost twice. Returns how many there are too few, or too
 * many.
 */
static uint64_t group_difference(const struct board *board, uint64_t published)
{
	uint64_t known = atomic_load_explicit(&board->ledger->first, memory_order_relaxed);

	for (unsigned int i = 0; i < board->roles; i++)
		if (board->role[i].kind == KIND_MEMBER)
			known += board->role[i].tally.reported;
	if (known > published)
		return known - published;
	return board->plan.kills ? 0 : published - known;
}

/* Runs with so many dead members have seen some of their records come again. */
#define MANY_DEAD 100

static int group_verdict(const struct board *board, const struct killer *killer, uint64_t published)
{
	struct ledger *ledger = board->ledger;
	const uint64_t gone = killer->members + ledger->left;
	int failed;

	ledger_close(ledger, published);
	if (!ledger->complete)
		ledger->lost = group_difference(board, published);
	print_figure("group_records", ledger->first);
	print_figure("group_lost", ledger->lost);
	print_figure("group_deaths", killer->members);
	print_figure("group_left", ledger->left);
	print_figure("group_redelivered", ledger->redelivered);
	print_figure("group_duplicates", ledger->again);
	print_figure("group_unflagged_duplicates", ledger->unflagged);
	print_figure("group_duplicates_over_held", ledger->over_held);
	failed = ledger->lost || ledger->unflagged || ledger->over_held || ledger->first == 0;
	if (ledger->complete && gone >= MANY_DEAD && ledger->redelivered == 0) {
		fprintf(stderr, "%s: nothing came again\n", board->plan.program);
		failed = 1;
	}
	return failed;
}

struct counts {
	uint64_t joins, resumed, evictions, late_wakeups, late_room;
	uint64_t lost_wakeups, lost_room; /* late, and nobody was killed who was to be in time */
	unsigned int stuck;
};

static struct counts count(const struct board *board)
{
	struct counts counts = { 0 };

	for (unsigned int i = 0; i < board->roles; i++) {
		const struct role *role = &board->role[i];

		counts.joins += atomic_load_explicit(&role->joins, memory_order_relaxed);
		counts.resumed += atomic_load_explicit(&role->resumed, memory_order_relaxed);
		counts.evictions += atomic_load_explicit(&role->evictions, memory_order_relaxed);
		*(role->kind == KIND_PRODUCER ? &counts.late_room : &counts.late_wakeups) +=
			atomic_load_explicit(&role->late, memory_order_relaxed);
		*(role->kind == KIND_PRODUCER ? &counts.lost_room : &counts.lost_wakeups) +=
			atomic_load_explicit(&role->unexplained, memory_order_relaxed);
		counts.stuck += !atomic_load_explicit(&role->done, memory_order_acquire);
	}
	return counts;
}

static int any_tally_bad(const struct board *board)
{
	int bad = 0;

	for (unsigned int i = 0; i < board->roles; i++) {
		const struct role *role = &board->role[i];

		if (!tally_bad(&role->tally))
			continue;
		bad = 1;
		fprintf(stderr, "%s: %s: %s\n", board->plan.program, role->name, role->complaint);
	}
	return bad;
}

/* A run with this many kills has evicted and resumed, or it does not do what it is for. */
#define MANY_KILLS 500

/*
 * Whether sleepers were left to their bound, rather than woken. A few are by coincidence: a sleep
 * ends just as what it waits for comes, which is when a producer goes on that had to wait itself.
 * Where nobody is woken there are several times as many.
 */
static int too_late(const struct board *board, const struct counts *counts)
{
	const uint64_t kills = board->plan.kills;

	if (kills == 0 ||
	    (counts->lost_wakeups <= 5 + kills / 100 && counts->lost_room <= 2 + kills / 1000))
		return 0;
	fprintf(stderr, "%s: sleepers were not woken, and went on when they looked themselves\n",
		board->plan.program);
	return 1;
}

int verdict(const struct board *board, const struct killer *killer, int failed)
{
	const uint64_t published = atomic_load_explicit(&board->published, memory_order_relaxed);
	const struct counts counts = count(board);

	failed |= any_tally_bad(board);
	failed |= too_late(board, &counts);
	/* A run in which nothing happened proves nothing. */
	if (published == 0 || total(board, offsetof(struct tally, delivered)) == 0)
		failed = 1;
	if (board->plan.kills >= MANY_KILLS && ((board->plan.deadline && counts.evictions == 0) ||
						(board->plan.durable && counts.resumed == 0)))
		failed = 1;
	if (board->ledger)
		failed |= group_verdict(board, killer, published);
	print_figure("records", published);
	print_figure("delivered", total(board, offsetof(struct tally, delivered)));
	print_figure("reported_lost", total(board, offsetof(struct tally, reported)));
	print_figure("lost", total(board, offsetof(struct tally, lost)));
	print_figure("torn", total(board, offsetof(struct tally, torn)));
	print_figure("out_of_order", total(board, offsetof(struct tally, out_of_order)));
	print_figure("unfinished", counts.stuck);
	print_figure("joins", counts.joins);
	print_figure("producers", atomic_load_explicit(&board->epochs, memory_order_relaxed));
	print_figure("resumed", counts.resumed);
	print_figure("evictions", counts.evictions);
	print_figure("late_wakeups", counts.late_wakeups);
	print_figure("late_room", counts.late_room);
	print_figure("late_wakeups_unexplained", counts.lost_wakeups);
	print_figure("late_room_unexplained", counts.lost_room);
	if (board->plan.kills) {
		print_figure("kills", killer->killed);
		print_figure("restarts", killer->restarts);
		print_figure("trials", killer->trials);
		print_figure("longest_trial_ms", killer->longest_ns / 1000000);
	}
	printf("%s: %s, seed %" PRIu64 "\n", board->plan.program, failed ? "FAILED" : "passed",
	       board->plan.seed);
	if (failed) {
		printf("To repeat: ");
		plan_print_command(&board->plan);
	}
	fflush(stdout);
	return failed;
}
