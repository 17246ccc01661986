/* SPDX-License-Identifier: MIT */
/* One of the processes that race, and its death or delay at a random moment. */
#include "names_calls.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The longest that a process is held up for. */
#define HOLD_UP_NS       300000
#define SPAN_AT_FIRST_NS 200000

/* This process. */
static struct race *race;
static struct worker *self;
static struct random dice;
static timer_t killer, holder;
static struct timespec hold_up;

static void be_held_up(int signal)
{
	const int saved = errno;

	(void)signal;
	nanosleep(&hold_up, NULL);
	errno = saved;
}

static int make_timers(void)
{
	struct sigaction action = { .sa_handler = be_held_up, .sa_flags = SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };

	if (sigaction(SIGUSR1, &action, NULL) != 0 ||
	    timer_create(CLOCK_MONOTONIC, &event, &killer) != 0)
		return -1;
	event.sigev_signo = SIGUSR1;
	return timer_create(CLOCK_MONOTONIC, &event, &holder);
}

static void set_timer(timer_t timer, uint64_t after_ns)
{
	const struct itimerspec once = {
		.it_value = { (time_t)(after_ns / 1000000000u), (long)(after_ns % 1000000000u) },
	};

	timer_settime(timer, 0, &once, NULL);
}

static void play(uint32_t number)
{
	const uint64_t index = (uint64_t)(self - race->worker);
	uint64_t calls, fate, moment, began;

	random_seed(&dice, race->seed, number * (uint64_t)WORKERS + index);
	calls = random_between(&dice, 1, CALLS_MAX);
	fate = random_below(&dice, 8);
	moment = 1 + random_below(&dice, self->span_ns * 2);
	hold_up.tv_nsec = (long)random_below(&dice, HOLD_UP_NS);
	if (fate < 2) {
		set_timer(killer, moment);
	} else if (fate < 4) {
		atomic_fetch_add_explicit(&self->held_up, 1, memory_order_relaxed);
		set_timer(holder, moment);
	}
	began = calls_now_ns();
	for (uint64_t i = 0; i < calls; i++)
		calls_any();
	self->span_ns += (calls_now_ns() - began) / 16 - self->span_ns / 16;
	set_timer(killer, 0);
	set_timer(holder, 0);
}

int worker_run(void *argument)
{
	const struct worker_start *start = argument;
	uint32_t number = start->number;

	race = start->race;
	self = &race->worker[start->index];
	if (self->span_ns == 0)
		self->span_ns = SPAN_AT_FIRST_NS;
	calls_begin(race, self, &dice);
	if (make_timers() != 0)
		return 1;
	for (;;) {
		while (atomic_load_explicit(&race->number, memory_order_acquire) == number)
			syscall(SYS_futex, &race->number, FUTEX_WAIT, number, NULL, NULL, 0);
		if (atomic_load_explicit(&race->over, memory_order_acquire))
			return 0;
		number++;
		play(number);
		/* Release: the judge sees what was done. */
if (atomic_fetch_add_explicit(&race->finished, 1, memory_order_acq_rel) == WORKERS - 1)
	syscall(SYS_futex, &race->finished, FUTEX_WAKE, 1, NULL, NULL, 0);
}
}
