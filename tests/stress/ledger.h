/* SPDX-License-Identifier: MIT */
/*
 * What the members of a group were given, record by record, in memory that outlives each of them:
 * how often, and how often it was due again because somebody died, or left, who had it.
 *
 * A member of a RELIABLE group notes a record between reading and releasing it, so it is noted, or
 * comes again. If it is killed before it has noted it, the next delivery counts as the first. Under
 * other policies a record is whole only once it has been released, and noted after that: then it
 * cannot come again at all.
 *
 * So many records are kept in mind as cannot be in use at the same time by far; each is judged when
 * its place is needed for a later one, or at the end.
 */
#ifndef TESTS_STRESS_LEDGER_H
#define TESTS_STRESS_LEDGER_H

#include <stdatomic.h>
#include <stdint.h>

#define LEDGER_ENTRIES (1u << 17)

struct ledger {
	int complete;                  /* every record has to be delivered */
	_Atomic uint64_t first;        /* records that were delivered */
	_Atomic uint64_t again;        /* deliveries of records that had been delivered */
	_Atomic uint64_t redelivered;  /* deliveries with the flag */
	_Atomic uint64_t lost;         /* records that nobody was given */
	_Atomic uint64_t unflagged;    /* deliveries of known records without the flag */
	_Atomic uint64_t over_held;    /* more than the dead had in their hands */
	_Atomic uint64_t left;         /* times that somebody left with records in its hands */
	_Atomic uint64_t entry[LEDGER_ENTRIES];
};

/*
 * What a member has noted, or is just about to, and not released: from the first number to before
 * the second. Its owner writes.
 */
struct holding {
	_Atomic uint64_t from;
	_Atomic uint64_t to; /* 0: nothing */
};

/* In memory that processes started later share. */
struct ledger *ledger_new(int complete);

/* A record was delivered. */
void ledger_note(struct ledger *ledger, uint64_t sequence, int flagged);

/* A member is gone, and does not run any more: what it had may come again, once. */
void ledger_bequeath(struct ledger *ledger, const struct holding *holding);

/* Judges what has not been judged yet, of so many records in all. */
void ledger_close(struct ledger *ledger, uint64_t published);

static inline void holding_add(struct holding *holding, uint64_t sequence)
{
	if (atomic_load_explicit(&holding->to, memory_order_relaxed) == 0)
		atomic_store_explicit(&holding->from, sequence, memory_order_release);
	atomic_store_explicit(&holding->to, sequence + 1, memory_order_release);
}

static inline void holding_clear(struct holding *holding)
{
	atomic_store_explicit(&holding->to, 0, memory_order_release);
}

#endif
