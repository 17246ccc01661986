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
/* A block of its index. */
#define SMALL_BLOCK   (SMALL / 64)

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

/* Creates a small ring whose stream starts there. */
const char *new_ring_from(uint64_t first_position, uint64_t first_sequence);

struct shmring_producer *new_producer(const char *name);

/* A subscription under a random name. */
struct shmring_consumer *new_consumer(const char *name, enum shmring_policy policy,
				      enum shmring_start start);

struct shmring_consumer *new_observer(const char *name, enum shmring_start start);

/* Options for a subscription of that name. */
struct shmring_consumer_options options_for(const char *subscription, enum shmring_policy policy);

struct shmring_consumer *open_consumer(const char *ring,
				       const struct shmring_consumer_options *options);

/* A subscription that the producer evicts after so long. */
struct shmring_consumer *new_deadline(const char *ring, const char *subscription,
				      int64_t deadline_ns);

/* A deadline long enough never to pass in a test. */
#define NEVER (1000 * NS_PER_SECOND)

/* Options for a durable subscription; a DEADLINE one's is NEVER. */
struct shmring_consumer_options durable_options(const char *subscription,
						enum shmring_policy policy);

struct shmring_consumer *open_durable(const char *ring, const char *subscription,
				      enum shmring_policy policy);

/* A LOSSY consumer, or an observer: what holds for one holds for the other. */
struct shmring_consumer *new_loser(const char *name, int observer, enum shmring_start start);

/* Writes `count` records whose content follows from their sequence numbers, `length` bytes each; never waits. */
void write_records(struct shmring_producer *producer, unsigned int count, size_t length);

/* Writes such records until the ring is full, and returns how many. */
unsigned int fill_ring(struct shmring_producer *producer, size_t length);

/* A producer that never blocks: tries again and again until there is room. */
void insist_on_room(struct shmring_producer *producer, size_t length);

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

/* The slot of the subscription of that name. */
unsigned int slot_of(const char *ring, const char *subscription);

struct shmring_subscription_info subscription_info(const char *ring, const char *subscription);

int is_evicted(const char *ring, const char *subscription);

/* Calls read until it says something other than -EAGAIN, and returns that. */
int read_until_told(struct shmring_consumer *consumer);

/* Lets at least so much time pass. */
void pass_time(int64_t duration_ns);

uint64_t now_ns(void);
uint64_t wall_ns(void);

#endif
