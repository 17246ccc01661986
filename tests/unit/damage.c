/* SPDX-License-Identifier: MIT */
/* Files that are no rings, or not any more: each way in is refused with the error of the table, and nothing crashes. */
#include "unit.h"

#include <criterion/parameterized.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support/objects.h"

#include "../../lib/layout.h"

static int count(const struct shmring_problem *problem, void *argument)
{
	unsigned int *problems = argument;

	(void)problem;
	++*problems;
	return 0;
}

/* Every way to attach; and a check either says the same, or what is wrong. */
static void expect_refused(const char *name, int error)
{
	unsigned int problems = 0;
	int result;

	struct shmring_producer *producer = NULL;
	struct shmring_consumer *consumer = NULL;
	struct shmring_inspector *inspector = NULL;

	expect_result(shmring_producer_open(&producer, name, NULL), error);
	expect_result(shmring_consumer_open(&consumer, name, NULL), error);
	expect_result(shmring_observer_open(&consumer, name, NULL), error);
	expect_result(shmring_inspector_open(&inspector, name), error);
	expect_result(shmring_evict(name, "one"), error);
	expect_result(shmring_unsubscribe(name, "one"), error);
	result = shmring_check(name, count, &problems);
	cr_assert(problems > 0 ? result == 0 : result == error, "%u problems, %d", problems,
		  result);
	cr_assert_null(producer);
	cr_assert_null(consumer);
	cr_assert_null(inspector);
}

static void expect_fine(const char *name)
{
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_NEWEST);
	struct shmring_consumer *observer = new_observer(name, SHMRING_NEWEST);
	uint64_t sequence = producer_info(producer).sequence;
	unsigned int problems = 0;

	write_records(producer, 100, 100);
	expect_ok(shmring_check(name, count, &problems));
	cr_assert_eq(problems, 0);
	expect_run(consumer, sequence, 100, 100);
	expect_run(observer, sequence, 100, 100);
	expect_ok(shmring_consumer_close(consumer));
	expect_ok(shmring_consumer_close(observer));
	expect_ok(shmring_producer_close(producer));
}

Test(damage, a_file_that_is_no_ring)
{
	const char *name = unique_name();
	char *bytes = calloc(1, 100000);

	expect_refused(name, -ENOENT);
	object_write(name, bytes, 0);
	expect_refused(name, -EBADMSG);
	object_write(name, bytes, 100000);
	expect_refused(name, -EBADMSG);
	memset(bytes, 0xff, 100000);
	object_write(name, bytes, 100000);
	expect_refused(name, -EBADMSG);
	memcpy(bytes, "#!/bin/sh\n", 10);
	object_write(name, bytes, 10);
	expect_refused(name, -EBADMSG);
	free(bytes);
}

Test(damage, what_is_no_regular_file)
{
	char path[SHM_PATH_SIZE], target[SHM_PATH_SIZE];
	const char *name = unique_name();
	const char *ring = new_ring(0);

	shm_data_path(path, name);
	shm_data_path(target, ring);
	cr_assert_eq(mkdir(path, 0700), 0);
	expect_refused(name, -EBADMSG);
	cr_assert_eq(rmdir(path), 0);
	cr_assert_eq(mkfifo(path, 0600), 0);
	expect_refused(name, -EBADMSG);
	cr_assert_eq(unlink(path), 0);
	/* A link to a ring is refused: whoever made it may not be whom the ring belongs to. */
	cr_assert_eq(symlink(target, path), 0);
	expect_refused(name, -EBADMSG);
	cr_assert_eq(unlink(path), 0);
	expect_fine(ring);
}

Test(damage, a_control_object_under_a_rings_name)
{
	const char *name = new_ring(0);
	const char *other = unique_name();
	char control[SHM_PATH_SIZE], path[SHM_PATH_SIZE];

	cr_assert_eq(shm_control_path(control, name), 0);
	shm_data_path(path, other);
	cr_assert_eq(link(control, path), 0);
	expect_refused(other, -EBADMSG);
	cr_assert_eq(unlink(path), 0);
}

/* Sizes at which something of interest begins or ends, and their neighbours. */
static size_t cuts[] = {
	0,    1,     7,     8,     9,     12,    16,    24,    31,    32,    48,
	120,  183,   184,   185,   4095,  4096,  4097,  4224,  8191,  8192,  8193,
	8208, 12288, 16383, 16384, 16385, 24576, 40960, 49152, 57343, 57344,
};

ParameterizedTestParameters(damage, truncated)
{
	return cr_make_param_array(size_t, cuts, sizeof(cuts) / sizeof(cuts[0]));
}

ParameterizedTest(size_t *cut, damage, truncated)
{
	const char *name = new_ring(0);
	size_t whole = object_size(name, OBJECT_DATA);

	cr_assert_lt(*cut, whole);
	object_truncate(name, OBJECT_DATA, *cut);
	expect_refused(name, -EBADMSG);
	/* And from the other end, and too long. */
	expect_ok(shmring_create(name = unique_name(), NULL));
	whole = object_size(name, OBJECT_DATA);
	object_truncate(name, OBJECT_DATA, whole - 1 - *cut);
	expect_refused(name, -EBADMSG);
	expect_ok(shmring_create(name = unique_name(), NULL));
	object_truncate(name, OBJECT_DATA, whole + 1 + *cut);
	expect_refused(name, -EBADMSG);
}

ParameterizedTestParameters(damage, truncated_control)
{
	return cr_make_param_array(size_t, cuts, sizeof(cuts) / sizeof(cuts[0]));
}

ParameterizedTest(size_t *cut, damage, truncated_control)
{
	const char *name = new_ring(0);
	size_t whole = object_size(name, OBJECT_CONTROL);

	if (*cut != whole) {
		object_truncate(name, OBJECT_CONTROL, *cut);
		expect_refused(name, -EBADMSG);
	}
	expect_ok(shmring_create(name = unique_name(), NULL));
	object_truncate(name, OBJECT_CONTROL, whole + 1 + *cut);
	expect_refused(name, -EBADMSG);
	expect_ok(shmring_unlink(name));
	cr_assert_eq(shm_files_of(name), 0);
}

/* Changes both headers alike, with a checksum that fits, and expects `error` from every way in. */
static void expect_header(void (*change)(struct layout_header *header), int error)
{
	const char *name = new_ring(0);

	for (int object = OBJECT_DATA; object <= OBJECT_CONTROL; object++) {
		size_t size;
		struct layout_header *header = object_map(name, (enum object)object, &size);

		change(header);
		object_seal(header);
		object_unmap(header, size);
	}
	if (error)
		expect_refused(name, error);
	else
		expect_fine(name);
}

static void change_nothing(struct layout_header *header)
{
	(void)header;
}
static void next_version(struct layout_header *header)
{
	header->version++;
}
static void version_0(struct layout_header *header)
{
	header->version = 0;
}
static void incompatible_feature(struct layout_header *header)
{
	header->incompatible |= 1u << 31;
}
static void lowest_incompatible_feature(struct layout_header *header)
{
	header->incompatible |= (LAYOUT_INCOMPATIBLE_KNOWN + 1) & ~LAYOUT_INCOMPATIBLE_KNOWN;
}
static void compatible_feature(struct layout_header *header)
{
	header->compatible = UINT32_MAX;
}
static void no_magic(struct layout_header *header)
{
	header->magic = 0;
}
static void other_byte_order(struct layout_header *header)
{
	header->magic = __builtin_bswap64(header->magic);
	header->byte_order = __builtin_bswap32(header->byte_order);
	header->version = __builtin_bswap32(header->version);
}
static void odd_byte_order(struct layout_header *header)
{
	header->byte_order = 0x04030201;
}
static void no_capacity(struct layout_header *header)
{
	header->capacity = 0;
}
static void odd_capacity(struct layout_header *header)
{
	header->capacity = SMALL - 8;
}
static void huge_capacity(struct layout_header *header)
{
	header->capacity = 1ULL << 63;
}
static void half_capacity(struct layout_header *header)
{
	header->capacity /= 2;
}
static void double_capacity(struct layout_header *header)
{
	header->capacity *= 2;
}
static void records_at_0(struct layout_header *header)
{
	header->records_offset = 0;
}
static void records_further(struct layout_header *header)
{
	header->records_offset += LAYOUT_PAGE;
}
static void records_far_away(struct layout_header *header)
{
	header->records_offset = UINT64_MAX - 4095;
}
static void other_data_size(struct layout_header *header)
{
	header->data_size++;
}
static void other_control_size(struct layout_header *header)
{
	header->control_size += LAYOUT_PAGE;
}
static void no_control_size(struct layout_header *header)
{
	header->control_size = 0;
}
static void more_subscriptions(struct layout_header *header)
{
	header->subscriptions++;
}
static void no_subscriptions(struct layout_header *header)
{
	header->subscriptions = 0;
}
static void more_members(struct layout_header *header)
{
	header->members = UINT32_MAX;
}
static void unknown_wake_mode(struct layout_header *header)
{
	header->wake_mode = 99;
}
static void odd_first_position(struct layout_header *header)
{
	header->first_position = 4;
}

Test(damage, sealing_a_header_anew_changes_nothing)
{
	/* Else the tests below would be satisfied by a wrong checksum. */
	expect_header(change_nothing, 0);
}

Test(damage, another_version_byte_order_or_feature)
{
	expect_header(next_version, -EPROTONOSUPPORT);
	expect_header(version_0, -EPROTONOSUPPORT);
	expect_header(incompatible_feature, -EPROTONOSUPPORT);
	expect_header(lowest_incompatible_feature, -EPROTONOSUPPORT);
	expect_header(other_byte_order, -EPROTONOSUPPORT);
	expect_header(odd_byte_order, -EPROTONOSUPPORT);
	expect_header(compatible_feature, 0);
}

Test(damage, a_geometry_that_cannot_be)
{
	static void (*const changes[])(struct layout_header *) = {
		no_magic,           no_capacity,      odd_capacity,    huge_capacity,
		half_capacity,      double_capacity,  records_at_0,    records_further,
		records_far_away,   other_data_size,  no_control_size, other_control_size,
		more_subscriptions, no_subscriptions, more_members,    unknown_wake_mode,
		odd_first_position,
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		expect_header(changes[i], -EBADMSG);
}

/* Damages one object's header without a fitting checksum. */
static const char *ring_with_flipped_bit(enum object object, size_t bit)
{
	const char *name = new_ring(0);
	size_t size;
	unsigned char *bytes = object_map(name, object, &size);

	bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
	object_unmap(bytes, size);
	return name;
}

Test(damage, a_wrong_checksum)
{
	expect_refused(
		ring_with_flipped_bit(OBJECT_DATA, 8 * offsetof(struct layout_header, checksum)),
		-EBADMSG);
	expect_refused(ring_with_flipped_bit(OBJECT_DATA, 8 * offsetof(struct layout_header, tag)),
		       -EBADMSG);
	expect_refused(
		ring_with_flipped_bit(OBJECT_CONTROL, 8 * offsetof(struct layout_header, checksum)),
		-EBADMSG);
}

Test(damage, control_object_missing)
{
	const char *name = new_ring(0);
	char path[SHM_PATH_SIZE];

	cr_assert_eq(shm_control_path(path, name), 0);
	cr_assert_eq(unlink(path), 0);
	expect_refused(name, -EUCLEAN);
	expect_ok(shmring_unlink(name));
	cr_assert_eq(shm_files_of(name), 0);
}

Test(damage, halves_that_do_not_belong_together)
{
	/* Another ring's control object, under the name that this one's should have. */
	const char *name = new_ring(0), *other = new_ring(0);
	char path[SHM_PATH_SIZE], other_path[SHM_PATH_SIZE];

	cr_assert_eq(shm_control_path(path, name), 0);
	cr_assert_eq(shm_control_path(other_path, other), 0);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(link(other_path, path), 0);
	expect_refused(name, -EUCLEAN);
	expect_fine(other);
}

Test(damage, data_under_the_name_of_control)
{
	const char *name = new_ring(0);
	char path[SHM_PATH_SIZE], data[SHM_PATH_SIZE];

	cr_assert_eq(shm_control_path(path, name), 0);
	shm_data_path(data, name);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(link(data, path), 0);
	expect_refused(name, -EUCLEAN);
}

/* ---- Sweeps: attach, use for a moment, and report how it went; nothing may crash or hang -------------------- */

static int table_error(int error)
{
	static const int table[] = { -EBADMSG, -EPROTONOSUPPORT, -EPROTOTYPE, -EUCLEAN, -ENOENT };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (error == table[i])
			return 1;
	return 0;
}

/* Attaches in every role; each must work or give an error of the table. */
static void attach_somehow(const char *name, enum object object, size_t bit)
{
	struct shmring_producer *producer = NULL;
	struct shmring_consumer *consumer = NULL, *observer = NULL;
	struct shmring_inspector *inspector = NULL;
	unsigned int problems = 0;
	int results[7];

	results[0] = shmring_producer_open(&producer, name, NULL);
	results[1] = shmring_consumer_open(&consumer, name, NULL);
	results[2] = shmring_observer_open(&observer, name, NULL);
	results[3] = shmring_inspector_open(&inspector, name);
	results[4] = shmring_check(name, count, &problems);
	results[5] = shmring_evict(name, "one");
	results[6] = shmring_unsubscribe(name, "one");
	for (int i = 0; i < 7; i++)
		cr_assert(results[i] == 0 || results[i] == -ESRCH || table_error(results[i]),
			  "object %d, bit %zu, role %d: %d (%s)", (int)object, bit, i, results[i],
			  shmring_strerror(results[i]));
	cr_assert(results[4] != 0 || problems > 0, "object %d, bit %zu: no problem", (int)object,
		  bit);
	if (producer && consumer)
		expect_ok(shmring_write(producer, "x", 1, 0, 0));
	shmring_producer_close(producer);
	shmring_consumer_close(consumer);
	shmring_consumer_close(observer);
	shmring_inspector_close(inspector);
}

/* Flips every bit of the header, one at a time, on one ring. */
static void sweep_header(enum object object)
{
	const char *name = new_ring(0);
	size_t size, fine = 0;
	unsigned char *bytes = object_map(name, object, &size);

	for (size_t bit = 0; bit < 8 * sizeof(struct layout_header); bit++) {
		struct shmring_inspector *inspector;

		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		attach_somehow(name, object, bit);
		if (shmring_inspector_open(&inspector, name) == 0) {
			fine++;
			shmring_inspector_close(inspector);
		}
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	/* The compatible features alone may differ. In one half only, the two do not belong together. */
	cr_assert_eq(fine, 0, "%zu flips went unnoticed", fine);
	object_unmap(bytes, size);
	expect_fine(name);
}

Test(damage, sweep_of_the_data_objects_header)
{
	sweep_header(OBJECT_DATA);
}

Test(damage, sweep_of_the_control_objects_header)
{
	sweep_header(OBJECT_CONTROL);
}

Test(damage, the_rest_of_the_header_pages_does_not_matter)
{
	const char *name = new_ring(0);

	for (int object = OBJECT_DATA; object <= OBJECT_CONTROL; object++) {
		size_t size;
		unsigned char *bytes = object_map(name, (enum object)object, &size);

		memset(bytes + sizeof(struct layout_header), 0xa5,
		       LAYOUT_PAGE - sizeof(struct layout_header));
		object_unmap(bytes, size);
	}
	expect_fine(name);
}
