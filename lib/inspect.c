/* SPDX-License-Identifier: MIT */
/* inspect.c - looking at a ring without taking part. Everything shown may be a moment old. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "atomics.h"
#include "inspect.h"
#include "liveness.h"
#include "options.h"
#include "wait.h"
#include "walk.h"

static uint32_t mode_of(int fd)
{
	struct stat status;

	return fd >= 0 && fstat(fd, &status) == 0 ? (uint32_t)status.st_mode & 07777 : 0;
}

int shmring_inspector_open(struct shmring_inspector **out, const char *name)
{
	struct shmring_inspector *inspector;
	int error;
	KEEP_ERRNO;

	if (!out)
		return -EINVAL;
	inspector = aligned_alloc(LAYOUT_LINE, (sizeof(*inspector) + LAYOUT_LINE - 1) /
						       LAYOUT_LINE * LAYOUT_LINE);
	if (!inspector)
		return -ENOMEM;
	memset(inspector, 0, sizeof(*inspector));
	error = handle_open(&inspector->handle, name, SEGMENT_INSPECTOR, (struct tag){ NULL, 0 }, 0,
			    false);
	if (error) {
		free(inspector);
		return error;
	}
	*out = inspector;
	return 0;
}

int shmring_inspector_close(struct shmring_inspector *inspector)
{
	KEEP_ERRNO;

	if (!inspector)
		return 0;
	handle_close(&inspector->handle);
	free(inspector);
	return 0;
}

struct place inspect_place(const struct segment *segment,
			   uint64_t (*look)(const struct segment *segment))
{
	struct place place = { look(segment), 0 };

	for (int looks = 0; walk_sequence(segment, &place) == -EAGAIN && looks < INSPECT_LOOKS_MAX;
	     looks++)
		place.position = look(segment);
	return place;
}

static unsigned int count_subscriptions(const struct layout_control *control)
{
	unsigned int count = 0;

	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++)
		count += slot_state(atomic_load_explicit(&control->state[slot],
							 memory_order_acquire)) != SLOT_FREE;
	return count;
}

static unsigned int count_members(const struct layout_control *control)
{
	unsigned int count = 0;

	for (unsigned int member = 0; member < SHMRING_MEMBERS; member++)
		count += member_taken(
			atomic_load_explicit(&control->member[member].word, memory_order_acquire));
	return count;
}

enum shmring_liveness inspect_life(int lock_fd, unsigned int byte)
{
	int held = lock_fd >= 0 ? lock_held(lock_fd, byte) : -EACCES;

	return held < 0 ? SHMRING_UNKNOWN : held ? SHMRING_ALIVE : SHMRING_DEAD;
}

uint64_t inspect_wanted(const struct segment *segment)
{
	return atomic_load_explicit(&segment->data->full, memory_order_relaxed);
}

int shmring_inspect(struct shmring_inspector *inspector, struct shmring_info *info)
{
	const struct segment *segment = &inspector->handle.segment;
	const struct layout_header *header = &segment->header;
	const struct layout_data *data = segment->data;
	struct place oldest, head;
	struct shmring_info report;
	uint64_t stream;
	enum shmring_liveness producer_alive;
	int error = report_check(info, sizeof(report));
	KEEP_ERRNO;

	if (error)
		return error;
	if (inspector->handle.is_forked)
		return -EOWNERDEAD;
	/*
	 * [FLOOR] reading, by the caller, acquire fence, then floor; pairs with
	 * floor.c:floor_raise()
	 */
	fence_acquire();
	oldest = inspect_place(segment, walk_floor);
	head = inspect_place(segment, walk_head);
	stream = atomic_load_explicit(&data->stream, memory_order_acquire);
	producer_alive = inspect_life(segment->lock_fd, LOCK_PRODUCER);
	report = (struct shmring_info){
		.capacity = segment->capacity,
		.maximum = segment->maximum,
		.data_size = header->data_size,
		.control_size = header->control_size,
		.data_mode = mode_of(segment->data_fd),
		.control_mode = mode_of(segment->lock_fd),
		.created_ns = header->created_ns,
		.oldest_position = oldest.position,
		.oldest_sequence = oldest.sequence,
		.head_position = head.position,
		.head_sequence = head.sequence,
		.epoch = stream_epoch(stream),
		.wake_mode = (enum shmring_wake_mode)header->wake_mode,
		.stream = (enum shmring_stream_state)stream_state(stream),
		.producer_alive = producer_alive,
		.producer_waits = producer_alive == SHMRING_ALIVE && inspect_wanted(segment) != 0,
		.producer_pid =
			(int32_t)atomic_load_explicit(&data->producer_pid, memory_order_relaxed),
		.producer_since_ns =
			atomic_load_explicit(&data->producer_since_ns, memory_order_relaxed),
		.control_visible = segment->control != NULL,
		.layout_version = header->version,
	};
	if (segment->control) {
		report.subscriptions = count_subscriptions(segment->control);
		report.members = count_members(segment->control);
	}
	memcpy(report.uuid, header->uuid, sizeof(report.uuid));
	memcpy(report.tag, header->tag, sizeof(report.tag));
	report_copy(info, &report, sizeof(report));
	return segment_removed(segment) ? -ESTALE : 0;
}
