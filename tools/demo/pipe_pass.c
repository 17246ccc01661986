/* SPDX-License-Identifier: MIT */
/* The stream through two pipes, into each of which the writer writes every byte. */
#include "live.h"
#include "pieces.h"
#include "transport.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

int pipes_open(int pipes[2][2])
{
	for (int i = 0; i < 2; i++)
		pipes[i][0] = pipes[i][1] = -1;
	for (int i = 0; i < 2; i++) {
		if (pipe2(pipes[i], O_CLOEXEC) != 0) {
			live_clear();
			fprintf(stderr, "demo: pipe: %s\n", strerror(errno));
			pipes_close(pipes);
			return 1;
		}
		/* Where somebody's pipes are too large already, it stays at the default. */
		fcntl(pipes[i][1], F_SETPIPE_SZ, (int)PIPE_CAPACITY);
	}
	return 0;
}

void pipes_close(int pipes[2][2])
{
	for (int i = 0; i < 2; i++) {
		for (int end = 0; end < 2; end++) {
			if (pipes[i][end] >= 0)
				close(pipes[i][end]);
			pipes[i][end] = -1;
		}
	}
}

void pipes_keep(int pipes[2][2], bool writer, int reader)
{
	for (int i = 0; i < 2; i++) {
		if (writer || i != reader) {
			close(pipes[i][0]);
			pipes[i][0] = -1;
		}
		if (!writer) {
			close(pipes[i][1]);
			pipes[i][1] = -1;
		}
	}
}

int pipe_write(struct actor *me, int fd, const void *header, size_t header_size, const void *data,
	       size_t size)
{
	struct iovec pieces[2] = {
		{ .iov_base = (void *)(uintptr_t)header, .iov_len = header_size },
		{ .iov_base = (void *)(uintptr_t)data, .iov_len = size },
	};
	int first = header_size == 0;

	while (first < 2) {
		ssize_t sent = writev(fd, pieces + first, 2 - first);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return stage_problem(me, "write: %s", strerror(errno));
		me->calls++;
		while (first < 2 && (size_t)sent >= pieces[first].iov_len)
			sent -= (ssize_t)pieces[first++].iov_len;
		if (first < 2) {
			pieces[first].iov_base = (char *)pieces[first].iov_base + sent;
			pieces[first].iov_len -= (size_t)sent;
		}
	}
	return 0;
}

int pipe_read(struct actor *me, int fd, void *data, size_t size, size_t *got)
{
	for (;;) {
		ssize_t count = read(fd, data, size);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return stage_problem(me, "read: %s", strerror(errno));
		me->calls++;
		*got = (size_t)count;
		return 0;
	}
}

static int act_write(struct stage *stage, struct actor *me, void *argument)
{
	const struct input *input = &stage->settings->input;
	struct pieces pieces = pieces_start(stage->settings->seed, input->size);
	struct pass *pass = argument;
	size_t offset = 0, length = 0;

	pipes_keep(pass->pipes, true, 0);
	transport_touch(input);
	stage_await(stage, 2);
	stage_begin(me);
	while (me->bytes < input->size) {
		uint32_t header;

		if (pass->records) {
			pieces_next(&pieces, &offset, &length);
		} else {
			offset = (size_t)me->bytes;
			length = input->size - offset < BLOCK_SIZE ? input->size - offset
								   : BLOCK_SIZE;
		}
		header = (uint32_t)length;
		for (int i = 0; i < 2; i++) {
			if (pipe_write(me, pass->pipes[i][1], &header,
				       pass->records ? sizeof(header) : 0, input->data + offset,
				       length) != 0)
				return 1;
		}
		me->records++;
		me->bytes += length;
		atomic_store_explicit(&me->progress, me->bytes, memory_order_relaxed);
	}
	stage_end(me);
	return 0;
}

/* Takes records apart, of which any part may be there. */
struct unpacker {
	uint32_t header;
	size_t header_got;
	size_t payload_left;
};

static void unpack(struct unpacker *unpacker, struct actor *me, struct sha256_ctx *hash,
		   const char *from, const char *to)
{
	while (from < to) {
		size_t count = (size_t)(to - from);

		if (unpacker->payload_left > 0) {
			if (count > unpacker->payload_left)
				count = unpacker->payload_left;
			if (hash)
				sha256_update(hash, count, (const uint8_t *)from);
			me->bytes += count;
			unpacker->payload_left -= count;
		} else {
			if (count > sizeof(unpacker->header) - unpacker->header_got)
				count = sizeof(unpacker->header) - unpacker->header_got;
			memcpy((char *)&unpacker->header + unpacker->header_got, from, count);
			unpacker->header_got += count;
			if (unpacker->header_got == sizeof(unpacker->header)) {
				unpacker->payload_left = unpacker->header;
				unpacker->header_got = 0;
				me->records++;
			}
		}
		from += count;
	}
}

static int act_consume(struct stage *stage, struct actor *me, void *argument)
{
	static char out[BLOCK_SIZE];
	struct unpacker unpacker = { 0 };
	struct pass *pass = argument;
	int which = me == &stage->actors[CONSUMER_A] ? 0 : 1;
	struct sha256_ctx hash;
	size_t got = 0;

	pipes_keep(pass->pipes, false, which);
	sha256_init(&hash);
	stage_ready(stage);
	stage_begin(me);
	for (;;) {
		if (pipe_read(me, pass->pipes[which][0], out, sizeof(out), &got) != 0)
			return 1;
		if (got == 0)
			break;
		if (pass->records) {
			unpack(&unpacker, me, pass->verify ? &hash : NULL, out, out + got);
		} else {
			if (pass->verify)
				sha256_update(&hash, got, (const uint8_t *)out);
			me->bytes += got;
		}
	}
	stage_end(me);
	sha256_digest(&hash, sizeof(me->digest), me->digest);
	return 0;
}

/* The consumers see the end once the writer alone had the writing ends. */
static void let_go(void *argument)
{
	struct pass *pass = argument;

	pipes_close(pass->pipes);
}

int pipe_pass(struct stage *stage, struct pass *pass)
{
	struct live live = {
		.what = pass->verify    ? "pipes, hashed"
			: pass->records ? "pipes, copied"
					: "pipes, in blocks",
		.total = stage->settings->input.size,
		.bytes = true,
	};
	struct play play = {
		.acts = { act_write, act_consume, act_consume, NULL },
		.argument = pass,
		.started = let_go,
		.tick = live_tick,
		.tick_argument = &live,
		.tick_ms = LIVE_TICK_MS,
	};
	int status = pipes_open(pass->pipes);

	if (status == 0) {
		status = stage_play(stage, &play);
		live_close(&live);
	}
	return status;
}
