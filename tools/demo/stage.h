/* SPDX-License-Identifier: MIT */
/*
 * The processes. Each pass forks a process for every role, waits for all of them, and ends all
 * when one fails or a signal comes. What they find out they leave in memory that they share with
 * their parent.
 */
#ifndef TOOLS_DEMO_STAGE_H
#define TOOLS_DEMO_STAGE_H

#include "demo.h"

#include <semaphore.h>
#include <stdatomic.h>

enum role { WRITER, CONSUMER_A, CONSUMER_B, OBSERVER, ROLES };

struct actor {
	_Atomic uint64_t progress; /* bytes so far, for the live line */
	uint64_t bytes;
	uint64_t records;
	uint64_t lost;  /* records */
	uint64_t wrong; /* records that were not as they had been written */
	uint64_t begin_ns;
	uint64_t end_ns;
	uint64_t wakeups;  /* system calls that woke others */
	uint64_t calls;    /* system calls by which data was handed over, or waited for */
	uint64_t switches; /* times that it slept */
	double cpu_seconds;
	uint8_t digest[SHA256_DIGEST_SIZE];
	char problem[200];
};

struct stage {
	const struct settings *settings;
	struct actor *actors; /* by role, shared */
	sem_t *ready;         /* shared: one from each who reads */
	int janitor_pipe;
	int janitor;
};

/* What a role does. Returns 0, or 1 after stage_problem. */
typedef int stage_act(struct stage *stage, struct actor *me, void *argument);

struct play {
	stage_act *acts[ROLES];          /* null: not in this play */
	void *argument;                  /* of the acts */
	void (*started)(void *argument); /* called once all are there; may be null */
	void (*tick)(struct stage *stage, void *argument); /* called now and then; may be null */
	void *tick_argument;
	int tick_ms;
};

/*
 * Sets up; from now on signals are taken by stage_play and stage_signal. Whatever happens to this
 * process, the ring is removed afterwards, by a child that waits for its end. Returns 0, or 1
 * after a message.
 */
int stage_open(struct stage *stage, struct settings *settings);

/* Removes the ring, if it is there. */
void stage_close(struct stage *stage);

/* Returns 0; 1 after a message; 128 + the signal that ended it. */
int stage_play(struct stage *stage, const struct play *play);

/* 128 + a signal that asks to stop, if one has come; or 0. */
int stage_signal(void);

/* In an act: notes what is wrong and returns 1. */
int stage_problem(struct actor *me, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* In an act: the clock, and counting, start and end here. */
void stage_begin(struct actor *me);
void stage_end(struct actor *me);

/* In the writer's act: waits until so many others have called stage_ready. */
void stage_await(struct stage *stage, int count);
void stage_ready(struct stage *stage);

#endif
