/* SPDX-License-Identifier: MIT */
/*
 * What it takes to make a ring and to open one, beside the same open, fallocate, link and mmap
 * calls by themselves, on two files of the same sizes; and, of opening, beside these calls and a
 * look at each page that opening looks at. The clock is stopped while what was made is undone.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <shmring/shmring.h>

#include "../support/names.h"
#include "../support/objects.h"
#include "bench.h"

#define PAGE        4096
#define TIMES       100 /* in a round */
#define TIMES_QUICK 5

static const char help[] =
	"Usage: bench_setup [OPTION]...\n"
	"Measures how long it takes to create a ring, and to open it as a producer and as a\n"
	"consumer, beside the bare system calls that give two files of the same sizes, names\n"
	"and mappings, and, for opening, beside these and a look at the pages that opening\n"
	"looks at, which costs a page fault for some of them. Prints medians and quartiles\n"
	"of the ratios in a round, as a table and as lines `figure NAME VALUE`.\n"
	"\n"
	"  --rounds N      rounds, 1 to 1000 (15)\n"
	"  --quick         a twentieth of the work: shows that it works, not how fast\n"
	"  --capacity N    bytes of the ring, a power of two, 65536 to 4194304 (1048576)\n"
	"  --cpus A,B      runs on A (the first allowed)\n"
	"  --help          this text\n"
	"\n"
	"Exit status: 0, 1 failed, 2 usage, 77 fewer than two CPUs.\n";

enum task { CREATE, OPEN_PRODUCER, OPEN_CONSUMER, TASKS };
enum way { BARE, TOUCHED, RING, WAYS };

static const char *const labels[TASKS] = { "create", "open for writing", "open for reading" };
static const char *const figures[TASKS] = { "create", "open_producer", "open_consumer" };

/* As large as one of a ring's two. */
struct file {
	char path[300];
	size_t size;
};

static struct file bare_files[2];
static struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
static const char *name;

static void must_be(bool true_of_it, const char *what)
{
	if (!true_of_it) {
		perror(what);
		exit(1);
	}
}

/* ---- Bare ------------------------------------------------------------------------------------ */

static uint64_t bare_create(void)
{
	const uint64_t start = bench_now();

	for (int i = 0; i < 2; i++) {
		const int fd = open("/dev/shm", O_RDWR | O_CLOEXEC | O_TMPFILE, 0600);

		must_be(fd >= 0, "open");
		must_be(fallocate(fd, 0, 0, (off_t)bare_files[i].size) == 0, "fallocate");
		must_be(linkat(fd, "", AT_FDCWD, bare_files[i].path, AT_EMPTY_PATH) == 0, "linkat");
		close(fd);
	}
	return bench_now() - start;
}

static void bare_remove(void)
{
	unlink(bare_files[0].path);
	unlink(bare_files[1].path);
}

/*
 * The pages that opening looks at: of the control object, words, tails, names and the first members
 * (one of each two pages); of the data object, what behind its header is the producer's, the index,
 * and the first records.
 */
static void touch(const volatile char *control, const volatile char *data)
{
	static const int pages[] = { 1, 2, 4, 6 };

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		(void)control[pages[i] * PAGE];
	for (size_t i = 1; i <= 4; i += i < 2 ? 1 : 2)
		(void)data[i * PAGE];
}

/*
 * One file for the records, which are mapped twice in a row; and one that is opened for locks as
 * well, and mapped in front of them.
 */
static uint64_t bare_open(bool writes, bool touches)
{
	const size_t data = bare_files[0].size, control = bare_files[1].size;
	const size_t records = options.capacity;
	const int rights = writes ? PROT_READ | PROT_WRITE : PROT_READ;
	const uint64_t start = bench_now();
	const int fd = open(bare_files[0].path, (writes ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	const int control_fd = open(bare_files[1].path, O_RDWR | O_CLOEXEC);
	const int lock_fd = open(bare_files[1].path, O_RDWR | O_CLOEXEC);
	char *room = mmap(NULL, control + data + records, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *all = room + control;
	uint64_t taken;

	must_be(fd >= 0 && control_fd >= 0 && lock_fd >= 0, "open");
	must_be(room != MAP_FAILED, "mmap");
	must_be(mmap(all, data, rights, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED, "mmap");
	must_be(mmap(all + data, records, rights, MAP_SHARED | MAP_FIXED, fd,
		     (off_t)(data - records)) != MAP_FAILED,
		"mmap");
	must_be(mmap(room, control, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, control_fd,
		     0) != MAP_FAILED,
		"mmap");
	close(control_fd);
	if (touches)
		touch(room, all);
	taken = bench_now() - start;
	munmap(room, control + data + records);
	close(lock_fd);
	close(fd);
	return taken;
}

static uint64_t bare(enum task task, bool touches)
{
	return task == CREATE ? bare_create() : bare_open(task == OPEN_PRODUCER, touches);
}

/* ---- This library ---------------------------------------------------------------------------- */

static uint64_t ring_create(void)
{
	const uint64_t start = bench_now();

	bench_must(shmring_create(name, &options), "create");
	return bench_now() - start;
}

static uint64_t ring_open_producer(void)
{
	const uint64_t start = bench_now();
	struct shmring_producer *producer;
	uint64_t taken;

	bench_must(shmring_producer_open(&producer, name, NULL), "open for writing");
	taken = bench_now() - start;
	bench_must(shmring_producer_close(producer), "close");
	return taken;
}

static uint64_t ring_open_consumer(void)
{
	const uint64_t start = bench_now();
	struct shmring_consumer *consumer;
	uint64_t taken;

	bench_must(shmring_consumer_open(&consumer, name, NULL), "open for reading");
	taken = bench_now() - start;
	bench_must(shmring_consumer_close(consumer), "close");
	return taken;
}

static uint64_t ring(enum task task)
{
	return task == CREATE          ? ring_create()
	       : task == OPEN_PRODUCER ? ring_open_producer()
				       : ring_open_consumer();
}

/* ---- Both ------------------------------------------------------------------------------------ */

/* How large a ring's objects are, and where the bare ones go. */
static void look_at_a_ring(const struct bench_plan *plan)
{
	options.capacity = plan->capacity;
	name = plan->name[0];
	bench_must(shmring_create(name, &options), "create");
	for (int i = 0; i < 2; i++) {
		bare_files[i].size = object_size(name, i == 0 ? OBJECT_DATA : OBJECT_CONTROL);
		snprintf(bare_files[i].path, sizeof(bare_files[i].path), "/dev/shm/%s.%d",
			 plan->name[1], i);
	}
	bench_must(shmring_unlink(name), "unlink");
}

/* The mean of so many times. */
static double time_of(enum task task, enum way way, int times)
{
	uint64_t taken = 0;

	if (task != CREATE && way != RING)
		bare_create();
	if (task != CREATE && way == RING)
		ring_create();
	for (int i = 0; i < times; i++) {
		taken += way == RING ? ring(task) : bare(task, way == TOUCHED);
		if (task != CREATE)
			continue;
		if (way == RING)
			bench_must(shmring_unlink(name), "unlink");
		else
			bare_remove();
	}
	if (task != CREATE && way != RING)
		bare_remove();
	if (task != CREATE && way == RING)
		bench_must(shmring_unlink(name), "unlink");
	return (double)taken / times;
}

static double taken[TASKS][WAYS][BENCH_ROUNDS];

/* Ratios of a task's rounds to those of a way. */
static struct bench_quartiles over(enum task task, enum way way, int rounds)
{
	double ratios[BENCH_ROUNDS];

	for (int round = 0; round < rounds; round++)
		ratios[round] = taken[task][RING][round] / taken[task][way][round];
	return bench_quartiles_of(ratios, rounds);
}

static void report(int rounds)
{
	struct bench_quartiles ratio[TASKS][WAYS], time[TASKS][WAYS];

	printf("\n%-18s %9s %9s %12s   times the bare calls, and with pages\n", "", "bare, us",
	       "and pages", "shmring, us");
	for (int task = 0; task < TASKS; task++) {
		for (int way = 0; way < RING; way++)
			ratio[task][way] = over((enum task)task, (enum way)way, rounds);
		/* Sorted from here on. */
		for (int way = 0; way < WAYS; way++)
			time[task][way] = bench_quartiles_of(taken[task][way], rounds);
		printf("%-18s %9.1f ", labels[task], time[task][BARE].median / 1000);
		if (task == CREATE)
			printf("%9s ", "");
		else
			printf("%9.1f ", time[task][TOUCHED].median / 1000);
		printf("%12.1f   %.2f [%.2f %.2f]", time[task][RING].median / 1000,
		       ratio[task][BARE].median, ratio[task][BARE].low, ratio[task][BARE].high);
		if (task != CREATE)
			printf(" %.2f [%.2f %.2f]", ratio[task][TOUCHED].median,
			       ratio[task][TOUCHED].low, ratio[task][TOUCHED].high);
		printf("\n");
	}
	printf("\n");
	for (int task = 0; task < TASKS; task++) {
		printf("figure setup_%s_us %.2f\n", figures[task], time[task][RING].median / 1000);
		printf("figure setup_%s_vs_bare %.3f\n", figures[task], ratio[task][BARE].median);
		if (task != CREATE)
			printf("figure setup_%s_vs_pages %.3f\n", figures[task],
			       ratio[task][TOUCHED].median);
	}
}

int main(int argc, char **argv)
{
	static struct bench_plan plan;

	bench_program = "bench_setup";
	plan.rounds = 15;
	bench_options(argc, argv, help, &plan, NULL);
	bench_stay_on(plan.cpus[0]);
	bench_print_machine(&plan);
	look_at_a_ring(&plan);
	for (int round = 0; round < plan.rounds; round++)
		for (int task = 0; task < TASKS; task++)
			for (int turn = 0; turn < WAYS; turn++) {
				/* By turns first. */
				const enum way way = (enum way)((turn + round) % WAYS);

				/* Who creates looks at nothing. */
				if (task == CREATE && way == TOUCHED)
					continue;
				taken[task][way][round] = time_of((enum task)task, way,
								  plan.quick ? TIMES_QUICK : TIMES);
			}
	report(plan.rounds);
	return 0;
}
