/* SPDX-License-Identifier: MIT */
/* The files behind a ring, for tests that look at them or damage them. Helpers abort when a file does not do as told. */
#ifndef TESTS_SUPPORT_OBJECTS_H
#define TESTS_SUPPORT_OBJECTS_H

#include <stddef.h>

struct layout_header;

enum object {
	OBJECT_DATA,
	OBJECT_CONTROL,
};

/* Maps one of a ring's two objects for reading and writing; sets `size`. */
void *object_map(const char *name, enum object object, size_t *size);

void object_unmap(void *mapping, size_t size);

/* Makes a file of /dev/shm that long. */
void object_truncate(const char *name, enum object object, size_t size);

size_t object_size(const char *name, enum object object);

/* Writes a file of /dev/shm from scratch. */
void object_write(const char *file, const void *bytes, size_t length);

/* Recomputes a header's checksum, so that a change to it is noticed for what it is. */
void object_seal(struct layout_header *header);

#endif
