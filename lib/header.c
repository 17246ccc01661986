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

/* A word of the header that must lie between two values. */
#define BETWEEN(member, least, most)                                                              \
	do {                                                                                      \
		if (header->member < (least) || header->member > (most)) {                        \
			*fault = (struct header_fault){ "the header's " #member " is impossible", \
							offsetof(struct layout_header, member),   \
							header->member, (least), (most) };        \
			return -EBADMSG;                                                          \
		}                                                                                 \
	} while (0)

/* Everything that is computed with later is checked here. */
static int geometry_check(const struct layout_header *header, uint64_t size,
			  struct header_fault *fault)
{
	const uint64_t sum = header_checksum(header);

	BETWEEN(checksum, sum, sum);
	BETWEEN(capacity, SHMRING_CAPACITY_MIN, SHMRING_CAPACITY_MAX);
	if (!power_of_two(header->capacity)) {
		*fault = (struct header_fault){ "the header's capacity is no power of two",
						offsetof(struct layout_header, capacity),
						header->capacity, 0, 0 };
		return -EBADMSG;
	}
	BETWEEN(records_offset, sizeof(struct layout_data), LAYOUT_RECORDS_OFFSET_MAX);
	BETWEEN(data_size, header->records_offset + header->capacity,
		header->records_offset + header->capacity);
	BETWEEN(data_size, size, size);
	BETWEEN(control_size, sizeof(struct layout_control), sizeof(struct layout_control));
	BETWEEN(subscriptions, SHMRING_SUBSCRIPTIONS, SHMRING_SUBSCRIPTIONS);
	BETWEEN(members, SHMRING_MEMBERS, SHMRING_MEMBERS);
	BETWEEN(first_position, header->first_position & ~(uint64_t)7,
		header->first_position & ~(uint64_t)7);
	if (header->wake_mode != SHMRING_WAKE_FENCE)
		BETWEEN(wake_mode, SHMRING_WAKE_NONE, SHMRING_WAKE_MEMBARRIER);
	return 0;
}

int header_check(const struct layout_header *header, uint64_t size, struct header_fault *fault)
{
	int error;

	*fault = (struct header_fault){ "the magic number is not that of a ring", 0, header->magic,
					0, 0 };
	if (header->magic != LAYOUT_MAGIC_DATA && header->magic != LAYOUT_MAGIC_CONTROL)
		return header->magic == __builtin_bswap64(LAYOUT_MAGIC_DATA) ||
				       header->magic == __builtin_bswap64(LAYOUT_MAGIC_CONTROL)
			       ? -EPROTONOSUPPORT
			       : -EBADMSG;
	if (header->byte_order != LAYOUT_BYTE_ORDER || header->version != LAYOUT_VERSION ||
	    (header->incompatible & ~LAYOUT_INCOMPATIBLE_KNOWN) != 0)
		return -EPROTONOSUPPORT;
	error = geometry_check(header, size, fault);
	if (error)
		return error;
	/*
	 * Written where pages are larger: the record area cannot be mapped on its own here, or the
	 * other way round.
	 */
	return header->records_offset % (uint64_t)sysconf(_SC_PAGESIZE) == 0 ? 0 : -EPROTONOSUPPORT;
}

int header_read(int fd, struct layout_header *header, uint64_t size)
{
	struct header_fault fault;
	int error = read_at_start(fd, header, sizeof(*header));

	return error ? error : header_check(header, size, &fault);
}

int header_read_unchecked(int fd, struct layout_header *header)
{
	return read_at_start(fd, header, sizeof(*header));
}
