/* SPDX-License-Identifier: MIT */
/*
 * publish.pml - records appear whole and in order, whenever their producer is killed.
 *
 * Mirrors lib/producer.c (index_position, commit, publish, publish_batch, producer_place),
 * lib/producer_open.c (take_over, stream_store), lib/walk.c (walk_end, walk_sequence), lib/index.c,
 * lib/consumer.c (shmring_read, read_slowly, consumer_ended, shmring_release, resume).
 *
 * One producer, which is killed before any of its stores up to KILLS times, also while it takes
 * over; its successor comes at once. A RELIABLE reader from the first record on, and a LOSSY one
 * that joins at the oldest or the newest record at any moment. Records are published one by one or
 * in batches of two, and lap the ring.
 *
 * Abstracted: a cell is a word of 8 bytes; a record is a header word, a sequence number, and, if
 * its stride is 3, one word of payload, which looks like a header word. The ring starts full of
 * such words, as after many laps. Stores reach the others in program order, as [PUBLISH], [ZERO],
 * [HEAD] and [FLOOR] have it: the mutants are the other orders. The RELIABLE reader's gate is its
 * tail, without the protocol for joining, which is in gate.pml. No sleeping, no times.
 *
 * Checked: whatever is read was published there, with that number and content, all of a batch at
 * once; nothing is missed; a successor counts on exactly; at the end of a stream, and of a dead
 * producer's records, all of them were read.
 */
#ifndef CAPACITY
#define CAPACITY 8 /* in words; a batch is at most half of it */
#endif
#ifndef BLOCK
#define BLOCK 2
#endif
#ifndef END
#define END 11 /* the stream is closed when it is that long */
#endif
#ifndef KILLS
#define KILLS 2
#endif
#define RECORDS (END / 2 + 2)
#define ENTRIES (2 * CAPACITY / BLOCK)
#define NONE 255
#ifdef LOSSY
#define GATES false
#else
#define GATES true
#endif

#define VALID 128
#define HEADER(stride) (VALID | stride)
#define STRIDE(word) (word & 3)
#define SEQUENCE(number) (number << 2)
#define PAYLOAD(epoch) (VALID | 2 | (epoch << 2))

#define AT(position) cell[(position) % CAPACITY]
#define ENTRY(block) index[(block) % ENTRIES]
#define BLOCK_OF(position) ((position) / BLOCK)

/* The data object. */
byte cell[CAPACITY];
byte index[ENTRIES];
byte head, floor;
byte epoch;       /* `stream`: the epoch */
bool closed;      /* ... and the state */
/* The control object. */
byte tail;        /* the RELIABLE reader's */
bool started;
bool alive;       /* the producer's lock byte */

/* What was published, for the assertions. */
byte published;
byte published_end;
byte where[RECORDS];
byte what[RECORDS]; /* the payload word; 0: none */
byte died_at[KILLS + 2]; /* where the records ended when the producer of an epoch died */

byte kills = KILLS;

/* A store of the producer, before which it may be killed. */
#define STEP(store) atomic { if :: store :: kills > 0 -> kills--; goto died fi }

/* The first indexed record start at or above `from`, or `limit`. */
inline index_first_at(from, limit, found)
{
	block = BLOCK_OF(from);
	found = NONE;
	do
	:: from >= limit || block > BLOCK_OF(limit) -> break
	:: else ->
		found = ENTRY(block);
		if
		:: found != NONE && BLOCK_OF(found) == block && found >= from -> break
		:: else -> found = NONE; block++
		fi
	od;
	if
	:: found >= limit -> found = limit
	:: else
	fi;
	block = 0
}

/* The last indexed record start below `from`, or NONE. */
inline index_last_below(from, found)
{
	block = BLOCK_OF(from);
	tries = 0;
	do
	:: tries > CAPACITY / BLOCK -> found = NONE; break
	:: else ->
		found = ENTRY(block);
		if
		:: found != NONE && BLOCK_OF(found) == block && found < from -> break
		:: else -> found = NONE
		fi;
		if
		:: block == 0 -> break
		:: else -> block--; tries++
		fi
	od;
	block = 0;
	tries = 0
}

/* From `found`, an indexed start, up to `to`: the number of the record there; NONE: damaged. */
inline count_up_to(to, found, number)
{
	if
	:: found == NONE -> number = (to == 0 -> 0 : NONE)
	:: else ->
		place = found;
		do
		:: place < to ->
			word = AT(place);
			if
			:: word & VALID ->
				number = (AT(place + 1) >> 2) + 1;
				place = place + STRIDE(word)
			:: else -> number = NONE; break
			fi
		:: place > to -> number = NONE; break
		:: place == to -> break
		od
	fi;
	place = 0;
	word = 0
}

/* Ghost: the record `number` exists from now on. */
inline exists(at, stride, number)
{
	assert(number == published);
	where[number] = at;
	what[number] = (stride == 3 -> PAYLOAD(my_epoch) : 0);
	published++;
	published_end = at + stride
}

/* Room for a record that ends at `end`, and its index entry; producer_make_room(). */
inline make_room(from, end, limit)
{
	if
	:: end + 1 > floor + CAPACITY ->
		atomic {
			place = end + 1 - CAPACITY;
			index_first_at(place, limit, target);
			place = 0
		}
#ifndef NO_GATE
		tail >= target;
#endif
#ifndef FLOOR_LATE
		STEP(floor = target);
		target = 0
#endif
	:: else
	fi;
	if
	:: BLOCK_OF(from) >= next_block ->
		STEP(ENTRY(BLOCK_OF(from)) = from);
		next_block = BLOCK_OF(from) + 1
	:: else
	fi
}

/* All of a record but its header words. */
inline fill(from, stride, number)
{
	STEP(AT(from + 1) = SEQUENCE(number));
	if
	:: stride == 3 -> STEP(AT(from + 2) = PAYLOAD(my_epoch))
	:: else
	fi
#ifdef FLOOR_LATE
	if
	:: target > floor -> STEP(floor = target); target = 0
	:: else
	fi
#endif
}

active proctype producer()
{
	byte position, sequence, next_block, my_epoch;
	byte stride, target, place, block, tries, word;

	started;
born:
	/* take_over(): walk_end() before anything else. */
	atomic {
		alive = true;
		position = head;
#ifndef NO_WALK
		do
		:: AT(position) & VALID -> position = position + STRIDE(AT(position))
		:: else -> break
		od
#endif
	}
#ifndef INDEX_KEPT
	/* producer_place(): index_forget(). */
	do
	:: block < ENTRIES ->
		if
		:: index[block] != NONE && index[block] >= position -> STEP(index[block] = NONE)
		:: else
		fi;
		block++
	:: else -> block = 0; break
	od;
#endif
	atomic {
		place = ENTRY(BLOCK_OF(position));
		next_block = BLOCK_OF(position) + (place != NONE && BLOCK_OF(place) == BLOCK_OF(position) -> 1 : 0);
		index_last_below(position, target);
		count_up_to(position, target, sequence);
		target = 0;
		assert(sequence == published && position == published_end)
	}
	STEP(head = position);
	atomic { if :: epoch++; my_epoch = epoch :: kills > 0 -> kills--; goto died fi }

	do
	:: position >= END -> break
	:: position < END ->
		/* A single record. */
		if
		:: stride = 2
		:: stride = 3
		fi;
		make_room(position, position + stride, position);
		fill(position, stride, sequence);
#ifndef HEADER_BEFORE_ZERO
		STEP(AT(position + stride) = 0);
#endif
#ifdef HEAD_BEFORE_HEADER
		STEP(head = position + stride);
#endif
		STEP(AT(position) = HEADER(stride); exists(position, stride, sequence));
#ifdef HEADER_BEFORE_ZERO
		STEP(AT(position + stride) = 0);
#endif
#ifndef HEAD_BEFORE_HEADER
		STEP(head = position + stride);
#endif
		atomic { position = position + stride; sequence++; stride = 0 }
	:: position + 2 < END ->
		/* A batch of two records. */
		make_room(position, position + 2, position);
		fill(position, 2, sequence);
		make_room(position + 2, position + 4, position);
		fill(position + 2, 2, sequence + 1);
#ifdef FIRST_HEADER_FIRST
		STEP(AT(position) = HEADER(2); exists(position, 2, sequence); exists(position + 2, 2, sequence + 1));
#endif
		STEP(AT(position + 2) = HEADER(2));
		STEP(AT(position + 4) = 0);
#ifndef FIRST_HEADER_FIRST
		STEP(AT(position) = HEADER(2); exists(position, 2, sequence); exists(position + 2, 2, sequence + 1));
#endif
		STEP(head = position + 4);
		atomic { position = position + 4; sequence = sequence + 2 }
	od;
	STEP(closed = true);
	goto end;
died:
	atomic {
		died_at[epoch] = published_end;
		alive = false;
		position = 0; sequence = 0; next_block = 0; my_epoch = 0;
		stride = 0; target = 0; place = 0; block = 0; tries = 0; word = 0
	}
	goto born;
end:
	skip
}

/* Reads to the end of the stream. */
active proctype reader()
{
	byte cursor, expected, word, number, payload, target, place, block, tries;
	byte seen, dead_epoch;
	bool ended, ends;

	started;
#ifdef LOSSY
	/* find_ungated() with walk_sequence(). */
look:
	if
	:: cursor = head
	:: cursor = floor
	fi;
	tries = 0;
	ends = false;
	do
	:: word = AT(cursor);
		number = AT(cursor + 1);
		if
		:: floor > cursor -> goto look
		:: else
		fi;
		if
		:: word & VALID -> expected = number >> 2; break
		:: else
		fi;
		index_last_below(cursor, target);
		count_up_to(cursor, target, expected);
		if
		:: expected != NONE && (target == NONE || floor <= target) -> break
		:: else
		fi;
		if
		:: !ends -> ends = true
		:: else ->
			assert(expected != NONE || floor > cursor);
			goto look
		fi
	od;
	atomic {
		assert(expected <= published);
		assert(expected == published || where[expected] == cursor);
		assert(expected < published || cursor == published_end);
		word = 0; number = 0; target = 0; tries = 0; ends = false
	}
#endif

read:
	word = AT(cursor);
	if
	:: word & VALID ->
		number = AT(cursor + 1) >> 2;
		if
		:: number == expected -> goto deliver
		:: else
		fi
	:: else
	fi;
slowly:
	word = AT(cursor);
	number = AT(cursor + 1) >> 2;
	if
#ifdef NO_LAPPED_LOOK
	:: (word & VALID) && floor > cursor ->
#else
	:: floor > cursor ->
#endif
		assert(!GATES);
		place = head;
		target = floor + CAPACITY / 8;
		index_first_at(target, place, cursor);
		place = 0;
		target = 0;
		goto slowly
	:: else
	fi;
	if
	:: word & VALID ->
		/* The gap before it is reported. */
		assert(number >= expected && (!GATES || number == expected));
		goto deliver
	:: !(word & VALID) && ended -> goto told
	:: else
	fi;
	/* consumer_ended(): looks at the stream, and sometimes for its producer. */
	atomic { seen = epoch; ended = closed }
	if
	:: true
	:: !ended && !alive ->
		dead_epoch = seen;
		atomic { seen = epoch; ended = closed }
	fi;
	if
	:: ended || (dead_epoch != 0 && seen == dead_epoch) -> ended = true
	:: else -> goto again
	fi;
#ifndef NO_SECOND_LOOK
	goto slowly;
#endif
told:
	atomic {
		/* EPIPE or EOWNERDEAD: all that there was has been seen. */
		if
		:: dead_epoch != 0 && seen == dead_epoch ->
			assert(cursor >= died_at[dead_epoch]);
			dead_epoch = 0;
			goto again
		:: else ->
			assert(cursor == published_end && (!GATES || expected == published));
			goto end
		fi
	}
again:
	/* Looks again when there is anything to see. */
	atomic {
		ended = false; seen = 0; number = 0; word = 0;
		(AT(cursor) & VALID) || floor > cursor || closed || (!alive && dead_epoch != epoch)
	}
	goto read;

deliver:
	ended = false;
	if
	:: STRIDE(word) == 3 -> payload = AT(cursor + 2)
	:: else -> payload = 0
	fi;
	/* shmring_release(). */
	if
	:: floor > cursor ->
		assert(!GATES);
		place = head;
		target = floor + CAPACITY / 8;
		index_first_at(target, place, cursor);
		place = 0;
		target = 0
	:: else ->
		atomic {
			assert(number < published && where[number] == cursor && what[number] == payload);
			assert((STRIDE(word) == 3) == (what[number] != 0));
			cursor = cursor + STRIDE(word);
			expected = number + 1;
			tail = (GATES -> cursor : NONE)
		}
	fi;
	payload = 0;
	goto read;
end:
	skip
}

init {
	byte i;

	atomic {
		do
		:: i < CAPACITY -> cell[i] = HEADER(2); i++
		:: else -> break
		od;
		cell[0] = 0;
		i = 0;
		do
		:: i < ENTRIES -> index[i] = NONE; i++
		:: else -> break
		od;
		tail = (GATES -> 0 : NONE);
		started = true
	}
}
