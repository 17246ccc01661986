/* SPDX-License-Identifier: MIT */
#include "survivors.h"
#include "victims.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* More records than the ring has room for. */
#define RECORDS_MAX 100000

uint64_t rescue_choice(struct rescue *rescue, uint64_t ways)
{
	uint64_t chosen = rescue->variation % ways;

	rescue->variation /= ways;
	return chosen;
}

bool rescue_bad(struct rescue *rescue, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(rescue->what, rescue->size, format, arguments);
	va_end(arguments);
	return false;
}

bool rescue_expect(struct rescue *rescue, int error, int expected, const char *call)
{
	return error == expected ||
	       rescue_bad(rescue, "%s: %s, not: %s", call, shmring_strerror(error),
			  expected ? shmring_strerror(expected) : "success");
}

/* ---- Reading ---- */

static bool record_right(struct rescue *rescue, const char *who,
			 const struct shmring_record *record, uint64_t next, bool may_lose)
{
	if (record->sequence - record->lost != next)
		return rescue_bad(rescue,
				  "%s: record %" PRIu64 " with %" PRIu64 " lost, after %" PRIu64,
				  who, record->sequence, record->lost, next);
	if (record->lost && !may_lose)
		return rescue_bad(rescue, "%s: %" PRIu64 " records lost before %" PRIu64, who,
				  record->lost, record->sequence);
	if (record->sequence >= rescue->high)
		return rescue_bad(rescue, "%s: record %" PRIu64 " was never committed", who,
				  record->sequence);
	return record_sound(&rescue->plan, record) ||
	       rescue_bad(rescue, "%s: record %" PRIu64 " at %" PRIu64 " is torn or invented", who,
			  record->sequence, record->position);
}

/*
 * Gives back what was read. Who may be overtaken may be told to discard it: the numbers go on where
 * they were at the last release. Sets `again` then.
 */
static bool give_back(struct rescue *rescue, struct shmring_consumer *consumer, uint64_t *next,
		      uint64_t *released, bool may_lose, bool *again)
{
	const int error = shmring_release(consumer);

	if (error == -EOVERFLOW && may_lose) {
		*next = *released;
		*again = true;
		return true;
	}
	*released = *next;
	return rescue_expect(rescue, error, 0, "release");
}

/* Reads and releases what there is. Sets how that ended. */
static bool read_some(struct rescue *rescue, const char *who, struct shmring_consumer *consumer,
		      uint64_t *next, bool may_lose, int *end)
{
	uint64_t released = *next;
	struct shmring_record record;
	unsigned int count = 0;
	bool again;

	do {
		again = false;
		while ((*end = shmring_read(consumer, &record)) == 0) {
			if (!record_right(rescue, who, &record, *next, may_lose))
				return false;
			*next = record.sequence + 1;
			if (++count % 7 == 0 &&
			    !give_back(rescue, consumer, next, &released, may_lose, &again))
				return false;
			if (count > RECORDS_MAX)
				return rescue_bad(rescue, "%s: reads for ever", who);
		}
		if (*end == -ECONNRESET)
			return true;
		again = false;
		if (!give_back(rescue, consumer, next, &released, may_lose, &again))
			return false;
	} while (again && ++count < RECORDS_MAX);
	return true;
}

static bool read_on(struct rescue *rescue, const char *who, struct shmring_consumer *consumer,
		    uint64_t *next, bool may_lose)
{
	int end;

	if (!read_some(rescue, who, consumer, next, may_lose, &end))
		return false;
	/* Whoever was evicted comes back; the next record tells what is lost. */
	if (end == -ECONNRESET && may_lose &&
	    (!rescue_expect(rescue, shmring_rejoin(consumer, NULL), 0, "rejoin") ||
	     !read_some(rescue, who, consumer, next, may_lose, &end)))
		return false;
	/* As long as there is a producer, nothing ends. */
	return end == -EAGAIN || (!rescue->producer && (end == -EPIPE || end == -EOWNERDEAD)) ||
	       rescue_bad(rescue, "%s: read: %s", who, shmring_strerror(end));
}

static bool may_lose(const struct rescue *rescue, enum who who)
{
	return who == LOOSE || who == LATE || (rescue->world->scenario->evictable & WHO(who));
}

const char *const reader_names[READERS] = { "steady", "loose", "late", "kept",
					    "dead",   "ghost", "peer" };

bool survivors_read(struct rescue *rescue)
{
	for (unsigned int i = 0; i < READERS; i++) {
		struct reader *reader = &rescue->world->copy.reader[i];

		if (reader->consumer && i < DEAD && !(i == LOOSE && rescue->lazy) &&
		    !read_on(rescue, reader_names[i], reader->consumer, &rescue->next[i],
			     may_lose(rescue, i)))
			return false;
	}
	return group_reads(rescue) &&
	       (!rescue->kept || read_on(rescue, "kept", rescue->kept, &rescue->kept_next,
					 may_lose(rescue, KEPT))) &&
	       (!rescue->victim || read_on(rescue, "victim", rescue->victim, &rescue->victim_next,
					   rescue->world->scenario->policy != SHMRING_RELIABLE ||
						   rescue->world->board->evicted)) &&
	       (!rescue->newcomer ||
		read_on(rescue, "newcomer", rescue->newcomer, &rescue->newcomer_next, false));
}

/* ---- Coming back ---- */

/* The first record that a durable subscription gets has to be one of two, and nothing may be lost
 * if it is reliable. */
static bool first_right(struct rescue *rescue, const char *who, struct shmring_consumer *consumer,
			uint64_t low, uint64_t high, uint64_t *next)
{
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;

	if (!rescue_expect(rescue, shmring_consumer_info(consumer, &info), 0, "consumer_info"))
		return false;
	if (info.sequence != low && info.sequence != high)
		return rescue_bad(rescue,
				  "%s: goes on at %" PRIu64 ", not at %" PRIu64 " or %" PRIu64, who,
				  info.sequence, low, high);
	*next = info.sequence;
	return true;
}

bool kept_returns(struct rescue *rescue)
{
	struct shmring_consumer_options options = reader_options(KEPT);
	const uint64_t next = rescue->next[KEPT];
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;

	if (rescue->kept || !(rescue->plan.present & WHO(KEPT)))
		return true;
	if (!rescue_expect(rescue,
			   shmring_consumer_open(&rescue->kept, rescue->world->copy.name, &options),
			   0, "kept returns"))
		return false;
	/* It may have been unsubscribed: then it starts at the oldest. */
	if (rescue->world->scenario->unsubscribes &&
	    shmring_consumer_info(rescue->kept, &info) == 0 && info.sequence != next) {
		rescue->kept_next = info.sequence;
		return true;
	}
	return first_right(rescue, "kept", rescue->kept, next, next, &rescue->kept_next);
}

/* Died in a seek: where it was, where it was about to be, or where it began to look. */
static bool sought(struct rescue *rescue, uint64_t sequence)
{
	const struct world *world = rescue->world;
	const struct board *board = world->board;
	const enum shmring_start place = (enum shmring_start)(board->moving - 1);

	return sequence == board->released || sequence == board->releasing ||
	       (place == SHMRING_NEWEST ? sequence == world->next : sequence == world->oldest) ||
	       (place == SHMRING_SEQUENCE && sequence == victim_start_value(world, place)) ||
	       rescue_bad(rescue,
			  "victim: goes on at %" PRIu64 ", having sought from %" PRIu64
			  ", the oldest being %" PRIu64,
			  sequence, board->released, world->oldest);
}

/* Whoever was killed comes back under the same name. */
bool victim_returns(struct rescue *rescue)
{
	const struct world *world = rescue->world;
	const struct board *board = world->board;
	struct shmring_consumer_options options = victim_options(world->scenario);
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;

	if (world->scenario->group)
		return fellow_joins(rescue);
	if (rescue->victim || !world->scenario->reads)
		return true;
	if (!rescue_expect(rescue,
			   shmring_consumer_open(&rescue->victim, world->copy.name, &options), 0,
			   "victim returns"))
		return false;
	if (options.durable && board->opened == 2 && !board->moving)
		return first_right(rescue, "victim", rescue->victim, board->released,
				   board->releasing, &rescue->victim_next);
	if (!rescue_expect(rescue, shmring_consumer_info(rescue->victim, &info), 0,
			   "consumer_info"))
		return false;
	rescue->victim_next = info.sequence;
	return !options.durable || board->opened != 2 || sought(rescue, info.sequence);
}

/* Somebody joins who was not there before. */
bool newcomer_joins(struct rescue *rescue)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_info info = SHMRING_INFO_INIT;
	uint64_t first, now = rescue->high;

	if (!rescue_expect(rescue, shmring_inspect(rescue->world->inspector, &info), 0, "inspect"))
		return false;
	options.subscription = "newcomer";
	/* SHMRING_OLDEST, where most can go wrong, twice as often as the others. */
	options.start = (enum shmring_start)(rescue_choice(rescue, 5) % 4);
	first = options.start == SHMRING_NEWEST ? now : info.oldest_sequence;
	if (options.start == SHMRING_SEQUENCE)
		first = options.start_value =
			info.oldest_sequence +
			rescue_choice(rescue, 5) % (now - info.oldest_sequence + 1);
	if (!rescue_expect(
		    rescue,
		    shmring_consumer_open(&rescue->newcomer, rescue->world->copy.name, &options), 0,
		    "newcomer joins"))
		return false;
	return first_right(rescue, "newcomer", rescue->newcomer, first, first,
			   &rescue->newcomer_next);
}

/* ---- Looking ---- */

/* An inspector, and shmring_check, which changes nothing and has nothing to say. */
bool inspector_looks(struct rescue *rescue)
{
	struct shmring_inspector *inspector = rescue->world->inspector;
	struct shmring_subscription_info subscription = SHMRING_SUBSCRIPTION_INFO_INIT;
	struct shmring_info info = SHMRING_INFO_INIT;
	int error = shmring_inspect(inspector, &info);

	if (!rescue_expect(rescue, error, 0, "inspect"))
		return false;
	if (info.head_sequence != rescue->low && info.head_sequence != rescue->high &&
	    info.head_sequence != rescue->behind)
		return rescue_bad(rescue,
				  "inspect: head at %" PRIu64 ", not %" PRIu64 " or %" PRIu64,
				  info.head_sequence, rescue->low, rescue->high);
	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++) {
		error = shmring_inspect_subscription(inspector, slot, &subscription);
		if (error == -ENOENT)
			continue;
		if (!rescue_expect(rescue, error, 0, "inspect_subscription"))
			return false;
		if (subscription.sequence > rescue->high || subscription.lag_bytes > info.capacity)
			return rescue_bad(
				rescue, "inspect: %s at %" PRIu64 " lags %" PRIu64 " bytes",
				subscription.name, subscription.sequence, subscription.lag_bytes);
	}
	return true;
}

static int note_problem(const struct shmring_problem *problem, void *argument)
{
	struct rescue *rescue = argument;

	rescue_bad(rescue,
		   "check: %s: %s+%" PRIu64 ": %#" PRIx64 ", between %#" PRIx64 " and %#" PRIx64
		   ", subscription %" PRId64,
		   problem->what, problem->object, problem->offset, problem->found, problem->low,
		   problem->high, problem->subscription);
	return 1;
}

bool check_passes(struct rescue *rescue)
{
	int error = shmring_check(rescue->world->copy.name, note_problem, rescue);

	return error == 0 ||
	       (error != 1 && rescue_bad(rescue, "check: %s", shmring_strerror(error)));
}

bool end_told(struct rescue *rescue)
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
		return rescue_expect(rescue, told, -EOWNERDEAD, "wait, the producer being dead");
	if (board->closed == 2)
		return rescue_expect(rescue, told, -EPIPE, "wait, the stream being closed");
	return told == before || told == -EOWNERDEAD || (board->closed && told == -EPIPE) ||
	       rescue_bad(rescue, "wait, nobody being there: %s", shmring_strerror(told));
}
