/* SPDX-License-Identifier: MIT */
/*
 * create.c - birth of a ring. Its death: remove.c.
 *
 * Both objects are made without names, filled, and then linked, control first: linking the data
 * object is the commit. Whoever dies before that leaves nothing, or a control object without its
 * data, which is harmless. Its lock tells whether its maker is still at it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "liveness.h"
#include "options.h"
#include "registry.h"
#include "wait.h"

/* Memory is reserved in pieces: kernels that give up on a signal then have lost little. */
#define RESERVE_PIECE (64ULL << 20)

/* Positions and sequence numbers must not come round in the lifetime of a ring. */
#define FIRST_LIMIT (3ULL << 62)

static int make_unnamed(void)
{
	int fd = open(SHM_DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	/* No such directory, or a file system that cannot do this. */
	if (errno == ENOENT || errno == ENOTDIR || errno == EOPNOTSUPP || errno == EISDIR)
		return -ENOSYS;
	return -errno;
}

static int reserve(int fd, uint64_t size)
{
	for (uint64_t done = 0; done < size;) {
		uint64_t piece = size - done < RESERVE_PIECE ? size - done : RESERVE_PIECE;

		if (fallocate(fd, 0, (off_t)done, (off_t)piece) == 0)
			done += piece;
		else if (errno != EINTR)
			return errno == EFBIG ? -ENOSPC : -errno;
	}
	return 0;
}

static int write_all(int fd, const void *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t written = pwrite(fd, (const char *)bytes + done, size - done, (off_t)done);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0)
			done += (size_t)written;
	}
	return 0;
}

/* Gives an unnamed file its name; fails if the name is taken. */
static int link_as(int fd, const char *path)
{
	char self[sizeof("/proc/self/fd/") + 12];

	/* Newer kernels allow this to whoever opened the file; older ones only to root. */
	if (linkat(fd, "", AT_FDCWD, path, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno == EEXIST)
		return -EEXIST;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	return errno == ENOENT ? -ENOSYS : -errno;
}

static uint64_t round_up_to_power_of_two(uint64_t value)
{
	uint64_t power = SHMRING_CAPACITY_MIN;

	while (power < value)
		power <<= 1;
	return power;
}

static int header_fill(struct layout_header *header, const struct shmring_create_options *options)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const uint64_t capacity = options->capacity ? options->capacity : SHMRING_CAPACITY_DEFAULT;

	if (capacity > SHMRING_CAPACITY_MAX || options->reserved != 0 ||
	    (options->data_mode & ~0777u) != 0 || (options->control_mode & ~0777u) != 0 ||
	    options->first_position % 8 != 0 || options->first_position >= FIRST_LIMIT ||
	    options->first_sequence >= FIRST_LIMIT ||
	    options->wake_mode > SHMRING_WAKE_MEMBARRIER ||
	    (options->tag ? options->tag_length > SHMRING_TAG_SIZE : options->tag_length != 0))
		return -EINVAL;
	memset(header, 0, sizeof(*header));
	header->byte_order = LAYOUT_BYTE_ORDER;
	header->version = LAYOUT_VERSION;
	header->created_ns = clock_wall_ns();
	header->capacity = round_up_to_power_of_two(capacity);
	header->records_offset = (sizeof(struct layout_data) + page - 1) / page * page;
	header->data_size = header->records_offset + header->capacity;
	header->control_size = sizeof(struct layout_control);
	header->first_position = options->first_position;
	header->first_sequence = options->first_sequence;
	header->wake_mode = (uint32_t)options->wake_mode;
	header->subscriptions = SHMRING_SUBSCRIPTIONS;
	header->members = SHMRING_MEMBERS;
	if (options->tag)
		memcpy(header->tag, options->tag, options->tag_length);
	return random_fill(header->uuid, sizeof(header->uuid));
}

/* Makes one object, complete but for its name. Returns its descriptor. */
static int make_object(void *content, size_t content_size, uint64_t magic, uint64_t size,
		       uint32_t mode)
{
	struct layout_header *header = content;
	int fd = make_unnamed();
	int error;

	if (fd < 0)
		return fd;
	header->magic = 0;
	error = reserve(fd, size);
	if (!error)
		error = write_all(fd, content, content_size);
	header->magic = magic;
	if (!error)
		error = write_all(fd, &header->magic, sizeof(header->magic));
	if (!error && fchmod(fd, mode ? mode : 0600) != 0)
		error = -errno;
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

static int make_data(const struct layout_header *header, uint32_t mode)
{
	struct layout_data *content = aligned_alloc(LAYOUT_PAGE, sizeof(*content));
	int fd;

	if (!content)
		return -ENOMEM;
	memset(content, 0, sizeof(*content));
	content->header = *header;
	atomic_init(&content->head, header->first_position);
	atomic_init(&content->floor, header->first_position);
	atomic_init(&content->want, header->first_position);
	for (unsigned int i = 0; i < INDEX_ENTRIES; i++)
		atomic_init(&content->index[i].position, INDEX_NONE);
	fd = make_object(content, sizeof(*content), LAYOUT_MAGIC_DATA, header->data_size, mode);
	free(content);
	return fd;
}

static int make_control(const struct layout_header *header, uint32_t mode)
{
	struct layout_control *content = aligned_alloc(LAYOUT_PAGE, sizeof(*content));
	int fd;

	if (!content)
		return -ENOMEM;
	memset(content, 0, sizeof(*content));
	content->header = *header;
	for (unsigned int i = 0; i < SHMRING_MEMBERS; i++) {
		atomic_init(&content->member[i].hold, HOLD_NONE);
		atomic_init(&content->member[i].end, HOLD_NONE);
	}
	fd = make_object(content, sizeof(*content), LAYOUT_MAGIC_CONTROL, header->control_size,
			 mode);
	free(content);
	return fd;
}

static int link_both(int data_fd, int control_fd, const char *bare,
		     const struct layout_header *header)
{
	char data_path[PATH_SIZE], control_path[PATH_SIZE];
	int error;

	path_of_data(data_path, bare);
	path_of_control(control_path, bare, header->uuid);
	error = lock_take(control_fd, LOCK_NAMES);
	if (error)
		return error;
	error = link_as(control_fd, control_path);
	if (!error) {
		error = link_as(data_fd, data_path);
		if (error)
			unlink(control_path);
	}
	lock_drop(control_fd, LOCK_NAMES);
	return error;
}

int shmring_create(const char *name, const struct shmring_create_options *given)
{
	struct shmring_create_options options;
	struct layout_header header;
	char path[PATH_SIZE];
	int data_fd, control_fd;
	const char *bare;
	int error;
	KEEP_ERRNO;

	error = name_check_ring(name, &bare);
	if (!error)
		error = options_copy(&options, sizeof(options), given, sizeof(options));
	if (!error)
		error = header_fill(&header, &options);
	if (error)
		return error;
	/* Linking decides; this only saves making a large ring in vain. */
	path_of_data(path, bare);
	if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	header.checksum = header_checksum(&header);
	data_fd = make_data(&header, options.data_mode);
	if (data_fd < 0)
		return data_fd;
	fork_hold();
	control_fd = make_control(&header, options.control_mode);
	error = control_fd;
	if (control_fd >= 0) {
		error = link_both(data_fd, control_fd, bare, &header);
		close(control_fd);
	}
	fork_release();
	close(data_fd);
	return error;
}
