/* SPDX-License-Identifier: MIT */
/* Joining and leaving, waiting, and going elsewhere. Reading: session_read.c. */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_MS 1000000LL

void session_init(struct session *session, struct board *board, struct role *role, uint64_t number)
{
	memset(session, 0, sizeof(*session));
	session->board = board;
	session->role = role;
	session->before = role->tally;
	session->buffer = malloc(board->stream.size_maximum + 1);
	if (!session->buffer)
		abort();
	random_seed(&session->random, board->stream.seed, number + role->life * 1000000007ULL);
	checker_init(&session->checker, &board->stream, 0);
}

void session_report(struct session *session)
{
	struct role *role = session->role;

	role->tally = tally_sum(&session->before, &session->checker.tally);
	if (session->checker.complaint[0])
		memcpy(role->complaint, session->checker.complaint, sizeof(role->complaint));
	atomic_store_explicit(&role->seen, role->tally.delivered, memory_order_relaxed);
}

static void settle(struct session *session, uint64_t sequence)
{
	session_releasing(session, sequence);
	session_released(session, sequence);
	atomic_store_explicit(&session->role->settled, 1, memory_order_release);
}

/*
 * A durable subscription goes on at the first record not released; nobody was there to release
 * anything meanwhile.
 */
static void resume(struct session *session, uint64_t sequence)
{
	struct role *role = session->role;
	uint64_t least = atomic_load_explicit(&role->released, memory_order_acquire);
	uint64_t most = atomic_load_explicit(&role->releasing, memory_order_acquire);

	if (sequence < least)
		checker_again(&session->checker, least - sequence,
			      "resumed before what was released: at, due", sequence, least);
	else if (sequence != least && sequence != most)
		checker_lost(&session->checker, sequence - least,
			     "resumed behind what was not released: at, due", sequence, least);
	atomic_fetch_add_explicit(&role->resumed, 1, memory_order_relaxed);
}

/* Takes a record, and forgets about it. */
static void skip_one(struct session *session)
{
	struct shmring_record record;

	if (shmring_read(session->consumer, &record) == 0)
		shmring_release(session->consumer);
}

static int opened(struct session *session)
{
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;
	int result = shmring_consumer_info(session->consumer, &info);

	if (result)
		return result;
	session->checker.reliable = !session->observer && session->policy != SHMRING_LOSSY;
	session->rejoined = 0;
	session->late = 0;
	if (session->durable && atomic_load_explicit(&session->role->settled, memory_order_acquire))
		resume(session, info.sequence);
	/*
	 * Where it is, is known for sure to one that holds the producer; it may be evicted before
	 * it reads.
	 */
	if (session->durable || session->policy == SHMRING_DEADLINE)
		checker_expect_next(&session->checker, info.sequence);
	if (session->durable) {
		/* Evicted while nobody was there, or never waited for. */
		if (session->policy != SHMRING_RELIABLE)
			checker_expect(&session->checker, info.sequence);
		if (session->role->life > 0 && session->policy == SHMRING_RELIABLE &&
		    session->board->plan.sabotage == SABOTAGE_RESUME)
			skip_one(session);
		settle(session, info.sequence);
	}
	session_report(session);
	atomic_fetch_add_explicit(&session->role->joins, 1, memory_order_relaxed);
	role_tick(session->role);
	return 0;
}

int session_open(struct session *session, const char *name, enum shmring_start start,
		 uint64_t value)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	const char *ring = session->board->ring;
	int result;

	options.start = start;
	options.start_value = value;
	role_does(session->role, DOING_OPEN);
	if (session->observer) {
		result = shmring_observer_open(&session->consumer, ring, &options);
	} else {
		options.policy = session->policy;
		options.subscription = name;
		options.durable = session->durable ? 1 : 0;
		options.deadline_ns = session->policy == SHMRING_DEADLINE ? DEADLINE_NS : 0;
		/* One with a deadline may be evicted before it has joined. */
		do
			result = shmring_consumer_open(&session->consumer, ring, &options);
		while (result == -ECONNRESET && session->policy == SHMRING_DEADLINE);
	}
	return result ? result : opened(session);
}

void session_expect(struct session *session, enum shmring_start start, uint64_t value,
		    uint64_t published)
{
	/* It is known already, but that a sequence number may be gone. */
	if (session->durable)
		return;
	if (start == SHMRING_SEQUENCE)
		checker_expect(&session->checker, value);
	else if (!session->observer && session->policy == SHMRING_DEADLINE)
		return;
	else if (start == SHMRING_NEWEST)
		checker_expect_at_least(&session->checker, published);
	else
		checker_expect_any(&session->checker);
}

int session_close(struct session *session)
{
	int result;

	role_does(session->role, DOING_CLOSE);
	session_report(session);
	result = shmring_consumer_close(session->consumer);
	return result ? role_fail(session->board, session->role, "consumer_close", result) : 0;
}

int session_come_back(struct session *session, const char *name)
{
	int result;

	if (session_close(session))
		return 1;
	result = session_open(session, name, SHMRING_NEWEST, 0);
	return result ? role_fail(session->board, session->role, "come back", result) : 0;
}

int session_begin_anew(struct session *session, const char *name)
{
	int result;

	if (session_close(session))
		return 1;
	/* From here on it may be gone, or begin anywhere. */
	atomic_store_explicit(&session->role->settled, 0, memory_order_release);
	result = shmring_unsubscribe(session->board->ring, name);
	if (result)
		return role_fail(session->board, session->role, "unsubscribe", result);
	result = session_open(session, name, SHMRING_OLDEST, 0);
	return result ? role_fail(session->board, session->role, "begin anew", result) : 0;
}

/*
 * A sleep that came to its bound although there was a record. A producer that was killed meanwhile
 * may have been just about to end it.
 */
static void note_late(struct session *session, uint64_t buried_before)
{
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;
	uint64_t deaths = atomic_load_explicit(&session->board->deaths, memory_order_acquire);

	if (shmring_consumer_info(session->consumer, &info) != 0 || info.late == session->late)
		return;
	/* Of a group's many sleepers, some look by themselves just as others are woken. */
	role_was_late(session->role, info.late - session->late,
		      deaths != buried_before || session->role->kind == KIND_MEMBER);
	session->late = info.late;
}

enum step session_wait(struct session *session)
{
	uint64_t buried =
		atomic_load_explicit(&session->board->buried_producers, memory_order_acquire);
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
	note_late(session, buried);
	if (result == 0 || result == -EPIPE ||
	    (timeout >= 0 && (result == -ETIMEDOUT || result == -EAGAIN)) ||
	    (result == -EOWNERDEAD &&
	     atomic_load_explicit(&session->board->kills, memory_order_relaxed)))
		return STEP_NOTHING;
	if (result == -ECONNRESET && session->policy == SHMRING_DEADLINE)
		return session_rejoin(session);
	role_fail(session->board, session->role, "wait", result);
	return STEP_FAILED;
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
