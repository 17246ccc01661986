/* SPDX-License-Identifier: MIT */
/* error.c - what errors mean here; the kernel's others are told by number. */
#include <errno.h>
#include <stddef.h>

#include <shmring/shmring.h>

static const struct {
	int error;
	const char *text;
} texts[] = {
	{ 0, "no error" },
	{ EAGAIN, "nothing to read or no room to write right now" },
	{ EALREADY, "a reservation is in progress already, or the subscription was not evicted" },
	{ EACCES, "permission denied" },
	{ EBADMSG, "not a ring, or damaged" },
	{ EBUSY, "there is a producer already, or somebody has it open, or it is in a poller" },
	{ ECANCELED, "cancelled" },
	{ ECONNRESET, "the subscription was evicted" },
	{ EEXIST, "a ring of that name exists, or a durable subscription with another policy" },
	{ EINTR, "interrupted by a signal" },
	{ EINVAL, "bad argument" },
	{ EMFILE, "too many open files in this process" },
	{ EMSGSIZE, "too large for this ring, or for the buffer" },
	{ ENAMETOOLONG, "name too long" },
	{ ENFILE, "too many open files in the system" },
	{ ENOENT, "no such ring" },
	{ ENOMEM, "out of memory" },
	{ ENOSPC, "not enough shared memory (is /dev/shm full?)" },
	{ ENOSYS,
	  "not supported by this kernel or mount namespace (are /dev/shm and /proc mounted?)" },
	{ EOVERFLOW, "overwritten while being read" },
	{ EOWNERDEAD, "the producer died" },
	{ EPIPE, "the producer closed the stream" },
	{ EPROTONOSUPPORT, "a ring of another version, byte order or feature set" },
	{ EPROTOTYPE, "the ring's tag is not the one required" },
	{ ERANGE, "that sequence number has not been written yet" },
	{ ESRCH, "no such subscription, or it is not in this poller" },
	{ ESTALE, "the ring was removed or replaced" },
	{ ETIMEDOUT, "timed out" },
	{ EUCLEAN, "the data and control objects do not belong together" },
	{ EUSERS, "no free subscription slot" },
};

const char *shmring_strerror(int error)
{
	/* Not -error: that has no value for the least integer. */
	const unsigned int code = error < 0 ? 0u - (unsigned int)error : (unsigned int)error;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if ((unsigned int)texts[i].error == code)
			return texts[i].text;
	return "unexpected error from the kernel";
}

int shmring_version(void)
{
	return SHMRING_VERSION;
}
