/* SPDX-License-Identifier: MIT */
/* A dead process stays dead when another one gets its pid. */
#include "namespace.h"
#include "watch.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static const char *program;

static int be_a_stranger(void *argument)
{
	int *gate = argument;

	gate_open(*gate);
	for (;;)
		pause();
	return 0;
}

static int expect_pid(const struct watch *watch, pid_t pid)
{
	struct shmring_info info = SHMRING_INFO_INIT;
	struct shmring_inspector *inspector;

	CHILD_CHECK(shmring_inspector_open(&inspector, watch->produced) == 0);
	CHILD_CHECK(shmring_inspect(inspector, &info) == 0);
	CHILD_CHECK(shmring_inspector_close(inspector) == 0);
	CHILD_CHECK(info.producer_pid == pid, "%d, %d", (int)info.producer_pid, (int)pid);
	return 0;
}

/* As number 1 of a pid namespace, in which nobody else takes pids. */
static int in_namespace(void *argument)
{
	struct watch *watch = argument;
	pid_t peer = child_start(peer_run, watch), stranger;
	int there = gate_new();

	if (watch_begin(watch) || expect_pid(watch, peer))
		return 1;
	child_kill(peer);
	stranger = start_as(peer, be_a_stranger, &there);
	if (stranger < 0)
		return skip(program, "a pid cannot be chosen here", stranger);
	gate_pass(there);
	CHILD_CHECK(stranger == peer);
	if (expect_pid(watch, stranger) || expect_dead(watch))
		return 1;
	CHILD_CHECK(kill(stranger, 0) == 0, "the other one has ended");
	child_kill(stranger);
	return 0;
}

int main(int argc, char **argv)
{
	pid_t init;

	(void)argc;
	program = argv[0];
	init = start_as_init(in_namespace, watch_new());
	if (init < 0)
		return skip(program, "no pid namespaces here", init);
	return child_wait(init);
}
