/* SPDX-License-Identifier: MIT */
/* A group whose members share the records, come and go, and are killed, beside readers of every record. */
#include "engine.h"

int main(int argc, char **argv)
{
	struct plan plan = {
		.consumers = 1,
		.lossy = 1,
		.members = 8,
		.claim = 16,
		.size_maximum = 300,
		.capacity = 65536,
		.batch = 16,
		.patience = 60,
	};

	plan_parse(&plan, argc, argv);
	return engine_run(&plan);
}
