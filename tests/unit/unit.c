/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "../support/payload.h"

#define SEED 1

/* No test takes longer, however slow the machine: whoever does is stuck. */
#define PATIENCE_SECONDS 100

/*
 * Criterion's own time-outs do not work for several jobs at once, so the process of each test sees to itself: a signal
 * that nobody handles ends it, and is reported as a crash.
 */
__attribute__((constructor)) static void limit_patience(int argc, char **argv)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGXCPU };
	struct itimerspec once = { .it_value = { PATIENCE_SECONDS, 0 } };
	const char *chosen = getenv("SHMRING_TEST_PATIENCE");
	timer_t timer;

	if (argc < 1 || strcmp(argv[0], "boxfort-worker") != 0)
		return;
	if (chosen && atoi(chosen) > 0)
		once.it_value.tv_sec = atoi(chosen);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
		timer_settime(timer, 0, &once, NULL);
}

const char *new_ring_with(const struct shmring_create_options *options)
{
	const char *name = unique_name();

	expect_ok(shmring_create(name, options));
	return name;
}

const char *new_ring(uint64_t capacity)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;

	options.capacity = capacity ? capacity : SMALL;
	return new_ring_with(&options);
}

const char *new_ring_from(uint64_t first_position, uint64_t first_sequence)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;

	options.capacity = SMALL;
	options.first_position = first_position;
	options.first_sequence = first_sequence;
	return new_ring_with(&options);
}

struct shmring_producer *new_producer(const char *name)
{
	struct shmring_producer *producer;

	expect_ok(shmring_producer_open(&producer, name, NULL));
	return producer;
}

struct shmring_consumer *new_consumer(const char *name, enum shmring_policy policy,
				      enum shmring_start start)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_consumer *consumer;

	options.policy = policy;
	options.start = start;
	expect_ok(shmring_consumer_open(&consumer, name, &options));
	return consumer;
}

struct shmring_consumer_options options_for(const char *subscription, enum shmring_policy policy)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;

	options.subscription = subscription;
	options.policy = policy;
	return options;
}

struct shmring_consumer *open_consumer(const char *ring,
				       const struct shmring_consumer_options *options)
{
	struct shmring_consumer *consumer;

	expect_ok(shmring_consumer_open(&consumer, ring, options));
	return consumer;
}

struct shmring_consumer *new_deadline(const char *ring, const char *subscription,
				      int64_t deadline_ns)
{
	struct shmring_consumer_options options = options_for(subscription, SHMRING_DEADLINE);

	options.deadline_ns = deadline_ns;
	return open_consumer(ring, &options);
}

struct shmring_consumer_options durable_options(const char *subscription,
						enum shmring_policy policy)
{
	struct shmring_consumer_options options = options_for(subscription, policy);

	options.durable = 1;
	options.deadline_ns = policy == SHMRING_DEADLINE ? NEVER : 0;
	return options;
}

struct shmring_consumer *open_durable(const char *ring, const char *subscription,
				      enum shmring_policy policy)
{
	struct shmring_consumer_options options = durable_options(subscription, policy);

	return open_consumer(ring, &options);
}

struct shmring_consumer *new_observer(const char *name, enum shmring_start start)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_consumer *observer;

	options.start = start;
	expect_ok(shmring_observer_open(&observer, name, &options));
	return observer;
}

struct shmring_consumer *new_loser(const char *name, int observer, enum shmring_start start)
{
	return observer ? new_observer(name, start) : new_consumer(name, SHMRING_LOSSY, start);
}

void write_records(struct shmring_producer *producer, unsigned int count, size_t length)
{
	uint64_t sequence = producer_info(producer).sequence;
	void *data;

	for (unsigned int i = 0; i < count; i++, sequence++) {
		expect_ok(shmring_reserve(producer, length, &data));
		payload_fill(data, length, SEED, sequence);
		expect_ok(shmring_commit(producer, length, payload_type(SEED, sequence), 0));
	}
}

unsigned int fill_ring(struct shmring_producer *producer, size_t length)
{
	unsigned int count = 0;
	void *data;
	int result;

	while ((result = shmring_reserve(producer, length, &data)) == 0) {
		expect_ok(shmring_abort(producer));
		write_records(producer, 1, length);
		count++;
	}
	expect_result(result, -EAGAIN);
	return count;
}

void insist_on_room(struct shmring_producer *producer, size_t length)
{
	void *data;
	int result;

	do
		result = shmring_reserve(producer, length, &data);
	while (result == -EAGAIN);
	expect_ok(result);
	expect_ok(shmring_abort(producer));
}

void expect_whole(const struct shmring_record *record, uint64_t sequence, size_t length)
{
	cr_assert_eq(record->sequence, sequence, "sequence %llu, not %llu",
		     (unsigned long long)record->sequence, (unsigned long long)sequence);
	cr_assert_eq(record->length, length, "length %u, not %zu", record->length, length);
	cr_assert_eq(record->type, payload_type(SEED, sequence), "type of %llu",
		     (unsigned long long)sequence);
	cr_assert_eq(record->flags, 0);
	cr_assert_eq(record->position % 8, 0);
	cr_assert_eq(payload_check(record->data, length, SEED, sequence), -1,
		     "record %llu is torn at byte %td", (unsigned long long)sequence,
		     payload_check(record->data, length, SEED, sequence));
}

void expect_next(struct shmring_consumer *consumer, uint64_t sequence, size_t length)
{
	struct shmring_record record;

	expect_ok(shmring_read(consumer, &record));
	expect_whole(&record, sequence, length);
	cr_assert_eq((uintptr_t)record.data % 8, 0, "misaligned");
	cr_assert_eq(record.lost, 0, "%llu lost before %llu", (unsigned long long)record.lost,
		     (unsigned long long)sequence);
}

void expect_run(struct shmring_consumer *consumer, uint64_t sequence, unsigned int count,
		size_t length)
{
	for (unsigned int i = 0; i < count; i++) {
		expect_next(consumer, sequence + i, length);
		expect_ok(shmring_release(consumer));
	}
}

struct shmring_producer_info producer_info(const struct shmring_producer *producer)
{
	struct shmring_producer_info info = SHMRING_PRODUCER_INFO_INIT;

	expect_ok(shmring_producer_info(producer, &info));
	return info;
}

struct shmring_consumer_info consumer_info(const struct shmring_consumer *consumer)
{
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;

	expect_ok(shmring_consumer_info(consumer, &info));
	return info;
}

struct shmring_info ring_info(const char *name)
{
	struct shmring_info info = SHMRING_INFO_INIT;
	struct shmring_inspector *inspector;

	expect_ok(shmring_inspector_open(&inspector, name));
	expect_ok(shmring_inspect(inspector, &info));
	expect_ok(shmring_inspector_close(inspector));
	return info;
}

static int look_at_slot(const char *ring, unsigned int slot, struct shmring_subscription_info *info)
{
	struct shmring_inspector *inspector;
	int result;

	info->size = sizeof(*info);
	expect_ok(shmring_inspector_open(&inspector, ring));
	result = shmring_inspect_subscription(inspector, slot, info);
	expect_ok(shmring_inspector_close(inspector));
	return result;
}

unsigned int slot_of(const char *ring, const char *subscription)
{
	struct shmring_subscription_info info;
	unsigned int slot = 0;

	while (look_at_slot(ring, slot, &info) != 0 || strcmp(info.name, subscription) != 0) {
		slot++;
		cr_assert_lt(slot, SHMRING_SUBSCRIPTIONS, "no subscription %s", subscription);
	}
	return slot;
}

struct shmring_subscription_info subscription_info(const char *ring, const char *subscription)
{
	struct shmring_subscription_info info;

	expect_ok(look_at_slot(ring, slot_of(ring, subscription), &info));
	return info;
}

int is_evicted(const char *ring, const char *subscription)
{
	return subscription_info(ring, subscription).evicted != 0;
}

int read_until_told(struct shmring_consumer *consumer)
{
	struct shmring_record record;
	int result;

	do
		result = shmring_read(consumer, &record);
	while (result == -EAGAIN);
	return result;
}

void pass_time(int64_t duration_ns)
{
	struct timespec left = { duration_ns / NS_PER_SECOND, duration_ns % NS_PER_SECOND };

	while (nanosleep(&left, &left) != 0)
		;
}

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}
