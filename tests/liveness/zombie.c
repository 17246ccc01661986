/* SPDX-License-Identifier: MIT */
/*
 * A process that is dead, and that nobody has waited for, is dead, though its pid is still there.
 */
#include "watch.h"

#include <signal.h>
#include <sys/wait.h>

int main(void)
{
	struct watch *watch = watch_new();
	pid_t peer = child_start(peer_run, watch);
	siginfo_t info;

	if (watch_begin(watch))
		return 1;
	CHILD_CHECK(kill(peer, SIGKILL) == 0);
	/* Waits until it has died, and leaves it a zombie. */
	CHILD_CHECK(waitid(P_PID, (id_t)peer, &info, WEXITED | WNOWAIT) == 0);
	if (expect_dead(watch))
		return 1;
	CHILD_CHECK(kill(peer, 0) == 0, "it was no zombie");
	child_wait(peer);
	return 0;
}
