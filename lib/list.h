/* SPDX-License-Identifier: MIT */
/* list.h - what is in the directory of rings. */
#ifndef SHMRING_LIST_H
#define SHMRING_LIST_H

#include <stdbool.h>

#include "segment.h"

/*
 * Is this file of the directory a control object whose ring has another data object, or none? What
 * cannot be read is not called an orphan.
 */
bool list_is_orphan(const char *file);

#endif
