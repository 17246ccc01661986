/* SPDX-License-Identifier: MIT */
/*
 * ZeroMQ over ipc, a PAIR of sockets for both directions. Messages are filled and looked at where
 * they lie. It has a thread of its own in each process, which shares the core with ours: so calls
 * block, as spinning would keep that thread from running. The socket's name is an abstract one,
 * which is nowhere in the file system.
 */
#include "peer.h"

#include <zmq.h>

#include <stdio.h>

static void *context, *endpoint;

static void check(const char *what, bool done)
{
	if (!done)
		bench_fail("ZeroMQ: %s: %s", what, zmq_strerror(zmq_errno()));
}

/* Both ends hold a thousand messages back unless told otherwise, and the kernel some more. */
static uint64_t zmq_lap(const struct bench_job *job)
{
	return job->task == BENCH_ONE_WAY ? 32 : 4096;
}

static int zmq_open(const struct bench_contender *self, const struct bench_job *job,
		    enum bench_side side)
{
	const int none = 0;
	char address[128];

	(void)self;
	snprintf(address, sizeof(address), "ipc://@%s", job->name[0]);
	check("context", (context = zmq_ctx_new()) != NULL);
	check("socket", (endpoint = zmq_socket(context, ZMQ_PAIR)) != NULL);
	check("linger", zmq_setsockopt(endpoint, ZMQ_LINGER, &none, sizeof(none)) == 0);
	if (side == BENCH_NEAR)
		check("bind", zmq_bind(endpoint, address) == 0);
	else
		check("connect", zmq_connect(endpoint, address) == 0);
	return 0;
}

static bench_inline void put(int ring, size_t size, unsigned int batch, uint64_t number)
{
	(void)ring;
	for (unsigned int i = 0; i < batch; i++) {
		zmq_msg_t message;

		check("message", zmq_msg_init_size(&message, size) == 0);
		peer_fill(zmq_msg_data(&message), size, number + i);
		check("send", zmq_msg_send(&message, endpoint, 0) >= 0);
	}
}

static bench_inline unsigned int take(int ring, size_t size, unsigned int batch, uint64_t number)
{
	zmq_msg_t message;

	(void)ring;
	(void)batch;
	zmq_msg_init(&message);
	check("receive", zmq_msg_recv(&message, endpoint, 0) >= 0);
	if (zmq_msg_size(&message) != size)
		bench_fail("ZeroMQ: a message of %zu bytes, not %zu", zmq_msg_size(&message), size);
	peer_check(zmq_msg_data(&message), size, number);
	zmq_msg_close(&message);
	return 1;
}

PEER_RUN(zmq_run, put, take)

static void close_all(enum bench_side side)
{
	(void)side;
	zmq_close(endpoint);
	zmq_ctx_term(context);
}

const struct bench_contender bench_zmq = {
	.label = "ZeroMQ",
	.figure = "zmq",
	.threads = true,
	.slow = 20,
	.lap = zmq_lap,
	.open = zmq_open,
	.run = zmq_run,
	.close = close_all,
};
