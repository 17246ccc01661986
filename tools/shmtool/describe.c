/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "describe.h"
#include "report.h"
#include "shmtool.h"

const char *describe_stream(const struct shmring_info *info)
{
	switch (info->stream) {
	case SHMRING_STREAM_NEW:
		return "new";
	case SHMRING_STREAM_CLOSED:
		return "closed";
	case SHMRING_STREAM_OPEN:
		return info->producer_alive == SHMRING_DEAD ? "died" : "open";
	}
	return "unknown";
}

const char *describe_wake(enum shmring_wake_mode mode)
{
	switch (mode) {
	case SHMRING_WAKE_FENCE:
		return "fence";
	case SHMRING_WAKE_NONE:
		return "none";
	case SHMRING_WAKE_MEMBARRIER:
		return "membarrier";
	}
	return "unknown";
}

const char *describe_policy(enum shmring_policy policy)
{
	switch (policy) {
	case SHMRING_RELIABLE:
		return "reliable";
	case SHMRING_LOSSY:
		return "lossy";
	case SHMRING_DEADLINE:
		return "deadline";
	}
	return "unknown";
}

const char *describe_subscription(const struct shmring_subscription_info *subscription)
{
	if (subscription->evicted)
		return "evicted";
	if (subscription->alive == SHMRING_DEAD)
		return subscription->durable ? "absent" : "died";
	if (subscription->joining)
		return "joining";
	return subscription->sleeping ? "asleep" : "awake";
}

const char *describe_liveness(enum shmring_liveness liveness)
{
	switch (liveness) {
	case SHMRING_ALIVE:
		return "alive";
	case SHMRING_DEAD:
		return "dead";
	case SHMRING_UNKNOWN:
		break;
	}
	return "unknown";
}

const char *describe_uuid(char text[DESCRIBE_UUID], const uint8_t uuid[16])
{
	char *to = text;

	for (int i = 0; i < 16; i++)
		to += sprintf(to, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			      uuid[i]);
	return text;
}

size_t describe_tag_length(const uint8_t tag[SHMRING_TAG_SIZE])
{
	size_t length = SHMRING_TAG_SIZE;

	while (length > 0 && tag[length - 1] == 0)
		length--;
	return length;
}

/* Puts one byte where `to` is, as it is or as \xHH. Returns where the next one goes. */
static char *escape(char *to, unsigned char byte)
{
	bool plain = byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\';

	return to + sprintf(to, plain ? "%c" : "\\x%02x", byte);
}

const char *describe_name(char text[DESCRIBE_NAME], const char *name)
{
	char *to = text;

	for (int i = 0; i < SHMRING_SUBSCRIPTION_NAME_MAX && name[i] != '\0'; i++)
		to = escape(to, (unsigned char)name[i]);
	*to = '\0';
	return text;
}

const char *describe_tag(char text[DESCRIBE_TAG], const uint8_t tag[SHMRING_TAG_SIZE])
{
	const size_t length = describe_tag_length(tag);
	char *to = text;

	if (length == 0)
		return "none";
	*to++ = '"';
	for (size_t i = 0; i < length; i++)
		to = escape(to, tag[i]);
	*to++ = '"';
	*to = '\0';
	return text;
}

json_t *json_number(uint64_t number)
{
	char digits[24];

	if (number <= INT64_MAX)
		return json_integer((json_int_t)number);
	snprintf(digits, sizeof(digits), "%" PRIu64, number);
	return json_string(digits);
}

int json_print(json_t *value)
{
	int status = STATUS_DONE;

	if (!value || json_dumpf(value, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER) != 0)
		status =
			report(NULL, "cannot write JSON; see that there is memory and room for it");
	else
		putchar('\n');
	json_decref(value);
	return status;
}
