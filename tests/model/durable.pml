/* SPDX-License-Identifier: MIT */
/*
 * durable.pml - a durable subscription's next process knows what was lost, exactly.
 *
 * Mirrors lib/consumer.c (consumer_mark, shmring_release), lib/consumer_open.c (consumer_settle)
 * and lib/consumer_return.c (mark_find, return_gated, consumer_resume, shmring_rejoin).
 *
 * One durable subscription, whose process is killed before any of its stores up to KILLS times;
 * the next process resumes at once, and may be killed while it does. Each releases records, some
 * releases moving nothing, is evicted up to EVICTIONS times, and rejoins. RECORDS records are there
 * from the start; what is not held is overwritten at any moment.
 *
 * Abstracted: positions are record numbers, so a mark's sequence number is lower than its position
 * if records between are lost and nobody has read that yet. Stores reach the next process in
 * program order ([MARK]). The gate's protocol is in gate.pml: here a tail that is not below the
 * floor holds it. Seeking is left out: a process killed while it seeks has no place to go back to.
 *
 * Checked: whoever resumes or rejoins expects the sequence number behind the last record that was
 * released or reported as lost before a released one.
 */
#ifndef RECORDS
#define RECORDS 4
#endif
#ifndef KILLS
#define KILLS 2
#endif
#ifndef EVICTIONS
#define EVICTIONS 2
#endif
#ifndef IDLE
#define IDLE 2 /* releases that move nothing */
#endif
#define NONE 255

mtype = { JOINING, ACTIVE, EVICTED };
mtype state = ACTIVE;
byte floor, tail;
/* The marks: as the subscription begins, both say 0. */
byte marked_position[2], marked_sequence[2];
byte accounted; /* records released, or reported lost before one that was released */

byte kills = KILLS;
byte evictions = EVICTIONS;

#define STEP(store) atomic { if :: store :: kills > 0 -> kills--; goto died fi }

/* consumer_mark() */
inline mark_place(position, sequence)
{
#ifndef ONE_MARK
	mark = 1 - mark;
#endif
#ifndef POSITION_KEPT
	STEP(marked_position[mark] = NONE);
#endif
	STEP(marked_sequence[mark] = sequence);
	STEP(marked_position[mark] = position)
#ifndef OTHER_KEPT
	;
	if
	:: marked_position[1 - mark] == position -> STEP(marked_position[1 - mark] = NONE)
	:: else
	fi
#endif
}

/* Moves the tail; `sequence` is expected there. */
inline move_tail(position, sequence)
{
#ifdef MARK_AFTER_TAIL
	STEP(tail = position; accounted = sequence);
	mark_place(position, sequence)
#else
	mark_place(position, sequence);
	STEP(tail = position; accounted = sequence)
#endif
}

/* return_gated(), marking each place it tries if `expected` is known; `gone`: evicted again. */
inline gate()
{
	do
	::
#ifndef GATE_RAISES_UNMARKED
		if
		:: expected != NONE -> mark_place(at, expected)
		:: else
		fi;
#endif
		STEP(tail = at);
		if
		:: floor <= at -> break
		:: else -> at = floor
		fi
	od;
	atomic {
		if
		:: state == JOINING -> state = ACTIVE; gone = false
		:: state == EVICTED -> gone = true
		:: kills > 0 -> kills--; goto died
		fi
	}
}

active proctype consumer()
{
	byte cursor, expected, mark, at;
	byte idle = IDLE;
	bool gone;

again:
	do
	:: state == ACTIVE && cursor < RECORDS ->
		/* Reads a record: what is missing before it is reported. */
		atomic { cursor++; expected = cursor };
		move_tail(cursor, expected)
	:: state == ACTIVE && idle > 0 ->
		idle--;
		move_tail(cursor, expected)
	:: state == EVICTED ->
		/* shmring_rejoin() */
		STEP(state = JOINING);
		at = cursor;
		gate();
		if
		:: gone -> goto again
		:: else
		fi;
		assert(expected == accounted);
		cursor = at;
		move_tail(cursor, expected)
	:: state == ACTIVE && cursor == RECORDS -> break
	od;
	assert(expected == accounted);
	goto end;

died:
	/* consumer_resume() */
	atomic {
		cursor = tail;
		if
		:: marked_position[0] == tail -> mark = 0; expected = marked_sequence[0]
		:: marked_position[0] != tail && marked_position[1] == tail ->
			mark = 1;
			expected = marked_sequence[1]
		:: else -> mark = 0; expected = NONE
		fi
	}
	if
	:: state == ACTIVE && (expected != NONE || floor <= cursor) ->
		expected = (expected == NONE -> cursor : expected)
	:: else ->
		STEP(state = JOINING);
		at = cursor;
		gate();
		if
		:: gone -> goto died
		:: else
		fi;
		cursor = at;
		expected = (expected == NONE -> cursor : expected)
	fi;
	assert(expected == accounted);
	move_tail(cursor, expected);
	goto again;
end:
	skip
}

/* The producer, which overwrites what nobody holds, and whoever evicts. */
active proctype others()
{
end:	do
	:: atomic { floor < RECORDS && (state == EVICTED || tail > floor) -> floor++ }
	:: atomic { state != EVICTED && evictions > 0 -> evictions--; state = EVICTED }
	od
}
