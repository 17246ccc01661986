/* SPDX-License-Identifier: MIT */
#include "arguments.h"
#include "shmtool.h"
#include "target.h"

struct target {
	const char *name, *subscription;
};

static const struct argp_option options[] = {
	OPTION_HELP,
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct target *target = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		return arguments_name(target->name ? &target->subscription : &target->name,
				      argument, state);
	case ARGP_KEY_END:
		if (target->name && !target->subscription)
			return arguments_error(state, "the name of a subscription is missing");
		return 0;
	default:
		return arguments_common(key, argument, state);
	}
}

int target_run(int argc, char **argv, const char *doc, enum attempt attempt,
	       int (*act)(const char *name, const char *subscription))
{
	const struct argp argp = {
		.options = options, .parser = parse, .args_doc = "NAME SUBSCRIPTION", .doc = doc
	};
	struct target target = { .name = NULL };
	int status, error;

	if (arguments_parse(&argp, argc, argv, &target, &status) != 0)
		return status;
	error = act(target.name, target.subscription);
	return error ? report_error(target.name, error, attempt) : STATUS_DONE;
}
