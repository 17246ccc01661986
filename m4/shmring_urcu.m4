# SPDX-License-Identifier: MIT

# SHMRING_URCU_BP([MINIMUM-VERSION])
# Finds the bulletproof flavour of liburcu: the one whose readers need no registration, so that a library can use it in
# threads it knows nothing about. Sets URCU_CFLAGS and URCU_LIBS; stops configure when it is missing or too old, or when
# a program that uses readers, a grace period and the fork handlers does not link.
AC_DEFUN([SHMRING_URCU_BP], [
  AC_REQUIRE([PKG_PROG_PKG_CONFIG])
  PKG_CHECK_MODULES([URCU], [liburcu-bp >= $1], [],
    [AC_MSG_ERROR([liburcu-bp $1 or newer is missing; on Debian: apt-get install liburcu-dev])])
  AC_CACHE_CHECK([whether liburcu's bulletproof flavour links], [shmring_cv_urcu_bp], [
    AC_LANG_PUSH([C])
    shmring_saved_cflags=$CFLAGS
    shmring_saved_libs=$LIBS
    CFLAGS="$CFLAGS $URCU_CFLAGS"
    LIBS="$URCU_LIBS $LIBS"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#include <urcu/urcu-bp.h>
#include <urcu/rculist.h>
]], [[
	urcu_bp_read_lock();
	urcu_bp_read_unlock();
	urcu_bp_synchronize_rcu();
	urcu_bp_before_fork();
	urcu_bp_after_fork_parent();
]])], [shmring_cv_urcu_bp=yes], [shmring_cv_urcu_bp=no])
    CFLAGS=$shmring_saved_cflags
    LIBS=$shmring_saved_libs
    AC_LANG_POP([C])
  ])
  AS_IF([test $shmring_cv_urcu_bp = no],
    [AC_MSG_ERROR([a program for liburcu-bp does not link, see config.log; on Debian: apt-get install liburcu-dev])])
])
