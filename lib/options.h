/* SPDX-License-Identifier: MIT */
/*
 * options.h - structures that start with their size, between callers and libraries of different
 * versions.
 */
#ifndef SHMRING_OPTIONS_H
#define SHMRING_OPTIONS_H

#include <stddef.h>

/*
 * Copies a caller's option structure. A shorter one, from an older header, is filled up with zeros;
 * a longer one must have zeros in what is not known here. A null pointer stands for all zeros.
 * Errors: -EINVAL.
 */
int options_copy(void *options, size_t size, const void *from, size_t least);

/* Checks that a caller's report structure is of a size that can be filled. Errors: -EINVAL. */
int report_check(const void *report, size_t least);

/* Copies a report out, as much of it as the caller's structure holds; its size member stays. */
void report_copy(void *report, const void *from, size_t size);

#endif
