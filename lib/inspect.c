/* SPDX-License-Identifier: MIT */
/* inspect.c - looking at a ring without taking part. Everything shown may be a moment old. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "atomics.h"
#include "index.h"
#include "liveness.h"
#include "options.h"
#include "registry.h"
#include "subscription.h"
#include "wait.h"
#include "walk.h"

struct shmring_inspector {
	struct handle handle; /* first, as in every handle */
	uint32_t data_mode;
	uint32_t control_mode;
};

/* A place is looked up anew if it was overwritten meanwhile, this often at most. */
#define LOOKS_MAX 1000

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

/* The place at what `look` returns, with its sequence number. */
static struct place settled_place(const struct segment *segment,
				  uint64_t (*look)(const struct segment *segment))
{
	struct place place = { look(segment), 0 };

	for (int looks = 0; walk_sequence(segment, &place) == -EAGAIN && looks < LOOKS_MAX; looks++)
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

static enum shmring_liveness liveness(int lock_fd, unsigned int byte)
{
	int held = lock_fd >= 0 ? lock_held(lock_fd, byte) : -EACCES;

	return held < 0 ? SHMRING_UNKNOWN : held ? SHMRING_ALIVE : SHMRING_DEAD;
}

/* The position that gating tails have to reach before the producer has room; 0: it has. */
static uint64_t wanted_of(const struct segment *segment)
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
	oldest = settled_place(segment, walk_floor);
	head = settled_place(segment, walk_head);
	stream = atomic_load_explicit(&data->stream, memory_order_acquire);
	producer_alive = liveness(segment->lock_fd, LOCK_PRODUCER);
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
		.producer_waits = producer_alive == SHMRING_ALIVE && wanted_of(segment) != 0,
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

/*
 * Names are written before a state is, and change with it; the caller compares the states around
 * this.
 */
not_seen_by_tsan static void name_copy(char *to, const char *from)
{
	for (unsigned int i = 0; i < SHMRING_SUBSCRIPTION_NAME_MAX; i++)
		to[i] = from[i];
	to[SHMRING_SUBSCRIPTION_NAME_MAX] = '\0';
}

/* Its member's line, or null. A broadcast subscription has one. */
static const struct layout_member *member_line(const struct segment *segment, unsigned int slot,
					       unsigned int *member)
{
	for (*member = 0; *member < SHMRING_MEMBERS; ++*member) {
		const struct layout_member *line = &segment->control->member[*member];
		uint64_t word = atomic_load_explicit(&line->word, memory_order_acquire);

		if (member_taken(word) && member_subscription(word) == slot)
			return line;
	}
	return NULL;
}

/* How long ago the record at a place was published, as far as the index knows. */
static uint64_t age_of(const struct segment *segment, uint64_t position)
{
	uint64_t now = clock_wall_ns();
	uint64_t start = index_last_below(segment, position + 8);
	uint64_t then = start == INDEX_NONE ? 0 : index_time(segment, index_block(segment, start));

	return then != 0 && then < now ? now - then : 0;
}

static void look_at_lag(const struct segment *segment, struct shmring_subscription_info *report,
			uint64_t tail)
{
	struct place head = settled_place(segment, walk_head);
	struct place at = { tail, 0 };

	/* A producer that died had not moved head yet; or this one moves it just now. */
	if (tail != TAIL_NONE && tail > head.position)
		at = head;
	/*
	 * Gone, not quite joined, or overwritten while we look: then what it will read next is the
	 * oldest.
	 */
	else if (tail < walk_floor(segment) || tail == TAIL_NONE ||
		 walk_sequence(segment, &at) != 0)
		at = settled_place(segment, walk_floor);
	report->position = at.position;
	report->sequence = at.sequence;
	if (at.position >= head.position)
		return;
	report->lag_bytes = head.position - at.position;
	report->lag_records = head.sequence - at.sequence;
	report->lag_ns = age_of(segment, at.position);
}

/* Is it what the producer is waiting for? */
static bool blocks(const struct segment *segment, uint64_t state, uint64_t tail)
{
	const bool gates = policy_gates(slot_policy(state)) &&
			   (slot_state(state) == SLOT_ACTIVE ||
			    (slot_state(state) == SLOT_JOINING && tail != TAIL_NONE));
	const uint64_t wanted = wanted_of(segment);

	return gates && wanted != 0 && tail < wanted &&
	       liveness(segment->lock_fd, LOCK_PRODUCER) == SHMRING_ALIVE;
}

static int subscription_look(const struct segment *segment, unsigned int slot,
			     struct shmring_subscription_info *report)
{
	const struct layout_control *control = segment->control;
	const struct layout_member *line;
	unsigned int member;
	uint64_t tail;
	/*
	 * [SLOT] acquire: the name and times that belong to it; pairs with
	 * subscription.c:slot_enter()
	 */
	uint64_t state = atomic_load_explicit(&control->state[slot], memory_order_acquire);

	if (slot_state(state) == SLOT_FREE)
		return -ENOENT;
	memset(report, 0, sizeof(*report));
	name_copy(report->name, control->subscription[slot].name);
	report->policy = (enum shmring_policy)slot_policy(state);
	report->joining = slot_state(state) == SLOT_JOINING;
	report->evicted = slot_state(state) == SLOT_EVICTED;
	report->durable = slot_durable(state);
	report->deadline_ns = (int64_t)atomic_load_explicit(
		&control->subscription[slot].deadline_ns, memory_order_relaxed);
	report->sleeping =
		atomic_load_explicit(&control->sleepers, memory_order_relaxed) >> slot & 1;
	report->since_ns =
		atomic_load_explicit(&control->subscription[slot].since_ns, memory_order_relaxed);
	line = member_line(segment, slot, &member);
	report->alive = line ? liveness(segment->lock_fd, LOCK_MEMBER(member)) : SHMRING_DEAD;
	report->pid = line ? (int32_t)atomic_load_explicit(&line->pid, memory_order_relaxed) : 0;
	tail = atomic_load_explicit(&control->tail[slot].tail, memory_order_acquire);
	look_at_lag(segment, report, tail);
	report->blocking = blocks(segment, state, tail);
	fence_acquire();
	return slot_generation(atomic_load_explicit(&control->state[slot], memory_order_relaxed)) ==
			       slot_generation(state)
		       ? 0
		       : -EAGAIN;
}

int shmring_inspect_subscription(struct shmring_inspector *inspector, unsigned int slot,
				 struct shmring_subscription_info *info)
{
	const struct segment *segment = &inspector->handle.segment;
	struct shmring_subscription_info report;
	int error = report_check(info, sizeof(report));
	KEEP_ERRNO;

	if (error || slot >= SHMRING_SUBSCRIPTIONS)
		return -EINVAL;
	if (inspector->handle.is_forked)
		return -EOWNERDEAD;
	if (!segment->control)
		return -EACCES;
	/* The slot may change hands while we look. */
	error = -EAGAIN;
	for (int looks = 0; error == -EAGAIN && looks < LOOKS_MAX; looks++)
		error = subscription_look(segment, slot, &report);
	if (!error)
		report_copy(info, &report, sizeof(report));
	return error == -EAGAIN ? -ENOENT : error;
}
