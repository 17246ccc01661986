/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "describe.h"
#include "stat.h"

static void set_number(json_t *object, const char *key, uint64_t number)
{
	json_object_set_new(object, key, json_number(number));
}

static void set_string(json_t *object, const char *key, const char *string)
{
	json_object_set_new(object, key, string ? json_string(string) : json_null());
}

/* Permission bits, as people write them. */
static void set_mode(json_t *object, const char *key, uint32_t mode)
{
	char text[16];

	snprintf(text, sizeof(text), "%04o", mode);
	set_string(object, key, mode ? text : NULL);
}

static void set_place(json_t *object, const char *key, uint64_t sequence, uint64_t position)
{
	json_t *place = json_object();

	set_number(place, "sequence", sequence);
	set_number(place, "position", position);
	json_object_set_new(object, key, place);
}

/* As text if it is that, else in hexadecimal. */
static void set_tag(json_t *object, const uint8_t tag[SHMRING_TAG_SIZE])
{
	char hexadecimal[2 * SHMRING_TAG_SIZE + 1] = "";
	size_t length = describe_tag_length(tag);
	json_t *text = json_stringn((const char *)tag, length);

	if (text) {
		json_object_set_new(object, "tag", text);
		return;
	}
	for (size_t i = 0; i < length; i++)
		sprintf(hexadecimal + 2 * i, "%02x", tag[i]);
	set_string(object, "tag_hex", hexadecimal);
}

/* Names of the subscriptions that hold the producer back right now. */
static json_t *json_waits_for(const struct view *view)
{
	json_t *names = json_array();
	char name[DESCRIBE_NAME];

	for (unsigned int i = 0; i < view->subscriptions; i++)
		if (view->subscription[i].blocking)
			json_array_append_new(names, json_string(describe_name(
							     name, view->subscription[i].name)));
	return names;
}

static json_t *json_producer(const struct view *view)
{
	const struct shmring_info *info = &view->info;
	json_t *producer = json_object();

	set_number(producer, "epoch", info->epoch);
	set_string(producer, "liveness",
		   info->stream == SHMRING_STREAM_OPEN ? describe_liveness(info->producer_alive)
						       : NULL);
	json_object_set_new(producer, "pid",
			    info->producer_pid ? json_integer(info->producer_pid) : json_null());
	json_object_set_new(producer, "since_ns",
			    info->producer_pid ? json_number(info->producer_since_ns)
					       : json_null());
	json_object_set_new(producer, "waits", json_boolean(info->producer_waits));
	json_object_set_new(producer, "waits_for",
			    info->control_visible ? json_waits_for(view) : json_null());
	return producer;
}

static json_t *json_rate(const struct view *view)
{
	json_t *rate;

	if (view->elapsed_ns == 0)
		return json_null();
	rate = json_object();
	json_object_set_new(rate, "records_per_second",
			    json_real((double)view->records * 1e9 / (double)view->elapsed_ns));
	json_object_set_new(rate, "bytes_per_second",
			    json_real((double)view->bytes * 1e9 / (double)view->elapsed_ns));
	return rate;
}

static json_t *json_member(const struct shmring_member_info *info)
{
	json_t *member = json_object();

	json_object_set_new(member, "pid", info->pid ? json_integer(info->pid) : json_null());
	set_string(member, "liveness", describe_liveness(info->alive));
	set_number(member, "since_ns", info->since_ns);
	json_object_set_new(member, "holds", json_boolean(info->holds));
	set_number(member, "position", info->position);
	/* What a LOSSY one holds may be gone. */
	json_object_set_new(member, "held_records",
			    info->holds && info->records == 0 ? json_null()
							      : json_number(info->records));
	set_number(member, "held_bytes", info->bytes);
	set_number(member, "held_ns", info->held_ns);
	return member;
}

static json_t *json_members(const struct view *view, unsigned int subscription)
{
	json_t *members = json_array();

	for (const struct shmring_member_info *member = stat_member(view, subscription, NULL);
	     member; member = stat_member(view, subscription, member))
		json_array_append_new(members, json_member(member));
	return members;
}

static json_t *json_subscription(const struct view *view, unsigned int index)
{
	const struct shmring_subscription_info *info = &view->subscription[index];
	json_t *subscription = json_object();
	char name[DESCRIBE_NAME];

	set_string(subscription, "name", describe_name(name, info->name));
	set_string(subscription, "policy", describe_policy(info->policy));
	set_string(subscription, "state", describe_subscription(info));
	set_string(subscription, "liveness", describe_liveness(info->alive));
	json_object_set_new(subscription, "evicted", json_boolean(info->evicted));
	json_object_set_new(subscription, "durable", json_boolean(info->durable));
	json_object_set_new(subscription, "blocking", json_boolean(info->blocking));
	json_object_set_new(subscription, "deadline_ns",
			    info->policy == SHMRING_DEADLINE
				    ? json_number((uint64_t)info->deadline_ns)
				    : json_null());
	json_object_set_new(subscription, "pid", info->pid ? json_integer(info->pid) : json_null());
	set_number(subscription, "since_ns", info->since_ns);
	set_number(subscription, "sequence", info->sequence);
	set_number(subscription, "position", info->position);
	set_number(subscription, "lag_records", info->lag_records);
	set_number(subscription, "lag_bytes", info->lag_bytes);
	set_number(subscription, "lag_ns", info->lag_ns);
	json_object_set_new(subscription, "shared", json_boolean(info->shared));
	if (info->shared)
		json_object_set_new(subscription, "members", json_members(view, index));
	return subscription;
}

static json_t *json_subscriptions(const struct view *view)
{
	json_t *subscriptions;

	if (!view->info.control_visible)
		return json_null();
	subscriptions = json_array();
	for (unsigned int i = 0; i < view->subscriptions; i++)
		json_array_append_new(subscriptions, json_subscription(view, i));
	return subscriptions;
}

int stat_print_json(const struct view *view)
{
	const struct shmring_info *info = &view->info;
	char uuid[DESCRIBE_UUID];
	json_t *ring = json_object();

	set_string(ring, "name", view->name[0] == '/' ? view->name + 1 : view->name);
	set_number(ring, "capacity", info->capacity);
	set_number(ring, "maximum", info->maximum);
	set_number(ring, "data_size", info->data_size);
	set_number(ring, "control_size", info->control_size);
	set_mode(ring, "data_mode", info->data_mode);
	set_mode(ring, "control_mode", info->control_mode);
	set_string(ring, "wake_mode", describe_wake(info->wake_mode));
	set_tag(ring, info->tag);
	set_string(ring, "uuid", describe_uuid(uuid, info->uuid));
	set_number(ring, "layout_version", info->layout_version);
	set_number(ring, "created_ns", info->created_ns);
	set_string(ring, "state", describe_stream(info));
	json_object_set_new(ring, "producer", json_producer(view));
	set_place(ring, "oldest", info->oldest_sequence, info->oldest_position);
	set_place(ring, "next", info->head_sequence, info->head_position);
	json_object_set_new(ring, "rate", json_rate(view));
	json_object_set_new(ring, "control_visible", json_boolean(info->control_visible));
	json_object_set_new(ring, "subscriptions", json_subscriptions(view));
	return json_print(ring);
}
