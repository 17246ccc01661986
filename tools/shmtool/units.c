/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "units.h"

/* A number's digits, without the signs and blanks that strtoull lets pass. */
static bool parse_digits(const char *text, char **end, uint64_t *number)
{
	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*number = strtoull(text, end, 10);
	return errno == 0;
}

bool parse_number(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *number)
{
	uint64_t parsed;
	char *end;

	if (!parse_digits(text, &end, &parsed) || *end != '\0' || parsed < minimum ||
	    parsed > maximum)
		return false;
	*number = parsed;
	return true;
}

bool parse_size(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *bytes)
{
	unsigned int shift = 0;
	uint64_t parsed;
	char *end;

	if (!parse_digits(text, &end, &parsed))
		return false;
	switch (*end) {
	case 'k':
	case 'K':
		shift = 10;
		break;
	case 'm':
	case 'M':
		shift = 20;
		break;
	case 'g':
	case 'G':
		shift = 30;
		break;
	}
	if (shift != 0)
		end++;
	if (*end != '\0' || parsed > UINT64_MAX >> shift)
		return false;
	parsed <<= shift;
	if (parsed < minimum || parsed > maximum)
		return false;
	*bytes = parsed;
	return true;
}

static const struct time_unit {
	const char *name;
	uint64_t nanoseconds;
} time_units[] = {
	{ "h", 3600 * NANOSECONDS },
	{ "min", 60 * NANOSECONDS },
	{ "s", NANOSECONDS },
	{ "ms", 1000000 },
	{ "us", 1000 },
	{ "ns", 1 },
};
#define TIME_UNITS (sizeof(time_units) / sizeof(time_units[0]))

/* What a unit's name stands for; seconds without one, and 0 if there is no such unit. */
static uint64_t time_unit(const char *name)
{
	for (size_t i = 0; i < TIME_UNITS; i++)
		if (strcmp(time_units[i].name, name) == 0)
			return time_units[i].nanoseconds;
	return *name == '\0' ? NANOSECONDS : 0;
}

bool parse_duration(const char *text, int64_t *nanoseconds)
{
	uint64_t whole, unit, digit, fraction = 0;
	const char *decimals;
	char *end;

	if (!parse_digits(text, &end, &whole))
		return false;
	decimals = *end == '.' ? end + 1 : end;
	unit = digit = time_unit(decimals + strspn(decimals, "0123456789"));
	if (unit == 0 || whole > (uint64_t)INT64_MAX / unit - 1)
		return false;
	for (; isdigit((unsigned char)*decimals); decimals++) {
		digit /= 10;
		fraction += (uint64_t)(*decimals - '0') * digit;
	}
	*nanoseconds = (int64_t)(whole * unit + fraction);
	return true;
}

bool parse_seconds(const char *text, int64_t *nanoseconds)
{
	return text[strspn(text, "0123456789.")] == '\0' && parse_duration(text, nanoseconds);
}

const char *print_bytes(char text[UNITS_TEXT], double bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned int unit = 0;

	while (bytes >= 1024 && unit < sizeof(units) / sizeof(units[0]) - 1) {
		bytes /= 1024;
		unit++;
	}
	/* Whole numbers as such, others with three digits or so. */
	if (bytes >= 100 || bytes == (double)(uint64_t)bytes)
		snprintf(text, UNITS_TEXT, "%.0f %s", bytes, units[unit]);
	else
		snprintf(text, UNITS_TEXT, "%.1f %s", bytes, units[unit]);
	return text;
}

const char *print_age(char text[UNITS_TEXT], uint64_t nanoseconds)
{
	double seconds = (double)nanoseconds / 1e9;

	if (nanoseconds == 0)
		snprintf(text, UNITS_TEXT, "0");
	else if (seconds < 1)
		snprintf(text, UNITS_TEXT, "%.0f ms", seconds * 1e3);
	else if (seconds < 100)
		snprintf(text, UNITS_TEXT, "%.1f s", seconds);
	else if (seconds < 100 * 60)
		snprintf(text, UNITS_TEXT, "%.0f min", seconds / 60);
	else if (seconds < 100 * 3600)
		snprintf(text, UNITS_TEXT, "%.0f h", seconds / 3600);
	else
		snprintf(text, UNITS_TEXT, "%.0f d", seconds / 86400);
	return text;
}

const char *print_duration(char text[UNITS_TEXT], uint64_t nanoseconds)
{
	size_t unit = 0;

	/* A whole number, in the largest unit that has one. */
	while (unit < TIME_UNITS - 1 &&
	       (nanoseconds == 0 || nanoseconds % time_units[unit].nanoseconds != 0))
		unit++;
	snprintf(text, UNITS_TEXT, "%" PRIu64 "%s", nanoseconds / time_units[unit].nanoseconds,
		 time_units[unit].name);
	return text;
}

const char *print_time(char text[UNITS_TEXT], uint64_t nanoseconds_since_1970)
{
	time_t seconds = (time_t)(nanoseconds_since_1970 / NANOSECONDS);
	struct tm parts;

	if (!localtime_r(&seconds, &parts) ||
	    strftime(text, UNITS_TEXT, "%Y-%m-%d %H:%M:%S", &parts) == 0)
		snprintf(text, UNITS_TEXT, "at no time");
	return text;
}

uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
}
