/* SPDX-License-Identifier: MIT */
/*
 * Runs a program in a world where some system calls are refused, as an old kernel (ENOSYS) or a
 * container's filter (EPERM) refuses them. Everything that the program starts is in that world, too.
 *
 * Usage: without_calls ENOSYS|EPERM CALL... -- PROGRAM [ARGUMENT]...
 * Exit status 77: there is no filter to be had here.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNAVAILABLE 77

static int usage(const char *program)
{
	fprintf(stderr, "Usage: %s ENOSYS|EPERM CALL... -- PROGRAM [ARGUMENT]...\n", program);
	return 2;
}

/* A filter that was not put in place would let every test pass. */
static int is_refused(int call, int error)
{
	errno = 0;
	return syscall(call, -1L, -1L, -1L, -1L, -1L, -1L) == -1 && errno == error;
}

int main(int argc, char **argv)
{
	int error = argc > 1 && strcmp(argv[1], "ENOSYS") == 0  ? ENOSYS
		    : argc > 1 && strcmp(argv[1], "EPERM") == 0 ? EPERM
								: 0;
	scmp_filter_ctx filter;
	int end = 2, result;

	while (end < argc && strcmp(argv[end], "--") != 0)
		end++;
	if (error == 0 || end == 2 || end + 1 >= argc)
		return usage(argv[0]);
	filter = seccomp_init(SCMP_ACT_ALLOW);
	if (!filter)
		return UNAVAILABLE;
	for (int i = 2; i < end; i++) {
		int call = seccomp_syscall_resolve_name(argv[i]);

		if (call < 0) {
			fprintf(stderr, "%s: no system call %s\n", argv[0], argv[i]);
			return 2;
		}
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)error), call, 0);
		if (result != 0) {
			fprintf(stderr, "%s: %s: %s\n", argv[0], argv[i], strerror(-result));
			return 2;
		}
	}
	result = seccomp_load(filter);
	if (result != 0) {
		fprintf(stderr, "%s: no filter is allowed here: %s\n", argv[0], strerror(-result));
		return UNAVAILABLE;
	}
	seccomp_release(filter);
	for (int i = 2; i < end; i++) {
		if (!is_refused(seccomp_syscall_resolve_name(argv[i]), error)) {
			fprintf(stderr, "%s: %s is not refused\n", argv[0], argv[i]);
			return 2;
		}
	}
	execvp(argv[end + 1], &argv[end + 1]);
	perror(argv[end + 1]);
	return 127;
}
