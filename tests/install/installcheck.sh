#!/bin/sh
# SPDX-License-Identifier: MIT
# Run by `make installcheck`, with the directories in the environment: builds users' programs against the installed
# library through pkg-config alone, and runs them. Ends with a summary like that of `make check`.
: "${libdir:?}" "${includedir:?}" "${pkgconfigdir:?}" "${top_srcdir:?}" "${PKG_CONFIG:=pkg-config}" "${CC:=cc}"
DESTDIR=${DESTDIR-}
# shellcheck source=tests/support/tap.sh
. "$top_srcdir/tests/support/tap.sh"

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
cd "$scratch" || exit 1

# Installed below DESTDIR, the paths in shmring.pc are not where things are yet.
PKG_CONFIG_PATH=$DESTDIR$pkgconfigdir${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
from_pkg_config() { # OPTIONS
	if [ -n "$DESTDIR" ]; then
		set -- --define-variable=libdir="$DESTDIR$libdir" --define-variable=includedir="$DESTDIR$includedir" "$@"
	fi
	"$PKG_CONFIG" "$@" shmring
}
LD_LIBRARY_PATH=$DESTDIR$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

header=$DESTDIR$includedir/shmring/shmring.h
strict="-Wall -Wextra -Werror"
cflags=$(from_pkg_config --cflags)
libs=$(from_pkg_config --libs)
static_libs=$(from_pkg_config --static --libs)

build_and_run() { # PROGRAM COMPILER-AND-ARGUMENTS...
	program=$1
	shift
	echo "$* -o $program"
	"$@" -o "$program" && timeout 60 "./$program"
}

# An example stands in the header's opening comment; its ring gets a name of our own.
extract_example() {
	${AWK:-awk} '/example-begin/ { on = 1; next } /example-end/ { on = 0 } on { sub(/^ \*\t?/, ""); print }' "$header" |
		sed "s/\"shmring-header-example\"/\"shmring-header-example-$$\"/" >example.c
	grep -q 'int main' example.c
}

run_example() {
	extract_example && build_and_run example $CC $strict example.c $cflags $libs >out &&
		[ "$(sed -n 2,3p out)" = "$(printf 'hello\nworld')" ]
}

header_alone() { # COMPILER-AND-ARGUMENTS...
	for alone in shmring inline; do
		echo "#include <shmring/$alone.h>" >alone.c
		"$@" -pedantic $strict $cflags -fsyntax-only alone.c || return
	done
}

no_stdatomic() {
	$CC -M $cflags alone.c >headers && ! grep stdatomic headers
}

version_agrees() {
	number=$(sed -n 's/^#define SHMRING_VERSION \([0-9]*\)$/\1/p' "$header")
	[ "$(from_pkg_config --modversion)" = "$((number / 10000)).$((number / 100 % 100)).$((number % 100))" ]
}

tap_check "pkg-config knows shmring" from_pkg_config --exists --print-errors
tap_check "pkg-config and header agree on the version" version_agrees
tap_check "each header alone in C99" header_alone $CC -x c -std=c99
tap_check "each header alone in C11" header_alone $CC -x c -std=c11
tap_check "the header does not include <stdatomic.h>" no_stdatomic

if [ -e "$DESTDIR$libdir/libshmring.so" ]; then
	tap_check "a C program with the shared library" \
		build_and_run c-shared $CC $strict "$top_srcdir/tests/install/user.c" $cflags $libs
	tap_check "the same with the inline header" \
		build_and_run c-inline $CC -O2 -include shmring/inline.h $strict "$top_srcdir/tests/install/user.c" $cflags $libs
	tap_check "the example in the header" run_example
else
	tap_skip "programs with the shared library" "it is not installed"
fi
if [ -e "$DESTDIR$libdir/libshmring.a" ]; then
	tap_check "a C program with the static library" \
		build_and_run c-static $CC -static $strict "$top_srcdir/tests/install/user.c" $cflags $static_libs
else
	tap_skip "programs with the static library" "it is not installed"
fi

if [ -n "${CXX-}" ]; then
	tap_check "each header alone in C++11" header_alone $CXX -x c++ -std=c++11
	[ ! -e "$DESTDIR$libdir/libshmring.so" ] || tap_check "a C++ program with the shared library" \
		build_and_run c++-shared $CXX -x c++ $strict "$top_srcdir/tests/install/user.c" -x none $cflags $libs
	[ ! -e "$DESTDIR$libdir/libshmring.so" ] || tap_check "the same with the inline header in C++" \
		build_and_run c++-inline $CXX -O2 -include shmring/inline.h -x c++ $strict "$top_srcdir/tests/install/user.c" \
		-x none $cflags $libs
	[ ! -e "$DESTDIR$libdir/libshmring.a" ] || tap_check "a C++ program with the static library" \
		build_and_run c++-static $CXX -x c++ -static $strict "$top_srcdir/tests/install/user.c" -x none $cflags $static_libs
else
	tap_skip "programs in C++" "no C++ compiler"
fi

if [ -x "$DESTDIR${bindir:?}/shmtool" ]; then
	tap_check "shmtool runs" "$DESTDIR$bindir/shmtool" --help
else
	tap_skip "shmtool runs" "it is not installed"
fi

tap_summary
tap_done
