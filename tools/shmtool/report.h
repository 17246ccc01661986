/* SPDX-License-Identifier: MIT */
/* Errors as one line each on standard error: `shmtool: NAME: what happened; what to do`. */
#ifndef SHMTOOL_REPORT_H
#define SHMTOOL_REPORT_H

/* What was being attempted when an error came: the same error means different things. */
enum attempt {
	TO_CREATE,
	TO_REMOVE,
	TO_PRODUCE,
	TO_CONSUME,
	TO_SHARE, /* to consume, as a member of a group */
	TO_OBSERVE,
	TO_INSPECT,
	TO_CHECK,
	TO_UNSUBSCRIBE,
	TO_EVICT,
};

/* Prints a line about a ring (or the whole, if name is null). Returns STATUS_FAILED. */
int report(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints what the library's error means for that attempt and what can be done. Returns the status to end with. */
int report_error(const char *name, int error, enum attempt attempt);

/* Says that the table of subscriptions stayed locked. Returns STATUS_FAILED. */
int report_locked(const char *name);

/* Makes every character of `text` printable, and the whole fit. Returns `buffer`. */
const char *printable(char *buffer, int size, const char *text);

#endif
