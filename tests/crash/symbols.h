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

/* Notes that a victim came to the instruction there; and whether all was well after a kill there.
 */
void symbols_visit(uint64_t address, bool well);

/* Distinct library addresses visited, those of them where all was well each time, and functions. */
struct visits {
	unsigned int addresses, well, functions;
};
struct visits symbols_visits(void);

/*
 * Instructions in the functions that were visited, as objdump counts them; 0 where there is no
 * objdump. Sets `strange` to the number of visited addresses at which objdump sees no instruction.
 */
unsigned int symbols_static(unsigned int *strange);

#endif
