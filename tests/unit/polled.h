/* SPDX-License-Identifier: MIT */
/* What the units about pollers share. */
#ifndef TESTS_UNIT_POLLED_H
#define TESTS_UNIT_POLLED_H

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unit.h"

/* Whether the kernel has futex_waitv, and lets us call it. */
static inline bool can_sleep_on_many(void)
{
#ifdef SYS_futex_waitv
	return syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0) >= 0 || errno == EINVAL;
#else
	return false;
#endif
}

static inline struct shmring_poller *new_poller(int by_priority)
{
	struct shmring_poller_options options = SHMRING_POLLER_OPTIONS_INIT;
	struct shmring_poller *poller;

	options.by_priority = by_priority ? 1 : 0;
	expect_ok(shmring_poller_open(&poller, &options));
	return poller;
}

/* One event. */
static inline struct shmring_event poll_one(struct shmring_poller *poller)
{
	struct shmring_event event;
	unsigned int count;

	expect_ok(shmring_poller_wait(poller, &event, 1, &count, -1));
	cr_assert_eq(count, 1);
	return event;
}

/* The next event is of this handle, and says this. */
static inline void expect_event(struct shmring_poller *poller, const void *handle, int error)
{
	const struct shmring_event event = poll_one(poller);

	cr_assert_eq(event.handle, handle);
	cr_assert_eq(event.error, error, "%s, not %s", shmring_strerror(event.error),
		     shmring_strerror(error));
}

/* There is none. */
static inline void expect_no_event(struct shmring_poller *poller)
{
	struct shmring_event event;
	unsigned int count = 77;

	expect_result(shmring_poller_wait(poller, &event, 1, &count, 0), -EAGAIN);
	cr_assert_eq(count, 77);
}

#endif
