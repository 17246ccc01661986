/* SPDX-License-Identifier: MIT */
/* Creating and removing a ring: what it costs, what is refused, what is left. */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "../support/objects.h"

static struct shmring_create_options sized(uint64_t capacity)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;

	options.capacity = capacity;
	return options;
}

static void expect_capacity(uint64_t asked, uint64_t got)
{
	struct shmring_create_options options = sized(asked);
	const char *name = new_ring_with(&options);
	struct shmring_info info = ring_info(name);

	cr_assert_eq(info.capacity, got, "asked for %llu, got %llu", (unsigned long long)asked,
		     (unsigned long long)info.capacity);
	cr_assert_eq(info.maximum, got / 4);
	expect_ok(shmring_unlink(name));
}

Test(create, gives_the_default_capacity_for_0_and_without_options)
{
	const char *name = new_ring_with(NULL);

	cr_assert_eq(ring_info(name).capacity, SHMRING_CAPACITY_DEFAULT);
	expect_capacity(0, SHMRING_CAPACITY_DEFAULT);
}

Test(create, rounds_capacity_up_to_a_power_of_two)
{
	expect_capacity(1, SHMRING_CAPACITY_MIN);
	expect_capacity(SHMRING_CAPACITY_MIN - 1, SHMRING_CAPACITY_MIN);
	expect_capacity(SHMRING_CAPACITY_MIN, SHMRING_CAPACITY_MIN);
	expect_capacity(SHMRING_CAPACITY_MIN + 1, 2 * SHMRING_CAPACITY_MIN);
	expect_capacity(1000000, 1048576);
	expect_capacity(1048577, 2097152);
}

Test(create, refuses_an_absurd_capacity)
{
	static const uint64_t absurd[] = { SHMRING_CAPACITY_MAX + 1, 1ULL << 40, (1ULL << 63) + 1,
					   UINT64_MAX };
	const char *name = unique_name();

	for (size_t i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++) {
		struct shmring_create_options options = sized(absurd[i]);

		expect_result(shmring_create(name, &options), -EINVAL);
	}
	cr_assert_eq(shm_files_of(name), 0);
}

Test(create, refuses_options_it_does_not_understand)
{
	const char *name = unique_name();
	struct shmring_create_options options;
	char tag[SHMRING_TAG_SIZE + 1] = { 0 };

#define refused(change)                                                 \
	do {                                                            \
		options = sized(0);                                     \
		change;                                                 \
		expect_result(shmring_create(name, &options), -EINVAL); \
	} while (0)
	refused(options.size = 0);
	refused(options.size = 7);
	refused(options.size = SIZE_MAX);
	refused(options.reserved = 1);
	refused(options.wake_mode = (enum shmring_wake_mode)3);
	refused(options.data_mode = 01600);
	refused(options.control_mode = 010600);
	refused(options.first_position = 4);
	refused(options.first_position = (1ULL << 63) + (1ULL << 62));
	refused(options.first_sequence = (1ULL << 63) + (1ULL << 62));
	refused((options.tag = tag, options.tag_length = sizeof(tag)));
	refused(options.tag_length = 1);
#undef refused
	cr_assert_eq(shm_files_of(name), 0);
}

Test(create, takes_a_longer_structure_of_a_later_version_if_the_rest_is_zero)
{
	struct {
		struct shmring_create_options options;
		uint64_t unknown;
	} later = { .options = SHMRING_CREATE_OPTIONS_INIT };

	later.options.size = sizeof(later);
	later.options.capacity = SMALL;
	new_ring_with(&later.options);
	later.unknown = 1;
	expect_result(shmring_create(unique_name(), &later.options), -EINVAL);
}

Test(create, says_that_a_ring_exists_and_leaves_it_alone)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);

	expect_result(shmring_create(name, NULL), -EEXIST);
	cr_assert_eq(shm_files_of(name), 2);
	write_records(producer, 3, 10);
	expect_run(consumer, 0, 3, 10);
}

Test(create, says_that_a_file_of_that_name_exists)
{
	const char *name = unique_name();

	object_write(name, "not a ring", 10);
	expect_result(shmring_create(name, NULL), -EEXIST);
	cr_assert_eq(shm_files_of(name), 1, "a control object was left behind");
}

Test(create, makes_two_objects_and_unlink_removes_both)
{
	const char *name = new_ring(0);

	cr_assert_eq(shm_files_of(name), 2);
	expect_ok(shmring_unlink(name));
	cr_assert_eq(shm_files_of(name), 0);
	expect_result(shmring_unlink(name), -ENOENT);
	expect_ok(shmring_create(name, NULL));
}

Test(create, takes_at_most_96_kib_more_than_the_capacity_and_reserves_all_of_it)
{
	for (uint64_t capacity = SHMRING_CAPACITY_MIN; capacity <= 16 << 20; capacity *= 4) {
		const char *name = new_ring(capacity);
		struct shmring_info info = ring_info(name);
		char path[SHM_PATH_SIZE];
		struct stat data, control;

		shm_data_path(path, name);
		cr_assert_eq(stat(path, &data), 0);
		cr_assert_eq(shm_control_path(path, name), 0);
		cr_assert_eq(stat(path, &control), 0);
		cr_assert_eq((uint64_t)data.st_size, info.data_size);
		cr_assert_eq((uint64_t)control.st_size, info.control_size);
		cr_assert_leq(info.data_size + info.control_size, capacity + 96 * 1024);
		cr_assert_geq((uint64_t)data.st_blocks * 512, info.data_size, "not reserved");
		cr_assert_geq((uint64_t)control.st_blocks * 512, info.control_size, "not reserved");
		cr_assert_leq((uint64_t)(data.st_blocks + control.st_blocks) * 512,
			      capacity + 96 * 1024);
		expect_ok(shmring_unlink(name));
	}
}

Test(create, gives_each_object_its_mode_whatever_the_umask)
{
	struct shmring_create_options options = sized(0);
	struct shmring_info info;

	umask(0777);
	info = ring_info(new_ring_with(&options));
	cr_assert_eq(info.data_mode, 0600);
	cr_assert_eq(info.control_mode, 0600);
	options.data_mode = 0644;
	options.control_mode = 0666;
	info = ring_info(new_ring_with(&options));
	cr_assert_eq(info.data_mode, 0644);
	cr_assert_eq(info.control_mode, 0666);
}

Test(create, stores_the_tag_with_zeros_behind)
{
	struct shmring_create_options options = sized(0);
	char full[SHMRING_TAG_SIZE], zeros[SHMRING_TAG_SIZE] = { 0 };
	struct shmring_info info;

	info = ring_info(new_ring_with(&options));
	cr_assert_arr_eq(info.tag, zeros, sizeof(zeros));
	options.tag = "quotes 3";
	options.tag_length = 8;
	info = ring_info(new_ring_with(&options));
	cr_assert_arr_eq(info.tag, "quotes 3", 8);
	cr_assert_arr_eq(info.tag + 8, zeros, sizeof(zeros) - 8);
	memset(full, 'x', sizeof(full));
	options.tag = full;
	options.tag_length = sizeof(full);
	info = ring_info(new_ring_with(&options));
	cr_assert_arr_eq(info.tag, full, sizeof(full));
}

Test(create, two_rings_at_a_time_make_one)
{
	/* Whoever loses the race must leave nothing; several tries, each with a fresh name. */
	for (int i = 0; i < 20; i++) {
		const char *name = unique_name();
		pid_t children[4];
		int made = 0;

		for (int c = 0; c < 4; c++) {
			children[c] = fork();
			if (children[c] == 0)
				_exit(-shmring_create(name, NULL));
		}
		for (int c = 0; c < 4; c++) {
			int status = child_wait(children[c]);

			cr_assert(status == 0 || status == EEXIST, "status %d", status);
			made += status == 0;
		}
		cr_assert_eq(made, 1, "%d were made", made);
		cr_assert_eq(shm_files_of(name), 2, "%u files", shm_files_of(name));
		expect_ok(shmring_unlink(name));
	}
}

Test(unlink, leaves_alone_what_is_no_ring)
{
	const char *name = unique_name();

	expect_result(shmring_unlink(name), -ENOENT);
	object_write(name,
		     "this is some other program's shared memory, long enough to hold a header",
		     72);
	expect_result(shmring_unlink(name), -EBADMSG);
	object_write(name, "", 0);
	expect_result(shmring_unlink(name), -EBADMSG);
	cr_assert_eq(shm_files_of(name), 1);
}

Test(unlink, follows_no_symbolic_link)
{
	const char *target = new_ring(0);
	const char *name = unique_name();
	char from[SHM_PATH_SIZE], to[SHM_PATH_SIZE];

	shm_data_path(from, name);
	shm_data_path(to, target);
	cr_assert_eq(symlink(to, from), 0);
	expect_result(shmring_unlink(name), -EBADMSG);
	cr_assert_eq(shm_files_of(target), 2);
	cr_assert_eq(shm_files_of(name), 1);
}

Test(unlink, lets_those_who_have_it_open_go_on)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *observer = new_observer(name, SHMRING_OLDEST);

	write_records(producer, 5, 100);
	expect_ok(shmring_unlink(name));
	write_records(producer, 5, 100);
	expect_run(consumer, 0, 10, 100);
	expect_run(observer, 0, 10, 100);
	expect_result(shmring_wait(consumer, -1), -ESTALE);
	expect_result(shmring_wait(observer, -1), -ESTALE);
	expect_result(read_until_told(consumer), -ESTALE);
	expect_result(read_until_told(observer), -ESTALE);
}

Test(unlink, a_replaced_ring_is_stale_too)
{
	const char *name = new_ring(0);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);

	expect_ok(shmring_unlink(name));
	expect_ok(shmring_create(name, NULL));
	expect_result(shmring_wait(consumer, -1), -ESTALE);
}
