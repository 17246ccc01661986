/* SPDX-License-Identifier: MIT */
#include "reading.h"
#include "shmtool.h"
#include "signals.h"
#include "units.h"

enum {
	KEY_LOSSY = KEY_READING_LAST,
	KEY_AS,
	KEY_DURABLE,
	KEY_DEADLINE,
	KEY_SHARE,
	KEY_CLAIM,
};

struct sub {
	struct reading reading;
	const char *subscription;
	int64_t deadline_ns; /* 0: none */
	uint64_t claim;      /* records to take at once; 0: not said */
	struct shmring_consumer *consumer;
};

static const struct argp_option options[] = {
	{ "as", KEY_AS, "SUBSCRIPTION", 0, "Name of the subscription; without it, a random one", 0 },
	{ "claim", KEY_CLAIM, "N", 0, "With --share: take up to N records at once, 1 by default", 0 },
	{ "deadline", KEY_DEADLINE, "TIME", 0, "Hold the producer back for at most TIME, like 5ms or 1s; then be evicted, "
	  "lose records, and join again", 0 },
	{ "durable", KEY_DURABLE, NULL, 0, "Keep the subscription when this ends; the next sub --durable of its name "
	  "goes on where this one stopped", 0 },
	{ "lossy", KEY_LOSSY, NULL, 0, "Lose the oldest records rather than hold the producer back", 0 },
	{ "share", KEY_SHARE, NULL, 0, "Share the work with every other sub --share of the same name: each record goes "
	  "to one of them", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static error_t set_deadline(struct sub *sub, const char *argument, const struct argp_state *state)
{
	if (!parse_duration(argument, &sub->deadline_ns) || sub->deadline_ns == 0)
		return arguments_error(state, "--deadline takes a time, like 5ms or 1s, not '%s'", argument);
	return 0;
}

static error_t set_claim(struct sub *sub, const char *argument, const struct argp_state *state)
{
	if (!parse_number(argument, 1, SHMRING_CLAIM_MAX, &sub->claim))
		return arguments_error(state, "--claim takes a number from 1 to %d, not '%s'", SHMRING_CLAIM_MAX,
				       argument);
	return 0;
}

static error_t see_what_fits(const struct sub *sub, const struct argp_state *state)
{
	if (sub->reading.durable && !sub->subscription)
		return arguments_error(state, "--durable needs a name to come back to; give one with --as");
	if (sub->reading.shared && !sub->subscription)
		return arguments_error(state, "--share needs the name that the others have; give it with --as");
	if (sub->claim > 0 && !sub->reading.shared)
		return arguments_error(state, "--claim goes with --share only");
	if (sub->reading.lossy && sub->deadline_ns > 0)
		return arguments_error(state, "--deadline and --lossy do not go together");
	return 0;
}

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
	case KEY_DURABLE:
		sub->reading.durable = true;
		return 0;
	case KEY_DEADLINE:
		return set_deadline(sub, argument, state);
	case KEY_SHARE:
		sub->reading.shared = true;
		return 0;
	case KEY_CLAIM:
		return set_claim(sub, argument, state);
	case ARGP_KEY_END:
		return see_what_fits(sub, state);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &reading_argp, 0, NULL, 0 }, { NULL, 0, NULL, 0 } };
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "NAME",
	.doc = "Subscribes to a ring and writes its records to standard output, one a line. The "
	       "producer waits for this subscription, unless it is --lossy or its --deadline has "
	       "passed. A record is given back once it has been written out."
	       "\vWith --share, a record that a process had not given back when it ended or "
	       "was killed goes to another one. "
	       "TIME is a number of seconds, or has a unit: ns, us, ms, s, min or h. A "
	       "--durable subscription holds the producer back also while nobody has it open; "
	       "shmtool unsubscribe ends it. Before there is a producer it waits; once the "
	       "producer has closed and everything is read, it ends.",
	.children = children,
};

static int open_consumer(void *context, int64_t timeout_ns)
{
	struct sub *sub = context;
	struct shmring_consumer_options consumer = SHMRING_CONSUMER_OPTIONS_INIT;

	reading_options(&sub->reading, &consumer);
	consumer.subscription = sub->subscription;
	consumer.policy = sub->reading.lossy ? SHMRING_LOSSY :
			  sub->deadline_ns > 0 ? SHMRING_DEADLINE : SHMRING_RELIABLE;
	consumer.deadline_ns = sub->deadline_ns;
	consumer.durable = sub->reading.durable;
	consumer.shared = sub->reading.shared;
	consumer.claim_batch = (uint32_t)sub->claim;
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
	sub.reading.attempt = sub.reading.shared ? TO_SHARE : TO_CONSUME;
	if (attach_wait(&sub.reading.attach, open_consumer, &sub, sub.reading.attempt, &status) != 0)
		return status;
	signals_cancel(sub.consumer);
	status = reading_copy(&sub.reading, sub.consumer);
	signals_cancel(NULL);
	shmring_consumer_close(sub.consumer);
	return status;
}
