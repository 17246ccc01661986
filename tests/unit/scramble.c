/* SPDX-License-Identifier: MIT */
/*
 * What lies behind the headers can be damaged too: by a producer gone mad (the data object), or by anyone who may
 * consume (the control object). Readers may see wrong records or errors then, but they never crash, read outside the
 * ring, or hang; and with control alone damaged, no record is ever changed.
 */
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

#include "../support/objects.h"
#include "../support/payload.h"
#include "../support/random.h"

#include "../../lib/layout.h"

/* Reads what there is, every byte of it, for a bounded number of records. Returns a checksum of what was read. */
static uint64_t read_some(struct shmring_consumer *consumer)
{
	struct shmring_record record;
	uint64_t sum = 0;

	for (int i = 0; i < 2000; i++) {
		int error = shmring_read(consumer, &record);

		if (error) {
			cr_assert(error == -EAGAIN || error == -EBADMSG || error == -EPIPE ||
					  error == -EOWNERDEAD || error == -ECONNRESET,
				  "%d", error);
			break;
		}
		cr_assert_leq(record.length, SMALL_MAXIMUM);
		for (uint32_t b = 0; b < record.length; b++)
			sum = sum * 31 + ((const unsigned char *)record.data)[b];
		if (i % 3 == 0)
			shmring_release(consumer);
	}
	shmring_release(consumer);
	return sum;
}

static int count(const struct shmring_problem *problem, void *argument)
{
	unsigned int *problems = argument;

	cr_assert_not_null(problem->what);
	cr_assert_not_null(problem->object);
	return ++*problems > 10000;
}

static void look_around(const char *name)
{
	struct shmring_inspector *inspector;
	struct shmring_info info = SHMRING_INFO_INIT;
	struct shmring_subscription_info subscription = SHMRING_SUBSCRIPTION_INFO_INIT;
	unsigned int problems = 0;

	shmring_check(name, count, &problems);
	cr_assert_leq(problems, 10000, "finds the same again and again");
	if (shmring_inspector_open(&inspector, name) != 0)
		return;
	shmring_inspect(inspector, &info);
	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++)
		shmring_inspect_subscription(inspector, slot, &subscription);
	shmring_inspector_close(inspector);
}

static void open_and_read(const char *name, enum shmring_start start, uint64_t value)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_consumer *consumer;

	for (int kind = 0; kind < 6; kind++) {
		static const struct {
			enum shmring_policy policy;
			const char *durable;
			int64_t deadline_ns;
		} kinds[] = {
			{ SHMRING_RELIABLE, NULL, 0 }, { SHMRING_LOSSY, NULL, 0 },
			{ SHMRING_RELIABLE, NULL, 0 }, { SHMRING_RELIABLE, "reliable", 0 },
			{ SHMRING_LOSSY, "lossy", 0 }, { SHMRING_DEADLINE, "deadline", 1 },
		};

		options.start = start;
		options.start_value = value;
		options.policy = kinds[kind].policy;
		options.subscription = kinds[kind].durable;
		options.durable = kinds[kind].durable != NULL;
		options.deadline_ns = kinds[kind].deadline_ns;
		if (kind == 2 ? shmring_observer_open(&consumer, name, &options)
			      : shmring_consumer_open(&consumer, name, &options))
			continue;
		read_some(consumer);
		if (kinds[kind].durable)
			shmring_evict(name, kinds[kind].durable);
		shmring_rejoin(consumer, NULL);
		read_some(consumer);
		shmring_wait(consumer, 0);
		shmring_seek(consumer, SHMRING_OLDEST, 0);
		shmring_seek(consumer, SHMRING_NEWEST, 0);
		shmring_seek(consumer, SHMRING_SEQUENCE, value);
		shmring_consumer_close(consumer);
	}
}

static void use_somehow(const char *name, struct random *random)
{
	struct shmring_producer *producer;

	look_around(name);
	open_and_read(name, (enum shmring_start)random_below(random, 4),
		      random_below(random, 2000));
	if (shmring_producer_open(&producer, name, NULL) == 0) {
		static char bytes[SMALL_MAXIMUM];

		for (int i = 0; i < 20; i++)
			shmring_write(producer, bytes, (size_t)random_below(random, SMALL_MAXIMUM),
				      0, 0);
		shmring_producer_close(producer);
	}
	shmring_evict(name, "reliable");
	shmring_unsubscribe(name, "lossy");
	shmring_unsubscribe(name, "deadline");
	open_and_read(name, SHMRING_OLDEST, 0);
}

static const char *ring_with_history(void)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);

	/* Left alone, one of them evicted, among what is scrambled. */
	expect_ok(shmring_consumer_close(open_durable(name, "lossy", SHMRING_LOSSY)));
	expect_ok(shmring_consumer_close(open_durable(name, "reliable", SHMRING_RELIABLE)));
	expect_ok(shmring_evict(name, "reliable"));
	for (unsigned int i = 0; i < 1500; i++)
		write_records(producer, 1, payload_length(5, i, 0, 300));
	expect_ok(shmring_consumer_close(open_durable(name, "reliable", SHMRING_RELIABLE)));
	expect_ok(shmring_producer_close(producer));
	return name;
}

/* Numbers that are likely to be trouble. */
static uint64_t troublesome(struct random *random, uint64_t was)
{
	switch (random_below(random, 8)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return was + 1;
	case 3:
		return was ^ 1ULL << random_below(random, 64);
	case 4:
		return was + (random_below(random, 2) ? 8 : (uint64_t)-8);
	case 5:
		return was + SMALL * random_between(random, 1, 3);
	case 6:
		return random_below(random, 4 * SMALL);
	default:
		return random_next(random);
	}
}

/* Changes a word in [from, to) of an object, on `rings` rings, each several times. */
static void scramble(enum object object, size_t from, size_t to, uint64_t seed, int rings)
{
	struct random random;

	random_seed(&random, seed, object);
	cr_log_info("seed %llu", (unsigned long long)seed);
	for (int ring = 0; ring < rings; ring++) {
		const char *name = ring_with_history();
		size_t size;
		uint64_t *words = object_map(name, object, &size);

		cr_assert_leq(to, size);
		for (int change = 0; change < 8; change++) {
			uint64_t *word = &words[random_between(&random, from / 8, to / 8 - 1)];

			*word = troublesome(&random, *word);
			use_somehow(name, &random);
		}
		object_unmap(words, size);
		shmring_unlink(name);
	}
}

Test(scramble, the_producers_words, .timeout = 60)
{
	scramble(OBJECT_DATA, offsetof(struct layout_data, head),
		 offsetof(struct layout_data, producer_since_ns) + 128, 101, 60);
	/* The words that matter, one by one. */
	scramble(OBJECT_DATA, offsetof(struct layout_data, head),
		 offsetof(struct layout_data, head) + 8, 102, 20);
	scramble(OBJECT_DATA, offsetof(struct layout_data, floor),
		 offsetof(struct layout_data, floor) + 32, 103, 40);
}

Test(scramble, the_index, .timeout = 60)
{
	scramble(OBJECT_DATA, offsetof(struct layout_data, index), sizeof(struct layout_data), 104,
		 60);
}

Test(scramble, records, .timeout = 60)
{
	scramble(OBJECT_DATA, sizeof(struct layout_data), sizeof(struct layout_data) + SMALL, 105,
		 60);
}

Test(scramble, subscriptions_and_members, .timeout = 60)
{
	scramble(OBJECT_CONTROL, offsetof(struct layout_control, joins),
		 offsetof(struct layout_control, tail), 106, 30);
	scramble(OBJECT_CONTROL, offsetof(struct layout_control, tail),
		 sizeof(struct layout_control), 107, 30);
	scramble(OBJECT_CONTROL, offsetof(struct layout_control, state),
		 offsetof(struct layout_control, state) + 64, 108, 30);
}

Test(scramble, a_cursor_outside_the_stream_is_evicted_and_the_stream_goes_on)
{
	static const uint64_t nonsense[] = { UINT64_MAX, 1ULL << 62, SMALL * 100 };

	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		const char *name = new_ring(0);
		struct shmring_producer *producer = new_producer(name);
		struct shmring_consumer *good =
			new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
		struct shmring_consumer *bad = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
		struct shmring_subscription_info info = SHMRING_SUBSCRIPTION_INFO_INIT;
		struct shmring_inspector *inspector;
		struct shmring_record record;
		struct layout_control *control;
		unsigned int slot = 0;
		size_t size;

		expect_ok(shmring_inspector_open(&inspector, name));
		while (shmring_inspect_subscription(inspector, slot, &info) != 0 ||
		       strcmp(info.name, consumer_info(bad).subscription) != 0)
			slot++;
		control = object_map(name, OBJECT_CONTROL, &size);
		atomic_store_explicit(&control->tail[slot].tail, nonsense[i], memory_order_relaxed);
		for (unsigned int r = 0; r < 1000; r++) {
			write_records(producer, 1, 500);
			expect_run(good, r, 1, 500);
		}
		expect_ok(shmring_inspect_subscription(inspector, slot, &info));
		cr_assert_eq(info.evicted, 1);
		/* It was overtaken, and is told so at its next call. */
		expect_result(shmring_read(bad, &record), -ECONNRESET);
		expect_result(shmring_read(bad, &record), -ECONNRESET);
		expect_result(shmring_seek(bad, SHMRING_OLDEST, 0), -ECONNRESET);
		expect_ok(shmring_consumer_close(bad));
		cr_assert_eq(ring_info(name).subscriptions, 1);
		expect_ok(shmring_inspector_close(inspector));
		object_unmap(control, size);
	}
}
