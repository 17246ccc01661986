/* SPDX-License-Identifier: MIT */
/*
 * gate.pml - the producer overwrites nothing that a subscription holds, and nobody gets stuck.
 *
 * Mirrors lib/floor.c (gate_of, gate_scan, reap, enforce_deadlines, gates_open, floor_advance,
 * floor_take_over), lib/subscription_state.c, lib/subscription.c (join_locked, slot_enter,
 * slot_free, subscription_leave, subscription_reap, subscription_evict_named), and their callers in
 * lib/consumer_open.c (find_gated, shmring_seek), lib/consumer_return.c (return_gated) and
 * lib/consumer.c (shmring_release).
 *
 * A producer with its successors; two consumers for one place in the table, the second of which
 * gets it when the first has left or is dead; each reads, releases, seeks and rejoins as it likes
 * and then leaves. An operator evicts once, at any moment. The producer evicts by deadline
 * TIMEOUTS times, at any moment at which it is held up, and otherwise waits for ever (RELIABLE).
 * KILLS processes are killed before any of their stores.
 *
 * Memory is as under TSO, and weaker in one point: each process has a buffer of DEPTH stores that
 * reach the others in order, but any time later; a full fence waits until it is empty. The
 * increment of `joins`, which has no more than release, goes through that buffer too. A
 * compare-and-swap drains it, and so does unlocking the table, a system call. A process that is
 * killed loses none of its stores, and its locks only after they are done.
 *
 * Abstracted: records of one size, each a position; the index knows all of them; a record's words
 * are one store, and head with them. Time: whatever may have taken too long may be found to have.
 * A producer that would look again and again waits until there is something to be seen. Durable
 * subscriptions, whose next process comes back to a place that a dead one holds, are not here.
 *
 * Checked: nothing is overwritten that a consumer relies on whose subscription is its own and not
 * evicted, also what a seek may come back to; nobody is evicted for a tail that is honest, or by a
 * decision about somebody else, or as dead while alive; floor is stored before overwriting; while
 * the producer waits, `want` is not above the oldest record; asking for a gate comes to an end; all
 * processes do.
 */
#ifndef CAPACITY
#define CAPACITY 2
#endif
#ifndef TOTAL
#define TOTAL 4 /* records; the first CAPACITY are there already */
#endif
#ifndef DEPTH
#define DEPTH 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef TIMEOUTS
#define TIMEOUTS 1
#endif
#ifndef EVICTIONS
#define EVICTIONS 1 /* by the operator */
#endif
#ifndef ACTIONS
#define ACTIONS 2 /* of each consumer */
#endif
#ifndef CONSUMERS
#define CONSUMERS 2
#endif
#define NONE 255

/* The state word: a generation, and */
#define FREE 0
#define JOINING 1
#define ACTIVE 2
#define EVICTED 3
#define WORD(generation, is) (((generation) << 2) | (is))
#define IS(word) ((word) & 3)
#define GENERATION(word) ((word) >> 2)
#define GATES(word) (IS(word) == ACTIVE || IS(word) == JOINING)

/* The data object. */
byte want, floor, head = CAPACITY;
/* The control object: one place in the table of subscriptions. */
byte joins, tail = NONE, state;
byte owner;          /* its member's process; 0: none */
byte table;          /* LOCK_TABLE: 0, or one more than the process that has it */
bool alive[3];       /* the processes' own lock bytes; 0 is the producer, then the consumers */
#define DEAD (owner == 0 || !alive[owner])

/* What a consumer relies on, for the assertions: its word, and all from `keep` on. */
byte generation[3];
byte keep[3] = NONE;
byte life;           /* counts who is in the place, and whenever it comes back or moves */

byte kills = KILLS;
byte timeouts = TIMEOUTS;

/* Stores on their way to memory. */
mtype = { WANT, FLOOR, RECORD, TAIL, STATE, JOINS };
chan buffer[3] = [DEPTH] of { mtype, byte };
#define DRAINED(me) (len(buffer[me]) == 0)

/* A step of a process before which it may be killed. */
#define STEP(step) atomic { if :: step :: kills > 0 -> kills--; goto died fi }
#define STORE(me, where, value) STEP(buffer[me]!where(value))

#define OVERRUN(me, gone) \
	(alive[me] && keep[me] != NONE && keep[me] <= gone && \
	 (state == WORD(generation[me], ACTIVE) || state == WORD(generation[me], JOINING)))

inline arrive(me)
{
	atomic {
		buffer[me]?where,value;
		if
		:: where == WANT -> want = value
		:: where == FLOOR -> floor = value
		:: where == TAIL -> tail = value
		:: where == STATE -> state = value
		:: where == JOINS -> joins++
		:: where == RECORD ->
			/* It takes the place of the record CAPACITY before. */
			assert(value - CAPACITY < floor);
			assert(!OVERRUN(1, value - CAPACITY) && !OVERRUN(2, value - CAPACITY));
			head = value + 1
		fi;
		where = 0;
		value = 0
	}
}

active proctype memory()
{
	mtype where;
	byte value;

end:	do
	:: arrive(0)
	:: arrive(1)
	:: arrive(2)
	od
}

/* ---- The producer ---------------------------------------------------------------------------- */

inline gate_of()
{
	seen = state;
	if
	:: GATES(seen) ->
		at = tail;
		if
		:: at >= my_floor && at <= position -> gate = at
		:: !(at >= my_floor && at <= position) && IS(seen) == JOINING ->
#ifdef JOINING_HOLDS_NOTHING
			gate = NONE
#else
			gate = (at == NONE -> NONE : my_floor)
#endif
		:: !(at >= my_floor && at <= position) && IS(seen) == ACTIVE ->
			atomic {
				DRAINED(0);
				assert(state != seen); /* else an honest one would be evicted */
				gate = my_floor
			}
		fi
	:: else -> gate = NONE
	fi;
	seen = 0;
	at = 0
}

inline gate_scan()
{
	my_joins = joins;
	gate_of();
	minimum = (gate < position -> gate : position);
	gate = 0
}

/* slot_free(), with the table locked. */
inline slot_free()
{
	STEP(state = WORD(GENERATION(state) + 1, FREE); owner = 0)
}

/* subscription_reap() */
inline reap()
{
#ifdef DEATH_BEFORE_STATE
	DEAD;
	word = state;
#else
	word = state;
	if
	:: IS(word) != FREE && DEAD
	:: else -> goto deadlines
	fi;
#endif
	if
	:: atomic { table == 0 -> table = 1 };
		if
		:: IS(state) != FREE && DEAD -> DRAINED(0); slot_free()
		:: else
		fi;
		table = 0
	:: atomic { table != 0 ->
			DRAINED(0);
			if
			:: state == word -> assert(DEAD); state = WORD(GENERATION(word), EVICTED)
			:: else
			fi
		}
	fi;
	gate_scan()
}

/* enforce_deadlines() */
inline enforce_deadline()
{
	atomic { word = state; my_life = life };
	if
	:: GATES(word) && timeouts > 0 ->
		atomic {
			DRAINED(0);
			if
			:: state == word ->
				assert(my_life == life);
				timeouts--;
				state = WORD(GENERATION(word), EVICTED)
			:: else
			fi;
			word = 0;
			my_life = 0
		}
		gate_scan()
	:: atomic { true -> word = 0; my_life = 0 }
	fi
}

#define NEWS(target) \
	(!GATES(state) || (tail != NONE && tail >= target) || (tail == NONE && IS(state) == JOINING) || \
	 DEAD || timeouts > 0)

active proctype producer()
{
	byte position, my_floor, my_joins, minimum, target;
	byte seen, at, gate, word, my_life;

born:
	/* floor_take_over() */
	atomic { alive[0] = true; position = head; my_floor = floor }
#ifndef SUCCESSOR_KEEPS_WANT
	STORE(0, WANT, my_floor);
#endif
#ifdef SUCCESSOR_DOES_NOT_SCAN
	atomic { my_joins = joins; minimum = position }
#else
	gate_scan();
#endif
	do
	:: position == TOTAL -> break
	:: else ->
		/* floor_advance(), floor_raise() */
		target = position + 1 - CAPACITY;
#ifdef FURTHER
		/* It went there, or further, before. */
		if
		:: target <= my_floor -> goto room
		:: else
		fi;
#endif
again:		do
		:: target <= minimum -> break
		:: else ->
			/* While it waits, newcomers get the oldest record that there is. */
			atomic { NEWS(target); assert(!DRAINED(0) || want == my_floor) }
			gate_scan();
			if
			:: target > minimum -> reap()
			:: else -> break
			fi;
deadlines:		if
			:: target > minimum -> enforce_deadline()
			:: else -> break
			fi
		od;
#ifdef FURTHER
		/* Further than needed, where nobody has to be waited for. */
		if
		:: target < minimum -> target++
		:: true
		fi;
#endif
#ifdef FLOOR_BEFORE_WANT
		STORE(0, FLOOR, target);
#endif
		STORE(0, WANT, target);
#ifndef NO_FENCE_BY_PRODUCER
		DRAINED(0);
#endif
		if
		:: joins != my_joins ->
			gate_scan();
			if
			:: target > minimum ->
#ifndef WANT_KEPT
				STORE(0, WANT, my_floor);
#endif
#ifdef FURTHER
				target = position + 1 - CAPACITY;
#endif
				goto again
			:: else
			fi
		:: else
		fi;
		my_floor = target;
#ifdef OVERWRITES_BEFORE_FLOOR
		STORE(0, RECORD, position);
		STORE(0, FLOOR, target);
#else
		STORE(0, FLOOR, target);
room:		STORE(0, RECORD, position);
#endif
		position++
	od;
	goto end;
died:
	atomic {
		DRAINED(0);
		alive[0] = false;
		table = (table == 1 -> 0 : table);
		position = 0; my_floor = 0; my_joins = 0; minimum = 0; target = 0;
		seen = 0; at = 0; gate = 0; word = 0; my_life = 0
	}
	goto born;
end:
	skip
}

/* ---- Consumers ------------------------------------------------------------------------------- */

/* state_change() from our word; otherwise we were evicted. */
inline become(from, to_generation, to)
{
	atomic {
		DRAINED(me);
		if
		:: state == WORD(generation[me], from) ->
			state = WORD(to_generation, to);
			generation[me] = to_generation;
			life = (to == JOINING -> life + 1 : life)
		:: else -> goto evicted
		:: kills > 0 -> kills--; goto died
		fi
	}
}

#ifdef NO_GENERATION
#define NEXT generation[me]
#else
#define NEXT (generation[me] + 1)
#endif

/* subscription_gate(); `hold`: where the tail was and is held, for a seek that may come back; or NONE */
inline ask_for_gate(hold)
{
	do
	:: 
#ifdef JOINS_BEFORE_TAIL
		STORE(me, JOINS, 1);
		STORE(me, TAIL, position);
#else
		STORE(me, TAIL, position);
		STORE(me, JOINS, 1);
#endif
#ifndef NO_FENCE_BY_JOINER
		DRAINED(me);
#endif
		atomic {
			if
			:: want <= position || position == hold -> keep[me] = position; break
			:: else ->
#ifdef SEEK_PASSES_ITS_PLACE
				position = want;
#else
				position = (want < hold -> want : hold);
#endif
				tries++;
				assert(tries <= 2)
			fi
		}
	od;
	tries = 0
}

inline where_to_start()
{
	if
	:: position = floor
	:: position = head
	fi
}

inline lock_table()
{
	atomic { table == 0 -> table = me + 1 }
}

inline unlock_table()
{
	atomic { DRAINED(me) -> table = 0 }
}

proctype consumer(byte me)
{
	byte position, cursor, tries;
	byte actions = ACTIONS;
	bool rejoins;

	/* subscription_join() */
	alive[me] = true;
join:
	lock_table();
	if
	:: IS(state) == FREE
#ifdef EVICTED_IS_FREE
	:: IS(state) == EVICTED -> slot_free()
	:: IS(state) != FREE && IS(state) != EVICTED && DEAD -> slot_free()
	:: GATES(state) && !DEAD ->
#else
	:: IS(state) != FREE && DEAD -> slot_free()
	:: IS(state) != FREE && !DEAD ->
#endif
		unlock_table();
		IS(state) == FREE || DEAD; /* -EBUSY: later */
		goto join
	fi;
	STEP(owner = me; generation[me] = GENERATION(state) + 1; life++);
	STORE(me, TAIL, NONE);
	STORE(me, STATE, WORD(generation[me], JOINING));
	unlock_table();
	where_to_start();
	ask_for_gate(NONE);
	become(JOINING, generation[me], ACTIVE);
	cursor = position;
	position = 0;

	do
	:: actions > 0 -> /* shmring_release() of one record, if there is one */
		actions--;
		if
		:: cursor < head ->
			if
			:: floor > cursor || state != WORD(generation[me], ACTIVE) -> goto evicted
			:: else
			fi;
			STEP(buffer[me]!TAIL(cursor + 1); cursor++; keep[me] = cursor)
		:: else
		fi
	:: actions > 0 -> /* shmring_seek() to the oldest record, or somewhere that is not there */
		actions--;
#ifndef SEEKS_WHILE_ACTIVE
		become(ACTIVE, NEXT, JOINING);
#endif
		position = floor;
		ask_for_gate(cursor);
#ifndef SEEKS_WHILE_ACTIVE
		become(JOINING, generation[me], ACTIVE);
#endif
		/* What was not released is still there: back to it, after -ERANGE. */
		assert(position <= cursor || state != WORD(generation[me], ACTIVE));
		if
		:: STEP(buffer[me]!TAIL(cursor); keep[me] = cursor)
		:: cursor = position
		fi;
		position = 0
	:: actions > 0 -> /* shmring_seek() to the newest */
		actions--;
#ifndef SEEKS_WHILE_ACTIVE
		atomic { become(ACTIVE, NEXT, JOINING); keep[me] = NONE }
#endif
		position = head;
		ask_for_gate(NONE);
#ifndef SEEKS_WHILE_ACTIVE
		become(JOINING, generation[me], ACTIVE);
#endif
		cursor = position;
		position = 0
	:: break
	:: false ->
evicted:
		tries = 0;
		keep[me] = NONE;
		if
		:: actions > 0 -> /* shmring_rejoin() */
			actions--;
			if
			:: state != WORD(generation[me], EVICTED) -> break /* its place was taken */
			:: else
			fi;
			become(EVICTED, NEXT, JOINING);
			position = cursor;
			ask_for_gate(NONE);
			become(JOINING, generation[me], ACTIVE);
			cursor = position;
			position = 0
		:: break
		fi
	od;
	/* subscription_leave() */
	lock_table();
	keep[me] = NONE;
	DRAINED(me);
#ifdef EVICTED_IS_FREE
	if
	:: owner == me -> slot_free()
	:: else
	fi;
#else
	slot_free();
#endif
	unlock_table();
died:
	atomic {
		DRAINED(me);
		alive[me] = false;
		keep[me] = NONE;
		table = (table == me + 1 -> 0 : table)
	}
}

/* subscription_evict_named() */
active proctype operator()
{
	byte word, my_life;
	byte evictions = EVICTIONS;

	do
	:: evictions > 0 ->
		atomic { word = state; my_life = life };
		if
		:: GATES(word) ->
			atomic {
				if
				:: state == word ->
					assert(my_life == life);
					state = WORD(GENERATION(word), EVICTED)
				:: else
				fi
			}
		:: else
		fi;
		evictions--;
		word = 0;
		my_life = 0
	:: true -> break
	od
}

init {
	atomic {
		run consumer(1);
#if CONSUMERS > 1
		run consumer(2)
#endif
	}
}
