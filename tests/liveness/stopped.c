/* SPDX-License-Identifier: MIT */
/*
 * A process that is stopped (SIGSTOP, Ctrl-Z) is alive, for however long, and goes on when it is
 * continued.
 */
#include "watch.h"

#include <signal.h>
#include <sys/wait.h>

static int stop_and_go_on(struct watch *watch, pid_t peer)
{
	int status;

	CHILD_CHECK(kill(peer, SIGSTOP) == 0);
	CHILD_CHECK(waitpid(peer, &status, WUNTRACED) == peer && WIFSTOPPED(status));
	if (expect_alive(watch))
		return 1;
	CHILD_CHECK(kill(peer, SIGCONT) == 0);
	return expect_goes_on(watch);
}

int main(void)
{
	struct watch *watch = watch_new();
	pid_t peer = child_start(peer_run, watch);

	if (watch_begin(watch) || expect_alive(watch) || stop_and_go_on(watch, peer) ||
	    stop_and_go_on(watch, peer))
		return 1;
	/* A stopped process can be killed, and is dead then. */
	kill(peer, SIGSTOP);
	child_kill(peer);
	return expect_dead(watch);
}
