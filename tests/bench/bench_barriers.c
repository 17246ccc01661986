/* SPDX-License-Identifier: MIT */
/*
 * What wake mode MEMBARRIER costs others. A sleeper's membarrier(2) interrupts each processor on
 * which a producer of that mode is running, whatever ring that is for. Here one process gets ready
 * to sleep again and again, at a given pace, on a ring that nobody writes to; and on the other core
 * a producer writes to a ring of its own as fast as it can.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/names.h"
#include "bench_writer.h"

#define SIZE          64u
#define RECORDS       4000000u
#define RECORDS_QUICK 100000u

static const char help[] =
	"Usage: bench_barriers [OPTION]...\n"
	"Measures what a record costs a producer while on another core somebody gets ready to\n"
	"sleep on another ring, thousands of times a second: with that ring in wake mode FENCE,\n"
	"and in wake mode MEMBARRIER, whose sleepers interrupt producers. The producer's own\n"
	"ring is in either mode. Prints medians and quartiles of the ratios in a round to a\n"
	"round's run with an idle neighbour, and lines `figure NAME VALUE`.\n"
	"\n"
	"  --rounds N      rounds, 1 to 1000 (15)\n"
	"  --quick         a fortieth of the work: shows that it works, not how fast\n"
	"  --capacity N    bytes of each ring, a power of two, 65536 to 4194304 (1048576)\n"
	"  --cpus A,B      the writer's and the sleeper's CPU (the first two allowed)\n"
	"  --help          this text\n"
	"\n"
	"Exit status: 0, 1 failed, 2 usage, 77 fewer than two CPUs.\n";

/* What the neighbour does. */
struct neighbour {
	const char *label, *figure;
	enum shmring_wake_mode mode;
	uint64_t gap_ns; /* between two sleeps; 0: it does nothing */
};

static const struct neighbour neighbours[] = {
	{ "idle", "idle", SHMRING_WAKE_FENCE, 0 },
	{ "10,000 a second, FENCE", "fence_10000", SHMRING_WAKE_FENCE, 100000 },
	{ "10,000 a second, MEMBARRIER", "membarrier_10000", SHMRING_WAKE_MEMBARRIER, 100000 },
	{ "100,000 a second, FENCE", "fence_100000", SHMRING_WAKE_FENCE, 10000 },
	{ "100,000 a second, MEMBARRIER", "membarrier_100000", SHMRING_WAKE_MEMBARRIER, 10000 },
};
#define NEIGHBOURS ((int)(sizeof(neighbours) / sizeof(neighbours[0])))

/* The unrelated producer's own ring. */
enum { FENCE, MEMBARRIER, MODES };
static const enum shmring_wake_mode modes[MODES] = { SHMRING_WAKE_FENCE, SHMRING_WAKE_MEMBARRIER };
static const char *const mode_labels[MODES] = { "FENCE", "MEMBARRIER" };
static const char *const mode_figures[MODES] = { "fence", "membarrier" };

struct shared {
	_Atomic int state;   /* 1: the neighbour is at it; 2: enough */
	uint64_t sleeps, ns; /* the neighbour's */
	double record_ns;    /* the producer's */
};

static void create(const char *name, size_t capacity, enum shmring_wake_mode mode)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;

	options.capacity = capacity;
	options.wake_mode = mode;
	bench_must(shmring_create(name, &options), "create");
}

static void be_the_neighbour(const char *name, struct shared *shared, uint64_t gap_ns)
{
	struct shmring_consumer *consumer;
	const uint64_t start = bench_now();
	uint64_t next = start;

	bench_must(shmring_consumer_open(&consumer, name, NULL), "open for reading");
	atomic_store(&shared->state, 1);
	while (atomic_load(&shared->state) == 1) {
		struct shmring_futex futex;

		if (gap_ns == 0 || bench_now() < next) {
			bench_pause();
			continue;
		}
		next += gap_ns;
		bench_must(shmring_consumer_arm(consumer, &futex), "arm");
		bench_must(shmring_consumer_disarm(consumer), "disarm");
		shared->sleeps++;
	}
	shared->ns = bench_now() - start;
	bench_must(shmring_consumer_close(consumer), "close");
}

static void be_the_producer(const struct bench_plan *plan, struct shared *shared)
{
	const unsigned int records = plan->quick ? RECORDS_QUICK : RECORDS;
	struct shmring_producer *producer;

	bench_must(shmring_producer_open(&producer, plan->name[0], NULL), "open for writing");
	shared->record_ns = (double)bench_write_all(producer, SIZE, records) / records;
	bench_must(shmring_producer_close(producer), "close");
}

/*
 * Each is a process of its own: one that ever had a producer of mode MEMBARRIER stays liable to
 * interrupts.
 */
static double run(const struct bench_plan *plan, struct shared *shared, int mode,
		  const struct neighbour *neighbour, double *pace)
{
	pid_t sleeper, producer;
	bool good;

	create(plan->name[0], plan->capacity, modes[mode]);
	create(plan->name[1], plan->capacity, neighbour->mode);
	*shared = (struct shared){ .state = 0 };
	sleeper = bench_fork(plan->cpus[BENCH_FAR]);
	if (sleeper == 0) {
		be_the_neighbour(plan->name[1], shared, neighbour->gap_ns);
		_exit(0);
	}
	while (atomic_load(&shared->state) == 0 && waitpid(sleeper, NULL, WNOHANG) == 0)
		usleep(100);
	producer = bench_fork(plan->cpus[BENCH_NEAR]);
	if (producer == 0) {
		be_the_producer(plan, shared);
		_exit(0);
	}
	good = bench_ended_well(producer);
	atomic_store(&shared->state, 2);
	if (!bench_ended_well(sleeper) || !good)
		bench_fail("a process failed");
	*pace = (double)shared->sleeps * 1e9 / (double)shared->ns;
	bench_must(shmring_unlink(plan->name[0]), "unlink");
	bench_must(shmring_unlink(plan->name[1]), "unlink");
	return shared->record_ns;
}

static double ns[MODES][NEIGHBOURS][BENCH_ROUNDS], paces[MODES][NEIGHBOURS][BENCH_ROUNDS];

static void report(int rounds)
{
	static struct bench_quartiles ratio[MODES][NEIGHBOURS];

	printf("\n%-30s", "a neighbour that sleeps");
	for (int mode = 0; mode < MODES; mode++)
		printf(" %34s", mode_labels[mode]);
	printf("\n");
	for (int which = 0; which < NEIGHBOURS; which++) {
		printf("%-30s", neighbours[which].label);
		for (int mode = 0; mode < MODES; mode++) {
			double ratios[BENCH_ROUNDS];

			for (int round = 0; round < rounds; round++)
				ratios[round] = ns[mode][which][round] / ns[mode][0][round];
			ratio[mode][which] = bench_quartiles_of(ratios, rounds);
			printf("       %5.3f [%5.3f %5.3f], %6.0f/s", ratio[mode][which].median,
			       ratio[mode][which].low, ratio[mode][which].high,
			       bench_quartiles_of(paces[mode][which], rounds).median);
		}
		printf("\n");
	}
	printf("\nTimes a record's cost with an idle neighbour, by the producer's own wake mode; "
	       "and how\n"
	       "often the neighbour really did.\n\n");
	for (int mode = 0; mode < MODES; mode++)
		for (int which = 1; which < NEIGHBOURS; which++)
			printf("figure barriers_%s_beside_%s %.3f\n", mode_figures[mode],
			       neighbours[which].figure, ratio[mode][which].median);
}

int main(int argc, char **argv)
{
	static struct bench_plan plan;
	struct shared *shared;

	bench_program = "bench_barriers";
	plan.rounds = 15;
	bench_options(argc, argv, help, &plan, NULL);
	shared = bench_share(sizeof(*shared));
	bench_print_machine(&plan);
	for (int round = 0; round < plan.rounds; round++)
		for (int mode = 0; mode < MODES; mode++)
			for (int i = 0; i < NEIGHBOURS; i++) {
				const int which = (i + round) % NEIGHBOURS;

				ns[mode][which][round] =
					run(&plan, shared, mode, &neighbours[which],
					    &paces[mode][which][round]);
			}
	report(plan.rounds);
	return 0;
}
