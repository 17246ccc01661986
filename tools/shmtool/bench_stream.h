/* SPDX-License-Identifier: MIT */
/*
 * Records over a stream of bytes: each is preceded by its length, 8 bytes, and goes out with it in
 * one write. The reader takes what is there, at once, and cuts it up; it reads long records to where
 * they stay.
 */
#ifndef SHMTOOL_BENCH_STREAM_H
#define SHMTOOL_BENCH_STREAM_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_work.h"

#define BENCH_STREAM_PREFIX 8u
#define BENCH_STREAM_READ   (64u << 10) /* least room for a read */

static struct {
	int in, out;
	uint64_t *outgoing; /* length, payload */
	unsigned char *incoming;
	size_t room;       /* of incoming */
	size_t begin, end; /* what was read and not yet taken */
} bench_stream;

static inline void bench_stream_start(struct bench_run *run, int in, int out)
{
	const size_t whole = BENCH_STREAM_PREFIX + run->job.size;

	bench_stream.in = in;
	bench_stream.out = out;
	bench_stream.room = whole + (whole < BENCH_STREAM_READ ? BENCH_STREAM_READ : 0);
	bench_stream.begin = bench_stream.end = 0;
	bench_stream.outgoing = malloc(whole);
	bench_stream.incoming = malloc(bench_stream.room);
	if (!bench_stream.outgoing || !bench_stream.incoming)
		bench_fail(run, "out of memory");
	memset(bench_stream.incoming, 0, bench_stream.room);
}

static inline void bench_stream_stop(struct bench_run *run, enum bench_side side)
{
	(void)run;
	(void)side;
	free(bench_stream.outgoing);
	free(bench_stream.incoming);
}

BENCH_INLINE void *bench_stream_room(struct bench_run *run, int way)
{
	(void)run;
	(void)way;
	return bench_stream.outgoing + 1;
}

BENCH_INLINE void bench_stream_send(struct bench_run *run, int way)
{
	const unsigned char *next = (const unsigned char *)bench_stream.outgoing;
	size_t left = BENCH_STREAM_PREFIX + run->job.size;

	(void)way;
	bench_stream.outgoing[0] = run->job.size;
	while (left > 0) {
		ssize_t written = write(bench_stream.out, next, left);

		bench_calls_made++;
		if (written < 0 && errno != EINTR)
			bench_fail_errno(run, "write");
		if (written > 0) {
			next += written;
			left -= (size_t)written;
		}
	}
}

/* Until `wanted` bytes are there. */
BENCH_INLINE void bench_stream_fill(struct bench_run *run, size_t wanted)
{
	while (bench_stream.end - bench_stream.begin < wanted) {
		ssize_t got;

		if (bench_stream.begin + wanted > bench_stream.room) {
			memmove(bench_stream.incoming, bench_stream.incoming + bench_stream.begin,
				bench_stream.end - bench_stream.begin);
			bench_stream.end -= bench_stream.begin;
			bench_stream.begin = 0;
		}
		got = read(bench_stream.in, bench_stream.incoming + bench_stream.end,
			   bench_stream.room - bench_stream.end);
		bench_calls_made++;
		if (got == 0)
			bench_fail(run, "the stream ended in a record");
		if (got < 0 && errno != EINTR)
			bench_fail_errno(run, "read");
		if (got > 0)
			bench_stream.end += (size_t)got;
	}
}

BENCH_INLINE const void *bench_stream_receive(struct bench_run *run, int way)
{
	uint64_t length;

	(void)way;
	bench_stream_fill(run, BENCH_STREAM_PREFIX);
	memcpy(&length, bench_stream.incoming + bench_stream.begin, sizeof(length));
	if (length != run->job.size)
		bench_fail(run, "a record of %llu bytes instead of %zu", (unsigned long long)length,
			   run->job.size);
	bench_stream_fill(run, BENCH_STREAM_PREFIX + run->job.size);
	return bench_stream.incoming + bench_stream.begin + BENCH_STREAM_PREFIX;
}

BENCH_INLINE void bench_stream_release(struct bench_run *run, int way)
{
	(void)way;
	bench_stream.begin += BENCH_STREAM_PREFIX + run->job.size;
	if (bench_stream.begin == bench_stream.end)
		bench_stream.begin = bench_stream.end = 0;
}

#endif
