/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include <shmring/shmring.h>

#include "arguments.h"
#include "report.h"
#include "shmtool.h"

struct rm {
	char **names;
	int count;
};

static const struct argp_option options[] = {
	OPTION_HELP,
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct rm *rm = state->input;

	if (key != ARGP_KEY_ARG)
		return arguments_common(key, argument, state);
	/* The arguments, in their order, come to lie at the end. */
	rm->names = state->argv + state->next - 1;
	rm->count = state->argc - state->next + 1;
	state->next = state->argc;
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "NAME...",
	.doc = "Removes rings. Processes that have one open go on with what is in it, and are then told.",
};

int cmd_rm(int argc, char **argv)
{
	struct rm rm = { .names = NULL };
	int status;

	if (arguments_parse(&argp, argc, argv, &rm, &status) != 0)
		return status;
	status = STATUS_DONE;
	for (int i = 0; i < rm.count; i++) {
		int error = shmring_unlink(rm.names[i]);

		if (error)
			status = report_error(rm.names[i], error, TO_REMOVE);
	}
	return status;
}
