/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomics.h"
#include "mapping.h"

/*
 * Everything in one reservation, whose order is control, header and index, records, records again:
 * what every handle looks at is next to each other, and so has the fewest page tables, and one call
 * does for all of it. Each begins with a page, however large those are here.
 */
static size_t control_room(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (sizeof(struct layout_control) + page - 1) / page * page;
}

static bool map_at(char *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	return mmap(address, length, protection, MAP_SHARED | MAP_FIXED | flags, fd, offset) !=
	       MAP_FAILED;
}

/* control_fd -1: its room stays empty. */
static int map_all(struct segment *segment, enum segment_role role, int control_fd, bool prefault)
{
	const size_t offset = (size_t)segment->header.records_offset, room = control_room();
	const size_t capacity = (size_t)segment->capacity;
	const bool writes_control = role == SEGMENT_PRODUCER || role == SEGMENT_CONSUMER;
	const int writable = PROT_READ | PROT_WRITE;
	const int rights = role == SEGMENT_PRODUCER ? writable : PROT_READ;
	const int populate = prefault ? MAP_POPULATE : 0;
	char *base;

	if (segment->capacity > (SIZE_MAX - room - offset) / 2)
		return -ENOMEM; /* a large ring in a 32-bit process */
	segment->mapped = room + offset + 2 * capacity;
	base = mmap(NULL, segment->mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	segment->base = base;
	segment->data = (struct layout_data *)(void *)(base + room);
	segment->records = base + room + offset;
	if (!map_at(base + room, offset + capacity, rights, populate, segment->data_fd, 0) ||
	    !map_at(segment->records + capacity, capacity, rights, populate, segment->data_fd,
		    (off_t)offset))
		return -errno;
	/* An observer's control descriptor is there to ask about locks; it maps nothing. */
	if (control_fd >= 0 && role != SEGMENT_OBSERVER) {
		if (!map_at(base, sizeof(struct layout_control),
			    writes_control ? writable : PROT_READ, populate, control_fd, 0))
			return -errno;
		segment->control = (struct layout_control *)(void *)base;
	}
	madvise(base, segment->mapped, MADV_DONTFORK);
	madvise(base, segment->mapped, MADV_DONTDUMP);
	return 0;
}

static void unmap_all(struct segment *segment)
{
	if (segment->base)
		munmap(segment->base, segment->mapped);
	segment->base = NULL;
	segment->control = NULL;
	segment->data = NULL;
}

#ifndef SHMRING_TSAN_BUILD

int mapping_make(struct segment *segment, enum segment_role role, int control_fd, bool prefault)
{
	int error = map_all(segment, role, control_fd, prefault);

	if (error)
		unmap_all(segment);
	return error;
}

void mapping_drop(struct segment *segment)
{
	unmap_all(segment);
}

void mapping_forked(void)
{
}

#else /* SHMRING_TSAN_BUILD */

/*
 * ThreadSanitizer knows memory by its address, and sees nothing when one process maps the same
 * memory twice. In its builds all handles on one ring share one mapping, with all that any of them
 * may do.
 */
struct shared_mapping {
	struct shared_mapping *next;
	dev_t device;
	ino_t inode;
	unsigned int users;
	struct segment segment;
};
static struct shared_mapping *shared_mappings;
static pthread_mutex_t shared_mutex = PTHREAD_MUTEX_INITIALIZER;

static void adopt(struct segment *segment, const struct segment *from, bool with_control)
{
	segment->data = from->data;
	segment->records = from->records;
	segment->base = from->base;
	segment->mapped = from->mapped;
	segment->control = with_control ? from->control : NULL;
}

/* The caller's descriptor may be for reading alone. */
static int reopen_writable(int fd)
{
	char path[sizeof("/proc/self/fd/") + 12];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDWR | O_CLOEXEC);
}

static struct shared_mapping *shared_make(const struct segment *segment, const struct stat *status,
					  int control_fd)
{
	struct shared_mapping *made = calloc(1, sizeof(*made));
	int control = reopen_writable(control_fd);
	int error = -1;

	if (made) {
		made->segment = *segment;
		made->segment.data_fd = reopen_writable(segment->data_fd);
		made->device = status->st_dev;
		made->inode = status->st_ino;
		error = map_all(&made->segment, SEGMENT_PRODUCER, control, false);
		close(made->segment.data_fd);
	}
	close(control);
	if (error) {
		if (made)
			unmap_all(&made->segment);
		free(made);
		return NULL;
	}
	made->next = shared_mappings;
	shared_mappings = made;
	return made;
}

int mapping_make(struct segment *segment, enum segment_role role, int control_fd, bool prefault)
{
	struct shared_mapping *shared;
	struct stat status;
	int error = 0;

	(void)prefault;
	if (fstat(segment->data_fd, &status) != 0)
		return -errno;
	pthread_mutex_lock(&shared_mutex);
	for (shared = shared_mappings; shared; shared = shared->next)
		if (shared->inode == status.st_ino && shared->device == status.st_dev)
			break;
	if (!shared)
		shared = shared_make(segment, &status, control_fd);
	if (shared) {
		shared->users++;
		adopt(segment, &shared->segment, role != SEGMENT_OBSERVER);
	} else {
		error = -ENOMEM;
	}
	pthread_mutex_unlock(&shared_mutex);
	return error;
}

void mapping_drop(struct segment *segment)
{
	struct shared_mapping **link = &shared_mappings;

	if (!segment->data)
		return;
	pthread_mutex_lock(&shared_mutex);
	while (*link && (*link)->segment.data != segment->data)
		link = &(*link)->next;
	if (*link && --(*link)->users == 0) {
		struct shared_mapping *last = *link;

		*link = last->next;
		unmap_all(&last->segment);
		free(last);
	}
	pthread_mutex_unlock(&shared_mutex);
	segment->base = NULL;
	segment->data = NULL;
	segment->control = NULL;
}

void mapping_forked(void)
{
	/* Another thread may have held the mutex; there is none in the child. */
	shared_mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	shared_mappings = NULL;
}

#endif /* SHMRING_TSAN_BUILD */
