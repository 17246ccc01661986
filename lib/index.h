/* SPDX-License-Identifier: MIT */
/*
 * index.h - where records start, without walking there: an entry per block for the first record
 * that starts in it. An entry counts only if its position lies in the block it is looked up for.
 *
 * The producer stores an entry before it publishes the record. Readers load head first ([HEAD]) and
 * pass over entries above it.
 */
#ifndef SHMRING_INDEX_H
#define SHMRING_INDEX_H

#include "segment.h"

static inline uint64_t index_block(const struct segment *segment, uint64_t position)
{
	return position >> segment->block_shift;
}

/* Where the first record of a block starts, or INDEX_NONE if the index has none for it. */
uint64_t index_lookup(const struct segment *segment, uint64_t block);

/* The time of a block's entry, nanoseconds since 1970; 0 if it has none. */
uint64_t index_time(const struct segment *segment, uint64_t block);

/*
 * The first record start at or above `position` that the index knows, or `head` if that comes
 * first.
 */
uint64_t index_first_at(const struct segment *segment, uint64_t position, uint64_t head);

/* The last record start below `position` that the index knows, or INDEX_NONE. */
uint64_t index_last_below(const struct segment *segment, uint64_t position);

/*
 * Producer: enters the record that it is about to publish, with a time not before that of all
 * earlier records.
 */
void index_store(const struct segment *segment, uint64_t position, uint64_t time_ns);

/*
 * Producer: gives the entries in [from, to) a new time: a batch is published later than it is
 * written. Until then theirs is INDEX_LATER, so that whoever looks for a time meanwhile starts
 * before the batch.
 */
void index_touch(const struct segment *segment, uint64_t from, uint64_t to, uint64_t time_ns);
#define INDEX_LATER UINT64_MAX

/*
 * Producer: takes out every entry at or above `from`, for records that were never published, and
 * gives a time to those that a predecessor left as INDEX_LATER.
 */
void index_forget(const struct segment *segment, uint64_t from);

#endif
