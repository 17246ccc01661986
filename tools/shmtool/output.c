/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "signals.h"

/* What is gathered before it is written; more is written without gathering. */
#define GATHER_BYTES (256u << 10)

int output_open(struct output *output)
{
	output->used = 0;
	output->room = GATHER_BYTES;
	output->bytes = malloc(output->room);
	return output->bytes ? 0 : -ENOMEM;
}

void output_close(struct output *output)
{
	free(output->bytes);
}

static int wait_writable(void)
{
	struct pollfd output = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&output, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

static int write_all(const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written;
		int error;

		if (signals_came())
			return -ECANCELED;
		written = write(STDOUT_FILENO, bytes, length);
		if (written >= 0) {
			bytes += written;
			length -= (size_t)written;
			continue;
		}
		if (errno == EINTR)
			continue;
		/* Whoever shares the file may have made it non-blocking. */
		error = errno == EAGAIN ? wait_writable() : -errno;
		if (error)
			return error;
	}
	return 0;
}

int output_flush(struct output *output)
{
	int error = write_all(output->bytes, output->used);

	if (!error)
		output->used = 0;
	return error;
}

int output_append(struct output *output, const void *bytes, size_t length)
{
	if (length > output->room - output->used) {
		int error = output_flush(output);

		if (error)
			return error;
	}
	if (length > output->room)
		return write_all(bytes, length);
	memcpy(output->bytes + output->used, bytes, length);
	output->used += length;
	return 0;
}

int output_reserve(struct output *output, size_t length, void **bytes)
{
	if (length > output->room - output->used) {
		size_t room = output->used + length;
		char *grown = realloc(output->bytes, room);

		if (!grown)
			return -ENOMEM;
		output->bytes = grown;
		output->room = room;
	}
	*bytes = output->bytes + output->used;
	return 0;
}
