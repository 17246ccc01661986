/* SPDX-License-Identifier: MIT */
/* The functions in this program's own text, and which of them are the library's. */
#ifndef TESTS_CRASH_SYMBOLS_H
#define TESTS_CRASH_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the program's symbol table. Null, or why addresses cannot be told apart. */
const char *symbols_read(void);

/* Does the instruction at this address of the running program belong to the library? */
bool symbols_in_library(uint64_t address);

/* "function+0x12", or "?" */
void symbols_name(uint64_t address, char *text, size_t size);

/* Notes that a kill was placed before the instruction there. */
void symbols_visit(uint64_t address);

/* Distinct library addresses visited so far, and functions that they lie in. */
unsigned int symbols_visited(unsigned int *functions);

/*
 * Instructions in the functions that were visited, as objdump counts them; 0 where there is no
 * objdump. Sets `strange` to the number of visited addresses at which objdump sees no instruction.
 */
unsigned int symbols_static(unsigned int *strange);

#endif
