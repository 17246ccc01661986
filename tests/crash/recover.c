/* SPDX-License-Identifier: MIT */
#include "recover.h"
#include "victims.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* More than any of this takes; who needs more is stuck. */
#define ATTEMPTS_MAX 2000
#define ATTEMPTS_BEFORE_NAP 4
#define NAP_NS 500000
#define RECORDS_MAX 100000

struct rescue {
	struct world *world;
	struct plan plan;
	uint64_t variation;
	uint64_t low, high;        /* the next record's sequence number is one of the two */
	uint64_t behind;           /* where the head may be until there is a successor */
	uint64_t next[READERS];    /* what each of them has to read next */
	struct shmring_producer *producer;
	struct shmring_consumer *kept, *victim, *newcomer;
	uint64_t kept_next, victim_next, newcomer_next;
	char *what;
	size_t size;
};

/* A choice between as many ways of doing things. */
static uint64_t choice(struct rescue *rescue, uint64_t ways)
{
	uint64_t chosen = rescue->variation % ways;

	rescue->variation /= ways;
	return chosen;
}

static bool __attribute__((format(printf, 2, 3))) bad(struct rescue *rescue, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(rescue->what, rescue->size, format, arguments);
	va_end(arguments);
	return false;
}

static bool expect(struct rescue *rescue, int error, int expected, const char *call)
{
	return error == expected || bad(rescue, "%s: %s, not: %s", call, shmring_strerror(error),
					expected ? shmring_strerror(expected) : "success");
}

/* ---- Reading ------------------------------------------------------------------------------------ */

static bool record_right(struct rescue *rescue, const char *who, const struct shmring_record *record, uint64_t next,
			 bool may_lose)
{
	if (record->sequence - record->lost != next)
		return bad(rescue, "%s: record %" PRIu64 " with %" PRIu64 " lost, after %" PRIu64, who, record->sequence,
			   record->lost, next);
	if (record->lost && !may_lose)
		return bad(rescue, "%s: %" PRIu64 " records lost before %" PRIu64, who, record->lost, record->sequence);
	if (record->sequence >= rescue->high)
		return bad(rescue, "%s: record %" PRIu64 " was never committed", who, record->sequence);
	return record_sound(&rescue->plan, record) ||
	       bad(rescue, "%s: record %" PRIu64 " at %" PRIu64 " is torn or invented", who, record->sequence,
		   record->position);
}

/* Reads and releases what there is. Sets how that ended. */
static bool read_some(struct rescue *rescue, const char *who, struct shmring_consumer *consumer, uint64_t *next,
		      bool may_lose, int *end)
{
	struct shmring_record record;
	unsigned int count = 0;

	while ((*end = shmring_read(consumer, &record)) == 0) {
		if (!record_right(rescue, who, &record, *next, may_lose))
			return false;
		*next = record.sequence + 1;
		if (++count % 7 == 0 && !expect(rescue, shmring_release(consumer), 0, "release"))
			return false;
		if (count > RECORDS_MAX)
			return bad(rescue, "%s: reads for ever", who);
	}
	return *end == -ECONNRESET || expect(rescue, shmring_release(consumer), 0, "release");
}

static bool read_on(struct rescue *rescue, const char *who, struct shmring_consumer *consumer, uint64_t *next,
		    bool may_lose)
{
	int end;

	if (!read_some(rescue, who, consumer, next, may_lose, &end))
		return false;
	/* Whoever was evicted comes back; the next record tells what is lost. */
	if (end == -ECONNRESET && may_lose &&
	    (!expect(rescue, shmring_rejoin(consumer, NULL), 0, "rejoin") ||
	     !read_some(rescue, who, consumer, next, may_lose, &end)))
		return false;
	return end == -EAGAIN || end == -EPIPE || end == -EOWNERDEAD ||
	       bad(rescue, "%s: read: %s", who, shmring_strerror(end));
}

static bool may_lose(const struct rescue *rescue, enum who who)
{
	return who == LOOSE || who == LATE || (rescue->world->scenario->evictable & WHO(who));
}

static const char *const reader_names[READERS] = { "steady", "loose", "late", "kept", "dead" };

/* Everyone who lives reads what there is. */
static bool all_read(struct rescue *rescue)
{
	for (unsigned int i = 0; i < READERS; i++) {
		struct reader *reader = &rescue->world->copy.reader[i];

		if (reader->consumer && i != DEAD &&
		    !read_on(rescue, reader_names[i], reader->consumer, &rescue->next[i], may_lose(rescue, i)))
			return false;
	}
	return (!rescue->kept || read_on(rescue, "kept", rescue->kept, &rescue->kept_next, may_lose(rescue, KEPT))) &&
	       (!rescue->victim || read_on(rescue, "victim", rescue->victim, &rescue->victim_next,
					   rescue->world->scenario->policy != SHMRING_RELIABLE ||
						   rescue->world->board->evicted)) &&
	       (!rescue->newcomer ||
		read_on(rescue, "newcomer", rescue->newcomer, &rescue->newcomer_next, false));
}

/* ---- Coming back -------------------------------------------------------------------------------- */

/* The first record that a durable subscription gets has to be one of two, and nothing may be lost if it is reliable. */
static bool first_right(struct rescue *rescue, const char *who, struct shmring_consumer *consumer, uint64_t low,
			uint64_t high, uint64_t *next)
{
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;

	if (!expect(rescue, shmring_consumer_info(consumer, &info), 0, "consumer_info"))
		return false;
	if (info.sequence != low && info.sequence != high)
		return bad(rescue, "%s: goes on at %" PRIu64 ", not at %" PRIu64 " or %" PRIu64, who, info.sequence, low,
			   high);
	*next = info.sequence;
	return true;
}

static bool kept_returns(struct rescue *rescue)
{
	struct shmring_consumer_options options = reader_options(KEPT);
	const uint64_t next = rescue->next[KEPT];
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;

	if (rescue->kept || !(rescue->plan.present & WHO(KEPT)))
		return true;
	if (!expect(rescue, shmring_consumer_open(&rescue->kept, rescue->world->copy.name, &options), 0, "kept returns"))
		return false;
	/* It may have been unsubscribed: then it starts at the oldest. */
	if (rescue->world->scenario->unsubscribes && shmring_consumer_info(rescue->kept, &info) == 0 && info.sequence != next) {
		rescue->kept_next = info.sequence;
		return true;
	}
	return first_right(rescue, "kept", rescue->kept, next, next, &rescue->kept_next);
}

/* Whoever was killed comes back under the same name. */
static bool victim_returns(struct rescue *rescue)
{
	const struct world *world = rescue->world;
	const struct board *board = world->board;
	struct shmring_consumer_options options = victim_options(world->scenario);
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;

	if (rescue->victim || !world->scenario->reads)
		return true;
	if (!expect(rescue, shmring_consumer_open(&rescue->victim, world->copy.name, &options), 0, "victim returns"))
		return false;
	if (options.durable && board->opened == 2 && !board->moving)
		return first_right(rescue, "victim", rescue->victim, board->released, board->releasing,
				   &rescue->victim_next);
	if (!expect(rescue, shmring_consumer_info(rescue->victim, &info), 0, "consumer_info"))
		return false;
	rescue->victim_next = info.sequence;
	return true;
}

/* Somebody joins who was not there before. */
static bool newcomer_joins(struct rescue *rescue)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_info info = SHMRING_INFO_INIT;
	uint64_t first, now = rescue->high;

	if (!expect(rescue, shmring_inspect(rescue->world->inspector, &info), 0, "inspect"))
		return false;
	options.subscription = "newcomer";
	options.start = (enum shmring_start)choice(rescue, 4);
	first = options.start == SHMRING_NEWEST ? now : info.oldest_sequence;
	if (options.start == SHMRING_SEQUENCE)
		first = options.start_value = info.oldest_sequence + choice(rescue, 5) % (now - info.oldest_sequence + 1);
	if (!expect(rescue, shmring_consumer_open(&rescue->newcomer, rescue->world->copy.name, &options), 0,
		    "newcomer joins"))
		return false;
	return first_right(rescue, "newcomer", rescue->newcomer, first, first, &rescue->newcomer_next);
}

/* ---- Looking ------------------------------------------------------------------------------------ */

/* An inspector, and shmring_check, which changes nothing and has nothing to say. */
static bool inspector_looks(struct rescue *rescue)
{
	struct shmring_inspector *inspector = rescue->world->inspector;
	struct shmring_subscription_info subscription = SHMRING_SUBSCRIPTION_INFO_INIT;
	struct shmring_info info = SHMRING_INFO_INIT;
	int error = shmring_inspect(inspector, &info);

	if (!expect(rescue, error, 0, "inspect"))
		return false;
	if (info.head_sequence != rescue->low && info.head_sequence != rescue->high &&
	    info.head_sequence != rescue->behind)
		return bad(rescue, "inspect: head at %" PRIu64 ", not %" PRIu64 " or %" PRIu64, info.head_sequence,
			   rescue->low, rescue->high);
	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++) {
		error = shmring_inspect_subscription(inspector, slot, &subscription);
		if (error == -ENOENT)
			continue;
		if (!expect(rescue, error, 0, "inspect_subscription"))
			return false;
		if (subscription.sequence > rescue->high || subscription.lag_bytes > info.capacity)
			return bad(rescue, "inspect: %s at %" PRIu64 " lags %" PRIu64 " bytes", subscription.name,
				   subscription.sequence, subscription.lag_bytes);
	}
	return true;
}

static int note_problem(const struct shmring_problem *problem, void *argument)
{
	struct rescue *rescue = argument;

	bad(rescue, "check: %s: %s+%" PRIu64 ": %#" PRIx64 ", between %#" PRIx64 " and %#" PRIx64 ", subscription %" PRId64,
	    problem->what, problem->object, problem->offset, problem->found, problem->low, problem->high,
	    problem->subscription);
	return 1;
}

static bool check_passes(struct rescue *rescue)
{
	int error = shmring_check(rescue->world->copy.name, note_problem, rescue);

	return error == 0 || (error != 1 && bad(rescue, "check: %s", shmring_strerror(error)));
}

/* What steady is told once it has read everything, before there is a successor. */
static bool end_told(struct rescue *rescue)
{
	const struct board *board = rescue->world->board;
	const struct plan *plan = &rescue->plan;
	struct reader *steady = &rescue->world->copy.reader[STEADY];
	const int before = plan->fresh ? -EAGAIN : plan->died ? -EOWNERDEAD : -EPIPE;
	int told;

	if (!steady->consumer)
		return true;
	told = shmring_wait(steady->consumer, 0);
	if (board->opened == 2 && board->closed == 0)
		return expect(rescue, told, -EOWNERDEAD, "wait, the producer being dead");
	if (board->closed == 2)
		return expect(rescue, told, -EPIPE, "wait, the stream being closed");
	return told == before || told == -EOWNERDEAD || (board->closed && told == -EPIPE) ||
	       bad(rescue, "wait, nobody being there: %s", shmring_strerror(told));
}

/* ---- The producer's part ------------------------------------------------------------------------ */

/* Exactly one of the two, and from now on no other. */
static bool successor_opens(struct rescue *rescue)
{
	struct shmring_producer_info info = SHMRING_PRODUCER_INFO_INIT;
	const struct world *world = rescue->world;
	int error = shmring_producer_open(&rescue->producer, world->copy.name, NULL);

	if (!expect(rescue, error, 0, "a successor opens") ||
	    !expect(rescue, shmring_producer_info(rescue->producer, &info), 0, "producer_info"))
		return false;
	if (info.sequence != rescue->low && info.sequence != rescue->high)
		return bad(rescue, "the successor goes on at %" PRIu64 ", not at %" PRIu64 " or %" PRIu64, info.sequence,
			   rescue->low, rescue->high);
	if (info.sequence < rescue->next[STEADY])
		return bad(rescue, "the successor goes on at %" PRIu64 ", but %" PRIu64 " was read", info.sequence,
			   rescue->next[STEADY] - 1);
	if (info.epoch != world->killed_epoch + 1)
		return bad(rescue, "epoch %" PRIu64 " after %" PRIu64, info.epoch, world->killed_epoch);
	rescue->low = rescue->high = rescue->behind = info.sequence;
	rescue->plan.later[1].from = info.sequence;
	return true;
}

/* Full: those who read do, and who is durable comes back when nobody else is in the way. */
static bool make_room(struct rescue *rescue, unsigned int attempt)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };

	if (!all_read(rescue))
		return false;
	if (attempt == 1 && !(kept_returns(rescue) && (!rescue->world->scenario->durable || victim_returns(rescue))))
		return false;
	if (attempt > ATTEMPTS_BEFORE_NAP)
		nanosleep(&nap, NULL);
	return attempt < ATTEMPTS_MAX || bad(rescue, "the producer is stuck at %" PRIu64, rescue->high);
}

/* Writes so much, which is more than the ring holds. */
static bool go_round(struct rescue *rescue, uint64_t bytes)
{
	struct shmring_producer_info info = SHMRING_PRODUCER_INFO_INIT;
	unsigned int attempt = 0;
	uint64_t end = 0;

	for (;;) {
		int error = shmring_producer_info(rescue->producer, &info);

		if (!expect(rescue, error, 0, "producer_info"))
			return false;
		if (end == 0)
			end = info.position + bytes;
		if (info.sequence != rescue->high)
			return bad(rescue, "the producer is at %" PRIu64 ", not at %" PRIu64, info.sequence, rescue->high);
		if (info.position >= end)
			return true;
		error = record_write(&rescue->plan, rescue->producer, rescue->high);
		if (error == 0) {
			rescue->low = rescue->behind = ++rescue->high;
			attempt = 0;
		} else if (error != -EAGAIN) {
			return bad(rescue, "write: %s", shmring_strerror(error));
		} else if (!make_room(rescue, attempt++)) {
			return false;
		}
	}
}

/* Everyone has got everything, exactly. */
static bool all_there(struct rescue *rescue)
{
	if (!all_read(rescue))
		return false;
	for (unsigned int i = 0; i < READERS; i++)
		if (rescue->world->copy.reader[i].consumer && i != DEAD && rescue->next[i] != rescue->high)
			return bad(rescue, "%s: has read up to %" PRIu64 " of %" PRIu64, reader_names[i], rescue->next[i],
				   rescue->high);
	if ((rescue->kept && rescue->kept_next != rescue->high) ||
	    (rescue->newcomer && rescue->newcomer_next != rescue->high) ||
	    (rescue->victim && rescue->victim_next != rescue->high))
		return bad(rescue, "kept %" PRIu64 ", newcomer %" PRIu64 ", victim %" PRIu64 " of %" PRIu64,
			   rescue->kept_next, rescue->newcomer_next, rescue->victim_next, rescue->high);
	return true;
}

/* ---- The order of things ------------------------------------------------------------------------ */

static bool before_the_successor(struct rescue *rescue, uint64_t *published)
{
	if (choice(rescue, 2) && !inspector_looks(rescue))
		return false;
	if (choice(rescue, 2) && !check_passes(rescue))
		return false;
	if (choice(rescue, 4) == 0)
		return true; /* nobody reads before there is a successor */
	if (!all_read(rescue) || !end_told(rescue))
		return false;
	if (rescue->world->copy.reader[STEADY].consumer)
		*published = rescue->next[STEADY];
	return true;
}

static bool run(struct rescue *rescue, uint64_t *published)
{
	const struct world *world = rescue->world;

	if (world->plan.alive)
		rescue->producer = world->copy.producer;
	else if (!before_the_successor(rescue, published) || !successor_opens(rescue))
		return false;
	*published = rescue->high;
	if ((world->plan.alive && choice(rescue, 2) && !inspector_looks(rescue)) ||
	    (choice(rescue, 2) && !newcomer_joins(rescue)) || (choice(rescue, 2) && !kept_returns(rescue)) ||
	    (choice(rescue, 2) && !victim_returns(rescue)))
		return false;
	return go_round(rescue, SHMRING_CAPACITY_MIN + SHMRING_CAPACITY_MIN / 4) && kept_returns(rescue) &&
	       victim_returns(rescue) && all_there(rescue) && inspector_looks(rescue) && check_passes(rescue);
}

bool recover(struct world *world, uint64_t variation, uint64_t *published, char *what, size_t size)
{
	const uint64_t locks = ring_locks(&world->copy);
	struct rescue rescue = {
		.world = world,
		.plan = world->plan,
		.variation = variation,
		.low = world->board->committed,
		.high = world->board->begun,
		.behind = world->board->behind,
		.what = what,
		.size = size,
	};
	bool good;

	if (world->board->taken)
		rescue.plan.later[0].from = world->board->taken;
	for (unsigned int i = 0; i < READERS; i++)
		rescue.next[i] = world->copy.reader[i].next;
	*published = rescue.low;
	good = run(&rescue, published);
	shmring_consumer_close(rescue.newcomer);
	shmring_consumer_close(rescue.victim);
	shmring_consumer_close(rescue.kept);
	if (!world->plan.alive)
		shmring_producer_close(rescue.producer);
	if (good && ring_locks(&world->copy) != locks)
		good = bad(&rescue, "a lock is left");
	return good;
}
