/* SPDX-License-Identifier: MIT */
#include "checker.h"
#include "../support/payload.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void checker_init(struct checker *checker, const struct stream *stream, int reliable)
{
	memset(checker, 0, sizeof(*checker));
	checker->stream = stream;
	checker->reliable = reliable;
}

static void expect(struct checker *checker, uint64_t sequence, int anywhere, int no_later,
		   int no_earlier)
{
	checker->next = sequence;
	checker->anywhere = anywhere;
	checker->no_later = no_later;
	checker->no_earlier = no_earlier;
	checker->gap_expected = !anywhere;
}

void checker_expect(struct checker *checker, uint64_t sequence)
{
	expect(checker, sequence, 0, 0, 0);
}

void checker_expect_next(struct checker *checker, uint64_t sequence)
{
	expect(checker, sequence, 0, 0, 0);
	checker->gap_expected = 0;
}

void checker_expect_any(struct checker *checker)
{
	expect(checker, 0, 1, 0, 0);
}

void checker_expect_at_most(struct checker *checker, uint64_t sequence)
{
	expect(checker, sequence, 1, 1, 0);
}

void checker_expect_at_least(struct checker *checker, uint64_t sequence)
{
	expect(checker, sequence, 1, 0, 1);
}

static void complain(struct checker *checker, const char *what, uint64_t sequence, uint64_t other)
{
	snprintf(checker->complaint, sizeof(checker->complaint), "%s (%" PRIu64 ", %" PRIu64 ")",
		 what, sequence, other);
}

void checker_lost(struct checker *checker, uint64_t count, const char *what, uint64_t one,
		  uint64_t other)
{
	checker->tally.lost += count;
	complain(checker, what, one, other);
}

void checker_again(struct checker *checker, uint64_t count, const char *what, uint64_t one,
		   uint64_t other)
{
	checker->tally.out_of_order += count;
	complain(checker, what, one, other);
}

/* A first record may be anywhere within limits, and nothing is lost before it. */
static void judge_first(struct checker *checker, const struct shmring_record *record)
{
	if (checker->no_later && record->sequence > checker->next) {
		checker->tally.lost += record->sequence - checker->next;
		complain(checker, "started too late: came, latest allowed", record->sequence,
			 checker->next);
	}
	if (checker->no_earlier && record->sequence < checker->next) {
		checker->tally.out_of_order++;
		complain(checker, "started too early: came, earliest allowed", record->sequence,
			 checker->next);
	}
	/* A reader that does not gate may be lapped between joining and reading, and is told so. */
	if (record->lost != 0 && checker->reliable) {
		checker->tally.lost += record->lost;
		complain(checker, "a gap before the first record: sequence, lost", record->sequence,
			 record->lost);
	}
}

static void judge_order(struct checker *checker, const struct shmring_record *record)
{
	uint64_t skipped = record->sequence - checker->next;

	if (checker->anywhere) {
		judge_first(checker, record);
	} else if (record->sequence < checker->next) {
		checker->tally.out_of_order++;
		complain(checker, "out of order: came, due", record->sequence, checker->next);
	} else if (skipped != record->lost) {
		checker->tally.lost +=
			skipped > record->lost ? skipped - record->lost : record->lost - skipped;
		complain(checker, "gap and report differ: missing, reported", skipped,
			 record->lost);
	} else if (skipped != 0 && checker->reliable && !checker->gap_expected) {
		checker->tally.lost += skipped;
		complain(checker, "lost from a RELIABLE stream: due, missing", checker->next,
			 skipped);
	}
}

static void judge_content(struct checker *checker, const struct shmring_record *record)
{
	const struct stream *stream = checker->stream;
	uint64_t length = payload_length(stream->seed, record->sequence, stream->size_minimum,
					 stream->size_maximum);
	ptrdiff_t wrong;

	if (record->length != length) {
		checker->tally.torn++;
		complain(checker, "torn: wrong length: sequence, length", record->sequence,
			 record->length);
		return;
	}
	if (record->type != payload_type(stream->seed, record->sequence) || record->flags != 0) {
		checker->tally.torn++;
		complain(checker, "torn: wrong type: sequence, type", record->sequence,
			 record->type);
		return;
	}
	wrong = payload_check(record->data, record->length, stream->seed, record->sequence);
	if (wrong >= 0) {
		checker->tally.torn++;
		complain(checker, "torn: wrong byte: sequence, offset", record->sequence,
			 (uint64_t)wrong);
	}
}

void checker_record(struct checker *checker, const struct shmring_record *record)
{
	judge_order(checker, record);
	judge_content(checker, record);
	checker->tally.delivered++;
	checker->tally.reported += record->lost;
	checker->next = record->sequence + 1;
	checker->anywhere = 0;
	checker->gap_expected = 0;
}

void checker_end(struct checker *checker, uint64_t sequence)
{
	/* Nothing came since the start: there need not have been anything. */
	if (checker->anywhere && !checker->no_later)
		return;
	if (checker->next < sequence) {
		checker->tally.lost += sequence - checker->next;
		complain(checker, "the end is missing: due, end", checker->next, sequence);
	} else if (checker->next > sequence) {
		checker->tally.out_of_order++;
		complain(checker, "more than was published: due, end", checker->next, sequence);
	}
}
