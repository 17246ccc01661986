/* SPDX-License-Identifier: MIT */
#define XXH_INLINE_ALL
#include "outside.h"

#include "../../lib/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define SHM_DIRECTORY     "/dev/shm"
#define UUID_DIGITS       32
/* Descriptors below this are looked at: a test has few open. */
#define UNNAMED_LOOKED_AT 16

static void give_up(const char *what)
{
	perror(what);
	abort();
}

/* A lock that cannot be asked for counts as not held: it is not a control object then. */
static unsigned int locks_of(int fd)
{
	unsigned int held = 0;

	for (unsigned int byte = 0; byte <= LOCK_NAMES; byte++) {
		struct flock lock = { .l_type = F_RDLCK, .l_start = (off_t)byte, .l_len = 1 };

		if (fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
			held |= 1u << byte;
	}
	return held;
}

static bool header_whole(const struct layout_header *header, bool control, off_t size)
{
	const size_t summed = offsetof(struct layout_header, uuid);

	return header->checksum ==
		       XXH3_64bits((const char *)header + summed, sizeof(*header) - summed) &&
	       (uint64_t)size == (control ? header->control_size : header->data_size);
}

/* Two rings that were made alike hash alike. */
static uint64_t content_hash(int fd, off_t size)
{
	char *bytes = malloc((size_t)size + 1);
	struct layout_header *header = (void *)bytes;
	uint64_t hash;

	if (!bytes)
		give_up("malloc");
	if (pread(fd, bytes, (size_t)size, 0) != (ssize_t)size)
		give_up("pread");
	if ((size_t)size >= sizeof(*header)) {
		memset(header->uuid, 0, sizeof(header->uuid));
		header->created_ns = header->checksum = 0;
	}
	hash = XXH3_64bits(bytes, (size_t)size);
	free(bytes);
	return hash;
}

/* False if it is no regular file. */
static bool look_at(struct outside_file *file, int fd, bool contents)
{
	struct layout_header header;
	struct stat status;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		return false;
	file->inode = status.st_ino;
	file->mode = status.st_mode;
	file->links = status.st_nlink;
	file->size = status.st_size;
	file->locks = file->control ? locks_of(fd) : 0;
	if (pread(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header)) {
		memcpy(file->uuid, header.uuid, sizeof(file->uuid));
		file->magic =
			header.magic == (file->control ? LAYOUT_MAGIC_CONTROL : LAYOUT_MAGIC_DATA);
		file->whole = file->magic && header_whole(&header, file->control, status.st_size);
	}
	if (contents)
		file->content = content_hash(fd, status.st_size);
	return true;
}

/* Takes ".NAME.UUID" apart. */
static void take_name(struct outside_file *file)
{
	const char *ring = file->file;
	size_t length = strlen(ring);

	file->control =
		ring[0] == '.' && length > UUID_DIGITS + 2 && ring[length - UUID_DIGITS - 1] == '.';
	if (file->control) {
		ring++;
		length -= UUID_DIGITS + 2;
	}
	if (length > SHMRING_NAME_MAX)
		length = SHMRING_NAME_MAX;
	memcpy(file->name, ring, length);
	file->name[length] = '\0';
}

static int by_name(const void *left, const void *right)
{
	const struct outside_file *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	if (order == 0)
		order = (int)a->control - (int)b->control;
	if (order == 0)
		order = a->inode < b->inode ? -1 : 1;
	return order;
}

static bool same_birth(const struct outside_file *a, const struct outside_file *b)
{
	return strcmp(a->name, b->name) == 0 && memcmp(a->uuid, b->uuid, sizeof(a->uuid)) == 0;
}

static void find_orphans(struct outside *outside)
{
	for (unsigned int i = 0; i < outside->count; i++) {
		struct outside_file *file = &outside->files[i];

		file->orphan = file->control && file->magic;
		for (unsigned int j = 0; j < outside->count; j++)
			if (!outside->files[j].control && same_birth(file, &outside->files[j]))
				file->orphan = false;
	}
}

void outside_look(struct outside *outside, const char *prefix, bool contents)
{
	DIR *directory = opendir(SHM_DIRECTORY);
	struct dirent *entry;

	if (!directory)
		give_up(SHM_DIRECTORY);
	outside->count = 0;
	while ((entry = readdir(directory))) {
		struct outside_file file = { .locks = 0 };
		int fd;

		snprintf(file.file, sizeof(file.file), "%s", entry->d_name);
		take_name(&file);
		if (strcmp(file.file, ".") == 0 || strcmp(file.file, "..") == 0 ||
		    strncmp(file.name, prefix, strlen(prefix)) != 0)
			continue;
		fd = openat(dirfd(directory), file.file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			give_up(file.file);
		if (outside->count == OUTSIDE_FILES) {
			fprintf(stderr, "outside: too many files\n");
			abort();
		}
		if (look_at(&file, fd, contents))
			outside->files[outside->count++] = file;
		close(fd);
	}
	closedir(directory);
	qsort(outside->files, outside->count, sizeof(outside->files[0]), by_name);
	find_orphans(outside);
}

void outside_look_at_unnamed(struct outside *outside, pid_t process, bool contents)
{
	char path[64], target[256];

	for (int number = 0; number < UNNAMED_LOOKED_AT; number++) {
		struct outside_file file = { .file = "(unnamed)" };
		ssize_t length;
		int fd;

		snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)process, number);
		length = readlink(path, target, sizeof(target) - 1);
		if (length < 0 || strncmp(target, SHM_DIRECTORY "/", sizeof(SHM_DIRECTORY)) != 0)
			continue;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (look_at(&file, fd, contents) && file.links == 0 &&
		    outside->count < OUTSIDE_FILES) {
			/* Which of the two it is shows when its magic does. */
			file.control =
				!file.magic && file.size == (off_t)sizeof(struct layout_control);
			if (look_at(&file, fd, contents))
				outside->files[outside->count++] = file;
		}
		close(fd);
	}
}

uint64_t outside_state(const struct outside *outside)
{
	XXH64_hash_t hash = outside->count;

	for (unsigned int i = 0; i < outside->count; i++) {
		const struct outside_file *file = &outside->files[i];
		const uint64_t facts[] = {
			file->control, file->whole,          file->orphan,
			file->locks,   file->magic,          file->mode,
			file->links,   (uint64_t)file->size, file->content,
		};

		hash = XXH3_64bits_withSeed(facts, sizeof(facts), hash);
		hash = XXH3_64bits_withSeed(file->name, strlen(file->name), hash);
	}
	return hash;
}

unsigned int outside_orphans(const struct outside *outside)
{
	unsigned int orphans = 0;

	for (unsigned int i = 0; i < outside->count; i++)
		orphans += outside->files[i].orphan;
	return orphans;
}

const struct outside_file *outside_data(const struct outside *outside, const char *name)
{
	for (unsigned int i = 0; i < outside->count; i++)
		if (!outside->files[i].control && strcmp(outside->files[i].name, name) == 0)
			return &outside->files[i];
	return NULL;
}

const struct outside_file *outside_control(const struct outside *outside, const char *name)
{
	const struct outside_file *data = outside_data(outside, name);

	for (unsigned int i = 0; data && i < outside->count; i++)
		if (outside->files[i].control && same_birth(data, &outside->files[i]))
			return &outside->files[i];
	return NULL;
}

void outside_print(const struct outside *outside)
{
	for (unsigned int i = 0; i < outside->count; i++) {
		const struct outside_file *file = &outside->files[i];

		fprintf(stderr, "  %s: %s%s%s, %lld bytes, mode %o, %u links, locks %u\n",
			file->file, file->control ? "control" : "data",
			file->whole ? "" : ", not whole", file->orphan ? ", orphan" : "",
			(long long)file->size, (unsigned int)file->mode, (unsigned int)file->links,
			file->locks);
	}
	if (outside->count == 0)
		fprintf(stderr, "  no files\n");
}
