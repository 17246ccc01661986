/* SPDX-License-Identifier: MIT */
/*
 * segment.h - a ring's two objects: created, attached to, mapped, checked and removed as one.
 *
 * The geometry is read once, with read(2), into private memory, checked there, and never read from
 * the mapping. The record area is mapped twice, back to back, so that every record is contiguous.
 * Header words are accessed through the first mapping only: 64-bit atomics work across different
 * addresses of the same memory, but there is no need to rely on it.
 */
#ifndef SHMRING_SEGMENT_H
#define SHMRING_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"
#include "names.h"

/* What a process may do with a ring, and so how the objects are opened. */
enum segment_role {
	SEGMENT_PRODUCER,  /* data rw, control rw */
	SEGMENT_CONSUMER,  /* data ro, control rw */
	/* data ro; control only to ask whether the producer lives, if it may be read */
	SEGMENT_OBSERVER,
	SEGMENT_INSPECTOR, /* data ro; control ro if it may be read */
};

struct segment {
	struct layout_data *data;       /* read-only but for the producer */
	struct layout_control *control; /* null for observers, and inspectors that may not see it */
	char *records;
	uint64_t capacity;
	uint64_t maximum;               /* longest payload */
	unsigned int block_shift;       /* log2 of an index block's size */
	bool gates;                     /* what this handle looks at is not overwritten meanwhile */
	struct layout_header header;    /* private copy */
	char *base;                     /* of all mappings */
	size_t mapped;                  /* bytes from there */
	int data_fd;                    /* for fstat: is it still linked? */
	int lock_fd;                    /* control, never mapped; -1: may not be opened */
};

/* The header word of the record at a position. */
static inline shared_u64 *segment_word(const struct segment *segment, uint64_t position)
{
	return (shared_u64 *)(void *)(segment->records + (position & (segment->capacity - 1)));
}

/* Its payload, contiguous by the second mapping. */
static inline char *segment_payload(const struct segment *segment, uint64_t position)
{
	return segment->records + (position & (segment->capacity - 1)) + RECORD_HEADER;
}

/* Its sequence number's word, right behind. */
static inline shared_u64 *segment_sequence(const struct segment *segment, uint64_t position)
{
	return segment_word(segment, position) + 1;
}

/* A tag that a caller requires; null bytes for any. */
struct tag {
	const void *bytes;
	size_t length;
};

/* Opens, checks and maps a ring. Errors: as shmring_consumer_open. */
int segment_attach(struct segment *segment, const char *name, enum segment_role role,
		   struct tag tag, bool prefault);

/* Unmaps and closes; dropping the descriptors drops the locks. */
void segment_detach(struct segment *segment);

/* Half of that: closes the descriptors. */
void segment_close(struct segment *segment);

/* In a forked child: closes the descriptors. The mappings are not there. */
void segment_forked(struct segment *segment);

/* True if the data object is no longer linked: the ring was removed or replaced. */
bool segment_removed(const struct segment *segment);

/*
 * Reads and checks the first page of a data object: it tells whether the file is a ring that this
 * library knows. `size` is the file's. Errors: -EBADMSG, -EPROTONOSUPPORT, the kernel's.
 */
int header_read(int fd, struct layout_header *header, uint64_t size);

/* The first thing that is wrong with a header. */
struct header_fault {
	const char *what;
	uint64_t offset;
	uint64_t found;
	uint64_t low, high; /* what it may be; both 0: see `what` */
};

/*
 * Checks a header as header_read does; on -EBADMSG, tells what is wrong. Errors: -EBADMSG,
 * -EPROTONOSUPPORT.
 */
int header_check(const struct layout_header *header, uint64_t size, struct header_fault *fault);

/* Reads without checking. Errors: -EBADMSG (too short), the kernel's. */
int header_read_unchecked(int fd, struct layout_header *header);

/*
 * Tells whether a file starts with this magic, in this byte order or the other. Errors: the
 * kernel's.
 */
int magic_read(int fd, uint64_t magic);

/* XXH3 of what of a header is checked, which is all that is behind the checksum. */
uint64_t header_checksum(const struct layout_header *header);

#endif
