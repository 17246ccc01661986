/* SPDX-License-Identifier: MIT */
/* What the parts of the demo share. Each part is a file; main.c plays them in order. */
#ifndef TOOLS_DEMO_DEMO_H
#define TOOLS_DEMO_DEMO_H

#include <nettle/sha2.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

/*
 * One ring takes as much memory as the two pipes, at the size that anybody may give a pipe,
 * together.
 */
#define RING_CAPACITY (2 * MIB)
#define PIPE_CAPACITY (1 * MIB)

/* Pieces of a stream that has no records, for pipes. */
#define BLOCK_SIZE (128 * KIB)

struct input {
	const char *data;
	size_t size;
	char title[256];
	uint8_t digest[SHA256_DIGEST_SIZE];
};

struct settings {
	struct input input;
	char ring[64];    /* its name */
	uint64_t seed;    /* of the records' sizes */
	uint64_t records; /* that the input is cut into */
	bool quick;
	bool corrupt; /* flips a bit of what consumer a gets, to see that it is found */
};

uint64_t now_ns(void);

#endif
