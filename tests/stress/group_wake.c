/* SPDX-License-Identifier: MIT */
/*
 * group_wake: who gets up when a group sleeps and a record comes?
 *
 *   slow    one record at a time, and nobody is busy: how many get up for each of them
 *   pairs   two records at a time, and whoever has one stays busy: those who still sleep are woken
 *   burst   all at once: whoever is woken wakes the next one
 *   one     a member is killed as it is woken, before it runs: another one was woken with it; and
 *           when that one is busy, the next record wakes the next one
 *   both    both are killed: the record waits for the next look of somebody who sleeps, no longer
 *
 * A record is late if it is taken by one that slept and was not woken. A few are by coincidence: of
 * many sleepers somebody always looks by itself. Where nobody wakes them there are as many as
 * records. No time decides anything.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shmring/shmring.h>

#include "../support/child.h"
#include "../support/names.h"

#define SLEEPERS 64u
#define MANY     16u
#define FEW      4u
#define VICTIMS  2u
#define GROUP    "sleepers"

/* What one member tells; it writes, the parent reads. */
struct sleeper {
	_Atomic uint32_t waits; /* 1: in shmring_wait, or about to be */
	_Atomic uint64_t taken;
	_Atomic uint64_t wakeups;
	_Atomic uint64_t late;
	_Atomic uint64_t switches; /* times it has slept, says the kernel, when it last took one */
};

struct test {
	const char *ring;
	struct shmring_producer *producer;
	_Atomic uint32_t busy;   /* 1: whoever has a record keeps it until this is 0 */
	_Atomic uint64_t taken;  /* records read, by all */
	_Atomic uint64_t failed; /* members that saw something wrong */
	unsigned int processor;  /* the parent's */
	struct sleeper sleeper[SLEEPERS];
	pid_t process[SLEEPERS];
};

/* Of which one, for a new process. */
struct post {
	struct test *test;
	unsigned int number;
	int humble; /* runs only when the parent does not */
};

static uint64_t get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_acquire);
}

static void nap(void)
{
	usleep(200);
}

/* ---- The members ----------------------------------------------------------------------------- */

static int take(struct test *test, struct sleeper *self, struct shmring_consumer *consumer,
		const struct shmring_consumer_info *before)
{
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;
	struct shmring_record record;
	struct rusage usage;
	int error = shmring_read(consumer, &record);

	CHILD_CHECK(error == 0 || error == -EAGAIN, "%s", shmring_strerror(error));
	CHILD_CHECK(shmring_consumer_info(consumer, &info) == 0);
	getrusage(RUSAGE_SELF, &usage);
	atomic_store_explicit(&self->wakeups, info.wakeups, memory_order_release);
	if (error)
		return 0;
	/* It has slept, nobody woke it, and there was one. */
	if (info.sleeps > before->sleeps && info.wakeups == before->wakeups)
		atomic_fetch_add_explicit(&self->late, 1, memory_order_release);
	atomic_store_explicit(&self->switches, (uint64_t)usage.ru_nvcsw, memory_order_release);
	atomic_fetch_add_explicit(&self->taken, 1, memory_order_acq_rel);
	atomic_fetch_add_explicit(&test->taken, 1, memory_order_acq_rel);
	while (atomic_load_explicit(&test->busy, memory_order_acquire))
		nap();
	CHILD_CHECK(shmring_release(consumer) == 0);
	return 0;
}

static int sleep_and_take(struct test *test, struct sleeper *self)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_consumer *consumer;

	options.subscription = GROUP;
	options.shared = 1;
	CHILD_CHECK(shmring_consumer_open(&consumer, test->ring, &options) == 0);
	for (;;) {
		struct shmring_consumer_info before = SHMRING_CONSUMER_INFO_INIT;
		int error;

		CHILD_CHECK(shmring_consumer_info(consumer, &before) == 0);
		atomic_store_explicit(&self->waits, 1, memory_order_release);
		error = shmring_wait(consumer, -1);
		atomic_store_explicit(&self->waits, 0, memory_order_release);
		CHILD_CHECK(error == 0, "%s", shmring_strerror(error));
		if (take(test, self, consumer, &before) != 0)
			return 1;
	}
}

static void stay_on(unsigned int processor)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(processor, &one);
	if (sched_setaffinity(0, sizeof(one), &one) != 0)
		perror("group_wake: sched_setaffinity");
}

/* A humble process that was woken runs when the parent pauses, not before. */
static void be_humble(const struct test *test)
{
	struct sched_param none = { 0 };

	stay_on(test->processor);
	if (sched_setscheduler(0, SCHED_IDLE, &none) != 0)
		perror("group_wake: sched_setscheduler");
}

static int run_sleeper(void *argument)
{
	const struct post *post = argument;
	struct test *test = post->test;

	if (post->humble)
		be_humble(test);
	if (sleep_and_take(test, &test->sleeper[post->number]) != 0)
		atomic_fetch_add_explicit(&test->failed, 1, memory_order_acq_rel);
	return 1;
}

/* ---- The parent ------------------------------------------------------------------------------ */

static void start(struct test *test, unsigned int number, int humble)
{
	struct post post = { test, number, humble };

	test->sleeper[number] = (struct sleeper){ .waits = 0 };
	test->process[number] = child_start(run_sleeper, &post);
}

/* A field of a process's status, as a number; or, of the state, its letter. */
static uint64_t status_of(pid_t process, const char *field)
{
	char path[64], line[256];
	uint64_t value = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)process);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		const char *text = line + strlen(field);

		if (strncmp(line, field, strlen(field)) != 0)
			continue;
		text += strspn(text, ":\t ");
		value = *text >= 'A' ? (uint64_t)*text : strtoull(text, NULL, 10);
		break;
	}
	if (file)
		fclose(file);
	return value;
}

static int is_asleep(const struct test *test, unsigned int number)
{
	return atomic_load_explicit(&test->sleeper[number].waits, memory_order_acquire) &&
	       status_of(test->process[number], "State") == 'S';
}

/* Until the first `count` members sleep and `taken` records are in somebody's hands, or were. */
static int settle(struct test *test, unsigned int count, uint64_t taken)
{
	unsigned int asleep = 0;

	while (get(&test->taken) < taken || asleep < count) {
		CHILD_CHECK(get(&test->failed) == 0);
		if (get(&test->taken) < taken || !is_asleep(test, asleep))
			nap();
		else
			asleep++;
	}
	return 0;
}

static int wait_until_taken(struct test *test, uint64_t taken)
{
	return settle(test, 0, taken);
}

static int write_some(struct test *test, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		void *data;

		CHILD_CHECK(shmring_reserve(test->producer, 8, &data) == 0);
		memset(data, 'x', 8);
		CHILD_CHECK(shmring_commit(test->producer, 8, 0, i + 1 < count ? SHMRING_MORE : 0) ==
			    0);
	}
	return 0;
}

static uint64_t late_of_all(const struct test *test)
{
	uint64_t late = 0;

	for (unsigned int i = 0; i < SLEEPERS; i++)
		late += get(&test->sleeper[i].late);
	return late;
}

static uint64_t wakeups_of_all(const struct test *test)
{
	uint64_t wakeups = 0;

	for (unsigned int i = 0; i < SLEEPERS; i++)
		wakeups += get(&test->sleeper[i].wakeups);
	return wakeups;
}

static int slow(struct test *test, unsigned int records)
{
	const uint64_t before = wakeups_of_all(test);
	double each;

	for (unsigned int i = 0; i < records; i++) {
		const uint64_t taken = get(&test->taken);

		if (settle(test, SLEEPERS, taken) || write_some(test, 1) ||
		    wait_until_taken(test, taken + 1))
			return 1;
	}
	if (settle(test, SLEEPERS, 0))
		return 1;
	each = (double)(wakeups_of_all(test) - before) / records;
	printf("figure group_wakeups_per_record %.2f\n", each);
	/* Half a hundredth: who is about to sleep as the bell rings does not, and counts as woken. */
	CHILD_CHECK(each <= 2.005, "too many wake-ups for a record");
	CHILD_CHECK(each >= 0.5, "too few wake-ups for a record");
	return 0;
}

/* So many records are in as many hands at the same time, `rounds` times. */
struct work {
	const char *name;
	unsigned int members; /* those who sleep before it */
	unsigned int records;
	unsigned int portion; /* of them, written at once */
	unsigned int rounds;
};

static void keep(struct test *test, uint32_t busy)
{
	atomic_store_explicit(&test->busy, busy, memory_order_release);
}

static int work_once(struct test *test, const struct work *work)
{
	const uint64_t taken = get(&test->taken);

	if (settle(test, work->members, taken))
		return 1;
	keep(test, 1);
	for (unsigned int i = work->portion; i <= work->records; i += work->portion)
		if (write_some(test, work->portion) || wait_until_taken(test, taken + i))
			return 1;
	keep(test, 0);
	return 0;
}

static int work(struct test *test, const struct work *work)
{
	const uint64_t before = late_of_all(test), records = work->rounds * work->records;
	uint64_t late;

	for (unsigned int round = 0; round < work->rounds; round++)
		if (work_once(test, work))
			return 1;
	late = late_of_all(test) - before;
	printf("figure group_%s_records %llu\n", work->name, (unsigned long long)records);
	printf("figure group_%s_late %llu\n", work->name, (unsigned long long)late);
	CHILD_CHECK(late <= records / 4, "%s: sleepers were not woken", work->name);
	return 0;
}

/* ---- Deaths ---------------------------------------------------------------------------------- */

/* The last of three members lives on; the first two are woken before it. */
#define SURVIVOR VICTIMS

struct deaths {
	uint64_t hits; /* records for which those who were killed had been woken, and did not run */
	uint64_t late; /* records that were taken by somebody who looked by itself */
};

/* Until the survivor has looked by itself, and is asleep again: the last one in line to be woken. */
static int survivor_looks(struct test *test)
{
	const pid_t process = test->process[SURVIVOR];
	const uint64_t before = status_of(process, "voluntary_ctxt_switches");

	while (status_of(process, "voluntary_ctxt_switches") == before ||
	       !is_asleep(test, SURVIVOR)) {
		CHILD_CHECK(get(&test->failed) == 0);
		nap();
	}
	return 0;
}

/* Whoever has slept longest is woken first. */
static int line_up(struct test *test)
{
	for (unsigned int i = 0; i < VICTIMS; i++) {
		start(test, i, 1);
		if (settle(test, i + 1, 0))
			return 1;
	}
	return survivor_looks(test);
}

/* True in `ran` if one of them had got so far as to look for the record. */
static int bury(struct test *test, unsigned int first, unsigned int end, int *ran)
{
	for (unsigned int i = first; i < end; i++)
		kill(test->process[i], SIGKILL);
	for (unsigned int i = first; i < end; i++) {
		const int status = child_wait(test->process[i]);

		CHILD_CHECK(status == CHILD_SIGNAL + SIGKILL, "member %u ended with %d", i, status);
		*ran |= get(&test->sleeper[i].taken) != 0 ||
			!atomic_load_explicit(&test->sleeper[i].waits, memory_order_acquire);
	}
	return 0;
}

/*
 * One record; of those who are woken for it, so many die before they run. If one lives and has it
 * in its hands, there is another record, and the survivor to be woken.
 */
static int one_death(struct test *test, unsigned int killed, struct deaths *deaths)
{
	struct sleeper *survivor = &test->sleeper[SURVIVOR];
	uint64_t taken, late, wakeups, switches;
	int ran = 0, ignored = 0;

	if (line_up(test))
		return 1;
	keep(test, killed < VICTIMS);
	taken = get(&test->taken);
	late = late_of_all(test);
	wakeups = get(&survivor->wakeups);
	switches = status_of(test->process[SURVIVOR], "voluntary_ctxt_switches");
	if (write_some(test, 1) || bury(test, 0, killed, &ran) ||
	    wait_until_taken(test, taken + 1))
		return 1;
	if (killed < VICTIMS && (write_some(test, 1) || wait_until_taken(test, taken + 2)))
		return 1;
	late = late_of_all(test) - late;
	keep(test, 0);
	/* What they leave behind, the survivor has before the next round. */
	if (survivor_looks(test) || bury(test, killed, VICTIMS, &ignored) || (ran && survivor_looks(test)))
		return 1;
	if (ran || (killed == VICTIMS && get(&survivor->wakeups) != wakeups))
		return 0;
	deaths->hits++;
	deaths->late += late;
	CHILD_CHECK(killed < VICTIMS || get(&survivor->switches) <= switches + 1,
		    "the survivor slept again, with a record there");
	return 0;
}

static int measure_deaths(struct test *test, const char *name, unsigned int killed,
			  unsigned int rounds, struct deaths *deaths)
{
	*deaths = (struct deaths){ 0 };
	/* On a busy machine who is woken often runs before it is killed. */
	for (unsigned int i = 0; i < rounds || (deaths->hits == 0 && i < 20 * rounds); i++)
		if (one_death(test, killed, deaths))
			return 1;
	printf("figure group_killed_%s %llu\n", name, (unsigned long long)deaths->hits);
	printf("figure group_killed_%s_late %llu\n", name, (unsigned long long)deaths->late);
	CHILD_CHECK(deaths->hits > 0, "nobody was killed before it ran");
	return 0;
}

static int kill_the_woken(struct test *test, unsigned int rounds)
{
	struct deaths one, both;

	start(test, SURVIVOR, 0);
	test->processor = (unsigned int)sched_getcpu();
	stay_on(test->processor);
	if (measure_deaths(test, "one", 1, rounds, &one) ||
	    measure_deaths(test, "both", VICTIMS, rounds, &both))
		return 1;
	CHILD_CHECK(one.late <= one.hits / 2, "nobody else was woken");
	CHILD_CHECK(both.late > 0, "nobody looked by itself, but they were taken");
	return 0;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static struct test *test_new(void)
{
	struct test *test = mmap(NULL, sizeof(*test), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (test == MAP_FAILED)
		return NULL;
	test->ring = unique_name();
	if (shmring_create(test->ring, NULL) != 0 ||
	    shmring_producer_open(&test->producer, test->ring, NULL) != 0)
		return NULL;
	return test;
}

static void dismiss(struct test *test, unsigned int first, unsigned int end)
{
	for (unsigned int i = first; i < end; i++)
		child_kill(test->process[i]);
}

static int wake_all(struct test *test, unsigned int records, unsigned int rounds)
{
	const struct work burst = { "burst", SLEEPERS, MANY, MANY, rounds };
	/* With few members: whoever goes to sleep lets the producer know that somebody does. */
	const struct work pairs = { "pairs", FEW, FEW, 2, 4 * rounds };
	int failed;

	for (unsigned int i = 0; i < SLEEPERS; i++)
		start(test, i, 0);
	failed = slow(test, records) || work(test, &burst);
	dismiss(test, FEW, SLEEPERS);
	failed = failed || work(test, &pairs);
	dismiss(test, 0, FEW);
	return failed;
}

static int usage(const char *program)
{
	fprintf(stderr, "Usage: %s [--records N] [--rounds N]\n", program);
	return 2;
}

int main(int argc, char **argv)
{
	unsigned int records = 200, rounds = 8;
	struct test *sleepers = test_new(), *mortals = test_new();
	int failed;

	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return usage(argv[0]);
		if (strcmp(argv[i], "--records") == 0)
			records = (unsigned int)strtoul(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--rounds") == 0)
			rounds = (unsigned int)strtoul(argv[i + 1], NULL, 0);
		else
			return usage(argv[0]);
	}
	if (records == 0 || rounds == 0)
		return usage(argv[0]);
	if (!sleepers || !mortals) {
		fprintf(stderr, "group_wake: no memory for the test\n");
		return 1;
	}
	failed = wake_all(sleepers, records, rounds) || kill_the_woken(mortals, rounds);
	unique_names_sweep();
	if (failed)
		printf("FAILED; repeat: %s --records %u --rounds %u\n", argv[0], records, rounds);
	return failed;
}
