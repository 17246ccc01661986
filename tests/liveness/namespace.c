/* SPDX-License-Identifier: MIT */
#include "namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* The kernel's arguments up to set_tid_size, as headers may be older than it. */
struct clone_arguments {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	uint64_t set_tid, set_tid_size;
};

static pid_t start(uint64_t flags, pid_t wanted, int (*run)(void *argument), void *argument)
{
	struct clone_arguments arguments = { .flags = flags, .exit_signal = SIGCHLD };
	long process;
	int status;

	if (wanted) {
		arguments.set_tid = (uint64_t)(uintptr_t)&wanted;
		arguments.set_tid_size = 1;
	}
	fflush(NULL);
	process = syscall(SYS_clone3, &arguments, sizeof(arguments));
	if (process < 0)
		return -errno;
	if (process > 0)
		return (pid_t)process;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	status = run(argument);
	fflush(NULL);
	_exit(status);
}

pid_t start_as_init(int (*run)(void *argument), void *argument)
{
	pid_t process = start(CLONE_NEWPID, 0, run, argument);

	/* In a user namespace that takes no privileges. */
	return process == -EPERM ? start(CLONE_NEWUSER | CLONE_NEWPID, 0, run, argument) : process;
}

pid_t start_as(pid_t wanted, int (*run)(void *argument), void *argument)
{
	return start(0, wanted, run, argument);
}

int shift_clock_of_children(long seconds)
{
	char text[64];
	int fd, length, result = 0;

	if (unshare(CLONE_NEWTIME) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWTIME) != 0)
		return -errno;
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	length =
		snprintf(text, sizeof(text), "monotonic %ld 0\nboottime %ld 0\n", seconds, seconds);
	if (write(fd, text, (size_t)length) != length)
		result = -errno;
	close(fd);
	return result;
}
