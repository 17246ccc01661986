/* SPDX-License-Identifier: MIT */
/*
 * What 64 broadcast subscriptions cost a producer, beside one. They are all RELIABLE, and another
 * process has them open, none of them asleep: by turns, the producer writes half a ring against the
 * clock, and that process reads it on each of them. So what differs is what the producer itself
 * does for them, and the lines that it has to have from them.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/names.h"
#include "bench_writer.h"

#define SIZE        64u
#define STRIDE      80u
#define TURNS       100 /* in a round */
#define TURNS_QUICK 4

static const char help[] =
	"Usage: bench_subscriptions [OPTION]...\n"
	"Measures what a record of 64 bytes costs the producer with 64 RELIABLE subscriptions,\n"
	"which another process reads by turns with it, beside what it costs with one. Prints\n"
	"medians and quartiles of the ratios in a round, and lines `figure NAME VALUE`.\n"
	"\n"
	"  --rounds N      rounds, 1 to 1000 (15)\n"
	"  --quick         a twentieth of the work: shows that it works, not how fast\n"
	"  --capacity N    bytes of the ring, a power of two, 65536 to 4194304 (1048576)\n"
	"  --cpus A,B      the writer's and the reader's CPU (the first two allowed)\n"
	"  --help          this text\n"
	"\n"
	"Exit status: 0, 1 failed, 2 usage, 77 fewer than two CPUs.\n";

enum { ONE, ALL, CASES };
static const unsigned int counts[CASES] = { 1, SHMRING_SUBSCRIPTIONS };

/* Whose turn it is: the reader's when the writer has had more. */
struct turns {
	_Alignas(128) _Atomic unsigned int written;
	_Alignas(128) _Atomic unsigned int read; /* one more: all subscriptions are open */
};

static void wait_for(const _Atomic unsigned int *turn, unsigned int number)
{
	while (atomic_load_explicit(turn, memory_order_acquire) < number)
		bench_pause();
}

static void read_all(struct shmring_consumer *consumer, unsigned int records)
{
	for (unsigned int i = 0; i < records; i++) {
		struct shmring_record record;

		bench_must(shmring_read(consumer, &record), "read");
		if (*(const uint64_t *)record.data != i)
			bench_fail("record %u is another one", i);
	}
	bench_must(shmring_release(consumer), "release");
}

static void be_the_reader(const char *name, struct turns *turns, unsigned int count,
			  unsigned int rounds, unsigned int records)
{
	struct shmring_consumer *consumers[SHMRING_SUBSCRIPTIONS];

	for (unsigned int i = 0; i < count; i++)
		bench_must(shmring_consumer_open(&consumers[i], name, NULL), "open for reading");
	atomic_store_explicit(&turns->read, 1, memory_order_release);
	for (unsigned int turn = 1; turn <= rounds; turn++) {
		wait_for(&turns->written, turn);
		for (unsigned int i = 0; i < count; i++)
			read_all(consumers[i], records);
		atomic_store_explicit(&turns->read, turn + 1, memory_order_release);
	}
	for (unsigned int i = 0; i < count; i++)
		bench_must(shmring_consumer_close(consumers[i]), "close");
}

/* A record's time, with so many subscriptions. The first lap is not on the clock. */
static double run(const struct bench_plan *plan, struct turns *turns, unsigned int count)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	const unsigned int records = (unsigned int)(plan->capacity / 2 / STRIDE);
	const unsigned int rounds = (plan->quick ? TURNS_QUICK : TURNS) + 2;
	const char *name = unique_name();
	struct shmring_producer *producer;
	uint64_t taken = 0;
	int status;
	pid_t reader;

	options.capacity = plan->capacity;
	bench_must(shmring_create(name, &options), "create");
	atomic_store(&turns->written, 0);
	atomic_store(&turns->read, 0);
	reader = bench_fork(plan->cpus[1]);
	if (reader == 0) {
		be_the_reader(name, turns, count, rounds, records);
		_exit(0);
	}
	bench_stay_on(plan->cpus[0]);
	bench_must(shmring_producer_open(&producer, name, NULL), "open for writing");
	/* Sleeping: as a real-time process we would keep it from running where it was born. */
	while (atomic_load(&turns->read) == 0 && waitpid(reader, &status, WNOHANG) == 0)
		usleep(100);
	for (unsigned int turn = 1; turn <= rounds; turn++) {
		while (atomic_load_explicit(&turns->read, memory_order_acquire) < turn)
			if (waitpid(reader, &status, WNOHANG) != 0)
				bench_fail("the reader failed");
		if (turn <= 2)
			bench_write_all(producer, SIZE, records);
		else
			taken += bench_write_all(producer, SIZE, records);
		atomic_store_explicit(&turns->written, turn, memory_order_release);
	}
	if (!bench_ended_well(reader))
		bench_fail("the reader failed");
	bench_must(shmring_producer_close(producer), "close");
	bench_must(shmring_unlink(name), "unlink");
	return (double)taken / (double)(rounds - 2) / records;
}

int main(int argc, char **argv)
{
	static double ns[CASES][BENCH_ROUNDS], ratios[BENCH_ROUNDS];
	static struct bench_plan plan;
	struct bench_quartiles ratio;
	struct turns *turns;

	bench_program = "bench_subscriptions";
	plan.rounds = 15;
	bench_options(argc, argv, help, &plan, NULL);
	turns = bench_share(sizeof(*turns));
	bench_print_machine(&plan);
	for (int round = 0; round < plan.rounds; round++) {
		/* By turns first. */
		for (int i = 0; i < CASES; i++) {
			const int which = (i + round) % CASES;

			ns[which][round] = run(&plan, turns, counts[which]);
		}
		ratios[round] = ns[ALL][round] / ns[ONE][round];
	}
	unique_names_sweep();
	ratio = bench_quartiles_of(ratios, plan.rounds);
	printf("\nA record of %u bytes, ns for the producer:\n", SIZE);
	for (int i = 0; i < CASES; i++)
		printf("%4u subscription%s %8.1f\n", counts[i], counts[i] == 1 ? " " : "s",
		       bench_quartiles_of(ns[i], plan.rounds).median);
	printf("times one: %.3f [%.3f %.3f]; the aim is at most 1.3\n\n", ratio.median, ratio.low,
	       ratio.high);
	for (int i = 0; i < CASES; i++)
		printf("figure subscriptions_%u_ns %.2f\n", counts[i],
		       bench_quartiles_of(ns[i], plan.rounds).median);
	printf("figure subscriptions_%u_vs_1 %.3f\n", counts[ALL], ratio.median);
	return 0;
}
