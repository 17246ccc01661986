/* SPDX-License-Identifier: MIT */
/*
 * reading_copy.c - from a ring to standard output.
 *
 * A RELIABLE consumer reads in place and releases once the records have been written out: one that could not be
 * written has not been taken. A LOSSY one is overtaken by the producer at any time, so its records are copied,
 * verified whole, and only then written.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "output.h"
#include "reading.h"
#include "shmtool.h"
#include "signals.h"
#include "units.h"

/* Losses are reported this often at most: a slow reader may have thousands in a second. */
#define LOSS_REPORT_NS NANOSECONDS

/* Records are written out and released in portions, so that the producer has room while they are being written. */
#define PORTIONS 8
#define PORTION_BYTES_MAX (128u << 10)

struct copy {
	const struct reading *reading;
	struct shmring_consumer *consumer;
	struct output output;
	int output_error;
	uint64_t portion, gathered; /* bytes: to be written out together, and come together so far */
	uint64_t count;
	uint64_t lost, lost_reported, loss_reported_at;
	bool newline_due; /* after a line that had none, if another follows */
	bool died;        /* a producer did, while following */
};

/* ---- one record ---- */

/* Keeps the output's errors apart from the ring's: -EPIPE can be either. */
static int output_result(struct copy *copy, int error)
{
	if (error && error != -ECANCELED) {
		copy->output_error = error;
		return -EIO;
	}
	return error;
}

static size_t header_size(const struct copy *copy)
{
	return copy->reading->form == FORM_FRAMED ? FRAME_HEADER_BYTES : copy->newline_due ? 1 : 0;
}

static int append_header(struct copy *copy, const struct shmring_record *record)
{
	unsigned char header[FRAME_HEADER_BYTES] = { '\n' };
	size_t size = header_size(copy);

	if (copy->reading->form == FORM_FRAMED)
		frame_encode(header, record->length, record->type);
	copy->newline_due = false;
	return size ? output_result(copy, output_append(&copy->output, header, size)) : 0;
}

static int append_trailer(struct copy *copy, const struct shmring_record *record)
{
	copy->count++;
	copy->lost += record->lost;
	copy->gathered += record->length + 2 * FRAME_HEADER_BYTES;
	if (copy->reading->form != FORM_LINES)
		return 0;
	if (record->type == TYPE_UNTERMINATED) {
		copy->newline_due = true;
		return 0;
	}
	return output_result(copy, output_append(&copy->output, "\n", 1));
}

static int copy_in_place(struct copy *copy)
{
	struct shmring_record record;
	int error = shmring_read(copy->consumer, &record);

	if (!error)
		error = append_header(copy, &record);
	if (!error)
		error = output_result(copy, output_append(&copy->output, record.data, record.length));
	if (!error)
		error = append_trailer(copy, &record);
	return error;
}

static int make_room(struct copy *copy, size_t size)
{
	void *unused;
	int error = output_flush(&copy->output);

	if (!error)
		error = output_reserve(&copy->output, size, &unused);
	return output_result(copy, error);
}

/* The payload goes straight behind what is gathered, leaving room for what precedes it. */
static int copy_verified(struct copy *copy)
{
	struct output *output = &copy->output;
	const size_t before = header_size(copy);
	struct shmring_record record = { 0 };
	int error;

	for (;;) {
		size_t room = output->room - output->used;

		error = -EMSGSIZE;
		if (room >= before)
			error = shmring_read_copy(copy->consumer, output->bytes + output->used + before, room - before,
						  &record);
		if (error != -EMSGSIZE)
			break;
		error = make_room(copy, before + record.length);
		if (error)
			return error;
	}
	if (!error)
		error = append_header(copy, &record); /* there is room: nothing is moved or written */
	if (error)
		return error;
	output->used += record.length;
	return append_trailer(copy, &record);
}

/* ---- the stream ---- */

/* Writes out what has been gathered, and only then gives it back. */
static int settle(struct copy *copy)
{
	int error = output_result(copy, output_flush(&copy->output));

	if (error)
		return error;
	copy->gathered = 0;
	return copy->reading->lossy ? 0 : shmring_release(copy->consumer);
}

static void report_losses(struct copy *copy)
{
	if (copy->lost == copy->lost_reported)
		return;
	report(copy->reading->attach.name, "%" PRIu64 " records lost so far; read faster, or use a larger ring",
	       copy->lost);
	copy->lost_reported = copy->lost;
	copy->loss_reported_at = monotonic_ns();
}

static int copy_record(struct copy *copy)
{
	int error = copy->reading->lossy ? copy_verified(copy) : copy_in_place(copy);

	if (!error && copy->gathered >= copy->portion)
		error = settle(copy);
	if (copy->lost != copy->lost_reported && monotonic_ns() - copy->loss_reported_at >= LOSS_REPORT_NS)
		report_losses(copy);
	return error;
}

static int wait_for_record(struct copy *copy)
{
	for (;;) {
		bool unreported = copy->lost != copy->lost_reported;
		int error = shmring_wait(copy->consumer, unreported ? (int64_t)LOSS_REPORT_NS : -1);

		if (error == -ETIMEDOUT)
			report_losses(copy);
		else if (!copy->reading->follow || (error != -EPIPE && error != -EOWNERDEAD))
			return error;
		copy->died |= error == -EOWNERDEAD;
	}
}

static int copy_stream(struct copy *copy)
{
	while (copy->reading->count == 0 || copy->count < copy->reading->count) {
		int error = copy_record(copy);
		int settled;

		if (error == 0)
			continue;
		if (error == -EIO || error == -ECANCELED)
			return error;
		settled = settle(copy);
		if (settled)
			return settled;
		if (error == -EAGAIN || (copy->reading->follow && (error == -EPIPE || error == -EOWNERDEAD)))
			error = wait_for_record(copy);
		if (error)
			return error;
	}
	return settle(copy);
}

static int status_of(struct copy *copy, int error)
{
	const char *name = copy->reading->attach.name;

	if (error == -EIO && copy->output_error)
		return report(name, "cannot write to standard output: %s; the records not written were not taken",
			      strerror(-copy->output_error));
	if (error == -ECANCELED)
		return signals_status();
	if (error && error != -EPIPE)
		return report_error(name, error, copy->reading->attempt);
	if (copy->died || (copy->lost && !copy->reading->lossy))
		return STATUS_INCOMPLETE;
	return STATUS_DONE;
}

int reading_copy(const struct reading *reading, struct shmring_consumer *consumer)
{
	struct copy copy = { .reading = reading, .consumer = consumer };
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;
	int error = shmring_consumer_info(consumer, &info);

	if (!error)
		error = output_open(&copy.output);
	if (error)
		return report_error(reading->attach.name, error, reading->attempt);
	copy.portion = info.capacity / PORTIONS < PORTION_BYTES_MAX ? info.capacity / PORTIONS : PORTION_BYTES_MAX;
	error = copy_stream(&copy);
	report_losses(&copy);
	output_close(&copy.output);
	return status_of(&copy, error);
}
