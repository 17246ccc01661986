/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <shmring/shmring.h>

#include "attach.h"
#include "shmtool.h"
#include "signals.h"
#include "stat.h"
#include "units.h"

enum {
	KEY_JSON = KEY_ATTACH_LAST,
	KEY_INTERVAL,
};

#define INTERVAL_DEFAULT_NS 250000000

struct stat_arguments {
	struct attach attach;
	bool json;
	int64_t interval_ns;
	struct shmring_inspector *inspector;
};

static const struct argp_option options[] = {
	{ "json", KEY_JSON, NULL, 0, "Print JSON", 0 },
	{ "interval", KEY_INTERVAL, "SECONDS", 0, "Time between the two looks that give the rate (0.25 by default); "
	  "0: no rate", 0 },
	OPTION_WAIT,
	OPTION_HELP,
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct stat_arguments *arguments = state->input;

	switch (key) {
	case KEY_JSON:
		arguments->json = true;
		return 0;
	case KEY_INTERVAL:
		if (!parse_seconds(argument, &arguments->interval_ns))
			return arguments_error(state, "--interval takes seconds, like 2 or 0.5, not '%s'", argument);
		return 0;
	case ARGP_KEY_ARG:
		return arguments_name(&arguments->attach.name, argument, state);
	default:
		return attach_argument(&arguments->attach, key, argument, state);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "NAME",
	.doc = "Shows a ring's state and, for each subscription, how far it lags behind the producer; for a "
	       "group, what each of its members holds."
	       "\vWhat your permissions do not let you see is said to be not visible.",
};

/* Looking has no wait of its own. */
static int open_inspector(void *context, int64_t timeout_ns)
{
	struct stat_arguments *arguments = context;
	int error = shmring_inspector_open(&arguments->inspector, arguments->attach.name);

	if (error == -ENOENT && timeout_ns > 0)
		signals_sleep((uint64_t)timeout_ns);
	return error;
}

const struct shmring_member_info *stat_member(const struct view *view, unsigned int subscription,
					      const struct shmring_member_info *after)
{
	const struct shmring_member_info *member = after ? after + 1 : view->member;

	if (!view->subscription[subscription].shared)
		return NULL;
	while (member < view->member + view->members && member->slot != view->slot[subscription])
		member++;
	return member < view->member + view->members ? member : NULL;
}

static void look_at_members(struct shmring_inspector *inspector, struct view *view)
{
	view->members = 0;
	for (unsigned int i = 0; i < SHMRING_MEMBERS; i++) {
		struct shmring_member_info *member = &view->member[view->members];

		*member = (struct shmring_member_info)SHMRING_MEMBER_INFO_INIT;
		if (shmring_inspect_member(inspector, i, member) == 0)
			view->members++;
	}
}

static int look(const struct stat_arguments *arguments, struct view *view)
{
	const uint64_t start = monotonic_ns();
	struct shmring_info before = SHMRING_INFO_INIT;
	int error = shmring_inspect(arguments->inspector, &before);

	view->elapsed_ns = 0;
	if (!error && arguments->interval_ns > 0) {
		signals_sleep((uint64_t)arguments->interval_ns);
		view->elapsed_ns = monotonic_ns() - start;
	}
	if (!error)
		error = shmring_inspect(arguments->inspector, &view->info);
	if (error)
		return error;
	view->records = view->info.head_sequence - before.head_sequence;
	view->bytes = view->info.head_position - before.head_position;
	view->subscriptions = 0;
	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++) {
		struct shmring_subscription_info *subscription = &view->subscription[view->subscriptions];

		*subscription = (struct shmring_subscription_info)SHMRING_SUBSCRIPTION_INFO_INIT;
		if (shmring_inspect_subscription(arguments->inspector, slot, subscription) == 0)
			view->slot[view->subscriptions++] = slot;
	}
	look_at_members(arguments->inspector, view);
	return 0;
}

int cmd_stat(int argc, char **argv)
{
	struct stat_arguments arguments = { .interval_ns = INTERVAL_DEFAULT_NS };
	static struct view view;
	int status, error;

	if (arguments_parse(&argp, argc, argv, &arguments, &status) != 0)
		return status;
	signals_catch();
	if (attach_wait(&arguments.attach, open_inspector, &arguments, TO_INSPECT, &status) != 0)
		return status;
	view.name = arguments.attach.name;
	view.info = (struct shmring_info)SHMRING_INFO_INIT;
	error = look(&arguments, &view);
	shmring_inspector_close(arguments.inspector);
	if (signals_came())
		return signals_status();
	if (error)
		return report_error(arguments.attach.name, error, TO_INSPECT);
	return arguments.json ? stat_print_json(&view) : stat_print_table(&view);
}
