/* SPDX-License-Identifier: MIT */
/* Opening a ring: the arguments that all who attach have, and waiting for a ring that is not there yet. */
#ifndef SHMTOOL_ATTACH_H
#define SHMTOOL_ATTACH_H

#include <argp.h>
#include <stddef.h>
#include <stdint.h>

#include "arguments.h"
#include "report.h"

enum {
	KEY_WAIT = KEY_FIRST,
	KEY_TAG,
	KEY_ATTACH_LAST, /* a command's own keys go on from here */
};
#define OPTION_WAIT \
	{ "wait", KEY_WAIT, "SECONDS", OPTION_ARG_OPTIONAL, "Wait for the ring, for ever or that long", 0 }
#define OPTION_TAG { "tag", KEY_TAG, "TAG", 0, "Fail unless the ring's tag is TAG", 0 }

struct attach {
	const char *name;
	int64_t timeout_ns; /* to wait for the ring; negative: for ever */
	const char *tag;    /* null: any */
	size_t tag_length;
};

/* A parser for KEY_WAIT, KEY_TAG and the rest that is common to all commands. */
error_t attach_argument(struct attach *attach, int key, char *argument, struct argp_state *state);

/* Tries once, waiting up to timeout_ns for a ring that is not there. Returns 0 or a negative errno value. */
typedef int attach_open(void *context, int64_t timeout_ns);

/*
 * Opens within the time-out; signals interrupt the wait. Returns 0, or -1 with the error reported and the status
 * to end with in *status.
 */
int attach_wait(const struct attach *attach, attach_open *open, void *context, enum attempt attempt, int *status);

#endif
