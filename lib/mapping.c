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

static int map_control(struct segment *segment, int fd, int protection, int populate)
{
	void *address =
		mmap(NULL, sizeof(struct layout_control), protection, MAP_SHARED | populate, fd, 0);

	if (address == MAP_FAILED)
		return -errno;
	segment->control = address;
	madvise(address, sizeof(struct layout_control), MADV_DONTFORK);
	madvise(address, sizeof(struct layout_control), MADV_DONTDUMP);
	return 0;
}

static int map_data(struct segment *segment, int protection, int populate)
{
	const size_t offset = (size_t)segment->header.records_offset;
	const size_t capacity = (size_t)segment->capacity;
	char *base;

	if (segment->capacity > (SIZE_MAX - offset) / 2)
		return -ENOMEM; /* a large ring in a 32-bit process */
	segment->data_mapped = offset + 2 * capacity;
	base = mmap(NULL, segment->data_mapped, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	segment->data = (struct layout_data *)(void *)base;
	segment->records = base + offset;
	if (mmap(base, offset + capacity, protection, MAP_SHARED | MAP_FIXED | populate,
		 segment->data_fd, 0) == MAP_FAILED ||
	    mmap(base + offset + capacity, capacity, protection, MAP_SHARED | MAP_FIXED | populate,
		 segment->data_fd, (off_t)offset) == MAP_FAILED)
		return -errno;
	madvise(base, segment->data_mapped, MADV_DONTFORK);
	madvise(base, segment->data_mapped, MADV_DONTDUMP);
	return 0;
}

static int map_both(struct segment *segment, enum segment_role role, int control_fd, bool prefault)
{
	const int writable = PROT_READ | PROT_WRITE;
	const int populate = prefault ? MAP_POPULATE : 0;
	const bool writes_control = role == SEGMENT_PRODUCER || role == SEGMENT_CONSUMER;
	int error = map_data(segment, role == SEGMENT_PRODUCER ? writable : PROT_READ, populate);

	/* An observer's control descriptor is there to ask about locks; it maps nothing. */
	if (!error && control_fd >= 0 && role != SEGMENT_OBSERVER)
		error = map_control(segment, control_fd, writes_control ? writable : PROT_READ,
				    populate);
	return error;
}

static void unmap_both(struct segment *segment)
{
	if (segment->control)
		munmap(segment->control, sizeof(struct layout_control));
	if (segment->data)
		munmap(segment->data, segment->data_mapped);
	segment->control = NULL;
	segment->data = NULL;
}

#ifndef SHMRING_TSAN_BUILD

int mapping_make(struct segment *segment, enum segment_role role, int control_fd, bool prefault)
{
	int error = map_both(segment, role, control_fd, prefault);

	if (error)
		unmap_both(segment);
	return error;
}

void mapping_drop(struct segment *segment)
{
	unmap_both(segment);
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
	segment->data_mapped = from->data_mapped;
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
		error = map_both(&made->segment, SEGMENT_PRODUCER, control, false);
		close(made->segment.data_fd);
	}
	close(control);
	if (error) {
		if (made)
			unmap_both(&made->segment);
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
		unmap_both(&last->segment);
		free(last);
	}
	pthread_mutex_unlock(&shared_mutex);
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
