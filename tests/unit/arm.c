/* SPDX-License-Identifier: MIT */
/* Programs that sleep by themselves: the futex word, and what rings it. Handles of their own mind. */
#include "unit.h"

#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

/* As a program would sleep. True if it was woken, or the word had changed. */
static bool sleep_on(const struct shmring_futex *futex)
{
	struct timespec timeout = { futex->timeout_ns / 1000000000,
				    futex->timeout_ns % 1000000000 };

	return syscall(SYS_futex, futex->word, FUTEX_WAIT, futex->expected, &timeout, NULL, 0) ==
		       0 ||
	       errno == EAGAIN;
}

static uint32_t word_now(const struct shmring_futex *futex)
{
	return __atomic_load_n(futex->word, __ATOMIC_ACQUIRE);
}

Test(arm, a_record_changes_the_word)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_futex futex;

	for (uint64_t i = 0; i < 3; i++) {
		expect_ok(shmring_consumer_arm(consumer, &futex));
		cr_assert_eq(word_now(&futex), futex.expected);
		cr_assert_gt(futex.timeout_ns, 0);
		write_records(producer, 1, 8);
		cr_assert_neq(word_now(&futex), futex.expected);
		cr_assert(sleep_on(&futex));
		expect_ok(shmring_consumer_disarm(consumer));
		expect_result(shmring_consumer_arm(consumer, &futex), -EALREADY);
		expect_run(consumer, i, 1, 8);
		cr_assert_eq(consumer_info(consumer).wakeups, i + 1);
	}
	/* Disarmed, or refused, it costs the producer nothing. */
	cr_assert_eq(producer_info(producer).wakeups, 3);
	write_records(producer, 1, 8);
	cr_assert_eq(producer_info(producer).wakeups, 3);
	expect_ok(shmring_consumer_disarm(consumer));
}

Test(arm, tells_the_end_of_a_stream_as_wait_does)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_futex futex;

	expect_ok(shmring_consumer_arm(consumer, &futex));
	expect_ok(shmring_producer_close(producer));
	cr_assert_neq(word_now(&futex), futex.expected);
	expect_ok(shmring_consumer_disarm(consumer));
	expect_result(shmring_consumer_arm(consumer, &futex), -EPIPE);
	expect_ok(shmring_consumer_arm(consumer, &futex));
	expect_ok(shmring_unlink(name));
	expect_result(shmring_consumer_arm(consumer, NULL), -EINVAL);
}

Test(arm, nobody_wakes_an_observer)
{
	const char *name = new_ring(0);
	struct shmring_consumer *observer = new_observer(name, SHMRING_OLDEST);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_futex futex;

	expect_result(shmring_consumer_arm(observer, &futex), 0);
	cr_assert_lt(futex.timeout_ns, 100 * NS_PER_MS);
	write_records(producer, 1, 8);
	cr_assert_eq(word_now(&futex), futex.expected);
	expect_ok(shmring_consumer_disarm(observer));
	expect_result(shmring_consumer_arm(observer, &futex), -EALREADY);
}

Test(arm, room_changes_the_producers_word)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_futex futex;

	expect_result(shmring_producer_arm(producer, 8, &futex), -EALREADY);
	expect_result(shmring_producer_arm(producer, SMALL_MAXIMUM + 1, &futex), -EMSGSIZE);
	expect_result(shmring_producer_arm(producer, 8, NULL), -EINVAL);
	write_records(producer, 3, SMALL_MAXIMUM);
	expect_ok(shmring_producer_arm(producer, SMALL_MAXIMUM, &futex));
	cr_assert_eq(word_now(&futex), futex.expected);
	expect_run(consumer, 0, 3, SMALL_MAXIMUM);
	cr_assert_neq(word_now(&futex), futex.expected);
	expect_ok(shmring_producer_disarm(producer));
	expect_result(shmring_producer_arm(producer, SMALL_MAXIMUM, &futex), -EALREADY);
}

Test(arm, a_cancelled_handle_does_not_sleep)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_futex futex;

	write_records(producer, 3, SMALL_MAXIMUM);
	expect_ok(shmring_cancel(producer));
	expect_result(shmring_producer_arm(producer, SMALL_MAXIMUM, &futex), -ECANCELED);
	expect_ok(shmring_cancel(consumer));
	expect_result(shmring_consumer_arm(consumer, &futex), -ECANCELED);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signal)
{
	(void)signal;
	alarms++;
}

static void alarm_soon_and_again(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval every = { { 0, 3000 }, { 0, 3000 } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

Test(interruptible, a_signal_ends_each_wait)
{
	const char *name = new_ring(0);
	struct shmring_consumer_options reader = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_producer_options writer = SHMRING_PRODUCER_OPTIONS_INIT;
	struct shmring_producer *producer;
	struct shmring_consumer *consumer, *observer, *none = NULL;

	reader.interruptible = writer.interruptible = 1;
	expect_ok(shmring_producer_open(&producer, name, &writer));
	expect_ok(shmring_consumer_open(&consumer, name, &reader));
	expect_ok(shmring_observer_open(&observer, name, &reader));
	alarm_soon_and_again();
	expect_result(shmring_wait(consumer, -1), -EINTR);
	expect_result(shmring_wait(observer, -1), -EINTR);
	expect_result(shmring_producer_wait_consumers(producer, 9, -1), -EINTR);
	write_records(producer, 3, SMALL_MAXIMUM);
	expect_result(shmring_write(producer, "", SMALL_MAXIMUM, 0, -1), -EINTR);
	expect_result(shmring_producer_wait(producer, SMALL_MAXIMUM, -1), -EINTR);
	reader.timeout_ns = -1;
	expect_result(shmring_consumer_open(&none, unique_name(), &reader), -EINTR);
	cr_assert_gt(alarms, 0);
	/* It is no error: all is as it was. */
	expect_ok(shmring_wait(consumer, -1));
	expect_run(consumer, 0, 3, SMALL_MAXIMUM);
	expect_ok(shmring_producer_wait(producer, SMALL_MAXIMUM, 0));
}

Test(spin, never_if_so_asked)
{
	const char *name = new_ring(0);
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_consumer *patient, *lazy;

	new_producer(name);
	options.spin_ns = SHMRING_SPIN_MAX_NS;
	expect_ok(shmring_consumer_open(&patient, name, &options));
	options.spin_ns = -1;
	expect_ok(shmring_consumer_open(&lazy, name, &options));
	/* The one is still spinning when the time is up, where it may run on two processors. */
	expect_result(shmring_wait(lazy, 50 * NS_PER_MS), -ETIMEDOUT);
	cr_assert_eq(consumer_info(lazy).sleeps, 1);
	expect_result(shmring_wait(patient, 50 * NS_PER_MS), -ETIMEDOUT);
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		cr_assert_eq(consumer_info(patient).sleeps, 0);
}
