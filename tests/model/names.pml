/* SPDX-License-Identifier: MIT */
/*
 * names.pml - no name is removed that its remover did not look at, and nothing stays behind.
 *
 * Mirrors lib/create.c (link_both), lib/remove.c (shmring_unlink, remove_whole, remove_both,
 * collect, collect_locked), lib/list.c (is_orphan) and lib/segment.c (segment_attach).
 *
 * CREATORS make a ring of the same name, one birth each; REMOVERS remove whatever has the name; a
 * collector goes through all control objects, a visitor attaches. KILLS of them are killed before
 * any system call. At the end, when all are done or dead, one more collection.
 *
 * Abstracted: a birth is a number, which stands for its UUID, its inodes and its control object's
 * name: inode numbers are not used again while a file is open. Every system call is one step. Two
 * names of one ring are the whole directory. Rings are not damaged, and may be written to.
 */
#ifndef CREATORS
#define CREATORS 2
#endif
#ifndef REMOVERS
#define REMOVERS 2
#endif
#ifndef KILLS
#define KILLS 2
#endif
#define BIRTHS (CREATORS + 1)

byte data;                /* the data object's name: which birth's; 0: none */
bool control[BIRTHS];     /* the control objects' names */
byte locked[BIRTHS];      /* LOCK_NAMES of each control object, also if it has no name */
bool making[BIRTHS];      /* its maker has not finished and is not dead */
byte working = CREATORS + REMOVERS + 1; /* that are neither done nor dead */
byte kills = KILLS;

/* Between any two steps all rings are whole. */
#define WHOLE (data == 0 || control[data])
#define STEP(step) atomic { if :: step; assert(WHOLE) :: kills > 0 -> kills--; goto died fi }

inline leave()
{
	/* The kernel drops the locks of the dead. */
	atomic {
		working--;
		if
		:: mine != 0 && locked[mine] == _pid -> locked[mine] = 0
		:: else
		fi
	}
}

proctype creator(byte mine)
{
	making[mine] = true;
#ifndef NO_LOCK_BY_MAKER
	STEP(locked[mine] == 0 -> locked[mine] = _pid);
#endif
#ifdef DATA_FIRST
	STEP(
		if
		:: data == 0 -> data = mine
		:: else -> goto died
		fi);
	STEP(control[mine] = true);
#else
	STEP(control[mine] = true);
	atomic {
		if
		:: data == 0 -> data = mine; assert(WHOLE)
		:: data != 0 -> goto taken
		:: kills > 0 -> kills--; goto died
		fi
	}
	goto died;
taken:
	STEP(control[mine] = false);
#endif
died:
	making[mine] = false;
	leave()
}

proctype remover()
{
	byte mine, seen;
	bool has_control;

	/* Opens the data object and reads its header. */
	seen = data;
	if
	:: seen == 0 -> goto died
	:: else
	fi;
#ifndef NO_LOCK_BY_REMOVER
	/* Opens its control object; or that is gone already. */
	has_control = control[seen];
	if
	:: has_control -> STEP(locked[seen] == 0 -> locked[seen] = _pid; mine = seen)
	:: else
	fi;
#endif
	/* remove_both(): named() */
#ifndef NAMES_NOT_LOOKED_AT_AGAIN
	if
	:: data != seen -> goto died
	:: else
	fi;
#endif
#ifdef CONTROL_FIRST
	STEP(control[seen] = false);
#endif
	atomic {
		if
		:: data != 0 -> assert(data == seen); data = 0
		:: data == 0 -> goto died
		:: kills > 0 -> kills--; goto died
		fi
	}
	STEP(control[seen] = false);
died:
	leave()
}

/* collect() of one control object */
inline collect_one(birth)
{
	/* is_orphan(), as the directory is listed; it opens the control object. */
	if
	:: control[birth] ->
		if
		:: data != birth ->
			/* ... and once more, to lock it. */
			if
			:: atomic { control[birth] && locked[birth] == 0 -> locked[birth] = _pid; mine = birth };
#ifndef COLLECTOR_DOES_NOT_LOOK_AGAIN
				if
				:: control[birth] && data != birth ->
#endif
					STEP(assert(data != birth && !making[birth]); control[birth] = false)
#ifndef COLLECTOR_DOES_NOT_LOOK_AGAIN
				:: else
				fi
#endif
				;
				atomic { locked[birth] = 0; mine = 0 }
			:: !control[birth] || locked[birth] != 0
			fi
		:: data == birth
		fi
	:: !control[birth]
	fi
}

proctype collector()
{
	byte mine;
	byte i = 1;

	do
	:: i <= CREATORS -> collect_one(i); i++
	:: else -> break
	od;
died:
	leave()
}

active proctype visitor()
{
	byte seen;

	seen = data;
	if
	:: seen == 0 -> goto end
	:: else
	fi;
	if
	:: control[seen] /* both halves */
	:: !control[seen] -> assert(data != seen) /* removed meanwhile: no ring */
	fi;
end:
	skip
}

init {
	byte mine;
	byte i = 1;

	atomic {
		do
		:: i <= CREATORS -> run creator(i); i++
		:: else -> break
		od;
		i = 1;
		do
		:: i <= REMOVERS -> run remover(); i++
		:: else -> break
		od;
		run collector();
		i = 1
	}
	atomic { working == 0 -> kills = 0 };
	do
	:: i <= CREATORS -> collect_one(i); assert(!control[i] || data == i); i++
	:: else -> break
	od;
died:
	skip
}
