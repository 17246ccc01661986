/* SPDX-License-Identifier: MIT */
/*
 * What all units share. Each test is a process of its own (Criterion sees to that), so it need not close what it opens;
 * its rings are removed when it ends.
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <shmring/shmring.h>

#include "../support/child.h"
#include "../support/names.h"

#define NS_PER_MS     1000000LL
#define NS_PER_SECOND 1000000000LL

/* The smallest capacity: rings wrap soon. */
#define SMALL         65536u
/* The longest payload in it. */
#define SMALL_MAXIMUM (SMALL / 4)

/* Bytes that a record takes in the ring. */
static inline uint64_t stride_of(uint64_t length)
{
	return (16 + length + 7) & ~(uint64_t)7;
}

/* A piece for shmring_writev, which does not write to it. */
static inline struct iovec piece_of(const void *bytes, size_t length)
{
	return (struct iovec){ (void *)(uintptr_t)bytes, length };
}

/* What errno is set to before each call: no call may change it. */
#define ERRNO_CANARY 7777

#define expect_result(call, expected)                                                         \
	do {                                                                                  \
		int result_, expected_ = (expected);                                          \
		errno = ERRNO_CANARY;                                                         \
		result_ = (call);                                                             \
		cr_assert(errno == ERRNO_CANARY, "%s changed errno to %d", #call, errno);     \
		cr_assert(result_ == expected_, "%s: %d (%s), not %d (%s)", #call, result_,   \
			  shmring_strerror(result_), expected_, shmring_strerror(expected_)); \
	} while (0)

#define expect_ok(call) expect_result(call, 0)

/* Creates a ring of this capacity (0: SMALL) under a new name. */
const char *new_ring(uint64_t capacity);

/* Creates a ring under a new name, with these options. */
const char *new_ring_with(const struct shmring_create_options *options);

struct shmring_producer *new_producer(const char *name);

/* A subscription under a random name. */
struct shmring_consumer *new_consumer(const char *name, enum shmring_policy policy,
				      enum shmring_start start);

struct shmring_consumer *new_observer(const char *name, enum shmring_start start);

/* A LOSSY consumer, or an observer: what holds for one holds for the other. */
struct shmring_consumer *new_loser(const char *name, int observer, enum shmring_start start);

/* Writes `count` records whose content follows from their sequence numbers, `length` bytes each; never waits. */
void write_records(struct shmring_producer *producer, unsigned int count, size_t length);

/* Asserts that a record is the one of that sequence number as written by write_records. */
void expect_whole(const struct shmring_record *record, uint64_t sequence, size_t length);

/* Reads one record and asserts that it is that one, and nothing was lost before it. */
void expect_next(struct shmring_consumer *consumer, uint64_t sequence, size_t length);

/* Reads and releases `count` records from `sequence` on. */
void expect_run(struct shmring_consumer *consumer, uint64_t sequence, unsigned int count,
		size_t length);

struct shmring_producer_info producer_info(const struct shmring_producer *producer);
struct shmring_consumer_info consumer_info(const struct shmring_consumer *consumer);
struct shmring_info ring_info(const char *name);

/* Calls read until it says something other than -EAGAIN, and returns that. */
int read_until_told(struct shmring_consumer *consumer);

uint64_t now_ns(void);
uint64_t wall_ns(void);

#endif
