/* SPDX-License-Identifier: MIT */
#include "session.h"
#include "../support/payload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_MS 1000000LL

/* Most records that are read before one release. */
#define HELD_MOST 64

void session_init(struct session *session, struct board *board, struct role *role, uint64_t number)
{
	memset(session, 0, sizeof(*session));
	session->board = board;
	session->role = role;
	session->buffer = malloc(board->stream.size_maximum + 1);
	if (!session->buffer)
		abort();
	random_seed(&session->random, board->stream.seed, number);
	checker_init(&session->checker, &board->stream, 0);
}

int session_open(struct session *session, const char *name, enum shmring_start start,
		 uint64_t value)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	int result;

	options.start = start;
	options.start_value = value;
	role_does(session->role, DOING_OPEN);
	if (session->observer) {
		result = shmring_observer_open(&session->consumer, session->board->ring, &options);
	} else {
		options.policy = session->policy;
		options.subscription = name;
		result = shmring_consumer_open(&session->consumer, session->board->ring, &options);
	}
	if (result == 0) {
		session->checker.reliable =
			!session->observer && session->policy == SHMRING_RELIABLE;
		atomic_fetch_add_explicit(&session->role->joins, 1, memory_order_relaxed);
		role_tick(session->role);
	}
	return result;
}

void session_expect(struct session *session, enum shmring_start start, uint64_t value,
		    uint64_t published)
{
	if (start == SHMRING_SEQUENCE)
		checker_expect(&session->checker, value);
	else if (start == SHMRING_NEWEST)
		checker_expect_at_least(&session->checker, published);
	else
		checker_expect_any(&session->checker);
}

static void report(struct session *session)
{
	struct role *role = session->role;

	role->tally = session->checker.tally;
	memcpy(role->complaint, session->checker.complaint, sizeof(role->complaint));
	atomic_store_explicit(&role->seen, role->tally.delivered, memory_order_relaxed);
}

int session_close(struct session *session)
{
	int result;

	role_does(session->role, DOING_CLOSE);
	report(session);
	result = shmring_consumer_close(session->consumer);
	return result ? role_fail(session->board, session->role, "consumer_close", result) : 0;
}

static enum step fail(struct session *session, const char *what, int result)
{
	role_fail(session->board, session->role, what, result);
	return STEP_FAILED;
}

/* Why there is nothing to read. `finished` was looked up before the read. */
static enum step nothing(struct session *session, int result, int finished)
{
	if (result == -EAGAIN)
		return STEP_NOTHING;
	if (result == -EPIPE)
		return finished ? STEP_ENDED : STEP_NOTHING;
	return fail(session, "read", result);
}

static int finished(const struct session *session)
{
	return atomic_load_explicit(&session->board->finished, memory_order_acquire) != 0;
}

static void judge(struct session *session, const struct shmring_record *record)
{
	if (session->board->plan.sabotage == SABOTAGE_DROP && record->sequence % 300 == 299)
		return;
	checker_record(&session->checker, record);
	role_tick(session->role);
}

static enum step read_copy(struct session *session)
{
	const size_t room = (size_t)session->board->stream.size_maximum;
	int last = finished(session);
	struct shmring_record record;
	int result;

	if (room && random_once_in(&session->random, 4)) {
		size_t small = (size_t)random_below(&session->random, room < 64 ? room : 64);

		session->buffer[small] = '#';
		result = shmring_read_copy(session->consumer, session->buffer, small, &record);
		if (session->buffer[small] != '#')
			return fail(session, "read_copy wrote behind the buffer", result);
		if (result == 0) {
			judge(session, &record);
			return STEP_READ;
		}
		if (result != -EMSGSIZE)
			return nothing(session, result, last);
		if (record.length <= small || record.length > room)
			return fail(session, "read_copy asks for a buffer of", (int)record.length);
	}
	result = shmring_read_copy(session->consumer, session->buffer, room, &record);
	if (result)
		return nothing(session, result, last);
	judge(session, &record);
	return STEP_READ;
}

/* Reads up to `most` in place, looks at all of them at once, and releases them. */
static enum step read_in_place(struct session *session, unsigned int most)
{
	struct shmring_record records[HELD_MOST];
	struct checker before = session->checker;
	int last = finished(session), result = 0;
	unsigned int count = 0;

	while (count < most && (result = shmring_read(session->consumer, &records[count])) == 0)
		count++;
	if (count == 0)
		return nothing(session, result, last);
	if (session->board->plan.sabotage == SABOTAGE_SWAP && count > 1) {
		struct shmring_record swapped = records[0];

		records[0] = records[1];
		records[1] = swapped;
	}
	for (unsigned int i = 0; i < count; i++)
		judge(session, &records[i]);
	result = shmring_release(session->consumer);
	if (result == -EOVERFLOW && !session->checker.reliable) {
		/* All of it is void, and will be reported as lost. */
		session->checker = before;
		return STEP_READ;
	}
	return result ? fail(session, "release", result) : STEP_READ;
}

enum step session_read(struct session *session)
{
	uint64_t manner = random_below(&session->random, 4);
	enum step step;

	role_does(session->role, DOING_READ);
	/* ThreadSanitizer cannot know that what a lapped reader reads is thrown away. */
	if (manner == 0 || (UNDER_TSAN && !session->checker.reliable))
		step = read_copy(session);
	else if (manner == 1)
		step = read_in_place(session,
				     (unsigned int)random_between(&session->random, 1, HELD_MOST));
	else
		step = read_in_place(session, 1);
	report(session);
	return step;
}

enum step session_wait(struct session *session)
{
	int64_t timeout;
	int result;

	switch (random_below(&session->random, 8)) {
	case 0:
		return STEP_NOTHING; /* poll */
	case 1:
		role_does(session->role, DOING_PAUSE);
		pause_ns(random_below(&session->random, NS_PER_MS / 4));
		return STEP_NOTHING;
	case 2:
		timeout = (int64_t)random_below(&session->random, NS_PER_MS);
		break;
	default:
		timeout = -1;
	}
	role_does(session->role, DOING_WAIT);
	result = shmring_wait(session->consumer, timeout);
	if (result == 0 || result == -EPIPE ||
	    (timeout >= 0 && (result == -ETIMEDOUT || result == -EAGAIN)))
		return STEP_NOTHING;
	return fail(session, "wait", result);
}

static uint64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

int session_seek(struct session *session)
{
	enum shmring_start start = (enum shmring_start)random_below(&session->random, 4);
	uint64_t published = atomic_load_explicit(&session->board->published, memory_order_acquire);
	uint64_t next = session->checker.next, value = 0;
	int settled = !session->checker.anywhere;
	int result;

	if (start == SHMRING_SEQUENCE)
		/* Ahead, behind, or long gone. */
		value = random_once_in(&session->random, 2)
				? random_below(&session->random, published + 2)
			: published > 100 ? published - random_below(&session->random, 100)
					  : published;
	if (start == SHMRING_TIME)
		value = wall_ns() - random_below(&session->random, 100 * NS_PER_MS);
	role_does(session->role, DOING_SEEK);
	result = shmring_seek(session->consumer, start, value);
	if (result == -ERANGE && start == SHMRING_SEQUENCE && value > published)
		return 0;
	if (result)
		return role_fail(session->board, session->role, "seek", result);
	session_expect(session, start, value, published);
	/* What a RELIABLE one has not released cannot have gone. */
	if (start == SHMRING_OLDEST && session->checker.reliable && settled)
		checker_expect_at_most(&session->checker, next);
	role_tick(session->role);
	return 0;
}
