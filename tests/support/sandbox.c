/* SPDX-License-Identifier: MIT */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534

/* Mounts of this process's own; in a user namespace where that takes no privileges. */
static int private_mounts(void)
{
	if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return -errno;
	return mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 ? 0 : -errno;
}

static int private_tmpfs(const char *directory, const char *options)
{
	int error = private_mounts();

	if (error != 0)
		return error;
	return mount("tmpfs", directory, "tmpfs", 0, options) == 0 ? 0 : -errno;
}

int sandbox_small_shm(size_t bytes)
{
	char options[64];

	snprintf(options, sizeof(options), "mode=1777,size=%zu", bytes);
	return private_tmpfs("/dev/shm", options);
}

int sandbox_empty_proc(void)
{
	return private_tmpfs("/proc", "mode=755");
}

#define LOAD(member)        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))
#define RETURN(action)      BPF_STMT(BPF_RET | BPF_K, (action))

static int install_filter(struct sock_filter *filter, size_t count)
{
	struct sock_fprog program = { .len = (unsigned short)count, .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 ? 0 : -errno;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW_HALF 0
#else
#define LOW_HALF 4
#endif

int sandbox_deny_linkat_by_descriptor(void)
{
	struct sock_filter filter[] = {
		LOAD(nr),
		UNLESS(SYS_linkat, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[4]) + LOW_HALF),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, AT_EMPTY_PATH),
		UNLESS(AT_EMPTY_PATH, 1),
		RETURN(SECCOMP_RET_ERRNO | ENOENT),
		RETURN(SECCOMP_RET_ALLOW),
	};

	return install_filter(filter, sizeof(filter) / sizeof(filter[0]));
}

int sandbox_refuse_call(long call, int error)
{
	struct sock_filter filter[] = {
		LOAD(nr),
		UNLESS((unsigned int)call, 1),
		RETURN(SECCOMP_RET_ERRNO | (unsigned int)error),
		RETURN(SECCOMP_RET_ALLOW),
	};

	return install_filter(filter, sizeof(filter) / sizeof(filter[0]));
}

int sandbox_deny_system_calls(void)
{
	struct sock_filter filter[] = {
		LOAD(nr),
		UNLESS(SYS_exit_group, 1),
		RETURN(SECCOMP_RET_ALLOW),
		UNLESS(SYS_write, 1),
		RETURN(SECCOMP_RET_ALLOW),
		RETURN(SECCOMP_RET_KILL_PROCESS),
	};

	return install_filter(filter, sizeof(filter) / sizeof(filter[0]));
}

void sandbox_leave(int status)
{
	syscall(SYS_exit_group, status);
}

int sandbox_become_nobody(void)
{
	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) != 0)
		return -errno;
	return 0;
}
