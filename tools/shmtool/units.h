/* SPDX-License-Identifier: MIT */
/* Numbers with units, read from arguments and printed for people. */
#ifndef SHMTOOL_UNITS_H
#define SHMTOOL_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* Enough for every text made here. */
#define UNITS_TEXT 32

#define NANOSECONDS 1000000000ULL

/* Each takes the whole text or nothing, and returns whether it did. */
bool parse_number(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *number);
bool parse_size(const char *text, uint64_t minimum, uint64_t maximum,
		uint64_t *bytes);                           /* K, M, G */
bool parse_seconds(const char *text, int64_t *nanoseconds); /* with decimals */
bool parse_duration(const char *text,
		    int64_t *nanoseconds); /* the same, or with ns, us, ms, s, min or h */

/* Each returns `text`: "1 MiB", "1.5 GiB"; "3.2 s", "2 d"; "1500ms"; a local date and time. */
const char *print_bytes(char text[UNITS_TEXT], double bytes);
const char *print_age(char text[UNITS_TEXT], uint64_t nanoseconds);
const char *print_duration(char text[UNITS_TEXT],
			   uint64_t nanoseconds); /* exactly, as parse_duration takes it */
const char *print_time(char text[UNITS_TEXT], uint64_t nanoseconds_since_1970);

uint64_t monotonic_ns(void);

#endif
