/* SPDX-License-Identifier: MIT */
/* A poller: what it tells, of whom, and in which order. */
#include "polled.h"

#include <signal.h>
#include <sys/time.h>

#include "members.h"

Test(poller, refuses_what_makes_no_sense)
{
	struct shmring_poller_options options = SHMRING_POLLER_OPTIONS_INIT;
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_poller *poller, *other = new_poller(0);
	struct shmring_event event;
	unsigned int count;

	expect_result(shmring_poller_open(NULL, NULL), -EINVAL);
	options.by_priority = 2;
	expect_result(shmring_poller_open(&poller, &options), -EINVAL);
	options.by_priority = 0;
	options.spin_ns = SHMRING_SPIN_MAX_NS + 1LL;
	expect_result(shmring_poller_open(&poller, &options), -EINVAL);
	expect_ok(shmring_poller_open(&poller, NULL));
	expect_result(shmring_poller_wait(poller, NULL, 1, &count, 0), -EINVAL);
	expect_result(shmring_poller_wait(poller, &event, 0, &count, 0), -EINVAL);
	expect_result(shmring_poller_wait(poller, &event, 1, NULL, 0), -EINVAL);
	expect_result(shmring_poller_add_consumer(poller, NULL, 0, NULL), -EINVAL);
	expect_result(shmring_poller_add_producer(poller, NULL, 8, 0, NULL), -EINVAL);
	expect_result(shmring_poller_add_producer(poller, producer, SMALL_MAXIMUM + 1, 0, NULL),
		      -EMSGSIZE);
	expect_result(shmring_poller_remove(poller, consumer), -ESRCH);
	expect_ok(shmring_poller_add_consumer(poller, consumer, 0, NULL));
	expect_result(shmring_poller_add_consumer(poller, consumer, 0, NULL), -EBUSY);
	expect_result(shmring_poller_add_consumer(other, consumer, 0, NULL), -EBUSY);
	expect_result(shmring_poller_remove(other, consumer), -ESRCH);
	expect_ok(shmring_poller_close(other));
	expect_ok(shmring_poller_close(NULL));
}

Test(poller, a_member_is_not_closed)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_poller *poller = new_poller(0);

	expect_ok(shmring_poller_add_consumer(poller, consumer, 0, NULL));
	expect_ok(shmring_poller_add_producer(poller, producer, 8, 0, NULL));
	expect_result(shmring_consumer_close(consumer), -EBUSY);
	expect_result(shmring_producer_close(producer), -EBUSY);
	write_records(producer, 1, 8);
	expect_run(consumer, 0, 1, 8);
	expect_ok(shmring_poller_remove(poller, consumer));
	expect_ok(shmring_consumer_close(consumer));
	/* Closing the poller sets the others free. */
	expect_ok(shmring_poller_close(poller));
	expect_ok(shmring_producer_close(producer));
}

Test(poller, tells_what_is_ready_and_nothing_else)
{
	const char *names[3];
	struct shmring_producer *producers[3];
	struct shmring_consumer *consumers[3];
	struct shmring_poller *poller = new_poller(0);
	struct shmring_event events[3];
	unsigned int count;

	expect_no_event(poller);
	for (int i = 0; i < 3; i++) {
		names[i] = new_ring(0);
		producers[i] = new_producer(names[i]);
		consumers[i] = new_consumer(names[i], SHMRING_RELIABLE, SHMRING_OLDEST);
		expect_ok(shmring_poller_add_consumer(poller, consumers[i], i, &names[i]));
	}
	expect_no_event(poller);
	expect_result(shmring_poller_wait(poller, events, 3, &count, NS_PER_MS), -ETIMEDOUT);
	for (int i = 0; i < 3; i++) {
		write_records(producers[i], 1, 8);
		expect_ok(shmring_poller_wait(poller, events, 3, &count, -1));
		cr_assert_eq(count, 1);
		cr_assert_eq(events[0].handle, consumers[i]);
		cr_assert_eq(events[0].context, &names[i]);
		cr_assert_eq(events[0].error, 0);
		cr_assert_eq(events[0].priority, i);
		/* Until it is read. */
		expect_event(poller, consumers[i], 0);
		expect_run(consumers[i], 0, 1, 8);
	}
	write_records(producers[0], 1, 8);
	write_records(producers[2], 1, 8);
	expect_ok(shmring_poller_wait(poller, events, 3, &count, -1));
	cr_assert_eq(count, 2);
	cr_assert_neq(events[0].handle, events[1].handle);
	expect_ok(shmring_poller_close(poller));
}

Test(poller, waits_for_room)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_poller *poller = new_poller(0);

	expect_ok(shmring_poller_add_producer(poller, producer, SMALL_MAXIMUM, 0, NULL));
	expect_event(poller, producer, 0);
	write_records(producer, 3, SMALL_MAXIMUM);
	expect_no_event(poller);
	expect_run(consumer, 0, 3, SMALL_MAXIMUM);
	expect_event(poller, producer, 0);
	/* A full ring that is removed never has room again. */
	write_records(producer, 3, SMALL_MAXIMUM);
	expect_ok(shmring_unlink(name));
	expect_event(poller, producer, -ESTALE);
	expect_event(poller, producer, -ESTALE);
}

Test(poller, urgent_ones_first_if_asked)
{
	struct shmring_poller *poller = new_poller(1);
	struct shmring_producer *producers[6];
	struct shmring_consumer *consumers[6];
	struct shmring_event events[6];
	unsigned int count;

	for (int i = 0; i < 6; i++) {
		const char *name = new_ring(0);

		producers[i] = new_producer(name);
		consumers[i] = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
		/* Not in order: 0 -1 1 0 -1 1 */
		expect_ok(shmring_poller_add_consumer(poller, consumers[i],
						      (i % 3 == 0)   ? 0
						      : (i % 3 == 1) ? -1
								     : 1,
						      NULL));
		write_records(producers[i], 1, 8);
	}
	for (int level = 1; level >= -1; level--) {
		expect_ok(shmring_poller_wait(poller, events, 6, &count, -1));
		cr_assert_eq(count, 2);
		for (unsigned int i = 0; i < count; i++) {
			cr_assert_eq(events[i].priority, level);
			expect_run(events[i].handle, 0, 1, 8);
		}
		/* An urgent record that comes in between goes before the rest. */
		if (level == 0) {
			write_records(producers[2], 1, 8);
			expect_event(poller, consumers[2], 0);
			expect_run(consumers[2], 1, 1, 8);
		}
	}
	expect_no_event(poller);
}

Test(poller, no_ring_starves)
{
	struct shmring_poller *poller = new_poller(0);
	unsigned int told[5] = { 0 };

	for (int i = 0; i < 5; i++) {
		const char *name = new_ring(0);
		struct shmring_producer *producer = new_producer(name);

		expect_ok(shmring_poller_add_consumer(
			poller, new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST), i, &told[i]));
		write_records(producer, 1, 8);
	}
	/* Nothing is read: all are ready all the time. */
	for (int round = 0; round < 50; round++)
		++*(unsigned int *)poll_one(poller).context;
	for (int i = 0; i < 5; i++)
		cr_assert_eq(told[i], 10, "%d: %u", i, told[i]);
}

Test(poller, tells_how_a_stream_ends_once_for_each_producer)
{
	const char *name = new_ring(0);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_poller *poller = new_poller(0);

	expect_ok(shmring_poller_add_consumer(poller, consumer, 0, NULL));
	for (uint64_t i = 0; i < 3; i++) {
		struct shmring_producer *producer = new_producer(name);

		write_records(producer, 1, 8);
		expect_ok(shmring_producer_close(producer));
		expect_event(poller, consumer, 0);
		expect_run(consumer, i, 1, 8);
		expect_event(poller, consumer, -EPIPE);
		expect_no_event(poller);
	}
	expect_ok(shmring_unlink(name));
	expect_event(poller, consumer, -ESTALE);
}

static int write_and_die(void *argument)
{
	struct shmring_producer *producer;

	CHILD_CHECK(shmring_producer_open(&producer, argument, NULL) == 0);
	CHILD_CHECK(shmring_write(producer, "x", 1, 0, -1) == 0);
	raise(SIGKILL);
	return 1;
}

Test(poller, sees_a_dead_producer)
{
	const char *name = new_ring(0);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_poller *poller = new_poller(0);
	struct shmring_record record;

	expect_ok(shmring_poller_add_consumer(poller, consumer, 0, NULL));
	child_run(write_and_die, (void *)(uintptr_t)name);
	expect_event(poller, consumer, 0);
	expect_ok(shmring_read(consumer, &record));
	expect_ok(shmring_release(consumer));
	expect_event(poller, consumer, -EOWNERDEAD);
	expect_no_event(poller);
}

Test(poller, tells_the_evicted_until_they_rejoin)
{
	const char *name = new_ring(0);
	struct shmring_consumer_options options = options_for("slow", SHMRING_RELIABLE);
	struct shmring_consumer *consumer = open_consumer(name, &options);
	struct shmring_poller *poller = new_poller(0);

	expect_ok(shmring_poller_add_consumer(poller, consumer, 0, NULL));
	expect_ok(shmring_evict(name, "slow"));
	expect_event(poller, consumer, -ECONNRESET);
	expect_event(poller, consumer, -ECONNRESET);
	expect_ok(shmring_rejoin(consumer, NULL));
	expect_no_event(poller);
}

Test(poller, observers_and_those_whom_nobody_wakes)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	const char *quiet, *name = new_ring(0);
	struct shmring_consumer *observer = new_observer(name, SHMRING_OLDEST), *consumer;
	struct shmring_producer *producer = new_producer(name), *other;
	struct shmring_poller *poller = new_poller(0);

	options.capacity = SMALL;
	options.wake_mode = SHMRING_WAKE_NONE;
	quiet = new_ring_with(&options);
	consumer = new_consumer(quiet, SHMRING_RELIABLE, SHMRING_OLDEST);
	other = new_producer(quiet);
	expect_ok(shmring_poller_add_consumer(poller, observer, 0, NULL));
	expect_ok(shmring_poller_add_consumer(poller, consumer, 0, NULL));
	for (uint64_t i = 0; i < 3; i++) {
		write_records(producer, 1, 8);
		expect_event(poller, observer, 0);
		expect_run(observer, i, 1, 8);
		write_records(other, 1, 8);
		expect_event(poller, consumer, 0);
		expect_run(consumer, i, 1, 8);
	}
}

Test(poller, members_of_a_group)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one = open_member(name, "group", SHMRING_RELIABLE, 1);
	struct shmring_consumer *other = open_member(name, "group", SHMRING_RELIABLE, 1);
	struct shmring_poller *poller = new_poller(0);
	struct shmring_event events[2];
	unsigned int count;

	expect_ok(shmring_poller_add_consumer(poller, one, 0, NULL));
	expect_ok(shmring_poller_add_consumer(poller, other, 0, NULL));
	expect_no_event(poller);
	write_records(producer, 2, 8);
	expect_ok(shmring_poller_wait(poller, events, 2, &count, -1));
	cr_assert_eq(count, 2);
	expect_run(one, 0, 1, 8);
	expect_ok(shmring_poller_wait(poller, events, 2, &count, -1));
	cr_assert_eq(count, 2);
	expect_run(other, 1, 1, 8);
	expect_no_event(poller);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signal)
{
	(void)signal;
	alarms++;
}

Test(poller, a_signal_ends_a_wait_if_asked)
{
	struct shmring_poller_options options = SHMRING_POLLER_OPTIONS_INIT;
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval every = { { 0, 3000 }, { 0, 3000 } };
	struct shmring_poller *poller;
	struct shmring_event event;
	unsigned int count;

	options.interruptible = 1;
	expect_ok(shmring_poller_open(&poller, &options));
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	expect_result(shmring_poller_wait(poller, &event, 1, &count, -1), -EINTR);
	cr_assert_gt(alarms, 0);
	/* Others go on. */
	expect_result(shmring_poller_wait(new_poller(0), &event, 1, &count, 20 * NS_PER_MS),
		      -ETIMEDOUT);
}
