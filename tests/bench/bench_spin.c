/* SPDX-License-Identifier: MIT */
/*
 * What it costs a reader to spin before it sleeps, and what it gains: a record every so often, read
 * by a process that waits, with one spin limit after the other.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shmring/shmring.h>

#include "../support/names.h"
#include "bench.h"

#define GAPS        5
#define LIMITS      5
#define ROUNDS_MAX  BENCH_ROUNDS
#define RECORDS_MAX 2000u
#define RECORDS_MIN 20u

static const uint64_t gaps_ns[GAPS] = { 1000, 10000, 100000, 1000000, 10000000 };
static const char *const gap_labels[GAPS] = { "1 us", "10 us", "100 us", "1 ms", "10 ms" };
static const int64_t limits_ns[LIMITS] = { -1, 5000, 50000, 500000, 5000000 };
static const char *const limit_labels[LIMITS] = { "never", "5 us", "50 us", "500 us", "5 ms" };
static const char *const limit_figures[LIMITS] = { "never", "5us", "50us", "500us", "5ms" };

static const char help[] =
	"Usage: bench_spin [OPTION]...\n"
	"Measures a reader that waits for a record every 1, 10, 100 microseconds, 1 and 10\n"
	"milliseconds, and spins for at most so long before it sleeps: how late it has the\n"
	"record, and how much of a core it takes. Medians over the rounds, as a table and as\n"
	"lines `figure NAME VALUE`.\n"
	"\n"
	"  --rounds N      rounds, 1 to 1000 (9)\n"
	"  --quick         a tenth of the time: shows that it works, not how fast\n"
	"  --capacity N    bytes of each ring, a power of two, 65536 to 4194304 (1048576)\n"
	"  --cpus A,B      the writer's and the reader's CPU (the first two allowed)\n"
	"  --help          this text\n"
	"\n"
	"Late is from before the writer's call to after the reader's: the median of a run.\n"
	"Exit status: 0, 1 failed, 2 usage, 77 fewer than two CPUs.\n";

/* Between the two processes. */
struct cell {
	_Atomic int ready;
	double late_ns;
	double share; /* of a core, that the reader took */
};

/* A median for each cell, of what each round gave. */
struct results {
	double late_ns[GAPS][LIMITS][ROUNDS_MAX];
	double share[GAPS][LIMITS][ROUNDS_MAX];
};

static uint64_t processor_time(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

static void read_all(struct cell *cell, const char *name, int64_t limit_ns, uint64_t records)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	static double late[RECORDS_MAX];
	struct shmring_consumer *consumer;
	uint64_t start = 0, used = 0;

	options.spin_ns = limit_ns;
	bench_must(shmring_consumer_open(&consumer, name, &options), "open for reading");
	atomic_store(&cell->ready, 1);
	for (uint64_t i = 0; i < records; i++) {
		struct shmring_record record;

		bench_must(shmring_wait(consumer, -1), "wait");
		bench_must(shmring_read(consumer, &record), "read");
		late[i] = (double)(bench_now() - *(const uint64_t *)record.data);
		bench_must(shmring_release(consumer), "release");
		if (i == 0) {
			start = bench_now();
			used = processor_time();
		}
	}
	cell->share = (double)(processor_time() - used) / (double)(bench_now() - start);
	cell->late_ns = bench_quartiles_of(late, (int)records).median;
	bench_must(shmring_consumer_close(consumer), "close");
}

static void write_all(struct shmring_producer *producer, uint64_t gap_ns, uint64_t records)
{
	uint64_t next = bench_now() + gap_ns;

	for (uint64_t i = 0; i < records; i++, next += gap_ns) {
		uint64_t now;

		while ((now = bench_now()) < next)
			bench_pause();
		bench_must(shmring_write(producer, &now, sizeof(now), 0, -1), "write");
	}
}

static void run(struct cell *cell, const struct bench_plan *plan, uint64_t gap_ns, int64_t limit_ns)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	const uint64_t fit = (plan->quick ? 10000000 : 100000000) / gap_ns;
	const uint64_t records = fit < RECORDS_MIN   ? RECORDS_MIN
				 : fit > RECORDS_MAX ? RECORDS_MAX
						     : fit;
	const char *name = unique_name();
	struct shmring_producer *producer;
	int status;
	pid_t reader;

	options.capacity = plan->capacity;
	bench_must(shmring_create(name, &options), "create");
	memset(cell, 0, sizeof(*cell));
	reader = bench_fork(plan->cpus[1]);
	if (reader == 0) {
		read_all(cell, name, limit_ns, records);
		_exit(0);
	}
	bench_stay_on(plan->cpus[0]);
	bench_must(shmring_producer_open(&producer, name, NULL), "open for writing");
	/* Sleeping: as a real-time process we would keep it from running where it was born. */
	while (!atomic_load(&cell->ready) && waitpid(reader, &status, WNOHANG) == 0)
		usleep(100);
	if (atomic_load(&cell->ready)) {
		write_all(producer, gap_ns, records);
		waitpid(reader, &status, 0);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		bench_fail("the reader failed");
	bench_must(shmring_producer_close(producer), "close");
	bench_must(shmring_unlink(name), "unlink");
}

static void report(struct results *results, int rounds)
{
	printf("\nA record every so often: how late the reader has it, microseconds, and how much "
	       "of\n"
	       "a core it takes, by how long it may spin before it sleeps\n%8s",
	       "every");
	for (int limit = 0; limit < LIMITS; limit++)
		printf(" %13s", limit_labels[limit]);
	printf("\n");
	for (int gap = 0; gap < GAPS; gap++) {
		printf("%8s", gap_labels[gap]);
		for (int limit = 0; limit < LIMITS; limit++) {
			const double late =
				bench_quartiles_of(results->late_ns[gap][limit], rounds).median;
			const double share =
				bench_quartiles_of(results->share[gap][limit], rounds).median;

			printf(" %7.2f %3.0f %%", late / 1000, share * 100);
		}
		printf("\n");
	}
	printf("\n");
	for (int gap = 0; gap < GAPS; gap++) {
		for (int limit = 0; limit < LIMITS; limit++) {
			printf("figure spin_late_us_%llu_%s %.2f\n",
			       (unsigned long long)gaps_ns[gap] / 1000, limit_figures[limit],
			       results->late_ns[gap][limit][rounds / 2] / 1000);
			printf("figure spin_share_%llu_%s %.4f\n",
			       (unsigned long long)gaps_ns[gap] / 1000, limit_figures[limit],
			       results->share[gap][limit][rounds / 2]);
		}
	}
}

int main(int argc, char **argv)
{
	static struct results results;
	static struct bench_plan plan;
	struct cell *cell;

	bench_program = "bench_spin";
	plan.rounds = 9;
	bench_options(argc, argv, help, &plan, NULL);
	cell = bench_share(sizeof(*cell));
	for (int round = 0; round < plan.rounds; round++) {
		for (int gap = 0; gap < GAPS; gap++) {
			for (int limit = 0; limit < LIMITS; limit++) {
				run(cell, &plan, gaps_ns[gap], limits_ns[limit]);
				results.late_ns[gap][limit][round] = cell->late_ns;
				results.share[gap][limit][round] = cell->share;
			}
		}
	}
	report(&results, plan.rounds);
	return 0;
}
