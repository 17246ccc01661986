/* SPDX-License-Identifier: MIT */
#include <shmring/shmring.h>

#include "shmtool.h"
#include "target.h"

int cmd_unsubscribe(int argc, char **argv)
{
	return target_run(
		argc, argv,
		"Ends a subscription that nobody has open: a durable one that is no longer "
		"wanted, or what a dead process left. It no longer holds the producer back, and "
		"its name is free."
		"\vshmtool stat shows the subscriptions. One that a process has open ends with "
		"that process, unless it is durable; shmtool evict keeps it from holding the "
		"producer back.",
		TO_UNSUBSCRIBE, shmring_unsubscribe);
}
