/* SPDX-License-Identifier: MIT */
/*
 * publish.c - from an input into a ring.
 *
 * What one read brought is published in batches, and all of it before the next read: so a file goes through fast,
 * and a line typed at a terminal appears at once.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "progress.h"
#include "publish.h"
#include "report.h"
#include "shmtool.h"
#include "signals.h"
#include "units.h"

/* A batch appears at its end only; readers shall have something to do meanwhile. */
#define BATCHES 8

#define LOOK_NS 100000000ULL /* between two looks whether the ring is still there */

struct publishing {
	const char *name;
	struct shmring_producer *producer;
	struct input *input;
	struct cutter *cutter;
	struct progress progress;
	uint64_t batch_limit, batched; /* bytes */
	struct shmring_inspector *inspector; /* null: not permitted */
	uint64_t seen_at;
};

static int end_batch(struct publishing *publishing)
{
	publishing->batched = 0;
	return shmring_flush(publishing->producer);
}

/* The bar is drawn on while consumers hold the producer back. */
static int wait_for_room(struct publishing *publishing, size_t bytes)
{
	int error;

	do {
		int64_t timeout_ns = publishing->progress.shown ? (int64_t)PROGRESS_NS : -1;

		error = shmring_producer_wait(publishing->producer, bytes, timeout_ns);
		progress_update(&publishing->progress, publishing->input->taken);
	} while (error == -ETIMEDOUT);
	return error;
}

static int publish_piece(struct publishing *publishing, const struct piece *piece)
{
	void *data;
	int error;

	for (;;) {
		error = shmring_reserve(publishing->producer, piece->length, &data);
		if (error == 0)
			break;
		/* Consumers make room only for what they can see. */
		if (publishing->batched == 0 && error != -EAGAIN)
			return error;
		error = end_batch(publishing);
		if (!error)
			error = wait_for_room(publishing, piece->length);
		if (error)
			return error;
	}
	memcpy(data, piece->data, piece->length);
	error = shmring_commit(publishing->producer, piece->length, piece->type, SHMRING_MORE);
	/* Even an empty record takes room, so it counts here too. */
	publishing->batched += piece->length + FRAME_HEADER_BYTES;
	if (!error && publishing->batched >= publishing->batch_limit)
		error = end_batch(publishing);
	return error;
}

/* ---- the input's end, good or bad ---- */

static int refuse(struct publishing *publishing, enum cut cut, const struct piece *piece)
{
	const struct input *input = publishing->input;
	const struct cutter *cutter = publishing->cutter;
	const char *name = publishing->name;

	progress_end(&publishing->progress, input->taken);
	switch (cut) {
	case CUT_NOT_ZERO:
		return report(name, "%s: the header of frame %" PRIu64 " does not end in zeros; is this framed input?",
			      input->file, cutter->number);
	case CUT_SHORT:
		if (input->end - input->start < FRAME_HEADER_BYTES)
			return report(name, "%s ends with %zu of the %d bytes of the header of frame %" PRIu64
				      "; it is not published, see where the input was cut off",
				      input->file, input->end - input->start, FRAME_HEADER_BYTES,
				      cutter->number);
		return report(name, "%s ends with %zu of the %zu bytes of frame %" PRIu64
			      "; it is not published, see where the input was cut off",
			      input->file, input->end - input->start - FRAME_HEADER_BYTES, piece->length,
			      cutter->number);
	default:
		if (cutter->form == FORM_LINES)
			return report(name, "%s: line %" PRIu64 " is longer than %" PRIu64
				      " bytes, the most this ring takes; "
				      "make a ring with a larger --capacity, or use --raw",
				      input->file, cutter->number, cutter->maximum);
		return report(name, "%s: frame %" PRIu64 " has %zu bytes, and this ring takes %" PRIu64 " at most; "
			      "make a ring with a larger --capacity",
			      input->file, cutter->number, piece->length, cutter->maximum);
	}
}

static int library_failed(struct publishing *publishing, int error)
{
	progress_end(&publishing->progress, publishing->input->taken);
	if (error == -ECANCELED && signals_came())
		return signals_status();
	return report_error(publishing->name, error, TO_PRODUCE);
}

/* A ring can be removed while there is room in it; only somebody who looks is told. */
static int see_that_it_is_there(struct publishing *publishing)
{
	const uint64_t now = monotonic_ns();
	struct shmring_info info = SHMRING_INFO_INIT;

	if (!publishing->inspector || (!publishing->input->ended && now - publishing->seen_at < LOOK_NS))
		return 0;
	publishing->seen_at = now;
	return shmring_inspect(publishing->inspector, &info);
}

/* ---- the whole input ---- */

/* Publishes what has been read. Returns 0 when more is needed, else -1 and the status in *status. */
static int publish_what_is_there(struct publishing *publishing, int *status)
{
	for (;;) {
		struct piece piece = { .length = 0 };
		enum cut cut = input_cut(publishing->input, publishing->cutter, &piece);
		int error;

		error = cut == CUT_PIECE ? publish_piece(publishing, &piece) : end_batch(publishing);
		progress_update(&publishing->progress, publishing->input->taken);
		if (!error && cut == CUT_PIECE)
			continue;
		if (!error && (cut == CUT_MORE || cut == CUT_END))
			error = see_that_it_is_there(publishing);
		if (error)
			*status = library_failed(publishing, error);
		else if (cut == CUT_MORE)
			return 0;
		else
			*status = cut == CUT_END ? STATUS_DONE : refuse(publishing, cut, &piece);
		return -1;
	}
}

static int publish_all(struct publishing *publishing)
{
	int status;

	while (publish_what_is_there(publishing, &status) == 0) {
		int error = input_read(publishing->input, input_least(publishing->cutter));

		if (error == -ECANCELED)
			return signals_status();
		if (error) {
			progress_end(&publishing->progress, publishing->input->taken);
			return report(publishing->name, "cannot read %s: %s; what was read before it is published",
				      publishing->input->file, strerror(-error));
		}
	}
	return status;
}

int publish(const char *name, struct shmring_producer *producer, unsigned int consumers, struct input *input,
	    struct cutter *cutter)
{
	struct publishing publishing = {
		.name = name,
		.producer = producer,
		.input = input,
		.cutter = cutter,
	};
	struct shmring_producer_info info = SHMRING_PRODUCER_INFO_INIT;
	int error = shmring_producer_info(producer, &info);
	int status;

	cutter->maximum = info.maximum;
	publishing.batch_limit = info.capacity / BATCHES;
	if (!error && cutter->form == FORM_RAW && cutter->raw_bytes > info.maximum)
		return report(name, "pieces of %zu bytes are too long, this ring takes %" PRIu64 " at most; "
			      "make a ring with a larger --capacity, or smaller pieces",
			      cutter->raw_bytes, info.maximum);
	if (!error && consumers > 0)
		error = shmring_producer_wait_consumers(producer, consumers, -1);
	if (error)
		return library_failed(&publishing, error);
	if (shmring_inspector_open(&publishing.inspector, name) != 0)
		publishing.inspector = NULL;
	progress_start(&publishing.progress, input->size);
	status = publish_all(&publishing);
	progress_end(&publishing.progress, input->taken);
	if (publishing.inspector)
		shmring_inspector_close(publishing.inspector);
	return status;
}
