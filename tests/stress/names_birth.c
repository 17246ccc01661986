/* SPDX-License-Identifier: MIT */
#include "names_birth.h"

#include "../../lib/layout.h"
#include "../support/random.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Sequence numbers of one ring; races write far fewer records. */
#define SEQUENCE_BITS 20

struct birth_record {
	uint64_t ring, sequence, seal;
};

struct birth_tag birth_tag(uint64_t ring)
{
	const uint64_t words[2] = { ring, random_mix(ring) };
	struct birth_tag tag;

	_Static_assert(sizeof(words) == sizeof(tag), "a tag holds two words");
	memcpy(&tag, words, sizeof(tag));
	return tag;
}

static uint64_t capacity_of(uint64_t ring)
{
	return SHMRING_CAPACITY_MIN << (random_mix(ring) & 1);
}

static uint32_t data_mode_of(uint64_t ring)
{
	return 0600 | (uint32_t)(random_mix(ring) >> 1 & 077);
}

static uint32_t control_mode_of(uint64_t ring)
{
	return 0600 | (uint32_t)(random_mix(ring) >> 7 & 077);
}

static enum shmring_wake_mode wake_mode_of(uint64_t ring)
{
	return random_mix(ring) >> 13 & 1 ? SHMRING_WAKE_NONE : SHMRING_WAKE_FENCE;
}

struct shmring_create_options birth_options(uint64_t ring, const struct birth_tag *tag)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;

	options.capacity = capacity_of(ring);
	options.data_mode = data_mode_of(ring);
	options.control_mode = control_mode_of(ring);
	options.wake_mode = wake_mode_of(ring);
	options.tag = tag->bytes;
	options.tag_length = sizeof(tag->bytes);
	options.first_position = (random_mix(ring) >> 16) * 8;
	options.first_sequence = ring << SEQUENCE_BITS;
	return options;
}

uint64_t birth_of_sequence(uint64_t sequence)
{
	return sequence >> SEQUENCE_BITS;
}

static bool tag_is_of(const uint8_t *found, uint64_t ring)
{
	const struct birth_tag tag = birth_tag(ring);

	return memcmp(found, tag.bytes, sizeof(tag.bytes)) == 0;
}

const char *birth_inspect(struct shmring_inspector *inspector, uint64_t *ring)
{
	struct shmring_info info = SHMRING_INFO_INIT;
	int error = shmring_inspect(inspector, &info);

	if (error != 0 && error != -ESTALE)
		return "shmring_inspect fails";
	*ring = birth_of_sequence(info.head_sequence);
	if (!tag_is_of(info.tag, *ring))
		return "the tag is not that of the sequence number";
	if (info.capacity != capacity_of(*ring) || info.wake_mode != wake_mode_of(*ring))
		return "capacity or wake mode are not those of the sequence number";
	if (info.data_mode != data_mode_of(*ring) ||
	    (info.control_visible && info.control_mode != control_mode_of(*ring)))
		return "the modes are not those of the sequence number";
	return NULL;
}

const char *birth_produce(struct shmring_producer *producer, uint64_t *ring)
{
	struct shmring_producer_info info = SHMRING_PRODUCER_INFO_INIT;
	struct birth_record record;

	if (shmring_producer_info(producer, &info) != 0)
		return "shmring_producer_info fails";
	*ring = birth_of_sequence(info.sequence);
	if (info.capacity != capacity_of(*ring))
		return "the capacity is not that of the sequence number";
	record = (struct birth_record){ *ring, info.sequence, random_mix(*ring ^ info.sequence) };
	if (shmring_write(producer, &record, sizeof(record), (uint16_t)*ring, 0) != 0)
		return "shmring_write fails";
	return NULL;
}

static const char *check_record(const struct shmring_record *found, uint64_t ring)
{
	struct birth_record record;

	if (birth_of_sequence(found->sequence) != ring)
		return "a record's sequence number is of another ring";
	if (found->length != sizeof(record) || found->type != (uint16_t)ring)
		return "a record's length or type are wrong";
	memcpy(&record, found->data, sizeof(record));
	if (record.ring != ring || record.sequence != found->sequence ||
	    record.seal != random_mix(ring ^ found->sequence))
		return "a record is of another ring";
	return NULL;
}

const char *birth_consume(struct shmring_consumer *consumer, unsigned int records, uint64_t *ring)
{
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;
	struct birth_record buffer;
	struct shmring_record record;
	const char *problem;

	if (shmring_consumer_info(consumer, &info) != 0)
		return "shmring_consumer_info fails";
	*ring = birth_of_sequence(info.sequence);
	if (info.capacity != capacity_of(*ring))
		return "the capacity is not that of the sequence number";
	for (unsigned int i = 0; i < records; i++) {
		int error = shmring_read_copy(consumer, &buffer, sizeof(buffer), &record);

		/* Nothing there yet, no more of it, or no producer. */
		if (error == -EAGAIN || error == -EPIPE || error == -EOWNERDEAD || error == -ESTALE)
			return NULL;
		if (error != 0)
			return "shmring_read_copy fails";
		problem = check_record(&record, *ring);
		if (problem)
			return problem;
	}
	return NULL;
}

static const char *check_header(const struct layout_header *header, uint64_t magic, uint64_t ring)
{
	if (header->magic != magic)
		return "a mapped object has another's magic";
	if (header->capacity != capacity_of(ring) || !tag_is_of(header->tag, ring) ||
	    header->first_sequence >> SEQUENCE_BITS != ring)
		return "a mapped header is of another ring";
	return NULL;
}

/* One line of /proc/self/maps; the objects begin with their headers. */
static const char *check_mapping(const char *line, uint64_t ring,
				 const struct layout_header *headers[2])
{
	const char *path = strstr(line, "/dev/shm/");
	const struct layout_header *header;
	uint64_t start, end, offset;
	bool control;

	if (!path ||
	    sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64, &start, &end, &offset) != 3 ||
	    offset != 0)
		return NULL;
	control = path[sizeof("/dev/shm/") - 1] == '.';
	header = (const void *)(uintptr_t)start;
	if (headers[control])
		return "an object is mapped twice, or left mapped";
	headers[control] = header;
	return check_header(header, control ? LAYOUT_MAGIC_CONTROL : LAYOUT_MAGIC_DATA, ring);
}

const char *birth_mapped(uint64_t ring, bool with_control)
{
	const struct layout_header *headers[2] = { NULL, NULL };
	static char maps[65536];
	const char *problem = NULL;
	size_t length = 0;
	ssize_t got;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return "/proc/self/maps cannot be read";
	while ((got = read(fd, maps + length, sizeof(maps) - 1 - length)) > 0)
		length += (size_t)got;
	close(fd);
	maps[length] = '\0';
	for (char *rest = maps, *line; !problem && (line = strtok_r(rest, "\n", &rest));)
		problem = check_mapping(line, ring, headers);
	if (problem)
		return problem;
	if (!headers[0] || (with_control && !headers[1]))
		return "an object is not mapped";
	if (headers[1] && memcmp(headers[0]->uuid, headers[1]->uuid, sizeof(headers[0]->uuid)) != 0)
		return "the control object is of another birth than the data";
	return NULL;
}
