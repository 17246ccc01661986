/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <shmring/shmring.h>

#include "attach.h"
#include "signals.h"
#include "units.h"

/* The library's wait goes on after a signal, and there is no handle to cancel yet: so it is asked in pieces. */
#define WAIT_PIECE_NS 100000000

error_t attach_argument(struct attach *attach, int key, char *argument, struct argp_state *state)
{
	switch (key) {
	case KEY_WAIT:
		attach->timeout_ns = -1;
		if (argument && !parse_seconds(argument, &attach->timeout_ns))
			return arguments_error(state, "--wait takes seconds, like 2 or 0.5, not '%s'", argument);
		return 0;
	case KEY_TAG:
		attach->tag = argument;
		attach->tag_length = strlen(argument);
		if (attach->tag_length > SHMRING_TAG_SIZE)
			return arguments_error(state, "a tag has at most %d bytes", SHMRING_TAG_SIZE);
		return 0;
	default:
		return arguments_common(key, argument, state);
	}
}

int attach_wait(const struct attach *attach, attach_open *open, void *context, enum attempt attempt, int *status)
{
	const uint64_t start = monotonic_ns();

	for (;;) {
		int64_t piece = WAIT_PIECE_NS;
		int error;

		if (attach->timeout_ns >= 0) {
			int64_t left = attach->timeout_ns - (int64_t)(monotonic_ns() - start);

			if (left < piece)
				piece = left > 0 ? left : 0;
		}
		error = open(context, piece);
		if (error == 0)
			return 0;
		if (signals_came()) {
			*status = signals_status();
			return -1;
		}
		if ((error == -ENOENT || error == -ETIMEDOUT) && piece == WAIT_PIECE_NS)
			continue;
		/* Not for the ring, which need not be waited for. */
		if (error == -ETIMEDOUT && attach->timeout_ns == 0) {
			*status = report_locked(attach->name);
			return -1;
		}
		if (error == -ENOENT && attach->timeout_ns != 0)
			error = -ETIMEDOUT;
		*status = report_error(attach->name, error, attempt);
		return -1;
	}
}
