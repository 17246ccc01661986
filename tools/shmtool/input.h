/* SPDX-License-Identifier: MIT */
/* A file or standard input, read as it comes and cut into records. */
#ifndef SHMTOOL_INPUT_H
#define SHMTOOL_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "form.h"

struct input {
	int fd;
	const char *file; /* for messages */
	uint64_t size;    /* bytes from here to the end, if it is a regular file; else 0 */
	char *bytes;      /* [start, end) has been read and not been taken yet */
	size_t start, end, room;
	size_t scanned;   /* bytes from start on that hold no newline */
	bool ended;
	uint64_t taken;   /* bytes */
};

struct piece {
	const char *data;
	size_t length;
	uint16_t type;
};

struct cutter {
	enum form form;
	size_t raw_bytes; /* of a raw piece */
	uint16_t type;    /* of each record, but for framed ones */
	bool type_given;
	uint64_t maximum; /* bytes of a record */
	uint64_t number;  /* of the line or frame, from 1 */
};

enum cut {
	CUT_PIECE,
	CUT_MORE,      /* more has to be read first */
	CUT_END,
	CUT_TOO_LONG,
	CUT_NOT_ZERO,  /* a frame's zero bits are not */
	CUT_SHORT,     /* the input ends within a frame */
};

/* `file` is null or "-" for standard input. Each of these returns 0 or a negative errno value. */
int input_open(struct input *input, const char *file);
int input_read(struct input *input, size_t least); /* once, into room for `least` bytes in all; -ECANCELED: a signal */
void input_close(struct input *input);

/* Takes the next record out of what has been read. `piece` holds until the next read. */
enum cut input_cut(struct input *input, struct cutter *cutter, struct piece *piece);

/* How much the next record may need in one place. */
size_t input_least(const struct cutter *cutter);

#endif
