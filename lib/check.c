/* SPDX-License-Identifier: MIT */
/*
 * check.c - is this ring sound? Files and headers; what is in them: check_data.c, check_control.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "wait.h"

void check_report(struct check *check, enum check_object object, uint64_t offset, uint64_t found,
		  uint64_t low, uint64_t high, int slot, const char *what)
{
	struct shmring_problem problem = {
		.what = what,
		.object = object == CHECK_DATA ? "data" : "control",
		.offset = offset,
		.found = found,
		.low = low,
		.high = high,
		.subscription = slot,
	};

	if (check->result == 0)
		check->result = check->visit(&problem, check->argument);
}

static int open_to_read(const char *path, struct stat *status)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	int error;

	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? -EBADMSG
		       : errno == EPERM                 ? -EACCES
							: -errno;
	error = fstat(fd, status) != 0 ? -errno : S_ISREG(status->st_mode) ? 0 : -EBADMSG;
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

/*
 * Reads a header and tells what is wrong with it. 1: nothing; 0: it was told; or a negative errno.
 */
static int check_header(struct check *check, enum check_object object, int fd, uint64_t data_size,
			struct layout_header *header)
{
	struct header_fault fault;
	int error = header_read_unchecked(fd, header);

	if (error == -EBADMSG) {
		check_report(check, object, 0, 0, 0, 0, -1, "the object is shorter than a header");
		return 0;
	}
	if (!error)
		error = header_check(header, data_size, &fault);
	if (error == -EBADMSG) {
		check_report(check, object, fault.offset, fault.found, fault.low, fault.high, -1,
			     fault.what);
		return 0;
	}
	return error ? error : 1;
}

/* Does the control object say the same as the data object, byte for byte but for the magic? */
static int compare_headers(struct check *check, const struct layout_header *data,
			   const struct layout_header *control)
{
	const unsigned char *one = (const unsigned char *)data,
			    *other = (const unsigned char *)control;

	if (control->magic != LAYOUT_MAGIC_CONTROL) {
		check_report(check, CHECK_CONTROL, 0, control->magic, LAYOUT_MAGIC_CONTROL,
			     LAYOUT_MAGIC_CONTROL, -1,
			     "the control object's magic number is not its own");
		return 0;
	}
	for (size_t i = sizeof(data->magic); i < sizeof(*data); i++) {
		if (one[i] == other[i])
			continue;
		check_report(check, CHECK_CONTROL, i, other[i], one[i], one[i], -1,
			     "the two objects' headers differ in this byte");
		return 0;
	}
	return 1;
}

static bool unlinked(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && status.st_nlink == 0;
}

/* 1: there and sound, or not to be seen; 0: what is wrong was told; or a negative errno. */
static int check_control_file(struct check *check, const char *bare, int data_fd,
			      const struct layout_header *data)
{
	struct layout_header header;
	char path[PATH_SIZE];
	struct stat status;
	int fd, sound;

	path_of_control(path, bare, data->uuid);
	fd = open_to_read(path, &status);
	if (fd == -EACCES)
		return 1;
	/* The data object's name goes first. */
	if (fd == -ENOENT && unlinked(data_fd))
		return -ENOENT;
	if (fd == -ENOENT) {
		check_report(check, CHECK_CONTROL, 0, 0, 0, 0, -1, "the control object is missing");
		return 0;
	}
	if (fd < 0)
		return fd;
	sound = check_header(check, CHECK_CONTROL, fd, data->data_size, &header);
	close(fd);
	if (sound == 1)
		sound = compare_headers(check, data, &header);
	if (sound == 1 && (uint64_t)status.st_size != header.control_size) {
		check_report(check, CHECK_CONTROL, offsetof(struct layout_header, control_size),
			     (uint64_t)status.st_size, header.control_size, header.control_size, -1,
			     "the control object is not as long as its header says");
		return 0;
	}
	return sound;
}

/* As above, for both files. */
static int check_files(struct check *check, const char *bare)
{
	struct layout_header header;
	char path[PATH_SIZE];
	struct stat status;
	int fd, sound;

	path_of_data(path, bare);
	fd = open_to_read(path, &status);
	if (fd < 0)
		return fd;
	sound = magic_read(fd, LAYOUT_MAGIC_DATA);
	if (sound == 0)
		sound = check_header(check, CHECK_DATA, fd, (uint64_t)status.st_size, &header);
	if (sound == 1)
		sound = check_control_file(check, bare, fd, &header);
	close(fd);
	return sound;
}

int shmring_check(const char *name,
		  int (*visit)(const struct shmring_problem *problem, void *argument),
		  void *argument)
{
	struct check check = { NULL, visit, argument, 0 };
	struct segment segment;
	const char *bare;
	int sound, error;
	KEEP_ERRNO;

	error = visit ? name_check_ring(name, &bare) : -EINVAL;
	if (error)
		return error;
	sound = check_files(&check, bare);
	if (sound != 1)
		return sound == 0 ? check.result : sound;
	error = segment_attach(&segment, name, SEGMENT_INSPECTOR, (struct tag){ NULL, 0 }, false);
	if (error)
		return error;
	check.segment = &segment;
	check_data(&check);
	if (segment.control)
		check_control(&check);
	segment_detach(&segment);
	return check.result;
}
