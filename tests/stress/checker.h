/* SPDX-License-Identifier: MIT */
/*
 * The judge: is each record the one that had to come, and whole? Used by every reading role, and
 * fed mistakes by check_checker.c, which it must find.
 */
#ifndef TESTS_STRESS_CHECKER_H
#define TESTS_STRESS_CHECKER_H

#include <stdint.h>

#include <shmring/inline.h>

/* What every byte of a stream follows from. */
struct stream {
	uint64_t seed;
	uint64_t size_minimum;
	uint64_t size_maximum;
};

struct tally {
	uint64_t delivered;
	uint64_t reported; /* records that the ring said were lost */
	uint64_t lost;     /* records missing without being reported, or from a RELIABLE stream */
	uint64_t torn;     /* wrong length, type or bytes */
	uint64_t out_of_order; /* came again, or too late */
};

struct checker {
	const struct stream *stream;
	uint64_t next; /* the sequence number that must come */
	int anywhere; /* it may be any: the first record after a start at oldest, newest or a time */
	int no_later;     /* ... but not after `next` */
	int no_earlier;   /* ... but not before `next` */
	int gap_expected; /* RELIABLE, but the start may have been gone already */
	int reliable;
	struct tally tally;
	char complaint[160]; /* the last thing that was wrong; empty: nothing so far */
};

void checker_init(struct checker *checker, const struct stream *stream, int reliable);

/* What comes next is record `sequence`, or something later with the gap reported. */
void checker_expect(struct checker *checker, uint64_t sequence);

/*
 * What comes next is record `sequence`; something later may only come to those that are not
 * reliable, and reported.
 */
void checker_expect_next(struct checker *checker, uint64_t sequence);

/*
 * What comes next is any record, without a gap before it; at or before, or at or after `sequence`
 * if asked for.
 */
void checker_expect_any(struct checker *checker);
void checker_expect_at_most(struct checker *checker, uint64_t sequence);
void checker_expect_at_least(struct checker *checker, uint64_t sequence);

/* Judges a record. */
void checker_record(struct checker *checker, const struct shmring_record *record);

/* What is no record's fault: so many were lost, or came again, says `what` with two numbers. */
void checker_lost(struct checker *checker, uint64_t count, const char *what, uint64_t one,
		  uint64_t other);
void checker_again(struct checker *checker, uint64_t count, const char *what, uint64_t one,
		   uint64_t other);

/* The stream has ended, and `sequence` would have come next. */
void checker_end(struct checker *checker, uint64_t sequence);

static inline struct tally tally_sum(const struct tally *one, const struct tally *other)
{
	return (struct tally){
		.delivered = one->delivered + other->delivered,
		.reported = one->reported + other->reported,
		.lost = one->lost + other->lost,
		.torn = one->torn + other->torn,
		.out_of_order = one->out_of_order + other->out_of_order,
	};
}

static inline int tally_bad(const struct tally *tally)
{
	return tally->lost != 0 || tally->torn != 0 || tally->out_of_order != 0;
}

#endif
