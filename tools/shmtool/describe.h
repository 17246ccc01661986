/* SPDX-License-Identifier: MIT */
/* A ring's and a subscription's state in words and in JSON. */
#ifndef SHMTOOL_DESCRIBE_H
#define SHMTOOL_DESCRIBE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include <shmring/shmring.h>

/* Words, also used as values in JSON. */
const char *describe_stream(const struct shmring_info *info); /* new, open, closed, died, unknown */
const char *describe_wake(enum shmring_wake_mode mode);
const char *describe_policy(enum shmring_policy policy);
const char *describe_subscription(
	const struct shmring_subscription_info *subscription); /* awake, asleep, ... */
const char *describe_liveness(enum shmring_liveness liveness);

#define DESCRIBE_UUID (2 * 16 + 5)
const char *describe_uuid(char text[DESCRIBE_UUID], const uint8_t uuid[16]);

/* Bytes of a tag without its trailing zeros. */
size_t describe_tag_length(const uint8_t tag[SHMRING_TAG_SIZE]);

/* A subscription's name, with \xHH for what no name has: a damaged ring may have anything there. */
#define DESCRIBE_NAME (4 * SHMRING_SUBSCRIPTION_NAME_MAX + 1)
const char *describe_name(char text[DESCRIBE_NAME], const char *name);

/* The tag in quotes, with \xHH for what is not printable; or "none". */
#define DESCRIBE_TAG (4 * SHMRING_TAG_SIZE + 3)
const char *describe_tag(char text[DESCRIBE_TAG], const uint8_t tag[SHMRING_TAG_SIZE]);

/* JSON's integers are signed here; what does not fit becomes a string of digits. */
json_t *json_number(uint64_t number);

/* Prints it and drops the reference. Returns the status to end with. */
int json_print(json_t *value);

#endif
