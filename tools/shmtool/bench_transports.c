/* SPDX-License-Identifier: MIT */
/* All ways that are measured, in the order in which the tables have them. */
#include <string.h>

#include "bench.h"

const uint64_t bench_paces[BENCH_PACES] = { 1000, 10000, 100000 };

#define ALL (BENCH_STREAM | BENCH_TRIP | BENCH_PACED)
#define FUNCTIONS(family) \
	.open = bench_##family##_open, .run = bench_##family##_run, .close = bench_##family##_close
#define RING(text, how)                                                                           \
	{                                                                                         \
		.name = text, .family = BENCH_RING, .tasks = ALL, .variant = how, FUNCTIONS(ring) \
	}
#define KERNEL(text, source, how)                                                   \
	{                                                                           \
		.name = text, .family = BENCH_KERNEL, .tasks = ALL, .variant = how, \
		FUNCTIONS(source)                                                   \
	}
/* What pthreads do in the kernel, they do where nobody can count it. */
#define MUTEX(text, how)                                                                  \
	{                                                                                 \
		.name = text, .family = BENCH_KERNEL, .tasks = ALL, .hidden_calls = true, \
		.variant = how, FUNCTIONS(memory)                                         \
	}

const struct bench_transport bench_transports[] = {
	RING("ring-spin", BENCH_SPIN),
	RING("ring-adaptive", BENCH_ADAPTIVE),
	RING("ring-block", BENCH_BLOCK),
	RING("ring-spin-copy", BENCH_SPIN | BENCH_COPY),
	RING("ring-adaptive-copy", BENCH_ADAPTIVE | BENCH_COPY),
	RING("ring-block-copy", BENCH_BLOCK | BENCH_COPY),
	KERNEL("pipe", pipe, BENCH_PIPE),
	KERNEL("fifo", pipe, BENCH_FIFO),
	KERNEL("unix-stream", socket, BENCH_UNIX_STREAM),
	KERNEL("unix-seqpacket", socket, BENCH_UNIX_SEQPACKET),
	KERNEL("unix-datagram", socket, BENCH_UNIX_DATAGRAM),
	KERNEL("tcp", socket, BENCH_TCP),
	KERNEL("udp", socket, BENCH_UDP),
	KERNEL("sysv-queue", queue, BENCH_SYSV_QUEUE),
	KERNEL("posix-queue", queue, BENCH_POSIX_QUEUE),
	MUTEX("file-mutex", BENCH_FILE_MUTEX),
	MUTEX("sysv-mutex", BENCH_SYSV_MUTEX),
	KERNEL("eventfd", memory, BENCH_EVENTFD),
	/* A hand-over carries a word, whatever the size: so it stands beside small records alone. */
	{ .name = "handover",
	  .family = BENCH_FLOOR,
	  .tasks = BENCH_TRIP | BENCH_PACED,
	  .largest = 64,
	  .variant = BENCH_HANDOVER,
	  FUNCTIONS(floor) },
	{ .name = "futex",
	  .family = BENCH_FLOOR,
	  .tasks = BENCH_TRIP | BENCH_PACED,
	  .largest = 64,
	  .variant = BENCH_FUTEX,
	  FUNCTIONS(floor) },
	{ .name = "memcpy",
	  .family = BENCH_FLOOR,
	  .tasks = BENCH_STREAM,
	  .variant = BENCH_MEMCPY,
	  FUNCTIONS(floor) },
};
const int bench_transport_count = sizeof(bench_transports) / sizeof(bench_transports[0]);
_Static_assert(sizeof(bench_transports) / sizeof(bench_transports[0]) <= BENCH_TRANSPORTS,
	       "there is room for all transports");

int bench_transport(const char *name)
{
	for (int i = 0; i < bench_transport_count; i++)
		if (strcmp(bench_transports[i].name, name) == 0)
			return i;
	return -1;
}
