/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shmring/shmring.h>

#include "arguments.h"
#include "report.h"
#include "shmtool.h"

enum {
	KEY_DRY_RUN = KEY_FIRST,
};

struct orphan {
	char *file;
	bool stays; /* it was to be removed, and is there all the same */
};

struct gc {
	bool dry_run;
	struct orphan *orphans;
	size_t count;
};

static const struct argp_option options[] = {
	{ "dry-run", KEY_DRY_RUN, NULL, 0, "Say what would be removed, and remove nothing", 0 },
	OPTION_HELP,
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct gc *gc = state->input;

	switch (key) {
	case KEY_DRY_RUN:
		gc->dry_run = true;
		return 0;
	case ARGP_KEY_ARG:
		return arguments_error(state, "'%s' is one argument too many", argument);
	case ARGP_KEY_NO_ARGS:
		return 0;
	default:
		return arguments_common(key, argument, state);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Removes control objects that were left without their ring: by a process that was "
	       "killed while it made or removed one. That it is dead is proved first, by a lock."
	       "\vRings are never removed, also when nobody uses them. What your permissions do "
	       "not let you open is passed over.",
};

static int on_orphan(const struct shmring_entry *entry, void *argument)
{
	struct gc *gc = argument;
	struct orphan *grown = realloc(gc->orphans, (gc->count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	gc->orphans = grown;
	grown[gc->count] = (struct orphan){ .file = strdup(entry->file) };
	if (!grown[gc->count].file)
		return -ENOMEM;
	gc->count++;
	return 0;
}

static int on_entry(const struct shmring_entry *entry, void *argument)
{
	struct gc *gc = argument;

	for (size_t i = 0; i < gc->count; i++)
		if (strcmp(gc->orphans[i].file, entry->file) == 0)
			gc->orphans[i].stays = true;
	return 0;
}

static int tell(const struct gc *gc)
{
	int status = STATUS_DONE;

	for (size_t i = 0; i < gc->count; i++) {
		const struct orphan *orphan = &gc->orphans[i];

		if (gc->dry_run)
			printf("would remove /dev/shm/%s\n", orphan->file);
		else if (!orphan->stays)
			printf("removed /dev/shm/%s\n", orphan->file);
		else
			status = report(
				"gc",
				"no permission to remove /dev/shm/%s; only its owner or root can",
				orphan->file);
	}
	if (gc->count == 0)
		printf("nothing to remove\n");
	return status;
}

int cmd_gc(int argc, char **argv)
{
	struct gc gc = { .orphans = NULL };
	int status, error;

	if (arguments_parse(&argp, argc, argv, &gc, &status) != 0)
		return status;
	error = shmring_collect(gc.dry_run, on_orphan, &gc);
	/* Which ones that it may not remove are still there? */
	if (error == -EACCES && gc.count > 0)
		error = shmring_list(on_entry, &gc);
	status = error ? report_error("gc", error, TO_REMOVE) : tell(&gc);
	for (size_t i = 0; i < gc.count; i++)
		free(gc.orphans[i].file);
	free(gc.orphans);
	return status;
}
