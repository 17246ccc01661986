/* SPDX-License-Identifier: MIT */
/*
 * Worse surroundings for a child process: less of /dev/shm, /proc, system calls, permissions. They stay with the
 * process that asks for them, so ask in a child. Each returns 0, or a negative errno value where this is not allowed
 * (a test then skips, and says so).
 */
#ifndef TESTS_SUPPORT_SANDBOX_H
#define TESTS_SUPPORT_SANDBOX_H

#include <stddef.h>

/* Exit status of a child that could not get the surroundings it was to try. */
#define SANDBOX_UNAVAILABLE 77

/* Its own /dev/shm, empty, of `bytes` bytes. */
int sandbox_small_shm(size_t bytes);

/* An empty /proc. */
int sandbox_empty_proc(void);

/* linkat of an open file by its descriptor alone fails with ENOENT, as it does without CAP_DAC_READ_SEARCH. */
int sandbox_deny_linkat_by_descriptor(void);

/* The kernel has no such system call, or a filter refuses it: ENOSYS or EPERM. */
int sandbox_refuse_call(long call, int error);

/* Every system call but exit_group, and write (to say what went wrong), kills the process with SIGSYS. */
int sandbox_deny_system_calls(void);

/* Ends such a process. (What is declared not to return makes AddressSanitizer do a system call before.) */
void sandbox_leave(int status);

/* No more special rights: the user nobody, if this is root. */
int sandbox_become_nobody(void);

#endif
