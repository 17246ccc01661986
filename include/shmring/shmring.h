/* SPDX-License-Identifier: MIT */
/*
 * shmring: a stream of records in shared memory, written by one process and read by many.
 *
 * THE IDEAS
 *
 * A ring is a window onto one endless stream of records. The producer appends, every consumer reads
 * at its own place, and nobody makes a system call per record: a reader polls the header word of
 * the record it expects next, and the producer makes a record exist by storing that one word.
 *
 * Places in the stream are 64-bit positions (bytes since creation, multiples of 8), never pointers:
 * each process maps the ring at an address of its own. Records also carry a sequence number, 0, 1,
 * 2, ... A reader that lost records is told exactly how many.
 *
 * Who may do what is decided by file permissions. A ring is one segment in two files: only the
 * producer can write to the data object /dev/shm/NAME, which holds the records; consumers write to
 * the control object /dev/shm/.NAME.UUID, which holds their cursors.
 *
 *   producer    data rw, control rw    appends records
 *   consumer    data ro, control rw    reads; a RELIABLE one holds the producer back
 *   observer    data ro, control -     reads what it can catch; nobody notices it
 *   inspector   data ro, control ro    sees everyone's lag and state; changes nothing
 *
 * A consumer has a subscription, a cursor with a name in the control object. Its policy says what
 * happens when it cannot keep up: for RELIABLE the producer waits, for DEADLINE it waits so long
 * and then evicts the subscription, a LOSSY one loses the oldest records. A durable subscription
 * outlives its process, and the next one goes on at the first record that was not released. Several
 * processes may share a subscription: each record goes to one member of such a group, and if that
 * one dies before it has released it, to another.
 *
 * A process may be killed at any instruction. A lock that the kernel drops as a process dies is the
 * only proof of life; no clock or heartbeat decides who is dead. A producer that dies leaves whole
 * records, and the next one goes on behind them. A consumer that dies stops holding the producer
 * back, unless its subscription is durable, or others share it who do its work.
 *
 * A COMPLETE EXAMPLE
 *
 * example-begin
 *	#include <shmring/shmring.h>
 *	#include <errno.h>
 *	#include <stdio.h>
 *	#include <string.h>
 *
 *	static const char name[] = "shmring-header-example";
 *
 *	int main(void)
 *	{
 *		struct shmring_producer *producer;
 *		struct shmring_consumer *consumer;
 *		struct shmring_record record;
 *		int error;
 *
 *		if ((error = shmring_create(name, NULL)) != 0 ||
 *		    (error = shmring_consumer_open(&consumer, name, NULL)) != 0 ||
 *		    (error = shmring_producer_open(&producer, name, NULL)) != 0) {
 *			fprintf(stderr, "%s: %s\n", name, shmring_strerror(error));
 *			return 1;
 *		}
 *		shmring_write(producer, "hello", 5, 0, -1);
 *		shmring_write(producer, "world", 5, 0, -1);
 *		shmring_producer_close(producer);
 *
 *		while (error == 0) {
 *			error = shmring_read(consumer, &record);
 *			if (error == 0) {
 *				printf("%.*s\n", (int)record.length, (const char *)record.data);
 *				error = shmring_release(consumer);
 *			} else if (error == -EAGAIN) {
 *				error = shmring_wait(consumer, -1);
 *			}
 *		}
 *		printf("%s\n", shmring_strerror(error));
 *		shmring_consumer_close(consumer);
 *		return shmring_unlink(name) == 0 ? 0 : 1;
 *	}
 * example-end
 *
 * CONVENTIONS
 *
 * Functions return 0 or a negative errno value; SHMRING_ERRORS below says what each means. An
 * object comes out through a pointer that is left alone on failure. The library does not print,
 * abort, touch signal handlers, or change errno.
 *
 * Time-outs are int64_t nanoseconds: 0 tries once, a negative one waits for ever. A wait that a
 * signal interrupts goes on, unless the handle's options say `interruptible`: then it returns
 * -EINTR. (A signal that comes just before a wait is not seen by it; shmring_cancel always is.)
 *
 * Option structures start with their size, so that later versions can add members. Start from the
 * initializer: `struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;`. A null
 * pointer stands for all defaults.
 *
 * CONCURRENCY
 *
 *   which calls may run at the same time         same handle    different handles
 *   shmring_cancel with any call, close included    yes              yes
 *   shmring_poller_add_..., shmring_poller_remove   yes              yes
 *     with each other and with shmring_poller_wait
 *   any other two calls                             no               yes, in one process or many
 *
 * One handle belongs to one thread at a time. Any number of threads may have handles of their own
 * on one ring. After fork the child has no part in the ring: its handles answer -EOWNERDEAD, and
 * closing them is safe and does not disturb the parent.
 *
 * ORDERING
 *
 * What a process did before shmring_commit (or write, or flush) happens before what another does
 * after the shmring_read (or wait) that returns that record. What a RELIABLE consumer did before
 * shmring_release happens before the producer's shmring_reserve that takes the room. Nothing else
 * is ordered.
 */
#ifndef SHMRING_SHMRING_H
#define SHMRING_SHMRING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#if defined(__GNUC__)
#define SHMRING_API __attribute__((visibility("default")))
#else
#define SHMRING_API
#endif

#ifdef __cplusplus
/* A zeroed option or report structure that knows its size; the C macros below do the same. */
template <typename T> inline T shmring_sized()
{
	T sized = T();
	sized.size = sizeof(T);
	return sized;
}
#define SHMRING_SIZED(type) shmring_sized<type>()
extern "C" {
#else
#define SHMRING_SIZED(type) { .size = sizeof(type) }
#endif

/*
 * SHMRING_ERRORS
 *
 *   -EAGAIN        nothing to read, or no room to write, right now
 *   -EALREADY      a reservation is in progress already; or the subscription was not evicted; or a
 *                  group's member has to release first; or there is no reason to sleep
 *   -EACCES        the files' permissions do not grant this role
 *   -EBADMSG       not a ring, or damaged
 *   -EBUSY         there is a producer, or somebody has the subscription open; or the handle is in a
 *                  poller
 *   -ECONNRESET    the subscription was evicted: discard what was read and not released; see
 *                  shmring_rejoin
 *   -ECANCELED     shmring_cancel was called on this handle
 *   -EEXIST        a ring of that name exists, or a durable subscription or group with another
 *                  policy
 *   -EINTR         a signal interrupted the wait of an interruptible handle
 *   -EINVAL        bad argument
 *   -EMSGSIZE      the record (or the unfinished batch) is too large for this ring, or the buffer
 *                  too small
 *   -ENAMETOOLONG  the name of a ring or subscription is too long
 *   -ENOENT        no such ring
 *   -ENOMEM        this process is out of memory
 *   -ENOSPC        shared memory (/dev/shm) is full
 *   -ENOSYS        the kernel, or this mount namespace, lacks something needed (is /proc mounted?)
 *   -EOVERFLOW     the records read since the last release may have been overwritten: discard them
 *   -EOWNERDEAD    the producer died and everything it published has been read; or a handle in a
 *                  forked child
 *   -EPIPE         the producer closed the stream and everything has been read
 *   -EPROTONOSUPPORT  a ring of another layout version, byte order, or with features unknown here
 *   -EPROTOTYPE    the ring's tag is not the one required
 *   -ERANGE        that sequence number has not been written yet
 *   -ESRCH         no such subscription, or no such handle in the poller
 *   -ESTALE        the ring was removed or replaced, and everything left in it has been read
 *   -ETIMEDOUT     the time-out passed
 *   -EUCLEAN       the two objects do not belong together, or the control object is missing
 *   -EUSERS        no free subscription or member slot
 *
 * Others (-EMFILE, -EIO, ...) are the kernel's, passed on.
 */

/*
 * Describes an error in a few English words. Takes either sign; returns a constant string, never
 * null.
 */
SHMRING_API const char *shmring_strerror(int error);

/*
 * The version of this header, and of the library at run time, as major * 10000 + minor * 100 +
 * patch.
 */
#define SHMRING_VERSION 100
SHMRING_API int shmring_version(void);

/* ---- Creating and removing ------------------------------------------------------------------- */

/*
 * Longest ring name in bytes; of A-Za-z0-9._- with no leading dot. One leading slash is accepted
 * and dropped.
 */
#define SHMRING_NAME_MAX 200

/* Longest subscription name in bytes; of A-Za-z0-9._- with no leading dot. */
#define SHMRING_SUBSCRIPTION_NAME_MAX 47

/* Bytes of a ring's tag, free for the application (a schema's name and version, say). */
#define SHMRING_TAG_SIZE 64

/* Subscriptions, and members over all subscriptions, that a ring has slots for. */
#define SHMRING_SUBSCRIPTIONS 64
#define SHMRING_MEMBERS 256

/* Smallest and largest capacity in bytes, and the one used when none is asked for. */
#define SHMRING_CAPACITY_MIN 65536ULL
#define SHMRING_CAPACITY_MAX (1ULL << 33)
#define SHMRING_CAPACITY_DEFAULT 1048576ULL

/* How the producer finds out that a consumer sleeps. */
enum shmring_wake_mode {
	/* a full fence per published record or batch; consumers may sleep */
	SHMRING_WAKE_FENCE = 0,
	/*
	 * nothing; waiting consumers look again by themselves, in naps of a 16th of the time that they
	 * have waited, from 50 us to 16 ms
	 */
	SHMRING_WAKE_NONE = 1,
	/*
	 * no fence; who goes to sleep pays: it interrupts every processor that runs a program which
	 * has asked for that, as each producer of such a ring has (membarrier(2)). Where the kernel
	 * refuses that to a producer, it fences; where to a consumer, it naps.
	 */
	SHMRING_WAKE_MEMBARRIER = 2,
};

struct shmring_create_options {
	size_t size;
	/* bytes; rounded up to a power of two; 0: SHMRING_CAPACITY_DEFAULT */
	uint64_t capacity;
	uint32_t data_mode;        /* permission bits of the data object; 0: 0600 */
	uint32_t control_mode;     /* permission bits of the control object; 0: 0600 */
	enum shmring_wake_mode wake_mode;
	uint32_t reserved;         /* 0 */
	const void *tag;           /* tag_length bytes, the rest of the tag is zeros; may be null */
	size_t tag_length;         /* at most SHMRING_TAG_SIZE */
	/* for tests: where the stream starts; a multiple of 8, below 2^63 + 2^62 */
	uint64_t first_position;
	/* for tests: the first record's sequence number, below 2^63 + 2^62 */
	uint64_t first_sequence;
};
#define SHMRING_CREATE_OPTIONS_INIT SHMRING_SIZED(struct shmring_create_options)

/*
 * Creates a ring. All its memory is reserved now; it appears under its name complete, or not at
 * all, and stays until shmring_unlink, whoever comes and goes.
 * Errors: -EEXIST, -EINVAL, -ENAMETOOLONG, -ENOSPC, -EACCES, -ENOSYS.
 */
SHMRING_API int shmring_create(const char *name, const struct shmring_create_options *options);

/*
 * Removes a ring's name. Processes that have it open go on with what is in it and are then told
 * -ESTALE. Something that is no ring is left alone.
 * Errors: -ENOENT, -EBADMSG, -EACCES, -EINVAL, -ENAMETOOLONG, -ETIMEDOUT (somebody who makes or
 * removes it is stopped).
 */
SHMRING_API int shmring_unlink(const char *name);

/*
 * Waiting spins before it sleeps: as long as that has paid off lately, and no longer than the
 * `spin_ns` of a handle's options. 0 stands for the default, which is about what a sleep and a
 * wake-up cost: whoever spins longer than that loses more than can be gained. A negative one never
 * spins. Nor does a thread that has but one processor to run on, unless the process it waits for
 * may run on another. A signal does not end a spin, but the sleep after it.
 */
#define SHMRING_SPIN_DEFAULT_NS 50000
#define SHMRING_SPIN_MAX_NS 100000000

/*
 * For programs that sleep by themselves, on many things at once (futex_waitv, io_uring): the futex
 * is shared between processes, so no FUTEX_PRIVATE_FLAG. Sleep while *word is `expected`, and no
 * longer than timeout_ns (nanoseconds); then disarm, and look again, however the sleep ended.
 */
struct shmring_futex {
	const uint32_t *word;
	uint32_t expected;
	int64_t timeout_ns;
};

/* ---- Producing ------------------------------------------------------------------------------- */

struct shmring_producer;

struct shmring_producer_options {
	size_t size;
	/* required tag, compared with tag_length bytes and zeros; null: any */
	const void *tag;
	size_t tag_length;
	int64_t timeout_ns;    /* how long to wait for a ring that is not there yet */
	uint32_t prefault;     /* 1: map all pages now, so that none faults in later */
	uint32_t interruptible; /* 1: a signal that interrupts a wait ends it, with -EINTR */
	int64_t spin_ns;       /* see SHMRING_SPIN_DEFAULT_NS */
};
#define SHMRING_PRODUCER_OPTIONS_INIT SHMRING_SIZED(struct shmring_producer_options)

/*
 * Opens a ring to write to. A ring has one producer at a time; a dead one is succeeded: the new one
 * goes on behind the last record that was published.
 * Errors: -ENOENT, -EBUSY (there is a living producer), -EBADMSG, -EPROTONOSUPPORT, -EPROTOTYPE,
 * -EUCLEAN, -EACCES, -EINTR, -EINVAL, -ENAMETOOLONG, -ETIMEDOUT.
 */
SHMRING_API int shmring_producer_open(struct shmring_producer **producer, const char *name,
				      const struct shmring_producer_options *options);

/*
 * Closes the stream: drops a reservation and an unfinished batch, and lets readers know (-EPIPE)
 * once they have read everything. The ring stays; another producer may follow. Frees the handle in
 * any case but one: -EBUSY, it is in a poller, and stays open.
 * Errors: -EBUSY.
 */
SHMRING_API int shmring_producer_close(struct shmring_producer *producer);

/*
 * Reserves room for one record of at most `maximum` payload bytes and points `data` at it: write
 * there, then commit. Never waits.
 * Errors: -EAGAIN (full: see shmring_producer_wait), -EMSGSIZE, -EALREADY.
 */
SHMRING_API int shmring_reserve(struct shmring_producer *producer, size_t maximum, void **data);

/* Flag for shmring_commit: withhold this record until the batch ends with a commit without it. */
#define SHMRING_MORE 1u

/*
 * Publishes the reserved record with its final length (at most the reserved one) and a type, which
 * is the application's. With SHMRING_MORE it is withheld; all records of a batch appear at once,
 * with one wake-up. A batch holds at most half the capacity.
 * Errors: -EINVAL (nothing reserved, longer than reserved, unknown flag; the reservation stays).
 */
SHMRING_API int shmring_commit(struct shmring_producer *producer, size_t length, uint16_t type,
			       unsigned int flags);

/*
 * Publishes what SHMRING_MORE withheld, if anything, and wakes who sleeps. Errors: -EALREADY (a
 * reservation is in progress).
 */
SHMRING_API int shmring_flush(struct shmring_producer *producer);

/* Drops the reservation, and the records that SHMRING_MORE withheld, as if they had never been. */
SHMRING_API int shmring_abort(struct shmring_producer *producer);

/*
 * Copies one record into the ring and publishes it, waiting for room for up to timeout_ns. Ends a
 * batch.
 * Errors: -EAGAIN (timeout_ns is 0), -ETIMEDOUT, -EMSGSIZE, -EALREADY, -ECANCELED, -EINTR, -ESTALE.
 */
SHMRING_API int shmring_write(struct shmring_producer *producer, const void *data, size_t length,
			      uint16_t type, int64_t timeout_ns);

/* Like shmring_write, with the record gathered from `count` pieces (at most 1024). */
SHMRING_API int shmring_writev(struct shmring_producer *producer, const struct iovec *pieces,
			       int count, uint16_t type, int64_t timeout_ns);

/*
 * Waits until a reservation of `bytes` payload bytes would succeed.
 * Errors: -EAGAIN (timeout_ns is 0), -ETIMEDOUT, -EMSGSIZE, -ECANCELED, -EINTR, -ESTALE.
 */
SHMRING_API int shmring_producer_wait(struct shmring_producer *producer, size_t bytes,
				      int64_t timeout_ns);

/*
 * Waits until at least `count` living subscriptions have joined.
 * Errors: -EINVAL (more than a ring can have), -EAGAIN (timeout_ns is 0), -ETIMEDOUT, -ECANCELED,
 * -EINTR, -ESTALE.
 */
SHMRING_API int shmring_producer_wait_consumers(struct shmring_producer *producer,
						unsigned int count, int64_t timeout_ns);

/*
 * Prepares to sleep until a reservation of `bytes` payload bytes would succeed, and tells on what.
 * shmring_cancel wakes that sleep too. Until shmring_producer_disarm, consumers make a system call
 * when the room is there. Arming again, without, is harmless.
 * Errors: -EALREADY (there is room, do not sleep), -EMSGSIZE, -ECANCELED, -ESTALE, -EINVAL.
 */
SHMRING_API int shmring_producer_arm(struct shmring_producer *producer, size_t bytes,
				     struct shmring_futex *futex);
SHMRING_API int shmring_producer_disarm(struct shmring_producer *producer);

struct shmring_producer_info {
	size_t size;
	uint64_t epoch;          /* 1 for a ring's first producer, one more for each successor */
	uint64_t sequence;       /* of the next record */
	uint64_t position;       /* of the next record */
	uint64_t capacity;       /* bytes */
	uint64_t maximum;        /* longest payload, bytes */
	uint64_t wakeups;        /* times this handle woke consumers with a system call */
	uint64_t sleeps;         /* times this handle slept, waiting for room */
	/* sleeps that no consumer ended though there was room: 0, but for killed consumers */
	uint64_t late;
};
#define SHMRING_PRODUCER_INFO_INIT SHMRING_SIZED(struct shmring_producer_info)

/* Tells about this producer. Errors: -EINVAL. */
SHMRING_API int shmring_producer_info(const struct shmring_producer *producer,
				      struct shmring_producer_info *info);

/* ---- Consuming ------------------------------------------------------------------------------- */

struct shmring_consumer;

enum shmring_policy {
	SHMRING_RELIABLE = 0, /* the producer waits for this subscription */
	/* never holds the producer back; loses the oldest records when it is slow */
	SHMRING_LOSSY = 1,
	/* the producer waits for it for at most deadline_ns at a time, then evicts it */
	SHMRING_DEADLINE = 2,
};

enum shmring_start {
	SHMRING_OLDEST = 0,   /* the oldest record that is still there */
	SHMRING_NEWEST = 1,   /* the next one to be published */
	/* a sequence number; if it is gone, the oldest, and the gap counts as lost */
	SHMRING_SEQUENCE = 2,
	/* Nanoseconds since 1970: a record published at or after then is never skipped, some older
	   ones (up to 1/64 of the capacity; of more than 1 MiB, up to 16 KiB or 1/256 of it) may
	   come first. */
	SHMRING_TIME = 3,
};

struct shmring_consumer_options {
	size_t size;
	const char *subscription;     /* its name; null: a random one */
	enum shmring_policy policy;
	enum shmring_start start;
	uint64_t start_value;         /* the sequence number or time */
	/* required tag, compared with tag_length bytes and zeros; null: any */
	const void *tag;
	size_t tag_length;
	int64_t timeout_ns;           /* how long to wait for a ring that is not there yet */
	uint32_t prefault;            /* 1: map all pages now, so that none faults in later */
	/* 1: the subscription, which needs a name, outlives this handle */
	uint32_t durable;
	int64_t deadline_ns;          /* for SHMRING_DEADLINE: more than 0; 0 for the others */
	uint32_t shared;              /* 1: one of several members that share the subscription */
	uint32_t claim_batch;         /* shared: most records taken at once, at most 1024; 0: 1 */
	int64_t spin_ns;              /* see SHMRING_SPIN_DEFAULT_NS */
	uint32_t interruptible;       /* 1: a signal that interrupts a wait ends it, with -EINTR */
	uint32_t reserved;            /* 0 */
};
#define SHMRING_CONSUMER_OPTIONS_INIT SHMRING_SIZED(struct shmring_consumer_options)

/*
 * Joins a ring with a subscription of its own. Unless it is durable, it ends with
 * shmring_consumer_close or with the process. A durable one stays, under its policy: left alone, a
 * RELIABLE one holds the producer back for good. Opened again, it goes on at the first record that
 * was not released, whatever `start` says; what is gone meanwhile (LOSSY, or evicted) counts as
 * lost before the first record read. Policy, deadline and durable must be as they were. (One that
 * died in the middle of shmring_seek may come back where that began to look: at the oldest record,
 * or for SHMRING_NEWEST at the newest.)
 *
 * With `shared`, the subscription is a group's: others that ask for the same, with the same policy,
 * deadline and durable, join it, wherever it stands; `start` counts for the first one. shmring_read
 * then takes up to claim_batch records at once for this member alone and gives them one by one;
 * when they are read, shmring_release has to come before more are taken (-EALREADY). A member that
 * dies, or closes, with records not released leaves them to the others: they are delivered again,
 * flagged SHMRING_REDELIVERED, when one of the others next reads or waits. So each record is
 * delivered at least once, and more than once only if a member died that had it, or that was within
 * some instructions of taking it when another one did (then it may also count as lost, though it
 * was delivered). A group cannot seek. Records lost are told to one member, which need not be the
 * one that was too slow.
 * Errors: -ENOENT, -EBUSY (the name is in use), -EEXIST (durable or a group, and not the same),
 * -EUSERS,
 * -ERANGE, -ECONNRESET (evicted before it had joined), -EBADMSG, -EPROTONOSUPPORT, -EPROTOTYPE,
 * -EUCLEAN, -EACCES, -EINTR, -EINVAL, -ENAMETOOLONG, -ETIMEDOUT (also when the table stays
 * locked for two seconds).
 */
SHMRING_API int shmring_consumer_open(struct shmring_consumer **consumer, const char *name,
				      const struct shmring_consumer_options *options);

/*
 * Opens a ring for watching: like a LOSSY consumer, but without a subscription, needing only to
 * read the data object. `subscription` and `policy` must be null and 0. An observer that may not
 * read the control object cannot tell a dead producer from a silent one. Errors as above.
 */
SHMRING_API int shmring_observer_open(struct shmring_consumer **consumer, const char *name,
				      const struct shmring_consumer_options *options);

/*
 * Ends the subscription, unless it is durable or has other members, and frees the handle. What was
 * read but not released counts as not read.
 * Errors: -EBUSY (it is in a poller, and stays open).
 */
SHMRING_API int shmring_consumer_close(struct shmring_consumer *consumer);

/* Most records that a member of a group can take at once. */
#define SHMRING_CLAIM_MAX 1024

/*
 * In a record's flags: a member of the group that had it died, or closed, before it had released
 * it.
 */
#define SHMRING_REDELIVERED 1u

/*
 * One record, in place. `data` is good until the next shmring_release (or seek, or close) of this
 * handle.
 */
struct shmring_record {
	const void *data;   /* aligned to 8 bytes */
	uint32_t length;    /* bytes of payload */
	uint16_t type;      /* the application's */
	uint16_t flags;     /* SHMRING_REDELIVERED, or 0; later versions may set more bits */
	uint64_t sequence;
	uint64_t position;
	uint64_t lost;      /* records lost just before this one */
};

/*
 * Reads the next record, in place; called again it gives the one after. Never waits, but when it
 * finds nothing after several records in a row, it pauses for a few microseconds at most and looks
 * again. Whoever may be overtaken (LOSSY, DEADLINE, observers, the evicted) has seen the record
 * whole only once shmring_release has returned 0.
 * Errors: -EAGAIN (nothing there), -ECANCELED (the same, of a cancelled one that has a file
 * descriptor), -EPIPE, -EOWNERDEAD, -ESTALE (each once everything has been read), -EBADMSG,
 * -ECONNRESET, -EALREADY (a group's member has to release first).
 */
SHMRING_API int shmring_read(struct shmring_consumer *consumer, struct shmring_record *record);

/*
 * Gives back everything read so far.
 * Errors: -ECONNRESET; -EOVERFLOW: some of it may have been overwritten while it was in use (LOSSY
 * and observers): discard all read since the last release, `lost` included; the next read goes on
 * further ahead and counts it all as lost.
 */
SHMRING_API int shmring_release(struct shmring_consumer *consumer);

/*
 * Copies the next record out, verified whole, and releases it (with whatever was read before it).
 * `record->data` is `buffer`.
 * Errors: as shmring_read; -EMSGSIZE: the buffer is too small, record->length says what is needed,
 * the record stays; -EOVERFLOW: records read in place before, and not yet released, may have been
 * overwritten.
 */
SHMRING_API int shmring_read_copy(struct shmring_consumer *consumer, void *buffer, size_t size,
				  struct shmring_record *record);

/*
 * Waits until there is something to read, be it an error like -EBADMSG: spins for a little while if
 * that paid off lately, then sleeps. -EPIPE and -EOWNERDEAD are returned once for each producer; a
 * further wait waits for the next producer. What a group's member is told of, another may take.
 * Errors: -EAGAIN (timeout_ns is 0), -ETIMEDOUT, -EPIPE, -EOWNERDEAD, -ESTALE, -ECONNRESET,
 * -ECANCELED, -EINTR.
 */
SHMRING_API int shmring_wait(struct shmring_consumer *consumer, int64_t timeout_ns);

/*
 * Prepares to sleep until there is something to read, and tells on what. shmring_cancel wakes that
 * sleep too. Arming again, without shmring_consumer_disarm, is harmless; a missing disarm costs the
 * producer one futile system call, and, in a group, may leave other members asleep until their next
 * re-check. For an observer, and in mode NONE, which nobody wakes, the word never changes and the
 * time-out is short.
 * Errors: -EALREADY (there is something to read, do not sleep), -EINVAL, and as shmring_wait.
 */
SHMRING_API int shmring_consumer_arm(struct shmring_consumer *consumer,
				     struct shmring_futex *futex);
SHMRING_API int shmring_consumer_disarm(struct shmring_consumer *consumer);

/*
 * Sets `fd` to a file descriptor that is readable when there is something to read, or an error to
 * tell, for an event loop (poll, epoll, libuv, ...). When it is readable, call shmring_read until
 * it returns -EAGAIN: from then on it is not, until there is something. A level-triggered loop may
 * as well read one record each time. Do nothing else with it; it is closed with the handle. It may
 * be readable for nothing, now and then, and is at first.
 *
 * At the end of a stream it stays readable, and shmring_read tells the end each time. shmring_wait
 * with a time-out of 0, called in its place, tells it once; the next -EAGAIN then means that the
 * descriptor waits for the next producer.
 *
 * The first call in a process starts a thread, which has all signals blocked and ends with the last
 * of these handles; it writes to the descriptor only if the consumer has found nothing since it last
 * did. An observer's descriptor, and one in mode NONE, becomes readable after a nap. While the handle
 * is in a poller, or waits in another way, it may be readable for nothing. After shmring_cancel it
 * stays readable, and shmring_read returns -ECANCELED when there is nothing to read.
 * Errors: -EINVAL, -ENOMEM (also: no thread to be had), -EOWNERDEAD (a forked child).
 */
SHMRING_API int shmring_consumer_fd(struct shmring_consumer *consumer, int *fd);

/*
 * Moves on to another place in the stream; what was read and not released is released. Places as in
 * the options. The records between are not counted as lost, but for a sequence number that is gone.
 * Errors: -ERANGE, -EINVAL, -ECONNRESET; the place is then unchanged.
 */
SHMRING_API int shmring_seek(struct shmring_consumer *consumer, enum shmring_start start,
			     uint64_t value);

/*
 * Joins again after an eviction (-ECONNRESET), at the first record that was not released, or, where
 * that is gone or about to go, at the oldest one that stays (a LOSSY subscription a little further
 * ahead). `lost`, which may be null, is set to the number of records between; the next record read
 * tells it too. A group is led back by the first of its members that calls this, or that joins;
 * what another had taken and not released, it goes on with when it rejoins, as far as that is
 * there.
 * Errors: -EALREADY (not evicted), -EINVAL (an observer), -EBADMSG, -ECONNRESET (evicted again
 * meanwhile), -ETIMEDOUT (a group: its table stays locked).
 */
SHMRING_API int shmring_rejoin(struct shmring_consumer *consumer, uint64_t *lost);

/*
 * Ends a subscription that nobody has open: a durable one, or what a dead process left.
 * Errors: -ENOENT (no such ring), -ESRCH, -EBUSY (somebody has it open), -ETIMEDOUT, and as
 * shmring_consumer_open.
 */
SHMRING_API int shmring_unsubscribe(const char *name, const char *subscription);

/*
 * Evicts a subscription, whatever its policy, with or without a producer: it no longer holds the
 * producer back, and a process that has it open is told -ECONNRESET.
 * Errors: -ENOENT (no such ring), -ESRCH, -EAGAIN (it keeps moving), and as shmring_consumer_open.
 */
SHMRING_API int shmring_evict(const char *name, const char *subscription);

struct shmring_consumer_info {
	size_t size;
	uint64_t sequence;       /* of the next record to read; in a group, behind the last read */
	uint64_t position;       /* likewise */
	uint64_t capacity;       /* bytes */
	uint64_t maximum;        /* longest payload, bytes */
	/* records lost so far; a gap counts from the read that reports it */
	uint64_t lost;
	uint64_t sleeps;         /* times this handle slept */
	uint64_t wakeups;        /* sleeps that the producer ended */
	/* sleeps that it did not end though there was a record: 0, but for killed producers */
	uint64_t late;
	char subscription[SHMRING_SUBSCRIPTION_NAME_MAX + 1]; /* empty for an observer */
};
#define SHMRING_CONSUMER_INFO_INIT SHMRING_SIZED(struct shmring_consumer_info)

/* Tells about this consumer or observer. Errors: -EINVAL. */
SHMRING_API int shmring_consumer_info(const struct shmring_consumer *consumer,
				      struct shmring_consumer_info *info);

/*
 * Makes the calls that wait on this handle (a producer, consumer or poller), now and from now on, return
 * -ECANCELED. A write that need not wait still succeeds. May be called from any thread and from a
 * signal handler, also while another thread closes the handle. A wait notices at once, or, in a
 * rare race, within 100 ms.
 * Errors: -EINVAL (no handle of this process that is open).
 */
SHMRING_API int shmring_cancel(const void *handle);

/* ---- Waiting for many rings ------------------------------------------------------------------ */

struct shmring_poller;

struct shmring_poller_options {
	size_t size;
	/* 1: tells of the highest priority that is ready alone; 0: of all by turns */
	uint32_t by_priority;
	uint32_t interruptible; /* 1: a signal that interrupts a wait ends it, with -EINTR */
	int64_t spin_ns;        /* see SHMRING_SPIN_DEFAULT_NS */
};
#define SHMRING_POLLER_OPTIONS_INIT SHMRING_SIZED(struct shmring_poller_options)

/*
 * Makes a poller, which waits for any of many rings: consumers that have something to read,
 * producers that have room. It sleeps on up to 127 of them at once, those of the highest priority;
 * at the others, and at all where the kernel has no futex_waitv (before Linux 5.16), it looks in
 * naps of a 16th of the time that it has waited, from 50 us to 4 ms.
 * Errors: -EINVAL, -ENOMEM.
 */
SHMRING_API int shmring_poller_open(struct shmring_poller **poller,
				    const struct shmring_poller_options *options);

/* Takes all out, which stay open, and frees the poller. Nobody may be waiting. */
SHMRING_API int shmring_poller_close(struct shmring_poller *poller);

/*
 * Puts a consumer or observer in, or a producer, for when a reservation of `bytes` payload bytes
 * would succeed. From now on, until it is taken out, the handle is the waiting thread's, and may
 * not be closed. A larger `priority` comes first; `context` comes back with each event. Any thread
 * may call this, also while another one waits, which then waits for this one, too.
 * Errors: -EBUSY (it is in a poller), -EINVAL, -EMSGSIZE, -ENOMEM, -EOWNERDEAD (a forked child).
 */
SHMRING_API int shmring_poller_add_consumer(struct shmring_poller *poller,
					    struct shmring_consumer *consumer, int priority,
					    void *context);
SHMRING_API int shmring_poller_add_producer(struct shmring_poller *poller,
					    struct shmring_producer *producer, size_t bytes,
					    int priority, void *context);

/*
 * Takes a handle out. When this returns, the waiting thread no longer uses it, and it may be used
 * or closed by the caller. But a wait that was under way may still tell of it. Any thread may call
 * this, also while another one waits.
 * Errors: -ESRCH (it is not in this poller), -EOWNERDEAD (a forked child).
 */
SHMRING_API int shmring_poller_remove(struct shmring_poller *poller, const void *handle);

struct shmring_event {
	void *handle;  /* the consumer or producer */
	void *context; /* as it was put in */
	/* 0: ready; or what shmring_wait, or shmring_producer_wait, would have returned */
	int error;
	int priority;  /* as it was put in */
};

/*
 * Waits until something is ready, or there is an error to tell, and fills in up to `room` events,
 * of one handle each; `count` is set to their number. What is not dealt with is told again by the
 * next call, but for -EPIPE and -EOWNERDEAD, which are told once for each producer. With
 * `by_priority`, only events of the highest priority that there is are told: who deals with them
 * and calls again serves the urgent ones first. One thread may wait at a time.
 * Errors: -EAGAIN (timeout_ns is 0), -ETIMEDOUT, -ECANCELED, -EINTR, -EINVAL, -EOWNERDEAD (a forked
 * child).
 */
SHMRING_API int shmring_poller_wait(struct shmring_poller *poller, struct shmring_event *events,
				    unsigned int room, unsigned int *count, int64_t timeout_ns);

/* ---- Inspecting ------------------------------------------------------------------------------ */

struct shmring_inspector;

/*
 * Opens a ring to look at it. Only the data object must be readable; what the control object would
 * tell is then missing. Errors: -ENOENT, -EBADMSG, -EPROTONOSUPPORT, -EUCLEAN, -EACCES.
 */
SHMRING_API int shmring_inspector_open(struct shmring_inspector **inspector, const char *name);
SHMRING_API int shmring_inspector_close(struct shmring_inspector *inspector);

enum shmring_stream_state {
	SHMRING_STREAM_NEW = 0,    /* has had no producer yet */
	SHMRING_STREAM_OPEN = 1,   /* has a producer, unless it died: see producer_alive */
	SHMRING_STREAM_CLOSED = 2, /* its producer has closed it */
};

/* What can be known of a process or subscription. */
enum shmring_liveness {
	SHMRING_UNKNOWN = 0, /* not visible with these permissions */
	SHMRING_ALIVE = 1,
	SHMRING_DEAD = 2,    /* or never there */
};

struct shmring_info {
	size_t size;
	uint64_t capacity;           /* bytes */
	uint64_t maximum;            /* longest payload, bytes */
	uint64_t data_size;          /* bytes of the data object */
	uint64_t control_size;       /* bytes of the control object */
	uint32_t data_mode;          /* permission bits as they are now */
	uint32_t control_mode;       /* 0: not visible */
	uint64_t created_ns;         /* nanoseconds since 1970 */
	uint64_t oldest_position;    /* of the oldest record that is still there */
	uint64_t oldest_sequence;
	uint64_t head_position;      /* of the next record to be published */
	uint64_t head_sequence;
	uint64_t epoch;              /* number of producers so far */
	enum shmring_wake_mode wake_mode;
	enum shmring_stream_state stream;
	enum shmring_liveness producer_alive;
	/* as seen where it was opened, for people; 0: none or not visible */
	int32_t producer_pid;
	uint64_t producer_since_ns;  /* nanoseconds since 1970 */
	uint32_t producer_waits;     /* 1: it lives, and found no room when it last needed some */
	uint32_t reserved;           /* 0 */
	uint32_t control_visible;    /* 1: the fields below and the subscriptions can be seen */
	uint32_t subscriptions;      /* in use */
	uint32_t members;            /* in use */
	uint32_t layout_version;
	uint8_t uuid[16];
	uint8_t tag[SHMRING_TAG_SIZE];
};
#define SHMRING_INFO_INIT SHMRING_SIZED(struct shmring_info)

/*
 * Takes a look at a ring. What the caller read in place before, from another handle, it read before
 * the oldest position told here: what lies above that was whole.
 * Errors: -EINVAL, -ESTALE (removed; what is told is still right).
 */
SHMRING_API int shmring_inspect(struct shmring_inspector *inspector, struct shmring_info *info);

struct shmring_subscription_info {
	size_t size;
	char name[SHMRING_SUBSCRIPTION_NAME_MAX + 1];
	enum shmring_policy policy;
	enum shmring_liveness alive;
	int32_t pid;               /* of a member, dead or alive, for people; 0: none */
	uint32_t joining;          /* 1: has not quite joined, or is seeking */
	uint32_t sleeping;         /* 1: asleep, or about to be; in a group, somebody may be */
	uint32_t evicted;          /* 1: holds nobody back any more */
	uint32_t durable;          /* 1: stays when nobody has it open */
	uint32_t blocking;         /* 1: it is what the producer waits for */
	uint32_t shared;           /* 1: a group; see shmring_inspect_member */
	uint32_t members;          /* also dead ones, until their work is done, or another joins */
	int64_t deadline_ns;       /* of SHMRING_DEADLINE */
	uint64_t since_ns;         /* subscribed, or rejoined, nanoseconds since 1970 */
	uint64_t position;         /* of the first record not released */
	uint64_t sequence;         /* its sequence number; if it is gone, the oldest one's */
	uint64_t lag_bytes;        /* published and not released, headers included */
	uint64_t lag_records;
	/* how long ago the first record not released was published; block-granular */
	uint64_t lag_ns;
};
#define SHMRING_SUBSCRIPTION_INFO_INIT SHMRING_SIZED(struct shmring_subscription_info)

/*
 * Takes a look at the subscription in slot 0 .. SHMRING_SUBSCRIPTIONS - 1.
 * Errors: -ENOENT (the slot is free), -EACCES (the control object is not visible), -EINVAL.
 */
SHMRING_API int shmring_inspect_subscription(struct shmring_inspector *inspector, unsigned int slot,
					     struct shmring_subscription_info *info);

struct shmring_member_info {
	size_t size;
	uint32_t slot;             /* of its subscription */
	enum shmring_liveness alive;
	int32_t pid;               /* as seen where it was opened, for people */
	uint32_t holds;            /* 1: has taken records of a group, and not released them */
	uint64_t since_ns;         /* joined, nanoseconds since 1970 */
	uint64_t position;         /* what it holds: from here */
	uint64_t end;              /* to here; both 0 if it holds nothing */
	uint64_t bytes;            /* headers included */
	uint64_t records;          /* 0 if they cannot be counted any more */
	uint64_t held_ns;          /* for how long, to a few milliseconds */
};
#define SHMRING_MEMBER_INFO_INIT SHMRING_SIZED(struct shmring_member_info)

/*
 * Takes a look at member 0 .. SHMRING_MEMBERS - 1 of the table.
 * Errors: -ENOENT (there is none), -EACCES (the control object is not visible), -EINVAL.
 */
SHMRING_API int shmring_inspect_member(struct shmring_inspector *inspector, unsigned int member,
				       struct shmring_member_info *info);

enum shmring_entry_kind {
	SHMRING_ENTRY_RING = 0,    /* a ring's data object; shmring_inspector_open tells more */
	/* a control object whose data object is not there: see shmring_collect */
	SHMRING_ENTRY_ORPHAN = 1,
};

struct shmring_entry {
	enum shmring_entry_kind kind;
	const char *name;          /* the ring's name */
	const char *file;          /* the file's name in /dev/shm */
};

/* One thing that is wrong with a ring. */
struct shmring_problem {
	const char *what;          /* in English, without values */
	const char *object;        /* "data" or "control" */
	uint64_t offset;           /* of the word in that object, bytes */
	uint64_t found;            /* what is there */
	uint64_t low, high;        /* the least and the most that it may be; both 0: see `what` */
	int64_t subscription;      /* slot of the subscription it is about; -1: none */
};

/*
 * Verifies everything about a ring that can be verified, while it is in use: headers, geometry,
 * positions, every record from the oldest to the newest (but for those that are overwritten
 * meanwhile), the index, subscriptions and members. Calls `visit` for each thing that is wrong,
 * until it returns something other than 0, which is then returned. Changes nothing. What the
 * control object would tell is passed over where it may not be read.
 * Errors: -ENOENT, -EACCES, -EBADMSG (not a ring at all), -EPROTONOSUPPORT, -EINVAL, -ENAMETOOLONG.
 */
SHMRING_API int shmring_check(const char *name,
			      int (*visit)(const struct shmring_problem *problem, void *argument),
			      void *argument);

/*
 * Removes every control object without its data whose maker and remover are dead, as a lock proves.
 * Calls `visit` (it may be null) for each before it is removed; if that returns something other
 * than 0, it is left alone, the rest too, and that is returned. With `dry_run` nothing is removed.
 * What may not be opened for writing is passed over.
 * Errors: -EACCES (some may not be removed; all others were), -ENOSYS, the kernel's.
 */
SHMRING_API int shmring_collect(int dry_run,
				int (*visit)(const struct shmring_entry *entry, void *argument),
				void *argument);

/*
 * Calls `visit` for each ring and each control object left without its data, in no order, until it
 * returns something other than 0, which is then returned. Files that are no rings are passed over.
 */
SHMRING_API int shmring_list(int (*visit)(const struct shmring_entry *entry, void *argument),
			     void *argument);

#ifdef __cplusplus
}
#endif

#endif
