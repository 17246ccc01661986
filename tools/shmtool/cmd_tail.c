/* SPDX-License-Identifier: MIT */
#include "reading.h"
#include "shmtool.h"
#include "signals.h"

struct tail {
	struct reading reading;
	struct shmring_consumer *observer;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	(void)argument;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = state->input;
	return 0;
}

static const struct argp_child children[] = { { &reading_argp, 0, NULL, 0 }, { NULL, 0, NULL, 0 } };
static const struct argp argp = {
	.parser = parse,
	.args_doc = "NAME",
	.doc = "Watches a ring without a subscription and writes its records to standard output, one a line. Nobody "
	       "waits for it or notices it; what it is too slow for is lost, and said on standard error."
	       "\vIt shows what is still in the ring and what comes, and ends once the producer has closed.",
	.children = children,
};

static int open_observer(void *context, int64_t timeout_ns)
{
	struct tail *tail = context;
	struct shmring_consumer_options observer = SHMRING_CONSUMER_OPTIONS_INIT;

	reading_options(&tail->reading, &observer);
	observer.timeout_ns = timeout_ns;
	return shmring_observer_open(&tail->observer, tail->reading.attach.name, &observer);
}

int cmd_tail(int argc, char **argv)
{
	struct tail tail = { .reading = READING_INIT };
	int status;

	if (arguments_parse(&argp, argc, argv, &tail, &status) != 0)
		return status;
	signals_catch();
	tail.reading.lossy = true;
	tail.reading.attempt = TO_OBSERVE;
	if (attach_wait(&tail.reading.attach, open_observer, &tail, tail.reading.attempt, &status) != 0)
		return status;
	signals_cancel(tail.observer);
	status = reading_copy(&tail.reading, tail.observer);
	signals_cancel(NULL);
	shmring_consumer_close(tail.observer);
	return status;
}
