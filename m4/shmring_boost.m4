# SPDX-License-Identifier: MIT

# SHMRING_BOOST
# Sets the shell variable shmring_boost to yes if a C++17 compiler is there and finds Boost's queues, else to no.
AC_DEFUN([SHMRING_BOOST], [
  AC_LANG_PUSH([C++])
  AC_MSG_CHECKING([whether $CXX compiles Boost's queues])
  shmring_saved_cxxflags=$CXXFLAGS
  CXXFLAGS="$CXXFLAGS -std=gnu++17"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
]], [])], [shmring_boost=yes], [shmring_boost=no])
  CXXFLAGS=$shmring_saved_cxxflags
  AC_MSG_RESULT([$shmring_boost])
  AC_LANG_POP([C++])
])
