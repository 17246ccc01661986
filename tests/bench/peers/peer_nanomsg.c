/* SPDX-License-Identifier: MIT */
/*
 * nanomsg over ipc, a PAIR of sockets for both directions. Messages are in memory that it
 * allocates, and filled and looked at there. It has a thread of its own in each process, which
 * shares the core with ours: so calls block, as spinning would keep that thread from running.
 */
#include "peer.h"

#include <nanomsg/nn.h>
#include <nanomsg/pair.h>

#include <stdio.h>
#include <unistd.h>

static int endpoint;
static char path[128];

static void check(const char *what, bool done)
{
	if (!done)
		bench_fail("nanomsg: %s: %s", what, nn_strerror(nn_errno()));
}

/* Both ends hold 128 KiB back unless told otherwise, and the kernel some more. */
static uint64_t nanomsg_lap(const struct bench_job *job)
{
	return job->task == BENCH_ONE_WAY ? 32 : 4096;
}

static int nanomsg_open(const struct bench_contender *self, const struct bench_job *job,
			enum bench_side side)
{
	char address[sizeof(path) + 8];

	(void)self;
	/* Where what a killed run leaves is removed. */
	snprintf(path, sizeof(path), "/dev/shm/%s", job->name[0]);
	snprintf(address, sizeof(address), "ipc://%s", path);
	check("socket", (endpoint = nn_socket(AF_SP, NN_PAIR)) >= 0);
	if (side == BENCH_NEAR)
		check("bind", nn_bind(endpoint, address) >= 0);
	else
		check("connect", nn_connect(endpoint, address) >= 0);
	return 0;
}

static bench_inline void put(int ring, size_t size, unsigned int batch, uint64_t number)
{
	(void)ring;
	for (unsigned int i = 0; i < batch; i++) {
		void *message = nn_allocmsg(size, 0);

		check("message", message != NULL);
		peer_fill(message, size, number + i);
		check("send", nn_send(endpoint, &message, NN_MSG, 0) >= 0);
	}
}

static bench_inline unsigned int take(int ring, size_t size, unsigned int batch, uint64_t number)
{
	void *message;
	int length;

	(void)ring;
	(void)batch;
	check("receive", (length = nn_recv(endpoint, &message, NN_MSG, 0)) >= 0);
	if ((size_t)length != size)
		bench_fail("nanomsg: a message of %d bytes, not %zu", length, size);
	peer_check(message, size, number);
	nn_freemsg(message);
	return 1;
}

PEER_RUN(nanomsg_run, put, take)

static void nanomsg_close(enum bench_side side)
{
	nn_close(endpoint);
	if (side == BENCH_NEAR)
		unlink(path);
}

const struct bench_contender bench_nanomsg = {
	.label = "nanomsg",
	.figure = "nanomsg",
	.threads = true,
	.slow = 20,
	.lap = nanomsg_lap,
	.open = nanomsg_open,
	.run = nanomsg_run,
	.close = nanomsg_close,
};
