# SPDX-License-Identifier: MIT

# SHMRING_SANITIZERS
# --enable-sanitizers=LIST: "address,undefined", "thread", or any other list that the compiler takes.
# Sets SANITIZER_FLAGS, for compiling and linking alike, and the shell variable shmring_sanitizers (LIST or "no").
# With "thread", SHMRING_TSAN is defined: ThreadSanitizer does not connect two mappings of the same memory, and it takes
# publication through fences for a race, so the library then shares one mapping between threads.
AC_DEFUN([SHMRING_SANITIZERS], [
  AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers=LIST],
      [build with these sanitizers: "address,undefined" or "thread" @<:@no@:>@])],
    [], [enable_sanitizers=no])
  AS_CASE([$enable_sanitizers],
    [yes], [enable_sanitizers=address,undefined],
    [no|""], [enable_sanitizers=no])
  shmring_sanitizers=$enable_sanitizers
  SANITIZER_FLAGS=
  AS_IF([test "$shmring_sanitizers" != no], [
    AC_MSG_CHECKING([whether $CC builds programs with -fsanitize=$shmring_sanitizers])
    AC_LANG_PUSH([C])
    shmring_saved_cflags=$CFLAGS
    CFLAGS="$CFLAGS -fsanitize=$shmring_sanitizers"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes])], [
      AC_MSG_RESULT([no])
      AC_MSG_ERROR([$CC cannot build with -fsanitize=$shmring_sanitizers; choose another list, or for clang install Debian's libclang-rt-dev])
    ])
    CFLAGS=$shmring_saved_cflags
    AC_LANG_POP([C])
    SANITIZER_FLAGS="-fsanitize=$shmring_sanitizers -fno-sanitize-recover=all -fno-omit-frame-pointer"
  ])
  AC_SUBST([SANITIZER_FLAGS])
  AS_CASE([",$shmring_sanitizers,"], [*,thread,*], [
    shmring_tsan=yes
    AC_DEFINE([SHMRING_TSAN], [1], [Built for ThreadSanitizer: threads share one mapping of a ring.])
  ], [shmring_tsan=no])
  AM_CONDITIONAL([TSAN], [test $shmring_tsan = yes])
  AM_CONDITIONAL([SANITIZED], [test "$shmring_sanitizers" != no])
])
