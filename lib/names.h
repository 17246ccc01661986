/* SPDX-License-Identifier: MIT */
/* names.h - names of rings, subscriptions and files, and the random bytes behind some of them. */
#ifndef SHMRING_NAMES_H
#define SHMRING_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shmring/shmring.h>

#define SHM_DIRECTORY "/dev/shm"
#define UUID_BYTES    16
/* "/dev/shm/" "." NAME "." UUID in hexadecimal, and the final zero byte. */
#define PATH_SIZE     (sizeof(SHM_DIRECTORY) + 1 + SHMRING_NAME_MAX + 1 + 2 * UUID_BYTES + 1)

/* Checks a ring's name and points `bare` behind a leading slash. Errors: -EINVAL, -ENAMETOOLONG. */
int name_check_ring(const char *name, const char **bare);

/* Checks a subscription's name. Errors: -EINVAL, -ENAMETOOLONG. */
int name_check_subscription(const char *name);

void path_of_data(char path[PATH_SIZE], const char *bare);
void path_of_control(char path[PATH_SIZE], const char *bare, const uint8_t uuid[UUID_BYTES]);

/* Of a file of the directory, whose name is no longer than those are. */
void path_of_file(char path[PATH_SIZE], const char *file);

/*
 * Takes ".NAME.UUID" apart. False if a file name is not of that form. `name` has room for
 * SHMRING_NAME_MAX + 1.
 */
bool name_of_control(const char *file, char *name, uint8_t uuid[UUID_BYTES]);

/* Fills `bytes` with random ones. Errors: the kernel's. */
int random_fill(void *bytes, size_t count);

#endif
