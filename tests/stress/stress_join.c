/* SPDX-License-Identifier: MIT */
/* Readers that join all the time, at the oldest and newest record and at sequence numbers, with the producer flat out. */
#include "engine.h"

int main(int argc, char **argv)
{
	struct plan plan = {
		.consumers = 1,
		.joiners = 4,
		.size_maximum = 300,
		.capacity = 65536,
		.batch = 8,
		.patience = 60,
		.flat_out = 1,
	};

	plan_parse(&plan, argc, argv);
	return engine_run(&plan);
}
