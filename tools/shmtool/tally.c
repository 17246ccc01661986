/* SPDX-License-Identifier: MIT */
#include "tally.h"

static uint64_t beyond(uint64_t number, uint64_t limit)
{
	return number > limit ? number - limit : 0;
}

void tally_record(struct tally *tally, const struct shmring_record *record, bool shared)
{
	tally->count++;
	if (shared)
		tally->lost += beyond(record->lost, tally->foretold);
	else
		tally->lost += record->sequence - tally->next;
	tally->foretold = 0;
	tally->next = record->sequence + 1;
	if (record->flags & SHMRING_REDELIVERED)
		tally->redelivered++;
}

void tally_void(struct tally *written, const struct tally *released)
{
	written->foretold = written->count - released->count + written->lost - released->lost +
			    released->foretold;
}

uint64_t tally_back(struct tally *written, const struct tally *released, uint64_t lost)
{
	uint64_t more;

	tally_void(written, released);
	more = beyond(lost, written->foretold);
	written->lost += more;
	written->foretold = lost;
	return more;
}
