/* SPDX-License-Identifier: MIT */
/*
 * admin.c - what an operator does to subscriptions by name, without one of their own and without a
 * producer.
 */
#include <errno.h>

#include "registry.h"
#include "subscription.h"
#include "wait.h"

static int on_named(const char *name, const char *subscription,
		    int (*act)(const struct segment *, const char *))
{
	struct handle handle = { .forked = NULL };
	int error = subscription ? name_check_subscription(subscription) : -EINVAL;
	KEEP_ERRNO;

	if (!error)
		error = handle_open(&handle, name, SEGMENT_CONSUMER, (struct tag){ NULL, 0 }, 0,
				    false);
	if (error)
		return error;
	error = act(&handle.segment, subscription);
	handle_close(&handle);
	return error;
}

static int evict(const struct segment *segment, const char *subscription)
{
	int error = subscription_evict_named(segment, subscription);

	/* A producer may sleep until it makes room. */
	if (!error)
		subscription_ring_room(segment);
	return error;
}

int shmring_evict(const char *name, const char *subscription)
{
	return on_named(name, subscription, evict);
}

int shmring_unsubscribe(const char *name, const char *subscription)
{
	return on_named(name, subscription, subscription_free_named);
}
