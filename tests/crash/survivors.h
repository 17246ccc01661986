/* SPDX-License-Identifier: MIT */
/* Those who live when the victim is killed: what each of them does, and must find. */
#ifndef TESTS_CRASH_SURVIVORS_H
#define TESTS_CRASH_SURVIVORS_H

#include "world.h"

/* One recovery. */
struct rescue {
	struct world *world;
	struct plan plan;
	uint64_t variation;
	uint64_t low, high;     /* the next record's sequence number is one of the two */
	uint64_t behind;        /* where the head may be until there is a successor */
	bool lazy;              /* loose does not read before the end, and is lapped */
	uint64_t next[READERS]; /* what each of them has to read next */
	struct shmring_producer *producer;
	struct shmring_consumer *kept, *victim, *newcomer;
	struct shmring_consumer *fellow; /* a further member of the victim's group */
	bool unaware;                    /* nobody in the group looks for the dead yet */
	uint64_t kept_next, victim_next, newcomer_next;
	char *what;
	size_t size;
};

extern const char *const reader_names[READERS];

/* A choice between as many ways of doing things. */
uint64_t rescue_choice(struct rescue *rescue, uint64_t ways);

/* Says what is not as promised; false. */
bool rescue_bad(struct rescue *rescue, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Is the error that the call returned the one that it should have? */
bool rescue_expect(struct rescue *rescue, int error, int expected, const char *call);

/* Everyone who lives, and is not lazy, reads and releases what there is. */
bool survivors_read(struct rescue *rescue);

/* The durable one that nobody had open, the victim under its own name, and somebody new. */
bool kept_returns(struct rescue *rescue);
bool victim_returns(struct rescue *rescue);
bool newcomer_joins(struct rescue *rescue);

/*
 * The victim's group: starts with nothing read by anybody but the victim; its living members read
 * and release, by turns, what there is; one more joins; and in the end all was read, and nothing
 * twice that should not be.
 */
void group_begins(struct rescue *rescue);
bool group_reads(struct rescue *rescue);
bool fellow_joins(struct rescue *rescue);
bool group_complete(struct rescue *rescue);

/* Without a durable subscription or a living member, the producer has done away with it. */
bool group_reaped(struct rescue *rescue);

/* Whatever came of it, its members let go of what they had taken over. */
void group_ends(struct rescue *rescue);

/* What is told of the ring is true, and shmring_check has nothing to say. */
bool inspector_looks(struct rescue *rescue);
bool check_passes(struct rescue *rescue);

/* What steady is told once it has read everything, before there is a successor. */
bool end_told(struct rescue *rescue);

#endif
