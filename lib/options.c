/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "options.h"

/* Each such structure starts with a size_t. */
static size_t size_of(const void *structure)
{
	size_t size;

	memcpy(&size, structure, sizeof(size));
	return size;
}

/* Sizes beyond this are a missing initializer rather than a later version. */
#define SIZE_SANE 4096

int options_copy(void *options, size_t size, const void *from, size_t least)
{
	size_t given;

	memset(options, 0, size);
	if (!from)
		return 0;
	given = size_of(from);
	if (given < least || given > SIZE_SANE)
		return -EINVAL;
	for (size_t i = size; i < given; i++)
		if (((const char *)from)[i] != 0)
			return -EINVAL;
	memcpy(options, from, given < size ? given : size);
	return 0;
}

int report_check(const void *report, size_t least)
{
	if (!report || size_of(report) < least || size_of(report) > SIZE_SANE)
		return -EINVAL;
	return 0;
}

void report_copy(void *report, const void *from, size_t size)
{
	size_t given = size_of(report);
	size_t copied = given < size ? given : size;

	memcpy((char *)report + sizeof(size_t), (const char *)from + sizeof(size_t),
	       copied - sizeof(size_t));
	if (given > size)
		memset((char *)report + size, 0, given - size);
}
