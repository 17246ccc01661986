/* SPDX-License-Identifier: MIT */
/*
 * handover: is anybody left asleep?
 *
 * Two processes hand records to and fro, and never spin. On two cores they agree on a moment for each hand-over: the
 * one goes to sleep then, and the other publishes a little before or after, at random, and so near to the edge that
 * about half of the sleeps do not begin; now and then much later. On one core each goes on after random delays and
 * yields. The library counts waits that ran into their bound of 100 ms although there was a record: wake-ups that were
 * lost. No time is measured here, and none decides.
 */
#include <errno.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include <shmring/shmring.h>

#include "tests/support/child.h"
#include "tests/support/names.h"
#include "tests/support/random.h"

#define NS_PER_SECOND 1000000000ull

/* From an appointment to its moment: both have seen it by then. */
#define LEAD_NS      600
/* Publishing is tried so long before and after the edge. */
#define AROUND_NS    300
/* One in so many times it comes much later, when the sleeper is asleep for certain. */
#define LATER_ODDS   16
#define LATER_NS     100000
/* By so much the edge is moved after each hand-over: earlier if there was a sleep, later if not. */
#define EDGE_STEP_NS 10
#define EDGE_MOST_NS 20000

/* Delays on one core, where nothing happens at the same time. */
#define DELAY_NS 2000

/* Hand-overs between two looks at the clock. */
#define CLOCK_HANDOVERS 512

/* Nobody keeps the other waiting so long: it is gone. */
#define PATIENCE_NS (60 * NS_PER_SECOND)

struct tally {
	uint64_t handovers, sleeps, switches, lost;
};

/* The processes' own shared memory. */
struct meeting {
	/* Appointments so far: one for each hand-over. All below belongs to whoever is next to store it. */
	alignas(128) _Atomic uint64_t number;
	uint64_t asleep_ns; /* when to go to sleep; 0: there is no next one */
	bool later;
	int64_t edge_ns
		[2]; /* for each direction: what is published before this leaves the other awake */
	alignas(128) struct tally tally[2];
};

struct job {
	const char *name[2];
	struct meeting *meeting;
	uint64_t seed, handovers, seconds;
	bool one_core, until_lost, membarrier;
	int cpu[2];
};

/* A side's own. */
struct side {
	const struct job *job;
	struct shmring_producer *out;
	struct shmring_consumer *in;
	struct shmring_consumer_info info;
	struct random random;
	uint64_t give_up_ns;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static void wait_until(uint64_t at_ns)
{
	while (now_ns() < at_ns)
		;
}

static int receive(struct side *side, uint64_t *number)
{
	struct shmring_record record;
	int error = shmring_wait(side->in, -1);

	if (!error)
		error = shmring_read_copy(side->in, number, sizeof(*number), &record);
	CHILD_CHECK(error == 0, "%s", shmring_strerror(error));
	return 0;
}

static bool time_is_up(const struct side *side, uint64_t number)
{
	if (side->job->until_lost && side->info.late != 0)
		return true;
	if (number >= side->job->handovers)
		return true;
	return number % CLOCK_HANDOVERS < 2 && now_ns() >= side->give_up_ns;
}

/* ---- two cores ---- */

/*
 * Makes an appointment with whoever is to sleep, and publishes at about that time. Sets *over if there are to be no
 * more.
 */
static int wake_it(struct side *side, uint64_t number, bool *over)
{
	struct meeting *meeting = side->job->meeting;
	const uint64_t asleep = now_ns() + LEAD_NS + random_below(&side->random, LEAD_NS);
	int64_t after = meeting->edge_ns[number % 2] +
			(int64_t)random_below(&side->random, 2 * AROUND_NS) - AROUND_NS;

	meeting->later = random_once_in(&side->random, LATER_ODDS);
	if (meeting->later)
		after = (int64_t)random_below(&side->random, LATER_NS);
	*over = time_is_up(side, number);
	meeting->asleep_ns = *over ? 0 : asleep;
	atomic_store_explicit(&meeting->number, number + 1, memory_order_release);
	if (*over)
		return 0;
	wait_until(asleep + (uint64_t)after);
	CHILD_CHECK(shmring_write(side->out, &number, sizeof(number), 0, -1) == 0);
	return 0;
}

/* Waits for an appointment, if there is one more, and for the record that comes then. */
static int sleep_for_it(struct side *side, uint64_t number, bool *over)
{
	struct meeting *meeting = side->job->meeting;
	int64_t *edge = &meeting->edge_ns[number % 2];
	const uint64_t sleeps = side->info.sleeps, patience = now_ns() + PATIENCE_NS;
	uint64_t found;

	while (atomic_load_explicit(&meeting->number, memory_order_acquire) != number + 1)
		CHILD_CHECK(now_ns() < patience, "the other one is gone");
	*over = meeting->asleep_ns == 0;
	if (*over)
		return 0;
	wait_until(meeting->asleep_ns);
	if (receive(side, &found) != 0)
		return 1;
	CHILD_CHECK(found == number, "found %llu instead of %llu", (unsigned long long)found,
		    (unsigned long long)number);
	CHILD_CHECK(shmring_consumer_info(side->in, &side->info) == 0);
	if (meeting->later)
		return 0;
	if (side->info.sleeps != sleeps && *edge > -EDGE_MOST_NS)
		*edge -= EDGE_STEP_NS;
	else if (side->info.sleeps == sleeps && *edge < EDGE_MOST_NS)
		*edge += EDGE_STEP_NS;
	return 0;
}

static int on_two_cores(struct side *side, unsigned int which, uint64_t *handovers)
{
	bool over = false;

	for (uint64_t number = 0; !over; number++) {
		int failed = number % 2 == which ? wake_it(side, number, &over)
						 : sleep_for_it(side, number, &over);

		if (failed)
			return 1;
		*handovers = number;
	}
	return 0;
}

/* ---- one core ---- */

#define LAST (UINT64_C(1) << 63)

static void dawdle(struct side *side)
{
	switch (random_below(&side->random, 8)) {
	case 0:
		wait_until(now_ns() + random_below(&side->random, DELAY_NS));
		break;
	case 1:
		sched_yield();
		break;
	default:
		break;
	}
}

/* The first goes on until it says that a record is the last. */
static int on_one_core(struct side *side, unsigned int which, uint64_t *handovers)
{
	for (uint64_t number = 0, found = 0; !(found & LAST); number += 2) {
		uint64_t sent = number;

		if (which == 1 && receive(side, &found) != 0)
			return 1;
		dawdle(side);
		if (which == 0 ? time_is_up(side, number + 2) : (found & LAST) != 0)
			sent |= LAST;
		CHILD_CHECK(shmring_write(side->out, &sent, sizeof(sent), 0, -1) == 0);
		dawdle(side);
		if (which == 0 && receive(side, &found) != 0)
			return 1;
		CHILD_CHECK((found & ~LAST) == number, "found %llu instead of %llu",
			    (unsigned long long)found, (unsigned long long)number);
		*handovers = number + 2;
	}
	return 0;
}

/* ---- both ---- */

static int pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

static int run_side(const struct job *job, unsigned int which)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct tally *tally = &job->meeting->tally[which];
	struct side side = { .job = job, .info = SHMRING_CONSUMER_INFO_INIT };
	struct rusage usage;

	options.timeout_ns = -1;
	options.spin_ns = -1;
	random_seed(&side.random, job->seed, which);
	CHILD_CHECK(pin(job->cpu[which]) == 0, "CPU %d", job->cpu[which]);
	CHILD_CHECK(shmring_producer_open(&side.out, job->name[which], NULL) == 0);
	CHILD_CHECK(shmring_consumer_open(&side.in, job->name[!which], &options) == 0);
	CHILD_CHECK(shmring_producer_wait_consumers(side.out, 1, -1) == 0);
	side.give_up_ns = now_ns() + job->seconds * NS_PER_SECOND;
	if ((job->one_core ? on_one_core : on_two_cores)(&side, which, &tally->handovers) != 0)
		return 1;
	CHILD_CHECK(shmring_consumer_info(side.in, &side.info) == 0);
	CHILD_CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
	tally->sleeps = side.info.sleeps;
	tally->switches = (uint64_t)usage.ru_nvcsw;
	tally->lost = side.info.late;
	/* Whoever closed first would be one more thing to wake up for. */
	CHILD_CHECK(shmring_producer_close(side.out) == 0 && shmring_consumer_close(side.in) == 0);
	return 0;
}

static int run_first(void *job)
{
	return run_side(job, 0);
}

static int run_second(void *job)
{
	return run_side(job, 1);
}

/* Returns 0 if all went well; prints what it counted; adds to *lost. */
static int run(struct job *job, const char *where, uint64_t *lost)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	struct tally *tally = job->meeting->tally;
	pid_t child[2];
	int failed;

	memset(job->meeting, 0, sizeof(*job->meeting));
	job->name[0] = unique_name();
	job->name[1] = unique_name();
	if (job->membarrier)
		options.wake_mode = SHMRING_WAKE_MEMBARRIER;
	if (shmring_create(job->name[0], &options) != 0 ||
	    shmring_create(job->name[1], &options) != 0)
		return 1;
	child[0] = child_start(run_first, job);
	child[1] = child_start(run_second, job);
	/* Either that fails closes its stream, dies, or keeps the other waiting too long: neither hangs. */
	failed = child_wait(child[0]);
	failed |= child_wait(child[1]);
	*lost += tally[0].lost + tally[1].lost;
	printf("figure handovers_%s %llu\n", where, (unsigned long long)tally[0].handovers);
	printf("figure sleeps_%s %llu\n", where,
	       (unsigned long long)(tally[0].sleeps + tally[1].sleeps));
	printf("figure switches_%s %llu\n", where,
	       (unsigned long long)(tally[0].switches + tally[1].switches));
	fflush(stdout);
	/* A run in which nobody slept proves nothing. */
	return failed ||
	       (job->handovers >= CLOCK_HANDOVERS && tally[0].sleeps + tally[1].sleeps == 0);
}

static int find_cpus(int cpus[2])
{
	cpu_set_t set;
	int found = 0;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 0;
	for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++) {
		if (CPU_ISSET(cpu, &set))
			cpus[found++] = cpu;
	}
	return found;
}

static int usage(const char *program)
{
	fprintf(stderr,
		"Usage: %s [OPTION]...\n"
		"  --two-cores N   hand-overs between two cores (50000)\n"
		"  --one-core N    and on one (950000)\n"
		"  --seconds N     each no longer than this (3600)\n"
		"  --membarrier    in wake mode MEMBARRIER instead of FENCE\n"
		"  --until-lost    stop at the first wake-up that is lost\n"
		"  --seed N        repeat a run's delays\n"
		"SHMRING_STRESS_HANDOVERS in the environment: so many in all, a twentieth of them "
		"between two cores\n",
		program);
	return 2;
}

static int parse(int argc, char **argv, struct job *job, uint64_t handovers[2])
{
	const char *all = getenv("SHMRING_STRESS_HANDOVERS");

	if (all && *all) {
		handovers[0] = strtoull(all, NULL, 0) / 20;
		handovers[1] = strtoull(all, NULL, 0) - handovers[0];
	}
	for (int i = 1; i < argc; i++) {
		uint64_t *number = strcmp(argv[i], "--two-cores") == 0  ? &handovers[0]
				   : strcmp(argv[i], "--one-core") == 0 ? &handovers[1]
				   : strcmp(argv[i], "--seconds") == 0  ? &job->seconds
				   : strcmp(argv[i], "--seed") == 0     ? &job->seed
									: NULL;

		if (strcmp(argv[i], "--until-lost") == 0)
			job->until_lost = true;
		else if (strcmp(argv[i], "--membarrier") == 0)
			job->membarrier = true;
		else if (!number || i + 1 == argc)
			return usage(argv[0]);
		else
			*number = strtoull(argv[++i], NULL, 0);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct job job = { .seed = random_fresh_seed(), .seconds = 3600 };
	uint64_t handovers[2] = { 50000, 950000 }, lost = 0;
	int cpus[2], found = find_cpus(cpus), failed = 0;

	if (parse(argc, argv, &job, handovers) != 0)
		return 2;
	job.meeting = mmap(NULL, sizeof(*job.meeting), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (job.meeting == MAP_FAILED || found == 0) {
		fprintf(stderr, "handover: no memory, or no processor, for the test\n");
		return 1;
	}
	if (found < 2)
		printf("Nothing on two cores: there is one.\n");
	for (int i = 0; i < 2; i++) {
		job.one_core = i == 1;
		job.handovers = handovers[i];
		job.cpu[0] = cpus[0];
		job.cpu[1] = cpus[job.one_core ? 0 : 1];
		if (job.handovers != 0 && (job.one_core || found == 2))
			failed |= run(&job, job.one_core ? "one_core" : "two_cores", &lost);
	}
	unique_names_sweep();
	printf("figure lost_wakeups %llu\n", (unsigned long long)lost);
	if (failed || lost != 0)
		printf("FAILED; repeat: %s --two-cores %llu --one-core %llu%s --seed %llu\n",
		       argv[0], (unsigned long long)handovers[0], (unsigned long long)handovers[1],
		       job.membarrier ? " --membarrier" : "", (unsigned long long)job.seed);
	return failed || lost != 0;
}
