/* SPDX-License-Identifier: MIT */
/*
 * epoll NAME - an event loop that reads a ring and standard input: prints each record, and each line. It ends when
 * the producer has closed; what it was sent is read first.
 */
#include <shmring/shmring.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* All that is there: only -EAGAIN lets the descriptor wait for more. */
static int on_records(struct shmring_consumer *consumer)
{
	struct shmring_record record;
	int error;

	while ((error = shmring_read(consumer, &record)) == 0) {
		printf("record: %.*s\n", (int)record.length, (const char *)record.data);
		error = shmring_release(consumer);
		if (error)
			break;
	}
	fflush(stdout);
	return error == -EAGAIN ? 0 : error;
}

/* False at its end. */
static int on_input(void)
{
	char bytes[256];
	ssize_t length = read(STDIN_FILENO, bytes, sizeof(bytes));

	if (length <= 0)
		return 0;
	printf("input: %.*s", (int)length, bytes);
	fflush(stdout);
	return 1;
}

static int watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static int loop(struct shmring_consumer *consumer)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), ring, error;

	error = shmring_consumer_fd(consumer, &ring);
	if (!error)
		error = watch(epoll, ring);
	if (!error)
		error = watch(epoll, STDIN_FILENO);
	while (!error) {
		struct epoll_event event;

		if (epoll_wait(epoll, &event, 1, -1) != 1)
			continue;
		if (event.data.fd == ring)
			error = on_records(consumer);
		else if (!on_input())
			epoll_ctl(epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
	}
	close(epoll);
	return error;
}

int main(int argc, char **argv)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_consumer *consumer;
	int error;

	if (argc != 2) {
		fprintf(stderr, "Usage: epoll NAME\n");
		return 2;
	}
	options.timeout_ns = -1; /* the ring may come later */
	error = shmring_consumer_open(&consumer, argv[1], &options);
	if (!error) {
		error = loop(consumer);
		shmring_consumer_close(consumer);
	}
	printf("(%s)\n", shmring_strerror(error));
	return error != -EPIPE;
}
