/* SPDX-License-Identifier: MIT */
/*
 * reading_copy.c - from a ring to standard output.
 *
 * What is to be taken only once it has been written out is read in place, gathered, written, and
 * then released. An evicted (or a LOSSY) subscription can be overtaken meanwhile: so what was
 * gathered is written only if its first record was still in the ring when all had been copied, and
 * is otherwise dropped, to be read again or counted as lost. What holds nobody back and has no
 * tomorrow, a LOSSY subscription that is not durable or an observer, copies each record verified
 * and released at once; so it loses the least.
 *
 * Losses are counted from the sequence numbers of what is written. That is exact also where a
 * record had been written but not released when the subscription was evicted: it is passed over
 * afterwards.
 *
 * A member of a group always reads in place, whatever its policy: what it has taken, and not given
 * back, is left to the others if it ends.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "output.h"
#include "reading.h"
#include "shmtool.h"
#include "signals.h"
#include "tally.h"
#include "units.h"

/* Losses are reported this often at most: a slow reader may have thousands in a second. */
#define LOSS_REPORT_NS NANOSECONDS

/* Records are written out and released in portions: the producer has room while one is written. */
#define PORTIONS          8
#define PORTION_BYTES_MAX (128u << 10)

struct copy {
	const struct reading *reading;
	struct shmring_consumer *consumer;
	struct shmring_inspector
		*inspector; /* tells what has been overwritten; null if all is copied verified */
	struct output output;
	int output_error;
	uint64_t portion,
		gathered; /* bytes: to be written out together, and come together so far */
	uint64_t gathered_position; /* of the first record gathered */
	/* with what is gathered, without it, and with what has been released */
	struct tally tally, written, released;
	bool started; /* there was a record */
	uint64_t lost_reported, loss_reported_at;
	bool died; /* a producer did, while following */
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
	return copy->reading->form == FORM_FRAMED ? FRAME_HEADER_BYTES
	       : copy->tally.newline_due          ? 1
						  : 0;
}

static int append_header(struct copy *copy, const struct shmring_record *record)
{
	unsigned char header[FRAME_HEADER_BYTES] = { '\n' };
	size_t size = header_size(copy);

	if (copy->reading->form == FORM_FRAMED)
		frame_encode(header, record->length, record->type);
	copy->tally.newline_due = false;
	return size ? output_result(copy, output_append(&copy->output, header, size)) : 0;
}

static int append_trailer(struct copy *copy, const struct shmring_record *record)
{
	struct tally *tally = &copy->tally;

	if (!copy->started)
		tally->next = copy->written.next = copy->released.next =
			record->sequence - record->lost;
	copy->started = true;
	tally_record(tally, record, copy->reading->shared);
	if (copy->gathered == 0)
		copy->gathered_position = record->position;
	copy->gathered += record->length + 2 * FRAME_HEADER_BYTES;
	if (copy->reading->form != FORM_LINES)
		return 0;
	if (record->type == TYPE_UNTERMINATED) {
		tally->newline_due = true;
		return 0;
	}
	return output_result(copy, output_append(&copy->output, "\n", 1));
}

static int copy_in_place(struct copy *copy)
{
	struct shmring_record record;
	void *unused;
	int error = shmring_read(copy->consumer, &record);

	if (error)
		return error;
	/* Written before, but not released: evicted, or overtaken, in between. */
	if (copy->started && !copy->reading->shared && record.sequence < copy->tally.next)
		return 0;
	/* Nothing is written before it is known to be whole: all of it has to fit. */
	error = output_result(
		copy,
		output_reserve(&copy->output, FRAME_HEADER_BYTES + record.length + 1, &unused));
	if (!error)
		error = append_header(copy, &record);
	if (!error)
		error = output_result(copy,
				      output_append(&copy->output, record.data, record.length));
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
			error = shmring_read_copy(copy->consumer,
						  output->bytes + output->used + before,
						  room - before, &record);
		if (error != -EMSGSIZE)
			break;
		error = make_room(copy, before + record.length);
		if (error)
			return error;
	}
	if (!error)
		error = append_header(copy,
				      &record); /* there is room: nothing is moved or written */
	if (error)
		return error;
	output->used += record.length;
	return append_trailer(copy, &record);
}

/* ---- the stream ---- */

/* Has any of what was gathered been overwritten, maybe before it was copied? */
static bool overtaken(const struct copy *copy)
{
	struct shmring_info info = SHMRING_INFO_INIT;

	if (!copy->inspector || copy->gathered == 0)
		return false;
	/* It looks at the ring after what was read in place before, and copied. */
	shmring_inspect(copy->inspector, &info);
	return info.oldest_position > copy->gathered_position;
}

static void drop_gathered(struct copy *copy)
{
	copy->output.used = 0;
	copy->gathered = 0;
	copy->tally = copy->written;
}

/*
 * Writes out what has been gathered, and only then gives it back. -EOVERFLOW: a LOSSY one was
 * overtaken, and reads on further ahead.
 */
static int settle(struct copy *copy)
{
	int error;

	if (overtaken(copy))
		drop_gathered(copy);
	error = output_result(copy, output_flush(&copy->output));
	if (error)
		return error;
	copy->gathered = 0;
	copy->written = copy->tally;
	if (!copy->inspector)
		return 0;
	error = shmring_release(copy->consumer);
	if (error == -EOVERFLOW && copy->reading->shared)
		tally_void(&copy->written, &copy->released);
	else if (error)
		return error;
	copy->tally = copy->released = copy->written;
	return error;
}

/* What is only gathered may yet be dropped. */
static uint64_t lost_so_far(const struct copy *copy)
{
	return copy->inspector ? copy->written.lost : copy->tally.lost;
}

static void report_losses(struct copy *copy)
{
	const uint64_t lost = lost_so_far(copy);

	if (lost == copy->lost_reported)
		return;
	report(copy->reading->attach.name,
	       "%" PRIu64 " records lost so far; read faster, or use a larger ring", lost);
	copy->lost_reported = lost;
	copy->loss_reported_at = monotonic_ns();
}

/* Joins again, after an eviction, where the output has come to. */
static int rejoin(struct copy *copy)
{
	struct tally *tally = &copy->tally;
	uint64_t lost, resumed;
	int error;

	if (signals_came())
		return -ECANCELED;
	/* What is copied verified has been released. */
	if (copy->inspector)
		drop_gathered(copy);
	else
		copy->released = *tally;
	error = shmring_rejoin(copy->consumer, &lost);
	if (error)
		return error;
	resumed = copy->released.next + lost;
	if (copy->reading->shared) {
		lost = tally_back(tally, &copy->released, lost);
		copy->released = *tally;
	} else if (copy->started) {
		/* What was written, but not released, is not lost. */
		lost = resumed > tally->next ? resumed - tally->next : 0;
		tally->next += lost;
		tally->lost += lost;
	}
	if (copy->inspector)
		copy->written = *tally;
	report(copy->reading->attach.name,
	       "evicted, and %" PRIu64 " records lost; it goes on, but read faster, or use "
	       "a larger ring",
	       lost);
	return 0;
}

static int copy_record(struct copy *copy)
{
	int error = copy->inspector ? copy_in_place(copy) : copy_verified(copy);

	if (!error && copy->gathered >= copy->portion)
		error = settle(copy);
	if (lost_so_far(copy) != copy->lost_reported &&
	    monotonic_ns() - copy->loss_reported_at >= LOSS_REPORT_NS)
		report_losses(copy);
	return error;
}

static int wait_for_record(struct copy *copy)
{
	for (;;) {
		bool unreported = lost_so_far(copy) != copy->lost_reported;
		int error = shmring_wait(copy->consumer, unreported ? (int64_t)LOSS_REPORT_NS : -1);

		if (error == -ETIMEDOUT)
			report_losses(copy);
		else if (!copy->reading->follow || (error != -EPIPE && error != -EOWNERDEAD))
			return error;
		copy->died |= error == -EOWNERDEAD;
	}
}

/* Copies a record, or waits for one. */
static int copy_next(struct copy *copy)
{
	int error = copy_record(copy);
	int settled;

	if (error == 0 || error == -EIO || error == -ECANCELED || error == -ECONNRESET ||
	    error == -EOVERFLOW)
		return error;
	settled = settle(copy);
	if (settled)
		return settled;
	/* A group's member gives back what it has taken before it takes more. */
	if (error == -EALREADY)
		return 0;
	if (error == -EAGAIN ||
	    (copy->reading->follow && (error == -EPIPE || error == -EOWNERDEAD)))
		error = wait_for_record(copy);
	return error;
}

static int copy_stream(struct copy *copy)
{
	const uint64_t count = copy->reading->count;

	for (;;) {
		const bool last = count != 0 && copy->tally.count >= count;
		int error = last ? settle(copy) : copy_next(copy);

		if (error == -ECONNRESET)
			error = rejoin(copy);
		else if (last && error != -EOVERFLOW)
			return error;
		if (error && error != -EOVERFLOW && error != -ECONNRESET)
			return error;
	}
}

static void report_redelivered(const char *name, uint64_t count)
{
	if (count)
		report(name, "%" PRIu64 " records redelivered; others ended with them in hand, and "
		       "may have written them too", count);
}

static int status_of(struct copy *copy, int error)
{
	const char *name = copy->reading->attach.name;

	if (error == -EIO && copy->output_error)
		return report(
			name,
			"cannot write to standard output: %s; the records not written were not taken",
			strerror(-copy->output_error));
	if (error == -ECANCELED)
		return signals_status();
	if (error && error != -EPIPE)
		return report_error(name, error, copy->reading->attempt);
	if (copy->died || (copy->tally.lost && !copy->reading->lossy))
		return STATUS_INCOMPLETE;
	return STATUS_DONE;
}

/*
 * If the ring has just been removed, nothing depends any more on when records are released; but in
 * a group others would have what this one takes and cannot write.
 */
static int open_inspector(struct copy *copy)
{
	int error = shmring_inspector_open(&copy->inspector, copy->reading->attach.name);

	if (!error)
		return 0;
	copy->inspector = NULL;
	if (!copy->reading->shared)
		return 0;
	return error == -ENOENT ? -ESTALE : error;
}

int reading_copy(const struct reading *reading, struct shmring_consumer *consumer)
{
	struct copy copy = { .reading = reading, .consumer = consumer };
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;
	int error = shmring_consumer_info(consumer, &info);

	if (!error && (!reading->lossy || reading->durable || reading->shared))
		error = open_inspector(&copy);
	if (!error)
		error = output_open(&copy.output);
	if (error)
		return report_error(reading->attach.name, error, reading->attempt);
	copy.portion = info.capacity / PORTIONS < PORTION_BYTES_MAX ? info.capacity / PORTIONS
								    : PORTION_BYTES_MAX;
	error = copy_stream(&copy);
	report_losses(&copy);
	report_redelivered(reading->attach.name, copy.written.redelivered);
	output_close(&copy.output);
	shmring_inspector_close(copy.inspector);
	return status_of(&copy, error);
}
