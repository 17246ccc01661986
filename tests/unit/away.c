/* SPDX-License-Identifier: MIT */
/* While nobody has a durable subscription open: what it loses is told exactly, and whom it holds back is seen. */
#include "unit.h"

#include <criterion/parameterized.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "../../lib/layout.h"

#define BIG SMALL_MAXIMUM

/* The next record is that one, with so many lost before. */
static void expect_after_loss(struct shmring_consumer *consumer, uint64_t sequence, uint64_t lost,
			      size_t length)
{
	struct shmring_record record;

	expect_ok(shmring_read(consumer, &record));
	expect_whole(&record, sequence, length);
	cr_assert_eq(record.lost, lost, "lost %llu, not %llu", (unsigned long long)record.lost,
		     (unsigned long long)lost);
	expect_ok(shmring_release(consumer));
}

/* ---- Losing while away ------------------------------------------------------------------------------------- */

struct origin {
	uint64_t position;
	uint64_t sequence;
};

static struct origin origins[] = {
	{ 0, 0 },
	{ 8, 1 },
	{ SMALL - 8, UINT32_MAX },
	{ (1ULL << 32) - 8, 5 },
	{ (1ULL << 63) - 3 * SMALL - 40, (1ULL << 63) - 30 },
	{ (1ULL << 63) + (1ULL << 62) - 8, (1ULL << 63) + (1ULL << 62) - 1 },
};

#define FromEach(Name)                                                            \
	ParameterizedTestParameters(away, Name)                                   \
	{                                                                         \
		return cr_make_param_array(struct origin, origins,                \
					   sizeof(origins) / sizeof(origins[0])); \
	}                                                                         \
	ParameterizedTest(struct origin *origin, away, Name)

FromEach(a_lossy_one_lapped_while_away_is_told_the_exact_loss)
{
	for (unsigned int released = 0; released < 140; released += released < 5 ? 1 : 27) {
		for (unsigned int in_place = 0; in_place < 2; in_place++) {
			const char *name = new_ring_from(origin->position, origin->sequence);
			struct shmring_producer *producer = new_producer(name);
			struct shmring_consumer *consumer =
				open_durable(name, "one", SHMRING_LOSSY);
			struct shmring_record record;
			uint64_t expected = origin->sequence + released;

			write_records(producer, released, 300);
			expect_run(consumer, origin->sequence, released, 300);
			write_records(producer, 5, 300);
			if (in_place)
				expect_next(consumer, expected, 300);
			expect_ok(shmring_consumer_close(consumer));
			write_records(producer, 1000 + released, 300);
			cr_assert_gt(ring_info(name).oldest_sequence, expected);
			consumer = open_durable(name, "one", SHMRING_LOSSY);
			expect_ok(shmring_read(consumer, &record));
			expect_whole(&record, record.sequence, 300);
			cr_assert_geq(record.sequence, ring_info(name).oldest_sequence);
			cr_assert_eq(record.lost, record.sequence - expected, "%llu, not %llu",
				     (unsigned long long)record.lost,
				     (unsigned long long)(record.sequence - expected));
			cr_assert_eq(consumer_info(consumer).lost, record.lost);
			expect_ok(shmring_release(consumer));
			expect_run(consumer, record.sequence + 1, 10, 300);
			expect_ok(shmring_consumer_close(consumer));
			expect_ok(shmring_producer_close(producer));
			expect_ok(shmring_unlink(name));
		}
	}
}

FromEach(lost_before_and_while_away)
{
	const char *name = new_ring_from(origin->position, origin->sequence);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = open_durable(name, "one", SHMRING_LOSSY);
	uint64_t expected = origin->sequence, lost = 0, delivered = 0;

	for (unsigned int life = 0; life < 60; life++) {
		struct shmring_record record;

		/* Lapped while open, read or not, released or not, and again while away, or not. */
		write_records(producer, life % 2 ? 500 : 20, 300);
		if (life % 3 && shmring_read(consumer, &record) == 0 && life % 3 == 2) {
			cr_assert_eq(record.sequence, expected + record.lost);
			expect_ok(shmring_release(consumer));
			expected = record.sequence + 1;
			lost += record.lost;
			delivered++;
		}
		if (life % 5 == 0) {
			/* What was read is overwritten while it is in use: it counts as lost. */
			write_records(producer, 500, 300);
			shmring_release(consumer);
		}
		expect_ok(shmring_consumer_close(consumer));
		write_records(producer, life % 4 ? 300 : 0, 300);
		consumer = open_durable(name, "one", SHMRING_LOSSY);
		if (shmring_read(consumer, &record) == 0) {
			cr_assert_eq(record.sequence, expected + record.lost, "life %u", life);
			expect_whole(&record, record.sequence, 300);
			expect_ok(shmring_release(consumer));
			expected = record.sequence + 1;
			lost += record.lost;
			delivered++;
		}
	}
	cr_assert_eq(delivered + lost, expected - origin->sequence);
	cr_assert_gt(delivered, 50);
	cr_assert_gt(lost, 5000);
}

Test(away, what_a_seek_passes_over_is_not_lost)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer_options options = durable_options("one", SHMRING_LOSSY);
	struct shmring_consumer *consumer;
	uint64_t oldest;

	/* From a place where much is lost, to the same place where nothing is. */
	write_records(producer, 1000, 300);
	oldest = ring_info(name).oldest_sequence;
	options.start = SHMRING_SEQUENCE;
	options.start_value = 5;
	consumer = open_consumer(name, &options);
	expect_ok(shmring_release(consumer));
	expect_ok(shmring_seek(consumer, SHMRING_OLDEST, 0));
	expect_ok(shmring_consumer_close(consumer));
	consumer = open_consumer(name, &options);
	expect_after_loss(consumer, oldest, 0, 300);
	/* And the other way round. */
	expect_ok(shmring_seek(consumer, SHMRING_OLDEST, 0));
	expect_ok(shmring_seek(consumer, SHMRING_SEQUENCE, 5));
	expect_ok(shmring_consumer_close(consumer));
	consumer = open_consumer(name, &options);
	expect_after_loss(consumer, oldest, oldest - 5, 300);
}

struct evictor {
	const char *ring;
	_Atomic int over;
};

static void *evict_for_ever(void *argument)
{
	struct evictor *evictor = argument;

	while (!atomic_load_explicit(&evictor->over, memory_order_relaxed))
		if (shmring_evict(evictor->ring, "one") != 0)
			return argument;
	return NULL;
}

Test(away, a_seek_that_is_cut_short_by_an_eviction_has_not_moved_it)
{
	struct evictor evictor = { new_ring(0), 0 };
	struct shmring_producer *producer = new_producer(evictor.ring);
	struct shmring_consumer *consumer;
	pthread_t thread;
	void *failed;

	write_records(producer, 40, 100);
	expect_ok(shmring_consumer_close(open_durable(evictor.ring, "one", SHMRING_RELIABLE)));
	cr_assert_eq(pthread_create(&thread, NULL, evict_for_ever, &evictor), 0);
	for (unsigned int i = 0; i < 200; i++) {
		struct shmring_consumer_options options = durable_options("one", SHMRING_RELIABLE);
		uint64_t sequence, to;
		int result;

		do
			result = shmring_consumer_open(&consumer, evictor.ring, &options);
		while (result == -ECONNRESET);
		expect_ok(result);
		/* To and fro, until it is evicted: most likely in the middle of a seek. */
		to = sequence = consumer_info(consumer).sequence;
		for (;;) {
			to = (to + 7) % 40;
			result = shmring_seek(consumer, SHMRING_SEQUENCE, to);
			if (result)
				break;
			sequence = to;
		}
		expect_result(result, -ECONNRESET);
		expect_ok(shmring_consumer_close(consumer));
		cr_assert_eq(subscription_info(evictor.ring, "one").sequence, sequence,
			     "cut short %u: at %llu, not %llu", i,
			     (unsigned long long)subscription_info(evictor.ring, "one").sequence,
			     (unsigned long long)sequence);
	}
	atomic_store_explicit(&evictor.over, 1, memory_order_relaxed);
	pthread_join(thread, &failed);
	cr_assert_null(failed);
}

Test(away, a_deadline_passes_also_while_nobody_is_there)
{
	for (unsigned int released = 0; released < 3; released++) {
		const char *name = new_ring(0);
		struct shmring_producer *producer = new_producer(name);
		struct shmring_consumer_options options = durable_options("one", SHMRING_DEADLINE);
		struct shmring_consumer *consumer;
		uint64_t start, oldest;
		void *data;

		options.deadline_ns = 5 * NS_PER_MS;
		consumer = open_consumer(name, &options);
		write_records(producer, 3, BIG);
		expect_run(consumer, 0, released, BIG);
		expect_ok(shmring_consumer_close(consumer));
		start = now_ns();
		fill_ring(producer, BIG);
		insist_on_room(producer, BIG);
		cr_assert_geq(now_ns() - start, 5 * (uint64_t)NS_PER_MS, "too early");
		cr_assert_eq(is_evicted(name, "one"), 1);
		write_records(producer, 10, BIG);
		oldest = ring_info(name).oldest_sequence;
		consumer = open_consumer(name, &options);
		cr_assert_eq(is_evicted(name, "one"), 0);
		expect_after_loss(consumer, oldest, oldest - released, BIG);
		/* It gates again. */
		fill_ring(producer, BIG);
		expect_run(consumer, oldest + 1, 3, BIG);
		expect_ok(shmring_reserve(producer, BIG, &data));
	}
}

/* ---- Left alone -------------------------------------------------------------------------------------------- */

static void *write_one(void *producer)
{
	static char bytes[BIG];

	return (void *)(intptr_t)shmring_write(producer, bytes, sizeof(bytes), 0, -1);
}

Test(away, a_reliable_one_left_alone_blocks_the_producer_and_is_shown_as_the_one)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = open_durable(name, "blocks", SHMRING_RELIABLE);
	struct shmring_consumer *other = open_durable(name, "keeps-up", SHMRING_RELIABLE);
	struct shmring_subscription_info info;
	pthread_t thread;
	void *result;

	expect_ok(shmring_consumer_close(consumer));
	open_durable(name, "lossy", SHMRING_LOSSY);
	cr_assert_eq(ring_info(name).producer_waits, 0);
	fill_ring(producer, BIG);
	expect_run(other, 0, 3, BIG);
	/* One that only tries is kept waiting as well. */
	cr_assert_eq(ring_info(name).producer_waits, 1);
	cr_assert_eq(subscription_info(name, "blocks").blocking, 1);
	cr_assert_eq(subscription_info(name, "keeps-up").blocking, 0);
	cr_assert_eq(pthread_create(&thread, NULL, write_one, producer), 0);
	pass_time(5 * NS_PER_MS);
	cr_assert_eq(ring_info(name).producer_waits, 1);
	info = subscription_info(name, "blocks");
	cr_assert_eq(info.blocking, 1);
	cr_assert_eq(info.alive, SHMRING_DEAD);
	cr_assert_eq(info.pid, 0);
	cr_assert_eq(info.durable, 1);
	cr_assert_eq(info.lag_records, 3);
	cr_assert_eq(subscription_info(name, "keeps-up").blocking, 0);
	cr_assert_eq(subscription_info(name, "lossy").blocking, 0);
	consumer = open_durable(name, "blocks", SHMRING_RELIABLE);
	expect_run(consumer, 0, 3, BIG);
	pthread_join(thread, &result);
	cr_assert_eq((int)(intptr_t)result, 0);
	cr_assert_eq(subscription_info(name, "blocks").blocking, 0);
	cr_assert_eq(ring_info(name).producer_waits, 0);
}

/* Locks the table of subscriptions, as a process does that was stopped just then. */
static int lock_the_table(const char *ring)
{
	struct flock lock = { .l_type = F_WRLCK, .l_start = LOCK_TABLE, .l_len = 1 };
	char path[SHM_PATH_SIZE];
	int fd;

	cr_assert_eq(shm_control_path(path, ring), 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	cr_assert_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
	return fd;
}

static int subscribe_twice_and_die(void *ring)
{
	struct shmring_consumer_options options = options_for("ordinary", SHMRING_RELIABLE);

	open_consumer(ring, &options);
	open_durable(ring, "durable", SHMRING_RELIABLE);
	raise(SIGKILL);
	return 1;
}

Test(away, the_dead_hold_nobody_back_while_the_table_is_locked_but_the_durable_do)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer;
	int fd;

	cr_assert_eq(child_run(subscribe_twice_and_die, (void *)(uintptr_t)name),
		     CHILD_SIGNAL + SIGKILL);
	fd = lock_the_table(name);
	fill_ring(producer, BIG);
	while (!is_evicted(name, "ordinary"))
		expect_result(shmring_write(producer, "", BIG, 0, NS_PER_MS), -ETIMEDOUT);
	expect_result(shmring_write(producer, "", BIG, 0, 5 * NS_PER_MS), -ETIMEDOUT);
	cr_assert_eq(is_evicted(name, "durable"), 0);
	cr_assert_eq(close(fd), 0);
	consumer = open_durable(name, "durable", SHMRING_RELIABLE);
	expect_run(consumer, 0, 3, BIG);
	write_records(producer, 1, BIG);
	/* What the dead one left is freed when somebody needs its name. */
	new_deadline(name, "ordinary", 1);
	cr_assert_eq(is_evicted(name, "ordinary"), 0);
}

Test(away, holds_a_successor_back_too)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = open_durable(name, "one", SHMRING_RELIABLE);

	write_records(producer, 3, BIG);
	expect_run(consumer, 0, 1, BIG);
	expect_ok(shmring_consumer_close(consumer));
	expect_ok(shmring_producer_close(producer));
	producer = new_producer(name);
	cr_assert_eq(fill_ring(producer, BIG), 1);
	expect_result(shmring_write(producer, "", BIG, 0, 20 * NS_PER_MS), -ETIMEDOUT);
	consumer = open_durable(name, "one", SHMRING_RELIABLE);
	expect_run(consumer, 1, 3, BIG);
}

Test(away, is_no_living_consumer_while_nobody_has_it_open)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = open_durable(name, "one", SHMRING_RELIABLE);

	expect_ok(shmring_producer_wait_consumers(producer, 1, 0));
	expect_ok(shmring_consumer_close(consumer));
	expect_result(shmring_producer_wait_consumers(producer, 1, 0), -EAGAIN);
	open_durable(name, "one", SHMRING_RELIABLE);
	expect_ok(shmring_producer_wait_consumers(producer, 1, 0));
}
