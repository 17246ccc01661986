/* SPDX-License-Identifier: MIT */
#include "form.h"

static void put_little(unsigned char *to, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		to[i] = (unsigned char)(value >> 8 * i);
}

static uint32_t get_little(const unsigned char *from, int bytes)
{
	uint32_t value = 0;

	for (int i = 0; i < bytes; i++)
		value |= (uint32_t)from[i] << 8 * i;
	return value;
}

void frame_encode(unsigned char header[FRAME_HEADER_BYTES], uint32_t length, uint16_t type)
{
	put_little(header, length, 4);
	put_little(header + 4, type, 2);
	put_little(header + 6, 0, 2);
}

struct frame frame_decode(const unsigned char header[FRAME_HEADER_BYTES])
{
	struct frame frame = {
		.length = get_little(header, 4),
		.type = (uint16_t)get_little(header + 4, 2),
		.zero = (uint16_t)get_little(header + 6, 2),
	};

	return frame;
}
