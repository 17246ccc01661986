/* SPDX-License-Identifier: MIT */
/* The kernel's own ways to hand a number to a process that sleeps, with nothing besides: futex, eventfd, pipe. */
#include "bench_asleep.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

static int events[2], pipes[2][2];

/* This process's, of the two words in the arena: there, and back. */
static struct words {
	alignas(128) _Atomic uint32_t word;
} * words;
static uint32_t last; /* seen of the other side's */

int bench_asleep_open(void)
{
	for (int i = 0; i < 2; i++) {
		events[i] = eventfd(0, EFD_CLOEXEC);
		if (events[i] < 0 || pipe(pipes[i]) != 0)
			return -1;
	}
	return 0;
}

static int words_open(const struct bench_contender *self, const struct bench_job *job,
		      enum bench_side side)
{
	(void)self;
	words = job->arena;
	last = 0;
	if (side == BENCH_NEAR)
		memset(words, 0, 2 * sizeof(*words));
	return 0;
}

static int nothing_open(const struct bench_contender *self, const struct bench_job *job,
			enum bench_side side)
{
	(void)self;
	(void)job;
	(void)side;
	return 0;
}

static void nothing_close(enum bench_side side)
{
	(void)side;
}

static asleep_inline void futex_put(enum bench_side side, uint64_t number)
{
	_Atomic uint32_t *word = &words[side].word;

	atomic_store_explicit(word, (uint32_t)number, memory_order_release);
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* The numbers count up: what is there is the next one, or still the last. */
static asleep_inline uint64_t futex_get(enum bench_side side)
{
	_Atomic uint32_t *word = &words[!side].word;
	uint32_t found;

	while ((found = atomic_load_explicit(word, memory_order_acquire)) == last)
		syscall(SYS_futex, word, FUTEX_WAIT, last, NULL, NULL, 0);
	last = found;
	return found;
}

static void write_all(int fd, uint64_t number)
{
	if (write(fd, &number, sizeof(number)) != sizeof(number))
		bench_fail("write: %s", strerror(errno));
}

static uint64_t read_all(int fd)
{
	uint64_t number;

	if (read(fd, &number, sizeof(number)) != sizeof(number))
		bench_fail("read: %s", strerror(errno));
	return number;
}

static asleep_inline void eventfd_put(enum bench_side side, uint64_t number)
{
	write_all(events[side], number);
}

static asleep_inline uint64_t eventfd_get(enum bench_side side)
{
	return read_all(events[!side]);
}

static asleep_inline void pipe_put(enum bench_side side, uint64_t number)
{
	write_all(pipes[side][1], number);
}

static asleep_inline uint64_t pipe_get(enum bench_side side)
{
	return read_all(pipes[!side][0]);
}

static void futex_run(const struct bench_job *job, enum bench_side side,
		      struct bench_result *result)
{
	asleep_run(job, side, result, futex_put, futex_get);
}

static void eventfd_run(const struct bench_job *job, enum bench_side side,
			struct bench_result *result)
{
	asleep_run(job, side, result, eventfd_put, eventfd_get);
}

static void pipe_run(const struct bench_job *job, enum bench_side side, struct bench_result *result)
{
	asleep_run(job, side, result, pipe_put, pipe_get);
}

const struct bench_contender bench_asleep_futex = {
	.label = "futex",
	.figure = "futex",
	.lap = asleep_lap,
	.open = words_open,
	.run = futex_run,
	.close = nothing_close,
};

const struct bench_contender bench_asleep_eventfd = {
	.label = "eventfd",
	.figure = "eventfd",
	.lap = asleep_lap,
	.open = nothing_open,
	.run = eventfd_run,
	.close = nothing_close,
};

const struct bench_contender bench_asleep_pipe = {
	.label = "pipe",
	.figure = "pipe",
	.lap = asleep_lap,
	.open = nothing_open,
	.run = pipe_run,
	.close = nothing_close,
};
