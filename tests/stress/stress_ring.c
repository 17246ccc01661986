/* SPDX-License-Identifier: MIT */
/* Everything at once: all roles, all ways to write and read. */
#include "engine.h"

int main(int argc, char **argv)
{
	struct plan plan = {
		.consumers = 2,
		.lossy = 1,
		.deadline = 1,
		.durable = 3,
		.observers = 1,
		.joiners = 1,
		.size_maximum = UINT64_MAX,
		.capacity = 65536,
		.batch = 32,
		.patience = 60,
	};

	plan_parse(&plan, argc, argv);
	return engine_run(&plan);
}
