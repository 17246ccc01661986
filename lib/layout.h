/* SPDX-License-Identifier: MIT */
/*
 * layout.h - what lies where in the two objects of a ring. This is the ABI: change it, change
 * LAYOUT_VERSION.
 *
 * doc/layout.md shows the same with pictures. All words are in the host's byte order; 64-bit words
 * are aligned to 8 bytes also for 32-bit processes. A position is a count of bytes since creation;
 * the byte at position p lies at `p mod capacity` in the record area.
 *
 * ORDERING EDGES
 *
 * Each label stands in the code at both of its ends. "Without it" says what goes wrong; "seen by"
 * names the test or figure that shows it.
 *
 * [PUBLISH]  inline.h shmring_hot_publish: header word (release)  ->  inline.h shmring_hot_read:
 *            header word (acquire)
 *            Payload, sequence number and the next header word's zero are visible to whoever sees
 *            VALID.
 *            Without it: torn records. Seen by: stress_ring (TSan).
 * [ZERO]     inline.h shmring_hot_publish: 0 to the next header word, before [PUBLISH]  ->
 *            inline.h shmring_hot_read: header word
 *            A reader that steps behind a record finds "not yet", never an old payload's bytes.
 *            Without it: invented records. Seen by: unit producer/zeroes_the_next_header_word,
 *            stress_ring.
 * [HEAD]     inline.h shmring_hot_publish: head (release)  ->  walk.c walk_head: head (acquire)
 *            Everything below head is published: records, and the index entries that point to them.
 *            Without it: joiners start at a record that they cannot see yet. Seen by: stress_join.
 * [OLDEST]   floor.c want_store, floor_raise: want and floor (release)  -> subscription_state.c
 *            subscription_gate: want (acquire); walk.c walk_floor: floor (acquire)
 *            Whoever starts there sees the records there, also in the middle of a batch, whose
 *            header words but the first are no [PUBLISH].
 *            Without it: torn records for newcomers. Seen by: stress_join (TSan).
 * [FLOOR]    floor.c floor_raise: floor, release fence, then overwriting  -> consumer.c
 *            consumer_lapped, release_slowly; inline.h shmring_hot_release; walk.c overtaken:
 *            reading, acquire fence, then floor
 *            Whoever has seen a byte of what overwrote a record sees a floor above that record.
 *            Without it: a lapped reader takes new bytes for old ones. Seen by: stress_ring
 *            --lossy.
 * [GATE]     floor.c floor_raise: want, full fence, then joins  -> subscription_state.c
 *            subscription_gate: tail and joins, full fence, then want
 *            The producer sees the joiner's tail, or the joiner sees that it came too late; or
 *            both.
 *            Without it: a RELIABLE joiner is overrun. Seen by: stress_join.
 * [JOIN]     subscription_state.c subscription_gate, subscription.c member_enter: joins (release)
 *            ->  floor.c gate_scan, lines_in_use, subscription.c subscription_reap: joins (acquire)
 *            A producer that has seen the count sees the tail and the state, or the member's line
 *            and `lines`, that it counts.
 *            Without it: as for [GATE]. Seen by: stress_join.
 * [RELEASE]  inline.h shmring_hot_give_back, subscription_state.c subscription_gate: tail
 *            (release)  ->  floor.c gate_of: tail (acquire)
 *            The consumer is done with everything below tail before the producer overwrites it.
 *            Without it: torn records for RELIABLE consumers. Seen by: stress_ring (TSan).
 * [SLEEP]    inline.h shmring_hot_publish, producer_open.c stream_store: header word or stream,
 *            full fence, then sleepers  -> consumer_wait.c consumer_arm, consumer_fd.c notice_arm:
 *            sleepers, full fence, then header word and stream
 *            The producer sees the sleeper, or the sleeper sees the record; or both.
 *            Without it: a wake-up is late by a bounded wait. Seen by: model sleep, figure
 *            lost_wakeups of handover, for the producer's fence (make rules-wake). The sleeper's was
 *            not missed in 20,000 hand-overs where, as on x86, the read-modify-write before it is a
 *            fence too.
 * [BELL]     wait.c wake_sleepers: bit cleared, then bell (release)  ->  consumer_wait.c
 *            consumer_arm: bell (acquire), then bit
 *            A sleeper whose bit is cleared after it read the bell is not put to sleep by the
 *            kernel.
 *            Without it: as for [SLEEP]. Seen by: model sleep. Neither order was missed in 9,000
 *            hand-overs of handover.
 * [FD]       consumer_fd.c notice_arm: armed, then its bit (release)  ->  notify.c look_at: bell
 *            (acquire), then armed; between the two, wake_sleepers takes the bit and rings
 *            A thread that hears the bell sees whom it is for.
 *            Without it: a file descriptor is readable late, by a bounded wait. Seen by: model
 *            events. On x86-64 the instructions in question order it.
 * [ROOM]     producer_wait.c producer_arm: need, full fence, then tails  ->  consumer.c
 *            consumer_room_look: tail, full fence, then need
 *            The consumer sees what the producer waits for, or the producer sees the room; or both.
 *            Without it: a producer waits one bounded wait too long. Seen by: model sleep, and
 *            figure late_room of stress_wake for the bell.
 * [STREAM]   producer_open.c stream_store: stream (release)  ->  consumer.c consumer_ended: stream
 *            (acquire)
 *            Whoever sees a stream closed sees every record it had.
 *            Without it: the last records are missed. Seen by: unit consumer/drains_before_epipe,
 *            stress_ring.
 * [SLOT]     subscription.c slot_enter: state (release)  ->  inspect_table.c subscription_look,
 *            subscription.c slot_named, floor.c enforce_deadlines: state (acquire)
 *            The name, times and deadline that belong to a state are visible with it.
 *            Without it: shmtool shows a newcomer under its predecessor's name, or evicts it. Seen
 *            by: stress_join (TSan).
 * [HOLD]     group.c claim: hold and end, then tail (release); hold_store, group_dead.c line_free:
 *            done, then hold (release)  ->  floor.c gate_of: tail (acquire), then holds_of: hold
 *            (acquire)
 *            What a member has in its hands is below the tail, or in its line; and it is done with
 *            what is in neither.
 *            Without it: a member's records are overwritten under its hands. Seen by: stress_group.
 * [NUMBER]   group.c group_note: none, number, position (release)  ->  group.c pair_of: position,
 *            number, position again (acquire)
 *            A position that is read twice brings its sequence number.
 *            Without it: a wrong count of lost records. Seen by: stress_group --lossy.
 * [MARK]     consumer.c consumer_mark: mark (release), then tail (release)  ->  consumer_return.c
 *            mark_find: tail, then mark (both acquire)
 *            A durable subscription's mark that agrees with its tail is whole, whenever its process
 *            was killed.
 *            Without it: a wrong count of lost records after a kill. Seen by: crash_ring.
 */
#ifndef SHMRING_LAYOUT_H
#define SHMRING_LAYOUT_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shmring/shmring.h>

/*
 * There is no ring without lock-free 64-bit atomics: a lock in a library's memory does not reach
 * other processes.
 */
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics must be lock-free");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "32-bit atomics must be lock-free");

typedef _Atomic uint64_t shared_u64;
typedef _Atomic uint32_t shared_u32;
_Static_assert(sizeof(shared_u64) == 8 && sizeof(shared_u32) == 4, "atomics must have no padding");

#define LAYOUT_VERSION 2u
#define LAYOUT_MAGIC_DATA 0x31676e69726d6873ULL    /* "shmring1" in memory, little-endian */
#define LAYOUT_MAGIC_CONTROL 0x316c74636d687372ULL /* "rshmctl1" in memory, little-endian */
#define LAYOUT_BYTE_ORDER 0x01020304u     /* read back as anything else: the wrong byte order */
#define LAYOUT_INCOMPATIBLE_KNOWN 0u      /* feature bits that a reader must know: none yet */

/*
 * Prefetchers fetch pairs of 64-byte lines: two words that different processes write stay this far
 * apart.
 */
#define LAYOUT_LINE 128
#define LAYOUT_PAGE 4096
#define LAYOUT_RECORDS_OFFSET_MAX 65536 /* where pages are that large */

/* ---- Both objects start with this page; all but the magic is the same in both ---------------- */

struct layout_header {
	alignas(8) uint64_t magic; /* stored last */
	uint32_t byte_order;
	uint32_t version;
	uint32_t incompatible; /* features: refuse the ring if one is not known */
	uint32_t compatible;   /* features: may be ignored */
	uint64_t checksum;     /* XXH3 of this structure from `uuid` to its end */
	uint8_t uuid[16];
	uint64_t created_ns; /* nanoseconds since 1970 */
	uint64_t capacity;
	uint64_t records_offset; /* in the data object; a multiple of the creator's page size */
	uint64_t data_size;
	uint64_t control_size;
	uint64_t first_position;
	uint64_t first_sequence;
	uint32_t wake_mode;
	uint32_t subscriptions;
	uint32_t members;
	uint32_t reserved;
	uint8_t tag[SHMRING_TAG_SIZE];
};
_Static_assert(offsetof(struct layout_header, uuid) == 32, "ABI");
_Static_assert(offsetof(struct layout_header, capacity) == 56, "ABI");
_Static_assert(offsetof(struct layout_header, tag) == 120, "ABI");
_Static_assert(sizeof(struct layout_header) == 184, "ABI");

/* ---- Data object: written by the producer alone ---------------------------------------------- */

/* One record starts with two words; the payload follows, padded to 8 bytes. */
#define RECORD_HEADER 16u
#define RECORD_FLAG_VALID 1u
/* Other bits of a record's flags are reserved. */

/* The header word: length in bits 0-31, type in 32-47, flags in 48-63. */
static inline uint64_t record_word(uint32_t length, uint16_t type)
{
	return (uint64_t)length | (uint64_t)type << 32 | (uint64_t)RECORD_FLAG_VALID << 48;
}
#define RECORD_WORD_VALID ((uint64_t)RECORD_FLAG_VALID << 48)
static inline uint32_t record_length(uint64_t word) { return (uint32_t)word; }
static inline uint16_t record_type(uint64_t word) { return (uint16_t)(word >> 32); }

/* Bytes from one record's start to the next one's. */
static inline uint64_t record_stride(uint64_t length)
{
	return (RECORD_HEADER + length + 7) & ~(uint64_t)7;
}

/*
 * The longest payload, and the most that an unfinished batch may take: the last published record
 * stays intact.
 */
static inline uint64_t layout_maximum(uint64_t capacity) { return capacity / 4; }
static inline uint64_t layout_batch_maximum(uint64_t capacity) { return capacity / 2; }

/*
 * The index: entry `block mod INDEX_ENTRIES` tells where the first record that starts in a block
 * does so.
 */
#define INDEX_ENTRIES 512u
#define INDEX_BLOCKS 256u /* at most; twice as many entries: none goes while it counts */
#define INDEX_NONE UINT64_MAX

/*
 * The base 2 logarithm of a block's size. An entry costs the producer a line: so a block has a
 * 256th of the capacity, but 16 KiB at least, or a 64th of the capacity if that is less.
 */
#define INDEX_BLOCK_SHIFT 14u
static inline unsigned int layout_block_shift(uint64_t capacity)
{
	const unsigned int finest = (unsigned int)__builtin_ctzll(capacity / INDEX_BLOCKS);
	const unsigned int coarsest = finest + 2;

	return coarsest <= INDEX_BLOCK_SHIFT ? coarsest
	       : finest >= INDEX_BLOCK_SHIFT ? finest
					     : INDEX_BLOCK_SHIFT;
}

struct layout_index_entry {
	alignas(8) shared_u64 position;
	shared_u64 time_ns; /* nanoseconds since 1970 */
};
_Static_assert(sizeof(struct layout_index_entry) == 16, "ABI");

/* `stream`: the producer's epoch above, its state below. */
static inline uint64_t stream_word(uint64_t epoch, enum shmring_stream_state state)
{
	return epoch << 8 | (uint64_t)state;
}
static inline uint64_t stream_epoch(uint64_t word) { return word >> 8; }
static inline unsigned int stream_state(uint64_t word) { return (unsigned int)(word & 0xff); }

struct layout_data {
	struct layout_header header;
	/* Written with every record. */
	alignas(LAYOUT_PAGE) shared_u64 head; /* the next record's position */
	/* Written once in many records. */
	alignas(LAYOUT_LINE) shared_u64 floor; /* everything from here to head is intact */
	shared_u64 want;   /* about to become the floor */
	shared_u64 need;   /* a sleeping producer: until every gating tail is there; 0: not so */
	shared_u64 stream; /* stream_word() */
	/* where the floor was to go, and could not, when room was last made; 0: it could */
	shared_u64 full;
	/* Written once per producer. */
	alignas(LAYOUT_LINE) shared_u64 producer_since_ns;
	shared_u32 producer_pid;
	/* Written to wake a subscription; its consumers wait on it with a futex. */
	alignas(LAYOUT_LINE) shared_u32 bell[SHMRING_SUBSCRIPTIONS];
	/* Written as the producer starts the first record in a block. */
	alignas(LAYOUT_PAGE) struct layout_index_entry index[INDEX_ENTRIES];
};
_Static_assert(offsetof(struct layout_data, head) == 4096, "ABI");
_Static_assert(offsetof(struct layout_data, floor) == 4224, "ABI");
_Static_assert(offsetof(struct layout_data, stream) == 4248, "ABI");
_Static_assert(offsetof(struct layout_data, producer_since_ns) == 4352, "ABI");
_Static_assert(offsetof(struct layout_data, bell) == 4480, "ABI");
_Static_assert(offsetof(struct layout_data, index) == 8192, "ABI");
_Static_assert(sizeof(struct layout_data) == 16384, "ABI");

/* ---- Control object: written by consumers, and by the producer where it must ----------------- */

/*
 * A subscription's state word, changed by compare-and-swap alone: a generation that counts up with
 * every new holder of the slot, whether it is durable, its policy, and the state.
 *
 *   FREE --join--> JOINING --gate holds--> ACTIVE --leave, or found dead--> FREE
 *                     ^---------seek---------'  |
 *                     '--rejoin-- EVICTED <-----' deadline, operator, damaged cursor, found dead
 *
 * JOINING gates at its tail, or, where that is below the floor, at the floor: it is on the move,
 * and nothing that it held before is given up meanwhile. Its tail is never judged, but a deadline
 * holds for it too.
 *
 * DURABLE is set when all of joining is done. Who has it set is not freed for being without a
 * living member.
 */
enum slot_state {
	SLOT_FREE = 0,
	SLOT_JOINING = 1,
	SLOT_ACTIVE = 2,
	SLOT_EVICTED = 3,
};
#define SLOT_DURABLE ((uint64_t)1 << 16)
#define SLOT_SHARED ((uint64_t)1 << 17)
#define SLOT_FLAGS (SLOT_DURABLE | SLOT_SHARED)
static inline uint64_t slot_word(uint32_t generation, unsigned int policy, enum slot_state state)
{
	return (uint64_t)generation << 32 | (uint64_t)policy << 8 | (uint64_t)state;
}
static inline uint32_t slot_generation(uint64_t word) { return (uint32_t)(word >> 32); }
static inline unsigned int slot_policy(uint64_t word) { return (unsigned int)(word >> 8) & 0xff; }
static inline unsigned int slot_state(uint64_t word) { return (unsigned int)word & 0xff; }
static inline bool slot_durable(uint64_t word) { return (word & SLOT_DURABLE) != 0; }
static inline bool slot_shared(uint64_t word) { return (word & SLOT_SHARED) != 0; }

#define TAIL_NONE UINT64_MAX /* a newcomer's, before it asks for a gate */

/* A record start, and the sequence number of the record that is, or will be, there. */
struct layout_mark {
	shared_u64 position;
	shared_u64 sequence;
};

/*
 * A durable subscription's consumer marks where it moves its tail to before it does: in one mark
 * and the other by turns, so that one that agrees with the tail is always whole.
 * A group marks where it begins, and what a member that leaves knew alone.
 */
struct layout_tail {
	/* Everything below has been released, or, in a group, claimed. */
	alignas(LAYOUT_LINE) shared_u64 tail;
	struct layout_mark mark[2];
};
_Static_assert(sizeof(struct layout_mark) == 16, "ABI");
_Static_assert(sizeof(struct layout_tail) == LAYOUT_LINE, "ABI");

struct layout_subscription {
	/* Ends with a zero byte. */
	alignas(LAYOUT_LINE) char name[SHMRING_SUBSCRIPTION_NAME_MAX + 1];
	shared_u64 since_ns;
	shared_u64 deadline_ns;    /* of SHMRING_DEADLINE */
	uint64_t reserved[8];
};

/* A member's word: a generation, the subscription it belongs to, and 1 while the slot is taken. */
static inline uint64_t member_word(uint32_t generation, unsigned int subscription,
				   unsigned int taken)
{
	return (uint64_t)generation << 32 | (uint64_t)subscription << 8 | taken;
}
static inline uint32_t member_generation(uint64_t word) { return (uint32_t)(word >> 32); }
static inline unsigned int member_subscription(uint64_t word)
{
	return (unsigned int)(word >> 8) & 0xffff;
}
static inline unsigned int member_taken(uint64_t word) { return (unsigned int)word & 1; }

/*
 * A member of a group claims records by noting here what it is about to take, and then moving the
 * subscription's tail there by compare-and-swap. From `hold` to `end` is in its hands from then on,
 * and holds the producer back, until `hold` is HOLD_NONE; also after its death, until a living
 * member has delivered it again.
 *
 * Positions and their sequence numbers stand here in pairs, also of claims long done: so somebody
 * always knows the number that belongs to the tail, even when the record there is gone.
 */
struct layout_member {
	alignas(LAYOUT_LINE) shared_u64 word; /* member_word() */
	shared_u64 hold;                      /* start of the claim in progress, or HOLD_NONE */
	shared_u64 hold_sequence;
	shared_u64 end;                       /* its end, or that of the last one */
	shared_u64 end_sequence;
	shared_u64 since_ns;                  /* joined */
	shared_u64 claimed_ns;                /* when the claim was made, for people */
	shared_u32 pid;                       /* for people */
};
#define HOLD_NONE UINT64_MAX

struct layout_control {
	struct layout_header header;
	alignas(LAYOUT_PAGE) shared_u64 joins;     /* everything that makes or lowers a gate */
	shared_u32 lines; /* of member[] from the first on: no other one was ever taken */
	alignas(LAYOUT_LINE) shared_u64 sleepers;  /* a bit per subscription that sleeps */
	alignas(LAYOUT_LINE) shared_u32 room_bell; /* the producer waits on it with a futex */
	alignas(LAYOUT_LINE) shared_u64 state[SHMRING_SUBSCRIPTIONS]; /* slot_word() */
	alignas(LAYOUT_PAGE) struct layout_tail tail[SHMRING_SUBSCRIPTIONS];
	struct layout_subscription subscription[SHMRING_SUBSCRIPTIONS];
	struct layout_member member[SHMRING_MEMBERS];
};
_Static_assert(SHMRING_SUBSCRIPTIONS <= 64, "a bit each in `sleepers`");
_Static_assert(sizeof(struct layout_subscription) == 128, "ABI");
_Static_assert(sizeof(struct layout_member) == 128, "ABI");
_Static_assert(offsetof(struct layout_control, joins) == 4096, "ABI");
_Static_assert(offsetof(struct layout_control, lines) == 4104, "ABI");
_Static_assert(offsetof(struct layout_control, sleepers) == 4224, "ABI");
_Static_assert(offsetof(struct layout_control, room_bell) == 4352, "ABI");
_Static_assert(offsetof(struct layout_control, state) == 4480, "ABI");
_Static_assert(offsetof(struct layout_control, tail) == 8192, "ABI");
_Static_assert(offsetof(struct layout_control, subscription) == 16384, "ABI");
_Static_assert(offsetof(struct layout_control, member) == 24576, "ABI");
_Static_assert(sizeof(struct layout_control) == 57344, "ABI");
_Static_assert(sizeof(struct layout_data) + sizeof(struct layout_control) <= 96 * 1024,
	       "promised to users");

/*
 * Bytes of the control object that are locked with F_OFD_SETLK, each by at most one open
 * description. A lock is the only proof of life.
 */
#define LOCK_PRODUCER 0u                      /* by the producer, as long as it lives */
#define LOCK_TABLE 1u                         /* while joining, leaving and freeing */
#define LOCK_NAMES 2u                         /* while the objects' names are made or removed */
/* By a member, as long as it lives; then by whoever delivers again what it held. */
#define LOCK_MEMBER(member) (16u + (member))

#endif
