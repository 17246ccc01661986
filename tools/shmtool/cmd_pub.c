/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "attach.h"
#include "input.h"
#include "publish.h"
#include "shmtool.h"
#include "signals.h"
#include "units.h"

enum {
	KEY_RAW = KEY_ATTACH_LAST,
	KEY_FRAMED,
	KEY_TYPE,
	KEY_WAIT_FOR,
};

struct pub {
	struct attach attach;
	const char *file;
	struct cutter cutter;
	uint64_t wait_for;
	struct shmring_producer *producer;
};

static const struct argp_option options[] = {
	{ "raw", KEY_RAW, "BYTES", 0, "Publish pieces of that many bytes, instead of lines", 0 },
	{ "framed", KEY_FRAMED, NULL, 0, "Publish records, each behind a header of its length and type", 0 },
	{ "type", KEY_TYPE, "N", 0, "Give the records this type, 0 to 65535 (0 by default)", 0 },
	{ "wait-for", KEY_WAIT_FOR, "N", 0, "Start once N subscriptions have joined", 0 },
	OPTION_WAIT,
	OPTION_TAG,
	OPTION_HELP,
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static error_t set_raw(struct pub *pub, const char *argument, const struct argp_state *state)
{
	uint64_t bytes;

	/* A record's length has 32 bits; what this ring takes at most is seen once it is open. */
	if (!parse_size(argument, 1, UINT32_MAX, &bytes))
		return arguments_error(state, "--raw takes a number of bytes from 1 on, not '%s'", argument);
	pub->cutter.raw_bytes = bytes;
	if (pub->cutter.form == FORM_FRAMED)
		return arguments_error(state, "--raw and --framed do not go together");
	pub->cutter.form = FORM_RAW;
	return 0;
}

static error_t set_framed(struct pub *pub, const struct argp_state *state)
{
	if (pub->cutter.form == FORM_RAW)
		return arguments_error(state, "--raw and --framed do not go together");
	pub->cutter.form = FORM_FRAMED;
	return 0;
}

static error_t set_type(struct pub *pub, const char *argument, const struct argp_state *state)
{
	uint64_t type;

	if (!parse_number(argument, 0, UINT16_MAX, &type))
		return arguments_error(state, "--type takes a number from 0 to %d, not '%s'", UINT16_MAX, argument);
	pub->cutter.type = (uint16_t)type;
	pub->cutter.type_given = true;
	return 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct pub *pub = state->input;

	switch (key) {
	case KEY_RAW:
		return set_raw(pub, argument, state);
	case KEY_FRAMED:
		return set_framed(pub, state);
	case KEY_TYPE:
		return set_type(pub, argument, state);
	case KEY_WAIT_FOR:
		if (!parse_number(argument, 0, SHMRING_SUBSCRIPTIONS, &pub->wait_for))
			return arguments_error(state, "--wait-for takes a number from 0 to %d, not '%s'",
					       SHMRING_SUBSCRIPTIONS, argument);
		return 0;
	case ARGP_KEY_ARG:
		return arguments_name(pub->attach.name ? &pub->file : &pub->attach.name, argument, state);
	case ARGP_KEY_END:
		if (pub->cutter.form == FORM_FRAMED && pub->cutter.type_given)
			return arguments_error(state,
					       "--type does not go with --framed, where each record has its own");
		return 0;
	default:
		return attach_argument(&pub->attach, key, argument, state);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "NAME [FILE]",
	.doc = "Publishes FILE, or standard input, in a ring: each line is a record, without its newline."
	       "\vWhat comes from a pipe or terminal is published as it comes. At the end of the input the "
	       "stream is closed; the ring stays, and others may read what is in it, or publish more. BYTES "
	       "may end in K, M or G.",
};

static int open_producer(void *context, int64_t timeout_ns)
{
	struct pub *pub = context;
	struct shmring_producer_options producer = SHMRING_PRODUCER_OPTIONS_INIT;

	producer.tag = pub->attach.tag;
	producer.tag_length = pub->attach.tag_length;
	producer.timeout_ns = timeout_ns;
	return shmring_producer_open(&pub->producer, pub->attach.name, &producer);
}

static int run(struct pub *pub, struct input *input)
{
	int status;

	if (attach_wait(&pub->attach, open_producer, pub, TO_PRODUCE, &status) != 0)
		return status;
	signals_cancel(pub->producer);
	status = publish(pub->attach.name, pub->producer, (unsigned int)pub->wait_for, input, &pub->cutter);
	signals_cancel(NULL);
	shmring_producer_close(pub->producer);
	return status;
}

int cmd_pub(int argc, char **argv)
{
	struct pub pub = { .attach = { .name = NULL } };
	struct input input;
	int status, error;

	if (arguments_parse(&argp, argc, argv, &pub, &status) != 0)
		return status;
	signals_catch();
	error = input_open(&input, pub.file);
	if (error)
		status = report(pub.attach.name, "cannot read %s: %s; give a file that can be read", input.file,
				strerror(-error));
	else
		status = run(&pub, &input);
	input_close(&input);
	return status;
}
