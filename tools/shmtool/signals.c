/* SPDX-License-Identifier: MIT */
/*
 * signals.c - a signal must not be missed between the look at the flag and the call that blocks.
 *
 * The first signal starts a timer whose signal interrupts system calls again and again until the process has seen
 * the flag. That covers reads and writes of whatever kind without making anybody's file non-blocking.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#include <shmring/shmring.h>

#include "shmtool.h"
#include "signals.h"
#include "units.h"

#define NUDGE_NS 20000000 /* between two interruptions */

static volatile sig_atomic_t came;
static const void *_Atomic handle_to_cancel;
static timer_t nudge;
static bool nudge_made;

static void on_signal(int signal)
{
	const struct itimerspec repeat = { { 0, NUDGE_NS }, { 0, NUDGE_NS } };
	const void *handle = atomic_load_explicit(&handle_to_cancel, memory_order_relaxed);
	int kept = errno;

	if (!came)
		came = signal;
	if (handle)
		shmring_cancel(handle);
	if (nudge_made)
		timer_settime(nudge, 0, &repeat, NULL);
	errno = kept;
}

static void on_nudge(int signal)
{
	(void)signal;
}

void signals_catch(void)
{
	struct sigaction action = { .sa_handler = on_nudge }; /* without SA_RESTART */
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct sigaction before;

	sigemptyset(&action.sa_mask);
	sigaction(SIGALRM, &action, NULL);
	nudge_made = timer_create(CLOCK_MONOTONIC, &event, &nudge) == 0;
	action.sa_handler = on_signal;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* nohup(1) */
	if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

int signals_came(void)
{
	return came;
}

void signals_cancel(const void *handle)
{
	atomic_store_explicit(&handle_to_cancel, handle, memory_order_relaxed);
	/* A signal that came before the store did not cancel it. The handler runs in this thread. */
	atomic_signal_fence(memory_order_seq_cst);
	if (handle && came)
		shmring_cancel(handle);
}

void signals_sleep(uint64_t nanoseconds)
{
	uint64_t now = monotonic_ns();
	uint64_t until = now + nanoseconds;

	for (; now < until && !came; now = monotonic_ns()) {
		/* A signal right before this delays it by one nudge. */
		struct timespec rest = { (time_t)((until - now) / NANOSECONDS), (long)((until - now) % NANOSECONDS) };

		nanosleep(&rest, NULL);
	}
}

int signals_status(void)
{
	return STATUS_SIGNAL + came;
}
