/* SPDX-License-Identifier: MIT */
/* What sub and tail have in common: their arguments, and copying records to standard output. */
#ifndef SHMTOOL_READING_H
#define SHMTOOL_READING_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include <shmring/shmring.h>

#include "attach.h"
#include "form.h"

struct reading {
	struct attach attach;
	enum form form;
	enum shmring_start start;
	uint64_t start_value;
	uint64_t count; /* records to read; 0: all */
	bool follow;
	bool lossy;     /* losses are to be expected, and said on standard error */
	bool durable;
	bool shared;    /* a member of a group */
	enum attempt attempt;
};
#define READING_INIT { .start = SHMRING_OLDEST }

/* The arguments; a child of the command's own argp, with a struct reading for its input. */
extern const struct argp reading_argp;

enum {
	KEY_READING = KEY_ATTACH_LAST, /* reading's own keys come from here on */
	KEY_READING_LAST = KEY_READING + 16,
};

/* The part of the options that the arguments decide. */
void reading_options(const struct reading *reading, struct shmring_consumer_options *options);

/* Copies records to standard output until the stream ends. Returns the status to end with. */
int reading_copy(const struct reading *reading, struct shmring_consumer *consumer);

#endif
