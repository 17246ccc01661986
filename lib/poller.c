/* SPDX-License-Identifier: MIT */
/* poller.c - opening and closing pollers; members come and go. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "poller.h"

int shmring_poller_open(struct shmring_poller **out, const struct shmring_poller_options *given)
{
	struct shmring_poller_options options;
	struct shmring_poller *poller;
	int error;
	KEEP_ERRNO;

	error = options_copy(&options, sizeof(options), given, sizeof(options));
	if (error || !out || options.by_priority > 1 || options.interruptible > 1)
		return -EINVAL;
	poller = calloc(1, sizeof(*poller));
	if (!poller)
		return -ENOMEM;
	if (!spin_init(&poller->spin, options.spin_ns)) {
		free(poller);
		return -EINVAL;
	}
	poller->by_priority = options.by_priority;
	roster_init(&poller->members);
	error = handle_enter(&poller->handle);
	poller->handle.interruptible = options.interruptible;
	if (error)
		free(poller);
	else
		*out = poller;
	return error;
}

static void set_free(struct poller_member *member)
{
	/* Release: whoever puts it into another poller sees all that was done with it in this one. */
	atomic_store_explicit(&member->handle->poller, NULL, memory_order_release);
}

int shmring_poller_close(struct shmring_poller *poller)
{
	const struct roster_list *list;
	KEEP_ERRNO;

	if (!poller)
		return 0;
	handle_close(&poller->handle);
	list = roster_held(&poller->members);
	for (unsigned int i = 0; i < list->count; i++) {
		/* In a forked child the handles may have been closed before. */
		if (!poller->handle.is_forked)
			set_free(list->item[i]);
		free(list->item[i]);
	}
	roster_free(&poller->members);
	free(poller);
	return 0;
}

/* Behind all of its priority. */
static unsigned int place_for(const struct roster_list *list, int32_t priority)
{
	unsigned int place = list->count;

	while (place > 0 &&
	       ((const struct poller_member *)list->item[place - 1])->priority < priority)
		place--;
	return place;
}

static int add(struct shmring_poller *poller, const struct poller_member *wanted)
{
	struct poller_member *member;
	const void *none = NULL;
	int error;

	if (poller->handle.is_forked || wanted->handle->is_forked)
		return -EOWNERDEAD;
	if (!atomic_compare_exchange_strong_explicit(&wanted->handle->poller, &none, poller,
						     memory_order_acquire, memory_order_relaxed))
		return -EBUSY;
	member = malloc(sizeof(*member));
	error = member ? 0 : -ENOMEM;
	if (member) {
		*member = *wanted;
		pthread_mutex_lock(&poller->members.mutex);
		error = roster_insert(&poller->members,
				      place_for(roster_held(&poller->members), member->priority),
				      member);
		pthread_mutex_unlock(&poller->members.mutex);
	}
	if (error) {
		atomic_store_explicit(&wanted->handle->poller, NULL, memory_order_release);
		free(member);
	}
	return error;
}

int shmring_poller_add_consumer(struct shmring_poller *poller, struct shmring_consumer *consumer,
				int priority, void *context)
{
	KEEP_ERRNO;

	if (!consumer)
		return -EINVAL;
	return add(poller, &(struct poller_member){ .handle = &consumer->handle,
						    .consumer = consumer,
						    .priority = priority,
						    .context = context });
}

int shmring_poller_add_producer(struct shmring_poller *poller, struct shmring_producer *producer,
				size_t bytes, int priority, void *context)
{
	KEEP_ERRNO;

	if (!producer)
		return -EINVAL;
	if (bytes > producer->hot.maximum)
		return -EMSGSIZE;
	return add(poller, &(struct poller_member){ .handle = &producer->handle,
						    .producer = producer,
						    .stride = record_stride(bytes),
						    .priority = priority,
						    .context = context });
}

int shmring_poller_remove(struct shmring_poller *poller, const void *handle)
{
	struct poller_member *member = NULL;
	const struct roster_list *list;
	KEEP_ERRNO;

	if (poller->handle.is_forked)
		return -EOWNERDEAD;
	pthread_mutex_lock(&poller->members.mutex);
	list = roster_held(&poller->members);
	for (unsigned int i = 0; i < list->count; i++) {
		member = list->item[i];
		if (handle_address(member->handle) == handle) {
			roster_erase(&poller->members, i);
			break;
		}
		member = NULL;
	}
	pthread_mutex_unlock(&poller->members.mutex);
	if (!member)
		return -ESRCH;
	/* The waiting thread may have armed it, but will not come back to it. */
	poller_disarm(member, true, false);
	set_free(member);
	free(member);
	return 0;
}
