/* SPDX-License-Identifier: MIT */
/* Two containers: each has a pid namespace, and in each it is process 1 that uses the ring. */
#include "namespace.h"
#include "watch.h"

#include <stdio.h>
#include <unistd.h>

struct containers {
	struct watch *watch;
	int kill, killed; /* gates */
};

static int peer_as_init(void *argument)
{
	struct containers *containers = argument;

	CHILD_CHECK(getpid() == 1);
	return peer_run(containers->watch);
}

static int watcher_as_init(void *argument)
{
	struct containers *containers = argument;
	struct watch *watch = containers->watch;
	int failed = getpid() != 1 || watch_begin(watch) || expect_alive(watch) ||
		     expect_goes_on(watch) || expect_alive(watch);

	gate_open(containers->kill);
	gate_pass(containers->killed);
	return failed || expect_dead(watch);
}

int main(int argc, char **argv)
{
	struct containers containers = { watch_new(), gate_new(), gate_new() };
	pid_t peer = start_as_init(peer_as_init, &containers), watcher;

	(void)argc;
	if (peer < 0)
		return skip(argv[0], "no pid namespaces here", peer);
	watcher = start_as_init(watcher_as_init, &containers);
	CHILD_CHECK(watcher > 0);
	gate_pass(containers.kill);
	child_kill(peer);
	gate_open(containers.killed);
	return child_wait(watcher);
}
