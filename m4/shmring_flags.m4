# SPDX-License-Identifier: MIT

# SHMRING_APPEND_CFLAGS(VARIABLE, FLAGS)
# Appends to VARIABLE each of FLAGS that the C compiler takes without complaint. CFLAGS is the user's and is left alone.
AC_DEFUN([SHMRING_APPEND_CFLAGS], [
  AC_LANG_PUSH([C])
  for shmring_flag in $2; do
    AS_VAR_PUSHDEF([shmring_cache], [shmring_cv_cflag_$shmring_flag])
    AC_CACHE_CHECK([whether $CC takes $shmring_flag], [shmring_cache], [
      shmring_saved_cflags=$CFLAGS
      CFLAGS="$CFLAGS -Werror $shmring_flag"
      AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
        [AS_VAR_SET([shmring_cache], [yes])], [AS_VAR_SET([shmring_cache], [no])])
      CFLAGS=$shmring_saved_cflags
    ])
    AS_VAR_IF([shmring_cache], [yes], [$1="[$]$1 $shmring_flag"])
    AS_VAR_POPDEF([shmring_cache])
  done
  AC_LANG_POP([C])
])

# SHMRING_APPEND_LDFLAGS(VARIABLE, FLAGS, [EXTRA-FLAGS])
# The same for the linker; EXTRA-FLAGS are given to each trial as well.
AC_DEFUN([SHMRING_APPEND_LDFLAGS], [
  AC_LANG_PUSH([C])
  for shmring_flag in $2; do
    AS_VAR_PUSHDEF([shmring_cache], [shmring_cv_ldflag_$shmring_flag])
    AC_CACHE_CHECK([whether the linker takes $shmring_flag], [shmring_cache], [
      shmring_saved_ldflags=$LDFLAGS
      LDFLAGS="$LDFLAGS $3 $shmring_flag"
      AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
        [AS_VAR_SET([shmring_cache], [yes])], [AS_VAR_SET([shmring_cache], [no])])
      LDFLAGS=$shmring_saved_ldflags
    ])
    AS_VAR_IF([shmring_cache], [yes], [$1="[$]$1 $shmring_flag"])
    AS_VAR_POPDEF([shmring_cache])
  done
  AC_LANG_POP([C])
])
