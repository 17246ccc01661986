/* SPDX-License-Identifier: MIT */
#include "watch.h"
#include "../support/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CAPACITY 65536u
#define RECORD   8000u
#define HOUR_NS  3600000000000LL
/* More than two bounded looks of 100 ms. */
#define LOOKS_NS 250000000LL

/* How the peer holds the ring that it reads. */
static const struct hold {
	const char *name;
	enum shmring_policy policy;
	uint32_t durable;
	int64_t deadline_ns;
} holds[] = {
	{ "mortal", SHMRING_RELIABLE, 0, 0 },
	{ "patient", SHMRING_DEADLINE, 0, HOUR_NS },
	{ "keeper", SHMRING_RELIABLE, 1, 0 },
};
#define HOLDS  (sizeof(holds) / sizeof(holds[0]))
#define KEEPER 2

#define CHECK_RESULT(call, expected)                                                            \
	do {                                                                                    \
		int result_ = (call), expected_ = (expected);                                   \
		CHILD_CHECK(result_ == expected_, "%d (%s), not %d (%s)", result_,              \
			    shmring_strerror(result_), expected_, shmring_strerror(expected_)); \
	} while (0)

int skip(const char *program, const char *what, int error)
{
	printf("SKIP: %s: %s: %s\n", program, what, strerror(error < 0 ? -error : error));
	fflush(stdout);
	return SKIPPED;
}

struct watch *watch_new(void)
{
	struct watch *watch = mmap(NULL, sizeof(*watch), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;

	if (watch == MAP_FAILED)
		abort();
	options.capacity = CAPACITY;
	snprintf(watch->produced, sizeof(watch->produced), "%s", unique_name());
	snprintf(watch->held, sizeof(watch->held), "%s", unique_name());
	watch->ready = gate_new();
	watch->go = gate_new();
	watch->done = gate_new();
	if (shmring_create(watch->produced, &options) != 0 ||
	    shmring_create(watch->held, &options) != 0)
		abort();
	return watch;
}

/*
 * ---- The peer -----------------------------------------------------------------------------------
 */

struct peer {
	struct shmring_producer *producer;
	struct shmring_consumer *consumer[HOLDS];
};

static int open_hold(const struct watch *watch, const struct hold *hold,
		     struct shmring_consumer **consumer)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;

	options.subscription = hold->name;
	options.policy = hold->policy;
	options.durable = hold->durable;
	options.deadline_ns = hold->deadline_ns;
	return shmring_consumer_open(consumer, watch->held, &options);
}

static int open_all(const struct watch *watch, struct peer *peer)
{
	int result = shmring_producer_open(&peer->producer, watch->produced, NULL);

	for (unsigned int i = 0; i < HOLDS && result == 0; i++)
		result = open_hold(watch, &holds[i], &peer->consumer[i]);
	return result;
}

static int drain(struct shmring_consumer *consumer)
{
	struct shmring_record record;
	int result;

	while ((result = shmring_read(consumer, &record)) == 0)
		if (record.lost != 0)
			return -EBADMSG;
	return result == -EAGAIN ? shmring_release(consumer) : result;
}

static int act(struct peer *peer)
{
	int result = shmring_write(peer->producer, "x", 1, 0, -1);

	for (unsigned int i = 0; i < HOLDS && result == 0; i++)
		result = drain(peer->consumer[i]);
	return result;
}

static void tell(struct watch *watch, int result, int gate)
{
	atomic_store_explicit(&watch->result, result, memory_order_release);
	gate_open(gate);
}

int peer_open(struct watch *watch)
{
	struct peer peer;
	int result = open_all(watch, &peer);

	tell(watch, result, watch->ready);
	return result != 0;
}

int peer_run(void *argument)
{
	struct watch *watch = argument;
	struct peer peer;
	int result = open_all(watch, &peer);

	tell(watch, result, watch->ready);
	while (result == 0) {
		gate_pass(watch->go);
		result = act(&peer);
		tell(watch, result, watch->done);
	}
	return 1;
}

/*
 * ---- The watcher --------------------------------------------------------------------------------
 */

static int result_of_peer(struct watch *watch, int gate)
{
	gate_pass(gate);
	return atomic_load_explicit(&watch->result, memory_order_acquire);
}

static int fill(struct watch *watch)
{
	static char bytes[RECORD];
	int result = 0;

	for (unsigned int i = 0; i <= CAPACITY / RECORD && result == 0; i++)
		result = shmring_write(watch->producer, bytes, sizeof(bytes), 0, 0);
	CHECK_RESULT(result, -EAGAIN);
	return 0;
}

int watch_begin(struct watch *watch)
{
	CHECK_RESULT(result_of_peer(watch, watch->ready), 0);
	CHECK_RESULT(shmring_consumer_open(&watch->consumer, watch->produced, NULL), 0);
	CHECK_RESULT(shmring_producer_open(&watch->producer, watch->held, NULL), 0);
	return fill(watch);
}

static int expect_seen_producer(const struct watch *watch, enum shmring_liveness alive)
{
	struct shmring_info info = SHMRING_INFO_INIT;
	struct shmring_inspector *inspector;

	CHECK_RESULT(shmring_inspector_open(&inspector, watch->produced), 0);
	CHECK_RESULT(shmring_inspect(inspector, &info), 0);
	CHECK_RESULT(shmring_inspector_close(inspector), 0);
	CHILD_CHECK(info.producer_alive == alive, "%d", (int)info.producer_alive);
	CHILD_CHECK(info.stream == SHMRING_STREAM_OPEN);
	return 0;
}

/* Looks up a subscription by its name. Returns 0, or -ENOENT. */
static int seen_subscription(const struct watch *watch, const char *name,
			     struct shmring_subscription_info *info)
{
	struct shmring_inspector *inspector;
	int result = shmring_inspector_open(&inspector, watch->held);

	if (result)
		return result;
	result = -ENOENT;
	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS && result; slot++) {
		*info = (struct shmring_subscription_info)SHMRING_SUBSCRIPTION_INFO_INIT;
		if (shmring_inspect_subscription(inspector, slot, info) == 0 &&
		    strcmp(info->name, name) == 0)
			result = 0;
	}
	shmring_inspector_close(inspector);
	return result;
}

static int expect_producer_alive(struct watch *watch)
{
	struct shmring_producer *second;
	struct shmring_record record;

	if (expect_seen_producer(watch, SHMRING_ALIVE))
		return 1;
	CHECK_RESULT(shmring_producer_open(&second, watch->produced, NULL), -EBUSY);
	CHECK_RESULT(shmring_wait(watch->consumer, LOOKS_NS), -ETIMEDOUT);
	CHECK_RESULT(shmring_read(watch->consumer, &record), -EAGAIN);
	return 0;
}

static int expect_hold_alive(const struct watch *watch, const struct hold *hold)
{
	struct shmring_subscription_info info;
	struct shmring_consumer *second;

	CHECK_RESULT(seen_subscription(watch, hold->name, &info), 0);
	CHILD_CHECK(info.alive == SHMRING_ALIVE && !info.evicted, "%s", hold->name);
	CHECK_RESULT(open_hold(watch, hold, &second), -EBUSY);
	CHECK_RESULT(shmring_unsubscribe(watch->held, hold->name), -EBUSY);
	return 0;
}

int expect_alive(struct watch *watch)
{
	static char bytes[RECORD];

	if (expect_producer_alive(watch))
		return 1;
	CHECK_RESULT(shmring_write(watch->producer, bytes, sizeof(bytes), 0, LOOKS_NS), -ETIMEDOUT);
	for (unsigned int i = 0; i < HOLDS; i++)
		if (expect_hold_alive(watch, &holds[i]))
			return 1;
	return 0;
}

int expect_goes_on(struct watch *watch)
{
	static char bytes[RECORD];
	struct shmring_record record;

	gate_open(watch->go);
	CHECK_RESULT(result_of_peer(watch, watch->done), 0);
	CHECK_RESULT(shmring_wait(watch->consumer, -1), 0);
	CHECK_RESULT(shmring_read(watch->consumer, &record), 0);
	CHILD_CHECK(record.sequence == watch->sequence++ && record.lost == 0);
	CHECK_RESULT(shmring_release(watch->consumer), 0);
	CHECK_RESULT(shmring_write(watch->producer, bytes, sizeof(bytes), 0, -1), 0);
	return fill(watch);
}

/* Frees its slot, as nobody has it; or it is gone already. */
static int expect_hold_gone(const struct watch *watch, const struct hold *hold)
{
	struct shmring_subscription_info info;
	struct shmring_consumer *second;
	int result = seen_subscription(watch, hold->name, &info);

	CHILD_CHECK(result == -ENOENT || info.alive == SHMRING_DEAD, "%s", hold->name);
	CHECK_RESULT(open_hold(watch, hold, &second), 0);
	CHECK_RESULT(shmring_consumer_close(second), 0);
	return 0;
}

/* The durable one holds on, alone, until it is ended. */
static int expect_keeper_left(struct watch *watch)
{
	struct shmring_subscription_info info;
	static char bytes[RECORD];

	CHECK_RESULT(shmring_write(watch->producer, bytes, sizeof(bytes), 0, LOOKS_NS), -ETIMEDOUT);
	for (unsigned int i = 0; i < KEEPER; i++)
		if (expect_hold_gone(watch, &holds[i]))
			return 1;
	CHECK_RESULT(seen_subscription(watch, holds[KEEPER].name, &info), 0);
	CHILD_CHECK(info.alive == SHMRING_DEAD && info.durable && !info.evicted);
	CHECK_RESULT(shmring_write(watch->producer, bytes, sizeof(bytes), 0, LOOKS_NS), -ETIMEDOUT);
	CHECK_RESULT(shmring_unsubscribe(watch->held, holds[KEEPER].name), 0);
	CHECK_RESULT(shmring_write(watch->producer, bytes, sizeof(bytes), 0, -1), 0);
	return 0;
}

int expect_dead(struct watch *watch)
{
	struct shmring_producer *successor;

	CHECK_RESULT(shmring_wait(watch->consumer, 40 * LOOKS_NS), -EOWNERDEAD);
	if (expect_seen_producer(watch, SHMRING_DEAD))
		return 1;
	CHECK_RESULT(shmring_producer_open(&successor, watch->produced, NULL), 0);
	CHECK_RESULT(shmring_producer_close(successor), 0);
	return expect_keeper_left(watch);
}
