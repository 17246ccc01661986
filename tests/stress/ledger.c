/* SPDX-License-Identifier: MIT */
#include "ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* An entry: the record's sequence number plus 1, and how often it was delivered, and may be. */
#define COUNT_BITS 12
#define COUNT_MAX  ((1u << COUNT_BITS) - 1)

static uint64_t entry_word(uint64_t sequence, unsigned int deliveries, unsigned int bequests)
{
	return (sequence + 1) << (2 * COUNT_BITS) | (uint64_t)bequests << COUNT_BITS | deliveries;
}

static uint64_t entry_number(uint64_t word) { return word >> (2 * COUNT_BITS); }

static unsigned int entry_deliveries(uint64_t word) { return (unsigned int)word & COUNT_MAX; }

static unsigned int entry_bequests(uint64_t word)
{
	return (unsigned int)(word >> COUNT_BITS) & COUNT_MAX;
}

struct ledger *ledger_new(int complete)
{
	struct ledger *ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (ledger == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	ledger->complete = complete;
	return ledger;
}

static void add(_Atomic uint64_t *counter, uint64_t count)
{
	atomic_fetch_add_explicit(counter, count, memory_order_relaxed);
}

/* The entry's last word, which gives way to record `next`, or to none. */
static void judge(struct ledger *ledger, uint64_t word, uint64_t next)
{
	const unsigned int deliveries = entry_deliveries(word), due = 1 + entry_bequests(word);
	/* The number plus 1 of the record whose turn it was after this one. */
	const uint64_t after = entry_number(word) == 0 ? next % LEDGER_ENTRIES + 1
						       : entry_number(word) + LEDGER_ENTRIES;
	/* A producer that was killed may not have said that it had published some. */
	const uint64_t skipped = next + 1 > after ? (next + 1 - after) / LEDGER_ENTRIES : 0;

	if (deliveries > due)
		add(&ledger->over_held, deliveries - due);
	if (ledger->complete)
		add(&ledger->lost, skipped + (word != 0 && deliveries == 0));
}

/*
 * The record's entry, with so many more deliveries, and times that it may come again. Returns how
 * often it had been delivered.
 */
static unsigned int change(struct ledger *ledger, uint64_t sequence, unsigned int deliveries,
			   unsigned int bequests)
{
	_Atomic uint64_t *entry = &ledger->entry[sequence % LEDGER_ENTRIES];
	uint64_t old = atomic_load_explicit(entry, memory_order_relaxed), word;

	do {
		unsigned int times, due;

		word = old;
		/* Long gone: if nobody is bound to be in time, nothing is known of it. */
		if (entry_number(old) > sequence + 1) {
			if (ledger->complete)
				add(&ledger->over_held, deliveries);
			return ledger->complete;
		}
		if (entry_number(old) < sequence + 1)
			word = entry_word(sequence, 0, 0);
		times = entry_deliveries(word) + deliveries;
		due = entry_bequests(word) + bequests;
		word = entry_word(sequence, times > COUNT_MAX ? COUNT_MAX : times,
				  due > COUNT_MAX ? COUNT_MAX : due);
	} while (!atomic_compare_exchange_strong_explicit(entry, &old, word, memory_order_relaxed,
							  memory_order_relaxed));
	if (entry_number(old) == sequence + 1)
		return entry_deliveries(old);
	judge(ledger, old, sequence);
	return 0;
}

void ledger_note(struct ledger *ledger, uint64_t sequence, int flagged)
{
	const unsigned int before = change(ledger, sequence, 1, 0);

	add(before ? &ledger->again : &ledger->first, 1);
	if (flagged)
		add(&ledger->redelivered, 1);
	else if (before)
		add(&ledger->unflagged, 1);
}

void ledger_bequeath(struct ledger *ledger, const struct holding *holding)
{
	const uint64_t to = atomic_load_explicit(&holding->to, memory_order_acquire);

	for (uint64_t sequence = atomic_load_explicit(&holding->from, memory_order_acquire);
	     sequence < to; sequence++)
		change(ledger, sequence, 0, 1);
}

void ledger_close(struct ledger *ledger, uint64_t published)
{
	for (uint64_t i = 0; i < LEDGER_ENTRIES; i++) {
		const uint64_t rest = published % LEDGER_ENTRIES;
		/* The first record of this entry's that was not published. */
		const uint64_t next = published - rest + i + (i < rest ? LEDGER_ENTRIES : 0);

		judge(ledger, atomic_load_explicit(&ledger->entry[i], memory_order_relaxed), next);
	}
}
