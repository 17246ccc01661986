/* SPDX-License-Identifier: MIT */
/*
 * Usage: half_create RING
 * Starts a process that makes a ring, stops it where it has linked the control object and is about
 * to link the data object, and says "half" on standard output. Once its standard input ends, it
 * kills that process; what is left is a control object without its data. Status 77: processes may
 * not be traced here.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include <shmring/shmring.h>

#define STATUS_SKIPPED 77

static int create(const char *name)
{
	int error;

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(STATUS_SKIPPED);
	raise(SIGSTOP);
	error = shmring_create(name, NULL);
	fprintf(stderr, "half_create: made it: %s\n", shmring_strerror(error));
	_exit(1);
}

/* Lets it go on to the next start or end of a system call. */
static bool step(pid_t child, struct ptrace_syscall_info *info)
{
	int status;

	if (ptrace(PTRACE_SYSCALL, child, NULL, NULL) != 0 || waitpid(child, &status, 0) != child ||
	    !WIFSTOPPED(status))
		return false;
	return ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(*info), info) > 0;
}

/* Runs it to the start of the second link that would succeed: one may take several attempts. */
static bool run_to_second_link(pid_t child)
{
	struct ptrace_syscall_info info;
	bool linking = false;
	int links = 0;

	while (step(child, &info)) {
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
			linking = info.entry.nr == SYS_linkat;
			if (linking && links == 1)
				return true;
		} else if (info.op == PTRACE_SYSCALL_INFO_EXIT && linking && info.exit.rval == 0) {
			links++;
		}
	}
	return false;
}

static void wait_for_end_of_input(void)
{
	ssize_t got;
	char byte;

	do
		got = read(STDIN_FILENO, &byte, 1);
	while (got > 0 || (got < 0 && errno == EINTR));
}

int main(int argc, char **argv)
{
	pid_t child;
	int status;

	if (argc != 2) {
		fprintf(stderr, "usage: half_create RING\n");
		return 2;
	}
	child = fork();
	if (child == 0)
		return create(argv[1]);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	if (!WIFSTOPPED(status))
		return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	if (ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0)
		return STATUS_SKIPPED;
	if (!run_to_second_link(child)) {
		fprintf(stderr, "half_create: no second link was seen\n");
		return 1;
	}
	puts("half");
	fflush(stdout);
	wait_for_end_of_input();
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return 0;
}
