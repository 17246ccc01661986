/* SPDX-License-Identifier: MIT */
/*
 * group.pml - each record of a group is delivered, whoever dies, and stays while it is read.
 *
 * Mirrors lib/group.c (claim, claim_note, survey, group_release), lib/group_dead.c
 * (group_take_over, inherit, was_claimed, line_free), lib/floor.c (gate_of with holds_of and
 * lines_in_use, gate_scan, floor_advance, floor_take_over), and member_enter and leave_locked in
 * lib/subscription.c.
 *
 * A producer, which waits (RELIABLE), and MEMBERS processes of one durable group: each claims up to
 * BATCH records, reads them, releases some or all, and takes over what the dead have left, also
 * those that were taking over. KILLS members are killed before any of their stores that would leave
 * something behind, and SUCCESSORS producers before any of theirs. A member that closes with a
 * claim leaves the same behind as one that is killed then, so a kill stands for that, too. Each
 * comes back as a new member, with COMES_BACK_LATE only when nobody is left.
 *
 * Memory is as under TSO, and weaker in one point: each process has a buffer of DEPTH stores that
 * reach the others in order, but any time later; a full fence waits until it is empty. The
 * increment of `joins`, which has no more than release, goes through that buffer too. A
 * compare-and-swap drains it, and so do the system calls for locks. A process that is killed loses
 * none of its stores, and its locks only after they are done.
 *
 * Abstracted: records of one size, each a position; a record's words are one store, and head with
 * them; what lies below floor reads as anything. A claim is read at once, before it is released
 * record by record or as a whole. Lines of the member table are not used again; coming, going and
 * freeing a line take the table's lock and are one step each. A producer that would look again and
 * again waits for each of its gates. Sequence numbers, eviction, LOSSY groups and sleeping are not
 * here.
 *
 * Checked: nothing is overwritten that a living member has claimed and not released, or that nobody
 * has released yet; at the end each record has been released by somebody; without the flag it is
 * delivered no more than once; with it, only what the line of a dead member held, which is part of
 * what that one had claimed, or was about to, and not released; no more often than members died;
 * floor never passes the tail, nor what is about to be delivered again; all processes come to an
 * end.
 */
#ifndef CAPACITY
#define CAPACITY 2
#endif
#ifndef TOTAL
#define TOTAL 4 /* records, 8 at most; the first CAPACITY are there already */
#endif
#ifndef DEPTH
#define DEPTH 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef SUCCESSORS
#define SUCCESSORS 0
#endif
#ifndef MEMBERS
#define MEMBERS 2
#endif
#ifndef BATCH
#define BATCH 2
#endif
#define LINES (MEMBERS + KILLS)
#define NONE 255
#define ALL ((1 << TOTAL) - 1)
/* The records from one position up to another, a bit each. */
#define FROM_TO(one, other) (((1 << (other)) - 1) & ~((1 << (one)) - 1))

/* The data object. */
byte want, floor, head = CAPACITY;
/* The control object; of a line, what counts in it. */
bool joined; /* has `joins` changed since the producer's last scan? */
bool entered; /* and since it last looked how many lines are taken? */
byte tail;
byte hold[LINES] = NONE, end[LINES] = NONE;
byte lock[LINES]; /* 0, or the process that has it */
byte lines;       /* so many have been taken */

#define DEAD(line) (lock[line] == 0 && hold[line] != NONE)

#if LINES == 2
#define NOTHING_HELD (hold[0] == NONE && hold[1] == NONE)
#elif LINES == 3
#define NOTHING_HELD (hold[0] == NONE && hold[1] == NONE && hold[2] == NONE)
#elif LINES == 4
#define NOTHING_HELD \
	(hold[0] == NONE && hold[1] == NONE && hold[2] == NONE && hold[3] == NONE)
#else
#define NOTHING_HELD \
	(hold[0] == NONE && hold[1] == NONE && hold[2] == NONE && hold[3] == NONE && \
	 hold[4] == NONE)
#endif

/* What a process has claimed, or is about to: from `first` up to `last`. */
byte first[MEMBERS + 1], last[MEMBERS + 1];
bool claimed[MEMBERS + 1]; /* and relies on it */

/* For the assertions. */
byte worked, unflagged; /* released by somebody, delivered without the flag: a bit each */
byte left_first[LINES], left_last[LINES]; /* what its last member had claimed when it died */
byte redeliveries;
#ifdef COMES_BACK_LATE
byte living;
#endif

byte kills = KILLS;
byte successors = SUCCESSORS;

/* Stores on their way to memory. */
mtype = { WANT, FLOOR, RECORD, HOLD, END, JOINS };
chan buffer[MEMBERS + 1] = [DEPTH] of { mtype, byte, byte };
#define DRAINED(me) (len(buffer[me]) == 0)

/* A step of a member before which it may be killed, and of the producer. */
#define STEP(step) atomic { if :: step :: kills > 0 -> kills--; goto died fi }
#define STORE(me, where, line, value) STEP(buffer[me]!where(line, value))
#define PUBLIC(where, value) \
	atomic { if :: buffer[0]!where(0, value) :: successors > 0 -> successors--; goto died fi }

#define OVERRUN(me, gone) (claimed[me] && first[me] <= gone && gone < last[me])

inline arrive(me)
{
	atomic {
		buffer[me]?where,line,value;
		if
		:: where == WANT -> want = value
		:: where == FLOOR -> assert(value <= tail); floor = value
		:: where == HOLD -> hold[line] = value
		:: where == END -> end[line] = value
		:: where == JOINS -> joined = true; entered = true
		:: where == RECORD ->
			/* It takes the place of the record CAPACITY before. */
			assert(value - CAPACITY < floor);
			assert(worked & (1 << (value - CAPACITY)));
			assert(!OVERRUN(1, value - CAPACITY));
			assert(!OVERRUN(2, value - CAPACITY));
#if MEMBERS > 2
			assert(!OVERRUN(3, value - CAPACITY));
#endif
			head = value + 1
		fi;
		where = 0;
		line = 0;
		value = 0
	}
}

active proctype memory()
{
	mtype where;
	byte line, value;

end_of_stores: do
	:: arrive(0)
	:: arrive(1)
	:: arrive(2)
#if MEMBERS > 2
	:: arrive(3)
#endif
	od
}

/* ---- The producer ---------------------------------------------------------------------------- */

/* The next gate, once it is not below `needed`. */
#define LOOK(value, needed) \
	atomic { \
		(value) >= (needed) || (value) < my_floor -> \
		if \
		:: (value) >= my_floor && (value) < minimum -> minimum = (value) \
		:: else \
		fi \
	}

#ifdef PRODUCER_CLEARS_THE_DEAD
#define LOOK_AT_HOLD(line, needed) \
	atomic { \
		if \
		:: DEAD(line) -> hold[line] = NONE \
		:: else \
		fi \
	}; \
	LOOK(hold[line], needed)
#else
#define LOOK_AT_HOLD(line, needed) \
	if \
	:: line < known -> LOOK(hold[line], needed) \
	:: else \
	fi
#endif

inline lines_in_use()
{
	atomic {
		if
		:: entered -> entered = false; known = lines
		:: else
		fi
	}
}

inline holds_of(needed)
{
#ifndef LINES_BEFORE_TAIL
	lines_in_use();
#endif
	LOOK_AT_HOLD(0, needed);
	LOOK_AT_HOLD(1, needed)
#if LINES > 2
	; LOOK_AT_HOLD(2, needed)
#endif
#if LINES > 3
	; LOOK_AT_HOLD(3, needed)
#endif
#if LINES > 4
	; LOOK_AT_HOLD(4, needed)
#endif
}

/* gate_scan(). One that finds a gate below `needed` would be in vain, and done again. */
inline gate_scan(needed)
{
	atomic { joined = false; minimum = position };
#ifdef HOLDS_BEFORE_TAIL
	holds_of(needed);
	LOOK(tail, needed)
#else
#ifdef LINES_BEFORE_TAIL
	lines_in_use();
#endif
	LOOK(tail, needed);
	holds_of(needed)
#endif
}

active proctype producer()
{
	byte position, my_floor, minimum, target;
	byte known; /* no line from there on is taken */

born:
	/* floor_take_over() */
	atomic { position = head; my_floor = floor; entered = true };
	PUBLIC(WANT, my_floor);
	gate_scan(0);
	do
	:: position == TOTAL -> break
	:: else ->
		/* floor_advance(), floor_raise() */
		target = position + 1 - CAPACITY;
again:		if
		:: target > minimum -> gate_scan(target)
		:: else
		fi;
		PUBLIC(WANT, target);
#ifndef NO_FENCE_BY_PRODUCER
		DRAINED(0);
#endif
		if
		:: joined ->
			gate_scan(0);
			if
			:: target > minimum ->
				PUBLIC(WANT, my_floor);
				goto again
			:: else
			fi
		:: else
		fi;
		my_floor = target;
		PUBLIC(FLOOR, target);
		PUBLIC(RECORD, position);
		position++
	od;
	goto finish;
died:
	atomic {
		DRAINED(0);
		position = 0; my_floor = 0; minimum = 0; target = 0; known = 0
	}
	goto born;
finish:
	atomic { position = 0; my_floor = 0; minimum = 0; target = 0; known = 0 }
}

/* Without the flag: no record twice. */
#define DELIVER_UNFLAGGED \
	assert(!(unflagged & FROM_TO(first[me], last[me]))); \
	unflagged = unflagged | FROM_TO(first[me], last[me])

/* ---- Members --------------------------------------------------------------------------------- */

/* What is there to claim? `last` is where the claim would end. */
inline survey()
{
	atomic {
		if
		:: floor > first[me] -> /* overwritten, perhaps: it may look like anything */
			select(count : 0 .. BATCH);
			last[me] = first[me] + count;
			count = 0
		:: else ->
			last[me] = (first[me] + BATCH < head -> first[me] + BATCH : head)
		fi
	}
}

inline forget()
{
	first[me] = 0;
	last[me] = 0
}

inline unlock()
{
	atomic {
		DRAINED(me);
		lock[other] = 0;
		end[other] = NONE;
		left_first[other] = 0;
		left_last[other] = 0;
		other = NONE
	}
}

/* line_free() for a line other than ours. */
inline line_free()
{
	STORE(me, HOLD, other, NONE);
	unlock()
}

proctype member(byte me)
{
	byte mine = NONE, other = NONE; /* the lines whose locks it has */
	byte count;
	byte line; /* where its claim stands */

born:
	/* join_locked() */
	atomic {
#ifdef COMES_BACK_LATE
		lines < MEMBERS || living == 0;
		living++;
#endif
		mine = lines;
		lines++;
		lock[mine] = me
	}
	/* member_enter() */
#ifndef ENTERS_WITHOUT_JOINING
	STORE(me, JOINS, 0, 1);
#endif
next:
	atomic {
		if
		:: DRAINED(me) && DEAD(0) -> other = 0; lock[0] = me; goto take_over
		:: DRAINED(me) && DEAD(1) -> other = 1; lock[1] = me; goto take_over
#if LINES > 2
		:: DRAINED(me) && DEAD(2) -> other = 2; lock[2] = me; goto take_over
#endif
#if LINES > 3
		:: DRAINED(me) && DEAD(3) -> other = 3; lock[3] = me; goto take_over
#endif
#if LINES > 4
		:: DRAINED(me) && DEAD(4) -> other = 4; lock[4] = me; goto take_over
#endif
		:: head > tail -> first[me] = tail; goto claim
		/* Nothing more to do, and nobody who has. */
		:: worked == ALL && NOTHING_HELD -> goto finish
		fi
	}
claim:
	survey();
	atomic {
		if
		:: last[me] == first[me] -> forget(); goto next
		:: else -> line = mine
		fi
	}
#ifndef HOLD_AFTER_CAS
	buffer[me]!HOLD(mine, first[me]);
#endif
#ifndef END_AFTER_CAS
	STORE(me, END, mine, last[me]);
#endif
	atomic {
		if
		:: DRAINED(me) ->
			if
#ifdef NO_COMPARISON
			:: true ->
#else
			:: tail == first[me] ->
#endif
				tail = last[me];
				DELIVER_UNFLAGGED;
				claimed[me] = true
#ifndef NO_COMPARISON
			:: else -> goto failed
#endif
			fi
		:: kills > 0 -> kills--; goto died
		fi
	}
#ifdef END_AFTER_CAS
	STORE(me, END, mine, last[me]);
#endif
#ifdef HOLD_AFTER_CAS
	STORE(me, HOLD, mine, first[me]);
#endif
	goto deliver;
failed:
	STEP(buffer[me]!HOLD(mine, NONE); forget(); line = 0);
	goto next;

take_over:
	/* was_claimed() */
	if
	:: hold[other] == NONE || end[other] == NONE || end[other] <= hold[other] -> goto drop
	:: else
	fi;
#ifndef TAKES_OVER_WITHOUT_JOINING
	buffer[me]!JOINS(0, 1);
#endif
#ifndef NO_FENCE_BY_TAKER
	DRAINED(me);
#endif
#ifndef TAKES_OVER_WHATEVER_IS_WANTED
	if
	:: want > hold[other] -> goto drop
	:: else
	fi;
#endif
#ifndef DELIVERS_WHAT_NOBODY_CLAIMED
	if
	:: tail < end[other] -> goto drop
	:: else
	fi;
#endif
	atomic {
		assert(floor <= hold[other]);
		assert(left_first[other] <= hold[other] && end[other] <= left_last[other]);
		redeliveries++;
		assert(redeliveries <= KILLS - kills);
		first[me] = hold[other];
		last[me] = end[other];
		claimed[me] = true;
		line = other
	}
#ifdef COPIES_TO_ITS_OWN_LINE
	STORE(me, END, mine, last[me]);
	STORE(me, HOLD, mine, first[me]);
	line = mine;
	line_free();
#endif
#ifdef CLEARS_BEFORE_DELIVERING
	STORE(me, HOLD, other, NONE);
#endif
	goto deliver;
drop:
	line_free();
	goto next;

deliver:
#ifdef CLEARS_BEFORE_THE_WORK
	STORE(me, HOLD, line, NONE);
#endif
	do
	:: last[me] - first[me] > 1 -> /* group_release() of a part, a record */
#ifdef PART_STAYS_HELD
		STEP(
#else
		STEP(buffer[me]!HOLD(line, first[me] + 1);
#endif
			worked = worked | (1 << first[me]);
			first[me]++)
	:: STEP(buffer[me]!HOLD(line, NONE);
			worked = worked | FROM_TO(first[me], last[me]);
			claimed[me] = false;
			forget();
			line = 0);
		break
	od;
	if
	:: other != NONE -> unlock()
	:: else
	fi;
	goto next;
died:
	atomic {
		DRAINED(me);
		if
		:: last[me] != 0 -> left_first[line] = first[me]; left_last[line] = last[me]
		:: else
		fi;
		lock[mine] = 0;
		if
		:: hold[mine] == NONE -> end[mine] = NONE
		:: else
		fi;
		if
		:: other != NONE -> lock[other] = 0
		:: else
		fi;
		claimed[me] = false;
		forget();
#ifdef COMES_BACK_LATE
		living--;
#endif
		mine = NONE; other = NONE; line = 0
	}
	goto born;
finish:
	atomic {
		DRAINED(me);
#ifdef COMES_BACK_LATE
		living--;
#endif
		mine = NONE
	}
}

init {
	atomic {
		run member(1);
		run member(2)
#if MEMBERS > 2
		; run member(3)
#endif
	}
}
