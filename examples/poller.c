/* SPDX-License-Identifier: MIT */
/*
 * One thread reads two rings, the urgent one first: poller NAME
 */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shmring/shmring.h>

static char names[2][256];

/* Another process, which writes to both and ends. */
static int produce(void)
{
	struct shmring_producer *producers[2];

	for (int i = 0; i < 2; i++) {
		if (shmring_producer_open(&producers[i], names[i], NULL) != 0)
			return 1;
		shmring_producer_wait_consumers(producers[i], 1, 5000000000);
	}
	shmring_write(producers[0], "started", 7, 0, -1);
	shmring_write(producers[1], "too hot", 7, 0, -1);
	return shmring_producer_close(producers[0]) || shmring_producer_close(producers[1]);
}

/* Prints all that is there. */
static void drain(struct shmring_consumer *consumer, const char *name)
{
	struct shmring_record record;

	while (shmring_read(consumer, &record) == 0) {
		printf("%s: %.*s\n", name, (int)record.length, (const char *)record.data);
		shmring_release(consumer);
	}
}

int main(int argc, char **argv)
{
	struct shmring_poller_options options = SHMRING_POLLER_OPTIONS_INIT;
	struct shmring_consumer *consumers[2];
	struct shmring_poller *poller;
	int open = 2, status;

	if (argc != 2) {
		fprintf(stderr, "Usage: poller NAME\n");
		return 2;
	}
	snprintf(names[0], sizeof(names[0]), "%s.log", argv[1]);
	snprintf(names[1], sizeof(names[1]), "%s.alarms", argv[1]);
	options.by_priority = 1;
	if (shmring_poller_open(&poller, &options) != 0)
		return 1;
	for (int i = 0; i < 2; i++) {
		if (shmring_create(names[i], NULL) != 0 ||
		    shmring_consumer_open(&consumers[i], names[i], NULL) != 0 ||
		    /* The higher the number, the more urgent. */
		    shmring_poller_add_consumer(poller, consumers[i], i, names[i]) != 0) {
			fprintf(stderr, "%s cannot be opened\n", names[i]);
			return 1;
		}
	}
	if (fork() == 0)
		_exit(produce());
	wait(&status);

	while (open > 0) {
		struct shmring_event events[2];
		unsigned int count;

		if (shmring_poller_wait(poller, events, 2, &count, -1) != 0)
			break;
		for (unsigned int i = 0; i < count; i++) {
			const char *name = events[i].context;

			if (events[i].error == 0) {
				drain(events[i].handle, name);
				continue;
			}
			printf("%s: %s\n", name, shmring_strerror(events[i].error));
			shmring_poller_remove(poller, events[i].handle);
			open--;
		}
	}
	shmring_poller_close(poller);
	for (int i = 0; i < 2; i++) {
		shmring_consumer_close(consumers[i]);
		shmring_unlink(names[i]);
	}
	return status != 0 || open != 0;
}
