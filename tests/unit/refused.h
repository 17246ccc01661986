/* SPDX-License-Identifier: MIT */
/* Units that run in a child of their own, where the kernel has no futex_waitv, or a filter refuses it. */
#ifndef TESTS_UNIT_REFUSED_H
#define TESTS_UNIT_REFUSED_H

#include <sys/syscall.h>

#include "../support/sandbox.h"
#include "unit.h"

struct refused {
	int error;
	int (*scenario)(void);
};

static inline int refused_run(void *argument)
{
	const struct refused *refused = argument;

#ifdef SYS_futex_waitv
	if (sandbox_refuse_call(SYS_futex_waitv, refused->error) != 0)
		return SANDBOX_UNAVAILABLE;
#endif
	return refused->scenario();
}

static inline void expect_passes_without_waitv(int error, int (*scenario)(void))
{
	struct refused refused = { error, scenario };
	const int status = child_run(refused_run, &refused);

	if (status == SANDBOX_UNAVAILABLE)
		cr_skip_test("no filter of system calls is allowed here");
	cr_assert_eq(status, 0);
}

#endif
