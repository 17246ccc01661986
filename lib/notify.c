/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "consumer.h"
#include "many.h"
#include "notify.h"
#include "roster.h"

static struct roster notices = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* With the mutex held. */
static bool running;
static pthread_t thread;

static shared_u32 stopping;

void notice_write(int fd)
{
	const uint64_t one = 1;

	/* It can fail only if it is readable, 2^64 times over. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

bool notice_fire(struct notice *notice)
{
	/* Relaxed would do to take it; release: what the thread looked at is not looked at later. */
	if (atomic_exchange_explicit(&notice->armed, 0, memory_order_acq_rel) == 0)
		return false;
	notice_write(notice->fd);
	/* After it was written: who finds this clears what is there. */
	atomic_store_explicit(&notice->fired, 1, memory_order_release);
	return true;
}

/* One round of the thread's. */
struct round {
	struct sleep_word words[MANY_MAX];
	unsigned int count;
	bool recheck; /* look at everything, with system calls */
	bool naps;    /* somebody is armed for whom nobody rings */
	bool fired;
	int doubts; /* milliseconds that were spent on them */
};

static bool sleeps_on_bell(struct round *round, const struct notice *notice)
{
	if (!notice->bell || !many_possible() || round->count == MANY_MAX ||
	    atomic_load_explicit(&notice->unrung, memory_order_relaxed))
		return false;
	round->words[round->count++] =
		(struct sleep_word){ .word = notice->bell, .expected = notice->seen };
	return true;
}

/*
 * The bell has rung, or cannot be relied upon. A member of a group may be woken by another one,
 * which cannot ring: see group.c:pass_on().
 */
static bool called(const struct notice *notice, bool rung, bool listened)
{
	return rung || ((!listened || notice->consumer->shared) && consumer_fd_ready(notice));
}

/*
 * A producer that is between a record and its bell may have lost the processor: that is not late.
 * Who is in doubt looks for so many milliseconds, but only once in a round.
 */
#define DOUBT_MS 25

static bool rings_after_all(struct round *round, const struct notice *notice)
{
	const struct timespec nap = { .tv_nsec = NS_PER_MS };

	/* Relaxed: it carries nothing here. */
	while (atomic_load_explicit(notice->bell, memory_order_relaxed) == notice->seen) {
		if (round->doubts == DOUBT_MS)
			return false;
		round->doubts++;
		nanosleep(&nap, NULL);
	}
	return true;
}

/*
 * Who is awake has no use for a wake-up of its group: another member may need it. So nobody listens
 * for it then, and as it is armed it says so.
 */
static bool may_listen(const struct notice *notice)
{
	return !notice->consumer->shared ||
	       atomic_load_explicit(&notice->armed, memory_order_seq_cst) != 0;
}

static void look_at(struct round *round, struct notice *notice)
{
	bool rung = false, listened;

	if (notice->bell) {
		/*
		 * [FD] acquire: the bell, then `armed`; pairs with consumer_fd.c:notice_arm(),
		 * through who takes the bit
		 */
		const uint32_t bell = atomic_load_explicit(notice->bell, memory_order_acquire);

		rung = bell != notice->seen;
		notice->seen = bell;
	}
	listened = may_listen(notice) && sleeps_on_bell(round, notice);
	/* Sequentially consistent, as in consumer_fd.c: it sees the one, or this the other. */
	atomic_store_explicit(&notice->listened, listened, memory_order_seq_cst);
	if (!atomic_load_explicit(&notice->armed, memory_order_seq_cst))
		return;
	if (called(notice, rung, listened)) {
		round->fired |= notice_fire(notice);
	} else if (round->recheck && consumer_fd_due(notice)) {
		/* Relaxed: a count. It is told with the eventfd. */
		if (listened && consumer_fd_overslept(notice) && !rings_after_all(round, notice))
			atomic_fetch_add_explicit(&notice->late, 1, memory_order_relaxed);
		round->fired |= notice_fire(notice);
	} else {
		round->naps |= !listened;
	}
}

static void look_at_all(struct round *round)
{
	const struct roster_list *list = roster_enter(&notices);

	for (unsigned int i = 0; i < list->count; i++)
		look_at(round, list->item[i]);
	roster_leave(&notices);
}

static void *watch(void *nothing)
{
	uint64_t rechecked = clock_ns(), silent_since = rechecked;
	uint32_t change = 0;
	struct round round;

	(void)nothing;
	while (!atomic_load_explicit(&stopping, memory_order_acquire)) {
		const uint64_t now = clock_ns();
		int64_t bound;

		round = (struct round){ .count = 1, .recheck = now - rechecked >= RECHECK_NS };
		round.words[0].word = &notices.change;
		/* Acquire: the word, then what changed. */
		round.words[0].expected =
			atomic_load_explicit(&notices.change, memory_order_acquire);
		look_at_all(&round);
		if (round.recheck)
			rechecked = now;
		if (round.fired || round.words[0].expected != change)
			silent_since = now;
		change = round.words[0].expected;
		/* Who has just been fired is awake: see may_listen. */
		if (round.fired)
			continue;
		bound = RECHECK_NS - (int64_t)(now - rechecked);
		if (round.naps && many_nap(silent_since) < bound)
			bound = many_nap(silent_since);
		many_sleep(round.words, round.count, bound);
	}
	return NULL;
}

/* The program's signals are for its own threads. */
static int start(void)
{
	sigset_t all, before;
	int error;

	atomic_store_explicit(&stopping, 0, memory_order_relaxed);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, NULL, watch, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	running = error == 0;
	return error ? -ENOMEM : 0;
}

int notice_add(struct notice *notice)
{
	int error;

	pthread_mutex_lock(&notices.mutex);
	error = roster_insert(&notices, roster_held(&notices)->count, notice);
	if (!error && !running) {
		error = start();
		if (error)
			roster_erase(&notices, roster_held(&notices)->count - 1);
	}
	pthread_mutex_unlock(&notices.mutex);
	return error;
}

void notice_remove(struct notice *notice)
{
	const struct roster_list *list;
	unsigned int place = 0;

	pthread_mutex_lock(&notices.mutex);
	list = roster_held(&notices);
	while (place < list->count && list->item[place] != notice)
		place++;
	if (place < list->count)
		roster_erase(&notices, place);
	if (running && roster_held(&notices)->count == 0) {
		atomic_store_explicit(&stopping, 1, memory_order_release);
		roster_wake(&notices);
		pthread_join(thread, NULL);
		running = false;
		roster_free(&notices);
	}
	pthread_mutex_unlock(&notices.mutex);
}

void notice_tell(void)
{
	roster_wake(&notices);
}

void notify_before_fork(void)
{
	pthread_mutex_lock(&notices.mutex);
}

void notify_after_fork_parent(void)
{
	pthread_mutex_unlock(&notices.mutex);
}

void notify_after_fork_child(void)
{
	running = false;
	roster_free(&notices);
	pthread_mutex_unlock(&notices.mutex);
}
