/* SPDX-License-Identifier: MIT */
/* No allocation and no system call per record while both sides keep up. */
#include "unit.h"

#include <criterion/parameterized.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../support/allocations.h"
#include "../support/sandbox.h"

#define ROUNDS 100000

struct parties {
	struct shmring_producer *producer;
	struct shmring_consumer *consumer;
	struct shmring_consumer *observer;
};

static int modes[] = { SHMRING_WAKE_FENCE, SHMRING_WAKE_NONE, SHMRING_WAKE_MEMBARRIER };

#define EachMode(Name)                                     \
	ParameterizedTestParameters(cost, Name)            \
	{                                                  \
		return cr_make_param_array(int, modes, 3); \
	}                                                  \
	ParameterizedTest(int *mode, cost, Name)

/* Every way to write and to read, many wraps of the ring. */
static int stream_records(struct parties *parties)
{
	struct shmring_record record;
	struct iovec pieces[2] = { piece_of("0123456789", 10), piece_of("abcdef", 6) };
	char buffer[256];
	void *data;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (shmring_write(parties->producer, buffer, i % 200, 0, -1) != 0 ||
		    shmring_writev(parties->producer, pieces, 2, 0, -1) != 0 ||
		    shmring_reserve(parties->producer, 200, &data) != 0 ||
		    shmring_commit(parties->producer, i % 200, 0, SHMRING_MORE) != 0 ||
		    shmring_reserve(parties->producer, 10, &data) != 0 ||
		    shmring_commit(parties->producer, 10, 0, 0) != 0 ||
		    shmring_producer_wait(parties->producer, 10, -1) != 0)
			return 1;
		if (shmring_wait(parties->consumer, -1) != 0 ||
		    shmring_read(parties->consumer, &record) != 0 ||
		    shmring_release(parties->consumer) != 0 ||
		    shmring_read(parties->consumer, &record) != 0 ||
		    shmring_read(parties->consumer, &record) != 0 ||
		    shmring_release(parties->consumer) != 0 ||
		    shmring_read_copy(parties->consumer, buffer, sizeof(buffer), &record) != 0)
			return 2;
		if (shmring_wait(parties->observer, -1) != 0 ||
		    shmring_read(parties->observer, &record) != 0 ||
		    shmring_release(parties->observer) != 0)
			return 3;
		for (int copies = 0; copies < 3; copies++)
			if (shmring_read_copy(parties->observer, buffer, sizeof(buffer), &record) !=
			    0)
				return 4;
	}
	return 0;
}

static int open_parties(const char *name, struct parties *parties)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;

	CHILD_CHECK(shmring_producer_open(&parties->producer, name, NULL) == 0);
	CHILD_CHECK(shmring_consumer_open(&parties->consumer, name, &options) == 0);
	CHILD_CHECK(shmring_observer_open(&parties->observer, name, &options) == 0);
	return 0;
}

static const char *ring_in_mode(int mode)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;

	options.capacity = SMALL;
	options.wake_mode = (enum shmring_wake_mode)mode;
	return new_ring_with(&options);
}

EachMode(no_allocation_per_record)
{
	struct parties parties;
	uint64_t before;
	volatile char *probe = malloc(1);

	/* The counter counts. */
	cr_assert_not_null((void *)(uintptr_t)probe);
	cr_assert_gt(allocations(), 0);
	cr_assert_eq(open_parties(ring_in_mode(*mode), &parties), 0);
	before = allocations();
	cr_assert_gt(before, 1);
	cr_assert_eq(stream_records(&parties), 0);
	cr_assert_eq(allocations(), before, "%llu allocations",
		     (unsigned long long)(allocations() - before));
	free((void *)(uintptr_t)probe);
}

static int stream_without_system_calls(void *name)
{
	struct parties parties;
	int status;

	if (open_parties(name, &parties) != 0)
		return 90;
	if (sandbox_deny_system_calls() != 0)
		return SANDBOX_UNAVAILABLE;
	status = stream_records(&parties);
	sandbox_leave(status);
	return 91;
}

static int make_a_system_call(void *unused)
{
	(void)unused;
	if (sandbox_deny_system_calls() != 0)
		return SANDBOX_UNAVAILABLE;
	getppid();
	sandbox_leave(0);
	return 91;
}

EachMode(no_system_call_per_record)
{
	const char *name = ring_in_mode(*mode);
	int status = child_run(make_a_system_call, NULL);

	if (status == SANDBOX_UNAVAILABLE)
		cr_skip("no seccomp filter is allowed here");
	cr_assert_eq(status, CHILD_SIGNAL + SIGSYS, "the filter does not work: %d", status);
	status = child_run(stream_without_system_calls, (void *)(uintptr_t)name);
	cr_assert_neq(status, CHILD_SIGNAL + SIGSYS, "a system call was made");
	cr_assert_eq(status, 0, "status %d", status);
}

/* Nor for a call that is refused. */
static int poll_without_system_calls(void *name)
{
	struct shmring_record record;
	struct parties parties;
	char buffer[8];
	void *data;

	if (open_parties(name, &parties) != 0)
		return 90;
	while (shmring_reserve(parties.producer, SMALL_MAXIMUM, &data) == 0)
		if (shmring_commit(parties.producer, SMALL_MAXIMUM, 0, 0) != 0)
			return 91;
	if (sandbox_deny_system_calls() != 0)
		return SANDBOX_UNAVAILABLE;
	if (shmring_read_copy(parties.consumer, buffer, sizeof(buffer), &record) != -EMSGSIZE)
		sandbox_leave(1);
	if (shmring_commit(parties.producer, 1, 0, 0) != -EINVAL)
		sandbox_leave(2);
	if (shmring_reserve(parties.producer, SMALL, &data) != -EMSGSIZE)
		sandbox_leave(3);
	sandbox_leave(0);
	return 92;
}

Test(cost, no_system_call_for_a_refusal)
{
	int status = child_run(poll_without_system_calls, (void *)(uintptr_t)new_ring(0));

	if (status == SANDBOX_UNAVAILABLE)
		cr_skip("no seccomp filter is allowed here");
	cr_assert_eq(status, 0, "status %d", status);
}

Test(cost, a_streaming_producer_makes_no_wake_up_calls)
{
	struct parties parties;

	cr_assert_eq(open_parties(new_ring(0), &parties), 0);
	cr_assert_eq(stream_records(&parties), 0);
	cr_assert_eq(producer_info(parties.producer).wakeups, 0);
	cr_assert_eq(producer_info(parties.producer).sleeps, 0);
	cr_assert_eq(consumer_info(parties.consumer).sleeps, 0);
}
