/* SPDX-License-Identifier: MIT */
/*
 * arguments.c - argp, but with every error in one line of ours.
 *
 * Left alone, getopt and argp print two lines of their own making. So argp is kept quiet (ARGP_NO_ERRS), and what
 * was wrong with an option is found out from the option table.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "report.h"
#include "shmtool.h"

static struct {
	const char *command;
	bool said; /* the error has been reported */
	bool helped;
} parsing;

int usage_error(const char *subject, const char *what, const char *where)
{
	report(subject, "%s; see %s", what, where);
	return STATUS_USAGE;
}

error_t arguments_error(const struct argp_state *state, const char *format, ...)
{
	char what[256];
	va_list list;

	(void)state;
	va_start(list, format);
	vsnprintf(what, sizeof(what), format, list);
	va_end(list);
	report(parsing.command, "%s; see shmtool %s --help", what, parsing.command);
	parsing.said = true;
	return EINVAL;
}

error_t arguments_name(const char **name, char *argument, const struct argp_state *state)
{
	if (*name)
		return arguments_error(state, "'%s' is one argument too many", argument);
	*name = argument;
	return 0;
}

/* An option table's entry for a long option as it was typed: whole, or its beginning if that fits only one. */
static const struct argp_option *find_long(const struct argp *argp, const char *typed, size_t length, int *fits)
{
	const struct argp_option *found = NULL;

	for (const struct argp_option *option = argp->options; option && (option->name || option->key || option->doc);
	     option++) {
		if (!option->name || strncmp(option->name, typed, length) != 0)
			continue;
		found = option;
		++*fits;
		if (option->name[length] == '\0') {
			*fits = 1;
			return option;
		}
	}
	for (const struct argp_child *child = argp->children; child && child->argp; child++) {
		const struct argp_option *other = find_long(child->argp, typed, length, fits);

		if (other)
			found = other;
	}
	return found;
}

static void explain_option(const struct argp_state *state)
{
	const char *typed = state->next > 0 ? state->argv[state->next - 1] : "";
	const struct argp_option *option;
	int length, fits = 0;

	/* Within several letters behind one dash, getopt stays at that word. */
	if (typed[0] != '-' && state->next < state->argc)
		typed = state->argv[state->next];
	length = (int)strcspn(typed, "=");
	if (strncmp(typed, "--", 2) != 0) {
		arguments_error(state, "there is no option %s, or it needs a value", typed);
		return;
	}
	option = find_long(state->root_argp, typed + 2, (size_t)length - 2, &fits);
	if (!option)
		arguments_error(state, "there is no option %.*s", length, typed);
	else if (fits > 1)
		arguments_error(state, "%.*s may mean several options", length, typed);
	else if (option->arg)
		arguments_error(state, "--%s needs a value", option->name);
	else
		arguments_error(state, "--%s takes no value", option->name);
}

error_t arguments_common(int key, char *argument, struct argp_state *state)
{
	(void)argument;
	switch (key) {
	case KEY_HELP:
		argp_help(state->root_argp, stdout, ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC,
			  state->argv[0]);
		parsing.helped = true;
		return ECANCELED;
	case ARGP_KEY_NO_ARGS:
		return arguments_error(state, "a name is missing");
	case ARGP_KEY_ERROR:
		if (!parsing.said && !parsing.helped)
			explain_option(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int arguments_parse(const struct argp *argp, int argc, char **argv, void *input, int *status)
{
	char program[64];
	char *first = argv[0];
	error_t error;

	snprintf(program, sizeof(program), "shmtool %s", first);
	memset(&parsing, 0, sizeof(parsing));
	parsing.command = first;
	argv[0] = program;
	error = argp_parse(argp, argc, argv, ARGP_NO_HELP | ARGP_NO_ERRS | ARGP_NO_EXIT, NULL, input);
	argv[0] = first;
	if (error == 0)
		return 0;
	if (parsing.helped)
		*status = STATUS_DONE;
	else if (parsing.said)
		*status = STATUS_USAGE;
	else
		*status = report(NULL, "cannot read the arguments: %s; give fewer", strerror(error));
	return -1;
}
