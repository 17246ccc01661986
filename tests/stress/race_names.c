/* SPDX-License-Identifier: MIT */
/*
 * race_names: several processes create, attach to, unlink, re-create and collect rings of the same
 * few names, and are killed or held up at random moments. After each race nobody may be able to
 * tell that there was one:
 *
 * - whoever attached found a whole ring, all of one birth, and every call ended as documented
 *   (names_birth.h);
 * - what the calls said follows from some order of them (names_history.h): a ring that was created
 *   is there until somebody removed it;
 * - without a death in the middle of creating or removing, there is no orphan: whoever removes a
 *   data object has looked at that very ring, and removes the control object that belongs to it;
 * - collecting removes all orphans and nothing else, and after unlinking there is nothing left at
 *   all.
 *
 * Collecting goes over all of /dev/shm, so the whole test has a /dev/shm of its own.
 */
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <shmring/shmring.h>

#include "names_birth.h"
#include "names_race.h"
#include "../support/child.h"
#include "../support/names.h"
#include "../support/outside.h"
#include "../support/random.h"
#include "../support/sandbox.h"
#include "../../lib/layout.h"

#define SHM_BYTES        (64u << 20)
#define PATIENCE_SECONDS 60
#define COMPLAINTS       20

static struct race *race;
static struct worker_start starts[WORKERS];
static volatile pid_t children[WORKERS]; /* 0: has ended, with this status */
static volatile int endings[WORKERS];
static struct random dice;
static uint64_t kept[NAMES]; /* the ring of each name between two races */

static uint64_t races_done, kills, orphans_seen, wrong_removals, left_behind, stuck;

void race_complain(struct race *which, const char *format, ...)
{
	static _Atomic unsigned int complaints;
	va_list arguments;

	if (atomic_fetch_add_explicit(&complaints, 1, memory_order_relaxed) >= COMPLAINTS)
		return;
	fprintf(stderr, "race %u: ", atomic_load_explicit(&which->number, memory_order_relaxed));
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

/* ---- Starting, and waiting for the end ------------------------------------------------------- */

/* A death ends its part in the race. One signal may stand for several. */
static void count_deaths(int signal)
{
	const int saved = errno;
	int status;

	(void)signal;
	for (unsigned int i = 0; i < WORKERS; i++) {
		if (children[i] == 0 || waitpid(children[i], &status, WNOHANG) != children[i])
			continue;
		children[i] = 0;
		endings[i] = status;
		atomic_fetch_add_explicit(&race->finished, 1, memory_order_acq_rel);
	}
	errno = saved;
}

static void start_worker(unsigned int index)
{
	starts[index] = (struct worker_start){
		race,
		index,
		atomic_load_explicit(&race->number, memory_order_relaxed),
	};
	race->worker[index].births++;
	children[index] = child_start(worker_run, &starts[index]);
}

/* False if they do not come to an end. */
static bool run_race(void)
{
	const struct timespec second = { .tv_sec = 1 };
	uint32_t finished;

	for (unsigned int i = 0; i < WORKERS; i++)
		atomic_store_explicit(&race->worker[i].entries, 0, memory_order_relaxed);
	atomic_store_explicit(&race->finished, 0, memory_order_relaxed);
	atomic_fetch_add_explicit(&race->number, 1, memory_order_release);
	syscall(SYS_futex, &race->number, FUTEX_WAKE, WORKERS, NULL, NULL, 0);
	for (unsigned int seconds = 0; seconds < PATIENCE_SECONDS;) {
		finished = atomic_load_explicit(&race->finished, memory_order_acquire);
		if (finished == WORKERS)
			return true;
		if (syscall(SYS_futex, &race->finished, FUTEX_WAIT, finished, &second, NULL, 0) !=
			    0 &&
		    errno == ETIMEDOUT)
			seconds++;
	}
	return false;
}

/* How many were killed where that may leave an orphan; all live again. */
static unsigned int bury(void)
{
	unsigned int may_leave = 0;

	for (unsigned int i = 0; i < WORKERS; i++) {
		const struct worker *worker = &race->worker[i];
		uint32_t entries = atomic_load_explicit(&worker->entries, memory_order_acquire);

		if (children[i] != 0)
			continue;
		kills++;
		if (!WIFSIGNALED(endings[i]) || WTERMSIG(endings[i]) != SIGKILL) {
			atomic_fetch_add_explicit(&race->wrong_errors, 1, memory_order_relaxed);
			race_complain(race, "worker %u ended with status %#x", i,
				      (unsigned int)endings[i]);
		}
		if (entries > 0 && worker->entry[entries - 1].pending &&
		    worker->entry[entries - 1].leftover == LEAVES_ORPHAN)
			may_leave++;
		start_worker(i);
	}
	return may_leave;
}

/* ---- The verdict ----------------------------------------------------------------------------- */

static void judge_order(unsigned int name, uint64_t ring_now)
{
	struct history history = { 0 };

	for (unsigned int i = 0; i < WORKERS; i++) {
		const struct worker *worker = &race->worker[i];
		uint32_t entries = atomic_load_explicit(&worker->entries, memory_order_acquire);

		for (uint32_t j = 0; j < entries; j++)
			if (worker->entry[j].name == name && worker->entry[j].counts)
				history.events[history.count++] = worker->entry[j].event;
	}
	history.events[history.count++] = (struct event){
		ring_now ? EVENT_FOUND : EVENT_NONE, ring_now, UINT64_MAX - 1, UINT64_MAX,
	};
	if (history_possible(&history, kept[name]))
		return;
	wrong_removals++;
	race_complain(race, "name %u: this cannot be", name);
	history_print(&history, kept[name]);
}

/* What is there now, judged by an inspector and a consumer. */
static uint64_t ring_of(unsigned int name, const struct outside *outside)
{
	struct shmring_inspector *inspector;
	struct shmring_consumer *observer;
	uint64_t ring = NO_RING, seen = NO_RING;
	const char *problem;
	int error = shmring_inspector_open(&inspector, race->names[name]);

	if (error == -ENOENT && !outside_data(outside, race->names[name]))
		return NO_RING;
	problem = error ? shmring_strerror(error) : birth_inspect(inspector, &ring);
	if (!problem)
		problem = birth_mapped(ring, true);
	if (!error)
		shmring_inspector_close(inspector);
	error = shmring_observer_open(&observer, race->names[name], NULL);
	if (!problem)
		problem = error ? shmring_strerror(error) : birth_consume(observer, 1000, &seen);
	if (!problem && seen != ring)
		problem = "two look at different rings";
	if (!error)
		shmring_consumer_close(observer);
	if (problem) {
		atomic_fetch_add_explicit(&race->mixed, 1, memory_order_relaxed);
		race_complain(race, "name %u, ring %llx, in the end: %s", name,
			      (unsigned long long)ring, problem);
	}
	return ring;
}

static void judge_files(const struct outside *outside, unsigned int may_leave)
{
	const unsigned int orphans = outside_orphans(outside);

	orphans_seen += orphans;
	if (orphans > may_leave) {
		wrong_removals += orphans - may_leave;
		race_complain(race, "%u orphans, but %u died where they may leave one", orphans,
			      may_leave);
	}
	for (unsigned int i = 0; i < outside->count; i++) {
		const struct outside_file *file = &outside->files[i];

		if (!file->whole || (!file->control && !outside_control(outside, file->name))) {
			atomic_fetch_add_explicit(&race->mixed, 1, memory_order_relaxed);
			race_complain(race, "%s is half a ring", file->file);
		}
		if (file->locks & 1u << LOCK_NAMES) {
			left_behind++;
			race_complain(race, "%s is locked by nobody", file->file);
		}
	}
}

static int count_orphan(const struct shmring_entry *entry, void *argument)
{
	unsigned int *count = argument;

	*count += entry->kind == SHMRING_ENTRY_ORPHAN ? 1 : 1000;
	return 0;
}

/* Collects, for show and then really. */
static void judge_collecting(const struct outside *before)
{
	const unsigned int orphans = outside_orphans(before);
	struct outside after;

	for (int dry_run = 1; dry_run >= 0; dry_run--) {
		const unsigned int left = before->count - (dry_run ? 0 : orphans);
		unsigned int visits = 0;
		int error = shmring_collect(dry_run, count_orphan, &visits);

		outside_look(&after, "", false);
		if (error == 0 && visits == orphans && after.count == left)
			continue;
		left_behind++;
		race_complain(race, "collecting%s: %d, %u visits for %u orphans, left %u of %u",
			      dry_run ? " for show" : "", error, visits, orphans, after.count,
			      left);
	}
}

static void clear_away(bool all)
{
	unsigned int expected = 0;
	struct outside outside;

	for (unsigned int i = 0; i < NAMES; i++) {
		if (!all && random_once_in(&dice, 2)) {
			expected += kept[i] ? 2 : 0;
			continue;
		}
		if (shmring_unlink(race->names[i]) != (kept[i] ? 0 : -ENOENT)) {
			left_behind++;
			race_complain(race, "name %u cannot be unlinked", i);
		}
		kept[i] = NO_RING;
	}
	outside_look(&outside, "", false);
	if (outside.count == expected)
		return;
	left_behind += outside.count;
	race_complain(race, "%u files are left, not %u", outside.count, expected);
	outside_print(&outside);
}

static void judge(unsigned int may_leave)
{
	struct outside outside;
	uint64_t ring;

	outside_look(&outside, "", false);
	judge_files(&outside, may_leave);
	for (unsigned int i = 0; i < NAMES; i++) {
		ring = ring_of(i, &outside);
		judge_order(i, ring);
		kept[i] = ring;
	}
	judge_collecting(&outside);
	clear_away(false);
}

/* ---- All of it ------------------------------------------------------------------------------- */

static void race_on(uint64_t races)
{
	for (unsigned int i = 0; i < WORKERS; i++)
		start_worker(i);
	while (races_done < races) {
		if (!run_race()) {
			stuck++;
			race_complain(race, "not over after %d seconds", PATIENCE_SECONDS);
			break;
		}
		judge(bury());
		races_done++;
	}
	signal(SIGCHLD, SIG_DFL);
	for (unsigned int i = 0; i < WORKERS; i++)
		if (children[i] != 0)
			child_kill(children[i]);
	if (!stuck)
		clear_away(true);
}

static uint64_t total(size_t offset)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < WORKERS; i++)
		sum += atomic_load_explicit(
			(_Atomic uint64_t *)(void *)((char *)&race->worker[i] + offset),
			memory_order_relaxed);
	return sum;
}
#define TOTAL(member) ((unsigned long long)total(offsetof(struct worker, member)))

static bool report(void)
{
	const uint64_t mixed = atomic_load_explicit(&race->mixed, memory_order_relaxed);
	const uint64_t errors = atomic_load_explicit(&race->wrong_errors, memory_order_relaxed);

	printf("figure races %llu\n", (unsigned long long)races_done);
	printf("figure race_calls %llu\n", TOTAL(calls));
	printf("figure race_kills %llu\n", (unsigned long long)kills);
	printf("figure race_delays %llu\n", TOTAL(held_up));
	printf("figure race_created %llu\n", TOTAL(created));
	printf("figure race_unlinked %llu\n", TOTAL(unlinked));
	printf("figure race_attached %llu\n", TOTAL(attached));
	printf("figure race_orphans %llu\n", (unsigned long long)orphans_seen);
	printf("figure mixed_rings %llu\n", (unsigned long long)mixed);
	printf("figure wrong_errors %llu\n", (unsigned long long)errors);
	printf("figure wrong_removals %llu\n", (unsigned long long)wrong_removals);
	printf("figure left_behind %llu\n", (unsigned long long)left_behind);
	return mixed == 0 && errors == 0 && wrong_removals == 0 && left_behind == 0 && stuck == 0;
}

static int usage(const char *program)
{
	fprintf(stderr, "Usage: %s [--races N] [--seed N]\n", program);
	return 2;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = count_deaths, .sa_flags = SA_NOCLDSTOP };
	uint64_t races = 1000, seed = random_fresh_seed();
	int error;

	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return usage(argv[0]);
		if (strcmp(argv[i], "--races") == 0)
			races = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[i + 1], NULL, 0);
		else
			return usage(argv[0]);
	}
	error = sandbox_small_shm(SHM_BYTES);
	if (error) {
		printf("SKIP: no /dev/shm of its own can be had here: %s\n", strerror(-error));
		return SANDBOX_UNAVAILABLE;
	}
	race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (race == MAP_FAILED || sigaction(SIGCHLD, &action, NULL) != 0) {
		perror("race_names");
		return 1;
	}
	race->seed = seed;
	for (unsigned int i = 0; i < NAMES; i++)
		race->names[i] = unique_name();
	random_seed(&dice, seed, UINT64_MAX);
	race_on(races);
	if (report())
		return 0;
	printf("FAILED; repeat the calls, if not their very moments: %s --races %llu --seed %llu\n",
	       argv[0], (unsigned long long)races, (unsigned long long)seed);
	return 1;
}
