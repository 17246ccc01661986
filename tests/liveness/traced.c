/* SPDX-License-Identifier: MIT */
/* A process that a debugger has stopped is alive, and goes on when the debugger lets it. */
#include "watch.h"

#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

/* Whether the debugger goes away, or stays, and lets it run. */
static int stop_and_go_on(struct watch *watch, pid_t peer, int stays)
{
	int status;

	CHILD_CHECK(ptrace(PTRACE_INTERRUPT, peer, NULL, NULL) == 0);
	CHILD_CHECK(waitpid(peer, &status, __WALL) == peer && WIFSTOPPED(status));
	if (expect_alive(watch))
		return 1;
	CHILD_CHECK(ptrace(stays ? PTRACE_CONT : PTRACE_DETACH, peer, NULL, NULL) == 0);
	return expect_goes_on(watch);
}

int main(int argc, char **argv)
{
	struct watch *watch = watch_new();
	pid_t peer = child_start(peer_run, watch);
	int result;

	(void)argc;
	if (watch_begin(watch))
		return 1;
	if (ptrace(PTRACE_SEIZE, peer, NULL, NULL) != 0) {
		result = skip(argv[0], "no process may be traced here", errno);
		child_kill(peer);
		return result;
	}
	if (stop_and_go_on(watch, peer, 1) || stop_and_go_on(watch, peer, 0))
		return 1;
	child_kill(peer);
	return expect_dead(watch);
}
