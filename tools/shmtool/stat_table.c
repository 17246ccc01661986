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
	printf(LABEL "%s, layout version %" PRIu32 "\n", "created",
	       print_time(text, info->created_ns), info->layout_version);
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
	printf(LABEL "number %" PRIu64 ", %s", "producer", info->epoch,
	       liveness[info->producer_alive % 3]);
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
	printf(LABEL "sequence %" PRIu64 ", position %" PRIu64 "\n", "oldest",
	       info->oldest_sequence, info->oldest_position);
	printf(LABEL "sequence %" PRIu64 ", position %" PRIu64 "\n", "next", info->head_sequence,
	       info->head_position);
	if (view->elapsed_ns)
		printf(LABEL "%.0f records/s, %s/s\n", "rate", (double)view->records / seconds,
		       print_bytes(text, (double)(uint64_t)((double)view->bytes / seconds)));
}

/* ---- whom the producer is waiting for ---- */

static void print_blocking(const struct shmring_subscription_info *subscription)
{
	char name[DESCRIBE_NAME], bytes[UNITS_TEXT], age[UNITS_TEXT];

	printf("the producer waits for: %s\n", describe_name(name, subscription->name));
	printf(LABEL "lag %" PRIu64 " records, %s, %s", "", subscription->lag_records,
	       print_bytes(bytes, (double)subscription->lag_bytes),
	       print_age(age, subscription->lag_ns));
	if (subscription->alive != SHMRING_DEAD)
		putchar('\n');
	else if (subscription->policy == SHMRING_RELIABLE && subscription->durable)
		printf("; no process has it open:\n" LABEL
		       "resume it with shmtool sub, or end it with shmtool unsubscribe\n",
		       "");
	else
		printf("; no process has it open\n");
}

static void print_waiting(const struct view *view)
{
	for (unsigned int i = 0; i < view->subscriptions; i++)
		if (view->subscription[i].blocking)
			print_blocking(&view->subscription[i]);
}

/* ---- subscriptions: how they lag, and whose they are ---- */

#define NAME_WIDTH 26

/* A name that does not fit its column gets a line to itself. */
static void print_name(const struct shmring_subscription_info *subscription)
{
	char name[DESCRIBE_NAME];

	if (printf("%-*s", NAME_WIDTH, describe_name(name, subscription->name)) > NAME_WIDTH)
		printf("\n%*s", NAME_WIDTH, "");
}

static void print_lag(const struct shmring_subscription_info *subscription)
{
	char age[UNITS_TEXT];

	print_name(subscription);
	printf(" %-8s %-7s %11" PRIu64 " %12" PRIu64 " %10s\n",
	       describe_policy(subscription->policy), describe_subscription(subscription),
	       subscription->lag_records, subscription->lag_bytes,
	       print_age(age, subscription->lag_ns));
}

static const char *describe_process(char text[UNITS_TEXT],
				    const struct shmring_subscription_info *subscription)
{
	if (subscription->shared && subscription->members > 0) {
		snprintf(text, UNITS_TEXT, "%" PRIu32 " member%s", subscription->members,
			 subscription->members == 1 ? "" : "s");
		return text;
	}
	if (!subscription->pid)
		return "none";
	snprintf(text, UNITS_TEXT, "%" PRId32 " %s", subscription->pid,
		 describe_liveness(subscription->alive));
	return text;
}

static void print_owner(const struct shmring_subscription_info *subscription)
{
	char process[UNITS_TEXT], since[UNITS_TEXT], deadline[UNITS_TEXT] = "-";

	if (subscription->policy == SHMRING_DEADLINE)
		print_duration(deadline, (uint64_t)subscription->deadline_ns);
	print_name(subscription);
	printf(" %-15s %-19s %-7s %8s\n", describe_process(process, subscription),
	       print_time(since, subscription->since_ns), subscription->durable ? "yes" : "no",
	       deadline);
}

/* ---- groups: who has what in hand ---- */

static void print_member(const struct shmring_member_info *member)
{
	char process[UNITS_TEXT], since[UNITS_TEXT], age[UNITS_TEXT] = "-";
	char records[UNITS_TEXT] = "-", bytes[UNITS_TEXT] = "-";

	snprintf(process, sizeof(process), "%" PRId32 " %s", member->pid,
		 describe_liveness(member->alive));
	if (member->holds) {
		snprintf(records, sizeof(records), "%" PRIu64, member->records);
		snprintf(bytes, sizeof(bytes), "%" PRIu64, member->bytes);
		print_age(age, member->held_ns);
	}
	printf("  %-15s %-19s %14s %12s %10s\n", process, print_time(since, member->since_ns),
	       /* What a LOSSY one holds may be gone. */
	       member->holds && member->records == 0 ? "gone" : records, bytes, age);
}

static void print_members(const struct view *view, unsigned int subscription)
{
	const struct shmring_member_info *member = stat_member(view, subscription, NULL);
	char name[DESCRIBE_NAME];

	if (!member)
		return;
	printf("\nmembers of %s\n", describe_name(name, view->subscription[subscription].name));
	printf("  %-15s %-19s %14s %12s %10s\n", "process", "since", "holds: records", "bytes",
	       "for");
	for (; member; member = stat_member(view, subscription, member))
		print_member(member);
}

static void print_subscriptions(const struct view *view)
{
	printf(LABEL "%" PRIu32 " of %d\n", "subscriptions", view->info.subscriptions,
	       SHMRING_SUBSCRIPTIONS);
	if (view->subscriptions == 0)
		return;
	printf("\n%-*s %-8s %-7s %11s %12s %10s\n", NAME_WIDTH, "subscription", "policy", "state",
	       "lag: records", "bytes", "age");
	for (unsigned int i = 0; i < view->subscriptions; i++)
		print_lag(&view->subscription[i]);
	printf("\n%-*s %-15s %-19s %-7s %8s\n", NAME_WIDTH, "subscription", "process", "since",
	       "durable", "deadline");
	for (unsigned int i = 0; i < view->subscriptions; i++)
		print_owner(&view->subscription[i]);
	for (unsigned int i = 0; i < view->subscriptions; i++)
		print_members(view, i);
}

int stat_print_table(const struct view *view)
{
	print_ring(view);
	print_stream(view);
	print_waiting(view);
	if (view->info.control_visible)
		print_subscriptions(view);
	else
		printf(LABEL "not visible: the control object may not be read\n", "subscriptions");
	return STATUS_DONE;
}
