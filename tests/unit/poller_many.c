/* SPDX-License-Identifier: MIT */
/* Pollers of more rings than the kernel can wait for, and where the kernel cannot wait for many at all. */
#include "polled.h"

#include <stdlib.h>

#include "refused.h"

#define RINGS     6
#define PER_RING  50
#define CONSUMERS (RINGS * PER_RING)

Test(poller_many, more_than_the_kernel_takes)
{
	struct shmring_poller *poller = new_poller(0);
	struct shmring_producer *producers[RINGS];
	struct shmring_consumer *consumers[CONSUMERS];
	struct shmring_event *events = calloc(CONSUMERS, sizeof(*events));
	unsigned int count;

	for (int i = 0; i < CONSUMERS; i++) {
		static const char *name;

		if (i % PER_RING == 0) {
			name = new_ring(0);
			producers[i / PER_RING] = new_producer(name);
		}
		consumers[i] = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
		expect_ok(shmring_poller_add_consumer(poller, consumers[i], i % 7,
						      (void *)(intptr_t)i));
	}
	expect_no_event(poller);
	expect_result(shmring_poller_wait(poller, events, 1, &count, 10 * NS_PER_MS), -ETIMEDOUT);
	for (uint64_t round = 0; round < 4; round++) {
		for (int ring = 0; ring < RINGS; ring++) {
			int left = PER_RING;

			write_records(producers[ring], 1, 8);
			while (left > 0) {
				expect_ok(
					shmring_poller_wait(poller, events, CONSUMERS, &count, -1));
				for (unsigned int i = 0; i < count; i++, left--) {
					cr_assert_eq((intptr_t)events[i].context / PER_RING, ring);
					expect_run(events[i].handle, round, 1, 8);
				}
			}
			expect_no_event(poller);
		}
	}
	free(events);
}

/* Waits of many that nap and look, since the kernel refuses; each ends all the same. */
static int poll_two(void)
{
	struct shmring_poller *poller;
	struct shmring_producer *producers[2];
	struct shmring_consumer *consumers[2];
	struct shmring_event event;
	unsigned int count;

	CHILD_CHECK(shmring_poller_open(&poller, NULL) == 0);
	for (int i = 0; i < 2; i++) {
		const char *name = unique_name();

		CHILD_CHECK(shmring_create(name, NULL) == 0);
		CHILD_CHECK(shmring_producer_open(&producers[i], name, NULL) == 0);
		CHILD_CHECK(shmring_consumer_open(&consumers[i], name, NULL) == 0);
		CHILD_CHECK(shmring_poller_add_consumer(poller, consumers[i], 0, NULL) == 0);
	}
	CHILD_CHECK(shmring_poller_wait(poller, &event, 1, &count, 20 * NS_PER_MS) == -ETIMEDOUT);
	for (int i = 0; i < 20; i++) {
		struct shmring_record record;

		CHILD_CHECK(shmring_write(producers[i % 2], "x", 1, 0, -1) == 0);
		CHILD_CHECK(shmring_poller_wait(poller, &event, 1, &count, -1) == 0);
		CHILD_CHECK(event.handle == consumers[i % 2] && event.error == 0);
		CHILD_CHECK(shmring_read(consumers[i % 2], &record) == 0);
		CHILD_CHECK(shmring_release(consumers[i % 2]) == 0);
	}
	/* Nobody sleeps where it would have to be woken. */
	CHILD_CHECK(shmring_poller_wait(poller, &event, 1, &count, 20 * NS_PER_MS) == -ETIMEDOUT);
	CHILD_CHECK(shmring_cancel(consumers[1]) == 0);
	CHILD_CHECK(shmring_poller_wait(poller, &event, 1, &count, -1) == 0);
	CHILD_CHECK(event.handle == consumers[1] && event.error == -ECANCELED);
	CHILD_CHECK(shmring_cancel(poller) == 0);
	CHILD_CHECK(shmring_poller_wait(poller, &event, 1, &count, -1) == -ECANCELED);
	return 0;
}

/* A producer without room, whose ring is removed. */
static int poll_removed(void)
{
	struct shmring_poller *poller;
	struct shmring_producer *producer;
	struct shmring_consumer *consumer;
	struct shmring_event event;
	const char *name = unique_name();
	unsigned int count;
	static char bytes[1000];

	CHILD_CHECK(shmring_poller_open(&poller, NULL) == 0);
	CHILD_CHECK(shmring_create(name, NULL) == 0);
	CHILD_CHECK(shmring_producer_open(&producer, name, NULL) == 0);
	CHILD_CHECK(shmring_consumer_open(&consumer, name, NULL) == 0);
	while (shmring_write(producer, bytes, sizeof(bytes), 0, 0) == 0)
		;
	CHILD_CHECK(shmring_poller_add_producer(poller, producer, sizeof(bytes), 0, NULL) == 0);
	/* From here on it is known that the kernel refuses. */
	CHILD_CHECK(shmring_poller_wait(poller, &event, 1, &count, 20 * NS_PER_MS) == -ETIMEDOUT);
	CHILD_CHECK(shmring_unlink(name) == 0);
	CHILD_CHECK(shmring_poller_wait(poller, &event, 1, &count, 20000 * NS_PER_MS) == 0);
	CHILD_CHECK(event.handle == producer && event.error == -ESTALE);
	return 0;
}

Test(poller_many, a_removed_ring_on_an_old_kernel)
{
	expect_passes_without_waitv(ENOSYS, poll_removed);
}

Test(poller_many, an_old_kernel)
{
	expect_passes_without_waitv(ENOSYS, poll_two);
}

Test(poller_many, a_container_that_refuses_it)
{
	expect_passes_without_waitv(EPERM, poll_two);
}
