/* SPDX-License-Identifier: MIT */
/* How far the output has come: records written, lost, and delivered again. */
#ifndef SHMTOOL_TALLY_H
#define SHMTOOL_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include <shmring/shmring.h>

struct tally {
	uint64_t count; /* records */
	uint64_t lost;
	uint64_t redelivered; /* of the records, those that another member of the group had */
	/* alone: sequence number of the record to be written next, unless it is lost */
	uint64_t next;
	/* in a group: what the next record will call lost, and is counted or written already */
	uint64_t foretold;
	bool newline_due; /* after a line that had none, if another follows */
};

/*
 * Counts a record. What is lost before it follows from the sequence numbers; in a group, where
 * others have the records between, from what the library tells.
 */
void tally_record(struct tally *tally, const struct shmring_record *record, bool shared);

/*
 * In a group: what was written since the last release could not be given back. The library will
 * call that lost, and tell again what was told with it.
 */
void tally_void(struct tally *written, const struct tally *released);

/* In a group, evicted and back: the library calls so many lost. Returns how many are. */
uint64_t tally_back(struct tally *written, const struct tally *released, uint64_t lost);

#endif
