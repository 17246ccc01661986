/* SPDX-License-Identifier: MIT */
/* Waiting: time-outs, being woken, signals, in both wake modes. */
#include "unit.h"

#include <criterion/parameterized.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

static int modes[] = { SHMRING_WAKE_FENCE, SHMRING_WAKE_NONE, SHMRING_WAKE_MEMBARRIER };

#define EachMode(Name)                                     \
	ParameterizedTestParameters(wait, Name)            \
	{                                                  \
		return cr_make_param_array(int, modes, 3); \
	}                                                  \
	ParameterizedTest(int *mode, wait, Name)

static const char *ring_in_mode(int mode)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	const char *name;

	options.capacity = SMALL;
	options.wake_mode = (enum shmring_wake_mode)mode;
	name = new_ring_with(&options);
	cr_assert_eq(ring_info(name).wake_mode, (enum shmring_wake_mode)mode);
	return name;
}

/* Runs `call` with this time-out, and asserts that it took at least that long. */
#define expect_timeout(call, timeout_ns)                                               \
	do {                                                                           \
		uint64_t start_ = now_ns();                                            \
		expect_result(call, -ETIMEDOUT);                                       \
		cr_assert_geq(now_ns() - start_, (uint64_t)(timeout_ns), "too early"); \
	} while (0)

EachMode(readers_time_out)
{
	const char *name = ring_in_mode(*mode);
	struct shmring_consumer *readers[] = {
		new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST),
		new_consumer(name, SHMRING_LOSSY, SHMRING_OLDEST),
		new_observer(name, SHMRING_OLDEST),
	};
	static const int64_t timeouts[] = { 1, 1000, NS_PER_MS, 130 * NS_PER_MS };

	new_producer(name);
	for (int r = 0; r < 3; r++) {
		expect_result(shmring_wait(readers[r], 0), -EAGAIN);
		for (int t = 0; t < 4; t++)
			expect_timeout(shmring_wait(readers[r], timeouts[t]), timeouts[t]);
	}
}

EachMode(producers_time_out)
{
	const char *name = ring_in_mode(*mode);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer;
	static const int64_t timeouts[] = { 1, 1000, NS_PER_MS, 130 * NS_PER_MS };
	struct iovec piece = piece_of("", SMALL_MAXIMUM);

	expect_ok(shmring_producer_wait_consumers(producer, 0, 0));
	expect_result(shmring_producer_wait_consumers(producer, 1, 0), -EAGAIN);
	for (int t = 0; t < 4; t++)
		expect_timeout(shmring_producer_wait_consumers(producer, 1, timeouts[t]),
			       timeouts[t]);
	consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	expect_ok(shmring_producer_wait_consumers(producer, 1, 0));
	expect_result(shmring_producer_wait_consumers(producer, 2, 0), -EAGAIN);
	write_records(producer, 3, SMALL_MAXIMUM);
	for (int t = 0; t < 4; t++) {
		expect_timeout(shmring_write(producer, "", SMALL_MAXIMUM, 0, timeouts[t]),
			       timeouts[t]);
		expect_timeout(shmring_writev(producer, &piece, 1, 0, timeouts[t]), timeouts[t]);
		expect_timeout(shmring_producer_wait(producer, SMALL_MAXIMUM, timeouts[t]),
			       timeouts[t]);
	}
	expect_ok(shmring_producer_wait(producer, 100, 0));
	/* A time-out has changed nothing. */
	expect_run(consumer, 0, 3, SMALL_MAXIMUM);
	write_records(producer, 1, SMALL_MAXIMUM);
	expect_run(consumer, 3, 1, SMALL_MAXIMUM);
	cr_assert_gt(producer_info(producer).sleeps, 0);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signal)
{
	(void)signal;
	alarms++;
}

/* A thousand times a second: most sleeps end by a signal. */
static void signals_on(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval every = { { 0, 1000 }, { 0, 1000 } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

/* More than a bounded look takes, and than the time between two signals, by far. */
#define LONG (150 * NS_PER_MS)

/* One that began to wait anew at each signal would do so for ever. */
EachMode(goes_on_when_signals_interrupt)
{
	const char *name = ring_in_mode(*mode);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *observer = new_observer(name, SHMRING_OLDEST);
	struct shmring_consumer_options options = options_for("group", SHMRING_RELIABLE);
	struct shmring_consumer *none = NULL, *member;

	options.shared = 1;
	member = open_consumer(name, &options);
	signals_on();
	expect_timeout(shmring_wait(consumer, LONG), LONG);
	expect_timeout(shmring_wait(member, LONG), LONG);
	expect_timeout(shmring_wait(observer, LONG), LONG);
	write_records(producer, 3, SMALL_MAXIMUM);
	expect_timeout(shmring_write(producer, "", SMALL_MAXIMUM, 0, LONG), LONG);
	expect_timeout(shmring_producer_wait(producer, SMALL_MAXIMUM, LONG), LONG);
	expect_timeout(shmring_producer_wait_consumers(producer, 9, LONG), LONG);
	options.timeout_ns = LONG;
	expect_timeout(shmring_consumer_open(&none, unique_name(), &options), LONG);
	cr_assert_gt(alarms, 10);
}

/* Echoes: waits for a record on one ring, answers on another. Returns a text if anything goes wrong. */
struct echo {
	const char *from;
	const char *to;
	int observer;
	int count;
};

static void *echo(void *argument)
{
	struct echo *echo = argument;
	struct shmring_consumer *consumer;
	struct shmring_producer *producer;
	struct shmring_record record;

	if (echo->observer ? shmring_observer_open(&consumer, echo->from, NULL)
			   : shmring_consumer_open(&consumer, echo->from, NULL))
		return (void *)"open to read";
	if (shmring_producer_open(&producer, echo->to, NULL) != 0)
		return (void *)"open to write";
	for (int i = 0; i < echo->count; i++) {
		if (shmring_wait(consumer, -1) != 0 || shmring_read(consumer, &record) != 0)
			return (void *)"wait";
		if (shmring_write(producer, record.data, record.length, record.type, -1) != 0)
			return (void *)"write";
		if (shmring_release(consumer) != 0)
			return (void *)"release";
	}
	shmring_consumer_close(consumer);
	shmring_producer_close(producer);
	return NULL;
}

static void ping_pong(int mode, int observer, int count)
{
	struct echo there = { ring_in_mode(mode), ring_in_mode(mode), observer, count };
	struct shmring_consumer *consumer =
		new_consumer(there.to, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_producer *producer = new_producer(there.from);
	struct shmring_record record;
	pthread_t thread;
	void *failed;

	cr_assert_eq(pthread_create(&thread, NULL, echo, &there), 0);
	for (int i = 0; i < count; i++) {
		expect_ok(shmring_write(producer, &i, sizeof(i), (uint16_t)i, -1));
		expect_ok(shmring_wait(consumer, -1));
		expect_ok(shmring_read(consumer, &record));
		cr_assert_eq(memcmp(record.data, &i, sizeof(i)), 0);
		cr_assert_eq(record.type, (uint16_t)i);
		expect_ok(shmring_release(consumer));
	}
	pthread_join(thread, &failed);
	cr_assert_null(failed, "%s", (const char *)failed);
}

EachMode(is_woken_by_each_record)
{
	ping_pong(*mode, 0, 2000);
}

EachMode(observers_wake_up_too)
{
	ping_pong(*mode, 1, 300);
}

/* Reads with a wait before each record, for a producer that has to wait for room. */
static void *drain(void *argument)
{
	struct shmring_consumer *consumer = argument;
	struct shmring_record record;
	uint64_t expected = 0;

	for (;;) {
		int result = shmring_wait(consumer, -1);

		if (result == -EPIPE)
			return NULL;
		if (result != 0 || shmring_read(consumer, &record) != 0 ||
		    record.sequence != expected++ || record.lost != 0 ||
		    shmring_release(consumer) != 0)
			return argument;
	}
}

EachMode(is_woken_among_signals)
{
	signals_on();
	ping_pong(*mode, 0, 300);
}

EachMode(producer_is_woken_by_room)
{
	const char *name = ring_in_mode(*mode);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	static char bytes[SMALL_MAXIMUM];
	pthread_t thread;
	void *failed;

	cr_assert_eq(pthread_create(&thread, NULL, drain, consumer), 0);
	for (int i = 0; i < 1000; i++)
		expect_ok(shmring_write(producer, bytes, sizeof(bytes), 0, -1));
	expect_ok(shmring_producer_close(producer));
	pthread_join(thread, &failed);
	cr_assert_null(failed);
}

static void *join_later(void *name)
{
	struct shmring_consumer *consumer;

	return shmring_consumer_open(&consumer, name, NULL) == 0 ? consumer : NULL;
}

EachMode(producer_waits_for_consumers_to_join)
{
	const char *name = ring_in_mode(*mode);
	struct shmring_producer *producer = new_producer(name);
	pthread_t threads[3];
	void *consumer;

	/* An observer is not one. */
	new_observer(name, SHMRING_OLDEST);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, join_later, (void *)(uintptr_t)name),
			     0);
	expect_ok(shmring_producer_wait_consumers(producer, 3, -1));
	cr_assert_eq(ring_info(name).subscriptions, 3);
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &consumer);
		cr_assert_not_null(consumer);
	}
	expect_ok(shmring_consumer_close(consumer));
	expect_result(shmring_producer_wait_consumers(producer, 3, 0), -EAGAIN);
}

Test(wait, a_blocked_producer_learns_that_the_ring_was_removed)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);

	new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	write_records(producer, 3, SMALL_MAXIMUM);
	expect_ok(shmring_unlink(name));
	expect_result(shmring_write(producer, "", SMALL_MAXIMUM, 0, -1), -ESTALE);
	expect_result(shmring_producer_wait(producer, SMALL_MAXIMUM, -1), -ESTALE);
	expect_result(shmring_producer_wait_consumers(producer, 9, -1), -ESTALE);
}

struct stopper {
	const char *ring;
	int subscribed;
	int die;
};

static int subscribe_and_die(void *argument)
{
	struct stopper *stopper = argument;
	struct shmring_consumer *consumer;

	if (shmring_consumer_open(&consumer, stopper->ring, NULL) != 0)
		return 1;
	gate_open(stopper->subscribed);
	gate_pass(stopper->die);
	raise(SIGKILL);
	return 2;
}

Test(wait, a_blocked_producer_goes_on_when_the_consumer_dies)
{
	struct stopper stopper = { new_ring(0), gate_new(), gate_new() };
	struct shmring_producer *producer = new_producer(stopper.ring);
	pid_t child = child_start(subscribe_and_die, &stopper);

	gate_pass(stopper.subscribed);
	write_records(producer, 3, SMALL_MAXIMUM);
	expect_result(shmring_write(producer, "", SMALL_MAXIMUM, 0, 0), -EAGAIN);
	gate_open(stopper.die);
	for (int i = 0; i < 100; i++) {
		static char bytes[SMALL_MAXIMUM];

		expect_ok(shmring_write(producer, bytes, sizeof(bytes), 0, -1));
	}
	cr_assert_eq(child_wait(child), CHILD_SIGNAL + SIGKILL);
}

Test(wait, the_dead_do_not_count_as_consumers)
{
	struct stopper stopper = { new_ring(0), gate_new(), gate_new() };
	struct shmring_producer *producer = new_producer(stopper.ring);
	pid_t child = child_start(subscribe_and_die, &stopper);

	expect_ok(shmring_producer_wait_consumers(producer, 1, -1));
	gate_pass(stopper.subscribed);
	gate_open(stopper.die);
	cr_assert_eq(child_wait(child), CHILD_SIGNAL + SIGKILL);
	expect_result(shmring_producer_wait_consumers(producer, 1, 0), -EAGAIN);
	expect_result(shmring_producer_wait_consumers(producer, SHMRING_SUBSCRIPTIONS, 0), -EAGAIN);
	expect_result(shmring_producer_wait_consumers(producer, SHMRING_SUBSCRIPTIONS + 1, -1),
		      -EINVAL);
}

static void need_two_processors(void)
{
	cpu_set_t all;

	cr_assert_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	if (CPU_COUNT(&all) < 2)
		cr_skip("fewer than two processors here");
}

/* Keeps this thread to the processor it is on. */
static void stay_here(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((unsigned int)sched_getcpu(), &one);
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
}

/* It takes a processor; if it slept, this would not come to an end. */
static void see_it_spin(pthread_t thread)
{
	struct timespec used;
	clockid_t clock;

	cr_assert_eq(pthread_getcpuclockid(thread, &clock), 0);
	do
		cr_assert_eq(clock_gettime(clock, &used), 0);
	while (used.tv_sec == 0 && used.tv_nsec < 20 * NS_PER_MS);
}

/* Who is kept to a processor of its own, beside a producer that is not. */
struct pinned {
	const char *name;
	_Atomic(struct shmring_consumer *) consumer;
	_Atomic int taken;
};

static void *wait_twice(void *argument)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct pinned *pinned = argument;
	struct shmring_consumer *consumer;
	struct shmring_record record;

	stay_here();
	options.spin_ns = SHMRING_SPIN_MAX_NS;
	expect_ok(shmring_consumer_open(&consumer, pinned->name, &options));
	atomic_store(&pinned->consumer, consumer);
	for (int i = 0; i < 2; i++) {
		expect_ok(shmring_wait(consumer, -1));
		expect_ok(shmring_read(consumer, &record));
		expect_ok(shmring_release(consumer));
		atomic_store(&pinned->taken, i + 1);
	}
	return NULL;
}

Test(wait, a_pinned_reader_spins_beside_a_producer_elsewhere)
{
	struct pinned pinned = { .name = new_ring(0) };
	struct shmring_producer *producer = new_producer(pinned.name);
	pthread_t thread;

	need_two_processors();
	cr_assert_eq(pthread_create(&thread, NULL, wait_twice, &pinned), 0);
	/* Only when it has slept does it look whom it waits for. */
	while (!atomic_load(&pinned.consumer))
		pass_time(NS_PER_MS);
	while (consumer_info(atomic_load(&pinned.consumer)).sleeps == 0)
		pass_time(NS_PER_MS);
	write_records(producer, 1, 8);
	while (atomic_load(&pinned.taken) == 0)
		pass_time(NS_PER_MS);
	see_it_spin(thread);
	write_records(producer, 1, 8);
	pthread_join(thread, NULL);
}

/* Who writes from a processor of its own, while somebody who is not kept to it reads. */
struct pinned_writer {
	const char *name;
	_Atomic(struct shmring_producer *) producer;
	_Atomic int waits; /* that are over */
};

static void *wait_for_room_twice(void *argument)
{
	struct shmring_producer_options options = SHMRING_PRODUCER_OPTIONS_INIT;
	struct pinned_writer *pinned = argument;
	struct shmring_producer *producer;
	static const char record[SMALL_MAXIMUM];

	stay_here();
	options.spin_ns = SHMRING_SPIN_MAX_NS;
	expect_ok(shmring_producer_open(&producer, pinned->name, &options));
	expect_ok(shmring_producer_wait_consumers(producer, 1, -1));
	atomic_store(&pinned->producer, producer);
	for (int i = 0; i < 2; i++) {
		while (shmring_write(producer, record, sizeof(record), 0, 0) == 0)
			;
		expect_ok(shmring_producer_wait(producer, sizeof(record), -1));
		atomic_store(&pinned->waits, i + 1);
	}
	return NULL;
}

static uint64_t room_sleeps(const struct pinned_writer *pinned)
{
	struct shmring_producer_info info = SHMRING_PRODUCER_INFO_INIT;
	struct shmring_producer *producer = atomic_load(&pinned->producer);

	if (producer)
		expect_ok(shmring_producer_info(producer, &info));
	return info.sleeps;
}

static void read_all(struct shmring_consumer *consumer)
{
	struct shmring_record record;

	while (shmring_read(consumer, &record) == 0)
		expect_ok(shmring_release(consumer));
}

Test(wait, a_pinned_writer_spins_beside_a_reader_elsewhere)
{
	struct pinned_writer pinned = { .name = new_ring(SMALL) };
	struct shmring_consumer *consumer =
		new_consumer(pinned.name, SHMRING_RELIABLE, SHMRING_NEWEST);
	pthread_t thread;

	need_two_processors();
	cr_assert_eq(pthread_create(&thread, NULL, wait_for_room_twice, &pinned), 0);
	/* Only when it has slept does it look whom it waits for. */
	while (room_sleeps(&pinned) < 1)
		pass_time(NS_PER_MS);
	/* Asleep, not in between: it would not sleep a second time. */
	pass_time(NS_PER_MS);
	read_all(consumer);
	while (atomic_load(&pinned.waits) == 0)
		pass_time(NS_PER_MS);
	see_it_spin(thread);
	while (atomic_load(&pinned.waits) == 1) {
		read_all(consumer);
		pass_time(NS_PER_MS);
	}
	pthread_join(thread, NULL);
}
