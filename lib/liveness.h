/* SPDX-License-Identifier: MIT */
/*
 * liveness.h - who is alive, by locks on bytes of the control object that the kernel drops as a
 * process dies.
 *
 * The descriptor must be of an open file description of its own, never mapped, since a mapping
 * would keep the lock, and closed on exec. See layout.h for the bytes.
 */
#ifndef SHMRING_LIVENESS_H
#define SHMRING_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

/* Takes a byte. Errors: -EBUSY (somebody else has it), the kernel's. */
int lock_take(int fd, unsigned int byte);

void lock_drop(int fd, unsigned int byte);

/*
 * Tells whether another open description holds the byte for writing; needs no more than a readable
 * descriptor. Returns 1, 0, or a negative errno.
 */
int lock_held(int fd, unsigned int byte);

/*
 * Takes a byte whose holders keep it for microseconds, trying for up to two seconds. Errors:
 * -ETIMEDOUT, the kernel's.
 */
int lock_wait(int fd, unsigned int byte);

/* The same for LOCK_TABLE. */
int table_lock(int fd);
void table_unlock(int fd);

#endif
