/* SPDX-License-Identifier: MIT */
#define XXH_INLINE_ALL
#include "world.h"

#include "../../lib/consumer.h"
#include "../../lib/producer.h"
#include "../support/names.h"
#include "../support/objects.h"
#include "../support/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

static void need(int error, const char *what)
{
	if (error) {
		fprintf(stderr, "world: %s: %s\n", what, shmring_strerror(error));
		exit(99);
	}
}

/* ---- Contents ---- */

struct image image_new(const struct ring *ring)
{
	struct image image = {
		.data_size = ring->data_size - LAYOUT_PAGE,
		.control_size = ring->control_size - LAYOUT_PAGE,
	};

	image.bytes = malloc(image.data_size + image.control_size);
	need(image.bytes ? 0 : -ENOMEM, "an image");
	return image;
}

void image_free(struct image *image)
{
	free(image->bytes);
	image->bytes = NULL;
}

void image_take(struct image *image, const struct ring *ring)
{
	memcpy(image->bytes, ring->data + LAYOUT_PAGE, image->data_size);
	memcpy(image->bytes + image->data_size, ring->control + LAYOUT_PAGE, image->control_size);
}

void image_put(const struct image *image, const struct ring *ring)
{
	memcpy(ring->data + LAYOUT_PAGE, image->bytes, image->data_size);
	memcpy(ring->control + LAYOUT_PAGE, image->bytes + image->data_size, image->control_size);
}

uint64_t ring_hash(const struct ring *ring)
{
	return XXH3_64bits(ring->data + LAYOUT_PAGE, ring->data_size - LAYOUT_PAGE) +
	       XXH3_64bits_withSeed(ring->control + LAYOUT_PAGE, ring->control_size - LAYOUT_PAGE,
				    1);
}

/* None, "later", and some time are three different things. */
static void alike(shared_u64 *time)
{
	uint64_t value = atomic_load_explicit(time, memory_order_relaxed);

	if (value != 0 && value != UINT64_MAX)
		atomic_store_explicit(time, 1, memory_order_relaxed);
}

uint64_t image_hash(struct image *scratch, const struct image *image)
{
	/* As if the header pages were before them. */
	struct layout_data *data = (void *)(scratch->bytes - LAYOUT_PAGE);
	struct layout_control *control =
		(void *)(scratch->bytes + scratch->data_size - LAYOUT_PAGE);

	memcpy(scratch->bytes, image->bytes, image->data_size + image->control_size);
	alike(&data->producer_since_ns);
	atomic_store_explicit(&data->producer_pid, 0, memory_order_relaxed);
	for (unsigned int i = 0; i < INDEX_ENTRIES; i++)
		alike(&data->index[i].time_ns);
	for (unsigned int i = 0; i < SHMRING_SUBSCRIPTIONS; i++)
		alike(&control->subscription[i].since_ns);
	for (unsigned int i = 0; i < SHMRING_MEMBERS; i++) {
		alike(&control->member[i].since_ns);
		alike(&control->member[i].claimed_ns);
		atomic_store_explicit(&control->member[i].pid, 0, memory_order_relaxed);
	}
	return XXH3_64bits(scratch->bytes, scratch->data_size + scratch->control_size);
}

uint64_t ring_locks(const struct ring *ring)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	uint64_t locks = 0;

	/* The first that is held, then those behind it. */
	while (fcntl(ring->lock_fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) {
		locks = locks * 1021 + (uint64_t)lock.l_start + 1;
		lock = (struct flock){ .l_type = F_WRLCK,
				       .l_whence = SEEK_SET,
				       .l_start = lock.l_start + (lock.l_len ? lock.l_len : 1) };
	}
	return locks;
}

/* ---- Records ---- */

uint64_t record_seed(const struct plan *plan, uint64_t sequence)
{
	if (sequence >= plan->later[1].from)
		return plan->later[1].seed;
	return sequence >= plan->later[0].from ? plan->later[0].seed : plan->seed;
}

size_t record_size(const struct plan *plan, uint64_t sequence)
{
	return payload_length(record_seed(plan, sequence), sequence, plan->smallest, plan->largest);
}

int record_write(const struct plan *plan, struct shmring_producer *producer, uint64_t sequence)
{
	const uint64_t seed = record_seed(plan, sequence);
	size_t length = record_size(plan, sequence);
	void *data;
	int error = shmring_reserve(producer, length, &data);

	if (error)
		return error;
	payload_fill(data, length, seed, sequence);
	return shmring_commit(producer, length, payload_type(seed, sequence), 0);
}

bool record_sound(const struct plan *plan, const struct shmring_record *record)
{
	const uint64_t seed = record_seed(plan, record->sequence);

	return record->length == record_size(plan, record->sequence) &&
	       record->type == payload_type(seed, record->sequence) &&
	       payload_check(record->data, record->length, seed, record->sequence) < 0;
}

/* ---- Making ---- */

struct shmring_consumer_options reader_options(enum who who)
{
	static const char *const names[READERS] = { "steady", "loose", "late", "kept",
						    "dead",   NULL,    NULL };
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;

	options.subscription = names[who];
	options.policy = who == LOOSE  ? SHMRING_LOSSY
			 : who == LATE ? SHMRING_DEADLINE
				       : SHMRING_RELIABLE;
	options.deadline_ns = who == LATE ? 1 : 0;
	options.durable = who == KEPT;
	return options;
}

/* Reads and releases everything. */
static void read_all(const struct plan *plan, struct reader *reader)
{
	struct shmring_record record;

	if (!reader->consumer)
		return;
	for (;;) {
		int error = shmring_read(reader->consumer, &record);

		/* All of a claim. */
		if (error == -EALREADY) {
			need(shmring_release(reader->consumer), "release");
			continue;
		}
		if (error)
			break;
		need(record_sound(plan, &record) ? 0 : -EBADMSG,
		     "a record, before anybody was killed");
		reader->next = record.sequence + 1;
	}
	need(shmring_release(reader->consumer), "release");
}

static void readers_read(const struct plan *plan, struct ring *ring, unsigned int who)
{
	for (unsigned int i = 0; i < READERS; i++)
		if (who & WHO(i) && i != GHOST && !(i == PEER && plan->asleep))
			read_all(plan, &ring->reader[i]);
}

/* Writes up to a position, or until the ring is full of what `lags` has not released. */
static uint64_t write_up_to(struct world *world, struct ring *ring, uint64_t sequence,
			    uint64_t position, bool lagging)
{
	const struct plan *plan = &world->plan;
	struct shmring_producer_info info = SHMRING_PRODUCER_INFO_INIT;

	for (;;) {
		int error = shmring_producer_info(ring->producer, &info);

		if (!error && info.position >= position)
			return sequence;
		if (!error)
			error = record_write(plan, ring->producer, sequence);
		if (!error)
			sequence++;
		else if (error == -EAGAIN && lagging)
			return sequence;
		else if (error == -EAGAIN)
			readers_read(plan, ring, ~0u);
		else
			need(error, "write");
	}
}

/* The process dies: the descriptor with its locks is closed, and nothing else is done. */
static void dies(struct handle *handle)
{
	close(handle->segment.lock_fd);
	handle->segment.lock_fd = -1;
}

/* A member dies with a claim that it has begun to read. Returns the number behind the claim. */
static uint64_t haunt(struct ring *ring)
{
	struct shmring_consumer *ghost = ring->reader[GHOST].consumer;
	struct shmring_record record;

	need(shmring_read(ghost, &record), "read");
	ring->reader[GHOST].next = record.sequence;
	dies(&ghost->handle);
	return ghost->claim.end_sequence;
}

static void ring_make(struct world *world, struct ring *ring)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	const struct plan *plan = &world->plan;
	char path[SHM_PATH_SIZE];

	memset(ring, 0, sizeof(*ring));
	ring->name = unique_name();
	options.capacity = SHMRING_CAPACITY_MIN;
	options.first_position = plan->first_position;
	options.first_sequence = plan->first_sequence;
	options.wake_mode = plan->none ? SHMRING_WAKE_NONE : SHMRING_WAKE_FENCE;
	need(shmring_create(ring->name, &options), "create");
	ring->data = object_map(ring->name, OBJECT_DATA, &ring->data_size);
	ring->control = object_map(ring->name, OBJECT_CONTROL, &ring->control_size);
	need(shm_control_path(path, ring->name), "the control object's path");
	ring->lock_fd = open(path, O_RDWR | O_CLOEXEC);
	need(ring->lock_fd < 0 ? -errno : 0, "the control object");

	for (unsigned int i = 0; i < READERS; i++) {
		struct shmring_consumer_options joining =
			i == PEER || i == GHOST ? plan->group : reader_options(i);

		ring->reader[i].next = plan->first_sequence;
		if (plan->present & WHO(i))
			need(shmring_consumer_open(&ring->reader[i].consumer, ring->name, &joining),
			     "join");
	}
}

/* What happened before the victim came. */
static void ring_fill(struct world *world, struct ring *ring)
{
	const struct plan *plan = &world->plan;
	const uint64_t end = plan->first_position + plan->written;

	world->next = plan->first_sequence;
	world->epoch = 0;
	if (!plan->fresh) {
		need(shmring_producer_open(&ring->producer, ring->name, NULL), "open a producer");
		world->epoch = 1;
		world->next = write_up_to(world, ring, world->next, end - plan->lag, false);
		readers_read(plan, ring, ~0u);
		/* As far as it goes, if the lag is a whole ring. */
		world->next =
			write_up_to(world, ring, world->next,
				    plan->lag < SHMRING_CAPACITY_MIN ? end : UINT64_MAX, true);
		readers_read(plan, ring, ~plan->lags);
	}
	if (ring->reader[KEPT].consumer) {
		need(shmring_consumer_close(ring->reader[KEPT].consumer), "leave");
		ring->reader[KEPT].consumer = NULL;
	}
	if (ring->reader[DEAD].consumer)
		dies(&ring->reader[DEAD].consumer->handle);
	world->unclaimed = ring->reader[PEER].next;
	if (ring->reader[GHOST].consumer)
		world->unclaimed = haunt(ring);
	if (plan->alive || !ring->producer)
		return;
	if (plan->died) {
		dies(&ring->producer->handle);
	} else {
		need(shmring_producer_close(ring->producer), "close");
		ring->producer = NULL;
	}
}

static void *save(const void *handle, size_t size)
{
	void *saved = malloc(size);

	need(saved ? 0 : -ENOMEM, "save");
	memcpy(saved, handle, size);
	return saved;
}

/* The place in the registry stays what it is: that is the process's, not the ring's. */
static void put_back(void *whole, struct handle *handle, const void *saved, size_t size)
{
	struct handle *next = atomic_load(&handle->next);

	memcpy(whole, saved, size);
	atomic_store(&handle->next, next);
}

/* Whoever is looked at next time has not been looked at lately: the re-checks are due. */
static void ring_save(struct ring *ring)
{
	for (unsigned int i = 0; i < READERS; i++) {
		struct reader *reader = &ring->reader[i];

		if (!reader->consumer)
			continue;
		reader->consumer->checked_ns = 0;
		reader->consumer->claim.looked_ns = 0;
		reader->saved = save(reader->consumer, sizeof(*reader->consumer));
	}
	if (ring->producer)
		ring->saved_producer = save(ring->producer, sizeof(*ring->producer));
}

void world_make(struct world *world, const struct plan *plan)
{
	struct shmring_info info = SHMRING_INFO_INIT;
	struct image one, other, scratch;

	memset(world, 0, sizeof(*world));
	world->plan = *plan;
	world->board =
		mmap(NULL, LAYOUT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(world->board == MAP_FAILED ? -errno : 0, "mmap");
	ring_make(world, &world->victim);
	ring_make(world, &world->copy);
	ring_fill(world, &world->victim);
	ring_fill(world, &world->copy);
	world->board->committed = world->board->begun = world->board->behind = world->next;
	if (plan->group.shared) {
		const enum who first = plan->present & WHO(GHOST) ? GHOST : PEER;

		world->board->released = world->copy.reader[first].next;
		world->board->releasing = world->board->released;
		world->board->given = world->unclaimed;
	}
	ring_save(&world->copy);
	need(shmring_inspector_open(&world->inspector, world->copy.name), "an inspector");
	need(shmring_inspect(world->inspector, &info), "inspect");
	world->oldest = info.oldest_sequence;

	one = image_new(&world->victim);
	other = image_new(&world->copy);
	scratch = image_new(&world->copy);
	image_take(&one, &world->victim);
	image_take(&other, &world->copy);
	if (image_hash(&scratch, &one) != image_hash(&scratch, &other) ||
	    ring_locks(&world->victim) != ring_locks(&world->copy))
		need(-EUCLEAN, "two rings with the same history differ");
	image_free(&one);
	image_free(&other);
	image_free(&scratch);
}

void world_set(struct world *world, const struct image *image)
{
	struct ring *ring = &world->copy;

	image_put(image, ring);
	world->killed_epoch = stream_epoch(atomic_load_explicit(
		&((struct layout_data *)(void *)ring->data)->stream, memory_order_relaxed));
	for (unsigned int i = 0; i < READERS; i++)
		if (ring->reader[i].saved)
			put_back(ring->reader[i].consumer, &ring->reader[i].consumer->handle,
				 ring->reader[i].saved, sizeof(*ring->reader[i].consumer));
	if (ring->saved_producer)
		put_back(ring->producer, &ring->producer->handle, ring->saved_producer,
			 sizeof(*ring->producer));
}

/* ---- The end ---- */

static void ring_drop(struct ring *ring)
{
	for (unsigned int i = 0; i < READERS; i++) {
		shmring_consumer_close(ring->reader[i].consumer);
		free(ring->reader[i].saved);
	}
	shmring_producer_close(ring->producer);
	free(ring->saved_producer);
	object_unmap(ring->data, ring->data_size);
	object_unmap(ring->control, ring->control_size);
	close(ring->lock_fd);
	shmring_unlink(ring->name);
}

void world_drop(struct world *world)
{
	shmring_inspector_close(world->inspector);
	ring_drop(&world->victim);
	ring_drop(&world->copy);
	munmap(world->board, LAYOUT_PAGE);
}
