/* SPDX-License-Identifier: MIT */
/* The arguments of commands that do something to one subscription: NAME SUBSCRIPTION. */
#ifndef SHMTOOL_TARGET_H
#define SHMTOOL_TARGET_H

#include "report.h"

/* Parses the arguments and does it. `doc` explains the command. Returns the status to end with. */
int target_run(int argc, char **argv, const char *doc, enum attempt attempt,
	       int (*act)(const char *name, const char *subscription));

#endif
