/* SPDX-License-Identifier: MIT */
/* Counts the calls of malloc and its kin in this process, the library's included. */
#ifndef TESTS_SUPPORT_ALLOCATIONS_H
#define TESTS_SUPPORT_ALLOCATIONS_H

#include <stdint.h>

uint64_t allocations(void);

#endif
