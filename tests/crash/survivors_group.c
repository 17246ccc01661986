/* SPDX-License-Identifier: MIT */
/* survivors_group.c - the members of the victim's group that live. */
#include "survivors.h"
#include "victims.h"

#include "../../lib/consumer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

/* More records than a world ever has, and more than a claim. */
#define RECORDS_MAX 65536
#define HELD_MAX    64

/* Turns that two members take; more than there are records. */
#define TURNS_MAX 100000

/* What the survivors were given. */
static struct {
	uint64_t base;     /* everything from here on is the group's; UINT64_MAX: not known yet */
	uint64_t released; /* the victim had released everything below, for sure */
	uint64_t given;    /* below: only with the flag */
	uint64_t told;     /* lost */
	uint64_t flagged;
	unsigned char plain[RECORDS_MAX], again[RECORDS_MAX];
	struct member {
		struct shmring_record held[HELD_MAX];
		unsigned int count;
	} member[2];
} group;

static bool may_lose(const struct rescue *rescue)
{
	return rescue->plan.group.policy == SHMRING_LOSSY || rescue->world->board->evicted;
}

void group_begins(struct rescue *rescue)
{
	const struct world *world = rescue->world;
	const struct board *board = world->board;

	memset(&group, 0, sizeof(group));
	group.released = board->released;
	group.given = board->given;
	group.base = board->released < world->oldest ? world->oldest : board->released;
	if (rescue->plan.present & WHO(PEER))
		return;
	/* With the first member, if it is not durable or did not get far, the group ends. */
	if (!rescue->plan.group.durable || board->opened != 2) {
		group.base = UINT64_MAX;
		group.released = group.given = 0;
	}
}

static bool took(struct rescue *rescue, const char *who, struct member *member,
		 const struct shmring_record *record)
{
	const uint64_t sequence = record->sequence;
	const bool again = record->flags & SHMRING_REDELIVERED;
	const uint64_t place = sequence - rescue->plan.first_sequence;

	if (sequence >= rescue->high || place >= RECORDS_MAX)
		return rescue_bad(rescue, "%s: record %" PRIu64 " was never committed", who,
				  sequence);
	if (!record_sound(&rescue->plan, record))
		return rescue_bad(rescue,
				  "%s: record %" PRIu64 " at %" PRIu64 " is torn or invented", who,
				  sequence, record->position);
	if (record->lost && !may_lose(rescue))
		return rescue_bad(rescue, "%s: %" PRIu64 " records lost before %" PRIu64, who,
				  record->lost, sequence);
	if (group.base == UINT64_MAX)
		group.base = sequence;
	if (sequence < group.released || sequence < group.base)
		return rescue_bad(rescue,
				  "%s: record %" PRIu64 " again, but the victim had released all "
				  "below %" PRIu64,
				  who, sequence, group.released);
	if (!again && (sequence < group.given || group.plain[place] || group.again[place]))
		return rescue_bad(rescue, "%s: record %" PRIu64 " twice, without the flag", who,
				  sequence);
	if (again && group.again[place])
		return rescue_bad(rescue, "%s: record %" PRIu64 " redelivered twice", who,
				  sequence);
	if (again)
		group.again[place] = 1;
	else
		group.plain[place] = 1;
	group.flagged += again;
	group.told += record->lost;
	if (member->count < HELD_MAX)
		member->held[member->count++] = *record;
	return true;
}

static bool give_back(struct rescue *rescue, const char *who, struct member *member,
		      struct shmring_consumer *consumer)
{
	const int error = shmring_release(consumer);

	/* Overtaken: they count as lost, and are told so with the next one. */
	if (error == -EOVERFLOW && may_lose(rescue)) {
		for (unsigned int i = 0; i < member->count; i++) {
			const struct shmring_record *record = &member->held[i];
			const uint64_t place = record->sequence - rescue->plan.first_sequence;

			if (record->flags & SHMRING_REDELIVERED)
				group.again[place] = 0;
			else
				group.plain[place] = 0;
			group.told -= record->lost;
		}
	} else if (error && !(error == -ECONNRESET && may_lose(rescue))) {
		return rescue_bad(rescue, "%s: release: %s", who, shmring_strerror(error));
	}
	member->count = 0;
	return true;
}

static uint64_t wall_coarse_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Some records; `idle` if there was nothing. What is read may stay unreleased for the next turn. */
static bool turn(struct rescue *rescue, const char *who, struct member *member,
		 struct shmring_consumer *consumer, bool *idle)
{
	struct shmring_record record;

	*idle = false;
	for (unsigned int i = 0; i < 5; i++) {
		int error;

		/* As if it had just looked for them. */
		if (rescue->unaware)
			consumer->claim.looked_ns = wall_coarse_ns();
		error = shmring_read(consumer, &record);
		if (error == 0) {
			if (!took(rescue, who, member, &record) ||
			    (record.sequence % 3 == 0 && !give_back(rescue, who, member, consumer)))
				return false;
			continue;
		}
		if (error == -ECONNRESET && rescue->world->board->evicted)
			error = shmring_rejoin(consumer, NULL);
		else if ((error == -EALREADY || error == -EAGAIN) &&
			 !give_back(rescue, who, member, consumer))
			return false;
		/* Waiting looks for what dead members left, whenever that was last done. */
		if (error == -EAGAIN && !rescue->unaware)
			error = shmring_wait(consumer, 0);
		*idle = error == -EAGAIN;
		return error == 0 || error == -EALREADY || error == -EAGAIN ||
		       (error == -ECONNRESET && rescue->world->board->evicted) ||
		       rescue_bad(rescue, "%s: read: %s", who, shmring_strerror(error));
	}
	return true;
}

bool group_reads(struct rescue *rescue)
{
	struct shmring_consumer *peer = rescue->world->copy.reader[PEER].consumer;
	bool idle, other = true;

	if (!rescue->world->scenario->group ||
	    (rescue->lazy && rescue->plan.group.policy == SHMRING_LOSSY))
		return true;
	for (unsigned int i = 0; i < TURNS_MAX; i++) {
		idle = other = true;
		if ((peer && !turn(rescue, "peer", &group.member[0], peer, &idle)) ||
		    (rescue->fellow &&
		     !turn(rescue, "fellow", &group.member[1], rescue->fellow, &other)))
			return false;
		if (idle && other)
			return true;
	}
	return rescue_bad(rescue, "the group reads for ever");
}

bool fellow_joins(struct rescue *rescue)
{
	const struct world *world = rescue->world;
	const struct shmring_consumer_options options = victim_options(world->scenario);

	return rescue->fellow ||
	       rescue_expect(rescue,
			     shmring_consumer_open(&rescue->fellow, world->copy.name, &options), 0,
			     "a further member joins");
}

bool group_reaped(struct rescue *rescue)
{
	const struct shmring_consumer_options *options = &rescue->plan.group;
	struct shmring_subscription_info info = SHMRING_SUBSCRIPTION_INFO_INIT;

	if (!options->shared || options->durable || options->policy == SHMRING_LOSSY ||
	    rescue->plan.present & WHO(PEER) || rescue->fellow)
		return true;
	/* One that did not quite join may stay, without a gate, until somebody needs its place. */
	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++)
		if (shmring_inspect_subscription(rescue->world->inspector, slot, &info) == 0 &&
		    strcmp(info.name, options->subscription) == 0 && !info.evicted && !info.joining)
			return rescue_bad(rescue, "the dead group is still there");
	return true;
}

bool group_complete(struct rescue *rescue)
{
	const struct board *board = rescue->world->board;
	const uint64_t batch = rescue->world->scenario->group;
	const struct shmring_consumer *peer = rescue->world->copy.reader[PEER].consumer;
	uint64_t missing = 0, first = 0;
	/* Also what would be told with the next record. */
	const uint64_t told = group.told + (peer ? peer->claim.lost : 0) +
			      (rescue->fellow ? rescue->fellow->claim.lost : 0);

	if (!batch || group.base == UINT64_MAX)
		return true;
	for (uint64_t sequence = group.base; sequence < rescue->high; sequence++) {
		const uint64_t place = sequence - rescue->plan.first_sequence;

		if (group.plain[place] || group.again[place] ||
		    (group.released && sequence < board->releasing))
			continue;
		first = missing++ ? first : sequence;
	}
	/* Of one that was overtaken before the victim came, the victim may have been told. */
	if (missing > told && !rescue->plan.asleep)
		return rescue_bad(rescue,
				  "%" PRIu64 " records were given to no member, the first %" PRIu64
				  "; %" PRIu64 " were told to be lost",
				  missing, first, told);
	/* The victim's, and that of the one that was dead before. */
	if (group.flagged > (rescue->plan.present & WHO(GHOST) ? 3 : 2) * batch)
		return rescue_bad(rescue, "%" PRIu64 " records were redelivered", group.flagged);
	return true;
}

void group_ends(struct rescue *rescue)
{
	struct shmring_consumer *peer = rescue->world->copy.reader[PEER].consumer;
	struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET, .l_len = 1 };

	shmring_consumer_close(rescue->fellow);
	rescue->fellow = NULL;
	if (!peer || peer->claim.member == peer->subscription.member)
		return;
	lock.l_start = LOCK_MEMBER(peer->claim.member);
	fcntl(peer->handle.segment.lock_fd, F_OFD_SETLK, &lock);
}
