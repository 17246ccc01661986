/* SPDX-License-Identifier: MIT */
/*
 * Roles are file permissions. Run by root, another user (nobody) tries; run by anyone else, the owner does, whose own
 * permission bits count as well.
 */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "../support/sandbox.h"

enum { NONE = 0, READ = 4, WRITE = 6 };

struct attempt {
	const char *name;
	int data; /* permission bits that the one who tries has */
	int control;
	int expected_producer;
	int expected_consumer;
	int expected_observer;
	int expected_inspector;
};

static int count(const struct shmring_problem *problem, void *argument)
{
	unsigned int *problems = argument;

	fprintf(stderr, "%s+%llu: %s\n", problem->object, (unsigned long long)problem->offset,
		problem->what);
	++*problems;
	return 0;
}

/* What an operator does: whoever may consume may end what others left, and whoever may look may check. */
static int try_to_administer(const struct attempt *attempt)
{
	unsigned int problems = 0;
	int result;

	result = shmring_check(attempt->name, count, &problems);
	CHILD_CHECK(result == attempt->expected_inspector, "%d", result);
	CHILD_CHECK(problems == 0);
	result = shmring_evict(attempt->name, "left");
	CHILD_CHECK(result == attempt->expected_consumer, "%d", result);
	result = shmring_unsubscribe(attempt->name, "left");
	CHILD_CHECK(result == attempt->expected_consumer, "%d", result);
	result = shmring_evict(attempt->name, "not-there");
	CHILD_CHECK(result == (attempt->expected_consumer ? attempt->expected_consumer : -ESRCH),
		    "%d", result);
	return 0;
}

static int try_roles(void *argument)
{
	const struct attempt *attempt = argument;
	struct shmring_producer *producer = NULL;
	struct shmring_consumer *consumer = NULL, *observer = NULL;
	struct shmring_inspector *inspector = NULL;
	struct shmring_record record;
	int result;

	if (sandbox_become_nobody() != 0)
		return SANDBOX_UNAVAILABLE;
	errno = ERRNO_CANARY;
	result = shmring_producer_open(&producer, attempt->name, NULL);
	CHILD_CHECK(result == attempt->expected_producer, "%d", result);
	CHILD_CHECK((producer == NULL) == (result != 0));
	if (producer)
		CHILD_CHECK(shmring_producer_close(producer) == 0);
	result = shmring_consumer_open(&consumer, attempt->name, NULL);
	CHILD_CHECK(result == attempt->expected_consumer, "%d", result);
	if (consumer) {
		CHILD_CHECK(shmring_read(consumer, &record) == 0 &&
			    memcmp(record.data, "seen", 4) == 0);
		CHILD_CHECK(shmring_release(consumer) == 0);
		CHILD_CHECK(shmring_consumer_close(consumer) == 0);
	}
	result = shmring_observer_open(&observer, attempt->name, NULL);
	CHILD_CHECK(result == attempt->expected_observer, "%d", result);
	if (observer) {
		CHILD_CHECK(shmring_read(observer, &record) == 0 &&
			    memcmp(record.data, "seen", 4) == 0);
		CHILD_CHECK(shmring_release(observer) == 0);
		CHILD_CHECK(shmring_consumer_close(observer) == 0);
	}
	result = shmring_inspector_open(&inspector, attempt->name);
	CHILD_CHECK(result == attempt->expected_inspector, "%d", result);
	if (inspector) {
		struct shmring_info info = SHMRING_INFO_INIT;
		struct shmring_subscription_info subscription = SHMRING_SUBSCRIPTION_INFO_INIT;

		CHILD_CHECK(shmring_inspect(inspector, &info) == 0);
		CHILD_CHECK(info.head_sequence == 1);
		CHILD_CHECK(info.control_visible == (attempt->control != NONE));
		CHILD_CHECK((info.control_mode != 0) == (attempt->control != NONE));
		CHILD_CHECK((info.producer_alive == SHMRING_UNKNOWN) == (attempt->control == NONE));
		result = shmring_inspect_subscription(inspector, 0, &subscription);
		CHILD_CHECK(result == (attempt->control == NONE ? -EACCES : 0), "%d", result);
		CHILD_CHECK(shmring_inspector_close(inspector) == 0);
	}
	if (try_to_administer(attempt) != 0)
		return 1;
	CHILD_CHECK(errno == ERRNO_CANARY, "errno was changed to %d", errno);
	return 0;
}

/* Gives the one who tries these bits; the owner, where that is somebody else, keeps his. */
static void grant(const char *path, int bits)
{
	mode_t mode = geteuid() == 0 ? 0600 | (mode_t)bits : (mode_t)bits << 6;

	cr_assert_eq(chmod(path, mode), 0);
}

static void expect_roles(struct attempt attempt)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	struct shmring_producer *producer;
	struct shmring_consumer *consumer;
	char path[SHM_PATH_SIZE];
	int result;

	options.capacity = SMALL;
	attempt.name = new_ring_with(&options);
	producer = new_producer(attempt.name);
	expect_ok(shmring_consumer_open(&consumer, attempt.name, NULL));
	expect_ok(shmring_consumer_close(open_durable(attempt.name, "left", SHMRING_RELIABLE)));
	expect_ok(shmring_write(producer, "seen", 4, 0, 0));
	shm_data_path(path, attempt.name);
	grant(path, attempt.data);
	cr_assert_eq(shm_control_path(path, attempt.name), 0);
	grant(path, attempt.control);
	if (attempt.expected_producer == 0)
		expect_ok(shmring_producer_close(producer));
	result = child_run(try_roles, &attempt);
	if (result == SANDBOX_UNAVAILABLE)
		cr_skip("cannot become the user nobody");
	cr_assert_eq(result, 0, "data %o, control %o: see above", attempt.data, attempt.control);
	/* What was refused has done nothing. */
	cr_assert_eq(ring_info(attempt.name).subscriptions, attempt.expected_consumer ? 2 : 1);
}

Test(permission, without_any)
{
	expect_roles((struct attempt){ NULL, NONE, NONE, -EACCES, -EACCES, -EACCES, -EACCES });
	expect_roles((struct attempt){ NULL, NONE, WRITE, -EACCES, -EACCES, -EACCES, -EACCES });
}

Test(permission, to_observe)
{
	expect_roles((struct attempt){ NULL, READ, NONE, -EACCES, -EACCES, 0, 0 });
}

Test(permission, to_inspect)
{
	expect_roles((struct attempt){ NULL, READ, READ, -EACCES, -EACCES, 0, 0 });
}

Test(permission, to_consume)
{
	expect_roles((struct attempt){ NULL, READ, WRITE, -EACCES, 0, 0, 0 });
}

Test(permission, to_produce)
{
	expect_roles((struct attempt){ NULL, WRITE, WRITE, 0, 0, 0, 0 });
}

Test(permission, to_write_data_alone_is_not_enough_to_produce)
{
	expect_roles((struct attempt){ NULL, WRITE, NONE, -EACCES, -EACCES, 0, 0 });
	expect_roles((struct attempt){ NULL, WRITE, READ, -EACCES, -EACCES, 0, 0 });
}

static int unlink_it(void *name)
{
	int result;

	if (sandbox_become_nobody() != 0)
		return SANDBOX_UNAVAILABLE;
	result = shmring_unlink(name);
	CHILD_CHECK(result == -EACCES, "%d", result);
	return 0;
}

Test(permission, to_remove)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	const char *name;
	int result;

	if (geteuid() != 0)
		cr_skip("only root can make a ring that is somebody else's");
	/* /dev/shm is sticky: others may open it, not remove it. */
	options.capacity = SMALL;
	options.data_mode = options.control_mode = 0666;
	name = new_ring_with(&options);
	result = child_run(unlink_it, (void *)(uintptr_t)name);
	if (result == SANDBOX_UNAVAILABLE)
		cr_skip("cannot become the user nobody");
	cr_assert_eq(result, 0);
	cr_assert_eq(shm_files_of(name), 2);
}

static int observe_a_death(void *argument)
{
	const char *name = argument;
	struct shmring_consumer *observer;

	if (sandbox_become_nobody() != 0)
		return SANDBOX_UNAVAILABLE;
	CHILD_CHECK(shmring_observer_open(&observer, name, NULL) == 0);
	CHILD_CHECK(shmring_wait(observer, 150 * NS_PER_MS) == -ETIMEDOUT);
	return 0;
}

static int produce_and_die(void *name)
{
	struct shmring_producer *producer;

	return shmring_producer_open(&producer, name, NULL) == 0 ? 0 : 1;
}

Test(permission, an_observer_without_control_cannot_tell_a_dead_producer_from_a_silent_one)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	const char *name;
	int result;

	if (geteuid() != 0)
		cr_skip("needs root to hide the control object from somebody");
	options.capacity = SMALL;
	options.data_mode = 0644;
	name = new_ring_with(&options);
	cr_assert_eq(child_run(produce_and_die, (void *)(uintptr_t)name), 0);
	result = child_run(observe_a_death, (void *)(uintptr_t)name);
	if (result == SANDBOX_UNAVAILABLE)
		cr_skip("cannot become the user nobody");
	cr_assert_eq(result, 0);
}
