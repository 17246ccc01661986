/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <urcu-bp.h>

#include "mapping.h"
#include "notify.h"
#include "registry.h"

/* How often to look for a ring that is not there yet. */
#define ATTACH_NAP_NS (5 * NS_PER_MS)

/*
 * The newest first. Not liburcu's list: ThreadSanitizer does not see what orders that one's stores.
 * For its sake as well, whoever has gone through it says so in `walked`; the grace period orders
 * that, too.
 */
static struct handle *_Atomic handles;
static shared_u32 walked;
static pthread_mutex_t handles_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static int fork_error;

/* With the mutex held, and so mostly relaxed: readers have but what is stored with release. */
static void list_add(struct handle *handle)
{
	struct handle *first = atomic_load_explicit(&handles, memory_order_relaxed);

	atomic_store_explicit(&handle->next, first, memory_order_relaxed);
	/* Release: whoever finds it finds it complete. */
	atomic_store_explicit(&handles, handle, memory_order_release);
}

static void list_remove(struct handle *handle)
{
	struct handle *next = atomic_load_explicit(&handle->next, memory_order_relaxed);
	struct handle *_Atomic *place = &handles;
	struct handle *there;

	while ((there = atomic_load_explicit(place, memory_order_relaxed)) != handle)
		place = &there->next;
	/* Release: what comes behind it is complete. */
	atomic_store_explicit(place, next, memory_order_release);
}

/* Nobody who may have found, before, what is not to be found any more still looks at it. */
static void list_settle(void)
{
	urcu_bp_synchronize_rcu();
	atomic_load_explicit(&walked, memory_order_acquire);
}

/*
 * The list must not change between the moment the child's memory is copied and its look at the
 * list.
 */
static void before_fork(void)
{
	notify_before_fork();
	pthread_mutex_lock(&handles_mutex);
	urcu_bp_before_fork();
}

static void after_fork_parent(void)
{
	urcu_bp_after_fork_parent();
	pthread_mutex_unlock(&handles_mutex);
	notify_after_fork_parent();
}

/*
 * The child's copies of the descriptors would keep the parent's locks alive beyond its death: close
 * them. The child has one thread, so nobody reads the list. Mappings are not inherited.
 */
static void after_fork_child(void)
{
	struct handle *handle;

	urcu_bp_after_fork_child();
	mapping_forked();
	for (handle = atomic_load_explicit(&handles, memory_order_relaxed); handle;
	     handle = atomic_load_explicit(&handle->next, memory_order_relaxed)) {
		segment_forked(&handle->segment);
		handle->is_forked = true;
		/* It is the parent's as well. */
		atomic_store_explicit(&handle->event_fd, 0, memory_order_relaxed);
		if (handle->forked)
			handle->forked(handle);
	}
	pthread_mutex_unlock(&handles_mutex);
	notify_after_fork_child();
}

static void watch_forks(void)
{
	fork_error = pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

static int attach_and_enter(struct handle *handle, const char *name, enum segment_role role,
			    struct tag tag, bool prefault)
{
	int error;

	pthread_mutex_lock(&handles_mutex);
	error = segment_attach(&handle->segment, name, role, tag, prefault);
	if (!error)
		list_add(handle);
	pthread_mutex_unlock(&handles_mutex);
	return error;
}

int handle_open(struct handle *handle, const char *name, enum segment_role role, struct tag tag,
		int64_t timeout_ns, bool prefault)
{
	struct deadline deadline = deadline_after(timeout_ns);
	int error;

	pthread_once(&fork_once, watch_forks);
	if (fork_error)
		return -fork_error;
	while ((error = attach_and_enter(handle, name, role, tag, prefault)) == -ENOENT &&
	       timeout_ns != 0) {
		int64_t left = deadline_left(deadline, ATTACH_NAP_NS);
		struct timespec nap = { .tv_nsec = (long)left };

		if (left == 0)
			return -ETIMEDOUT;
		if (nanosleep(&nap, NULL) != 0 && handle->interruptible)
			return -EINTR;
	}
	return error;
}

int handle_enter(struct handle *handle)
{
	pthread_once(&fork_once, watch_forks);
	if (fork_error)
		return -fork_error;
	memset(handle, 0, sizeof(*handle));
	handle->segment.data_fd = handle->segment.lock_fd = -1;
	pthread_mutex_lock(&handles_mutex);
	list_add(handle);
	pthread_mutex_unlock(&handles_mutex);
	return 0;
}

int handle_open_lock(struct handle *handle, const char *path)
{
	int error = 0;

	pthread_once(&fork_once, watch_forks);
	if (fork_error)
		return -fork_error;
	memset(handle, 0, sizeof(*handle));
	handle->segment.data_fd = -1;
	pthread_mutex_lock(&handles_mutex);
	handle->segment.lock_fd =
		open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (handle->segment.lock_fd >= 0)
		list_add(handle);
	else
		error = -errno;
	pthread_mutex_unlock(&handles_mutex);
	return error;
}

void fork_hold(void)
{
	pthread_once(&fork_once, watch_forks);
	pthread_mutex_lock(&handles_mutex);
}

void fork_release(void)
{
	pthread_mutex_unlock(&handles_mutex);
}

void handle_close(struct handle *handle)
{
	pthread_mutex_lock(&handles_mutex);
	list_remove(handle);
	/*
	 * Still between forks: a child that is made from here on has no descriptor of this handle
	 * to keep locks by.
	 */
	segment_close(&handle->segment);
	pthread_mutex_unlock(&handles_mutex);
	list_settle();
	segment_detach(&handle->segment);
}

bool handle_arm(struct handle *handle, const shared_u32 *word)
{
	/* Sequentially consistent, as in shmring_cancel. */
	atomic_store_explicit(&handle->sleeps_on, word, memory_order_seq_cst);
	return !atomic_load_explicit(&handle->cancelled, memory_order_seq_cst);
}

void handle_disarm(struct handle *handle)
{
	/* Relaxed: whoever still sees it wakes somebody for nothing. */
	atomic_store_explicit(&handle->sleeps_on, NULL, memory_order_relaxed);
}

enum sleep_end handle_sleep(struct handle *handle, const shared_u32 *word, uint32_t expected,
			    int64_t sleep_ns, uint64_t *sleeps)
{
	enum sleep_end end = SLEEP_NOT;

	if (handle_arm(handle, word)) {
		(*sleeps)++;
		end = futex_wait(word, expected, sleep_ns);
	}
	handle_disarm(handle);
	return end;
}

void handle_watch_fd(struct handle *handle, int fd)
{
	/* One more than it: 0 is none. Sequentially consistent, as in shmring_cancel. */
	atomic_store_explicit(&handle->event_fd, fd + 1, memory_order_seq_cst);
}

void handle_unwatch_fd(struct handle *handle)
{
	atomic_store_explicit(&handle->event_fd, 0, memory_order_relaxed);
	list_settle();
}

static void cancel(struct handle *handle)
{
	const shared_u32 *word;
	int event_fd;

	/* Sequentially consistent on both sides: the sleeper sees the flag, or this sees its word. */
	atomic_store_explicit(&handle->cancelled, 1, memory_order_seq_cst);
	word = atomic_load_explicit(&handle->sleeps_on, memory_order_seq_cst);
	if (word)
		futex_wake(word, INT_MAX);
	event_fd = atomic_load_explicit(&handle->event_fd, memory_order_seq_cst);
	if (event_fd)
		notice_write(event_fd - 1);
}

int shmring_cancel(const void *pointer)
{
	struct handle *handle;
	KEEP_ERRNO;

	urcu_bp_read_lock();
	handle = atomic_load_explicit(&handles, memory_order_acquire);
	while (handle && handle_address(handle) != pointer)
		handle = atomic_load_explicit(&handle->next, memory_order_acquire);
	if (handle)
		cancel(handle);
	atomic_fetch_add_explicit(&walked, 1, memory_order_release);
	urcu_bp_read_unlock();
	return handle ? 0 : -EINVAL;
}
