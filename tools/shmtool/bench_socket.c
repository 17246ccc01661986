/* SPDX-License-Identifier: MIT */
/*
 * Sockets: UNIX ones of three types, TCP and UDP over loopback. One connection serves both
 * directions. Who sends many UDP datagrams loses some, so a stream of them has credit: the reader
 * gives back a datagram for each half of what its buffer surely holds.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "bench_stream.h"

#define SOCKET_BYTES (1 << 20) /* asked for, in each buffer */

/* What a datagram takes of a buffer beside its bytes, at most. */
#define DATAGRAM_EXTRA 2304

static int sockets[2]; /* near's, far's */
static unsigned int credit, outstanding;
static uint64_t *outgoing, *incoming;

static void set(int fd, int level, int option, int value)
{
	/* What is refused is only slower. */
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

static int loopback(int type, struct sockaddr_in *address)
{
	socklen_t length = sizeof(*address);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){ .sin_family = AF_INET };
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)address, sizeof(*address)) != 0 ||
	    getsockname(fd, (struct sockaddr *)address, &length) != 0)
		return -1;
	return fd;
}

static int connect_tcp(void)
{
	struct sockaddr_in address;
	int listener = loopback(SOCK_STREAM, &address);

	if (listener < 0 || listen(listener, 1) != 0)
		return -1;
	sockets[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sockets[0] >= 0 &&
	    connect(sockets[0], (struct sockaddr *)&address, sizeof(address)) == 0)
		sockets[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	return sockets[1] < 0 ? -1 : 0;
}

static int connect_udp(void)
{
	struct sockaddr_in addresses[2];

	for (int i = 0; i < 2; i++) {
		sockets[i] = loopback(SOCK_DGRAM, &addresses[i]);
		if (sockets[i] < 0)
			return -1;
	}
	for (int i = 0; i < 2; i++)
		if (connect(sockets[i], (struct sockaddr *)&addresses[!i], sizeof(addresses[0])))
			return -1;
	return 0;
}

static int connect_pair(int variant)
{
	switch (variant) {
	case BENCH_UNIX_STREAM:
		return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets);
	case BENCH_UNIX_SEQPACKET:
		return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets);
	case BENCH_UNIX_DATAGRAM:
		return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sockets);
	case BENCH_TCP:
		return connect_tcp();
	default:
		return connect_udp();
	}
}

static bool is_stream(const struct bench_run *run)
{
	return run->transport->variant == BENCH_UNIX_STREAM || run->transport->variant == BENCH_TCP;
}

/* Whether a message of that size goes through at all. */
static enum bench_opened probe(struct bench_run *run)
{
	char *message = calloc(1, run->job.size);
	ssize_t sent, got = -1;

	if (!message)
		return bench_refuse(run, "calloc");
	sent = send(sockets[0], message, run->job.size, MSG_DONTWAIT);
	if (sent >= 0)
		got = recv(sockets[1], message, run->job.size, 0);
	free(message);
	if (sent < 0 && (errno == EMSGSIZE || errno == ENOBUFS || errno == EAGAIN))
		return BENCH_TOO_LARGE;
	if (got < 0)
		return bench_refuse(run, "send");
	return BENCH_OPEN;
}

/* Datagrams that certainly fit into the reader's buffer, whatever the kernel allowed for it. */
static unsigned int buffered(size_t size)
{
	int bytes = 0;
	socklen_t length = sizeof(bytes);
	size_t count;

	getsockopt(sockets[1], SOL_SOCKET, SO_RCVBUF, &bytes, &length);
	count = (size_t)bytes / (2 * size + DATAGRAM_EXTRA);
	return count < 2 ? 2 : count > 512 ? 512 : (unsigned int)count;
}

enum bench_opened bench_socket_open(struct bench_run *run)
{
	const int variant = run->transport->variant;
	const struct timeval patience = { .tv_sec = 2 };

	sockets[0] = sockets[1] = -1;
	if (connect_pair(variant) != 0)
		return bench_refuse(run, variant < BENCH_TCP ? "socketpair" : "connect");
	for (int i = 0; i < 2; i++) {
		/* Left alone, TCP finds its own sizes, and larger ones. */
		if (variant != BENCH_TCP) {
			set(sockets[i], SOL_SOCKET, SO_SNDBUF, SOCKET_BYTES);
			set(sockets[i], SOL_SOCKET, SO_RCVBUF, SOCKET_BYTES);
		}
		/* For who answers, or keeps to a beat; a stream is faster when records gather. */
		if (variant == BENCH_TCP && run->job.task != BENCH_STREAM)
			set(sockets[i], IPPROTO_TCP, TCP_NODELAY, 1);
		/* What was lost does not come again. */
		if (variant == BENCH_UDP)
			(void)setsockopt(sockets[i], SOL_SOCKET, SO_RCVTIMEO, &patience,
					 sizeof(patience));
	}
	credit = variant == BENCH_UDP && run->job.ways == 1 ? buffered(run->job.size) : 0;
	return is_stream(run) ? BENCH_OPEN : probe(run);
}

void bench_socket_close(struct bench_run *run)
{
	(void)run;
	for (int i = 0; i < 2; i++)
		if (sockets[i] >= 0)
			close(sockets[i]);
}

/* ---- UNIX stream sockets and TCP ---- */

static void stream_start(struct bench_run *run, enum bench_side side)
{
	close(sockets[!side]);
	bench_stream_start(run, sockets[side], sockets[side]);
}

static const struct bench_calls stream_calls = {
	.start = stream_start,
	.room = bench_stream_room,
	.send = bench_stream_send,
	.receive = bench_stream_receive,
	.release = bench_stream_release,
	.stop = bench_stream_stop,
};

/* ---- those with messages ---- */

static int here; /* this side's socket */

static void message_start(struct bench_run *run, enum bench_side side)
{
	close(sockets[!side]);
	here = sockets[side];
	outstanding = 0;
	outgoing = malloc(run->job.size);
	incoming = malloc(run->job.size);
	if (!outgoing || !incoming)
		bench_fail(run, "out of memory");
}

static void message_stop(struct bench_run *run, enum bench_side side)
{
	(void)run;
	(void)side;
	free(outgoing);
	free(incoming);
}

BENCH_INLINE void receive_whole(struct bench_run *run, void *buffer, size_t size)
{
	ssize_t got;

	do {
		got = recv(here, buffer, size, MSG_TRUNC);
		bench_calls_made++;
	} while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		bench_fail(run, "a datagram was lost");
	if (got < 0)
		bench_fail_errno(run, "recv");
	if ((size_t)got != size)
		bench_fail(run, "a message of %zd bytes instead of %zu", got, size);
}

BENCH_INLINE void send_whole(struct bench_run *run, const void *buffer, size_t size)
{
	ssize_t sent;

	do {
		sent = send(here, buffer, size, 0);
		bench_calls_made++;
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		bench_fail_errno(run, "send");
}

BENCH_INLINE void *message_room(struct bench_run *run, int way)
{
	(void)run;
	(void)way;
	return outgoing;
}

BENCH_INLINE void message_send(struct bench_run *run, int way)
{
	(void)way;
	if (credit != 0 && outstanding == credit) {
		uint64_t given;

		receive_whole(run, &given, sizeof(given));
		outstanding -= credit / 2;
	}
	send_whole(run, outgoing, run->job.size);
	outstanding++;
}

BENCH_INLINE const void *message_receive(struct bench_run *run, int way)
{
	(void)way;
	receive_whole(run, incoming, run->job.size);
	return incoming;
}

BENCH_INLINE void message_release(struct bench_run *run, int way)
{
	(void)way;
	if (credit == 0 || ++outstanding < credit / 2)
		return;
	send_whole(run, &(uint64_t){ 0 }, sizeof(uint64_t));
	outstanding = 0;
}

static const struct bench_calls message_calls = {
	.start = message_start,
	.room = message_room,
	.send = message_send,
	.receive = message_receive,
	.release = message_release,
	.stop = message_stop,
};

void bench_socket_run(struct bench_run *run, enum bench_side side)
{
	if (is_stream(run))
		bench_work(run, side, &stream_calls);
	else
		bench_work(run, side, &message_calls);
}
