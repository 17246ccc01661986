/* SPDX-License-Identifier: MIT */
/* What a stress run is to do: its command line. */
#ifndef TESTS_STRESS_PLAN_H
#define TESTS_STRESS_PLAN_H

#include <stdint.h>

#include <shmring/inline.h>

/* ThreadSanitizer sees one process only, and no fences; see engine.h. */
#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

/* Mistakes made on purpose, to see that they are found. */
enum sabotage {
	SABOTAGE_NONE,
	SABOTAGE_DROP,   /* a reader forgets a record */
	SABOTAGE_TEAR,   /* a payload has a wrong byte */
	SABOTAGE_SWAP,   /* a reader takes two records in the wrong order */
	SABOTAGE_HANG,   /* a consumer stops reading and keeps what it has */
	SABOTAGE_SHORT,  /* a loss is reported one record too short */
	SABOTAGE_RESUME, /* a durable consumer goes on one record too far */
	SABOTAGE_REPEAT, /* a successor goes on one record too early */
	SABOTAGE_SKIP,   /* a successor goes on one record too late */
	SABOTAGE_DEAF,   /* a reader does not hear that the producer died */
	SABOTAGE_TWICE,  /* a member takes a record for two */
	SABOTAGE_FLAG,   /* ... and for the second says that somebody has died */
};

struct plan {
	const char *program;
	uint64_t seconds;
	uint64_t kills; /* processes to kill; the run ends when both this and the time are reached */
	uint64_t consumers; /* RELIABLE */
	uint64_t lossy;
	uint64_t deadline; /* DEADLINE consumers */
	uint64_t durable;  /* durable ones: RELIABLE, DEADLINE, LOSSY, and again */
	uint64_t observers;
	uint64_t joiners; /* come and go all the time, in every role */
	uint64_t members; /* of one group */
	uint64_t claim;   /* most records that a member takes at once */
	enum shmring_policy policy; /* the group's */
	uint64_t size_minimum;
	uint64_t size_maximum;
	uint64_t capacity;
	uint64_t seed;
	uint64_t batch;    /* most records in a batch; 0: none */
	uint64_t patience; /* seconds without any progress after which a role counts as stuck */
	int wake_none;
	int threads;
	int durable_group;
	int flat_out; /* the producer never pauses */
	enum sabotage sabotage;
};

/* Fills in what is not given. Exits with status 2 for a usage error, 0 after --help. */
void plan_parse(struct plan *plan, int argc, char **argv);

/* Prints the command that does the same again. */
void plan_print_command(const struct plan *plan);

#endif
