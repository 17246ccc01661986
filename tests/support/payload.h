/* SPDX-License-Identifier: MIT */
/* What a record must contain: its length, type and bytes follow from a seed and its sequence number. */
#ifndef TESTS_SUPPORT_PAYLOAD_H
#define TESTS_SUPPORT_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

/* A length from `minimum` to `maximum`; short ones and the two ends come up often. */
size_t payload_length(uint64_t seed, uint64_t sequence, size_t minimum, size_t maximum);

uint16_t payload_type(uint64_t seed, uint64_t sequence);

void payload_fill(void *buffer, size_t length, uint64_t seed, uint64_t sequence);

/* The offset of the first byte that is wrong, or -1. */
ptrdiff_t payload_check(const void *buffer, size_t length, uint64_t seed, uint64_t sequence);

#endif
