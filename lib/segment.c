/* SPDX-License-Identifier: MIT */
/* segment.c - attaching to a ring. Creating and removing one: create.c. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mapping.h"
#include "segment.h"

/* Opens a file of /dev/shm without following links or blocking on what is no regular file. */
static int open_object(const char *path, int access_mode, struct stat *status)
{
	int fd = open(path, access_mode | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		if (errno == ELOOP || errno == ENXIO || errno == EISDIR)
			return -EBADMSG;
		return errno == EPERM ? -EACCES : -errno;
	}
	if (fstat(fd, status) != 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	if (!S_ISREG(status->st_mode)) {
		close(fd);
		return -EBADMSG;
	}
	return fd;
}

static bool tag_matches(const struct layout_header *header, struct tag tag)
{
	uint8_t wanted[SHMRING_TAG_SIZE] = { 0 };

	if (!tag.bytes)
		return true;
	memcpy(wanted, tag.bytes, tag.length);
	return memcmp(header->tag, wanted, sizeof(wanted)) == 0;
}

/* Do the two headers say the same in all but the magic, which says which is which? */
static bool headers_agree(const struct layout_header *data, const struct layout_header *control)
{
	const size_t rest = sizeof(control->magic);

	return control->magic == LAYOUT_MAGIC_CONTROL &&
	       memcmp((const char *)data + rest, (const char *)control + rest,
		      sizeof(*data) - rest) == 0;
}

/*
 * Opens the control object twice: one description to be mapped, and one for the locks, which a
 * mapping would keep alive. Either is -1 where the role does not need it or, for onlookers, may not
 * have it.
 */
static int open_control(struct segment *segment, const char *bare, enum segment_role role,
			const struct stat *data, int *map_fd)
{
	const bool writes = role == SEGMENT_PRODUCER || role == SEGMENT_CONSUMER;
	struct layout_header header;
	char path[PATH_SIZE];
	struct stat status, again;
	int error;

	path_of_control(path, bare, segment->header.uuid);
	*map_fd = open_object(path, writes ? O_RDWR : O_RDONLY, &status);
	if (*map_fd == -EACCES && !writes)
		return *map_fd = -1, 0;
	if (*map_fd < 0) {
		error = *map_fd;
		*map_fd = -1;
		return error == -ENOENT ? -EUCLEAN : error;
	}
	if (status.st_uid != data->st_uid)
		return -EUCLEAN;
	error = header_read(*map_fd, &header, segment->header.data_size);
	if (error)
		return error;
	if (!headers_agree(&segment->header, &header))
		return -EUCLEAN;
	if ((uint64_t)status.st_size != header.control_size)
		return -EBADMSG;
	segment->lock_fd = open_object(path, writes ? O_RDWR : O_RDONLY, &again);
	if (segment->lock_fd < 0) {
		error = segment->lock_fd;
		segment->lock_fd = -1;
		return error == -ENOENT ? -EUCLEAN : error;
	}
	if (again.st_ino != status.st_ino || again.st_dev != status.st_dev)
		return -EUCLEAN;
	return 0;
}

int segment_attach(struct segment *segment, const char *name, enum segment_role role,
		   struct tag tag, bool prefault)
{
	struct stat status;
	char path[PATH_SIZE];
	int control_fd = -1;
	const char *bare;
	int error = name_check_ring(name, &bare);

	if (error)
		return error;
	if (tag.bytes ? tag.length > SHMRING_TAG_SIZE : tag.length != 0)
		return -EINVAL;
	memset(segment, 0, sizeof(*segment));
	segment->data_fd = segment->lock_fd = -1;
	path_of_data(path, bare);
	segment->data_fd = open_object(path, role == SEGMENT_PRODUCER ? O_RDWR : O_RDONLY, &status);
	if (segment->data_fd < 0)
		return segment->data_fd;
	error = header_read(segment->data_fd, &segment->header, (uint64_t)status.st_size);
	if (!error && segment->header.magic != LAYOUT_MAGIC_DATA)
		error = -EBADMSG;
	if (!error && !tag_matches(&segment->header, tag))
		error = -EPROTOTYPE;
	if (!error)
		error = open_control(segment, bare, role, &status, &control_fd);
	/*
	 * It was being removed while we looked: then there is no ring, rather than a damaged one.
	 */
	if (error == -EUCLEAN && segment_removed(segment))
		error = -ENOENT;
	if (!error) {
		segment->capacity = segment->header.capacity;
		segment->maximum = layout_maximum(segment->capacity);
		segment->block_shift = layout_block_shift(segment->capacity);
		error = mapping_make(segment, role, control_fd, prefault);
	}
	if (control_fd >= 0)
		close(control_fd);
	if (error)
		segment_detach(segment);
	return error;
}

void segment_close(struct segment *segment)
{
	if (segment->lock_fd >= 0)
		close(segment->lock_fd);
	if (segment->data_fd >= 0)
		close(segment->data_fd);
	segment->lock_fd = segment->data_fd = -1;
}

void segment_detach(struct segment *segment)
{
	mapping_drop(segment);
	segment_close(segment);
}

void segment_forked(struct segment *segment)
{
	segment_close(segment);
	segment->base = NULL;
	segment->data = NULL;
	segment->control = NULL;
}

bool segment_removed(const struct segment *segment)
{
	struct stat status;

	return fstat(segment->data_fd, &status) == 0 && status.st_nlink == 0;
}
