/* SPDX-License-Identifier: MIT */
/* Standard output, gathered: what was appended has left this process only after output_flush. */
#ifndef SHMTOOL_OUTPUT_H
#define SHMTOOL_OUTPUT_H

#include <stddef.h>

struct output {
	char *bytes;
	size_t used, room;
};

/* Each returns 0, a negative errno value, or -ECANCELED after a signal. */
int output_open(struct output *output);
int output_append(struct output *output, const void *bytes, size_t length); /* writes when much has come together */
int output_reserve(struct output *output, size_t length, void **bytes);     /* room at bytes + used; does not write */
int output_flush(struct output *output);

void output_close(struct output *output);

#endif
