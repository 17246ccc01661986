/* SPDX-License-Identifier: MIT */
/*
 * events.pml - who waits for several rings, or by an eventfd, misses no record.
 *
 * One reader of RINGS rings, each with a producer of up to RECORDS records, which does as in
 * sleep.pml: lib/producer.c (publish), lib/wait.c (wake_sleepers). KILLS producers are killed at any
 * step; TIMEOUTS waits of the reader end at any moment.
 *
 * With POLLER the reader arms all rings and sleeps on all bells at once (futex_waitv). The kernel
 * queues it for one word after the other, and compares each as it does; one that differs, or a wake
 * on a word for which it is queued already, ends it.
 *
 * With HELPER a thread sleeps on all bells all the time, and remembers what it has seen of each. One
 * that has changed: it notes that, and if that ring's reader is armed, disarms it and writes its
 * eventfd. The reader, when the eventfd is readable, resets it, reads all that is there, arms the
 * ring and looks once more. When the helper's bounded wait is over, it writes for all who are armed.
 *
 * Memory is as in sleep.pml: each process has a buffer of DEPTH stores, what is relaxed may overtake
 * what was stored before it elsewhere; a full fence waits until the buffer is empty. The reader's
 * flag and the helper's exchange are of one process, and behave no better. A bit that is set behind
 * that flag needs release. What the end of a stream does is what a record does.
 *
 * Checked: the reader comes to an end, although nobody's time is over but for the TIMEOUTS; only if
 * a producer was killed may the bounded wait end, when there is nothing else to do, and no more often
 * than that with something there.
 */
#ifndef RINGS
#define RINGS 1
#endif
#ifndef RECORDS
#define RECORDS 2
#endif
#ifndef KILLS
#define KILLS 0
#endif
#ifndef TIMEOUTS
#define TIMEOUTS 0
#endif
#ifndef DEPTH
#define DEPTH 3
#endif
#define READER RINGS /* its number, behind the producers' */

/* Of each ring. */
byte head[RINGS];
bool sleepers[RINGS];
bool idle[RINGS];      /* its producer will do nothing more, or is dead */
/* Bells count further than anybody does: has the reader, or its helper, seen the last ring? */
bool seen[RINGS];
bool queued[RINGS];    /* for its bell, in the kernel */

/* The reader's own. */
byte cursor[RINGS];
bool armed[RINGS];
bool eventfd[RINGS];   /* readable */

byte kills = KILLS, timeouts = TIMEOUTS;

/* Stores on their way to memory. */
mtype = { HEAD, SLEEPERS, ARMED };
chan buffer[RINGS + 1] = [DEPTH] of { mtype, byte, byte };
#define DRAINED(me) (len(buffer[me]) == 0)

#define THERE(ring) (head[ring] > cursor[ring])
#if RINGS > 1
#define ANY(is) (is(0) || is(1))
#define FOR_ALL(do_it) do_it(0); do_it(1)
#else
#define ANY(is) is(0)
#define FOR_ALL(do_it) do_it(0)
#endif
#define BUSY(ring) (THERE(ring) || !idle[ring])
#define DONE (!ANY(BUSY))

inline arrive(me)
{
	atomic {
		if
		:: buffer[me]?where,ring,value
#if defined(POLLER) || defined(RELAXED_BIT)
		:: buffer[me]??SLEEPERS,ring,value -> where = SLEEPERS
#endif
		fi;
		if
		:: where == HEAD -> head[ring] = value
		:: where == SLEEPERS -> sleepers[ring] = value
		:: where == ARMED -> armed[ring] = value
		fi;
		where = 0;
		ring = 0;
		value = 0
	}
}

active proctype memory()
{
	mtype where;
	byte ring, value;

end:	do
	:: arrive(0)
	:: arrive(1)
#if RINGS > 1
	:: arrive(2)
#endif
	od
}

/* ---- Producers ------------------------------------------------------------------------------- */

#define STEP(step) atomic { if :: step :: kills > 0 -> kills--; goto died fi }

proctype producer(byte me)
{
	byte position;

	do
	:: position < RECORDS ->
		STEP(buffer[me]!HEAD(me, position + 1); position++);
#ifndef NO_FENCE_BY_PRODUCER
		DRAINED(me);
#endif
		if
		:: sleepers[me] ->
#ifndef BIT_CLEARED_AFTER_BELL
			STEP(DRAINED(me) -> sleepers[me] = false);
#endif
#ifndef BELL_AFTER_WAKE
			STEP(DRAINED(me) -> seen[me] = false);
#endif
#ifdef BIT_CLEARED_AFTER_BELL
			STEP(sleepers[me] = false);
#endif
			STEP(DRAINED(me) -> queued[me] = false);
#ifdef BELL_AFTER_WAKE
			STEP(seen[me] = false)
#endif
		:: !sleepers[me]
		fi
	:: true -> break
	od;
died:
	atomic { DRAINED(me) -> position = 0; idle[me] = true }
}

/* ---- The reader, which waits by a poller ----------------------------------------------------- */

#define SET_BIT(ring) buffer[READER]!SLEEPERS(ring, true)
#define CLEAR_BIT(ring) \
	if \
	:: sleepers[ring] -> buffer[READER]!SLEEPERS(ring, false) \
	:: !sleepers[ring] \
	fi
#define READ_BELL(ring) seen[ring] = true

#ifdef POLLER
#if defined(BELL_READ_AFTER_BIT)
#define ARM(ring) SET_BIT(ring); READ_BELL(ring)
#elif defined(BELL_READ_AFTER_LOOK)
#define ARM(ring) SET_BIT(ring)
#else
#define ARM(ring) READ_BELL(ring); SET_BIT(ring)
#endif
#ifdef LOOKS_AT_THE_LAST
#define LOOK THERE(RINGS - 1)
#else
#define LOOK ANY(THERE)
#endif
#define QUEUE(ring) \
	atomic { \
		if \
		:: DRAINED(READER) && seen[ring] -> queued[ring] = true \
		:: DRAINED(READER) && !seen[ring] -> goto awake \
		fi \
	}
#define WOKEN(ring) !queued[ring]
#define FORGET(ring) queued[ring] = false; seen[ring] = false

active proctype reader()
{
	byte late;

	do
	:: THERE(0) -> cursor[0]++
#if RINGS > 1
	:: THERE(1) -> cursor[1]++
#endif
	:: DONE -> break
	:: !ANY(THERE) ->
		FOR_ALL(ARM);
#ifndef NO_FENCE_BY_READER
		DRAINED(READER);
#endif
#ifndef NO_SECOND_LOOK
		if
		:: LOOK -> goto awake
		:: else
		fi;
#endif
#ifdef BELL_READ_AFTER_LOOK
		FOR_ALL(READ_BELL);
#endif
		FOR_ALL(QUEUE);
		atomic {
			if
			:: ANY(WOKEN)
			:: timeouts > 0 -> timeouts--
			:: DONE
			:: timeout && kills < KILLS ->
				late = (ANY(THERE) -> late + 1 : late);
				assert(late <= KILLS - kills)
			fi
		}
awake:
		atomic { FOR_ALL(FORGET) };
		FOR_ALL(CLEAR_BIT)
	od
}
#endif

/* ---- The reader, which waits by eventfds, and its helper -------------------------------------- */

#ifdef HELPER
#if defined(ARMED_AFTER_BIT)
#define ARM(ring) SET_BIT(ring); buffer[READER]!ARMED(ring, true)
#else
#define ARM(ring) buffer[READER]!ARMED(ring, true); SET_BIT(ring)
#endif
/* By exchange. What the helper writes now comes too late, and does no harm. */
#define DISARM(ring) atomic { DRAINED(READER) -> armed[ring] = false }; CLEAR_BIT(ring)

inline read_and_arm(ring)
{
	do
	:: THERE(ring) -> cursor[ring]++
	:: !THERE(ring) ->
		ARM(ring);
#ifndef NO_FENCE_BY_READER
		DRAINED(READER);
#endif
#ifndef NO_SECOND_LOOK
		if
		:: THERE(ring) -> DISARM(ring)
		:: else -> break
		fi
#else
		break
#endif
	od
}

inline on_event(ring)
{
#ifdef RESETS_AFTER_READING
	read_and_arm(ring);
	eventfd[ring] = false
#else
	eventfd[ring] = false;
	read_and_arm(ring)
#endif
}

active proctype reader()
{
	FOR_ALL(read_and_arm);
	do
	:: eventfd[0] -> on_event(0)
#if RINGS > 1
	:: eventfd[1] -> on_event(1)
#endif
	/* The application's own affairs: it looks without having been told. */
	:: atomic { timeouts > 0 -> timeouts-- }; DISARM(0); read_and_arm(0)
	:: DONE -> break
	od
}

/* bell != seen: then seen = bell, and the exchange. */
#define FIRE(ring) \
	atomic { was = armed[ring]; armed[ring] = false }; \
	if \
	:: was -> atomic { eventfd[ring] = true; was = false } \
	:: !was \
	fi
#ifdef SEEN_AFTER_FIRING
#define HEAR(ring) if :: !seen[ring] -> FIRE(ring); seen[ring] = true :: seen[ring] fi
#else
#define HEAR(ring) if :: atomic { !seen[ring] -> seen[ring] = true }; FIRE(ring) :: seen[ring] fi
#endif
#define QUEUE(ring) \
	atomic { \
		if \
		:: seen[ring] -> queued[ring] = true \
		:: !seen[ring] -> goto awake \
		fi \
	}
#define WOKEN(ring) !queued[ring]
#define UNQUEUE(ring) queued[ring] = false
#define LEFT(ring) (armed[ring] && THERE(ring))

active proctype helper()
{
	bool was, over;
	byte late;

	do
	::
		FOR_ALL(QUEUE);
end:		atomic {
			if
			:: ANY(WOKEN)
#ifndef HELPER_WAITS_FOR_EVER
			:: timeout && kills < KILLS && ANY(LEFT) ->
				over = true;
				late++;
				assert(late <= KILLS - kills)
#endif
			fi
		}
awake:
		atomic { FOR_ALL(UNQUEUE) };
		FOR_ALL(HEAR);
		if
		:: over -> over = false; FOR_ALL(FIRE)
		:: !over
		fi
	od
}
#endif

init {
	atomic {
#ifdef HELPER
		seen[0] = true;
		seen[RINGS - 1] = true;
#endif
		run producer(0)
#if RINGS > 1
		; run producer(1)
#endif
	}
}
