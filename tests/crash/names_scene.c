/* SPDX-License-Identifier: MIT */
#include "names_scene.h"

#include "../../lib/layout.h"
#include "../support/names.h"
#include "../support/objects.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const operation_names[OPERATIONS] = { "create", "unlink", "collect" };
const char *stage_name, *bystander_name;

static const char stranger_text[] = "not a ring, but somebody's data all the same";

static void must(bool done, const char *what)
{
	if (done)
		return;
	fprintf(stderr, "crash_names: cannot prepare: %s\n", what);
	exit(99);
}

void stage_choose_names(void)
{
	stage_name = unique_name();
	bystander_name = unique_name();
}

void stage_clear(void)
{
	DIR *directory = opendir("/dev/shm");
	struct dirent *entry;

	must(directory != NULL, "/dev/shm");
	while ((entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			must(unlinkat(dirfd(directory), entry->d_name, 0) == 0, entry->d_name);
	closedir(directory);
}

static int create(const char *name, unsigned char maker)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;

	options.capacity = SHMRING_CAPACITY_MIN;
	options.tag = &maker;
	options.tag_length = 1;
	return shmring_create(name, &options);
}

int stage_create(unsigned char maker)
{
	return create(stage_name, maker);
}

int stage_maker(void)
{
	struct shmring_info info = SHMRING_INFO_INIT;
	struct shmring_inspector *inspector;
	int error = shmring_inspector_open(&inspector, stage_name);

	if (error)
		return error == -ENOENT ? -1 : error;
	error = shmring_inspect(inspector, &info);
	shmring_inspector_close(inspector);
	return error ? error : info.tag[0];
}

/* ---- What is no ring ------------------------------------------------------------------------- */

static void stranger_file(unsigned int which, char file[SHM_PATH_SIZE])
{
	if (which == 0)
		snprintf(file, SHM_PATH_SIZE, ".%s.0123456789abcdef0123456789abcdef", stage_name);
	else
		snprintf(file, SHM_PATH_SIZE, "%sstranger", stage_name);
}

void strangers_make(void)
{
	char file[SHM_PATH_SIZE];

	for (unsigned int i = 0; i < STRANGERS; i++) {
		stranger_file(i, file);
		object_write(file, stranger_text, sizeof(stranger_text));
	}
}

bool stranger(const struct outside_file *file)
{
	char own[SHM_PATH_SIZE];

	for (unsigned int i = 0; i < STRANGERS; i++) {
		stranger_file(i, own);
		if (strcmp(own, file->file) == 0)
			return true;
	}
	return false;
}

bool strangers_intact(void)
{
	char file[SHM_PATH_SIZE], path[SHM_PATH_SIZE], text[sizeof(stranger_text)];
	bool intact = true;

	for (unsigned int i = 0; i < STRANGERS; i++) {
		FILE *stream;

		stranger_file(i, file);
		shm_data_path(path, file);
		stream = fopen(path, "r");
		intact = intact && stream && fread(text, 1, sizeof(text), stream) == sizeof(text) &&
			 memcmp(text, stranger_text, sizeof(text)) == 0 && fgetc(stream) == EOF;
		if (stream)
			fclose(stream);
	}
	return intact;
}

/* ---- What is there when the victim comes ----------------------------------------------------- */

static void orphan(const char *name)
{
	char path[SHM_PATH_SIZE];

	must(create(name, MADE_BEFORE) == 0, "an orphan");
	shm_data_path(path, name);
	must(unlink(path) == 0, path);
}

static void set_nothing(void)
{
}

static void set_ring(void)
{
	must(stage_create(MADE_BEFORE) == 0, "a ring");
}

static void set_orphan(void)
{
	orphan(stage_name);
}

static void set_ring_and_orphan(void)
{
	set_orphan();
	set_ring();
}

static void set_orphans(void)
{
	orphan(bystander_name);
	set_ring_and_orphan();
}

static void set_orphans_alone(void)
{
	orphan(bystander_name);
	set_orphan();
}

static void set_damaged(void)
{
	struct layout_header *header;
	size_t size;

	set_ring();
	header = object_map(stage_name, OBJECT_DATA, &size);
	header->checksum ^= 1;
	object_unmap(header, size);
}

void stage_set(const struct scene *scene)
{
	stage_clear();
	strangers_make();
	scene->set();
}

/* ---- What it does ---------------------------------------------------------------------------- */

static int act_create(void)
{
	return stage_create(MADE_BY_VICTIM);
}

static int act_unlink(void)
{
	return shmring_unlink(stage_name);
}

static int go_on(const struct shmring_entry *entry, void *argument)
{
	(void)entry;
	(void)argument;
	return 0;
}

static int stop(const struct shmring_entry *entry, void *argument)
{
	(void)entry;
	(void)argument;
	return 42;
}

static int act_collect(void)
{
	return shmring_collect(0, go_on, NULL);
}

static int act_collect_for_show(void)
{
	return shmring_collect(1, NULL, NULL);
}

static int act_collect_stopped(void)
{
	return shmring_collect(0, stop, NULL);
}

const struct scene scenes[] = {
	{ .what = "create", .operation = CREATING, .set = set_nothing, .act = act_create },
	{ .what = "create, an older kernel", .operation = CREATING, .set = set_nothing,
	  .act = act_create, .old_kernel = true },
	{ .what = "create beside an orphan", .operation = CREATING, .set = set_orphan,
	  .act = act_create, .orphans = 1 },
	{ .what = "create where there is one", .operation = CREATING, .set = set_ring,
	  .act = act_create, .expected = -EEXIST, .rings = 1 },
	{ .what = "create and come too late", .operation = CREATING, .set = set_nothing,
	  .act = act_create, .expected = -EEXIST, .rival = true },
	{ .what = "unlink", .operation = UNLINKING, .set = set_ring, .act = act_unlink,
	  .rings = 1 },
	{ .what = "unlink beside an orphan", .operation = UNLINKING, .set = set_ring_and_orphan,
	  .act = act_unlink, .rings = 1, .orphans = 1 },
	{ .what = "unlink a damaged one", .operation = UNLINKING, .set = set_damaged,
	  .act = act_unlink, .damaged = true, .rings = 1 },
	{ .what = "unlink where there is none", .operation = UNLINKING, .set = set_orphan,
	  .act = act_unlink, .expected = -ENOENT, .orphans = 1 },
	{ .what = "collect", .operation = COLLECTING, .set = set_orphans,
	  .act = act_collect, .collects = true,
	  .rings = 1, .orphans = 2 },
	{ .what = "collect for show", .operation = COLLECTING, .set = set_orphans,
	  .act = act_collect_for_show, .rings = 1, .orphans = 2 },
	{ .what = "collect, and be stopped", .operation = COLLECTING, .set = set_orphans,
	  .act = act_collect_stopped, .expected = 42, .rings = 1, .orphans = 2 },
	{ .what = "collect while another creates", .operation = COLLECTING,
	  .set = set_orphans_alone,
	  .act = act_collect, .collects = true, .orphans = 2, .partner = act_create,
	  .partner_operation = CREATING },
	{ .what = "collect while another unlinks", .operation = COLLECTING, .set = set_orphans,
	  .act = act_collect, .collects = true, .rings = 1, .orphans = 2, .partner = act_unlink,
	  .partner_operation = UNLINKING },
	{ .what = "collect while another collects", .operation = COLLECTING, .set = set_orphans,
	  .act = act_collect, .collects = true, .rings = 1, .orphans = 2, .partner = act_collect,
	  .partner_operation = COLLECTING },
	{ .what = "collect where there is nothing", .operation = COLLECTING, .set = set_ring,
	  .act = act_collect, .collects = true, .rings = 1 },
};
const unsigned int scene_count = sizeof(scenes) / sizeof(scenes[0]);
