/* SPDX-License-Identifier: MIT */
/*
 * The producer: every way to write, in random order and at random speed. What it writes follows
 * from seed and sequence.
 */
#include "board.h"
#include "../support/payload.h"
#include "../support/random.h"

#include <errno.h>
#include <string.h>

#define NS_PER_MS 1000000LL

struct writer {
	struct board *board;
	struct role *role;
	struct shmring_producer *producer;
	struct random random;
	uint64_t sequence; /* of the next record, withheld ones included */
	uint64_t batch_start;
	uint64_t batched; /* records withheld */
	uint64_t late;    /* as this handle last told */
	char *scratch;
};

static size_t length_of(const struct writer *writer, uint64_t sequence)
{
	const struct stream *stream = &writer->board->stream;

	return payload_length(stream->seed, sequence, stream->size_minimum, stream->size_maximum);
}

/* A byte is spoilt in one record of a few hundred. */
static void fill(struct writer *writer, void *data, size_t length)
{
	payload_fill(data, length, writer->board->stream.seed, writer->sequence);
	if (writer->board->plan.sabotage == SABOTAGE_TEAR && length &&
	    writer->sequence % 300 == 299)
		((char *)data)[random_below(&writer->random, length)] ^= 1;
}

/* Before what is about to be published: all records up to there, or none of those that are new. */
static void intend(struct writer *writer, uint64_t sequence)
{
	atomic_store_explicit(&writer->board->intended, sequence, memory_order_release);
}

static void written(struct writer *writer, int withheld)
{
	writer->sequence++;
	writer->batched = withheld ? writer->batched + 1 : 0;
	if (!withheld) {
		writer->batch_start = writer->sequence;
		atomic_store_explicit(&writer->board->published, writer->sequence,
				      memory_order_release);
	}
	role_tick(writer->role);
}

/*
 * A sleep that came to its bound although there was room. A consumer that was killed meanwhile may
 * have been just about to end it, or have held the room.
 */
static void note_late(struct writer *writer, uint64_t buried_before)
{
	struct shmring_producer_info info = SHMRING_PRODUCER_INFO_INIT;
	uint64_t kills = atomic_load_explicit(&writer->board->kills, memory_order_acquire);

	if (shmring_producer_info(writer->producer, &info) != 0 || info.late == writer->late)
		return;
	role_was_late(writer->role, info.late - writer->late, kills != buried_before);
	writer->late = info.late;
}

/* Room for a record; -EMSGSIZE: the batch has to end first. */
static int wait_for_room(struct writer *writer, size_t length)
{
	uint64_t buried = atomic_load_explicit(&writer->board->buried, memory_order_acquire);
	int polls = random_once_in(&writer->random, 4);
	int result;

	role_does(writer->role, DOING_WAIT_FOR_ROOM);
	do
		result = shmring_producer_wait(
			writer->producer, length,
			polls ? 0 : (int64_t)random_between(&writer->random, 1, 1000 * NS_PER_MS));
	while (result == -EAGAIN || result == -ETIMEDOUT);
	note_late(writer, buried);
	role_does(writer->role, DOING_WRITE);
	return result;
}

static int end_batch(struct writer *writer)
{
	int result;

	intend(writer, writer->sequence);
	result = shmring_flush(writer->producer);
	if (result)
		return role_fail(writer->board, writer->role, "flush", result);
	writer->batched = 0;
	writer->batch_start = writer->sequence;
	atomic_store_explicit(&writer->board->published, writer->sequence, memory_order_release);
	return 0;
}

/* Reserves at least `length`, maybe more. */
static int reserve(struct writer *writer, size_t length, size_t *reserved, void **data)
{
	const struct stream *stream = &writer->board->stream;
	size_t more = (size_t)stream->size_maximum - length;
	int result;

	*reserved = length + (random_once_in(&writer->random, 3)
				      ? (size_t)random_below(&writer->random, more + 1)
				      : 0);
	while ((result = shmring_reserve(writer->producer, *reserved, data)) != 0) {
		if (result == -EAGAIN)
			result = wait_for_room(writer, *reserved);
		if (result == -EMSGSIZE && writer->batched) {
			if (end_batch(writer))
				return 1;
			continue;
		}
		if (result)
			return role_fail(writer->board, writer->role, "reserve", result);
	}
	return 0;
}

static int reserve_and_commit(struct writer *writer, unsigned int flags)
{
	size_t length = length_of(writer, writer->sequence), reserved;
	void *data;
	int result;

	if (reserve(writer, length, &reserved, &data))
		return 1;
	if (random_once_in(&writer->random, 50)) {
		/*
		 * Never mind: whoever sees any of this sees nonsense. Withheld records go with it.
		 */
		memset(data, 0xff, reserved);
		result = shmring_abort(writer->producer);
		if (result)
			return role_fail(writer->board, writer->role, "abort", result);
		writer->sequence = writer->batch_start;
		writer->batched = 0;
		return 0;
	}
	if (reserved > length)
		memset((char *)data + length, 0xff, reserved - length);
	fill(writer, data, length);
	if (!(flags & SHMRING_MORE))
		intend(writer, writer->sequence + 1);
	result = shmring_commit(writer->producer, length,
				payload_type(writer->board->stream.seed, writer->sequence), flags);
	if (result)
		return role_fail(writer->board, writer->role, "commit", result);
	written(writer, (flags & SHMRING_MORE) != 0);
	return 0;
}

static int write_batch(struct writer *writer)
{
	uint64_t count = random_between(&writer->random, 2, writer->board->plan.batch);

	for (uint64_t i = 0; i < count; i++)
		if (reserve_and_commit(writer, i + 1 < count || random_once_in(&writer->random, 2)
						       ? SHMRING_MORE
						       : 0))
			return 1;
	return writer->batched ? end_batch(writer) : 0;
}

/* In pieces or whole, with or without a time-out. */
static int write_copy(struct writer *writer)
{
	size_t length = length_of(writer, writer->sequence), done = 0;
	uint16_t type = payload_type(writer->board->stream.seed, writer->sequence);
	uint64_t buried = atomic_load_explicit(&writer->board->buried, memory_order_acquire);
	struct iovec pieces[8];
	int count = 0, result;

	fill(writer, writer->scratch, length);
	intend(writer, writer->sequence + 1);
	while (count < 7 && done < length && random_once_in(&writer->random, 2)) {
		size_t size = (size_t)random_below(&writer->random, length - done + 1);

		pieces[count++] = (struct iovec){ writer->scratch + done, size };
		done += size;
	}
	pieces[count++] = (struct iovec){ writer->scratch + done, length - done };
	role_does(writer->role, DOING_WAIT_FOR_ROOM);
	do {
		int64_t timeout = random_once_in(&writer->random, 3)
					  ? (int64_t)random_below(&writer->random, NS_PER_MS)
					  : -1;

		result = count > 1 ? shmring_writev(writer->producer, pieces, count, type, timeout)
				   : shmring_write(writer->producer, writer->scratch, length, type,
						   timeout);
	} while (result == -EAGAIN || result == -ETIMEDOUT);
	note_late(writer, buried);
	role_does(writer->role, DOING_WRITE);
	if (result)
		return role_fail(writer->board, writer->role, "write", result);
	written(writer, 0);
	return 0;
}

/* A successor goes on behind what there is: all of what was just being published, or none of it. */
static int judge_succession(struct writer *writer, uint64_t sequence)
{
	struct board *board = writer->board;
	struct role *role = writer->role;
	uint64_t published = atomic_load_explicit(&board->published, memory_order_acquire);
	uint64_t intended = atomic_load_explicit(&board->intended, memory_order_acquire);

	if (role->life > 0 && board->plan.sabotage == SABOTAGE_REPEAT)
		sequence = published - 1;
	if (role->life > 0 && board->plan.sabotage == SABOTAGE_SKIP)
		sequence = intended + 1;
	if (sequence < published) {
		role->tally.out_of_order += published - sequence;
		return role_fail(board, role, "a successor repeats the number", (int64_t)sequence);
	}
	if (sequence != published && (role->life == 0 || sequence != intended)) {
		role->tally.lost += sequence - published;
		return role_fail(board, role, "a successor skips to the number", (int64_t)sequence);
	}
	writer->sequence = writer->batch_start = sequence;
	writer->batched = 0;
	intend(writer, sequence);
	atomic_store_explicit(&board->published, sequence, memory_order_release);
	return 0;
}

static int producer_opened(struct writer *writer)
{
	struct shmring_producer_info info = SHMRING_PRODUCER_INFO_INIT;
	struct board *board = writer->board;
	int result = shmring_producer_info(writer->producer, &info);

	if (result)
		return role_fail(board, writer->role, "producer_info", result);
	if (judge_succession(writer, info.sequence))
		return 1;
	if (info.epoch <= atomic_load_explicit(&board->epochs, memory_order_relaxed))
		return role_fail(board, writer->role, "an epoch that has been",
				 (int64_t)info.epoch);
	atomic_store_explicit(&board->epochs, info.epoch, memory_order_relaxed);
	writer->late = 0;
	return 0;
}

static int reopen(struct writer *writer, int first)
{
	struct board *board = writer->board;
	int result;

	role_does(writer->role, DOING_OPEN);
	if (!first) {
		result = shmring_producer_close(writer->producer);
		if (result)
			return role_fail(board, writer->role, "producer_close", result);
	}
	result = shmring_producer_open(&writer->producer, board->ring, NULL);
	if (result)
		return role_fail(board, writer->role, "producer_open", result);
	if (producer_opened(writer))
		return 1;
	role_does(writer->role, DOING_WRITE);
	return 0;
}

/* Some records in one manner, at one speed. */
static int phase(struct writer *writer)
{
	const struct plan *plan = &writer->board->plan;
	uint64_t count = random_between(&writer->random, 1, 500);
	uint64_t manner = random_below(&writer->random, 4);
	uint64_t speed = plan->flat_out ? 0 : random_below(&writer->random, 8);

	for (uint64_t i = 0; i < count && !board_stopped(writer->board); i++) {
		int failed;

		if (manner == 0 && plan->batch >= 2)
			failed = write_batch(writer);
		else if (manner == 1)
			failed = write_copy(writer);
		else
			failed = reserve_and_commit(writer, 0);
		if (failed)
			return 1;
		if (speed == 1) {
			pause_ns(random_below(&writer->random, 2000));
		} else if (speed == 2 && random_once_in(&writer->random, 20)) {
			role_does(writer->role, DOING_PAUSE);
			pause_ns(random_below(&writer->random, 2 * NS_PER_MS));
			role_does(writer->role, DOING_WRITE);
		}
	}
	return 0;
}

static int wait_for_readers(struct writer *writer)
{
	struct board *board = writer->board;
	int result = 0;

	role_does(writer->role, DOING_WAIT_FOR_READERS);
	if (board->plan.consumers)
		result = shmring_producer_wait_consumers(writer->producer,
							 (unsigned int)board->plan.consumers, -1);
	if (result)
		return role_fail(board, writer->role, "producer_wait_consumers", result);
	while (atomic_load_explicit(&board->ready, memory_order_acquire) + 1 + board->plan.joiners <
	       board->roles)
		pause_ns(NS_PER_MS);
	return 0;
}

/*
 * At the end every member of the group reads one record more, so that it can tell what was lost
 * before; each that has done so leaves the rest to the others.
 */
static int bid_farewell(struct writer *writer)
{
	struct board *board = writer->board;

	if (writer->batched && end_batch(writer))
		return 1;
	atomic_store_explicit(&board->farewell, writer->sequence, memory_order_release);
	for (;;) {
		uint64_t parked = atomic_load_explicit(&board->parked, memory_order_acquire);

		if (parked >= board->plan.members)
			return 0;
		if (write_copy(writer))
			return 1;
		role_does(writer->role, DOING_WAIT_FOR_READERS);
		/* It may be lost, if the group was just evicted: then another one is written. */
		for (int naps = 0; naps < 200; naps++) {
			if (atomic_load_explicit(&board->parked, memory_order_acquire) != parked)
				break;
			pause_ns(NS_PER_MS / 2);
		}
	}
}

static int write_until_stopped(struct writer *writer)
{
	struct board *board = writer->board;
	int result;

	if (reopen(writer, 1))
		return 1;
	if (writer->role->life == 0 && wait_for_readers(writer))
		return 1;
	role_does(writer->role, DOING_WRITE);
	while (!board_stopped(board)) {
		if (phase(writer))
			return 1;
		if (random_once_in(&writer->random, 10) && reopen(writer, 0))
			return 1;
	}
	if (board->plan.members && bid_farewell(writer))
		return 1;
	/* Before the close that tells the readers to look. */
	atomic_store_explicit(&board->published, writer->sequence, memory_order_relaxed);
	atomic_store_explicit(&board->finished, 1, memory_order_release);
	role_does(writer->role, DOING_CLOSE);
	result = shmring_producer_close(writer->producer);
	return result ? role_fail(board, writer->role, "producer_close", result) : 0;
}

int run_producer(struct board *board, struct role *role)
{
	/*
	 * The longest record that any ring takes here is a quarter of what fits into memory anyway.
	 */
	static char scratch[16 << 20];
	struct writer writer = { .board = board, .role = role, .scratch = scratch };

	if (board->stream.size_maximum > sizeof(scratch))
		return role_fail(board, role, "records too long for this program",
				 (int64_t)board->stream.size_maximum);
	random_seed(&writer.random, board->stream.seed, 1 + role->life * 1000000007ULL);
	return write_until_stopped(&writer);
}
