/* SPDX-License-Identifier: MIT */
/* A consumer with a file descriptor that waits in other ways as well, moves, is cancelled, closed, or forked. */
#include "descriptor.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/layout.h"
#include "../support/census.h"
#include "../support/objects.h"
#include "../support/sandbox.h"
#include "members.h"
#include "polled.h"

Test(consumer_fd_mixed, waiting_in_between)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	int fd = fd_of(consumer);

	for (uint64_t i = 0; i < 60; i += 3) {
		expect_idle(consumer, fd);
		/* A wait that nothing comes of: then it may not be left unarmed and not readable. */
		expect_result(shmring_wait(consumer, NS_PER_MS), -ETIMEDOUT);
		write_records(producer, 1, 8);
		wait_until_readable(fd);
		expect_run(consumer, i, 1, 8);
		/* One that is ended by a record. */
		expect_idle(consumer, fd);
		write_records(producer, 1, 8);
		expect_ok(shmring_wait(consumer, -1));
		expect_run(consumer, i + 1, 1, 8);
		/* One without having looked before. */
		expect_result(shmring_wait(consumer, NS_PER_MS / 10), -ETIMEDOUT);
		write_records(producer, 1, 8);
		wait_until_readable(fd);
		expect_run(consumer, i + 2, 1, 8);
	}
	cr_assert_eq(consumer_info(consumer).late, 0);
}

Test(consumer_fd_mixed, seeking_makes_it_readable)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	int fd = fd_of(consumer);

	write_records(producer, 5, 8);
	for (int i = 0; i < 50; i++) {
		expect_run(consumer, 0, 5, 8);
		expect_idle(consumer, fd);
		/* Back to what nobody rings for. */
		expect_ok(shmring_seek(consumer, SHMRING_OLDEST, 0));
		cr_assert(readable(fd));
	}
	expect_ok(shmring_seek(consumer, SHMRING_NEWEST, 0));
	expect_idle(consumer, fd);
	write_records(producer, 1, 8);
	wait_until_readable(fd);
	expect_run(consumer, 5, 1, 8);
	cr_assert_eq(consumer_info(consumer).late, 0);
}

/* As a program sleeps that does so by itself. It reads in between, which lets the descriptor wait as well. */
Test(consumer_fd_mixed, armed_by_hand_too)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_record record;
	struct shmring_futex futex;
	int fd = fd_of(consumer);

	for (uint64_t i = 0; i < 50; i++) {
		expect_ok(shmring_consumer_arm(consumer, &futex));
		do
			expect_result(shmring_read(consumer, &record), -EAGAIN);
		while (readable(fd));
		expect_ok(shmring_consumer_disarm(consumer));
		write_records(producer, 1, 8);
		wait_until_readable(fd);
		expect_run(consumer, i, 1, 8);
	}
	cr_assert_eq(consumer_info(consumer).late, 0);
}

Test(consumer_fd_mixed, in_a_poller_and_out)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_poller *poller = new_poller(0);
	struct shmring_event event;
	unsigned int count;
	int fd = fd_of(consumer);

	for (uint64_t i = 0; i < 40; i += 2) {
		expect_idle(consumer, fd);
		expect_ok(shmring_poller_add_consumer(poller, consumer, 0, NULL));
		expect_result(shmring_poller_wait(poller, &event, 1, &count, NS_PER_MS / 10),
			      -ETIMEDOUT);
		write_records(producer, 1, 8);
		expect_event(poller, consumer, 0);
		expect_run(consumer, i, 1, 8);
		expect_no_event(poller);
		expect_ok(shmring_poller_remove(poller, consumer));
		/* Whatever was left behind. */
		expect_idle(consumer, fd);
		write_records(producer, 1, 8);
		wait_until_readable(fd);
		expect_run(consumer, i + 1, 1, 8);
	}
	cr_assert_eq(consumer_info(consumer).late, 0);
}

/* ---- Groups ------------------------------------------------------------------------------------------------ */

#define MEMBERS 5

Test(consumer_fd_mixed, all_members_of_a_group_get_their_share)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *members[MEMBERS];

	for (int i = 0; i < MEMBERS; i++)
		members[i] = open_member(name, "group", SHMRING_RELIABLE, 1);
	for (int round = 0; round < 50; round++) {
		struct shmring_record record;

		for (int i = 0; i < MEMBERS; i++) {
			fd_of(members[i]);
			expect_result(shmring_read(members[i], &record), -EAGAIN);
		}
		write_records(producer, MEMBERS, 8);
		for (int i = 0; i < MEMBERS; i++)
			expect_told(members[i], fd_of(members[i]), 0);
		for (int i = 0; i < MEMBERS; i++)
			expect_ok(shmring_release(members[i]));
	}
	cr_assert_eq(subscription_info(name, "group").lag_records, 0);
}

/*
 * A woken member wakes another one through the kernel alone, for it cannot ring. In a round in which the machine took too
 * long, the re-check was first.
 */
Test(consumer_fd_mixed, a_member_is_woken_by_another_one)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *member = open_member(name, "group", SHMRING_RELIABLE, 1);
	const unsigned int slot = slot_of(name, "group");
	size_t sizes[2];
	struct layout_control *control = object_map(name, OBJECT_CONTROL, &sizes[0]);
	struct layout_data *data = object_map(name, OBJECT_DATA, &sizes[1]);
	int fd = fd_of(member), in_time = 0;

	for (int i = 0; i < 20; i++) {
		struct shmring_record record;
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

		do
			expect_result(shmring_read(member, &record), -EAGAIN);
		while (readable(fd));
		/* The producer has woken others. */
		atomic_store_explicit(&control->sleepers, 0, memory_order_seq_cst);
		write_records(producer, 1, 8);
		syscall(SYS_futex, &data->bell[slot], FUTEX_WAKE, 1, NULL, NULL, 0);
		in_time += poll(&poll_fd, 1, 10);
		expect_told(member, fd, 0);
		expect_ok(shmring_release(member));
	}
	cr_assert_eq(producer_info(producer).wakeups, 0);
	cr_assert_gt(in_time, 5);
	object_unmap(control, sizes[0]);
	object_unmap(data, sizes[1]);
}

/* Who is awake must not take the wake-up of one who sleeps. */
Test(consumer_fd_mixed, nobody_listens_for_a_busy_member)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *member = open_member(name, "group", SHMRING_RELIABLE, 1);
	const unsigned int slot = slot_of(name, "group");
	size_t size;
	struct layout_data *data = object_map(name, OBJECT_DATA, &size);
	int fd = fd_of(member);

	for (int round = 0; round < 5; round++) {
		struct shmring_record record;
		int silent = 0;

		do
			expect_result(shmring_read(member, &record), -EAGAIN);
		while (readable(fd));
		write_records(producer, 1, 8);
		wait_until_readable(fd);
		/* The thread may be on its way still. */
		for (int look = 0; look < 2000 && silent < 10; look++) {
			long woken = syscall(SYS_futex, &data->bell[slot], FUTEX_WAKE, 99, NULL,
					     NULL, 0);

			silent = woken == 0 ? silent + 1 : 0;
			pass_time(NS_PER_MS);
		}
		cr_assert_eq(silent, 10);
		expect_told(member, fd, 0);
		expect_ok(shmring_release(member));
	}
	object_unmap(data, size);
}

Test(consumer_fd_mixed, a_member_finds_what_a_dead_one_had)
{
	struct life life = { new_ring(0), "group", SHMRING_RELIABLE, 0, 1, 0, 1 };
	struct shmring_producer *producer = new_producer(life.ring);
	struct shmring_consumer *member = open_member(life.ring, "group", SHMRING_RELIABLE, 1);
	struct shmring_record record;

	fd_of(member);
	for (uint64_t i = 0; i < 3; i++) {
		write_records(producer, 1, 8);
		live_and_be_killed(&life);
		while (shmring_read(member, &record) == -EAGAIN)
			wait_until_readable(fd_of(member));
		cr_assert_eq(record.sequence, i);
		cr_assert_eq(record.flags, SHMRING_REDELIVERED);
		expect_ok(shmring_release(member));
	}
}

/* ---- Cancelling, closing, forking -------------------------------------------------------------------------- */

Test(consumer_fd_mixed, cancelled_it_stays_readable)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_record record;

	/* Asleep, awake, and before it was asked for. */
	for (int state = 0; state < 3; state++) {
		struct shmring_consumer *consumer =
			new_consumer(name, SHMRING_RELIABLE, SHMRING_NEWEST);
		int fd = -1;

		if (state < 2)
			fd = fd_of(consumer);
		if (state == 0)
			expect_idle(consumer, fd);
		expect_ok(shmring_cancel(consumer));
		fd = fd_of(consumer);
		cr_assert(readable(fd));
		for (int i = 0; i < 3; i++) {
			expect_result(shmring_read(consumer, &record), -ECANCELED);
			cr_assert(readable(fd));
		}
		expect_result(shmring_wait(consumer, 0), -ECANCELED);
		/* Reading is no waiting. */
		write_records(producer, 1, 8);
		expect_ok(shmring_read(consumer, &record));
		expect_result(shmring_read(consumer, &record), -ECANCELED);
		cr_assert(readable(fd));
		expect_ok(shmring_consumer_close(consumer));
	}
}

static void *cancel_it(void *handle)
{
	return (void *)(intptr_t)shmring_cancel(handle);
}

Test(consumer_fd_mixed, cancelling_ends_a_loops_wait)
{
	const char *name = new_ring(0);

	new_producer(name);
	for (int i = 0; i < 200; i++) {
		struct shmring_consumer *consumer =
			i % 2 ? new_observer(name, SHMRING_OLDEST)
			      : new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
		pthread_t thread;
		void *error;

		fd_of(consumer);
		cr_assert_eq(pthread_create(&thread, NULL, cancel_it, consumer), 0);
		expect_told(consumer, fd_of(consumer), -ECANCELED);
		pthread_join(thread, &error);
		cr_assert_null(error);
		expect_ok(shmring_consumer_close(consumer));
	}
}

static _Atomic int done;

static void *write_all_the_time(void *producer)
{
	while (!done)
		(void)shmring_write(producer, "12345678", 8, 0, 0);
	return NULL;
}

Test(consumer_fd_mixed, closed_in_the_middle_of_it)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	const struct census before = census_take();
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, write_all_the_time, producer), 0);
	for (int i = 0; i < 300; i++) {
		struct shmring_consumer *consumer =
			i % 3 ? new_consumer(name, SHMRING_LOSSY, SHMRING_NEWEST)
			      : new_observer(name, SHMRING_NEWEST);
		struct shmring_record record;

		fd_of(consumer);
		for (int j = 0; j < i % 5; j++)
			while (shmring_read(consumer, &record) == 0)
				(void)shmring_release(consumer);
		expect_ok(shmring_consumer_close(consumer));
	}
	done = 1;
	pthread_join(thread, NULL);
	cr_assert_eq(census_take().descriptors, before.descriptors);
}

#define dead(call) CHILD_CHECK((call) == -EOWNERDEAD)

/* With a ring of its own. */
static int start_anew(void)
{
	const char *name = unique_name();
	struct pollfd poll_fd = { .events = POLLIN };
	struct shmring_producer *producer;
	struct shmring_consumer *mine;
	struct shmring_record record;

	CHILD_CHECK(shmring_create(name, NULL) == 0);
	CHILD_CHECK(shmring_producer_open(&producer, name, NULL) == 0);
	CHILD_CHECK(shmring_consumer_open(&mine, name, NULL) == 0);
	CHILD_CHECK(census_take().threads == 1);
	CHILD_CHECK(shmring_consumer_fd(mine, &poll_fd.fd) == 0);
	CHILD_CHECK(census_take().threads == 2);
	for (int i = 0; i < 10; i++) {
		while (shmring_read(mine, &record) != -EAGAIN || poll(&poll_fd, 1, 0) == 1)
			;
		CHILD_CHECK(shmring_write(producer, "x", 1, 0, -1) == 0);
		CHILD_CHECK(take_when_readable(mine, poll_fd.fd) == 0);
	}
	CHILD_CHECK(shmring_consumer_close(mine) == 0);
	CHILD_CHECK(shmring_producer_close(producer) == 0);
	CHILD_CHECK(shmring_unlink(name) == 0);
	return 0;
}

static int has_nothing_of_the_parents(void *argument)
{
	struct shmring_consumer *consumer = argument;
	struct shmring_record record;
	int fd = -7;

	dead(shmring_consumer_fd(consumer, &fd));
	CHILD_CHECK(fd == -7);
	dead(shmring_read(consumer, &record));
	dead(shmring_wait(consumer, 0));
	dead(shmring_wait(consumer, -1));
	/* That is its copy, not the parent's. */
	CHILD_CHECK(shmring_cancel(consumer) == 0);
	if (start_anew() != 0)
		return 1;
	CHILD_CHECK(shmring_consumer_close(consumer) == 0);
	return start_anew();
}

Test(consumer_fd_mixed, a_forked_child_starts_anew)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	int fd = fd_of(consumer);

	for (uint64_t i = 0; i < 10; i++) {
		expect_idle(consumer, fd);
		cr_assert_eq(child_run(has_nothing_of_the_parents, consumer), 0);
		cr_assert(!readable(fd));
		write_records(producer, 1, 8);
		wait_until_readable(fd);
		expect_run(consumer, i, 1, 8);
	}
	cr_assert_eq(consumer_info(consumer).late, 0);
}

static void *fork_all_the_time(void *unused)
{
	(void)unused;
	while (!done) {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		if (child < 0 || waitpid(child, NULL, 0) != child)
			return (void *)1;
	}
	return NULL;
}

/* The thread is started and ended meanwhile. */
Test(consumer_fd_mixed, another_thread_forks)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	pthread_t thread;
	void *error;

	cr_assert_eq(pthread_create(&thread, NULL, fork_all_the_time, NULL), 0);
	for (uint64_t i = 0; i < 200; i++) {
		struct shmring_consumer *consumer =
			new_consumer(name, SHMRING_RELIABLE, SHMRING_NEWEST);

		expect_idle(consumer, fd_of(consumer));
		write_records(producer, 1, 8);
		wait_until_readable(fd_of(consumer));
		expect_run(consumer, i, 1, 8);
		expect_ok(shmring_consumer_close(consumer));
	}
	done = 1;
	pthread_join(thread, &error);
	cr_assert_null(error);
}

/* ---- Kernels that can less --------------------------------------------------------------------------------- */

#ifdef SYS_membarrier
/* The filter comes when it sleeps already, as far as the thread knows. */
static int refuse_later(void *argument)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;
	struct pollfd poll_fd = { .events = POLLIN };
	struct shmring_producer *producer;
	struct shmring_consumer *consumer;
	const char *name = unique_name();
	struct shmring_record record;

	options.wake_mode = SHMRING_WAKE_MEMBARRIER;
	CHILD_CHECK(shmring_create(name, &options) == 0);
	CHILD_CHECK(shmring_producer_open(&producer, name, NULL) == 0);
	CHILD_CHECK(shmring_consumer_open(&consumer, name, NULL) == 0);
	CHILD_CHECK(shmring_consumer_fd(consumer, &poll_fd.fd) == 0);
	for (int i = 0; i < 20; i++) {
		if (i == 3 && sandbox_refuse_call(SYS_membarrier, *(int *)argument) != 0)
			return SANDBOX_UNAVAILABLE;
		while (shmring_read(consumer, &record) != -EAGAIN || poll(&poll_fd, 1, 0) == 1)
			;
		CHILD_CHECK(shmring_write(producer, "x", 1, 0, -1) == 0);
		CHILD_CHECK(take_when_readable(consumer, poll_fd.fd) == 0);
	}
	CHILD_CHECK(shmring_consumer_info(consumer, &info) == 0);
	CHILD_CHECK(info.late == 0);
	return 0;
}

Test(consumer_fd_mixed, a_filter_that_comes_later)
{
	static int errors[] = { ENOSYS, EPERM };

	for (int i = 0; i < 2; i++) {
		int status = child_run(refuse_later, &errors[i]);

		if (status == SANDBOX_UNAVAILABLE)
			cr_skip_test("no filter of system calls is allowed here");
		cr_assert_eq(status, 0);
	}
}
#endif
