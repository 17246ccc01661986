/* SPDX-License-Identifier: MIT */
/*
 * Several members that share the records of one producer, on as many cores as there are: what a
 * record costs in processor time. Here the clock would measure the scheduler.
 *
 * By turns, the producer puts in TURN records while the members sleep, and the members take them
 * out, all at once, while the producer sleeps. So nobody spins for what is not there, and
 * what is counted is the work, without the sleeping and waking between the turns. Under valgrind (bench_members.sh) the same program gives
 * instructions; only those in bench_members_fill and bench_members_drain are counted there.
 *
 * A run ends after so many records, or a second: where members wait for one that is not running,
 * and the others take the cores to wait, a record may take a time slice.
 */
#include "bench_group.h"
#include "../support/names.h"

#include <shmring/shmring.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMBERS_MAX 16
#define RUN_SECONDS 120
#define TURN        1024 /* fits into each ring several times */
#define RUN_NS      1000000000u

static const char help[] =
	"Usage: bench_members [OPTION]...\n"
	"Measures what a record costs in processor time when 2, 4 or 8 members share the\n"
	"records of one producer: this library's groups, DPDK's rte_ring and Concurrency Kit's\n"
	"ck_ring. Prints a table, and lines `figure NAME VALUE`.\n"
	"\n"
	"  --rounds N      rounds, 1 to 1000 (5)\n"
	"  --quick         few records: shows that it works, not how fast\n"
	"  --members N     so many members alone, 1 to 16\n"
	"  --batch N       this batch alone, 1 or 16\n"
	"  --contender X   this one alone, by its name in the figures\n"
	"  --records N     records of a run (200000), which also ends after a second\n"
	"  --list          says which contenders there are, and ends\n"
	"  --help          this text\n";

static const struct bench_contender *const contenders[] = {
	&bench_group_shmring,
#ifdef HAVE_DPDK
	&bench_group_rte_mc,  &bench_group_rte_rts, &bench_group_rte_hts,
#endif
#ifdef HAVE_CK
	&bench_group_ck,
#endif
};
#define CONTENDERS ((int)(sizeof(contenders) / sizeof(contenders[0])))

static const unsigned int all_members[] = { 2, 4, 8 };
static const unsigned int all_batches[] = { 1, GROUP_BATCH };

struct options {
	long rounds, members, batch, records;
	const char *contender;
};

struct shared {
	pthread_barrier_t turn;
	struct bench_result results[1 + MEMBERS_MAX];
	uint64_t last;                  /* record of the run, once that is known */
	double cpu_ns[1 + MEMBERS_MAX]; /* of the producer, and of each member */
};

static struct shared *shared;

static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Named, and not inlined: valgrind counts what goes on in these two. */
__attribute__((noinline)) void bench_members_fill(const struct bench_contender *contender,
						  const struct bench_job *job, uint64_t first,
						  uint64_t records);
__attribute__((noinline)) void bench_members_drain(const struct bench_contender *contender,
						   const struct bench_job *job,
						   struct bench_result *result);

void bench_members_fill(const struct bench_contender *contender, const struct bench_job *job,
			uint64_t first, uint64_t records)
{
	contender->fill(job, first, records);
	atomic_signal_fence(memory_order_seq_cst);
}

void bench_members_drain(const struct bench_contender *contender, const struct bench_job *job,
			 struct bench_result *result)
{
	contender->drain(job, result);
	atomic_signal_fence(memory_order_seq_cst);
}

static void take_turns(void)
{
	pthread_barrier_wait(&shared->turn);
}

/* Process 0 is the producer. */
static void play(const struct bench_contender *contender, const struct bench_job *job,
		 unsigned int process)
{
	const enum bench_side side = process == 0 ? BENCH_NEAR : BENCH_FAR;
	const uint64_t begin = bench_now();
	double start, spent = 0;

	alarm(RUN_SECONDS);
	if (side == BENCH_NEAR)
		contender->open(contender, job, side);
	take_turns();
	if (side == BENCH_FAR)
		contender->open(contender, job, side);
	take_turns();
	for (uint64_t first = 1;; first += TURN) {
		if (side == BENCH_NEAR) {
			start = cpu_ns();
			bench_members_fill(contender, job, first, TURN);
			spent += cpu_ns() - start;
			if (first > job->records || (first > 1 && bench_now() - begin > RUN_NS))
				shared->last = first + TURN - 1;
		}
		take_turns();
		if (side == BENCH_FAR) {
			start = cpu_ns();
			bench_members_drain(contender, job, &shared->results[process]);
			spent += cpu_ns() - start;
		}
		/* The first turn is for getting warm. */
		if (first == 1)
			spent = 0;
		take_turns();
		/* It may already be the next turn's, of which this process knows nothing yet. */
		if (shared->last == first + TURN - 1)
			break;
	}
	shared->cpu_ns[process] = spent;
	if (side == BENCH_FAR)
		contender->close(side);
	take_turns();
	if (side == BENCH_NEAR)
		contender->close(side);
}

static pid_t start(const struct bench_contender *contender, const struct bench_job *job,
		   unsigned int process)
{
	const pid_t parent = getpid();
	const pid_t child = fork();

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	play(contender, job, process);
	_exit(0);
}

/* The first that fails takes the others with it. */
static void wait_for_all(const pid_t *children, unsigned int count)
{
	bool failed = false;

	for (unsigned int left = count; left > 0; left--) {
		int how;

		if (waitpid(-1, &how, 0) < 0)
			bench_fail("a process is missing");
		for (unsigned int i = 0; how != 0 && !failed && i < count; i++)
			kill(children[i], SIGKILL);
		failed |= how != 0;
	}
	if (failed)
		bench_fail("a process failed, or took more than %d s", RUN_SECONDS);
}

static void check_sums(const struct bench_contender *contender, unsigned int members)
{
	const uint64_t total = shared->last;
	uint64_t records = 0, sum = 0;

	for (unsigned int i = 1; i <= members; i++) {
		records += shared->results[i].records;
		sum += shared->results[i].sum;
	}
	if (records != total || sum != GROUP_SIZE / 8 * (total * (total + 1) / 2))
		bench_fail("%s: %llu records of %llu arrived, or not as they were sent",
			   contender->label, (unsigned long long)records,
			   (unsigned long long)total);
}

/* Records per second of processor time, of all processes together. */
static double run(const struct bench_contender *contender, struct bench_job *job,
		  unsigned int members, uint64_t records)
{
	pthread_barrierattr_t attributes;
	pid_t children[1 + MEMBERS_MAX];
	double ns = 0;

	job->records = records;
	memset(shared, 0, sizeof(*shared));
	pthread_barrierattr_init(&attributes);
	pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->turn, &attributes, members + 1);
	for (unsigned int i = 0; i <= members; i++) {
		children[i] = start(contender, job, i);
		if (children[i] < 0)
			bench_fail("cannot fork");
	}
	wait_for_all(children, members + 1);
	check_sums(contender, members);
	for (unsigned int i = 0; i <= members; i++)
		ns += shared->cpu_ns[i];
	return (double)(shared->last - TURN) / ns * 1e9;
}

static void report(unsigned int members, unsigned int batch, int rounds, bool chosen[],
		   double *results[])
{
	printf("\n%u members, batch %u: million records per second of processor time [quartiles]\n",
	       members, batch);
	for (int i = 0; i < CONTENDERS; i++) {
		struct bench_quartiles q;

		if (!chosen[i])
			continue;
		q = bench_quartiles_of(results[i], rounds);
		printf("  %-16s %6.2f [%.2f %.2f]\n", contenders[i]->label, q.median / 1e6,
		       q.low / 1e6, q.high / 1e6);
	}
	for (int i = 0; i < CONTENDERS; i++) {
		if (chosen[i])
			printf("figure group_members%u_batch%u_records_per_cpu_second_%s %.0f\n",
			       members, batch, contenders[i]->figure,
			       bench_quartiles_of(results[i], rounds).median);
	}
}

static void run_all(const struct options *options, struct bench_job *job)
{
	static double numbers[CONTENDERS][BENCH_ROUNDS];
	double *results[CONTENDERS];
	bool chosen[CONTENDERS];
	unsigned int members, batch;

	for (int i = 0; i < CONTENDERS; i++) {
		results[i] = numbers[i];
		chosen[i] = !options->contender ||
			    strcmp(options->contender, contenders[i]->figure) == 0;
	}
	for (int m = 0; m < 3; m++) {
		members = options->members ? (unsigned int)options->members : all_members[m];
		if (options->members && m > 0)
			break;
		for (int b = 0; b < 2; b++) {
			batch = all_batches[b];
			if (options->batch && batch != options->batch)
				continue;
			job->batch = batch;
			for (int round = 0; round < options->rounds; round++) {
				for (int i = 0; i < CONTENDERS; i++) {
					const int which = (i + round) % CONTENDERS;

					if (chosen[which])
						results[which][round] =
							run(contenders[which], job, members,
							    (uint64_t)options->records);
				}
			}
			if (options->contender)
				printf("%llu records in the last run\n",
				       (unsigned long long)shared->last);
			report(members, batch, (int)options->rounds, chosen, results);
		}
	}
}

static void parse(int argc, char **argv, struct options *options)
{
	bool quick = false, list = false;
	const struct bench_option known[] = {
		{ .name = "rounds", .number = &options->rounds, .low = 1, .high = BENCH_ROUNDS },
		{ .name = "quick", .flag = &quick },
		{ .name = "members", .number = &options->members, .low = 1, .high = MEMBERS_MAX },
		{ .name = "batch", .number = &options->batch, .low = 1, .high = GROUP_BATCH },
		{ .name = "contender", .text = &options->contender },
		{ .name = "records", .number = &options->records, .low = 1, .high = 100000000 },
		{ .name = "list", .flag = &list },
		{ .name = NULL },
	};

	bench_parse(argc, argv, help, known);
	if (options->batch > 1 && options->batch != GROUP_BATCH)
		bench_misused("--batch: 1 or %d, please", GROUP_BATCH);
	if (quick)
		options->records = 1;
	if (!list)
		return;
	for (int i = 0; i < CONTENDERS; i++)
		printf("%s\n", contenders[i]->figure);
	exit(0);
}

int main(int argc, char **argv)
{
	struct options options = { .rounds = 5, .records = 200000 };
	struct bench_job job = { .task = BENCH_STREAM, .size = GROUP_SIZE };

	bench_program = "bench_members";
	parse(argc, argv, &options);
	job.capacity = SHMRING_CAPACITY_DEFAULT;
	job.name[0] = unique_name();
	job.arena = mmap(NULL, BENCH_ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			 -1, 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (job.arena == MAP_FAILED || shared == MAP_FAILED)
		bench_fail("no memory");
	printf("bench_members: records of %d bytes, rings of %zu KiB, %ld rounds\n", GROUP_SIZE,
	       job.capacity / 1024, options.rounds);
	fflush(stdout);
	run_all(&options, &job);
	return 0;
}
