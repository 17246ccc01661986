/* SPDX-License-Identifier: MIT */
/* The reading roles: those that stay for the whole run, and those that come and go. */
#include "session.h"

#include <errno.h>
#include <string.h>

#define NS_PER_MS 1000000LL

/* Leaves, and joins again where it was, or somewhere else. */
static int rejoin(struct session *session, const char *name)
{
	static const enum shmring_start starts[] = { SHMRING_SEQUENCE, SHMRING_OLDEST,
						     SHMRING_NEWEST };
	enum shmring_start start = starts[random_below(&session->random, 3)];
	uint64_t published, value;
	int result;

	if (session_close(session))
		return 1;
	if (session->checker.anywhere && start == SHMRING_SEQUENCE)
		start = SHMRING_OLDEST; /* it had not read anything yet */
	value = session->checker.next;
	published = atomic_load_explicit(&session->board->published, memory_order_acquire);
	result = session_open(session, name, start, value);
	if (result)
		return role_fail(session->board, session->role, "join again", result);
	session_expect(session, start, value, published);
	return 0;
}

/*
 * A change of place now and then, for those that do not stay where they are; a durable one keeps
 * its place.
 */
static int roam(struct session *session, const char *name)
{
	if (session->durable) {
		if (random_once_in(&session->random, 3000))
			return session_begin_anew(session, name);
		return random_once_in(&session->random, 300) ? session_come_back(session, name) : 0;
	}
	if (session->steady)
		return 0;
	if (random_once_in(&session->random, 1000) && session_seek(session))
		return 1;
	return random_once_in(&session->random, 3000) ? rejoin(session, name) : 0;
}

/* Slow for a while, fast for a while. */
static void pace(struct session *session, uint64_t *slow)
{
	if (*slow > 0) {
		--*slow;
		role_does(session->role, DOING_PAUSE);
		pause_ns(random_below(&session->random, NS_PER_MS / 10));
	} else if (random_once_in(&session->random, 5000)) {
		*slow = random_below(&session->random, 300);
	}
}

/*
 * One with a deadline stops reading for so long that it is evicted, if anything is published
 * meanwhile.
 */
static void lag(struct session *session)
{
	if (session->policy != SHMRING_DEADLINE || session->observer ||
	    !random_once_in(&session->random, 200))
		return;
	role_does(session->role, DOING_PAUSE);
	for (int naps = 0; naps < 200 && shmring_wait(session->consumer, 0) == 0; naps++)
		pause_ns(NS_PER_MS / 2);
}

static void hang_if_told(struct session *session)
{
	while (session->board->plan.sabotage == SABOTAGE_HANG && session->role->number == 0 &&
	       session->role->kind == KIND_RELIABLE && session->checker.tally.delivered > 100)
		pause_ns(100 * NS_PER_MS);
}

static int read_to_the_end(struct session *session, const char *name)
{
	uint64_t slow = 0;

	for (;;) {
		enum step step = session_read(session);

		if (step == STEP_NOTHING)
			step = session_wait(session);
		if (step == STEP_FAILED)
			return 1;
		if (step == STEP_ENDED)
			return 0;
		hang_if_told(session);
		pace(session, &slow);
		lag(session);
		if (roam(session, name))
			return 1;
	}
}

static void take_role(struct session *session)
{
	static const enum shmring_policy durable[] = { SHMRING_RELIABLE, SHMRING_DEADLINE,
						       SHMRING_LOSSY };
	const struct role *role = session->role;

	session->observer = role->kind == KIND_OBSERVER;
	session->durable = role->kind == KIND_DURABLE;
	if (session->durable)
		session->policy = durable[role->number % 3];
	else if (role->kind == KIND_LOSSY)
		session->policy = SHMRING_LOSSY;
	else if (role->kind == KIND_DEADLINE)
		session->policy = SHMRING_DEADLINE;
	else
		session->policy = SHMRING_RELIABLE;
	session->steady = role->number % 2 == 0 || role->kind == KIND_DEADLINE;
}

/*
 * The first process of a role is there before the first record. The next one starts somewhere, or
 * where it was.
 */
static int join(struct session *session)
{
	static const enum shmring_start starts[] = { SHMRING_OLDEST, SHMRING_NEWEST,
						     SHMRING_SEQUENCE };
	struct board *board = session->board;
	struct role *role = session->role;
	enum shmring_start start = SHMRING_OLDEST;
	uint64_t published = atomic_load_explicit(&board->published, memory_order_acquire);
	int result;

	if (role->life > 0)
		start = starts[random_below(&session->random, 3)];
	result = session_open(session, role->name, start, published);
	if (result)
		return role_fail(board, role, "join", result);
	if (role->life > 0) {
		session_expect(session, start, published, published);
	} else {
		checker_expect(&session->checker, 0);
		atomic_fetch_add_explicit(&board->ready, 1, memory_order_release);
	}
	return 0;
}

int run_reader(struct board *board, struct role *role)
{
	struct session session;

	session_init(&session, board, role, 100 + (uint64_t)role->kind * 1000 + role->number);
	take_role(&session);
	if (join(&session) || read_to_the_end(&session, role->name))
		return 1;
	checker_end(&session.checker,
		    atomic_load_explicit(&board->published, memory_order_relaxed));
	if (session_close(&session))
		return 1;
	if (session.durable) {
		int result = shmring_unsubscribe(board->ring, role->name);

		if (result)
			return role_fail(board, role, "unsubscribe", result);
	}
	return 0;
}

/*
 * One visit: in any role, at any place, for some records. Returns a step; STEP_ENDED when the run
 * is over.
 */
static enum step visit(struct session *session)
{
	static const enum shmring_start starts[] = { SHMRING_OLDEST, SHMRING_NEWEST,
						     SHMRING_SEQUENCE };
	enum shmring_start start = starts[random_below(&session->random, 3)];
	uint64_t published = atomic_load_explicit(&session->board->published, memory_order_acquire);
	uint64_t value = published, records = random_between(&session->random, 1, 200);
	enum step step = STEP_NOTHING;
	int result;

	session->observer = random_once_in(&session->random, 3);
	session->policy = random_once_in(&session->random, 3) ? SHMRING_LOSSY : SHMRING_RELIABLE;
	if (random_once_in(&session->random, 3))
		value += random_below(&session->random, 50); /* may be not written yet */
	else
		value -= random_below(&session->random, (value < 3000 ? value : 3000) + 1);
	result = session_open(session, NULL, start, value);
	if (result == -ERANGE && start == SHMRING_SEQUENCE && value > published)
		return STEP_NOTHING;
	if (result) {
		role_fail(session->board, session->role, "join", result);
		return STEP_FAILED;
	}
	session_expect(session, start, value, published);
	while (records-- > 0 && (step == STEP_NOTHING || step == STEP_READ)) {
		step = session_read(session);
		if (step == STEP_NOTHING)
			step = session_wait(session);
	}
	if (step == STEP_ENDED)
		checker_end(&session->checker,
			    atomic_load_explicit(&session->board->published, memory_order_relaxed));
	return session_close(session) ? STEP_FAILED : step;
}

int run_joiner(struct board *board, struct role *role)
{
	struct session session;
	enum step step;

	session_init(&session, board, role, 100 + (uint64_t)role->kind * 1000 + role->number);
	while (atomic_load_explicit(&board->ready, memory_order_acquire) + 1 + board->plan.joiners <
	       board->roles)
		pause_ns(NS_PER_MS);
	do {
		step = visit(&session);
		role_tick(role);
	} while (step != STEP_FAILED && !board_stopped(board) &&
		 !atomic_load_explicit(&board->finished, memory_order_acquire));
	return step == STEP_FAILED;
}
