/* SPDX-License-Identifier: MIT */
#define XXH_INLINE_ALL
#include "objects.h"
#include "names.h"

#include "../../lib/layout.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

static void give_up(const char *what)
{
	perror(what);
	abort();
}

static int open_object(const char *name, enum object object)
{
	char path[SHM_PATH_SIZE];
	int fd;

	if (object == OBJECT_DATA)
		shm_data_path(path, name);
	else if (shm_control_path(path, name) != 0)
		give_up(name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		give_up(path);
	return fd;
}

void *object_map(const char *name, enum object object, size_t *size)
{
	int fd = open_object(name, object);
	struct stat status;
	void *mapping;

	if (fstat(fd, &status) != 0)
		give_up("fstat");
	*size = (size_t)status.st_size;
	mapping = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapping == MAP_FAILED)
		give_up("mmap");
	close(fd);
	return mapping;
}

void object_unmap(void *mapping, size_t size)
{
	if (munmap(mapping, size) != 0)
		give_up("munmap");
}

void object_truncate(const char *name, enum object object, size_t size)
{
	int fd = open_object(name, object);

	if (ftruncate(fd, (off_t)size) != 0)
		give_up("ftruncate");
	close(fd);
}

size_t object_size(const char *name, enum object object)
{
	int fd = open_object(name, object);
	struct stat status;

	if (fstat(fd, &status) != 0)
		give_up("fstat");
	close(fd);
	return (size_t)status.st_size;
}

void object_write(const char *file, const void *bytes, size_t length)
{
	char path[SHM_PATH_SIZE];
	int fd;

	shm_data_path(path, file);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		give_up(path);
	if (length && write(fd, bytes, length) != (ssize_t)length)
		give_up(path);
	close(fd);
}

void object_seal(struct layout_header *header)
{
	header->checksum =
		XXH3_64bits(header->uuid, sizeof(*header) - offsetof(struct layout_header, uuid));
}
