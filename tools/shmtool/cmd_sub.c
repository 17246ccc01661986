/* SPDX-License-Identifier: MIT */
#include "reading.h"
#include "shmtool.h"
#include "signals.h"

enum {
	KEY_LOSSY = KEY_READING_LAST,
	KEY_AS,
};

struct sub {
	struct reading reading;
	const char *subscription;
	struct shmring_consumer *consumer;
};

static const struct argp_option options[] = {
	{ "as", KEY_AS, "SUBSCRIPTION", 0, "Name of the subscription; without it, a random one", 0 },
	{ "lossy", KEY_LOSSY, NULL, 0, "Lose the oldest records rather than hold the producer back", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct sub *sub = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &sub->reading;
		return 0;
	case KEY_AS:
		sub->subscription = argument;
		return 0;
	case KEY_LOSSY:
		sub->reading.lossy = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &reading_argp, 0, NULL, 0 }, { NULL, 0, NULL, 0 } };
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "NAME",
	.doc = "Subscribes to a ring and writes its records to standard output, one a line. The producer waits for "
	       "this subscription, unless it is --lossy. A record is given back once it has been written out."
	       "\vBefore there is a producer it waits; once the producer has closed and everything is read, it ends.",
	.children = children,
};

static int open_consumer(void *context, int64_t timeout_ns)
{
	struct sub *sub = context;
	struct shmring_consumer_options consumer = SHMRING_CONSUMER_OPTIONS_INIT;

	reading_options(&sub->reading, &consumer);
	consumer.subscription = sub->subscription;
	consumer.policy = sub->reading.lossy ? SHMRING_LOSSY : SHMRING_RELIABLE;
	consumer.timeout_ns = timeout_ns;
	return shmring_consumer_open(&sub->consumer, sub->reading.attach.name, &consumer);
}

int cmd_sub(int argc, char **argv)
{
	struct sub sub = { .reading = READING_INIT };
	int status;

	if (arguments_parse(&argp, argc, argv, &sub, &status) != 0)
		return status;
	signals_catch();
	sub.reading.attempt = TO_CONSUME;
	if (attach_wait(&sub.reading.attach, open_consumer, &sub, sub.reading.attempt, &status) != 0)
		return status;
	signals_cancel(sub.consumer);
	status = reading_copy(&sub.reading, sub.consumer);
	signals_cancel(NULL);
	shmring_consumer_close(sub.consumer);
	return status;
}
