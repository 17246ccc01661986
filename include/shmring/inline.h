/* SPDX-License-Identifier: MIT */
/*
 * shmring/inline.h - the path of every record, without calls.
 *
 * Include this instead of shmring/shmring.h, change nothing else, and shmring_reserve,
 * shmring_commit, shmring_read and shmring_release are expanded where they are called. What is
 * ordinary is done there; everything else (no room, nothing to read, the first record in an index
 * block, sleepers, groups, durable subscriptions, a forked child, errors) calls the library, which
 * does the ordinary with the same code. Errors, ordering and concurrency are those of the calls. A
 * reservation that fails gives a null pointer, though, and a read that fails an empty record: so
 * that a compiler knows that they are set.
 *
 * A compiler that sees both ends of it leaves out what is not used: the flags that are constant,
 * the members of struct shmring_record that nobody looks at. `make bench-peers` shows what that gives:
 * FENCE beside FENCE, calls.
 *
 * The price: what is between SHMRING_HOT below and its end becomes part of the program. A library
 * in which it differs has another soname. Records themselves are as doc/layout.md has them.
 *
 * Under ThreadSanitizer, which knows no fences, the calls stay calls. For a call that must be one,
 * write the name in parentheses: (shmring_read)(consumer, &record).
 */
#ifndef SHMRING_INLINE_H
#define SHMRING_INLINE_H

#include <stdbool.h>

#include <shmring/shmring.h>

#ifdef __cplusplus
extern "C" {
#endif

#define shmring_hot_likely(condition)   __builtin_expect(!!(condition), 1)
#define shmring_hot_unlikely(condition) __builtin_expect(!!(condition), 0)

/* What the library replaces when it is built for ThreadSanitizer. */
#ifndef shmring_hot_fence_full
/*
 * On x86-64 a locked operation on the stack orders as mfence does, at a third of its cost. clang
 * would use mfence.
 */
static inline void shmring_hot_fence_full(void)
{
#if defined(__x86_64__)
	__asm__ __volatile__("lock; orq $0, (%%rsp)" ::: "memory", "cc");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}
#define shmring_hot_fence_full      shmring_hot_fence_full
#define shmring_hot_fence_acquire() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define shmring_hot_load(hot, word) __atomic_load_n(word, __ATOMIC_ACQUIRE)
#define SHMRING_HOT_WITHHELD        __ATOMIC_RELAXED
#endif

/* ---- SHMRING_HOT: what a program and a library that it was not built with have to agree on ----- */

/* A record starts with two words: length, type and flags; sequence number. Then comes the payload. */
#define SHMRING_HOT_HEADER 16u
#define SHMRING_HOT_VALID  ((uint64_t)1 << 48)

/*
 * As a record is committed, the lines that lie this far ahead of its own are fetched for writing.
 * Readers have them from the last lap; without this, a full fence waits for them to come back, and
 * a batch for many of them. Of a long record, only so much: copying it does the same.
 */
#define SHMRING_HOT_AHEAD   1536
#define SHMRING_HOT_FETCHED 1024
#define SHMRING_HOT_LINE    64

/* Bytes from one record's start to the next one's. */
static inline uint64_t shmring_hot_stride(uint64_t length)
{
	return (SHMRING_HOT_HEADER + length + 7) & ~(uint64_t)7;
}

/* What a producer's handle starts with. */
struct shmring_producer_hot {
	uint64_t position;   /* where the next record goes, withheld ones included */
	uint64_t limit;      /* a record that ends above needs a closer look */
	uint64_t reserved;   /* 0: no reservation; otherwise one more than its payload bytes */
	uint64_t sequence;   /* of the next record */
	uint64_t maximum;    /* longest payload */
	uint64_t batch_word; /* 0: no batch; otherwise its first record's withheld header word */
	char *records;
	uint64_t mask; /* capacity - 1 */
	uint64_t *head;
	uint64_t *sleepers;
	uint64_t batch_position; /* of the batch's first record */
	uint64_t batch_sequence; /* of its first record */
	bool batch_indexed;      /* it has index entries whose time is not known yet */
	bool looks;              /* for sleepers: not wake mode NONE */
	bool fences;             /* before it does: not wake mode MEMBARRIER either */
} __attribute__((aligned(128)));

/*
 * What a consumer's or observer's handle starts with. What shmring_release copies from what
 * shmring_read has just stored is kept apart: in neighbouring words a compiler makes one wide load
 * of it, which has to wait for both stores to reach the cache.
 */
struct shmring_consumer_hot {
	uint64_t cursor; /* the next record to read */
	char *records;
	uint64_t expected;          /* its sequence number, if none is lost */
	uint64_t mask;              /* capacity - 1 */
	uint64_t released;          /* everything below has been released */
	uint64_t maximum;           /* longest payload */
	uint64_t released_expected; /* the sequence number expected there */
	uint64_t stop;              /* a record that ends above needs a closer look */
	const uint64_t *floor;
	uint64_t *tail;        /* an observer's is private */
	const uint64_t *state; /* the subscription's state word; an observer's is private */
	uint64_t active;       /* what it is unless the subscription was evicted */
	uint64_t lost;         /* so far */
	const void *reserved;
	uint64_t released_lost; /* the same, at the last release */
	bool special;           /* release has more to do than to store the tail */
	uint8_t block_shift;
} __attribute__((aligned(128)));

/* To be written soon. Where nothing can be, it does nothing. */
static inline void shmring_hot_fetch(const char *line)
{
#if defined(__x86_64__)
	/* What compilers make of their own, unless they are told of a newer processor, only reads. */
	__asm__ __volatile__("prefetchw %0" : : "m"(*line));
#else
	__builtin_prefetch(line, 1);
#endif
}

static inline uint64_t *shmring_hot_written(const struct shmring_producer_hot *hot,
					    uint64_t position)
{
	return (uint64_t *)(void *)(hot->records + (position & hot->mask));
}

/* With room for it: makes the reservation. */
static inline void shmring_hot_take(struct shmring_producer_hot *hot, size_t maximum, void **data)
{
	hot->reserved = (uint64_t)maximum + 1;
	*data = (char *)shmring_hot_written(hot, hot->position) + SHMRING_HOT_HEADER;
}

/* Makes the reservation, if there is room, and nothing else to see to. */
static inline bool shmring_hot_reserve(struct shmring_producer_hot *hot, size_t maximum,
				       void **data)
{
	if (shmring_hot_unlikely(hot->reserved != 0 || maximum > hot->maximum ||
				 hot->position + shmring_hot_stride(maximum) > hot->limit))
		return false;
	shmring_hot_take(hot, maximum, data);
	return true;
}

/*
 * The records from `first`, whose header word is given, up to `next` exist from here on. True:
 * somebody sleeps.
 */
static inline bool shmring_hot_publish(struct shmring_producer_hot *hot, uint64_t *first,
				       uint64_t word, uint64_t next)
{
	/*
	 * [ZERO] before the header word: behind the last is "not yet"; pairs with
	 * inline.h:shmring_hot_read()
	 */
	__atomic_store_n(shmring_hot_written(hot, next), 0, __ATOMIC_RELAXED);
	/*
	 * [PUBLISH] release: payload, sequence, next zero first; pairs with
	 * inline.h:shmring_hot_read()
	 */
	__atomic_store_n(first, word, __ATOMIC_RELEASE);
	/* [HEAD] release: records and index first; pairs with walk.c:walk_head() */
	__atomic_store_n(hot->head, next, __ATOMIC_RELEASE);
	if (!hot->looks)
		return false;
	/*
	 * [SLEEP] header word, full fence, then sleepers; pairs with
	 * consumer_wait.c:consumer_arm()
	 */
	if (hot->fences)
		shmring_hot_fence_full();
	else
		/* The sleeper's membarrier is the fence; this keeps the compiler's order. */
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(hot->sleepers, __ATOMIC_RELAXED) != 0;
}

/*
 * Everything of the reserved record but its header word, and then that: at once, or, in a batch,
 * with its first one's. True: shmring_flush has to do the rest.
 */
static inline bool shmring_hot_commit(struct shmring_producer_hot *hot, size_t length,
				      uint16_t type, unsigned int flags)
{
	const uint64_t at = hot->position;
	const uint64_t next = at + shmring_hot_stride(length);
	const uint64_t sequence = hot->sequence;
	const uint64_t first = hot->batch_word;
	const uint64_t word = (uint64_t)(uint32_t)length | (uint64_t)type << 32 | SHMRING_HOT_VALID;
	uint64_t *const header = shmring_hot_written(hot, at);

	hot->position = next;
	hot->sequence = sequence + 1;
	hot->reserved = 0;
	/* Relaxed: the release of the header word comes after. */
	__atomic_store_n(header + 1, sequence, __ATOMIC_RELAXED);
	for (uint64_t ahead = 0; ahead < next - at && ahead < SHMRING_HOT_FETCHED;
	     ahead += SHMRING_HOT_LINE)
		shmring_hot_fetch((const char *)header + SHMRING_HOT_AHEAD + ahead);
	if (first == 0) {
		if (!(flags & SHMRING_MORE))
			return shmring_hot_publish(hot, header, word, next);
		hot->batch_word = word;
		hot->batch_position = at;
		hot->batch_sequence = sequence;
		return false;
	}
	/* Relaxed: it is out of reach, behind the first one's, which is withheld. */
	__atomic_store_n(header, word, SHMRING_HOT_WITHHELD);
	if (flags & SHMRING_MORE)
		return false;
	if (shmring_hot_unlikely(hot->batch_indexed))
		return true;
	hot->batch_word = 0;
	return shmring_hot_publish(hot, shmring_hot_written(hot, hot->batch_position), first, next);
}

/* Gives the record at the cursor, whose words these are. */
static inline void shmring_hot_deliver(struct shmring_consumer_hot *hot,
				       struct shmring_record *record, uint64_t word,
				       uint64_t sequence, uint64_t lost)
{
	const uint64_t at = hot->cursor;
	/*
	 * Length, type and flags are in the record as in the word, so that a compiler can store all
	 * three at once.
	 */
	const uint64_t told = word & ~SHMRING_HOT_VALID;

	hot->cursor = at + shmring_hot_stride((uint32_t)word);
	hot->expected = sequence + 1;
	record->data = hot->records + (at & hot->mask) + SHMRING_HOT_HEADER;
	record->length = (uint32_t)told;
	record->type = (uint16_t)(told >> 32);
	record->flags = (uint16_t)(told >> 48);
	record->sequence = sequence;
	record->position = at;
	record->lost = lost;
}

/* Gives the next record, if there is one, and nothing about it is out of the ordinary. */
static inline bool shmring_hot_read(struct shmring_consumer_hot *hot, struct shmring_record *record)
{
	const uint64_t at = hot->cursor;
	const uint64_t *const header =
		(const uint64_t *)(const void *)(hot->records + (at & hot->mask));
	/* [PUBLISH] acquire: a valid word brings its record; pairs with inline.h:shmring_hot_publish() */
	/* [ZERO] one that is not valid is no old payload; pairs with inline.h:shmring_hot_publish() */
	const uint64_t word = shmring_hot_load(hot, header);
	const uint64_t next = at + shmring_hot_stride((uint32_t)word);
	uint64_t sequence;

	if (shmring_hot_unlikely(!(word & SHMRING_HOT_VALID) || (uint32_t)word > hot->maximum ||
				 next > hot->stop))
		return false;
	sequence = shmring_hot_load(hot, header + 1);
	/* Relaxed: whoever overwrote something is found out by [FLOOR]. This only tells why. */
	if (shmring_hot_unlikely(sequence != hot->expected ||
				 __atomic_load_n(hot->state, __ATOMIC_RELAXED) != hot->active))
		return false;
	shmring_hot_deliver(hot, record, word, sequence, 0);
	return true;
}

static inline void shmring_hot_give_back(struct shmring_consumer_hot *hot)
{
	/* [RELEASE] release: our reads are over; pairs with floor.c:gate_of() */
	__atomic_store_n(hot->tail, hot->cursor, __ATOMIC_RELEASE);
	hot->released = hot->cursor;
	hot->released_expected = hot->expected;
	hot->released_lost = hot->lost;
}

/* Gives back what was read, if it was whole and nobody waits for it. */
static inline bool shmring_hot_release(struct shmring_consumer_hot *hot)
{
	const uint64_t before = hot->released;

	/* [FLOOR] reading, acquire fence, then floor; pairs with floor.c:floor_raise() */
	shmring_hot_fence_acquire();
	if (shmring_hot_unlikely(__atomic_load_n(hot->floor, __ATOMIC_RELAXED) > before ||
				 __atomic_load_n(hot->state, __ATOMIC_RELAXED) != hot->active ||
				 hot->special || (before ^ hot->cursor) >> hot->block_shift != 0))
		return false;
	shmring_hot_give_back(hot);
	return true;
}

/* ---- End of SHMRING_HOT ---------------------------------------------------------------------- */

#if !defined(SHMRING_HOT_ONLY) && !defined(__SANITIZE_THREAD__)
#if !defined(__has_feature)
#define SHMRING_EXPANDS 1
#elif !__has_feature(thread_sanitizer)
#define SHMRING_EXPANDS 1
#endif
#endif

#ifdef SHMRING_EXPANDS

/* Addresses of the callers' variables are not handed on: so they can stay in registers. */

static inline int shmring_expanded_reserve(struct shmring_producer *producer, size_t maximum,
					   void **data)
{
	void *room = NULL;
	int error = 0;

	if (!shmring_hot_reserve((struct shmring_producer_hot *)producer, maximum, &room))
		error = shmring_reserve(producer, maximum, &room);
	*data = room;
	return error;
}

static inline int shmring_expanded_commit(struct shmring_producer *producer, size_t length,
					  uint16_t type, unsigned int flags)
{
	struct shmring_producer_hot *hot = (struct shmring_producer_hot *)producer;

	if (shmring_hot_unlikely(length >= hot->reserved || flags > SHMRING_MORE))
		return shmring_commit(producer, length, type, flags);
	return shmring_hot_commit(hot, length, type, flags) ? shmring_flush(producer) : 0;
}

static inline int shmring_expanded_read(struct shmring_consumer *consumer,
					struct shmring_record *record)
{
	struct shmring_record other;
	int error;

	if (shmring_hot_likely(shmring_hot_read((struct shmring_consumer_hot *)consumer, record)))
		return 0;
	__builtin_memset(&other, 0, sizeof(other));
	error = shmring_read(consumer, &other);
	*record = other;
	return error;
}

static inline int shmring_expanded_release(struct shmring_consumer *consumer)
{
	return shmring_hot_likely(shmring_hot_release((struct shmring_consumer_hot *)consumer))
		       ? 0
		       : shmring_release(consumer);
}

#define shmring_reserve(producer, maximum, data) shmring_expanded_reserve(producer, maximum, data)
#define shmring_commit(producer, length, type, flags) \
	shmring_expanded_commit(producer, length, type, flags)
#define shmring_read(consumer, record) shmring_expanded_read(consumer, record)
#define shmring_release(consumer)      shmring_expanded_release(consumer)

#endif

#ifdef __cplusplus
}
#endif

#endif
