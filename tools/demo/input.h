/* SPDX-License-Identifier: MIT */
/* Where the stream comes from. */
#ifndef TOOLS_DEMO_INPUT_H
#define TOOLS_DEMO_INPUT_H

#include "demo.h"

/* What cannot be mapped is held in memory, and cut here. */
#define INPUT_LIMIT (256 * MIB)

/*
 * Opens `path`: a file of any size is mapped; a pipe or device, standard input ("-"), or a tar
 * stream of /usr/share (null) is read into memory. Hashes it. Returns 0; 1 after a message; 128 +
 * the signal that ended it.
 */
int input_open(struct input *input, const char *path);

#endif
