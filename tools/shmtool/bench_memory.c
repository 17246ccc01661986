/* SPDX-License-Identifier: MIT */
/*
 * Shared memory as one would do it by hand: slots for records, filled and read where they are.
 *
 * With a mutex and conditions that processes share, in a mapped file or in System V shared memory:
 * the lock is held only while the counts are changed, once a record on each side. With eventfds:
 * one counts records, the other free slots, so that nothing else needs to be looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include "bench_work.h"

/* As much as a ring has by default, unless records are long. */
#define MEMORY_BYTES (1u << 20)
#define SLOTS_MIN    4
#define SLOTS_MAX    1024

struct memory {
	alignas(128) pthread_mutex_t mutex;
	pthread_cond_t not_empty, not_full;
	uint64_t written, read;
	bool reader_waits, writer_waits;
	alignas(128) unsigned char slots[];
};

static struct memory *memories[2];
static size_t memory_bytes;
static int events[2][2]; /* of each way: records there, slots free */
static uint64_t slots, slot_bytes;

/* This process's own: records that it has written or read, and as far as it can go on. */
static struct {
	uint64_t next, limit;
} mine[2];

static bool has_events(const struct bench_run *run)
{
	return run->transport->variant == BENCH_EVENTFD;
}

static void *map_file(size_t bytes)
{
	char path[] = "/tmp/shmtool-bench-XXXXXX";
	void *memory = MAP_FAILED;
	int fd = mkostemp(path, O_CLOEXEC);
	int error;

	if (fd < 0)
		return MAP_FAILED;
	unlink(path);
	error = posix_fallocate(fd, 0, (off_t)bytes);
	if (error == 0)
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	else
		errno = error;
	close(fd);
	return memory;
}

static void *map_sysv(size_t bytes)
{
	int id = shmget(IPC_PRIVATE, bytes, IPC_CREAT | 0600);
	void *memory;

	if (id < 0)
		return MAP_FAILED;
	memory = shmat(id, NULL, 0);
	/* It stays until the last process has left it. */
	shmctl(id, IPC_RMID, NULL);
	return memory;
}

static void initialize(struct memory *memory)
{
	pthread_mutexattr_t mutex;
	pthread_condattr_t condition;

	memset(memory, 0, memory_bytes);
	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&memory->mutex, &mutex);
	pthread_mutexattr_destroy(&mutex);
	pthread_condattr_init(&condition);
	pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&memory->not_empty, &condition);
	pthread_cond_init(&memory->not_full, &condition);
	pthread_condattr_destroy(&condition);
}

enum bench_opened bench_memory_open(struct bench_run *run)
{
	slot_bytes = (run->job.size + 63) / 64 * 64;
	slots = MEMORY_BYTES / slot_bytes;
	slots = slots < SLOTS_MIN ? SLOTS_MIN : slots > SLOTS_MAX ? SLOTS_MAX : slots;
	memory_bytes = sizeof(struct memory) + slots * slot_bytes;
	for (int way = 0; way < 2; way++) {
		memories[way] = MAP_FAILED;
		events[way][0] = events[way][1] = -1;
	}
	for (unsigned int way = 0; way < run->job.ways; way++) {
		if (run->transport->variant == BENCH_FILE_MUTEX)
			memories[way] = map_file(memory_bytes);
		else if (run->transport->variant == BENCH_SYSV_MUTEX)
			memories[way] = map_sysv(memory_bytes);
		else
			memories[way] = mmap(NULL, memory_bytes, PROT_READ | PROT_WRITE,
					     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (memories[way] == MAP_FAILED)
			return bench_refuse(run, "making shared memory");
		initialize(memories[way]);
		if (!has_events(run))
			continue;
		events[way][0] = eventfd(0, EFD_CLOEXEC);
		events[way][1] = eventfd(0, EFD_CLOEXEC);
		if (events[way][0] < 0 || events[way][1] < 0)
			return bench_refuse(run, "eventfd");
	}
	return BENCH_OPEN;
}

void bench_memory_close(struct bench_run *run)
{
	for (int way = 0; way < 2; way++) {
		for (int i = 0; i < 2; i++)
			if (events[way][i] >= 0)
				close(events[way][i]);
		if (memories[way] == MAP_FAILED)
			continue;
		if (run->transport->variant == BENCH_SYSV_MUTEX)
			shmdt(memories[way]);
		else
			munmap(memories[way], memory_bytes);
	}
}

static void memory_start(struct bench_run *run, enum bench_side side)
{
	(void)run;
	for (int way = 0; way < 2; way++)
		mine[way].next = 0;
	/* The writer has all slots, the reader no records. */
	mine[side == BENCH_NEAR ? 0 : 1].limit = slots;
	mine[side == BENCH_NEAR ? 1 : 0].limit = 0;
}

static void memory_stop(struct bench_run *run, enum bench_side side)
{
	(void)run;
	(void)side;
}

BENCH_INLINE void *slot(int way, uint64_t number)
{
	return memories[way]->slots + number % slots * slot_bytes;
}

/* ---- with a mutex ---- */

static void mutex_wait_for_room(struct memory *memory, int way)
{
	pthread_mutex_lock(&memory->mutex);
	while (memory->written - memory->read == slots) {
		memory->writer_waits = true;
		pthread_cond_wait(&memory->not_full, &memory->mutex);
		bench_calls_made++;
	}
	mine[way].limit = memory->read + slots;
	pthread_mutex_unlock(&memory->mutex);
}

BENCH_INLINE void *mutex_room(struct bench_run *run, int way)
{
	(void)run;
	if (mine[way].next == mine[way].limit)
		mutex_wait_for_room(memories[way], way);
	return slot(way, mine[way].next);
}

BENCH_INLINE void mutex_send(struct bench_run *run, int way)
{
	struct memory *memory = memories[way];
	bool wake;

	(void)run;
	pthread_mutex_lock(&memory->mutex);
	memory->written = ++mine[way].next;
	mine[way].limit = memory->read + slots;
	wake = memory->reader_waits;
	memory->reader_waits = false;
	if (wake) {
		pthread_cond_signal(&memory->not_empty);
		bench_calls_made++;
	}
	pthread_mutex_unlock(&memory->mutex);
}

BENCH_INLINE const void *mutex_receive(struct bench_run *run, int way)
{
	struct memory *memory = memories[way];

	(void)run;
	if (mine[way].next != mine[way].limit)
		return slot(way, mine[way].next);
	pthread_mutex_lock(&memory->mutex);
	while (memory->written == mine[way].next) {
		memory->reader_waits = true;
		pthread_cond_wait(&memory->not_empty, &memory->mutex);
		bench_calls_made++;
	}
	mine[way].limit = memory->written;
	pthread_mutex_unlock(&memory->mutex);
	return slot(way, mine[way].next);
}

BENCH_INLINE void mutex_release(struct bench_run *run, int way)
{
	struct memory *memory = memories[way];

	(void)run;
	pthread_mutex_lock(&memory->mutex);
	memory->read = ++mine[way].next;
	mine[way].limit = memory->written;
	if (memory->writer_waits) {
		memory->writer_waits = false;
		pthread_cond_signal(&memory->not_full);
		bench_calls_made++;
	}
	pthread_mutex_unlock(&memory->mutex);
}

static const struct bench_calls mutex_calls = {
	.start = memory_start,
	.room = mutex_room,
	.send = mutex_send,
	.receive = mutex_receive,
	.release = mutex_release,
	.stop = memory_stop,
};

/* ---- with eventfds ---- */

BENCH_INLINE uint64_t take_events(struct bench_run *run, int fd)
{
	uint64_t count;
	ssize_t got;

	do {
		got = read(fd, &count, sizeof(count));
		bench_calls_made++;
	} while (got < 0 && errno == EINTR);
	if (got != sizeof(count))
		bench_fail_errno(run, "read an eventfd");
	return count;
}

BENCH_INLINE void give_events(struct bench_run *run, int fd, uint64_t count)
{
	ssize_t written;

	do {
		written = write(fd, &count, sizeof(count));
		bench_calls_made++;
	} while (written < 0 && errno == EINTR);
	if (written != sizeof(count))
		bench_fail_errno(run, "write an eventfd");
}

BENCH_INLINE void *event_room(struct bench_run *run, int way)
{
	if (mine[way].next == mine[way].limit)
		mine[way].limit += take_events(run, events[way][1]);
	return slot(way, mine[way].next);
}

BENCH_INLINE void event_send(struct bench_run *run, int way)
{
	mine[way].next++;
	give_events(run, events[way][0], 1);
}

BENCH_INLINE const void *event_receive(struct bench_run *run, int way)
{
	if (mine[way].next == mine[way].limit)
		mine[way].limit += take_events(run, events[way][0]);
	return slot(way, mine[way].next);
}

/* Free slots are told about in quarters, as are the last of them: a writer never waits in vain. */
BENCH_INLINE void event_release(struct bench_run *run, int way)
{
	const uint64_t quarter = slots / 4;

	mine[way].next++;
	if (mine[way].next % quarter == 0)
		give_events(run, events[way][1], quarter);
}

static const struct bench_calls event_calls = {
	.start = memory_start,
	.room = event_room,
	.send = event_send,
	.receive = event_receive,
	.release = event_release,
	.stop = memory_stop,
};

void bench_memory_run(struct bench_run *run, enum bench_side side)
{
	if (has_events(run))
		bench_work(run, side, &event_calls);
	else
		bench_work(run, side, &mutex_calls);
}
