/* SPDX-License-Identifier: MIT */
/* list.c - which rings there are. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "list.h"
#include "wait.h"

static int open_entry(int directory, const char *file)
{
	int fd = openat(directory, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

/* Is there a control object for a data object that may not be read? Then it is a ring. */
static bool has_control(const char *name)
{
	DIR *directory = opendir(SHM_DIRECTORY);
	char owner[SHMRING_NAME_MAX + 1];
	uint8_t uuid[UUID_BYTES];
	struct dirent *entry;
	bool found = false;

	while (directory && !found && (entry = readdir(directory)) != NULL)
		found = name_of_control(entry->d_name, owner, uuid) && strcmp(owner, name) == 0;
	if (directory)
		closedir(directory);
	return found;
}

static bool is_ring(int directory, const char *file)
{
	const char *bare;
	int fd, error;

	if (name_check_ring(file, &bare) != 0)
		return false;
	fd = open_entry(directory, file);
	if (fd == -EACCES)
		return has_control(file);
	if (fd < 0)
		return false;
	error = magic_read(fd, LAYOUT_MAGIC_DATA);
	close(fd);
	return error == 0;
}

/* Sets the name of the ring that it was of. */
static bool is_orphan(int directory, const char *file, char *name)
{
	struct layout_header header;
	uint8_t uuid[UUID_BYTES];
	struct stat status;
	bool orphan;
	int fd;

	if (!name_of_control(file, name, uuid))
		return false;
	fd = open_entry(directory, file);
	if (fd < 0)
		return false;
	orphan = magic_read(fd, LAYOUT_MAGIC_CONTROL) == 0;
	close(fd);
	if (!orphan)
		return false;
	fd = open_entry(directory, name);
	if (fd < 0)
		return fd == -ENOENT;
	orphan = fstat(fd, &status) == 0 &&
		 header_read(fd, &header, (uint64_t)status.st_size) == 0 &&
		 memcmp(header.uuid, uuid, UUID_BYTES) != 0;
	close(fd);
	return orphan;
}

bool list_is_orphan(const char *file)
{
	int directory = open(SHM_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[SHMRING_NAME_MAX + 1];
	bool orphan;

	if (directory < 0)
		return false;
	orphan = is_orphan(directory, file, name);
	close(directory);
	return orphan;
}

int shmring_list(int (*visit)(const struct shmring_entry *entry, void *argument), void *argument)
{
	char name[SHMRING_NAME_MAX + 1];
	struct dirent *found;
	DIR *directory;
	int result = 0;
	KEEP_ERRNO;

	if (!visit)
		return -EINVAL;
	directory = opendir(SHM_DIRECTORY);
	if (!directory)
		return errno == ENOENT ? -ENOSYS : -errno;
	while (result == 0 && (found = readdir(directory)) != NULL) {
		struct shmring_entry entry = { .name = found->d_name, .file = found->d_name };

		if (is_ring(dirfd(directory), found->d_name)) {
			entry.kind = SHMRING_ENTRY_RING;
			result = visit(&entry, argument);
		} else if (is_orphan(dirfd(directory), found->d_name, name)) {
			entry.kind = SHMRING_ENTRY_ORPHAN;
			entry.name = name;
			result = visit(&entry, argument);
		}
	}
	closedir(directory);
	return result;
}
