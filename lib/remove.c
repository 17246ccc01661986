/* SPDX-License-Identifier: MIT */
/*
 * remove.c - death of a ring, and of what is left of one.
 *
 * The data object's name goes first: then there is no ring, only a control object to be collected.
 * Names are removed under LOCK_NAMES of the control object, which there is one of for each birth of
 * a ring: so whoever has found the name to be that ring's, and holds the lock, can remove it
 * without hitting a ring that has taken the name since.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "list.h"
#include "liveness.h"
#include "registry.h"
#include "wait.h"

/* Does a name still stand for this file? */
static bool named(const char *path, const struct stat *opened)
{
	struct stat now;

	return lstat(path, &now) == 0 && now.st_ino == opened->st_ino &&
	       now.st_dev == opened->st_dev;
}

static int remove_name(const char *path)
{
	if (unlink(path) == 0)
		return 0;
	return errno == EPERM ? -EACCES : -errno;
}

/* With both names known to be the ring's. */
static int remove_both(const char *path, const char *control_path, const struct stat *opened)
{
	int error = named(path, opened) ? remove_name(path) : -ENOENT;

	if (!error)
		unlink(control_path);
	return error;
}

/* A ring that is whole: its control object is there to be locked. */
static int remove_whole(const char *path, const char *control_path, const struct stat *opened)
{
	struct handle control;
	int error = handle_open_lock(&control, control_path);

	/*
	 * Damaged, or not ours to write: then there is nothing to lock, and no more to it than the
	 * names.
	 */
	if (error == -ENOENT || error == -EACCES || error == -ELOOP || error == -EISDIR)
		return remove_both(path, control_path, opened);
	if (error)
		return error;
	error = lock_wait(control.segment.lock_fd, LOCK_NAMES);
	if (!error) {
		error = remove_both(path, control_path, opened);
		lock_drop(control.segment.lock_fd, LOCK_NAMES);
	}
	handle_close(&control);
	return error;
}

int shmring_unlink(const char *name)
{
	char path[PATH_SIZE], control_path[PATH_SIZE];
	struct layout_header header;
	struct stat opened;
	const char *bare;
	bool whole;
	int fd, error;
	KEEP_ERRNO;

	error = name_check_ring(name, &bare);
	if (error)
		return error;
	path_of_data(path, bare);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? -EBADMSG : -errno;
	error = fstat(fd, &opened) == 0 && S_ISREG(opened.st_mode)
			? magic_read(fd, LAYOUT_MAGIC_DATA)
			: -EBADMSG;
	/*
	 * A damaged ring can be removed too, but then its UUID cannot be relied on to name the
	 * control object.
	 */
	whole = !error && header_read(fd, &header, (uint64_t)opened.st_size) == 0;
	if (whole) {
		path_of_control(control_path, bare, header.uuid);
		error = remove_whole(path, control_path, &opened);
	} else if (!error) {
		error = named(path, &opened) ? remove_name(path) : -ENOENT;
	}
	/* Closed last: as long as it is open, no other file has its inode number. */
	close(fd);
	return error;
}

struct collection {
	bool dry_run;
	int refused; /* the last error of one that may not be removed */
	int (*visit)(const struct shmring_entry *entry, void *argument);
	void *argument;
};

/* With the lock held: its maker and its remover are dead, or it has been seen by neither since. */
static int collect_locked(struct collection *collection, const struct shmring_entry *entry,
			  const char *path)
{
	int result;

	/* Its maker may have finished, and its remover as well, since it was listed. */
	if (!list_is_orphan(entry->file))
		return 0;
	result = collection->visit ? collection->visit(entry, collection->argument) : 0;
	if (result == 0 && !collection->dry_run && unlink(path) != 0 && errno != ENOENT)
		collection->refused = errno == EPERM ? -EACCES : -errno;
	return result;
}

static int collect(const struct shmring_entry *entry, void *argument)
{
	struct collection *collection = argument;
	struct handle control;
	char path[PATH_SIZE];
	int result = 0;

	if (entry->kind != SHMRING_ENTRY_ORPHAN)
		return 0;
	path_of_file(path, entry->file);
	if (handle_open_lock(&control, path) != 0)
		return 0;
	if (lock_take(control.segment.lock_fd, LOCK_NAMES) == 0) {
		result = collect_locked(collection, entry, path);
		lock_drop(control.segment.lock_fd, LOCK_NAMES);
	}
	handle_close(&control);
	return result;
}

int shmring_collect(int dry_run, int (*visit)(const struct shmring_entry *entry, void *argument),
		    void *argument)
{
	struct collection collection = { dry_run != 0, 0, visit, argument };
	int result;
	KEEP_ERRNO;

	result = shmring_list(collect, &collection);
	return result ? result : collection.refused;
}
