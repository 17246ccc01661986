/* SPDX-License-Identifier: MIT */
/*
 * world.h - two rings with the same history: on one of them the victim is stepped; the survivors
 * are this process's handles on the other.
 *
 * Both are made by the same calls, so that slots, members and handles are the same. When the victim
 * is killed, its ring's contents are copied over the other's, on whose lock bytes the victim never
 * was: they are as the kernel would have left them. The survivors' handles are put back to what
 * they held when the victim came. What they then find is what they would have found, and it can be
 * tried again for the next instruction.
 */
#ifndef TESTS_CRASH_WORLD_H
#define TESTS_CRASH_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shmring/shmring.h>

/* The survivors that read. Each is in `present` and `lags` of a plan by its bit. */
enum who {
	STEADY, /* RELIABLE: must not lose anything */
	LOOSE,  /* LOSSY */
	LATE,   /* DEADLINE, 1 ns, not reading */
	KEPT,   /* durable and RELIABLE, with nobody there */
	DEAD,   /* RELIABLE, not durable, its process dead */
	GHOST,  /* a member of the victim's group: dead, with records that it had not released */
	PEER,   /* another one, alive */
	READERS,
};
#define WHO(who) (1u << (who))

/* What the world is like when the victim comes. */
struct plan {
	uint64_t seed; /* of the payload */
	struct {
		uint64_t from, seed;
	} later[2]; /* the same for records from there on: a successor writes its own */
	uint64_t first_position, first_sequence;
	size_t smallest, largest; /* payload bytes */
	uint64_t written;         /* bytes that were written before */
	uint64_t lag;             /* the last so many of them are not released by those who lag */
	unsigned int present, lags;
	bool alive; /* a producer lives; otherwise the victim may become one */
	bool died;  /* the last producer died; otherwise it closed the stream */
	bool fresh; /* there was none */
	bool none;  /* wake mode NONE */
	/* The victim's group; not `shared`: it is in none. */
	struct shmring_consumer_options group;
	bool asleep; /* its members have read nothing, and are lapped */
};

struct reader {
	struct shmring_consumer *consumer; /* null: not there, or not open */
	uint64_t next;                     /* the sequence number it reads next, if it loses none */
	void *saved;                       /* what the handle held when the victim came */
};

struct ring {
	const char *name;
	char *data, *control; /* the objects, writable */
	size_t data_size, control_size;
	int lock_fd; /* for looking at locks */
	struct reader reader[READERS];
	struct shmring_producer *producer;
	void *saved_producer;
};

/* What the victim tells as it goes, in memory that it shares with the harness alone. */
struct board {
	uint64_t committed; /* records below are published: a call has said so */
	uint64_t begun;     /* records below may be */
	uint64_t behind; /* the head may still be here: its producer died before it moved it, and so
			    on */
	uint64_t taken;  /* a successor's first record, by later[0] of the plan; 0: there is none */
	uint64_t opened; /* 1: producer_open, or joining, was called; 2: it has returned */
	uint64_t closed; /* the same of closing, leaving */
	uint64_t released;  /* sequence number: everything below was released, a call has said so */
	uint64_t releasing; /* everything below may be */
	uint64_t given;     /* everything below was read */
	uint64_t moving;    /* 1 + the place that is being sought; 0: no seek is under way */
	uint64_t evicted;   /* the victim's subscription may be: it may lose something now */
	uint64_t failed;    /* line of the victim's script that did not get what it expected */
	int64_t error;      /* what it got */
};

struct scenario;

struct world {
	struct plan plan;
	struct ring victim; /* where the victim is */
	struct ring copy;   /* where the survivors are */
	struct board *board;
	uint64_t next;         /* sequence number of the next record, when the victim came */
	uint64_t oldest;       /* and of the oldest one */
	uint64_t unclaimed;    /* of the first that the victim's group has not taken */
	uint64_t epoch;        /* of the last producer */
	uint64_t killed_epoch; /* on the ring when the victim was killed; set by world_set */

	const struct scenario *scenario; /* what the victim is about */
	int rounds; /* its script does the same thing so many times as often as it must */

	struct shmring_inspector *inspector;
};

/* A ring's two objects behind their header pages. */
struct image {
	char *bytes;
	size_t data_size, control_size; /* without the pages */
};
struct image image_new(const struct ring *ring);
void image_free(struct image *image);
void image_take(struct image *image, const struct ring *ring);
void image_put(const struct image *image, const struct ring *ring);

/* Of all that the victim's ring holds; and of all but times and pids, which are made alike. */
uint64_t ring_hash(const struct ring *ring);
uint64_t image_hash(struct image *scratch, const struct image *image);

/* The bytes of the control object that are locked, mixed into one number. */
uint64_t ring_locks(const struct ring *ring);

void world_make(struct world *world, const struct plan *plan);
void world_drop(struct world *world);

/* Puts the survivors into this state of the victim's ring. */
void world_set(struct world *world, const struct image *image);

/* Writes the record with this number; a shmring error. */
int record_write(const struct plan *plan, struct shmring_producer *producer, uint64_t sequence);

/* What it is made of: the seed, and from that its payload's length. */
uint64_t record_seed(const struct plan *plan, uint64_t sequence);
size_t record_size(const struct plan *plan, uint64_t sequence);

/* Is this the record that its sequence number says it is? */
bool record_sound(const struct plan *plan, const struct shmring_record *record);

/* Options of a survivor's subscription. */
struct shmring_consumer_options reader_options(enum who who);

#endif
