/* SPDX-License-Identifier: MIT */
/*
 * Cuts the input into records of 64 bytes to 16 KiB, many small and few large, the same for the
 * same seed.
 */
#ifndef TOOLS_DEMO_PIECES_H
#define TOOLS_DEMO_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIECE_MIN 64
#define PIECE_MAX 16384

struct pieces {
	uint64_t state;
	size_t offset; /* where the next piece starts */
	size_t size;
};

static inline struct pieces pieces_start(uint64_t seed, size_t size)
{
	return (struct pieces){ .state = seed, .size = size };
}

/* Steps to the next piece; false at the end. The generator is splitmix64. */
static inline bool pieces_next(struct pieces *pieces, size_t *offset, size_t *length)
{
	uint64_t random = pieces->state += 0x9e3779b97f4a7c15u;
	size_t low;

	if (pieces->offset == pieces->size)
		return false;
	random = (random ^ (random >> 30)) * 0xbf58476d1ce4e5b9u;
	random = (random ^ (random >> 27)) * 0x94d049bb133111ebu;
	random ^= random >> 31;
	low = (size_t)PIECE_MIN << (random & 7);
	*offset = pieces->offset;
	*length = low + (size_t)(random >> 8) % low;
	if (*length > pieces->size - pieces->offset)
		*length = pieces->size - pieces->offset;
	pieces->offset += *length;
	return true;
}

#endif
