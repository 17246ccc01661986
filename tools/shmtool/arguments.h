/* SPDX-License-Identifier: MIT */
/* A command's own part of the command line, parsed and explained from one option table by argp. */
#ifndef SHMTOOL_ARGUMENTS_H
#define SHMTOOL_ARGUMENTS_H

#include <argp.h>
#include <stdint.h>

/* Keys of options without a letter; --help has this one in every table. */
enum {
	KEY_HELP = 'h',
	KEY_FIRST = 256, /* a command's own go on from here */
};
#define OPTION_HELP { "help", KEY_HELP, NULL, 0, "Show this help", -1 }

/* Returns 0 if the command shall run, else the status to end with is in *status. */
int arguments_parse(const struct argp *argp, int argc, char **argv, void *input, int *status);

/* What a command's parser does with every key that is not its own. */
error_t arguments_common(int key, char *argument, struct argp_state *state);

/* Reports wrong usage of the command that is being parsed; a parser returns what this returns. */
error_t arguments_error(const struct argp_state *state, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Takes an argument as the ring's name; a second one is an error. */
error_t arguments_name(const char **name, char *argument, const struct argp_state *state);

/* Reports wrong usage: `shmtool: SUBJECT: what; see WHERE`. Returns STATUS_USAGE. */
int usage_error(const char *subject, const char *what, const char *where);

#endif
