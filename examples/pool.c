/* SPDX-License-Identifier: MIT */
/*
 * pool NAME - a pool of threads behind one consumer: one thread reads the ring, copies each record to a free slot and
 * wakes a worker; workers finish in any order.
 *
 * Why a copy: a consumer gives records back in order, all that it has read so far, so one slow worker that used its
 * record in place would hold back the producer, and the records of all others with it. A copy frees the room at once;
 * for small records it costs less than the hand-over to another thread. The price: what was released is this process's
 * responsibility. Where a record must survive the death of its worker, or is too large to copy, let each worker be a
 * member of a group instead, with a handle of its own (see group.c): then records are used in place, each is released
 * by who worked on it, and there is no thread in between.
 *
 * The slots bound what is under way: with none free the reader stops reading, and the ring tells the producer.
 */
#include <shmring/shmring.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define WORKERS 4
#define SLOTS   64
#define RECORDS 20000
#define LONGEST 256

struct slot {
	struct slot *next;
	_Alignas(8) char bytes[LONGEST];
};

/* Two lists of slots under one lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_came = PTHREAD_COND_INITIALIZER;
static pthread_cond_t slot_freed = PTHREAD_COND_INITIALIZER;
static struct slot slots[SLOTS];
static struct slot *unused, *work, **work_end = &work;
static int no_more;

static const char *name;

static void check(const char *what, int error)
{
	if (error) {
		fprintf(stderr, "pool: %s: %s\n", what, shmring_strerror(error));
		exit(1);
	}
}

static struct slot *slot_take(void)
{
	struct slot *slot;

	pthread_mutex_lock(&lock);
	while (!unused)
		pthread_cond_wait(&slot_freed, &lock);
	slot = unused;
	unused = slot->next;
	pthread_mutex_unlock(&lock);
	return slot;
}

static void work_give(struct slot *slot)
{
	pthread_mutex_lock(&lock);
	if (slot) {
		slot->next = NULL;
		*work_end = slot;
		work_end = &slot->next;
		pthread_cond_signal(&work_came);
	} else {
		no_more = 1;
		pthread_cond_broadcast(&work_came);
	}
	pthread_mutex_unlock(&lock);
}

/* Puts the slot that is done back; null when there is no more. */
static struct slot *work_take(struct slot *done)
{
	struct slot *slot;

	pthread_mutex_lock(&lock);
	if (done) {
		done->next = unused;
		unused = done;
		pthread_cond_signal(&slot_freed);
	}
	while (!work && !no_more)
		pthread_cond_wait(&work_came, &lock);
	slot = work;
	if (slot) {
		work = slot->next;
		if (!work)
			work_end = &work;
	}
	pthread_mutex_unlock(&lock);
	return slot;
}

/* The work: adds up what it is given. */
static void *work_on_all(void *sum)
{
	struct slot *slot = NULL;

	while ((slot = work_take(slot)) != NULL)
		*(uint64_t *)sum += *(const uint64_t *)(const void *)slot->bytes;
	return NULL;
}

/* The handle is this thread's alone. */
static void *read_all(void *unused_argument)
{
	struct shmring_consumer *consumer;
	struct slot *slot = slot_take();
	int error;

	(void)unused_argument;
	check("open the consumer", shmring_consumer_open(&consumer, name, NULL));
	do {
		struct shmring_record record;

		/* Copied, verified whole, and released. */
		error = shmring_read_copy(consumer, slot->bytes, sizeof(slot->bytes), &record);
		if (error == 0) {
			work_give(slot);
			slot = slot_take();
		} else if (error == -EAGAIN) {
			error = shmring_wait(consumer, -1);
		}
	} while (error == 0);
	work_give(NULL);
	check("read", error == -EPIPE ? 0 : error);
	check("close the consumer", shmring_consumer_close(consumer));
	return NULL;
}

static void produce(void)
{
	struct shmring_producer *producer;

	check("open the producer", shmring_producer_open(&producer, name, NULL));
	check("wait for the reader", shmring_producer_wait_consumers(producer, 1, -1));
	for (uint64_t i = 1; i <= RECORDS; i++)
		check("write", shmring_write(producer, &i, sizeof(i), 0, -1));
	check("close the producer", shmring_producer_close(producer));
}

int main(int argc, char **argv)
{
	pthread_t reader, workers[WORKERS];
	uint64_t sums[WORKERS] = { 0 }, total = 0;

	if (argc != 2) {
		fprintf(stderr, "Usage: pool NAME\n");
		return 2;
	}
	name = argv[1];
	check("create", shmring_create(name, NULL));
	for (int i = 0; i < SLOTS; i++) {
		slots[i].next = unused;
		unused = &slots[i];
	}
	check("start", -pthread_create(&reader, NULL, read_all, NULL));
	for (int i = 0; i < WORKERS; i++)
		check("start", -pthread_create(&workers[i], NULL, work_on_all, &sums[i]));
	produce();
	pthread_join(reader, NULL);
	for (int i = 0; i < WORKERS; i++) {
		pthread_join(workers[i], NULL);
		total += sums[i];
	}
	printf("%d workers: %" PRIu64 "\n", WORKERS, total);
	check("remove", shmring_unlink(name));
	return 0;
}
