/* SPDX-License-Identifier: MIT */
/* Surroundings that lack something: /dev/shm full, /proc not mounted, system calls that are not allowed. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../support/sandbox.h"

/* Runs `child`, and skips where the surroundings it needs cannot be had. */
static void run_in(int (*child)(void *argument), const char *missing)
{
	int status = child_run(child, NULL);

	if (status == SANDBOX_UNAVAILABLE) {
		fprintf(stderr, "SKIPPED: %s\n", missing);
		cr_skip("%s", missing);
	}
	cr_assert_eq(status, 0, "see above");
}

static int create_sized(const char *name, uint64_t capacity)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;

	options.capacity = capacity;
	return shmring_create(name, &options);
}

static uint64_t free_bytes(void)
{
	struct statvfs status;

	return statvfs("/dev/shm", &status) == 0 ? (uint64_t)status.f_bfree * status.f_bsize : 0;
}

/* Writes and reads over several wraps. */
static int use_ring(const char *name)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_producer *producer;
	struct shmring_consumer *consumer;
	struct shmring_record record;
	char bytes[1000] = "bytes";

	CHILD_CHECK(shmring_producer_open(&producer, name, NULL) == 0);
	options.start = SHMRING_NEWEST;
	CHILD_CHECK(shmring_consumer_open(&consumer, name, &options) == 0);
	for (int i = 0; i < 3000; i++) {
		CHILD_CHECK(shmring_write(producer, bytes, sizeof(bytes), 0, 0) == 0);
		CHILD_CHECK(shmring_read(consumer, &record) == 0);
		CHILD_CHECK(memcmp(record.data, bytes, sizeof(bytes)) == 0);
		CHILD_CHECK(shmring_release(consumer) == 0);
	}
	CHILD_CHECK(shmring_consumer_close(consumer) == 0);
	CHILD_CHECK(shmring_producer_close(producer) == 0);
	return 0;
}

static int fill_shm(void *unused)
{
	const char *name = "full", *fits = "fits";
	uint64_t before;
	int result;

	(void)unused;
	if (sandbox_small_shm(1 << 20) != 0)
		return SANDBOX_UNAVAILABLE;
	before = free_bytes();
	CHILD_CHECK(before == 1 << 20);
	/* Too large for all of it; for what is left beside the headers; and by a page, so that control fails. */
	for (uint64_t capacity = 1 << 20; capacity <= 1ULL << 30; capacity *= 2) {
		errno = ERRNO_CANARY;
		result = create_sized(name, capacity);
		CHILD_CHECK(result == -ENOSPC, "%d", result);
		CHILD_CHECK(errno == ERRNO_CANARY);
		CHILD_CHECK(shm_files_of("") == 0, "something was left behind");
		CHILD_CHECK(free_bytes() == before, "memory was left behind");
	}
	CHILD_CHECK(create_sized(fits, 1 << 19) == 0);
	CHILD_CHECK(use_ring(fits) == 0);
	before = free_bytes();
	CHILD_CHECK(create_sized(name, 1 << 19) == -ENOSPC);
	CHILD_CHECK(free_bytes() == before);
	CHILD_CHECK(shm_files_of(name) == 0);
	/* What is reserved stays so: fill up the rest, and use the ring. */
	{
		int fd = open("/dev/shm/filler", O_RDWR | O_CREAT, 0600);
		char page[4096] = { 1 };

		CHILD_CHECK(fd >= 0);
		while (write(fd, page, sizeof(page)) > 0)
			continue;
		CHILD_CHECK(free_bytes() == 0);
		CHILD_CHECK(use_ring(fits) == 0);
		CHILD_CHECK(create_sized(name, 0) == -ENOSPC);
		CHILD_CHECK(shm_files_of(name) == 0);
		close(fd);
	}
	CHILD_CHECK(shmring_unlink(fits) == 0);
	return 0;
}

Test(environment, a_full_shm_is_enospc_at_once_and_leaves_nothing)
{
	run_in(fill_shm, "no private mount of /dev/shm is allowed here");
}

/* Leaves room for the data object, but not for all of the control object. */
static int fill_shm_but_for_control(void *unused)
{
	int result;

	(void)unused;
	for (size_t spare = 0; spare < 56 * 1024; spare += 4096) {
		if (sandbox_small_shm((16 + 64) * 1024 + spare) != 0)
			return SANDBOX_UNAVAILABLE;
		result = create_sized("half", SMALL);
		CHILD_CHECK(result == -ENOSPC, "%d", result);
		CHILD_CHECK(shm_files_of("") == 0, "something was left behind");
		CHILD_CHECK(free_bytes() == (16 + 64) * 1024 + spare, "memory was left behind");
	}
	return 0;
}

Test(environment, room_for_one_object_alone_is_enospc_too)
{
	run_in(fill_shm_but_for_control, "no private mount of /dev/shm is allowed here");
}

/* Whatever may not be there: everything works, or there is nothing but -ENOSYS. */
static int works_or_enosys(int must_fail)
{
	const char *name = unique_name();
	unsigned int files = shm_files_of("");
	int result;

	errno = ERRNO_CANARY;
	result = create_sized(name, SMALL);
	CHILD_CHECK(errno == ERRNO_CANARY);
	CHILD_CHECK(result == -ENOSYS || (result == 0 && !must_fail), "%d", result);
	if (result == 0) {
		CHILD_CHECK(use_ring(name) == 0);
		CHILD_CHECK(shmring_unlink(name) == 0);
	}
	CHILD_CHECK(shm_files_of("") == files, "something was left behind");
	return 0;
}

static int without_proc(void *unused)
{
	(void)unused;
	if (sandbox_small_shm(1 << 20) != 0 || sandbox_empty_proc() != 0)
		return SANDBOX_UNAVAILABLE;
	return works_or_enosys(0);
}

static int without_proc_and_linkat(void *unused)
{
	(void)unused;
	if (sandbox_small_shm(1 << 20) != 0 || sandbox_empty_proc() != 0 ||
	    sandbox_deny_linkat_by_descriptor() != 0)
		return SANDBOX_UNAVAILABLE;
	return works_or_enosys(1);
}

static int without_linkat(void *unused)
{
	const char *name = "linked";

	(void)unused;
	if (sandbox_small_shm(1 << 20) != 0 || sandbox_deny_linkat_by_descriptor() != 0)
		return SANDBOX_UNAVAILABLE;
	CHILD_CHECK(create_sized(name, SMALL) == 0, "/proc is there");
	CHILD_CHECK(use_ring(name) == 0);
	return 0;
}

/* A ring that is there already must be usable without /proc: only making one can need it. */
static int attach_without_proc(void *unused)
{
	(void)unused;
	if (sandbox_small_shm(1 << 20) != 0)
		return SANDBOX_UNAVAILABLE;
	CHILD_CHECK(create_sized("made-before", SMALL) == 0);
	if (sandbox_empty_proc() != 0)
		return SANDBOX_UNAVAILABLE;
	return use_ring("made-before");
}

Test(environment, without_proc_it_works_or_is_enosys)
{
	run_in(without_proc, "no private mount of /proc is allowed here");
}

Test(environment, without_proc_and_linkat_by_descriptor_it_is_enosys)
{
	run_in(without_proc_and_linkat,
	       "no private mount of /proc, or no seccomp filter, is allowed here");
}

Test(environment, linkat_by_descriptor_is_not_needed)
{
	run_in(without_linkat, "no private mount, or no seccomp filter, is allowed here");
}

Test(environment, attaching_works_without_proc)
{
	run_in(attach_without_proc, "no private mount of /proc is allowed here");
}

static int without_shm(void *unused)
{
	struct shmring_consumer *consumer;

	(void)unused;
	/* A /dev/shm that may not be written to. */
	if (geteuid() != 0 || sandbox_small_shm(1 << 20) != 0 || chmod("/dev/shm", 0755) != 0 ||
	    sandbox_become_nobody() != 0)
		return SANDBOX_UNAVAILABLE;
	CHILD_CHECK(create_sized("x", SMALL) == -EACCES);
	CHILD_CHECK(shmring_consumer_open(&consumer, "x", NULL) == -ENOENT);
	return 0;
}

Test(environment, a_shm_that_may_not_be_written_to_is_eacces)
{
	run_in(without_shm, "no private mount of /dev/shm, or not root");
}
