/* SPDX-License-Identifier: MIT */
/*
 * names_birth.h - rings that say everywhere whose they are.
 *
 * Each creation has a number of its own, the ring's identity, and all that can be chosen at
 * creation follows from it: tag, capacity, modes, wake mode, the first sequence number. So does
 * what is written to the ring later. A process that attaches then can tell whether all that it sees
 * is of one birth, and of which.
 */
#ifndef TESTS_STRESS_NAMES_BIRTH_H
#define TESTS_STRESS_NAMES_BIRTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shmring/shmring.h>

#define BIRTH_TAG_SIZE 16

/* Identities are below this, and not 0. */
#define BIRTH_LIMIT ((uint64_t)1 << 40)

struct birth_tag {
	uint8_t bytes[BIRTH_TAG_SIZE];
};

struct birth_tag birth_tag(uint64_t ring);

/* What to create it with; `tag` must live as long as the options. */
struct shmring_create_options birth_options(uint64_t ring, const struct birth_tag *tag);

/* The ring that a sequence number is of. */
uint64_t birth_of_sequence(uint64_t sequence);

/*
 * Each of these says what the handle is attached to, and checks that all of it is of one birth:
 * null if so, or what is not. A producer writes a record to it; a consumer or observer reads some.
 */
const char *birth_inspect(struct shmring_inspector *inspector, uint64_t *ring);
const char *birth_produce(struct shmring_producer *producer, uint64_t *ring);
const char *birth_consume(struct shmring_consumer *consumer, unsigned int records, uint64_t *ring);

/*
 * Checks what is mapped from /dev/shm into this process, which has attached to `ring` and to
 * nothing else: each header is of that birth, and control and data object have the same UUID.
 */
const char *birth_mapped(uint64_t ring, bool with_control);

#endif
