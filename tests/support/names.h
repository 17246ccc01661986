/* SPDX-License-Identifier: MIT */
/*
 * Names of rings, unique to the test process, and what they leave in /dev/shm. Whatever way the process ends, by exit,
 * a failed assertion, a crash or SIGKILL, all files under its names are removed: by it, or by a janitor process that
 * waits for it and its children to be gone.
 */
#ifndef TESTS_SUPPORT_NAMES_H
#define TESTS_SUPPORT_NAMES_H

#include <stddef.h>

/* Room for a path in /dev/shm. */
#define SHM_PATH_SIZE 512

/* A new name; the string stays valid. */
const char *unique_name(void);

/* Removes the files of all names given out so far. */
void unique_names_sweep(void);

/* How many files in /dev/shm belong to rings whose names begin so. */
unsigned int shm_files_of(const char *name);

/* The path of a ring's data object. */
void shm_data_path(char path[SHM_PATH_SIZE], const char *name);

/* The path of a ring's control object; returns 0, or -1 if there is none. */
int shm_control_path(char path[SHM_PATH_SIZE], const char *name);

#endif
