/* SPDX-License-Identifier: MIT */
/* Message queues, System V's and POSIX's; all messages have the same priority. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

#include "bench_work.h"

/* Messages that a POSIX queue shall hold: as many as anybody may ask for, or what is allowed. */
#define QUEUE_MESSAGES 10

static int sysv[2];
static mqd_t posix[2];
static long *outgoing, *incoming; /* a System V message begins with its type */

/*
 * Removed as soon as it is there would be best, but that ends a System V queue at once. So it is
 * removed when the run ends, however it ends: the parent closes after every run, and on signals.
 */
static enum bench_opened open_sysv(struct bench_run *run, unsigned int way)
{
	long *message = calloc(1, sizeof(long) + run->job.size);
	enum bench_opened opened = BENCH_OPEN;

	if (!message)
		return bench_refuse(run, "calloc");
	*message = 1;
	sysv[way] = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
	if (sysv[way] < 0)
		opened = bench_refuse(run, "msgget");
	else if (msgsnd(sysv[way], message, run->job.size, IPC_NOWAIT) == 0)
		msgrcv(sysv[way], message, run->job.size, 0, IPC_NOWAIT);
	else
		/* EAGAIN: longer than a whole queue may be. */
		opened = errno == EINVAL || errno == EAGAIN ? BENCH_TOO_LARGE
							    : bench_refuse(run, "msgsnd");
	free(message);
	return opened;
}

static enum bench_opened open_posix(struct bench_run *run, unsigned int way)
{
	struct mq_attr attributes = { .mq_msgsize = (long)run->job.size };
	char name[64];

	snprintf(name, sizeof(name), "/shmtool-bench-%ld-%u", (long)getpid(), way);
	for (attributes.mq_maxmsg = QUEUE_MESSAGES; attributes.mq_maxmsg > 0;
	     attributes.mq_maxmsg /= 2) {
		posix[way] =
			mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
		if (posix[way] >= 0) {
			mq_unlink(name);
			return BENCH_OPEN;
		}
		/* Fewer may fit into what this user may have. */
		if (errno != EMFILE && errno != ENOMEM && errno != EINVAL && errno != ENOSPC)
			return bench_refuse(run, "mq_open");
	}
	if (run->job.size > 64)
		return BENCH_TOO_LARGE;
	return bench_refuse(run, "mq_open");
}

enum bench_opened bench_queue_open(struct bench_run *run)
{
	enum bench_opened opened = BENCH_OPEN;

	for (int way = 0; way < 2; way++) {
		sysv[way] = -1;
		posix[way] = (mqd_t)-1;
	}
	for (unsigned int way = 0; way < run->job.ways && opened == BENCH_OPEN; way++)
		opened = run->transport->variant == BENCH_SYSV_QUEUE ? open_sysv(run, way)
								     : open_posix(run, way);
	return opened;
}

void bench_queue_close(struct bench_run *run)
{
	(void)run;
	for (int way = 0; way < 2; way++) {
		if (sysv[way] >= 0)
			msgctl(sysv[way], IPC_RMID, NULL);
		if (posix[way] != (mqd_t)-1)
			mq_close(posix[way]);
	}
}

static void queue_start(struct bench_run *run, enum bench_side side)
{
	(void)side;
	outgoing = malloc(sizeof(long) + run->job.size);
	incoming = malloc(sizeof(long) + run->job.size);
	if (!outgoing || !incoming)
		bench_fail(run, "out of memory");
	outgoing[0] = 1;
}

static void queue_stop(struct bench_run *run, enum bench_side side)
{
	(void)run;
	(void)side;
	free(outgoing);
	free(incoming);
}

BENCH_INLINE void *queue_room(struct bench_run *run, int way)
{
	(void)run;
	(void)way;
	return outgoing + 1;
}

BENCH_INLINE void check_length(struct bench_run *run, const char *call, ssize_t got)
{
	if (got < 0)
		bench_fail_errno(run, call);
	if ((size_t)got != run->job.size)
		bench_fail(run, "a message of %zd bytes instead of %zu", got, run->job.size);
}

BENCH_INLINE void sysv_send(struct bench_run *run, int way)
{
	int error;

	do {
		error = msgsnd(sysv[way], outgoing, run->job.size, 0);
		bench_calls_made++;
	} while (error != 0 && errno == EINTR);
	if (error != 0)
		bench_fail_errno(run, "msgsnd");
}

BENCH_INLINE const void *sysv_receive(struct bench_run *run, int way)
{
	ssize_t got;

	do {
		got = msgrcv(sysv[way], incoming, run->job.size, 0, 0);
		bench_calls_made++;
	} while (got < 0 && errno == EINTR);
	check_length(run, "msgrcv", got);
	return incoming + 1;
}

BENCH_INLINE void posix_send(struct bench_run *run, int way)
{
	int error;

	do {
		error = mq_send(posix[way], (const char *)(outgoing + 1), run->job.size, 0);
		bench_calls_made++;
	} while (error != 0 && errno == EINTR);
	if (error != 0)
		bench_fail_errno(run, "mq_send");
}

BENCH_INLINE const void *posix_receive(struct bench_run *run, int way)
{
	ssize_t got;

	do {
		got = mq_receive(posix[way], (char *)(incoming + 1), run->job.size, NULL);
		bench_calls_made++;
	} while (got < 0 && errno == EINTR);
	check_length(run, "mq_receive", got);
	return incoming + 1;
}

BENCH_INLINE void queue_release(struct bench_run *run, int way)
{
	(void)run;
	(void)way;
}

static const struct bench_calls sysv_calls = {
	.start = queue_start,
	.room = queue_room,
	.send = sysv_send,
	.receive = sysv_receive,
	.release = queue_release,
	.stop = queue_stop,
};

static const struct bench_calls posix_calls = {
	.start = queue_start,
	.room = queue_room,
	.send = posix_send,
	.receive = posix_receive,
	.release = queue_release,
	.stop = queue_stop,
};

void bench_queue_run(struct bench_run *run, enum bench_side side)
{
	if (run->transport->variant == BENCH_SYSV_QUEUE)
		bench_work(run, side, &sysv_calls);
	else
		bench_work(run, side, &posix_calls);
}
