/* SPDX-License-Identifier: MIT */
#include "payload.h"
#include "random.h"

#include <string.h>

static uint64_t first_state(uint64_t seed, uint64_t sequence)
{
	return random_mix(seed) + random_mix(~sequence);
}

size_t payload_length(uint64_t seed, uint64_t sequence, size_t minimum, size_t maximum)
{
	uint64_t chance = random_mix(first_state(seed, sequence) + 1);
	size_t span = maximum - minimum;
	size_t few = span < 64 ? span : 64;

	switch (chance & 31) {
	case 0:
		return minimum;
	case 1:
		return maximum;
	case 2:
	case 3:
	case 4:
	case 5:
		return minimum + (chance >> 8) % (span + 1);
	default:
		/* Mostly short records: many headers, many wraps. */
		return minimum + (chance >> 8) % (few + 1);
	}
}

uint16_t payload_type(uint64_t seed, uint64_t sequence)
{
	return (uint16_t)random_mix(first_state(seed, sequence) + 2);
}

void payload_fill(void *buffer, size_t length, uint64_t seed, uint64_t sequence)
{
	uint64_t state = first_state(seed, sequence);
	unsigned char *byte = buffer;
	uint64_t word;

	for (; length >= sizeof(word); length -= sizeof(word), byte += sizeof(word)) {
		word = random_mix(state += RANDOM_STEP);
		memcpy(byte, &word, sizeof(word));
	}
	word = random_mix(state + RANDOM_STEP);
	memcpy(byte, &word, length);
}

static ptrdiff_t first_difference(const unsigned char *byte, uint64_t word, size_t length)
{
	unsigned char expected[sizeof(word)];

	memcpy(expected, &word, sizeof(word));
	for (size_t i = 0; i < length; i++)
		if (byte[i] != expected[i])
			return (ptrdiff_t)i;
	return -1;
}

ptrdiff_t payload_check(const void *buffer, size_t length, uint64_t seed, uint64_t sequence)
{
	uint64_t state = first_state(seed, sequence);
	const unsigned char *byte = buffer;
	ptrdiff_t offset = 0, difference;
	uint64_t found;

	for (; length >= sizeof(found);
	     length -= sizeof(found), offset += (ptrdiff_t)sizeof(found)) {
		uint64_t expected = random_mix(state += RANDOM_STEP);

		memcpy(&found, byte + offset, sizeof(found));
		if (found != expected)
			return offset + first_difference(byte + offset, expected, sizeof(found));
	}
	difference = first_difference(byte + offset, random_mix(state + RANDOM_STEP), length);
	return difference < 0 ? -1 : offset + difference;
}
