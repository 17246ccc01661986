/* SPDX-License-Identifier: MIT */
/* What the units about consumers' file descriptors share. */
#ifndef TESTS_UNIT_DESCRIPTOR_H
#define TESTS_UNIT_DESCRIPTOR_H

#include <poll.h>

#include "unit.h"

static inline int fd_of(struct shmring_consumer *consumer)
{
	int fd;

	expect_ok(shmring_consumer_fd(consumer, &fd));
	return fd;
}

static inline bool readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1;
}

/* As an event loop does. A signal may end it. */
static inline void wait_until_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	while (poll(&poll_fd, 1, -1) != 1)
		;
}

/* Nothing to read, and from now on it is not readable until there is. */
static inline void expect_idle(struct shmring_consumer *consumer, int fd)
{
	struct shmring_record record;

	/* It may have been made readable for nothing meanwhile. */
	do
		expect_result(shmring_read(consumer, &record), -EAGAIN);
	while (readable(fd));
}

/* Waits for the descriptor until reading says this. */
static inline void expect_told(struct shmring_consumer *consumer, int fd, int error)
{
	struct shmring_record record;
	int told;

	do {
		wait_until_readable(fd);
		told = shmring_read(consumer, &record);
	} while (told == -EAGAIN);
	cr_assert_eq(told, error, "%s, not %s", shmring_strerror(told), shmring_strerror(error));
}

/* The same in a child: reads and releases one record. It may be readable for nothing before. Returns 0 if all is well. */
static inline int take_when_readable(struct shmring_consumer *consumer, int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	struct shmring_record record;
	int error;

	do
		CHILD_CHECK(poll(&poll_fd, 1, -1) == 1);
	while ((error = shmring_read(consumer, &record)) == -EAGAIN);
	CHILD_CHECK(error == 0, "%s", shmring_strerror(error));
	CHILD_CHECK(shmring_release(consumer) == 0);
	return 0;
}

/* How often an eventfd was written to since it was last read. */
uint64_t times_written(int fd);

#endif
