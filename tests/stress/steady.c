/* SPDX-License-Identifier: MIT */
/*
 * A producer and a consumer in full swing, each a process on a core of its own, for steady.sh to count what system
 * calls they make. They write a line to stderr as they begin with the first record, and one when they are done with
 * the last: what a trace has between the two is what the records cost. Both only poll, unless told to wait.
 *
 * Usage: steady RECORDS [--wait]
 */
#include "../support/child.h"
#include "../support/names.h"

#include <shmring/shmring.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CAPACITY (1u << 20)
#define LENGTH   64u
#define SKIPPED  77

struct run {
	const char *ring;
	uint64_t records;
	int64_t timeout_ns; /* of a wait; 0: poll */
	int opened, begin;  /* gates */
};

/* So that `first` and the other one run at the same time. */
static void take_processor(int first)
{
	cpu_set_t allowed, mine;
	int processor = first ? 0 : CPU_SETSIZE - 1;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return;
	while (processor >= 0 && processor < CPU_SETSIZE && !CPU_ISSET(processor, &allowed))
		processor += first ? 1 : -1;
	CPU_ZERO(&mine);
	CPU_SET(processor, &mine);
	sched_setaffinity(0, sizeof(mine), &mine);
}

static int mark(const char *line)
{
	return write(2, line, strlen(line)) < 0;
}

static int write_record(struct shmring_producer *producer, const struct run *run,
			const char bytes[LENGTH])
{
	int result;

	do
		result = shmring_write(producer, bytes, LENGTH, 0, run->timeout_ns);
	while (result == -EAGAIN);
	return result;
}

static int produce(void *argument)
{
	const struct run *run = argument;
	struct shmring_producer *producer;
	char bytes[LENGTH] = "steady";

	take_processor(1);
	CHILD_CHECK(shmring_producer_open(&producer, run->ring, NULL) == 0);
	gate_open(run->opened);
	gate_pass(run->begin);
	CHILD_CHECK(write_record(producer, run, bytes) == 0);
	CHILD_CHECK(mark("producer: begin\n") == 0);
	for (uint64_t i = 0; i < run->records; i++)
		CHILD_CHECK(write_record(producer, run, bytes) == 0);
	CHILD_CHECK(mark("producer: end\n") == 0);
	return shmring_producer_close(producer);
}

static int read_record(struct shmring_consumer *consumer, const struct run *run,
		       struct shmring_record *record)
{
	int result;

	while ((result = shmring_read(consumer, record)) == -EAGAIN && run->timeout_ns != 0)
		shmring_wait(consumer, run->timeout_ns);
	return result;
}

static int consume(void *argument)
{
	const struct run *run = argument;
	struct shmring_consumer *consumer;
	struct shmring_record record;
	uint64_t expected = 0;

	take_processor(0);
	CHILD_CHECK(shmring_consumer_open(&consumer, run->ring, NULL) == 0);
	gate_open(run->opened);
	while (expected <= run->records) {
		int result = read_record(consumer, run, &record);

		if (result == -EAGAIN)
			continue;
		CHILD_CHECK(result == 0 && record.sequence == expected && record.lost == 0, "%d",
			    result);
		if (expected++ == 0)
			CHILD_CHECK(mark("consumer: begin\n") == 0);
		CHILD_CHECK(shmring_release(consumer) == 0);
	}
	CHILD_CHECK(mark("consumer: end\n") == 0);
	return shmring_consumer_close(consumer);
}

int main(int argc, char **argv)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	struct run run = { .opened = gate_new(), .begin = gate_new() };
	pid_t producer, consumer;
	cpu_set_t allowed;

	if (argc > 1)
		run.records = strtoull(argv[1], NULL, 10);
	if (argc > 2 && strcmp(argv[2], "--wait") == 0)
		run.timeout_ns = -1;
	if (run.records == 0 || argc > (run.timeout_ns ? 3 : 2)) {
		fprintf(stderr, "Usage: %s RECORDS [--wait]\n", argv[0]);
		return 2;
	}
	if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0 && CPU_COUNT(&allowed) < 2)
		return SKIPPED;
	run.ring = unique_name();
	options.capacity = CAPACITY;
	CHILD_CHECK(shmring_create(run.ring, &options) == 0);
	producer = child_start(produce, &run);
	consumer = child_start(consume, &run);
	gate_pass(run.opened);
	gate_pass(run.opened);
	gate_open(run.begin);
	return child_wait(producer) | child_wait(consumer);
}
