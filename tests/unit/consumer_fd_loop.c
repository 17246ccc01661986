/* SPDX-License-Identifier: MIT */
/* Event loops: thousands of records from other threads and processes, and no wake-up is missed. */
#include "descriptor.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../support/random.h"
#include "members.h"
#include "refused.h"

/* Of one ring: its producer, in a thread or a process of its own, and the loop's consumer. */
struct stream {
	const char *ring;
	uint64_t seed;
	uint64_t records;
	_Atomic uint64_t
		*read; /* the producer waits for what it wrote to be read, now and then; or null */
	struct shmring_consumer *consumer;
	uint64_t next; /* expected */
	int ended;
};

/* In bursts, with silence between them that is about as long as it takes to fall asleep. */
static int produce(void *argument)
{
	const struct stream *stream = argument;
	struct shmring_producer *producer;
	struct random random;
	uint64_t written = 0;

	random_seed(&random, stream->seed, 1);
	CHILD_CHECK(shmring_producer_open(&producer, stream->ring, NULL) == 0);
	while (written < stream->records) {
		const uint64_t until = now_ns() + random_below(&random, 40000);
		uint64_t burst = random_once_in(&random, 2) ? 1 : random_between(&random, 1, 50);

		for (; burst > 0 && written < stream->records; burst--, written++)
			CHILD_CHECK(shmring_write(producer, &written, sizeof(written), 0, -1) == 0);
		/* One is to come just as the reader is about to sleep. */
		if (stream->read)
			while (atomic_load_explicit(stream->read, memory_order_relaxed) < written)
				;
		else
			while (now_ns() < until)
				;
	}
	CHILD_CHECK(shmring_producer_close(producer) == 0);
	return 0;
}

static void *produce_in_thread(void *argument)
{
	return (void *)(intptr_t)produce(argument);
}

static struct stream new_stream(uint64_t seed, uint64_t records)
{
	struct stream stream = { .ring = new_ring(0), .seed = seed, .records = records };

	stream.consumer = new_consumer(stream.ring, SHMRING_RELIABLE, SHMRING_OLDEST);
	return stream;
}

/* Reads at most so many; -EAGAIN if that was all. */
static int read_some(struct stream *stream, uint64_t most)
{
	struct shmring_record record;
	int error = 0;

	while (most-- > 0 && (error = shmring_read(stream->consumer, &record)) == 0) {
		uint64_t number;

		memcpy(&number, record.data, sizeof(number));
		cr_assert_eq(number, stream->next, "seed %llu", (unsigned long long)stream->seed);
		cr_assert_eq(record.lost, 0);
		stream->next++;
		expect_ok(shmring_release(stream->consumer));
		if (stream->read)
			atomic_store_explicit(stream->read, stream->next, memory_order_relaxed);
	}
	return error;
}

/* With edges, everything has to be read; without, as much as one likes. */
static void loop(struct stream *streams, unsigned int count, uint32_t edge)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	unsigned int open = count;
	struct random random;

	random_seed(&random, streams->seed, 2);
	for (unsigned int i = 0; i < count; i++) {
		struct epoll_event event = { EPOLLIN | edge, { .ptr = &streams[i] } };

		cr_assert_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, fd_of(streams[i].consumer), &event),
			     0);
	}
	while (open > 0) {
		struct epoll_event events[8];
		int ready = epoll_wait(epoll, events, 8, -1);

		for (int i = 0; i < ready; i++) {
			struct stream *stream = events[i].data.ptr;
			const uint64_t most = edge ? UINT64_MAX : random_between(&random, 1, 40);
			int error = read_some(stream, most);

			if (error == 0 || error == -EAGAIN)
				continue;
			cr_assert_eq(error, -EPIPE, "%s", shmring_strerror(error));
			cr_assert_eq(stream->next, stream->records);
			epoll_ctl(epoll, EPOLL_CTL_DEL, fd_of(stream->consumer), NULL);
			open--;
		}
	}
	close(epoll);
	for (unsigned int i = 0; i < count; i++) {
		const struct shmring_consumer_info info = consumer_info(streams[i].consumer);

		cr_assert_eq(info.late, 0, "%llu of %llu sleeps, seed %llu",
			     (unsigned long long)info.late, (unsigned long long)info.sleeps,
			     (unsigned long long)streams->seed);
		/* Otherwise all may have been there before the loop began. */
		if (streams[i].read)
			cr_assert_gt(info.wakeups, 0);
	}
}

static void loop_with_threads(unsigned int count, uint64_t records, uint32_t edge, bool waits)
{
	struct stream streams[5];
	_Atomic uint64_t read[5];
	pthread_t threads[5];
	uint64_t seed = random_fresh_seed();

	for (unsigned int i = 0; i < count; i++) {
		streams[i] = new_stream(seed + i, records);
		atomic_init(&read[i], 0);
		if (waits)
			streams[i].read = &read[i];
		cr_assert_eq(pthread_create(&threads[i], NULL, produce_in_thread, &streams[i]), 0);
	}
	loop(streams, count, edge);
	for (unsigned int i = 0; i < count; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		cr_assert_null(failed);
	}
}

Test(consumer_fd_loop, level_triggered)
{
	loop_with_threads(1, 20000, 0, false);
}

Test(consumer_fd_loop, edge_triggered)
{
	loop_with_threads(1, 20000, EPOLLET, false);
}

/* Each burst comes when all before it has been read: just as the consumer is about to sleep. */
Test(consumer_fd_loop, one_after_the_other)
{
	loop_with_threads(1, 20000, 0, true);
	loop_with_threads(1, 20000, EPOLLET, true);
}

Test(consumer_fd_loop, several_rings)
{
	loop_with_threads(5, 4000, 0, false);
	loop_with_threads(5, 4000, EPOLLET, false);
}

Test(consumer_fd_loop, several_processes)
{
	struct stream streams[3];
	pid_t children[3];
	uint64_t seed = random_fresh_seed();

	for (unsigned int i = 0; i < 3; i++) {
		streams[i] = new_stream(seed + i, 4000);
		children[i] = child_start(produce, &streams[i]);
	}
	loop(streams, 3, 0);
	for (unsigned int i = 0; i < 3; i++)
		cr_assert_eq(child_wait(children[i]), 0);
}

#define RINGS     3
#define PER_RING  50
#define CONSUMERS (RINGS * PER_RING)

Test(consumer_fd_loop, more_than_the_kernel_takes)
{
	struct shmring_producer *producers[RINGS];
	struct shmring_consumer *consumers[CONSUMERS];
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	for (int i = 0; i < CONSUMERS; i++) {
		static const char *name;
		struct epoll_event event = { EPOLLIN, { .u32 = (uint32_t)i } };

		if (i % PER_RING == 0) {
			name = new_ring(0);
			producers[i / PER_RING] = new_producer(name);
		}
		consumers[i] = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
		cr_assert_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, fd_of(consumers[i]), &event), 0);
		expect_idle(consumers[i], fd_of(consumers[i]));
	}
	for (uint64_t round = 0; round < 4; round++) {
		for (int ring = 0; ring < RINGS; ring++) {
			write_records(producers[ring], 1, 8);
			for (int left = PER_RING; left > 0;) {
				struct epoll_event event;
				struct shmring_consumer *consumer;
				struct shmring_record record;

				while (epoll_wait(epoll, &event, 1, -1) != 1)
					;
				consumer = consumers[event.data.u32];
				/* Now and then it is for nothing. */
				if (shmring_read(consumer, &record) == -EAGAIN)
					continue;
				cr_assert_eq((int)event.data.u32 / PER_RING, ring);
				expect_whole(&record, round, 8);
				expect_ok(shmring_release(consumer));
				left--;
			}
		}
	}
	for (int i = 0; i < CONSUMERS; i++)
		cr_assert_eq(consumer_info(consumers[i]).late, 0);
}

/* Two rings, where the kernel cannot sleep on both. */
static int take_turns(void)
{
	struct shmring_producer *producers[2];
	struct shmring_consumer *consumers[2];
	struct pollfd poll_fds[2];
	struct shmring_record record;

	for (int i = 0; i < 2; i++) {
		const char *name = unique_name();

		CHILD_CHECK(shmring_create(name, NULL) == 0);
		CHILD_CHECK(shmring_producer_open(&producers[i], name, NULL) == 0);
		CHILD_CHECK(shmring_consumer_open(&consumers[i], name, NULL) == 0);
		poll_fds[i].events = POLLIN;
		CHILD_CHECK(shmring_consumer_fd(consumers[i], &poll_fds[i].fd) == 0);
	}
	for (int i = 0; i < 200; i++) {
		for (int j = 0; j < 2; j++)
			while (shmring_read(consumers[j], &record) != -EAGAIN ||
			       poll(&poll_fds[j], 1, 0) == 1)
				;
		CHILD_CHECK(shmring_write(producers[i % 2], "x", 1, 0, -1) == 0);
		CHILD_CHECK(take_when_readable(consumers[i % 2], poll_fds[i % 2].fd) == 0);
	}
	for (int i = 0; i < 2; i++) {
		struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;

		/* Naps find it, not the re-check. */
		CHILD_CHECK(shmring_consumer_info(consumers[i], &info) == 0);
		CHILD_CHECK(info.late == 0);
		CHILD_CHECK(shmring_cancel(consumers[i]) == 0);
		CHILD_CHECK(poll(&poll_fds[i], 1, -1) == 1);
		CHILD_CHECK(shmring_read(consumers[i], &record) == -ECANCELED);
	}
	return 0;
}

Test(consumer_fd_loop, an_old_kernel)
{
	expect_passes_without_waitv(ENOSYS, take_turns);
}

Test(consumer_fd_loop, a_container_that_refuses_it)
{
	expect_passes_without_waitv(EPERM, take_turns);
}
