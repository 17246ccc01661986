/* SPDX-License-Identifier: MIT */
/*
 * shmtool bench: the same work through every way that two processes can talk on Linux.
 *
 * The parent opens a way (a transport), forks two processes that inherit it, each on a core of its
 * own, and closes it when both have ended; that is one run. Whatever has a name loses it as soon as
 * it is open, or, a ring, at the end of the run: a signal leaves nothing behind. A transport is an
 * entry in the table in bench_transports.c; its family is one file. A *group* is a task with a size
 * that all transports are given, one after the other, in each round. What counts is the ratio of
 * two of them in the same group of the same round: whatever else the machine does hits both.
 */
#ifndef SHMTOOL_BENCH_H
#define SHMTOOL_BENCH_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_SIZE_MIN   8u
#define BENCH_SIZE_MAX   (1u << 20)
#define BENCH_SIZES      10 /* a row of the tables has 80 columns */
#define BENCH_TRANSPORTS 32
#define BENCH_GROUPS     (2 * BENCH_SIZES + BENCH_PACES)
#define BENCH_ROUNDS     1000
#define BENCH_CONSUMERS  64
#define BENCH_REASON     160

/* Nanoseconds between two records of the paced tasks. */
#define BENCH_PACES 3
extern const uint64_t bench_paces[BENCH_PACES];

enum bench_side {
	BENCH_NEAR = 0, /* writes; sends requests */
	BENCH_FAR = 1,  /* reads; replies */
};

enum bench_task {
	BENCH_STREAM = 1, /* as many records as go through */
	BENCH_TRIP = 2,   /* a record there and one back, over and over */
	BENCH_PACED = 4,  /* a record at each beat of a clock */
};

struct bench_job {
	enum bench_task task;
	size_t size;          /* of a record, bytes: a multiple of 8 */
	uint64_t interval_ns; /* of BENCH_PACED */
	uint64_t run_ns;      /* on the clock, and a fifth more before that */
	unsigned int ways;    /* 1: there; 2: and back */
};

/* ---- what is measured in a run ---- */

/* Times in buckets that are 1/64 of their power of two wide, up to some minutes. */
#define BENCH_BUCKETS 2304
struct bench_histogram {
	uint64_t count;
	uint64_t maximum;
	uint32_t buckets[BENCH_BUCKETS];
};
void bench_note(struct bench_histogram *histogram, uint64_t ns);
void bench_merge(struct bench_histogram *into, const struct bench_histogram *from);
/* The time that so many of a thousand do not exceed; 0 if there are none. */
double bench_percentile(const struct bench_histogram *histogram, double per_mille);

struct bench_measured {
	uint64_t records; /* on the clock, like the next two */
	uint64_t ns;
	uint64_t cpu_ns;
	uint64_t all;   /* records from the first to the last, like the calls */
	uint64_t calls; /* system calls for them */
	long preempted; /* times another process took the core */
};

/* What both processes and the parent share; zeros at the start of a run. */
struct bench_shared {
	alignas(128) _Atomic unsigned int arrived;
	alignas(128) uint64_t beat_ns; /* when the first record of a paced task is due */
	_Atomic uint64_t warm; /* the first record on the clock, and one more; 0: none yet */
	alignas(128) struct bench_measured measured[2];
	char problem[2][BENCH_REASON];    /* why that side gave up */
	struct bench_histogram histogram; /* there and back for BENCH_TRIP, else one way */
};

struct bench_run {
	const struct bench_transport *transport;
	struct bench_job job;
	struct bench_shared *shared;
	char reason[BENCH_REASON]; /* why opening failed */
};

/* ---- a transport ---- */

enum bench_family {
	BENCH_RING = 1,
	BENCH_KERNEL = 2, /* what a user would pick instead */
	BENCH_FLOOR = 4,  /* nothing can be faster */
};

enum bench_opened {
	BENCH_OPEN = 0,
	BENCH_TOO_LARGE, /* for one message */
	BENCH_REFUSED,   /* the kernel does not let us; run->reason says why */
};

struct bench_transport {
	const char *name; /* for --transports, and in the tables */
	enum bench_family family;
	unsigned int tasks; /* that it can do */
	size_t largest;     /* record that it is tried with; 0: any */
	bool hidden_calls;  /* some system calls are made where they cannot be counted */
	int variant;        /* the family's own */
	enum bench_opened (*open)(struct bench_run *run);
	void (*run)(struct bench_run *run, enum bench_side side); /* in each process */
	void (*close)(struct bench_run *run); /* also after an open that failed */
};

extern const struct bench_transport bench_transports[];
extern const int bench_transport_count;

/* One of these in each family's file. */
enum bench_opened bench_pipe_open(struct bench_run *run);
void bench_pipe_run(struct bench_run *run, enum bench_side side);
void bench_pipe_close(struct bench_run *run);
enum bench_opened bench_socket_open(struct bench_run *run);
void bench_socket_run(struct bench_run *run, enum bench_side side);
void bench_socket_close(struct bench_run *run);
enum bench_opened bench_queue_open(struct bench_run *run);
void bench_queue_run(struct bench_run *run, enum bench_side side);
void bench_queue_close(struct bench_run *run);
enum bench_opened bench_memory_open(struct bench_run *run);
void bench_memory_run(struct bench_run *run, enum bench_side side);
void bench_memory_close(struct bench_run *run);
enum bench_opened bench_ring_open(struct bench_run *run);
void bench_ring_run(struct bench_run *run, enum bench_side side);
void bench_ring_close(struct bench_run *run);
enum bench_opened bench_floor_open(struct bench_run *run);
void bench_floor_run(struct bench_run *run, enum bench_side side);
void bench_floor_close(struct bench_run *run);

/* The families' variants. */
enum { BENCH_PIPE, BENCH_FIFO };
enum { BENCH_UNIX_STREAM, BENCH_UNIX_SEQPACKET, BENCH_UNIX_DATAGRAM, BENCH_TCP, BENCH_UDP };
enum { BENCH_SYSV_QUEUE, BENCH_POSIX_QUEUE };
enum { BENCH_FILE_MUTEX, BENCH_SYSV_MUTEX, BENCH_EVENTFD };
enum { BENCH_SPIN, BENCH_ADAPTIVE, BENCH_BLOCK, BENCH_COPY = 16 };
enum { BENCH_HANDOVER, BENCH_FUTEX, BENCH_MEMCPY };

/* ---- the plan, and what came of it ---- */

enum bench_state {
	BENCH_UNTRIED = 0, /* not asked for, or not for this task */
	BENCH_DONE,
	BENCH_LARGE,   /* too large for one message */
	BENCH_SKIPPED, /* see the plan's reasons */
};

/* A transport in a group; arrays have a number for each round. */
struct bench_cell {
	enum bench_state state;
	double *ns;    /* a record's time: to come through, or one way (its median) */
	double *calls; /* system calls a record */
	double *cpu;   /* nanoseconds of processor time a record, both processes */
	double pace;   /* least part of the beats of a paced task that were kept */
	uint64_t records;
	struct bench_histogram *histogram; /* all rounds; null for streams */
};

struct bench_group {
	struct bench_job job;
	struct bench_cell cells[BENCH_TRANSPORTS];
};

struct bench_plan {
	/* asked for */
	size_t sizes[BENCH_SIZES];
	int size_count;
	bool wanted[BENCH_TRANSPORTS];
	unsigned int consumers; /* 0: transports are measured, not the cost of consumers */
	int rounds;
	double seconds; /* a run */
	int cpus[2];
	bool quick, json;
	const char *plot;

	/* measured */
	struct bench_group groups[BENCH_GROUPS];
	int group_count;
	char reasons[BENCH_TRANSPORTS][BENCH_REASON]; /* why a transport was skipped */
	struct bench_shared *shared;
	uint64_t clock_ns; /* what reading the clock takes; it is in every latency */
	double elapsed;    /* seconds */
	long expected;     /* runs, if nothing is skipped */
	/* and what they were: repeated because another process had a core; disturbed all the same */
	long runs, repeated, disturbed;
};

/* Which size the tables of details, and the paced tasks, are about: 64 bytes if that is measured. */
size_t bench_detail_size(const struct bench_plan *plan);

/* Each returns a status; after a signal nothing is left and the status says so. */
int bench_execute(struct bench_plan *plan);
int bench_consumers(struct bench_plan *plan);

/* Zeroed memory that children share, or null. */
void *bench_map_shared(size_t bytes);

/* Two processes, `work` in each, pinned. Returns 0, or reports what went wrong. */
int bench_fork_two(struct bench_plan *plan, const char *what,
		   void (*work)(enum bench_side side, void *argument), void *argument);

/* ---- telling ---- */

void bench_print_table(const struct bench_plan *plan);
int bench_print_json(const struct bench_plan *plan);
int bench_draw_plot(const struct bench_plan *plan);
int bench_check_plot(const char *file); /* that it can be drawn, before an hour is spent on it */

struct bench_quartiles {
	double low, median, high;
};
struct bench_quartiles bench_quartiles(const double *numbers, int count);
/* Of the group's transport to another one, a number for each round. */
struct bench_quartiles bench_ratios(const struct bench_plan *plan, const struct bench_group *group,
				    int one, int other);
const struct bench_group *bench_find(const struct bench_plan *plan, enum bench_task task,
				     size_t size, uint64_t interval_ns);
int bench_transport(const char *name); /* its number, or -1 */
bool bench_done(const struct bench_group *group, int transport);

/* How far the quartiles of the floor are apart; and whether that, or what else ran, is too much. */
double bench_noise(const struct bench_plan *plan);
bool bench_too_noisy(const struct bench_plan *plan);

#endif
