/* SPDX-License-Identifier: MIT */
/* A progress bar on standard error, if that is a terminal and the size is known. */
#ifndef SHMTOOL_PROGRESS_H
#define SHMTOOL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#define PROGRESS_NS 100000000ULL /* between two drawings */

struct progress {
	bool shown;
	uint64_t size; /* bytes in all */
	uint64_t started, drawn_at;
};

void progress_start(struct progress *progress, uint64_t size);
void progress_update(struct progress *progress, uint64_t done); /* draws if it is time to */
/* Leaves the bar behind and goes to the next line, where an error can be reported. */
void progress_end(struct progress *progress, uint64_t done);

#endif
