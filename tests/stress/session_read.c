/* SPDX-License-Identifier: MIT */
/* Reading: in place and copied, one record and many, and what it means when there is nothing. */
#include "session.h"

#include <errno.h>
#include <string.h>

/* Most records that are read before one release. */
#define HELD_MOST 64

struct known known_now(const struct board *board)
{
	return (struct known){
		.finished = atomic_load_explicit(&board->finished, memory_order_acquire) != 0,
		.deaths = atomic_load_explicit(&board->deaths, memory_order_acquire),
		.published = atomic_load_explicit(&board->published, memory_order_acquire),
	};
}

static enum step fail(struct session *session, const char *what, int result)
{
	role_fail(session->board, session->role, what, result);
	return STEP_FAILED;
}

/* What is read may be overwritten meanwhile, which the release then tells. */
static int may_be_torn(const struct session *session)
{
	return session->observer || session->policy != SHMRING_RELIABLE;
}

static int is_deaf(const struct session *session)
{
	return session->board->plan.sabotage == SABOTAGE_DEAF &&
	       session->role->kind == KIND_RELIABLE && session->role->number == 0;
}

/* There is no producer, or there was none for a while. */
static enum step told(struct session *session, int result, const struct known *known)
{
	if (result == -EOWNERDEAD &&
	    atomic_load_explicit(&session->board->kills, memory_order_acquire) == 0)
		return fail(session, "nobody was killed", result);
	/* It reads on to the end before it is told. */
	if (session->checker.reliable && !session->checker.anywhere &&
	    session->checker.next < known->published)
		return fail(session, "told of the end before everything was read", result);
	if (!is_deaf(session))
		atomic_store_explicit(&session->role->told, known->deaths, memory_order_release);
	return result == -EPIPE && known->finished ? STEP_ENDED : STEP_NOTHING;
}

enum step session_nothing(struct session *session, int result, const struct known *known)
{
	if (result == -EAGAIN)
		return STEP_NOTHING;
	if (result == -EPIPE || result == -EOWNERDEAD)
		return told(session, result, known);
	if (result == -ECONNRESET && !session->observer && session->policy == SHMRING_DEADLINE)
		return session_rejoin(session);
	return fail(session, "read", result);
}

enum step session_rejoin(struct session *session)
{
	int result;

	role_does(session->role, DOING_OPEN);
	do
		result = shmring_rejoin(session->consumer, &session->rejoin_lost);
	while (result == -ECONNRESET);
	if (result)
		return fail(session, "rejoin", result);
	session->rejoined = 1;
	/* At the first record not released, or with a gap before it. */
	checker_expect(&session->checker, session->checker.next);
	atomic_fetch_add_explicit(&session->role->evictions, 1, memory_order_relaxed);
	role_tick(session->role);
	return STEP_READ;
}

static void judge(struct session *session, const struct shmring_record *record)
{
	const enum sabotage sabotage = session->board->plan.sabotage;
	struct shmring_record found = *record;

	if (sabotage == SABOTAGE_DROP && record->sequence % 300 == 299)
		return;
	if (sabotage == SABOTAGE_SHORT && found.lost && session->policy == SHMRING_DEADLINE)
		found.lost--;
	checker_record(&session->checker, &found);
	if (session->rejoined && found.lost != session->rejoin_lost)
		checker_lost(&session->checker, 1,
			     "rejoin and the record after it disagree: lost, lost",
			     session->rejoin_lost, found.lost);
	session->rejoined = 0;
	role_tick(session->role);
}

static enum step copied(struct session *session, int result, const struct shmring_record *record,
			const struct known *known)
{
	if (result) {
		session_releasing(session, session->checker.next);
		return session_nothing(session, result, known);
	}
	judge(session, record);
	session_releasing(session, session->checker.next);
	session_released(session, session->checker.next);
	return STEP_READ;
}

static enum step read_copy(struct session *session)
{
	const size_t room = (size_t)session->board->stream.size_maximum;
	struct known known = known_now(session->board);
	struct shmring_record record;
	int result;

	if (session->durable)
		session_releasing(session, session->checker.next + 1);
	if (room && random_once_in(&session->random, 4)) {
		size_t small = (size_t)random_below(&session->random, room < 64 ? room : 64);

		session->buffer[small] = '#';
		result = shmring_read_copy(session->consumer, session->buffer, small, &record);
		if (session->buffer[small] != '#')
			return fail(session, "read_copy wrote behind the buffer", result);
		if (result != -EMSGSIZE)
			return copied(session, result, &record, &known);
		if (record.length <= small || record.length > room)
			return fail(session, "read_copy asks for a buffer of", (int)record.length);
	}
	result = shmring_read_copy(session->consumer, session->buffer, room, &record);
	return copied(session, result, &record, &known);
}

/* Reads up to `most` in place, looks at all of them at once, and releases them. */
static enum step read_in_place(struct session *session, unsigned int most)
{
	struct shmring_record records[HELD_MOST];
	struct checker before = session->checker;
	struct known known = known_now(session->board);
	unsigned int count = 0;
	int result = 0;

	while (count < most && (result = shmring_read(session->consumer, &records[count])) == 0)
		count++;
	if (count == 0)
		return session_nothing(session, result, &known);
	if (session->board->plan.sabotage == SABOTAGE_SWAP && count > 1) {
		struct shmring_record swapped = records[0];

		records[0] = records[1];
		records[1] = swapped;
	}
	for (unsigned int i = 0; i < count; i++)
		judge(session, &records[i]);
	session_releasing(session, session->checker.next);
	result = shmring_release(session->consumer);
	if (result == 0) {
		session_released(session, session->checker.next);
		return STEP_READ;
	}
	if ((result != -EOVERFLOW || session->checker.reliable) &&
	    (result != -ECONNRESET || session->observer || session->policy != SHMRING_DEADLINE))
		return fail(session, "release", result);
	/* All of it is void, and will come again or be reported as lost. */
	session->checker = before;
	session_releasing(session, session->checker.next);
	return result == -ECONNRESET ? session_rejoin(session) : STEP_READ;
}

/* Whether to copy the next record out. */
static int copies(struct session *session)
{
	int wants = random_once_in(&session->random, 4);

	/* ThreadSanitizer cannot know that what a lapped reader reads is thrown away. */
	if (UNDER_TSAN && may_be_torn(session))
		return 1;
	/*
	 * A durable one notes what a copy will release: the next record, if it is known, and is
	 * there.
	 */
	if (session->durable && !UNDER_TSAN)
		return wants && !may_be_torn(session) && shmring_wait(session->consumer, 0) == 0;
	return wants;
}

enum step session_read(struct session *session)
{
	enum step step;

	role_does(session->role, DOING_READ);
	if (copies(session))
		step = read_copy(session);
	else if (random_once_in(&session->random, 3))
		step = read_in_place(session,
				     (unsigned int)random_between(&session->random, 1, HELD_MOST));
	else
		step = read_in_place(session, 1);
	session_report(session);
	return step;
}
