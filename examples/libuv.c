/* SPDX-License-Identifier: MIT */
/*
 * libuv NAME - a libuv loop that reads a ring beside a timer. libuv polls level-triggered, so it need not read all that
 * there is: it reads a few records, lets the rest of the program have its turn, and is called again.
 */
#include <shmring/shmring.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <uv.h>

#define AT_ONCE 16

struct reader {
	struct shmring_consumer *consumer;
	uv_poll_t poll;
	uv_timer_t timer;
	uint64_t records, bytes;
	int ended;
};

static void stop(struct reader *reader, int error)
{
	reader->ended = error;
	uv_close((uv_handle_t *)&reader->poll, NULL);
	uv_close((uv_handle_t *)&reader->timer, NULL);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct reader *reader = poll->data;
	struct shmring_record record;
	int error = 0;

	(void)events;
	if (status != 0) {
		stop(reader, -EIO);
		return;
	}
	for (int i = 0; i < AT_ONCE && error == 0; i++) {
		error = shmring_read(reader->consumer, &record);
		if (error == 0) {
			reader->records++;
			reader->bytes += record.length;
			error = shmring_release(reader->consumer);
		}
	}
	if (error != 0 && error != -EAGAIN)
		stop(reader, error);
}

/* Whatever else the program does. */
static void on_timer(uv_timer_t *timer)
{
	const struct reader *reader = timer->data;

	fprintf(stderr, "%" PRIu64 " records so far\n", reader->records);
}

static int loop(struct reader *reader)
{
	uv_loop_t *loop = uv_default_loop();
	int fd, error = shmring_consumer_fd(reader->consumer, &fd);

	if (error)
		return error;
	reader->poll.data = reader->timer.data = reader;
	if (uv_poll_init(loop, &reader->poll, fd) != 0 || uv_timer_init(loop, &reader->timer) != 0)
		return -EIO;
	uv_poll_start(&reader->poll, UV_READABLE, on_readable);
	uv_timer_start(&reader->timer, on_timer, 100, 100);
	uv_run(loop, UV_RUN_DEFAULT);
	/* Closed before the consumer is, which closes the descriptor. */
	uv_loop_close(loop);
	return reader->ended;
}

int main(int argc, char **argv)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct reader reader = { 0 };
	int error;

	if (argc != 2) {
		fprintf(stderr, "Usage: libuv NAME\n");
		return 2;
	}
	options.timeout_ns = -1; /* the ring may come later */
	error = shmring_consumer_open(&reader.consumer, argv[1], &options);
	if (!error) {
		error = loop(&reader);
		shmring_consumer_close(reader.consumer);
	}
	printf("%" PRIu64 " records, %" PRIu64 " bytes: %s\n", reader.records, reader.bytes,
	       shmring_strerror(error));
	return error != -EPIPE;
}
