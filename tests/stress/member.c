/* SPDX-License-Identifier: MIT */
/*
 * A member of the group: claims few records or many, gives them back at once or by and by, and
 * comes and goes. What it was given stands in the ledger.
 */
#include "session.h"

#include <errno.h>

#define NS_PER_MS 1000000ULL

#define GROUP_NAME "group"

/* Most records read before one release. */
#define HELD_MOST SHMRING_CLAIM_MAX

struct member {
	struct session session;
	uint64_t fresh; /* no record below comes for the first time */
	int clean;      /* the last release gave back all that was read, and there is no loss to tell */
};

static enum step fail(struct member *member, const char *what, int64_t result)
{
	role_fail(member->session.board, member->session.role, what, result);
	return STEP_FAILED;
}

static int can_be_torn(const struct member *member)
{
	return member->session.policy != SHMRING_RELIABLE;
}

static int open_group(struct member *member)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct session *session = &member->session;
	const struct plan *plan = &session->board->plan;
	int result;

	role_does(session->role, DOING_OPEN);
	options.subscription = GROUP_NAME;
	options.shared = 1;
	options.policy = plan->policy;
	options.durable = plan->durable_group ? 1 : 0;
	options.deadline_ns = plan->policy == SHMRING_DEADLINE ? DEADLINE_NS : 0;
	/* 0 is the default, 1. */
	options.claim_batch = (uint32_t)random_below(&session->random, plan->claim + 1);
	/* Where it begins counts for the first one, and then there is nothing yet. */
	options.start = SHMRING_OLDEST;
	do
		result = shmring_consumer_open(&session->consumer, session->board->ring, &options);
	while (result == -ECONNRESET && plan->policy == SHMRING_DEADLINE);
	if (result)
		return role_fail(session->board, session->role, "join the group", result);
	session->late = 0;
	session->checker.reliable = !can_be_torn(member);
	checker_expect_any(&session->checker);
	member->fresh = 0;
	atomic_fetch_add_explicit(&session->role->joins, 1, memory_order_relaxed);
	role_tick(session->role);
	return 0;
}

/* A mistake on purpose in some records, to see that the ledger finds it. */
static void note(struct member *member, uint64_t sequence, int flagged)
{
	struct ledger *ledger = member->session.board->ledger;
	const enum sabotage sabotage = member->session.board->plan.sabotage;
	const int picked = sequence % 300 == 299;

	if (picked && sabotage == SABOTAGE_DROP)
		return;
	ledger_note(ledger, sequence, flagged);
	if (picked && (sabotage == SABOTAGE_TWICE || sabotage == SABOTAGE_FLAG))
		ledger_note(ledger, sequence, sabotage == SABOTAGE_FLAG);
}

/* Is it what it should be, by itself? */
static void judge(struct member *member, const struct shmring_record *record)
{
	struct session *session = &member->session;
	struct shmring_record found = *record;

	found.flags &= (uint16_t)~SHMRING_REDELIVERED;
	if (session->board->plan.sabotage == SABOTAGE_SHORT && found.lost)
		found.lost--;
	/* Its number may be any; the ledger knows which were due. */
	checker_expect_any(&session->checker);
	checker_record(&session->checker, &found);
	checker_expect_any(&session->checker);
	role_tick(session->role);
}

/* Are they one claim, or a part of one? */
static enum step judge_claim(struct member *member, const struct shmring_record *records,
			     unsigned int count)
{
	if (count > (member->session.board->plan.claim ? member->session.board->plan.claim : 1))
		return fail(member, "more records at once than asked for", count);
	for (unsigned int i = 1; i < count; i++)
		if (records[i].sequence != records[i - 1].sequence + 1 ||
		    records[i].flags != records[0].flags || records[i].lost != 0)
			return fail(member, "a claim of records that are no neighbours",
				    (int64_t)records[i].sequence);
	if (records[0].flags & SHMRING_REDELIVERED)
		return STEP_READ;
	if (records[0].sequence < member->fresh)
		return fail(member, "the group went back to", (int64_t)records[0].sequence);
	member->fresh = records[count - 1].sequence + 1;
	return STEP_READ;
}

static void note_all(struct member *member, const struct shmring_record *records,
		     unsigned int count)
{
	struct holding *holding = &member->session.role->holding;

	for (unsigned int i = 0; i < count; i++) {
		if (!can_be_torn(member))
			holding_add(holding, records[i].sequence);
		note(member, records[i].sequence, records[i].flags & SHMRING_REDELIVERED);
	}
}

/* The last record before the end of the run: all that was lost has been told. */
static void park(struct member *member, uint64_t sequence)
{
	struct board *board = member->session.board;
	const uint64_t farewell = atomic_load_explicit(&board->farewell, memory_order_acquire);

	if (farewell == 0 || sequence < farewell)
		return;
	session_report(&member->session);
	atomic_fetch_add_explicit(&board->parked, 1, memory_order_release);
	while (!atomic_load_explicit(&board->finished, memory_order_acquire)) {
		role_tick(member->session.role);
		pause_ns(NS_PER_MS);
	}
}

static enum step refused(struct member *member, int result)
{
	member->clean = 0;
	if (result == -ECONNRESET && member->session.policy == SHMRING_DEADLINE)
		return session_rejoin(&member->session);
	if (result == -EOVERFLOW && member->session.policy == SHMRING_LOSSY)
		return STEP_READ;
	return fail(member, "release", result);
}

static enum step release(struct member *member, const struct shmring_record *records,
			 unsigned int count)
{
	int result = shmring_release(member->session.consumer);
	enum step step = STEP_READ;

	if (result)
		return refused(member, result);
	holding_clear(&member->session.role->holding);
	if (can_be_torn(member)) {
		step = judge_claim(member, records, count);
		note_all(member, records, count);
	}
	member->clean = 1;
	if (step == STEP_READ)
		park(member, records[count - 1].sequence);
	return step;
}

/* Leaves, with what was read and not released, and comes back. */
static enum step leave(struct member *member)
{
	struct session *session = &member->session;
	const struct holding *holding = &session->role->holding;

	/* Before it: somebody else may have it again as soon as we are gone. */
	if (atomic_load_explicit(&holding->to, memory_order_relaxed)) {
		ledger_bequeath(session->board->ledger, holding);
		atomic_fetch_add_explicit(&session->board->ledger->left, 1, memory_order_relaxed);
	}
	holding_clear(&session->role->holding);
	return session_close(session) || open_group(member) ? STEP_FAILED : STEP_READ;
}

/* The first one of a group that is not durable stays, or the group would end. */
static int may_leave(const struct member *member)
{
	return member->session.role->number > 0 || member->session.board->plan.durable_group;
}

static void hang_if_told(const struct member *member)
{
	const struct session *session = &member->session;

	while (session->board->plan.sabotage == SABOTAGE_HANG && session->role->number == 0 &&
	       session->checker.tally.delivered > 100)
		pause_ns(100 * NS_PER_MS);
}

static enum step read_in_place(struct member *member, unsigned int most)
{
	static _Thread_local struct shmring_record records[HELD_MOST];
	struct session *session = &member->session;
	const struct known known = known_now(session->board);
	const struct checker before = session->checker;
	unsigned int count = 0;
	enum step step = STEP_READ;
	int result = 0;

	while (count < most &&
	       (result = shmring_read(session->consumer, &records[count])) == 0)
		count++;
	if (count == 0) {
		member->clean = member->clean && result == -EAGAIN;
		return session_nothing(session, result, &known);
	}
	if (random_once_in(&session->random, 20)) {
		role_does(session->role, DOING_PAUSE);
		pause_ns(random_below(&session->random, NS_PER_MS / 5));
	}
	for (unsigned int i = 0; i < count; i++)
		judge(member, &records[i]);
	if (!can_be_torn(member)) {
		step = judge_claim(member, records, count);
		note_all(member, records, count);
	}
	hang_if_told(member);
	if (step != STEP_READ)
		return step;
	if (!can_be_torn(member) && may_leave(member) && random_once_in(&session->random, 500))
		return leave(member);
	step = release(member, records, count);
	/* What could not be released is void, and counts as lost. */
	if (!member->clean) {
		session->checker = before;
		session_report(session);
	}
	return step;
}

static enum step copied(struct member *member, int result, const struct shmring_record *record,
			const struct known *known)
{
	if (result) {
		member->clean = 0;
		return session_nothing(&member->session, result, known);
	}
	judge(member, record);
	if (judge_claim(member, record, 1) != STEP_READ)
		return STEP_FAILED;
	note(member, record->sequence, record->flags & SHMRING_REDELIVERED);
	member->clean = 1;
	park(member, record->sequence);
	return STEP_READ;
}

static enum step read_copy(struct member *member)
{
	struct session *session = &member->session;
	const size_t room = (size_t)session->board->stream.size_maximum;
	const struct known known = known_now(session->board);
	struct shmring_record record;
	int result = -EMSGSIZE;

	if (room && random_once_in(&session->random, 4))
		result = shmring_read_copy(session->consumer, session->buffer,
					   (size_t)random_below(&session->random, room), &record);
	if (result == -EMSGSIZE)
		result = shmring_read_copy(session->consumer, session->buffer, room, &record);
	return copied(member, result, &record, &known);
}

/*
 * A copy is released before it can be noted: not where every record counts and somebody may be
 * killed.
 */
static int copies(struct member *member)
{
	if (UNDER_TSAN && can_be_torn(member))
		return 1;
	if (!can_be_torn(member) && member->session.board->plan.kills)
		return 0;
	return random_once_in(&member->session.random, 4);
}

static enum step read_some(struct member *member)
{
	struct random *random = &member->session.random;
	enum step step;

	role_does(member->session.role, DOING_READ);
	if (copies(member))
		step = read_copy(member);
	else
		step = read_in_place(member, random_once_in(random, 3)
						     ? (unsigned int)random_between(random, 1, 8)
						     : HELD_MOST);
	session_report(&member->session);
	return step;
}

static int read_to_the_end(struct member *member)
{
	struct session *session = &member->session;

	for (;;) {
		enum step step = read_some(member);

		if (step == STEP_NOTHING) {
			step = session_wait(session);
			member->clean &= step == STEP_NOTHING;
		}
		if (step == STEP_ENDED)
			return 0;
		if (step == STEP_READ && member->clean && may_leave(member) &&
		    random_once_in(&session->random, 1000))
			step = leave(member);
		if (step == STEP_FAILED)
			return 1;
		if (random_once_in(&session->random, 2000)) {
			role_does(session->role, DOING_PAUSE);
			pause_ns(random_below(&session->random, 20 * NS_PER_MS));
		}
	}
}

int run_member(struct board *board, struct role *role)
{
	struct member member = { .clean = 0 };

	session_init(&member.session, board, role, 100 + (uint64_t)role->kind * 1000 + role->number);
	member.session.policy = board->plan.policy;
	holding_clear(&role->holding);
	if (open_group(&member))
		return 1;
	if (role->life == 0)
		atomic_fetch_add_explicit(&board->ready, 1, memory_order_release);
	if (read_to_the_end(&member))
		return 1;
	return session_close(&member.session);
}
