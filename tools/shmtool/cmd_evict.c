/* SPDX-License-Identifier: MIT */
#include <shmring/shmring.h>

#include "shmtool.h"
#include "target.h"

int cmd_evict(int argc, char **argv)
{
	return target_run(
		argc, argv,
		"Evicts a subscription: from now on it does not hold the producer back. Whoever "
		"has it open is told at the next call, with what was lost, and can join again."
		"\vIt takes no producer. shmtool stat shows the subscriptions, and which one a "
		"producer is waiting for.",
		TO_EVICT, shmring_evict);
}
