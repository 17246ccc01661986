/* SPDX-License-Identifier: MIT */
/*
 * Large records, copied in by one process and out by another, beside what two copies cost one core:
 * it copies what the other core has just written, and copies that once more. Two cores that copy at
 * the same time should not take longer than one that does both.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shmring/shmring.h>

#include "../support/names.h"
#include "bench.h"

#define SIZES     3
#define LARGEST   ((size_t)1 << 20)
#define CAPACITY  (4 * LARGEST) /* a record takes a quarter at most */
#define RUN_BYTES ((uint64_t)1 << 29)

static const size_t sizes[SIZES] = { 64 << 10, 256 << 10, LARGEST };

static const char help[] =
	"Usage: bench_large [OPTION]...\n"
	"Measures records of 64 KiB, 256 KiB and 1 MiB through a ring of 4 MiB, copied in\n"
	"(shmring_write) and out (shmring_read_copy) on a core each, beside one core that\n"
	"copies twice what the other wrote last. Prints medians and quartiles of how many\n"
	"times as fast the ring is in a round, and lines `figure NAME VALUE`.\n"
	"\n"
	"  --rounds N      rounds, 1 to 1000 (15)\n"
	"  --quick         a fiftieth of the work: shows that it works, not how fast\n"
	"  --cpus A,B      the writer's and the reader's CPU (the first two allowed)\n"
	"  --help          this text\n"
	"\n"
	"Exit status: 0, 1 failed, 2 usage, 77 fewer than two CPUs.\n";

enum { ONE_CORE, RING, WAYS };

struct shared {
	_Alignas(128) _Atomic unsigned int written; /* turns */
	_Alignas(128) _Atomic unsigned int read;    /* one more: ready */
	double record_ns;
	_Alignas(4096) char slots[CAPACITY];
};

/* Each process has its own. */
static char source[LARGEST], once[LARGEST], twice[LARGEST];

static void stamp(char *payload, size_t size, uint64_t number)
{
	memcpy(payload, &number, sizeof(number));
	memcpy(payload + size - sizeof(number), &number, sizeof(number));
}

static void expect_stamp(const char *payload, size_t size, uint64_t number)
{
	uint64_t first, last;

	memcpy(&first, payload, sizeof(first));
	memcpy(&last, payload + size - sizeof(last), sizeof(last));
	if (first != number || last != number)
		bench_fail("record %llu of %zu bytes did not arrive as it was sent",
			   (unsigned long long)number, size);
}

/* A copy that a compiler cannot do without. */
static void copy(char *to, const char *from, size_t size)
{
	memcpy(to, from, size);
	__asm__ volatile("" : : "r"(to) : "memory");
}

static uint64_t records_of(const struct bench_plan *plan, size_t size)
{
	const uint64_t records = RUN_BYTES / size / (plan->quick ? 50 : 1);

	/* Whole turns, and a lap before the clock starts. */
	return records / (CAPACITY / size) * (CAPACITY / size) + 2 * (CAPACITY / size);
}

/* ---- One core -------------------------------------------------------------------------------- */

static void wait_for(const _Atomic unsigned int *turn, unsigned int number)
{
	while (atomic_load_explicit(turn, memory_order_acquire) < number)
		bench_pause();
}

static void write_slots(struct shared *shared, size_t size, uint64_t records)
{
	const unsigned int slots = (unsigned int)(CAPACITY / size);
	uint64_t number = 0;

	for (unsigned int turn = 1; turn <= records / slots; turn++) {
		wait_for(&shared->read, turn);
		for (unsigned int slot = 0; slot < slots; slot++) {
			stamp(source, size, ++number);
			copy(shared->slots + slot * size, source, size);
		}
		atomic_store_explicit(&shared->written, turn, memory_order_release);
	}
}

static void copy_slots(struct shared *shared, size_t size, uint64_t records)
{
	const unsigned int slots = (unsigned int)(CAPACITY / size);
	uint64_t number = 0, taken = 0;

	atomic_store_explicit(&shared->read, 1, memory_order_release);
	for (unsigned int turn = 1; turn <= records / slots; turn++) {
		uint64_t start;

		wait_for(&shared->written, turn);
		start = bench_now();
		for (unsigned int slot = 0; slot < slots; slot++) {
			copy(once, shared->slots + slot * size, size);
			copy(twice, once, size);
			expect_stamp(twice, size, ++number);
		}
		if (turn > 1)
			taken += bench_now() - start;
		atomic_store_explicit(&shared->read, turn + 1, memory_order_release);
	}
	shared->record_ns = (double)taken / (double)(records - slots);
}

/* ---- The ring -------------------------------------------------------------------------------- */

static void write_records(struct shared *shared, const char *name, size_t size, uint64_t records)
{
	struct shmring_producer *producer;

	bench_must(shmring_producer_open(&producer, name, NULL), "open for writing");
	wait_for(&shared->read, 1);
	for (uint64_t number = 1; number <= records; number++) {
		int error;

		stamp(source, size, number);
		while ((error = shmring_write(producer, source, size, 0, 0)) == -EAGAIN)
			bench_pause();
		bench_must(error, "write");
	}
	bench_must(shmring_producer_close(producer), "close");
}

static void read_records(struct shared *shared, const char *name, size_t size, uint64_t records)
{
	const uint64_t lap = CAPACITY / size;
	struct shmring_consumer *consumer;
	uint64_t start = 0;

	bench_must(shmring_consumer_open(&consumer, name, NULL), "open for reading");
	atomic_store_explicit(&shared->read, 1, memory_order_release);
	for (uint64_t number = 1; number <= records; number++) {
		struct shmring_record record;
		int error;

		while ((error = shmring_read_copy(consumer, once, sizeof(once), &record)) ==
		       -EAGAIN)
			bench_pause();
		bench_must(error, "read");
		expect_stamp(once, size, number);
		if (number == lap)
			start = bench_now();
	}
	shared->record_ns = (double)(bench_now() - start) / (double)(records - lap);
	bench_must(shmring_consumer_close(consumer), "close");
}

/* ---- Both ------------------------------------------------------------------------------------ */

static void be(int side, struct shared *shared, int way, const char *name, size_t size,
	       uint64_t records)
{
	if (way == ONE_CORE && side == BENCH_NEAR)
		write_slots(shared, size, records);
	else if (way == ONE_CORE)
		copy_slots(shared, size, records);
	else if (side == BENCH_NEAR)
		write_records(shared, name, size, records);
	else
		read_records(shared, name, size, records);
}

/* A record's time in ns. */
static double run(const struct bench_plan *plan, struct shared *shared, int way, size_t size)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	const char *name = plan->name[0];
	pid_t children[2];

	options.capacity = CAPACITY;
	bench_must(shmring_create(name, &options), "create");
	atomic_store(&shared->written, 0);
	atomic_store(&shared->read, 0);
	for (int side = 0; side < 2; side++) {
		children[side] = bench_fork(plan->cpus[side]);
		if (children[side] == 0) {
			/* Every page is there before the clock starts. */
			memset(source, 1, sizeof(source));
			memset(once, 1, sizeof(once));
			memset(twice, 1, sizeof(twice));
			be(side, shared, way, name, size, records_of(plan, size));
			_exit(0);
		}
	}
	for (int left = 2; left > 0; left--) {
		int status;
		const pid_t child = wait(&status);

		if (status == 0)
			continue;
		kill(child == children[0] ? children[1] : children[0], SIGKILL);
		bench_fail("a process failed");
	}
	bench_must(shmring_unlink(name), "unlink");
	return shared->record_ns;
}

static double ns[SIZES][WAYS][BENCH_ROUNDS];

static void report(int rounds)
{
	struct bench_quartiles speed[SIZES];

	printf("\n%10s %14s %14s   times as fast [quartiles]\n", "bytes", "one core, us",
	       "shmring, us");
	for (int i = 0; i < SIZES; i++) {
		double ratios[BENCH_ROUNDS];

		for (int round = 0; round < rounds; round++)
			ratios[round] = ns[i][ONE_CORE][round] / ns[i][RING][round];
		speed[i] = bench_quartiles_of(ratios, rounds);
		printf("%10zu %14.1f %14.1f   %.2f [%.2f %.2f]\n", sizes[i],
		       bench_quartiles_of(ns[i][ONE_CORE], rounds).median / 1000,
		       bench_quartiles_of(ns[i][RING], rounds).median / 1000, speed[i].median,
		       speed[i].low, speed[i].high);
	}
	printf("\nThe aim is 0.9 times at least.\n\n");
	for (int i = 0; i < SIZES; i++)
		printf("figure large_%zu_over_one_core %.3f\n", sizes[i], speed[i].median);
}

int main(int argc, char **argv)
{
	static struct bench_plan plan;
	struct shared *shared;

	bench_program = "bench_large";
	plan.rounds = 15;
	bench_options(argc, argv, help, &plan, NULL);
	if (plan.capacity != SHMRING_CAPACITY_DEFAULT)
		bench_misused("--capacity: it is always 4 MiB here");
	plan.capacity = CAPACITY;
	shared = bench_share(sizeof(*shared));
	bench_print_machine(&plan);
	for (int round = 0; round < plan.rounds; round++)
		for (int i = 0; i < SIZES; i++)
			for (int j = 0; j < WAYS; j++) {
				const int way = (j + round) % WAYS;

				ns[i][way][round] = run(&plan, shared, way, sizes[i]);
			}
	report(plan.rounds);
	return 0;
}
