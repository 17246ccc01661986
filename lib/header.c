/* SPDX-License-Identifier: MIT */
/* header.c - is this file a ring, and one that this library knows? */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "segment.h"

uint64_t header_checksum(const struct layout_header *header)
{
	const size_t start = offsetof(struct layout_header, uuid);

	return XXH3_64bits((const char *)header + start, sizeof(*header) - start);
}

static int read_at_start(int fd, void *buffer, size_t size)
{
	ssize_t got;

	do
		got = pread(fd, buffer, size, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	return (size_t)got == size ? 0 : -EBADMSG;
}

int magic_read(int fd, uint64_t magic)
{
	uint64_t found;
	int error = read_at_start(fd, &found, sizeof(found));

	if (error)
		return error;
	return found == magic || found == __builtin_bswap64(magic) ? 0 : -EBADMSG;
}

static bool power_of_two(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

/* Everything that is computed with later is checked here. */
static bool geometry_sound(const struct layout_header *header, uint64_t size)
{
	return power_of_two(header->capacity) && header->capacity >= SHMRING_CAPACITY_MIN &&
	       header->capacity <= SHMRING_CAPACITY_MAX && header->records_offset >= sizeof(struct layout_data) &&
	       header->records_offset <= 65536 && header->data_size == header->records_offset + header->capacity &&
	       header->data_size == size && header->control_size == sizeof(struct layout_control) &&
	       header->subscriptions == SHMRING_SUBSCRIPTIONS && header->members == SHMRING_MEMBERS &&
	       header->first_position % 8 == 0 &&
	       (header->wake_mode == SHMRING_WAKE_FENCE || header->wake_mode == SHMRING_WAKE_NONE);
}

int header_read(int fd, struct layout_header *header, uint64_t size)
{
	int error = read_at_start(fd, header, sizeof(*header));

	if (error)
		return error;
	if (header->magic != LAYOUT_MAGIC_DATA && header->magic != LAYOUT_MAGIC_CONTROL)
		return header->magic == __builtin_bswap64(LAYOUT_MAGIC_DATA) ||
				       header->magic == __builtin_bswap64(LAYOUT_MAGIC_CONTROL) ?
			       -EPROTONOSUPPORT :
			       -EBADMSG;
	if (header->byte_order != LAYOUT_BYTE_ORDER || header->version != LAYOUT_VERSION ||
	    (header->incompatible & ~LAYOUT_INCOMPATIBLE_KNOWN) != 0)
		return -EPROTONOSUPPORT;
	if (header->checksum != header_checksum(header) || !geometry_sound(header, size))
		return -EBADMSG;
	/* Written where pages are larger: the record area cannot be mapped on its own here, or the other way round. */
	if (header->records_offset % (uint64_t)sysconf(_SC_PAGESIZE) != 0)
		return -EPROTONOSUPPORT;
	return 0;
}
