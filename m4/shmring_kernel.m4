# SPDX-License-Identifier: MIT

# SHMRING_NEED_DECL(NAME, HEADERS, WHAT-FOR)
AC_DEFUN([SHMRING_NEED_DECL], [
  AC_CHECK_DECL([$1], [], [
    AC_MSG_ERROR([$1 ($3) is not defined; Linux headers of 3.15 or later are needed; on Debian: apt-get install libc6-dev linux-libc-dev])
  ], [$2])
])

# SHMRING_KERNEL
# What the library asks of Linux and its C library. Everything needed is an error when missing; futex_waitv, which is
# younger (Linux 5.16), defines HAVE_FUTEX_WAITV when the headers know it.
AC_DEFUN([SHMRING_KERNEL], [
  AC_REQUIRE([AC_CANONICAL_HOST])
  AS_CASE([$host_os], [linux*], [], [AC_MSG_ERROR([shmring needs Linux: shared futexes, OFD locks, O_TMPFILE])])
  SHMRING_NEED_DECL([F_OFD_SETLK], [[#include <fcntl.h>]], [locks by which processes prove that they live])
  SHMRING_NEED_DECL([O_TMPFILE], [[#include <fcntl.h>]], [rings without a name until they are whole])
  SHMRING_NEED_DECL([MADV_DONTFORK], [[#include <sys/mman.h>]], [mappings a forked child does not inherit])
  SHMRING_NEED_DECL([MADV_DONTDUMP], [[#include <sys/mman.h>]], [rings are left out of core dumps])
  SHMRING_NEED_DECL([FUTEX_WAIT], [[#include <linux/futex.h>]], [waiting])
  SHMRING_NEED_DECL([SYS_futex], [[#include <sys/syscall.h>]], [waiting])
  AC_CHECK_DECL([SYS_futex_waitv],
    [AC_DEFINE([HAVE_FUTEX_WAITV], [1], [The headers know futex_waitv, by which one wait covers many rings.])],
    [], [[#include <sys/syscall.h>]])
  AS_VAR_COPY([shmring_futex_waitv], [ac_cv_have_decl_SYS_futex_waitv])
  SHMRING_LOCK_FREE_64
])

# SHMRING_LOCK_FREE_64
# A lock inside a C library's atomics would be private to a process, so a ring shared between processes needs 64-bit
# atomics that are always lock-free and need no libatomic. No build without them.
AC_DEFUN([SHMRING_LOCK_FREE_64], [
  AC_CACHE_CHECK([for lock-free 64-bit atomics], [shmring_cv_lock_free_64], [
    AC_LANG_PUSH([C])
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#include <stdatomic.h>
#include <stdint.h>
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics may take a lock");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "32-bit atomics may take a lock");
_Static_assert(sizeof(_Atomic uint64_t) == 8, "64-bit atomics are wider than what they hold");
static _Atomic uint64_t word;
]], [[
	uint64_t expected = 0;

	atomic_fetch_add_explicit(&word, 1, memory_order_release);
	return !atomic_compare_exchange_strong_explicit(&word, &expected, 2, memory_order_acq_rel,
							memory_order_relaxed);
]])], [shmring_cv_lock_free_64=yes], [shmring_cv_lock_free_64=no])
    AC_LANG_POP([C])
  ])
  AS_IF([test $shmring_cv_lock_free_64 = no],
    [AC_MSG_ERROR([no lock-free 64-bit atomics here, so processes cannot share a ring (on 32-bit x86: CFLAGS=-march=i586)])])
])
