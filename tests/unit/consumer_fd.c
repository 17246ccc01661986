/* SPDX-License-Identifier: MIT */
/* A consumer's file descriptor: readable when there is something to read or to tell, and left alone otherwise. */
#include "descriptor.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>

#include "../support/census.h"
#include "members.h"

uint64_t times_written(int fd)
{
	unsigned long long count = UINT64_MAX;
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	cr_assert_not_null(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "eventfd-count: %llx", &count) == 1)
			break;
	fclose(file);
	cr_assert_neq(count, UINT64_MAX, "the test sees nothing");
	return count;
}

Test(consumer_fd, refuses_what_makes_no_sense)
{
	const char *name = new_ring(0);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);

	expect_result(shmring_consumer_fd(consumer, NULL), -EINVAL);
	/* There is one for each. */
	cr_assert_eq(fd_of(consumer), fd_of(consumer));
	cr_assert_neq(fd_of(consumer), fd_of(new_observer(name, SHMRING_OLDEST)));
}

Test(consumer_fd, readable_until_there_is_nothing_to_read)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	int fd;

	write_records(producer, 1, 8);
	fd = fd_of(consumer);
	/* What came before is seen, too. */
	cr_assert(readable(fd));
	expect_run(consumer, 0, 1, 8);
	for (uint64_t sequence = 1; sequence < 1000; sequence += 3) {
		expect_idle(consumer, fd);
		cr_assert(!readable(fd));
		write_records(producer, 3, 8);
		/* Also for who reads but one record each time. */
		for (uint64_t i = 0; i < 3; i++) {
			wait_until_readable(fd);
			expect_run(consumer, sequence + i, 1, 8);
		}
	}
	cr_assert_eq(consumer_info(consumer).late, 0);
	cr_assert_gt(consumer_info(consumer).wakeups, 0);
}

/* Reading with a time-out of 0 is done by shmring_wait as well. */
Test(consumer_fd, looking_by_wait_does_the_same)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	int fd = fd_of(consumer);

	for (uint64_t sequence = 0; sequence < 300; sequence++) {
		do
			expect_result(shmring_wait(consumer, 0), -EAGAIN);
		while (readable(fd));
		write_records(producer, 1, 8);
		wait_until_readable(fd);
		expect_ok(shmring_wait(consumer, 0));
		expect_run(consumer, sequence, 1, 8);
	}
	cr_assert_eq(consumer_info(consumer).late, 0);
}

Test(consumer_fd, nothing_is_written_while_the_consumer_is_awake)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	int fd = fd_of(consumer);

	for (uint64_t round = 0; round < 20; round++) {
		/* The first time, it has never slept. */
		if (round > 0) {
			expect_idle(consumer, fd);
			cr_assert_eq(times_written(fd), 0);
		}
		for (uint64_t i = 0; i < 100; i++) {
			write_records(producer, 1, 8);
			wait_until_readable(fd);
			cr_assert_eq(times_written(fd), 1);
			expect_run(consumer, round * 100 + i, 1, 8);
		}
		/* Nor has the thread been woken. */
		cr_assert_eq(producer_info(producer).wakeups, round);
	}
}

/* Here it is: the bell of one that is awake rings for another member of its group. */
Test(consumer_fd, nothing_is_written_while_another_one_is_woken)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *awake = open_member(name, "group", SHMRING_RELIABLE, 1);
	struct shmring_consumer *sleeper = open_member(name, "group", SHMRING_RELIABLE, 1);
	int fd = fd_of(awake), sleeper_fd = fd_of(sleeper);

	for (uint64_t i = 0; i < 200; i++) {
		expect_idle(sleeper, sleeper_fd);
		write_records(producer, 1, 8);
		expect_told(sleeper, sleeper_fd, 0);
		expect_ok(shmring_release(sleeper));
		cr_assert_eq(times_written(fd), 1);
	}
	cr_assert_gt(producer_info(producer).wakeups, 0);
}

/* Counts again until a thread that was told to end is gone. */
static void expect_threads(unsigned int count)
{
	while (census_take().threads > count)
		;
	cr_assert_eq(census_take().threads, count);
}

Test(consumer_fd, one_thread_for_all_and_none_for_none)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumers[5];
	const unsigned int before = census_take().threads;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 5; i++)
			consumers[i] = i % 2 ? new_observer(name, SHMRING_NEWEST)
					     : new_consumer(name, SHMRING_RELIABLE, SHMRING_NEWEST);
		cr_assert_eq(shmring_wait(consumers[0], NS_PER_MS), -ETIMEDOUT);
		cr_assert_eq(census_take().threads, before);
		for (int i = 0; i < 5; i++) {
			expect_idle(consumers[i], fd_of(consumers[i]));
			cr_assert_eq(census_take().threads, before + 1);
		}
		write_records(producer, 1, 8);
		for (int i = 0; i < 5; i++) {
			wait_until_readable(fd_of(consumers[i]));
			expect_ok(shmring_consumer_close(consumers[i]));
			if (i < 4)
				cr_assert_eq(census_take().threads, before + 1);
		}
		expect_threads(before);
	}
}

/* The threads that leave all signals to others. */
static unsigned int count_deaf(void)
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned int count = 0;

	cr_assert_not_null(tasks);
	for (const struct dirent *task; (task = readdir(tasks));) {
		unsigned long long blocked;
		char path[300], line[128];
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", task->d_name);
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file))
			/* But for those that cannot be left to others. */
			if (sscanf(line, "SigBlk: %llx", &blocked) == 1)
				count += (~blocked & 0x7fffffff) ==
					 (1 << (SIGKILL - 1) | 1 << (SIGSTOP - 1));
		if (file)
			fclose(file);
	}
	closedir(tasks);
	return count;
}

/* Signals that any thread may take are for those of the program. */
Test(consumer_fd, its_thread_takes_no_signals)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	/* What runs the tests has such a thread as well. */
	const unsigned int before = count_deaf();
	int fd = fd_of(consumer);

	/* As it starts, the C library blocks them all; it has begun when it has written. */
	expect_idle(consumer, fd);
	write_records(producer, 1, 8);
	wait_until_readable(fd);
	cr_assert_eq(count_deaf(), before + 1);
}

/* ---- What else there is to tell ---------------------------------------------------------------------------- */

Test(consumer_fd, the_end_of_a_stream_makes_it_readable)
{
	const char *name = new_ring(0);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_producer *producer = new_producer(name);
	int fd = fd_of(consumer);

	for (uint64_t epoch = 0; epoch < 20; epoch++) {
		struct shmring_record record;

		expect_idle(consumer, fd);
		expect_ok(shmring_producer_close(producer));
		expect_told(consumer, fd, -EPIPE);
		/* As often as it is asked. */
		cr_assert(readable(fd));
		expect_result(shmring_read(consumer, &record), -EPIPE);
		cr_assert(readable(fd));
		/* This tells it once, and then waits for the next producer. */
		expect_result(shmring_wait(consumer, 0), -EPIPE);
		do
			expect_result(shmring_wait(consumer, 0), -EAGAIN);
		while (readable(fd));
		producer = new_producer(name);
		write_records(producer, 1, 8);
		wait_until_readable(fd);
		expect_run(consumer, epoch, 1, 8);
	}
	cr_assert_eq(consumer_info(consumer).late, 0);
}

struct killed {
	const char *ring;
	int is_there; /* gates */
	int may_die;
};

static int produce_and_die(void *argument)
{
	const struct killed *killed = argument;
	struct shmring_producer *producer;

	CHILD_CHECK(shmring_producer_open(&producer, killed->ring, NULL) == 0);
	CHILD_CHECK(shmring_write(producer, "x", 1, 0, -1) == 0);
	gate_open(killed->is_there);
	gate_pass(killed->may_die);
	raise(SIGKILL);
	return 1;
}

static void expect_death_told(struct shmring_consumer *consumer, const char *name)
{
	struct killed killed = { name, gate_new(), gate_new() };
	struct shmring_record record;
	int fd = fd_of(consumer);
	pid_t child = child_start(produce_and_die, &killed);

	gate_pass(killed.is_there);
	expect_told(consumer, fd, 0);
	expect_ok(shmring_release(consumer));
	/* A group's member is woken at each re-check: not readable for how long, is not said. */
	expect_result(shmring_read(consumer, &record), -EAGAIN);
	gate_open(killed.may_die);
	cr_assert_eq(child_wait(child), CHILD_SIGNAL + SIGKILL);
	expect_told(consumer, fd, -EOWNERDEAD);
	cr_assert(readable(fd));
	/* Told once by this, which waits for a successor then. */
	expect_result(shmring_wait(consumer, 0), -EOWNERDEAD);
	expect_result(shmring_wait(consumer, 0), -EAGAIN);
	write_records(new_producer(name), 1, 8);
	expect_told(consumer, fd, 0);
}

Test(consumer_fd, a_killed_producer_makes_it_readable)
{
	const char *name = new_ring(0);

	expect_death_told(new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST), name);
	name = new_ring(0);
	expect_death_told(open_member(name, "group", SHMRING_RELIABLE, 1), name);
}

Test(consumer_fd, a_removed_ring_makes_it_readable)
{
	const char *name = new_ring(0);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *observer = new_observer(name, SHMRING_OLDEST);

	new_producer(name);
	expect_idle(consumer, fd_of(consumer));
	expect_idle(observer, fd_of(observer));
	expect_ok(shmring_unlink(name));
	expect_told(consumer, fd_of(consumer), -ESTALE);
	expect_told(observer, fd_of(observer), -ESTALE);
	cr_assert(readable(fd_of(consumer)));
}

Test(consumer_fd, an_eviction_makes_it_readable_and_a_rejoin_too)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer_options options = options_for("slow", SHMRING_RELIABLE);
	struct shmring_consumer *consumer = open_consumer(name, &options);
	struct shmring_record record;
	int fd = fd_of(consumer);
	uint64_t lost;

	expect_idle(consumer, fd);
	expect_ok(shmring_evict(name, "slow"));
	expect_told(consumer, fd, -ECONNRESET);
	expect_ok(shmring_rejoin(consumer, &lost));
	cr_assert(readable(fd));
	expect_idle(consumer, fd);
	/* Also for who has not been told: there may be something to read where it goes on. */
	expect_ok(shmring_evict(name, "slow"));
	expect_ok(shmring_rejoin(consumer, &lost));
	cr_assert(readable(fd));
	expect_idle(consumer, fd);
	write_records(producer, 1, 8);
	wait_until_readable(fd);
	expect_ok(shmring_read(consumer, &record));
}

Test(consumer_fd, observers_and_those_whom_nobody_wakes)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;

	options.capacity = SMALL;
	for (uint32_t mode = SHMRING_WAKE_FENCE; mode <= SHMRING_WAKE_MEMBARRIER; mode++) {
		struct shmring_consumer *observer, *consumer;
		struct shmring_producer *producer;
		const char *name;

		options.wake_mode = mode;
		name = new_ring_with(&options);
		observer = new_observer(name, SHMRING_OLDEST);
		consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
		producer = new_producer(name);
		for (uint64_t i = 0; i < 20; i++) {
			expect_idle(observer, fd_of(observer));
			expect_idle(consumer, fd_of(consumer));
			write_records(producer, 1, 8);
			expect_told(observer, fd_of(observer), 0);
			expect_ok(shmring_release(observer));
			expect_told(consumer, fd_of(consumer), 0);
			expect_ok(shmring_release(consumer));
			cr_assert_eq(consumer_info(observer).sequence, i + 1);
		}
		cr_assert_eq(consumer_info(consumer).late, 0);
	}
}

/* By naps of 4 ms at most, not by the re-check after 100; but now and then the machine may take longer. */
Test(consumer_fd, naps_are_short)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	struct shmring_producer *producer;
	struct shmring_consumer *consumer;
	unsigned int in_time = 0;
	const char *name;

	options.wake_mode = SHMRING_WAKE_NONE;
	name = new_ring_with(&options);
	producer = new_producer(name);
	consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	for (uint64_t i = 0; i < 20; i++) {
		struct pollfd poll_fd = { .fd = fd_of(consumer), .events = POLLIN };

		expect_idle(consumer, poll_fd.fd);
		write_records(producer, 1, 8);
		in_time += poll(&poll_fd, 1, 50) == 1;
		expect_told(consumer, poll_fd.fd, 0);
		expect_ok(shmring_release(consumer));
	}
	cr_assert_gt(in_time, 5);
}
