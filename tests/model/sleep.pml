/* SPDX-License-Identifier: MIT */
/*
 * sleep.pml - nobody sleeps while what it waits for is there.
 *
 * Mirrors lib/producer.c (publish), lib/producer_open.c (stream_store, take_over),
 * lib/producer_wait.c (producer_arm, and what sleeps on it), lib/wait.c (wake_sleepers, futex_wait,
 * futex_wake), lib/consumer_wait.c (consumer_look, consumer_arm, consumer_disarm), lib/group.c
 * (claim, pass_on, group_woken, group_release), lib/consumer.c (shmring_release,
 * consumer_room_look) and subscription_leave.
 *
 * A producer, which publishes up to RECORDS records, and then closes the stream or does nothing
 * more; with CAPACITY it sleeps when there is no room. CONSUMERS with a subscription each, which
 * read what is there and sleep; LEAVERS of them leave instead. With SHARED they are the members
 * of one group. BUSY times a consumer is busy with something else until all others are asleep or
 * done. With ASLEEP they start in their sleep. PRODUCER_KILLS and KILLS (of consumers) happen at
 * any step, also in their sleep, or after they were woken and before they run; SUCCESSORS
 * producers come. TIMEOUTS waits end at any moment, as if their time were over.
 *
 * The kernel compares the word and puts to sleep in one step, as long as no wake is under way; a
 * wake takes any sleepers, as many as it may. Both system calls are full fences.
 *
 * Memory is weaker than TSO: each process has a buffer of DEPTH stores, which reach the others
 * any time later. A store with release arrives behind all before it; a relaxed one may overtake
 * them. A full fence waits until the buffer is empty, and so does a read-modify-write with
 * release; one that is relaxed, of a sleeper's bit, goes through the buffer. (On x86, and with
 * LOCKED, it does not, and fences.) A process that is killed loses none of its stores. With
 * MEMBARRIER it is the sleeper that empties the producer's buffer, which has no fence. Reading
 * is in order: each load that matters is an acquire, or behind a fence; the mutants that read
 * late are what comes of less.
 *
 * Abstracted: a record is a position, its header word and head are one store; all records are of
 * one size. What a consumer looks at before it sets its bit is one step: it looks again.
 * Whatever a dead member holds is delivered again in one step, by whoever looks. Each record is
 * alone in its block: a consumer looks whether the producer waits whenever it releases. `need`
 * may be SHARE records more than needed.
 *
 * Checked: everybody comes to an end, although nobody's time is over but for the TIMEOUTS: a
 * wait that only ends by that, with something there, is a lost wake-up; nor does anybody sleep
 * with something there until one who is busy looks again. Only after a kill may the bounded wait
 * end, when there is nothing else to do: then no sleeper of a group finds a record if it was one
 * member that was killed, for two were woken; otherwise nobody finds something there more often
 * than somebody was killed.
 */
#ifndef RECORDS
#define RECORDS 2
#endif
#ifndef CAPACITY
#define CAPACITY RECORDS /* always room */
#endif
#ifndef SHARE
#define SHARE 0
#endif
#ifndef CONSUMERS
#define CONSUMERS 1
#endif
#ifndef LEAVERS
#define LEAVERS 0
#endif
#ifndef KILLS
#define KILLS 0
#endif
#ifndef PRODUCER_KILLS
#define PRODUCER_KILLS 0
#endif
#ifndef SUCCESSORS
#define SUCCESSORS 0
#endif
#ifndef BUSY
#define BUSY 0
#endif
#ifndef TIMEOUTS
#define TIMEOUTS 0
#endif
#ifndef DEPTH
#define DEPTH 2
#endif
#define NONE 255

#ifdef SHARED
#define PLACE(me) 0
#define NEXT(me) tail[0]
#define WAKES (everyone -> CONSUMERS : GROUP_WAKES)
#ifdef ONE_WAKE
#define GROUP_WAKES 1
#else
#define GROUP_WAKES 2
#endif
#else
#define PLACE(me) ((me) - 1)
#define NEXT(me) cursor
#define WAKES 1 /* nobody else sleeps there */
#endif
#define BIT(place) (1 << (place))

/* The data object. `stream`: the epoch above, and 1 if it is closed. */
byte head, stream = 2, need;
/* The control object. */
byte sleepers;
byte tail[CONSUMERS];
byte hold[CONSUMERS + 1] = NONE;

/* The kernel: where each process sleeps, 0: it does not. 0 is the producer, then the consumers. */
#define ROOM 1
#define BELL(place) (2 + (place))
byte asleep[CONSUMERS + 1];
/* Bells count further than anybody does: which one has a process read that has not rung since? */
byte quiet[CONSUMERS + 1];
bool started;
bool alive = true;            /* the producer's lock byte */
bool gone[CONSUMERS + 1];     /* no lock byte any more */
bool dead[CONSUMERS + 1];     /* gone, and has not left */
bool idle;                    /* the producer will do nothing more, but has not closed */

byte kills = KILLS, producer_kills = PRODUCER_KILLS, successors = SUCCESSORS, timeouts = TIMEOUTS;
byte leavers = LEAVERS, busy = BUSY;
#define KILLED (KILLS - kills)
#define PRODUCERS_KILLED (PRODUCER_KILLS - producer_kills)

#include "sleep_kernel.pml"

/* ---- The producer ---------------------------------------------------------------------------- */

/* wake_sleepers(); `everyone`, also all of a group. */
inline wake_place(place)
{
	if
	:: woken & BIT(place) ->
#ifndef BIT_CLEARED_AFTER_BELL
		PUBLIC(DRAINED(0) -> sleepers = sleepers & ~BIT(place));
#endif
#ifdef BELL_AFTER_WAKE
		PUBLIC(DRAINED(0) -> wake(BELL(place), WAKES));
		PUBLIC(ring(BELL(place)))
#else
		PUBLIC(DRAINED(0) -> ring(BELL(place)));
#ifdef BIT_CLEARED_AFTER_BELL
		PUBLIC(sleepers = sleepers & ~BIT(place));
#endif
		PUBLIC(DRAINED(0) -> wake(BELL(place), WAKES))
#endif
	:: else
	fi
}

inline wake_sleepers(all)
{
	everyone = all;
#if defined(SHARED) && !defined(BITS_AT_THE_END)
	/* Of a group that was rung for before, some may sleep without a bit. */
	PUBLIC(woken = (all -> BIT(0) : sleepers));
#else
	PUBLIC(woken = sleepers);
#endif
	wake_place(0);
#if CONSUMERS > 1 && !defined(SHARED)
	wake_place(1);
#endif
	woken = 0;
	everyone = false
}

/* Each gate, read by itself; a group's tail first, and then its members' holds. */
#define OPEN(value) ((value) + CAPACITY > position)
#define HOLD_OPEN(me) (OPEN(hold[me]) || hold[me] + CAPACITY < position)
#define SCAN(gate) if :: !stuck && !(gate) -> stuck = true :: else fi
#define GATE_OPEN(me) (gone[me] || OPEN(tail[PLACE(me)]))

inline look_for_room()
{
	stuck = false;
#ifdef SHARED
	SCAN(OPEN(tail[0]));
	SCAN(HOLD_OPEN(1))
#if CONSUMERS > 1
	; SCAN(HOLD_OPEN(2))
#endif
#if CONSUMERS > 2
	; SCAN(HOLD_OPEN(3))
#endif
#else
	SCAN(GATE_OPEN(1))
#if CONSUMERS > 1
	; SCAN(GATE_OPEN(2))
#endif
#if CONSUMERS > 2
	; SCAN(GATE_OPEN(3))
#endif
#endif
}

/* producer_arm() */
inline producer_arm()
{
	do
	::
#ifdef ROOM_BELL_AFTER_NEED
		PUBLIC(buffer[0]!NEED(0, position + 1 - CAPACITY + SHARE));
		quiet[0] = ROOM;
#else
#ifndef ROOM_BELL_AFTER_TAILS
		quiet[0] = ROOM;
#endif
		PUBLIC(buffer[0]!NEED(0, position + 1 - CAPACITY + SHARE));
#endif
#ifndef NO_ROOM_FENCE_BY_PRODUCER
		DRAINED(0);
#endif
#ifndef NO_LOOK_AFTER_NEED
		look_for_room();
#endif
#ifdef ROOM_BELL_AFTER_TAILS
		quiet[0] = ROOM;
#endif
		if
		:: stuck -> PUBLIC(WAIT(0, ROOM))
		:: else -> break
		fi;
		atomic {
			if
			:: asleep[0] == 0
			:: asleep[0] != 0 && timeouts > 0 -> timeouts--; asleep[0] = 0
			:: asleep[0] != 0 && producer_kills > 0 -> producer_kills--; goto died
			:: timeout && asleep[0] != 0 && KILLED > 0 ->
				asleep[0] = 0;
				look_for_room();
				late = (stuck -> late : late + 1);
				assert(late <= KILLED)
			fi
		};
#ifdef NO_LOOK_AFTER_NEED
		look_for_room()
#endif
	od;
	quiet[0] = 0;
	PUBLIC(buffer[0]!NEED_NOTHING(0, 0))
}

active proctype producer()
{
	byte position, woken, left, late;
	bool everyone, stuck;

	started;
	goto open;
born:
	/* take_over() */
	atomic { alive = true; position = head }
	PUBLIC(buffer[0]!NEED_NOTHING(0, 0));
	PUBLIC(buffer[0]!STREAM(0, stream + 2));
	DRAINED(0);
	wake_sleepers(true);
open:
	do
	:: position < RECORDS ->
		look_for_room();
		if
		:: stuck -> producer_arm()
		:: else
		fi;
		PUBLIC(buffer[0]!HEAD(0, position + 1); position++);
#ifndef NO_FENCE_BY_PRODUCER
		DRAINED(0);
#endif
		wake_sleepers(false)
	:: true -> break
	od;
	if
	:: atomic { DRAINED(0) -> idle = true }
	:: /* stream_store() */
		PUBLIC(buffer[0]!STREAM(0, stream + 1));
#ifndef NO_FENCE_AT_THE_END
		DRAINED(0);
#endif
#ifdef TWO_AT_THE_END
		wake_sleepers(false);
#else
		wake_sleepers(true);
#endif
		DRAINED(0)
	fi;
	goto end;
died:
	atomic {
		DRAINED(0);
		alive = false;
		asleep[0] = 0;
		quiet[0] = 0;
		position = 0; woken = 0; left = 0; everyone = false; stuck = false
	}
	if
	:: atomic { successors > 0 -> successors-- }; goto born
	:: true
	fi;
end:
	skip
}

/* ---- Consumers ------------------------------------------------------------------------------- */

#define THERE (head > NEXT(me))

/* Is anybody asleep with something there? */
#ifdef SHARED
#if CONSUMERS > 2
#define MEMBER_SLEEPS (asleep[1] + asleep[2] + asleep[3] != 0)
#else
#define MEMBER_SLEEPS (asleep[1] + asleep[2] != 0)
#endif
#define OVERSLEEPS \
	((THERE && MEMBER_SLEEPS) || (asleep[0] != 0 && tail[0] >= need && hold[1] >= need && \
				      hold[2] >= need && hold[CONSUMERS] >= need))
#else
#define OVERSLEEPS (asleep[0] != 0 && tail[0] >= need && tail[CONSUMERS - 1] >= need)
#endif

/* What a sleeper looks at after its fence. */
#if defined(NO_SECOND_LOOK)
#define LOOK_AGAIN (stream != seen_stream)
#elif defined(NO_LOOK_AT_STREAM)
#define LOOK_AGAIN THERE
#else
#define LOOK_AGAIN (THERE || stream != seen_stream)
#endif

/* consumer_room_look() */
inline room_look()
{
#if CAPACITY < RECORDS
#ifndef NO_ROOM_FENCE_BY_CONSUMER
	STEP(DRAINED(me) -> seen_need = need);
#else
	STEP(seen_need = need);
#endif
	if
#ifdef SHARED
	:: seen_need != 0 ->
#else
	:: seen_need != 0 && cursor >= seen_need ->
#endif
		ring_room()
	:: else
	fi;
	seen_need = 0
#else
	skip
#endif
}

/* subscription_ring_room() */
inline ring_room()
{
#ifdef ROOM_BELL_AFTER_WAKE
	STEP(DRAINED(me) -> wake(ROOM, 1));
	STEP(ring(ROOM))
#else
	STEP(DRAINED(me) -> ring(ROOM));
	STEP(DRAINED(me) -> wake(ROOM, 1))
#endif
}

inline set_bit()
{
#ifdef LOCKED
	STEP(DRAINED(me) -> sleepers = sleepers | BIT(PLACE(me)))
#else
	STEP(buffer[me]!SLEEPERS(PLACE(me), 1))
#endif
}

/* Reads and releases the next record, if it is there and nobody else was faster. */
inline take()
{
#ifdef SHARED
#if CAPACITY < RECORDS
	STEP(buffer[me]!HOLD(me, at));
#endif
	atomic {
		if
		:: DRAINED(me) ->
			mine = (tail[0] == at);
			tail[0] = (mine -> at + 1 : tail[0]);
			at = 0
		:: kills > 0 -> kills--; goto died
		fi
	}
	/* pass_on() */
	if
	:: mine && passes_on ->
		passes_on = false;
#ifndef NOT_PASSED_ON
		if
		:: THERE -> STEP(DRAINED(me) -> wake(BELL(0), 1))
		:: else
		fi
#endif
	:: else
	fi;
#if CAPACITY < RECORDS
	STEP(buffer[me]!HOLD(me, NONE));
#ifdef NO_LOOK_AFTER_LOST_CLAIM
	if
	:: mine -> room_look()
	:: else
	fi;
#else
	room_look();
#endif
#endif
	mine = false
#else
#if CAPACITY < RECORDS
	STEP(buffer[me]!TAIL(PLACE(me), cursor + 1); cursor++; at = 0);
#else
	atomic { cursor++; at = 0 }
#endif
	room_look()
#endif
}

/* group_take_over(): what the dead hold. */
#define LEFT(other) (dead[other] && hold[other] != NONE && (other) != me)
inline take_over(other)
{
#if defined(SHARED) && CAPACITY < RECORDS
	if
	:: LEFT(other) ->
		ended = false;
		STEP(DRAINED(me) -> hold[other] = NONE);
		room_look();
		goto read
	:: else
	fi
#else
	skip
#endif
}

inline after_sleep()
{
#ifdef SHARED
	if
	:: waked ->
		/* group_woken() */
#ifndef WOKEN_SETS_NO_BIT
		set_bit();
#endif
#ifndef NO_FENCE_BY_WOKEN
		STEP(SLEEPERS_FENCE(me) -> passes_on = true)
#else
		passes_on = true
#endif
	:: else
	fi
#endif
#if !defined(SHARED) || defined(MEMBER_CLEARS_BIT)
	if
	:: sleepers & BIT(PLACE(me)) -> STEP(buffer[me]!SLEEPERS(PLACE(me), 0))
	:: else
	fi
#endif
}

proctype consumer(byte me)
{
	byte cursor, seen_stream, at, seen_need, left, late;
	bool waked, passes_on, mine, due, ended;

#ifdef ASLEEP
	goto asleep_at_first;
#endif
read:
	do
	:: atomic { THERE -> at = NEXT(me) }; take()
#if BUSY > 0
	/* It has something else to do, as long as anything happens. Who was woken looks first. */
	:: atomic { busy > 0 && !(passes_on && THERE) -> busy-- };
		atomic { timeout -> assert(!OVERSLEEPS) }
#endif
#if LEAVERS > 0
	:: atomic { leavers > 0 -> leavers-- };
		/* subscription_leave() */
		STEP(DRAINED(me) -> gone[me] = true);
#ifndef LEAVES_SILENTLY
		ring_room();
#endif
		goto left_alone
#endif
	/* consumer_look() */
	:: !THERE ->
		take_over(1);
#if CONSUMERS > 1
		take_over(2);
#endif
#if CONSUMERS > 2
		take_over(3);
#endif
		room_look();
		atomic {
			seen_stream = stream;
			ended = (seen_stream & 1) || (due && !alive);
			due = false;
#ifndef BELL_READ_AFTER_BIT
			quiet[me] = BELL(PLACE(me))
#endif
		}
		if
		:: ended && !THERE -> break
		:: ended && THERE -> atomic { ended = false; seen_stream = 0; quiet[me] = 0; goto read }
		:: else
		fi;
		set_bit();
#ifdef BELL_READ_AFTER_BIT
		quiet[me] = BELL(PLACE(me));
#endif
#ifndef NO_FENCE_BY_SLEEPER
		SLEEPERS_FENCE(me);
#endif
		atomic {
			if
			:: LOOK_AGAIN -> quiet[me] = 0; seen_stream = 0; goto awake
			:: else -> seen_stream = 0
			fi
		}
		STEP(WAIT(me, BELL(PLACE(me))));
asleep_at_first:
		atomic {
			if
			:: asleep[me] == 0 -> waked = true
			:: asleep[me] != 0 && timeouts > 0 -> timeouts--; asleep[me] = 0; due = true
			:: asleep[me] != 0 && kills > 0 -> kills--; goto died
			:: asleep[me] != 0 && idle && !THERE -> goto left_alone
			:: timeout && asleep[me] != 0 && KILLED + PRODUCERS_KILLED > 0 ->
				asleep[me] = 0;
				due = true;
				late = (THERE -> late + 1 : late);
				/* Two of a group were woken: one is left. */
				assert(late <= PRODUCERS_KILLED)
			fi
		}
awake:
		after_sleep();
		waked = false
	od;
left_alone:
	atomic { DRAINED(me) -> dead[me] = false; goto quit };
died:
	atomic { DRAINED(me) -> dead[me] = true };
quit:
	atomic {
		asleep[me] = 0;
		quiet[me] = 0;
		gone[me] = true;
		cursor = 0; seen_stream = 0; at = 0; seen_need = 0; late = 0;
		waked = false; passes_on = false; mine = false; due = false; ended = false
	}
}

init {
	atomic {
#ifdef ASLEEP
		sleepers = BIT(PLACE(CONSUMERS));
		asleep[1] = BELL(PLACE(1));
		asleep[2] = BELL(PLACE(2));
#if CONSUMERS > 2
		asleep[3] = BELL(PLACE(3));
#endif
		asleep[CONSUMERS] = BELL(PLACE(CONSUMERS));
#endif
		run consumer(1)
#if CONSUMERS > 1
		; run consumer(2)
#endif
#if CONSUMERS > 2
		; run consumer(3)
#endif
		; started = true
	}
}
