/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <pthread.h>

#include <urcu-bp.h>
#include <urcu/rculist.h>

#include "registry.h"
#include "wait.h"

static CDS_LIST_HEAD(handles);
static pthread_mutex_t handles_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static int fork_error;

/* The list must not change between the moment the child's memory is copied and its look at the list. */
static void before_fork(void)
{
	pthread_mutex_lock(&handles_mutex);
	urcu_bp_before_fork();
}

static void after_fork_parent(void)
{
	urcu_bp_after_fork_parent();
	pthread_mutex_unlock(&handles_mutex);
}

/*
 * The child's copies of the descriptors would keep the parent's locks alive beyond its death: close them. The child
 * has one thread, so nobody reads the list. Mappings are not inherited.
 */
static void after_fork_child(void)
{
	struct handle *handle;

	urcu_bp_after_fork_child();
	cds_list_for_each_entry(handle, &handles, node) {
		segment_forked(&handle->segment);
		handle->is_forked = true;
		handle->forked(handle);
	}
	pthread_mutex_unlock(&handles_mutex);
}

static void watch_forks(void)
{
	fork_error = pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

int registry_add(struct handle *handle)
{
	pthread_once(&fork_once, watch_forks);
	if (fork_error)
		return -fork_error;
	pthread_mutex_lock(&handles_mutex);
	cds_list_add_rcu(&handle->node, &handles);
	pthread_mutex_unlock(&handles_mutex);
	return 0;
}

void registry_remove(struct handle *handle)
{
	pthread_mutex_lock(&handles_mutex);
	cds_list_del_rcu(&handle->node);
	pthread_mutex_unlock(&handles_mutex);
	urcu_bp_synchronize_rcu();
}

int shmring_cancel(const void *pointer)
{
	struct handle *handle;
	int error = -EINVAL;
	KEEP_ERRNO;

	urcu_bp_read_lock();
	cds_list_for_each_entry_rcu(handle, &handles, node) {
		if ((const void *)handle == pointer) {
			const shared_u32 *word;

			/* Sequentially consistent on both sides: the sleeper sees the flag, or this sees its word. */
			atomic_store_explicit(&handle->cancelled, 1, memory_order_seq_cst);
			word = atomic_load_explicit(&handle->sleeps_on, memory_order_seq_cst);
			if (word)
				futex_wake(word, INT_MAX);
			error = 0;
			break;
		}
	}
	urcu_bp_read_unlock();
	return error;
}
