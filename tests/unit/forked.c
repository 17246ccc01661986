/* SPDX-License-Identifier: MIT */
/* After fork: the child has no part in the ring, and the parent does not notice that it exists. */
#include "unit.h"

#include <signal.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../support/belongings.h"

struct handles {
	const char *name;
	struct shmring_producer *producer;
	struct shmring_consumer *reliable;
	struct shmring_consumer *durable;
	struct shmring_consumer *observer;
	struct shmring_inspector *inspector;
	int child_may_go_on;
};

static struct handles open_all(void)
{
	struct handles handles = { .name = new_ring(0), .child_may_go_on = gate_new() };

	handles.producer = new_producer(handles.name);
	handles.reliable = new_consumer(handles.name, SHMRING_RELIABLE, SHMRING_OLDEST);
	handles.durable = open_durable(handles.name, "durable", SHMRING_DEADLINE);
	handles.observer = new_observer(handles.name, SHMRING_OLDEST);
	expect_ok(shmring_inspector_open(&handles.inspector, handles.name));
	return handles;
}

#define dead(call)                                                          \
	do {                                                                \
		int result_;                                                \
		errno = ERRNO_CANARY;                                       \
		result_ = (call);                                           \
		CHILD_CHECK(result_ == -EOWNERDEAD, #call ": %d", result_); \
		CHILD_CHECK(errno == ERRNO_CANARY, #call " changed errno"); \
	} while (0)

static int consumer_is_dead(struct shmring_consumer *consumer)
{
	struct shmring_record record;
	char buffer[8];

	dead(shmring_read(consumer, &record));
	dead(shmring_read_copy(consumer, buffer, sizeof(buffer), &record));
	dead(shmring_wait(consumer, 0));
	dead(shmring_wait(consumer, -1));
	dead(shmring_release(consumer));
	dead(shmring_seek(consumer, SHMRING_OLDEST, 0));
	dead(shmring_rejoin(consumer, NULL));
	dead(shmring_read(consumer, &record));
	return 0;
}

static int all_are_dead(void *argument)
{
	struct handles *handles = argument;
	struct shmring_subscription_info subscription = SHMRING_SUBSCRIPTION_INFO_INIT;
	struct shmring_info info = SHMRING_INFO_INIT;
	struct iovec piece = piece_of("x", 1);
	void *data;

	dead(shmring_reserve(handles->producer, 10, &data));
	dead(shmring_reserve(handles->producer, 0, &data));
	dead(shmring_commit(handles->producer, 0, 0, 0));
	dead(shmring_flush(handles->producer));
	dead(shmring_abort(handles->producer));
	dead(shmring_write(handles->producer, "x", 1, 0, -1));
	dead(shmring_writev(handles->producer, &piece, 1, 0, -1));
	dead(shmring_producer_wait(handles->producer, 1, -1));
	dead(shmring_producer_wait_consumers(handles->producer, 1, -1));
	if (consumer_is_dead(handles->reliable) != 0 || consumer_is_dead(handles->durable) != 0 ||
	    consumer_is_dead(handles->observer) != 0)
		return 1;
	dead(shmring_inspect(handles->inspector, &info));
	dead(shmring_inspect_subscription(handles->inspector, 0, &subscription));
	return 0;
}

static int close_all(void *argument)
{
	struct handles *handles = argument;

	CHILD_CHECK(shmring_producer_close(handles->producer) == 0);
	CHILD_CHECK(shmring_consumer_close(handles->reliable) == 0);
	CHILD_CHECK(shmring_consumer_close(handles->durable) == 0);
	CHILD_CHECK(shmring_consumer_close(handles->observer) == 0);
	CHILD_CHECK(shmring_inspector_close(handles->inspector) == 0);
	return 0;
}

static int dead_then_closed(void *argument)
{
	return all_are_dead(argument) || close_all(argument);
}

/* The parent's handles work, its locks are held, and nobody else can have its places. */
static void expect_parent_undisturbed(struct handles *handles, uint64_t sequence)
{
	struct shmring_producer *second = NULL;
	struct shmring_info info = ring_info(handles->name);

	cr_assert_eq(info.producer_alive, SHMRING_ALIVE);
	cr_assert_eq(info.stream, SHMRING_STREAM_OPEN);
	cr_assert_eq(info.subscriptions, 2);
	expect_result(shmring_producer_open(&second, handles->name, NULL), -EBUSY);
	write_records(handles->producer, 10, 100);
	expect_run(handles->reliable, sequence, 10, 100);
	expect_run(handles->durable, consumer_info(handles->durable).sequence, 10, 100);
	expect_run(handles->observer, sequence, 10, 100);
}

Test(forked, every_call_of_the_child_is_refused)
{
	struct handles handles = open_all();

	cr_assert_eq(child_run(all_are_dead, &handles), 0);
	expect_parent_undisturbed(&handles, 0);
}

Test(forked, closing_in_the_child_does_not_disturb_the_parent)
{
	struct handles handles = open_all();

	cr_assert_eq(child_run(close_all, &handles), 0);
	expect_parent_undisturbed(&handles, 0);
	cr_assert_eq(child_run(dead_then_closed, &handles), 0);
	expect_parent_undisturbed(&handles, 10);
}

Test(forked, in_the_middle_of_everything)
{
	struct handles handles = open_all();
	void *data;

	/* A batch, a reservation, and records not released. */
	write_records(handles.producer, 5, 100);
	expect_next(handles.reliable, 0, 100);
	expect_next(handles.observer, 0, 100);
	expect_ok(shmring_reserve(handles.producer, 10, &data));
	expect_ok(shmring_commit(handles.producer, 10, 0, SHMRING_MORE));
	expect_ok(shmring_reserve(handles.producer, 10, &data));
	cr_assert_eq(child_run(dead_then_closed, &handles), 0);
	expect_ok(shmring_abort(handles.producer));
	expect_ok(shmring_release(handles.reliable));
	expect_ok(shmring_release(handles.observer));
	expect_run(handles.reliable, 1, 4, 100);
	expect_run(handles.observer, 1, 4, 100);
	expect_parent_undisturbed(&handles, 5);
}

static int has_nothing(void *argument)
{
	struct handles *handles = argument;

	CHILD_CHECK(belongings_open(getpid(), handles->name) == 0);
	CHILD_CHECK(belongings_mapped(getpid(), handles->name) == 0);
	return 0;
}

Test(forked, the_child_has_no_descriptors_and_no_mappings)
{
	struct handles handles = open_all();

	cr_assert_gt(belongings_open(getpid(), handles.name), 0, "the test sees nothing");
	cr_assert_gt(belongings_mapped(getpid(), handles.name), 0, "the test sees nothing");
	cr_assert_eq(child_run(has_nothing, &handles), 0);
	expect_parent_undisturbed(&handles, 0);
}

static int open_handles_of_its_own(void *argument)
{
	struct handles *handles = argument;
	struct shmring_consumer *consumer;
	struct shmring_record record;

	CHILD_CHECK(shmring_consumer_open(&consumer, handles->name, NULL) == 0);
	for (uint64_t sequence = 0; sequence < 5; sequence++) {
		CHILD_CHECK(shmring_wait(consumer, -1) == 0);
		CHILD_CHECK(shmring_read(consumer, &record) == 0);
		CHILD_CHECK(record.sequence == sequence);
	}
	CHILD_CHECK(shmring_release(consumer) == 0);
	CHILD_CHECK(shmring_consumer_close(consumer) == 0);
	return all_are_dead(argument);
}

Test(forked, the_child_can_open_handles_of_its_own)
{
	struct handles handles = open_all();

	write_records(handles.producer, 5, 100);
	cr_assert_eq(child_run(open_handles_of_its_own, &handles), 0);
	expect_run(handles.reliable, 0, 5, 100);
	expect_run(handles.observer, 0, 5, 100);
	expect_parent_undisturbed(&handles, 5);
}

static int stay(void *argument)
{
	struct handles *handles = argument;

	gate_pass(handles->child_may_go_on);
	return 0;
}

struct survivor {
	const char *name;
	int pipe_ends[2];
	int child_is_there; /* a gate */
};

static int die_leaving_a_child(void *argument)
{
	struct survivor *survivor = argument;
	char byte;

	new_producer(survivor->name);
	new_consumer(survivor->name, SHMRING_RELIABLE, SHMRING_OLDEST);
	close(survivor->pipe_ends[1]);
	/*
	 * Not child_start: this one outlives its parent. It ends when the test does. By the time that it opens the gate,
	 * its copies of the descriptors are closed.
	 */
	if (fork() == 0) {
		gate_open(survivor->child_is_there);
		_exit((int)read(survivor->pipe_ends[0], &byte, 1));
	}
	gate_pass(survivor->child_is_there);
	raise(SIGKILL);
	return 1;
}

Test(forked, a_child_does_not_keep_a_dead_parent_alive)
{
	struct survivor survivor = { .name = new_ring(0), .child_is_there = gate_new() };

	cr_assert_eq(pipe(survivor.pipe_ends), 0);
	cr_assert_eq(child_run(die_leaving_a_child, &survivor), CHILD_SIGNAL + SIGKILL);
	cr_assert_eq(ring_info(survivor.name).producer_alive, SHMRING_DEAD);
	new_producer(survivor.name);
}

Test(forked, a_child_cannot_be_woken_or_cancelled_by_mistake)
{
	struct handles handles = open_all();
	pid_t child = child_start(stay, &handles);

	expect_ok(shmring_cancel(handles.observer));
	expect_result(shmring_wait(handles.observer, -1), -ECANCELED);
	gate_open(handles.child_may_go_on);
	cr_assert_eq(child_wait(child), 0);
}
