/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <time.h>

#include "layout.h"
#include "liveness.h"
#include "wait.h"

#define LOCK_PATIENCE_NS (2 * NS_PER_SECOND)
#define LOCK_NAP_NS      20000

static struct flock lock_on(unsigned int byte, short type)
{
	return (struct flock){
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)byte,
		.l_len = 1,
	};
}

int lock_take(int fd, unsigned int byte)
{
	struct flock lock = lock_on(byte, F_WRLCK);

	while (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
		if (errno == EAGAIN || errno == EACCES)
			return -EBUSY;
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

void lock_drop(int fd, unsigned int byte)
{
	struct flock lock = lock_on(byte, F_UNLCK);

	fcntl(fd, F_OFD_SETLK, &lock);
}

int lock_held(int fd, unsigned int byte)
{
	/*
	 * Asked for as a read lock, so that other readers' locks, which anyone may take, are not
	 * mistaken for life.
	 */
	struct flock lock = lock_on(byte, F_RDLCK);

	while (fcntl(fd, F_OFD_GETLK, &lock) != 0)
		if (errno != EINTR)
			return -errno;
	return lock.l_type != F_UNLCK;
}

int lock_wait(int fd, unsigned int byte)
{
	uint64_t give_up = clock_ns() + LOCK_PATIENCE_NS;
	struct timespec nap = { .tv_nsec = LOCK_NAP_NS };
	int error;

	while ((error = lock_take(fd, byte)) == -EBUSY) {
		if (clock_ns() >= give_up)
			return -ETIMEDOUT;
		nanosleep(&nap, NULL);
	}
	return error;
}

int table_lock(int fd)
{
	return lock_wait(fd, LOCK_TABLE);
}

void table_unlock(int fd)
{
	lock_drop(fd, LOCK_TABLE);
}
