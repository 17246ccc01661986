/* SPDX-License-Identifier: MIT */
/*
 * Measures ways to hand records from one core to another, side by side.
 *
 * Two processes, each on a core of its own, go through one schedule. A *heat* is a task (one
 * way, or streaming; a size; singly or in batches) that every contender in it is given, one after
 * the other, in each round. What counts is the ratio of two contenders in the same heat of the
 * same round: whatever else the machine does then hits both. A contender is one file and one
 * entry in a program's plan.
 *
 * bench_options.c: the command line, and where this runs. bench_run.c: the processes and the
 * schedule. bench_numbers.c: medians and quartiles. bench_ring.c and bench_report.c: this ring, by
 * latency and cost of a record. bench_group.c, bench_members.c: members that share the records.
 * peers/: what else carries records from one process to another; peers/peer.h has the loops that
 * bench_ring and bench_peers send all of it through.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BENCH_BATCH      32
#define BENCH_CONTENDERS 16
#define BENCH_HEATS      40
#define BENCH_ROUNDS     1000
#define BENCH_SIZE_MAX   4096

/* Shared between the two processes, for contenders that need no more than a piece of memory. */
#define BENCH_ARENA_SIZE ((size_t)16 << 20)

enum bench_side {
	BENCH_NEAR = 0, /* writes the stream; sends the ball first */
	BENCH_FAR = 1,  /* reads the stream; sends the ball back */
};

enum bench_task {
	BENCH_ONE_WAY = 0, /* a record there and one back, over and over */
	BENCH_STREAM = 1,
};

struct bench_job {
	enum bench_task task;
	size_t size;         /* of a payload: a multiple of 8, at most BENCH_SIZE_MAX */
	unsigned int batch;  /* 1, or a divisor of BENCH_BATCH */
	size_t capacity;     /* bytes of a ring: a power of two */
	uint64_t warm_up;    /* records before the clock starts: a lap of the ring, at least */
	uint64_t records;    /* records on the clock */
	uint64_t cool_down;  /* records after it: a stream's writer is to be at work to the end */
	void *arena;         /* zeroed by whoever uses it */
	const char *name[2]; /* two names for objects in /dev/shm, there and back */
};

struct bench_result {
	uint64_t records; /* on the clock */
	uint64_t ns;
	uint64_t sum; /* of all 8-byte words of all payloads, also those off the clock */
};

/* Both processes call open (near first), run (at once) and close (far first). */
struct bench_contender {
	const char *label;  /* heads a column */
	const char *figure; /* its part of a figure's name; empty: the aims are about it */
	int mode;           /* the contender's own */
	bool aside;         /* a line below the table, not a column */
	bool bursts;        /* takes and gives several records at once, and so runs in batches */
	bool threads;       /* has threads of its own on our two cores: they are no disturbance */
	unsigned int slow;  /* gets so many times fewer records; 0: all */
	uint64_t (*lap)(const struct bench_job *job); /* records that fit */
	int (*open)(const struct bench_contender *self, const struct bench_job *job,
		    enum bench_side side);
	void (*run)(const struct bench_job *job, enum bench_side side, struct bench_result *result);
	void (*close)(enum bench_side side);
	/* For bench_members alone: puts records in, a lap at most; takes out all that there are. */
	void (*fill)(const struct bench_job *job, uint64_t first, uint64_t records);
	void (*drain)(const struct bench_job *job, struct bench_result *result);
};

extern const struct bench_contender bench_handover;
extern const struct bench_contender bench_handover_one_word;

/* peers/, a file each. */
extern const struct bench_contender bench_shmring_fence;
extern const struct bench_contender bench_shmring_calls;
extern const struct bench_contender bench_shmring_copied;
extern const struct bench_contender bench_shmring_membarrier;
extern const struct bench_contender bench_shmring_none;
extern const struct bench_contender bench_rte;
extern const struct bench_contender bench_rte_sc;
extern const struct bench_contender bench_rte_zc;
extern const struct bench_contender bench_ck;
extern const struct bench_contender bench_ck_values;
extern const struct bench_contender bench_spsc;
extern const struct bench_contender bench_mq;
extern const struct bench_contender bench_zmq;
extern const struct bench_contender bench_nanomsg;
extern const struct bench_contender bench_qb;

extern const struct bench_contender bench_group_shmring;
extern const struct bench_contender bench_group_rte_mc;
extern const struct bench_contender bench_group_rte_rts;
extern const struct bench_contender bench_group_rte_hts;
extern const struct bench_contender bench_group_ck;

struct bench_heat {
	struct bench_job job;
	const struct bench_contender *contenders[BENCH_CONTENDERS];
	int count;
	int reference;                /* the contender the others are compared with, or -1 */
	double *ns[BENCH_CONTENDERS]; /* a record's time, for each round */
};

struct bench_plan {
	struct bench_heat heats[BENCH_HEATS];
	int count;
	int rounds;
	int cpus[2];
	size_t capacity;
	bool quick;
	bool progress;
	void *arena;
	const char *name[2];
	long runs;  /* each a contender in a heat in a round */
	long tries; /* with those that were repeated because another process had a core meanwhile */
	long disturbed; /* runs that were never undisturbed */
};

/* An option: one of number, text and flag says what it takes, and where that goes. */
struct bench_option {
	const char *name; /* NULL: there are no more */
	long *number;     /* from low to high */
	long low, high;
	const char **text;
	bool *flag;
};

/*
 * Reads the command line; --help is known already. Ends the program where it is wrong (status 2),
 * and after --help.
 */
void bench_parse(int argc, char **argv, const char *help, const struct bench_option *options);

/* Ends the program (2) with a line on what is wrong with the command line. */
void bench_misused(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/*
 * Fills in the plan from the command line and the machine: options that all have, and `more`, or
 * NULL. Ends the program if there is nothing to run (as above, and 77 with fewer than two CPUs).
 */
void bench_options(int argc, char **argv, const char *help, struct bench_plan *plan,
		   const struct bench_option *more);

/* Keeps the calling thread to this CPU. Ends the program if it may not. */
void bench_stay_on(int cpu);

/* Ends this process, since a call of the library's failed. */
void bench_refused(int error, const char *what) __attribute__((noreturn));

/* Ends it unless the call, of which this is the result, succeeded. */
static inline void bench_must(int error, const char *what)
{
	if (__builtin_expect(error != 0, 0))
		bench_refused(error, what);
}

/* Memory, zeroed, that processes started later share. */
void *bench_share(size_t size);

/* A process on this CPU, which dies with its parent: 0 in there, its number in the parent. */
pid_t bench_fork(int cpu);

/* True if it has ended, and with status 0. */
bool bench_ended_well(pid_t child);

/* A line or two about the machine, the library and the run. */
void bench_print_machine(const struct bench_plan *plan);

/* Says that a peer was not there when this was built. */
void bench_print_without(const char *peer, const char *package);

/* The next of the plan's heats; `records` is rounded up to whole batches. */
struct bench_heat *bench_add_heat(struct bench_plan *plan, enum bench_task task, size_t size,
				  unsigned int batch, uint64_t records);
void bench_add_contender(struct bench_heat *heat, const struct bench_contender *contender,
			 bool reference);

/*
 * Fills every heat's `ns`, and the counts. Returns 0, or says what went wrong and returns an
 * exit status.
 */
int bench_execute(struct bench_plan *plan);

/* Executes the plan, cleans up, and has it reported. Returns what main returns. */
int bench_main(struct bench_plan *plan, void (*report)(const struct bench_plan *plan));

/* bench_ring: prints the tables, then the figures. */
void bench_report(const struct bench_plan *plan);

/* What the program is called in messages. */
extern const char *bench_program;

/* A line on standard error, after the program's name. */
void bench_complain(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

/* Ends this process, and with it the run, with a line on standard error. */
void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Three quartiles of `count` numbers, which are sorted in place. */
struct bench_quartiles {
	double low, median, high;
};
struct bench_quartiles bench_quartiles_of(double *numbers, int count);

/* Of a contender's times for a record, and, round by round, of one's times by the other's. */
struct bench_quartiles bench_times(const struct bench_plan *plan, const struct bench_heat *heat,
				   int which);
struct bench_quartiles bench_ratios(const struct bench_plan *plan, const struct bench_heat *heat,
				    int dividend, int divisor);

/*
 * How far apart the hand-over's own quartiles are, by its median. That, said at the end of a
 * report with how quiet the machine was; and as a figure.
 */
double bench_spread(const struct bench_plan *plan);
void bench_print_peace(const struct bench_plan *plan);
void bench_print_spread(const struct bench_plan *plan);

/* All records of a job. */
static inline uint64_t bench_total(const struct bench_job *job)
{
	return job->warm_up + job->records + job->cool_down;
}

static inline uint64_t bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Lets a hyperthread have the core, and leaves a polled line alone for some cycles. */
static inline void bench_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

#define bench_inline inline __attribute__((always_inline))

/* The payload of record number n is nothing but words of value n. */
static bench_inline void bench_fill(void *payload, size_t size, uint64_t number)
{
	uint64_t *words = (uint64_t *)payload;

	for (size_t i = 0; i < size / 8; i++)
		words[i] = number;
}

static bench_inline uint64_t bench_sum(const void *payload, size_t size)
{
	const uint64_t *words = (const uint64_t *)payload;
	uint64_t sum = 0;

	for (size_t i = 0; i < size / 8; i++)
		sum += words[i];
	return sum;
}

#ifdef __cplusplus
}
#endif

#endif
