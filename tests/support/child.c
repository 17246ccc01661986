/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t child_start(int (*run)(void *argument), void *argument)
{
	pid_t parent = getpid();
	pid_t child;
	int status;

	fflush(NULL);
	child = fork();
	if (child < 0) {
		perror("fork");
		abort();
	}
	if (child > 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(125);
	status = run(argument);
	fflush(NULL);
	_exit(status);
}

int child_wait(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) != child) {
		if (errno != EINTR) {
			perror("waitpid");
			abort();
		}
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : CHILD_SIGNAL + WTERMSIG(status);
}

int child_run(int (*run)(void *argument), void *argument)
{
	return child_wait(child_start(run, argument));
}

void child_kill(pid_t child)
{
	kill(child, SIGKILL);
	child_wait(child);
}

int gate_new(void)
{
	int gate = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);

	if (gate < 0) {
		perror("eventfd");
		abort();
	}
	return gate;
}

void gate_open(int gate)
{
	if (eventfd_write(gate, 1) != 0) {
		perror("eventfd_write");
		abort();
	}
}

void gate_pass(int gate)
{
	eventfd_t count;

	while (eventfd_read(gate, &count) != 0) {
		if (errno != EINTR) {
			perror("eventfd_read");
			abort();
		}
	}
}
