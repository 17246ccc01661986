/* SPDX-License-Identifier: MIT */
/* What every command shares: the exit statuses and the commands themselves. */
#ifndef SHMTOOL_SHMTOOL_H
#define SHMTOOL_SHMTOOL_H

enum status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_INCOMPLETE = 3, /* records were lost, or the producer died */
	STATUS_SIGNAL = 128,   /* plus the signal's number */
};

/* Each takes its own part of the command line, argv[0] being the command's name, and returns a status. */
int cmd_bench(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_create(int argc, char **argv);
int cmd_evict(int argc, char **argv);
int cmd_gc(int argc, char **argv);
int cmd_ls(int argc, char **argv);
int cmd_pub(int argc, char **argv);
int cmd_rm(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_sub(int argc, char **argv);
int cmd_tail(int argc, char **argv);
int cmd_unsubscribe(int argc, char **argv);

#endif
