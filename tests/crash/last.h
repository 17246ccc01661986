/* SPDX-License-Identifier: MIT */
/*
 * The linker puts the library's functions behind those of the program's own files, in the order of
 * the command line, in each part of the text: these two, in the program's last file, are where the
 * library's begin.
 */
#ifndef TESTS_CRASH_LAST_H
#define TESTS_CRASH_LAST_H

void last_of_the_program(void);
void last_of_the_cold(void) __attribute__((cold));

#endif
