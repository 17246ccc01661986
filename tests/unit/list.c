/* SPDX-License-Identifier: MIT */
/* Listing rings, and control objects that lost their data. */
#include "unit.h"

#include <stdlib.h>
#include <unistd.h>

#include "../support/objects.h"

/* What shmring_list says about rings whose names begin with `prefix`. */
struct found {
	const char *prefix;
	unsigned int rings;
	unsigned int orphans;
	char name[SHMRING_NAME_MAX + 1];
	char file[256];
};

static int note(const struct shmring_entry *entry, void *argument)
{
	struct found *found = argument;

	if (strncmp(entry->name, found->prefix, strlen(found->prefix)) != 0)
		return 0;
	if (entry->kind == SHMRING_ENTRY_RING)
		found->rings++;
	else if (entry->kind == SHMRING_ENTRY_ORPHAN)
		found->orphans++;
	else
		return -1;
	snprintf(found->name, sizeof(found->name), "%s", entry->name);
	snprintf(found->file, sizeof(found->file), "%s", entry->file);
	return 0;
}

static struct found list(const char *prefix)
{
	struct found found = { .prefix = prefix };

	expect_ok(shmring_list(note, &found));
	return found;
}

Test(list, shows_a_ring_once)
{
	const char *name = new_ring(0);
	struct found found = list(name);

	cr_assert_eq(found.rings, 1);
	cr_assert_eq(found.orphans, 0);
	cr_assert_str_eq(found.name, name);
	cr_assert_str_eq(found.file, name);
	expect_ok(shmring_unlink(name));
	cr_assert_eq(list(name).rings, 0);
}

Test(list, shows_many)
{
	const char *prefix = unique_name();
	char name[SHMRING_NAME_MAX + 1];

	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "%sx%d", prefix, i);
		expect_ok(shmring_create(name, NULL));
	}
	cr_assert_eq(list(prefix).rings, 50);
}

Test(list, passes_over_what_is_no_ring)
{
	const char *name = unique_name();
	char other[256];

	object_write(
		name,
		"some other program's memory, long enough for a header of a ring, and then some",
		78);
	snprintf(other, sizeof(other), ".%s.0123456789abcdef0123456789abcdef", name);
	object_write(other, "nor is this a control object", 28);
	snprintf(other, sizeof(other), "%s-empty", name);
	object_write(other, "", 0);
	cr_assert_eq(list(name).rings, 0);
	cr_assert_eq(list(name).orphans, 0);
}

Test(list, shows_an_orphan_which_harms_nobody)
{
	const char *name = new_ring(0);
	char path[SHM_PATH_SIZE];
	struct found found;

	shm_data_path(path, name);
	cr_assert_eq(unlink(path), 0);
	found = list(name);
	cr_assert_eq(found.rings, 0);
	cr_assert_eq(found.orphans, 1);
	cr_assert_str_eq(found.name, name);
	cr_assert_eq(found.file[0], '.');
	cr_assert_eq(shm_files_of(name), 1);

	/* No ring, no obstacle to a new one of that name. */
	expect_result(shmring_unlink(name), -ENOENT);
	expect_ok(shmring_create(name, NULL));
	found = list(name);
	cr_assert_eq(found.rings, 1);
	cr_assert_eq(found.orphans, 1);
	write_records(new_producer(name), 3, 3);
	expect_run(new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST), 0, 3, 3);
	expect_ok(shmring_unlink(name));
	found = list(name);
	cr_assert_eq(found.rings, 0);
	cr_assert_eq(found.orphans, 1);
}

static int stop_at_once(const struct shmring_entry *entry, void *argument)
{
	(void)entry;
	++*(int *)argument;
	return 42;
}

Test(list, stops_when_told)
{
	int visits = 0;

	new_ring(0);
	new_ring(0);
	expect_result(shmring_list(stop_at_once, &visits), 42);
	cr_assert_eq(visits, 1);
	expect_result(shmring_list(NULL, NULL), -EINVAL);
}
