/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "describe.h"
#include "shmtool.h"
#include "stat.h"
#include "units.h"

/* Width of the first column; the lines fit 80 columns. */
#define LABEL "%-14s "

static void print_amount(const char *label, uint64_t bytes)
{
	char text[UNITS_TEXT];

	printf(LABEL "%" PRIu64 " bytes (%s)\n", label, bytes, print_bytes(text, (double)bytes));
}

static void print_mode(const char *label, uint32_t mode)
{
	printf(LABEL "%04" PRIo32 "\n", label, mode);
}

static void print_ring(const struct view *view)
{
	char text[UNITS_TEXT], uuid[DESCRIBE_UUID], tag[DESCRIBE_TAG];
	const struct shmring_info *info = &view->info;

	printf(LABEL "%s\n", "ring", view->name[0] == '/' ? view->name + 1 : view->name);
	print_amount("capacity", info->capacity);
	print_amount("longest record", info->maximum);
	print_amount("memory", info->data_size + info->control_size);
	print_mode("data mode", info->data_mode);
	if (info->control_mode)
		print_mode("control mode", info->control_mode);
	else
		printf(LABEL "not visible\n", "control mode");
	printf(LABEL "%s\n", "wake mode", describe_wake(info->wake_mode));
	printf(LABEL "%s\n", "tag", describe_tag(tag, info->tag));
	printf(LABEL "%s\n", "uuid", describe_uuid(uuid, info->uuid));
	printf(LABEL "%s, layout version %" PRIu32 "\n", "created", print_time(text, info->created_ns),
	       info->layout_version);
}

static void print_producer(const struct shmring_info *info)
{
	static const char *const liveness[] = {
		[SHMRING_UNKNOWN] = "whether it lives is not visible",
		[SHMRING_ALIVE] = "alive",
		[SHMRING_DEAD] = "it died",
	};
	char since[UNITS_TEXT];

	switch (info->stream) {
	case SHMRING_STREAM_NEW:
		printf(LABEL "none yet\n", "producer");
		return;
	case SHMRING_STREAM_CLOSED:
		printf(LABEL "number %" PRIu64 " has closed the stream\n", "producer", info->epoch);
		return;
	case SHMRING_STREAM_OPEN:
		break;
	}
	printf(LABEL "number %" PRIu64 ", %s", "producer", info->epoch, liveness[info->producer_alive % 3]);
	if (info->producer_pid)
		printf(", process %" PRId32 " since %s", info->producer_pid,
		       print_time(since, info->producer_since_ns));
	putchar('\n');
}

static void print_stream(const struct view *view)
{
	const struct shmring_info *info = &view->info;
	const double seconds = (double)view->elapsed_ns / 1e9;
	char text[UNITS_TEXT];

	printf(LABEL "%s\n", "stream", describe_stream(info));
	print_producer(info);
	printf(LABEL "sequence %" PRIu64 ", position %" PRIu64 "\n", "oldest", info->oldest_sequence,
	       info->oldest_position);
	printf(LABEL "sequence %" PRIu64 ", position %" PRIu64 "\n", "next", info->head_sequence,
	       info->head_position);
	if (view->elapsed_ns)
		printf(LABEL "%.0f records/s, %s/s\n", "rate", (double)view->records / seconds,
		       print_bytes(text, (double)(uint64_t)((double)view->bytes / seconds)));
}

#define NAME_WIDTH 26

static void print_subscription(const struct shmring_subscription_info *subscription)
{
	char age[UNITS_TEXT];

	/* A name that does not fit its column gets a line to itself. */
	if (printf("%-*s", NAME_WIDTH, subscription->name) > NAME_WIDTH)
		printf("\n%*s", NAME_WIDTH, "");
	printf(" %-8s %-7s %11" PRIu64 " %12" PRIu64 " %10s\n", describe_policy(subscription->policy),
	       describe_subscription(subscription), subscription->lag_records, subscription->lag_bytes,
	       print_age(age, subscription->lag_ns));
}

int stat_print_table(const struct view *view)
{
	print_ring(view);
	print_stream(view);
	if (!view->info.control_visible) {
		printf(LABEL "not visible: the control object may not be read\n", "subscriptions");
		return STATUS_DONE;
	}
	printf(LABEL "%" PRIu32 " of %d\n", "subscriptions", view->info.subscriptions, SHMRING_SUBSCRIPTIONS);
	if (view->subscriptions > 0)
		printf("\n%-*s %-8s %-7s %11s %12s %10s\n", NAME_WIDTH, "subscription", "policy", "state",
		       "lag: records", "bytes", "age");
	for (unsigned int i = 0; i < view->subscriptions; i++)
		print_subscription(&view->subscription[i]);
	return STATUS_DONE;
}
