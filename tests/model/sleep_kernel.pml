/* SPDX-License-Identifier: MIT */
/* sleep_kernel.pml - the part of sleep.pml that is the machine: stores on their way, and the kernel's futex. */

/* Stores on their way to memory. */
mtype = { HEAD, STREAM, NEED, NEED_NOTHING, SLEEPERS, TAIL, HOLD };
chan buffer[CONSUMERS + 1] = [DEPTH] of { mtype, byte, byte };
#define DRAINED(me) (len(buffer[me]) == 0)

#ifdef MEMBARRIER
#define NO_FENCE_BY_PRODUCER
#define SLEEPERS_FENCE(me) (DRAINED(me) && DRAINED(0))
#else
#define SLEEPERS_FENCE(me) DRAINED(me)
#endif

/* A step before which a consumer may be killed, and the producer. */
#define STEP(step) atomic { if :: step :: kills > 0 -> kills--; goto died fi }
#define PUBLIC(step) atomic { if :: step :: producer_kills > 0 -> producer_kills--; goto died fi }

inline arrive(me)
{
	atomic {
		if
		:: buffer[me]?where,place,value
		/* Relaxed: these may be earlier than what was stored before them elsewhere. */
		:: buffer[me]??SLEEPERS,place,value -> where = SLEEPERS
		:: buffer[me]??NEED_NOTHING,place,value -> where = NEED_NOTHING
		fi;
		if
		:: where == HEAD -> head = value
		:: where == STREAM -> stream = value
		:: where == NEED -> need = value
		:: where == NEED_NOTHING -> need = 0
		:: where == TAIL -> tail[place] = value
		:: where == HOLD -> hold[place] = value
		:: where == SLEEPERS ->
			sleepers = (value -> sleepers | BIT(place) : sleepers & ~BIT(place))
		fi;
		where = 0;
		place = 0;
		value = 0
	}
}

active proctype memory()
{
	mtype where;
	byte place, value;

end:	do
	:: arrive(0)
	:: arrive(1)
#if CONSUMERS > 1
	:: arrive(2)
#endif
#if CONSUMERS > 2
	:: arrive(3)
#endif
	od
}

#define HEAR(who, word) quiet[who] = (quiet[who] == (word) -> 0 : quiet[who])
inline ring(word)
{
	HEAR(0, word);
	HEAR(1, word)
#if CONSUMERS > 1
	; HEAR(2, word)
#endif
#if CONSUMERS > 2
	; HEAR(3, word)
#endif
}

/* FUTEX_WAIT: unless it has rung. */
#define WAIT(me, word) \
	DRAINED(me) -> asleep[me] = (quiet[me] == (word) -> (word) : 0); quiet[me] = 0

/* FUTEX_WAKE: so many of those who sleep there. */
#define TAKE(who, word) left > 0 && asleep[who] == (word) -> asleep[who] = 0; left--
inline wake(word, count)
{
	left = count;
	do
	:: TAKE(0, word)
	:: TAKE(1, word)
#if CONSUMERS > 1
	:: TAKE(2, word)
#endif
#if CONSUMERS > 2
	:: TAKE(3, word)
#endif
	:: else -> left = 0; break
	od
}
