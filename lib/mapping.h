/* SPDX-License-Identifier: MIT */
/* mapping.h - a ring's memory in this process's address space. */
#ifndef SHMRING_MAPPING_H
#define SHMRING_MAPPING_H

#include "segment.h"

/*
 * Maps both objects: the records twice, back to back; writable as the role says; not inherited by
 * forked children, not in core dumps. control_fd -1: no control object. Errors: -ENOMEM, the
 * kernel's.
 */
int mapping_make(struct segment *segment, enum segment_role role, int control_fd, bool prefault);

/* Undoes it, also half-made. */
void mapping_drop(struct segment *segment);

/* In a forked child: forgets what it does not have. */
void mapping_forked(void);

#endif
