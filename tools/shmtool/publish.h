/* SPDX-License-Identifier: MIT */
/* Publishes an input's records in a ring. */
#ifndef SHMTOOL_PUBLISH_H
#define SHMTOOL_PUBLISH_H

#include <shmring/shmring.h>

#include "input.h"

/* Waits for `consumers` subscriptions, then publishes to the end of the input. Returns the status to end with. */
int publish(const char *name, struct shmring_producer *producer, unsigned int consumers, struct input *input,
	    struct cutter *cutter);

#endif
