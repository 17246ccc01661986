/* SPDX-License-Identifier: MIT */
/*
 * What a user writes against the installed library, in the language that C and C++ share: makes a ring, passes records
 * through it, removes it. Built by installcheck.sh.
 */
#include <shmring/shmring.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int failures;

static void expect(const char *what, long got, long wanted)
{
	if (got == wanted)
		return;
	fprintf(stderr, "%s: got %ld, not %ld\n", what, got, wanted);
	failures++;
}

static void pass_records(struct shmring_producer *producer, struct shmring_consumer *consumer)
{
	struct shmring_record record;
	void *room;

	expect("write", shmring_write(producer, "one", 3, 1, 0), 0);
	expect("reserve", shmring_reserve(producer, 5, &room), 0);
	memcpy(room, "three", 5);
	expect("commit", shmring_commit(producer, 5, 2, 0), 0);

	expect("wait", shmring_wait(consumer, -1), 0);
	expect("read", shmring_read(consumer, &record), 0);
	expect("length", (long)record.length, 3);
	expect("payload", memcmp(record.data, "one", 3), 0);
	expect("read again", shmring_read(consumer, &record), 0);
	expect("type", record.type, 2);
	expect("payload", memcmp(record.data, "three", 5), 0);
	expect("lost", (long)record.lost, 0);
	expect("release", shmring_release(consumer), 0);
}

int main(void)
{
	struct shmring_create_options create = SHMRING_CREATE_OPTIONS_INIT;
	struct shmring_consumer_options consume = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_producer *producer;
	struct shmring_consumer *consumer;
	char name[64];
	int error;

	expect("version of the library", shmring_version(), SHMRING_VERSION);
	snprintf(name, sizeof(name), "shmring-installcheck-%ld", (long)getpid());
	create.capacity = SHMRING_CAPACITY_MIN;
	consume.subscription = "installcheck";

	error = shmring_create(name, &create);
	if (error) {
		fprintf(stderr, "%s: %s\n", name, shmring_strerror(error));
		return 1;
	}
	error = shmring_producer_open(&producer, name, NULL);
	expect("producer_open", error, 0);
	if (!error) {
		error = shmring_consumer_open(&consumer, name, &consume);
		expect("consumer_open", error, 0);
		if (!error) {
			pass_records(producer, consumer);
			shmring_consumer_close(consumer);
		}
		expect("producer_close", shmring_producer_close(producer), 0);
	}
	expect("unlink", shmring_unlink(name), 0);
	return failures > 0;
}
