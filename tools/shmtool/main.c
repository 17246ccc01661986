/* SPDX-License-Identifier: MIT */
/* shmtool: makes rings, looks at them, feeds them, reads them. Here: which command is meant. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <shmring/shmring.h>

#include "arguments.h"
#include "report.h"
#include "shmtool.h"

static const struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "create", "make a ring", cmd_create },
	{ "ls", "list all rings", cmd_ls },
	{ "stat", "show a ring's state, and each subscription's lag", cmd_stat },
	{ "pub", "publish lines or other records from a file or standard input", cmd_pub },
	{ "sub", "subscribe and write records to standard output", cmd_sub },
	{ "tail", "watch records without a subscription, unnoticed", cmd_tail },
	{ "unsubscribe", "end a subscription that nobody has open", cmd_unsubscribe },
	{ "evict", "make a subscription stop holding the producer back", cmd_evict },
	{ "check", "verify everything in a ring", cmd_check },
	{ "rm", "remove rings", cmd_rm },
	{ "gc", "remove what creations that died left behind", cmd_gc },
	{ "bench", "measure a ring beside all other ways that two processes can talk", cmd_bench },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(void)
{
	printf("Usage: shmtool COMMAND [OPTION...] [NAME...]\n"
	       "Makes, feeds, reads and inspects rings of records in shared memory.\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-12s %s\n", commands[i].name, commands[i].summary);
	printf("\n"
	       "shmtool COMMAND --help shows a command's options, shmtool --version the version.\n\n"
	       "Exit status: 0 done, 1 failed (check: something is wrong), 2 wrong usage,\n"
	       "3 records missing (lost, or the producer died), 128 plus the signal's number\n"
	       "if interrupted.\n");
}

static void print_version(void)
{
	int version = shmring_version();

	printf("shmtool %s, library %d.%d.%d\n", VERSION, version / 10000, version / 100 % 100, version % 100);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int run_command(int argc, char **argv)
{
	const struct command *command = find_command(argv[0]);

	if (!command)
		return usage_error(argv[0], "there is no such command", "shmtool --help");
	return command->run(argc, argv);
}

static int help_command(int argc, char **argv)
{
	char help[] = "--help";
	char *words[] = { argv[1], help, NULL };

	if (argc > 2)
		return usage_error("help", "one command at a time", "shmtool --help");
	if (argc == 2 && strcmp(argv[1], "help") != 0)
		return run_command(2, words);
	print_help();
	return STATUS_DONE;
}

static bool is_one_of(const char *word, const char *one, const char *other)
{
	return strcmp(word, one) == 0 || strcmp(word, other) == 0;
}

/* Output that did not get out, to a full disk say, must not look like success. */
static int close_output(int status)
{
	bool failed = ferror(stdout) != 0;

	errno = 0;
	if (fclose(stdout) != 0)
		failed = true;
	if (!failed || status != STATUS_DONE)
		return status;
	return report(NULL, "cannot write to standard output: %s; make room or write elsewhere",
		      errno ? strerror(errno) : "an error occurred");
}

int main(int argc, char **argv)
{
	int status;

	if (argc < 2) {
		status = usage_error("usage", "a command is missing", "shmtool --help");
	} else if (is_one_of(argv[1], "--help", "-h")) {
		print_help();
		status = STATUS_DONE;
	} else if (is_one_of(argv[1], "--version", "-V")) {
		print_version();
		status = STATUS_DONE;
	} else if (strcmp(argv[1], "help") == 0) {
		status = help_command(argc - 1, argv + 1);
	} else if (argv[1][0] == '-') {
		status = usage_error(argv[1], "there is no such option", "shmtool --help");
	} else {
		status = run_command(argc - 1, argv + 1);
	}
	return close_output(status);
}
