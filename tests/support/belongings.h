/* SPDX-License-Identifier: MIT */
/* What a process has of a ring: by what /proc says, not by what the library does. */
#ifndef TESTS_SUPPORT_BELONGINGS_H
#define TESTS_SUPPORT_BELONGINGS_H

#include <sys/types.h>

/* How many of a process's descriptors are for a ring's objects; -1 if that cannot be seen. */
int belongings_open(pid_t process, const char *ring);

/* How many of its mappings are of them; -1 if that cannot be seen. */
int belongings_mapped(pid_t process, const char *ring);

#endif
