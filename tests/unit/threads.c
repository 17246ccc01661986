/* SPDX-License-Identifier: MIT */
/* Several threads of one process, each with handles of its own on one ring. */
#include "unit.h"

#include <pthread.h>

#include "../support/payload.h"

#define RECORDS 20000u
#define SEED    9

struct reader {
	pthread_t thread;
	const char *name;
	int observer;
	enum shmring_policy policy;
	int ready;
	const char *failed; /* what went wrong */
	uint64_t delivered;
	uint64_t lost;
};

static const char *read_all(struct reader *reader)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	static _Thread_local char buffer[SMALL_MAXIMUM];
	struct shmring_consumer *consumer;
	struct shmring_record record;
	uint64_t expected = 0;

	options.policy = reader->observer ? 0 : reader->policy;
	if (reader->observer ? shmring_observer_open(&consumer, reader->name, &options)
			     : shmring_consumer_open(&consumer, reader->name, &options))
		return "open";
	gate_open(reader->ready);
	for (;;) {
		int result = shmring_wait(consumer, -1);

		if (result == -EPIPE)
			break;
		if (result != 0)
			return "wait";
		result = shmring_read_copy(consumer, buffer, sizeof(buffer), &record);
		if (result == -EAGAIN)
			continue;
		if (result == -EPIPE)
			break;
		if (result != 0)
			return "read_copy";
		if (record.sequence != expected + record.lost)
			return "the gap is not exact";
		if (record.length != payload_length(SEED, record.sequence, 0, 2000) ||
		    record.type != payload_type(SEED, record.sequence) ||
		    payload_check(buffer, record.length, SEED, record.sequence) >= 0)
			return "torn";
		expected = record.sequence + 1;
		reader->delivered++;
		reader->lost += record.lost;
	}
	return shmring_consumer_close(consumer) == 0 ? NULL : "close";
}

static void *run_reader(void *argument)
{
	struct reader *reader = argument;

	reader->failed = read_all(reader);
	if (reader->failed)
		gate_open(reader->ready);
	return NULL;
}

Test(threads, each_with_a_handle_of_its_own)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct reader readers[6];

	for (int i = 0; i < 6; i++) {
		readers[i] = (struct reader){
			.name = name,
			.observer = i == 5,
			.policy = i < 3 ? SHMRING_RELIABLE : SHMRING_LOSSY,
			.ready = gate_new(),
		};
		cr_assert_eq(pthread_create(&readers[i].thread, NULL, run_reader, &readers[i]), 0);
	}
	for (int i = 0; i < 6; i++)
		gate_pass(readers[i].ready);
	for (uint64_t sequence = 0; sequence < RECORDS; sequence++) {
		size_t length = payload_length(SEED, sequence, 0, 2000);
		void *data;

		expect_ok(shmring_producer_wait(producer, length, -1));
		expect_ok(shmring_reserve(producer, length, &data));
		payload_fill(data, length, SEED, sequence);
		expect_ok(shmring_commit(producer, length, payload_type(SEED, sequence), 0));
	}
	expect_ok(shmring_producer_close(producer));
	for (int i = 0; i < 6; i++) {
		pthread_join(readers[i].thread, NULL);
		cr_assert_null(readers[i].failed, "reader %d: %s", i, readers[i].failed);
		if (i < 3)
			cr_assert_eq(readers[i].lost, 0);
		cr_assert_eq(readers[i].delivered + readers[i].lost, RECORDS, "reader %d", i);
	}
}

static void *come_and_go(void *name)
{
	for (int i = 0; i < 200; i++) {
		struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
		struct shmring_consumer *consumer;
		struct shmring_record record;

		options.policy = i % 2 ? SHMRING_LOSSY : SHMRING_RELIABLE;
		if (i % 3 == 0
			    ? (options.policy = 0, shmring_observer_open(&consumer, name, &options))
			    : shmring_consumer_open(&consumer, name, &options))
			return (void *)"open";
		if (shmring_read(consumer, &record) == -EBADMSG)
			return (void *)"read";
		if (shmring_consumer_close(consumer) != 0)
			return (void *)"close";
	}
	return NULL;
}

Test(threads, coming_and_going)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	pthread_t threads[6];
	void *failed;

	for (int i = 0; i < 6; i++)
		cr_assert_eq(
			pthread_create(&threads[i], NULL, come_and_go, (void *)(uintptr_t)name), 0);
	for (int i = 0; i < 20000; i++)
		expect_ok(shmring_write(producer, &i, sizeof(i), 0, -1));
	for (int i = 0; i < 6; i++) {
		pthread_join(threads[i], &failed);
		cr_assert_null(failed, "%s", (const char *)failed);
	}
	cr_assert_eq(ring_info(name).subscriptions, 0);
	cr_assert_eq(ring_info(name).members, 0);
}
