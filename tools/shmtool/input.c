/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input.h"
#include "signals.h"

#define READ_BYTES (256u << 10)

int input_open(struct input *input, const char *file)
{
	struct stat stat;
	off_t at;

	*input = (struct input){ .fd = STDIN_FILENO, .file = "standard input" };
	if (file && strcmp(file, "-") != 0) {
		input->file = file;
		input->fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (input->fd < 0)
			return -errno;
	}
	if (fstat(input->fd, &stat) != 0)
		return -errno;
	if (S_ISDIR(stat.st_mode))
		return -EISDIR;
	at = S_ISREG(stat.st_mode) ? lseek(input->fd, 0, SEEK_CUR) : -1;
	if (at >= 0 && stat.st_size > at)
		input->size = (uint64_t)(stat.st_size - at);
	input->room = READ_BYTES;
	input->bytes = malloc(input->room);
	return input->bytes ? 0 : -ENOMEM;
}

void input_close(struct input *input)
{
	if (input->fd > STDIN_FILENO)
		close(input->fd);
	free(input->bytes);
}

/* Moves what is left to the front, and grows if even that does not make room to read on. */
static int make_room(struct input *input, size_t least)
{
	const size_t left = input->end - input->start;
	size_t room = input->room;
	char *bytes;

	if (input->start > 0) {
		memmove(input->bytes, input->bytes + input->start, left);
		input->start = 0;
		input->end = left;
	}
	/* Step by step: what a record may need is only reserved when one does. */
	if (left == room)
		room = room < least / 2 ? room * 2 : least;
	if (room <= left)
		room = left + READ_BYTES;
	if (room == input->room)
		return 0;
	bytes = realloc(input->bytes, room);
	if (!bytes)
		return -ENOMEM;
	input->bytes = bytes;
	input->room = room;
	return 0;
}

int input_read(struct input *input, size_t least)
{
	int error = make_room(input, least);

	while (!error) {
		struct pollfd readable = { .fd = input->fd, .events = POLLIN };
		ssize_t got;

		if (signals_came())
			return -ECANCELED;
		got = read(input->fd, input->bytes + input->end, input->room - input->end);
		if (got >= 0) {
			input->end += (size_t)got;
			input->ended = got == 0;
			return 0;
		}
		if (errno == EAGAIN)
			error = poll(&readable, 1, -1) < 0 && errno != EINTR ? -errno : 0;
		else if (errno != EINTR)
			error = -errno;
	}
	return error;
}

/* ---- the three forms ---- */

/* Takes `length` bytes, and those that belong to them before and after. */
static enum cut take(struct input *input, struct piece *piece, size_t before, size_t length, size_t after,
		     uint16_t type)
{
	piece->data = input->bytes + input->start + before;
	piece->length = length;
	piece->type = type;
	input->start += before + length + after;
	input->taken += before + length + after;
	input->scanned = 0;
	return CUT_PIECE;
}

static enum cut cut_line(struct input *input, struct cutter *cutter, struct piece *piece)
{
	const size_t left = input->end - input->start;
	const char *start = input->bytes + input->start;
	const char *newline = NULL;
	size_t length;

	if (left > input->scanned)
		newline = memchr(start + input->scanned, '\n', left - input->scanned);
	length = newline ? (size_t)(newline - start) : left;
	input->scanned = length;
	cutter->number++;
	if (length > cutter->maximum)
		return CUT_TOO_LONG;
	if (newline)
		return take(input, piece, 0, length, 1, cutter->type);
	if (input->ended && left > 0)
		return take(input, piece, 0, length, 0, cutter->type_given ? cutter->type : TYPE_UNTERMINATED);
	cutter->number--;
	return input->ended ? CUT_END : CUT_MORE;
}

static enum cut cut_raw(struct input *input, struct cutter *cutter, struct piece *piece)
{
	const size_t left = input->end - input->start;

	if (left >= cutter->raw_bytes)
		return take(input, piece, 0, cutter->raw_bytes, 0, cutter->type);
	if (!input->ended)
		return CUT_MORE;
	return left > 0 ? take(input, piece, 0, left, 0, cutter->type) : CUT_END;
}

static enum cut cut_frame(struct input *input, struct cutter *cutter, struct piece *piece)
{
	const size_t left = input->end - input->start;
	struct frame frame;

	*piece = (struct piece){ .length = 0 };
	if (left >= FRAME_HEADER_BYTES) {
		frame = frame_decode((const unsigned char *)input->bytes + input->start);
		piece->length = frame.length;
		cutter->number++;
		if (frame.zero != 0)
			return CUT_NOT_ZERO;
		if (frame.length > cutter->maximum)
			return CUT_TOO_LONG;
		if (left - FRAME_HEADER_BYTES >= frame.length)
			return take(input, piece, FRAME_HEADER_BYTES, frame.length, 0, frame.type);
		cutter->number--;
	}
	if (!input->ended)
		return CUT_MORE;
	if (left == 0)
		return CUT_END;
	cutter->number++;
	return CUT_SHORT;
}

enum cut input_cut(struct input *input, struct cutter *cutter, struct piece *piece)
{
	switch (cutter->form) {
	case FORM_RAW:
		return cut_raw(input, cutter, piece);
	case FORM_FRAMED:
		return cut_frame(input, cutter, piece);
	default:
		return cut_line(input, cutter, piece);
	}
}

size_t input_least(const struct cutter *cutter)
{
	return cutter->maximum + FRAME_HEADER_BYTES;
}
