/* SPDX-License-Identifier: MIT */
/* Pipes and FIFOs: a record is its length and its bytes in one write; what is there is read at once. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench_stream.h"

static int ends[2][2]; /* of each way: to read from, to write to */

/* As much as a ring has, where that is allowed. */
#define PIPE_BYTES (1 << 20)

static int open_fifo(int way[2])
{
	char directory[] = "/tmp/shmtool-bench-XXXXXX";
	char path[sizeof(directory) + 8];
	int error;

	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/fifo", directory);
	if (mkfifo(path, 0600) == 0) {
		/* For reading first, without waiting for a writer. */
		way[0] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		way[1] = way[0] < 0 ? -1 : open(path, O_WRONLY | O_CLOEXEC);
	}
	error = errno;
	unlink(path);
	rmdir(directory);
	errno = error;
	if (way[1] < 0)
		return -1;
	return fcntl(way[0], F_SETFL, 0);
}

enum bench_opened bench_pipe_open(struct bench_run *run)
{
	const bool fifo = run->transport->variant == BENCH_FIFO;

	for (int way = 0; way < 2; way++)
		ends[way][0] = ends[way][1] = -1;
	for (unsigned int way = 0; way < run->job.ways; way++) {
		if ((fifo ? open_fifo(ends[way]) : pipe2(ends[way], O_CLOEXEC)) != 0)
			return bench_refuse(run, fifo ? "mkfifo" : "pipe");
		/* May be refused, for what others have. */
		fcntl(ends[way][1], F_SETPIPE_SZ, PIPE_BYTES);
	}
	return BENCH_OPEN;
}

void bench_pipe_close(struct bench_run *run)
{
	(void)run;
	for (int way = 0; way < 2; way++)
		for (int end = 0; end < 2; end++)
			if (ends[way][end] >= 0)
				close(ends[way][end]);
}

static void pipe_start(struct bench_run *run, enum bench_side side)
{
	const int out = side == BENCH_NEAR ? 0 : 1;

	/* Only what this side uses stays open, so that the other's death is seen. */
	for (unsigned int way = 0; way < run->job.ways; way++)
		close(ends[way][(int)way == out ? 0 : 1]);
	bench_stream_start(run, ends[!out][0], ends[out][1]);
}

static const struct bench_calls calls = {
	.start = pipe_start,
	.room = bench_stream_room,
	.send = bench_stream_send,
	.receive = bench_stream_receive,
	.release = bench_stream_release,
	.stop = bench_stream_stop,
};

void bench_pipe_run(struct bench_run *run, enum bench_side side)
{
	bench_work(run, side, &calls);
}
