/* SPDX-License-Identifier: MIT */
/* Names of rings and subscriptions: what is taken, what is refused, and by every call that takes one. */
#include "unit.h"

#include <stdlib.h>

static const char *const bad_names[] = {
	"",     "/",  ".",     "..",     ".hidden",   "/.hidden", "//double",
	"a/b",  "a/", "a b",   "tab\tx", "new\nline", "per%cent", "caf\xc3\xa9",
	"\x80", "a*", "a:b",   "a,b",    "a\\b",      "~home",    "a+b",
	"@",    " ",  " lead", "trail ", "\x7f",      "a=b",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Every call that takes a ring's name. */
static void expect_everywhere(const char *name, int error)
{
	struct shmring_producer *producer = NULL;
	struct shmring_consumer *consumer = NULL;
	struct shmring_inspector *inspector = NULL;

	expect_result(shmring_create(name, NULL), error);
	expect_result(shmring_unlink(name), error);
	expect_result(shmring_producer_open(&producer, name, NULL), error);
	expect_result(shmring_consumer_open(&consumer, name, NULL), error);
	expect_result(shmring_observer_open(&consumer, name, NULL), error);
	expect_result(shmring_inspector_open(&inspector, name), error);
	cr_assert_null(producer);
	cr_assert_null(consumer);
	cr_assert_null(inspector);
}

Test(names, refuses_bad_characters_and_empty_names)
{
	for (size_t i = 0; i < COUNT(bad_names); i++)
		expect_everywhere(bad_names[i], -EINVAL);
	expect_everywhere(NULL, -EINVAL);
}

/* A unique name padded with `fill` to `length` bytes. */
static char *long_name(size_t length, char fill)
{
	const char *start = unique_name();
	char *name = malloc(length + 1);

	cr_assert_not_null(name);
	memset(name, fill, length);
	memcpy(name, start, strlen(start));
	name[length] = '\0';
	return name;
}

Test(names, takes_200_bytes_and_no_more)
{
	char *longest = long_name(SHMRING_NAME_MAX, 'x');
	char *longer = long_name(SHMRING_NAME_MAX + 1, 'x');

	expect_ok(shmring_create(longest, NULL));
	cr_assert_eq(shm_files_of(longest), 2);
	new_producer(longest);
	new_consumer(longest, SHMRING_RELIABLE, SHMRING_OLDEST);
	expect_ok(shmring_unlink(longest));
	cr_assert_eq(shm_files_of(longest), 0);
	expect_everywhere(longer, -ENAMETOOLONG);
	free(longer);
	longer = long_name(100000, 'x');
	expect_everywhere(longer, -ENAMETOOLONG);
	free(longer);
	free(longest);
}

Test(names, takes_every_character_it_may_have)
{
	char name[SHMRING_NAME_MAX + 1];

	snprintf(name, sizeof(name), "%sAZaz09._-..", unique_name());
	expect_ok(shmring_create(name, NULL));
	expect_ok(shmring_unlink(name));
}

Test(names, drops_one_leading_slash)
{
	char name[SHMRING_NAME_MAX + 2];
	struct shmring_inspector *inspector;

	snprintf(name, sizeof(name), "/%s", unique_name());
	expect_ok(shmring_create(name, NULL));
	cr_assert_eq(shm_files_of(name + 1), 2);
	expect_result(shmring_create(name + 1, NULL), -EEXIST);
	expect_ok(shmring_inspector_open(&inspector, name + 1));
	expect_ok(shmring_inspector_close(inspector));
	expect_ok(shmring_unlink(name));
}

static int subscribe(const char *ring, const char *subscription, struct shmring_consumer **consumer)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;

	options.subscription = subscription;
	return shmring_consumer_open(consumer, ring, &options);
}

Test(names, subscriptions_refuse_bad_characters)
{
	const char *ring = new_ring(0);
	struct shmring_consumer *consumer = NULL;

	for (size_t i = 0; i < COUNT(bad_names); i++)
		expect_result(subscribe(ring, bad_names[i], &consumer), -EINVAL);
	expect_result(subscribe(ring, "/slash", &consumer), -EINVAL);
	cr_assert_null(consumer);
	cr_assert_eq(ring_info(ring).subscriptions, 0);
}

Test(names, subscriptions_take_47_bytes_and_no_more)
{
	const char *ring = new_ring(0);
	char name[SHMRING_SUBSCRIPTION_NAME_MAX + 2];
	struct shmring_consumer *consumer = NULL;

	memset(name, 'y', sizeof(name));
	name[SHMRING_SUBSCRIPTION_NAME_MAX + 1] = '\0';
	expect_result(subscribe(ring, name, &consumer), -ENAMETOOLONG);
	cr_assert_null(consumer);
	name[SHMRING_SUBSCRIPTION_NAME_MAX] = '\0';
	expect_ok(subscribe(ring, name, &consumer));
	cr_assert_str_eq(consumer_info(consumer).subscription, name);
}

Test(names, random_subscriptions_differ_and_can_be_read)
{
	const char *ring = new_ring(0);
	struct shmring_consumer_info one =
		consumer_info(new_consumer(ring, SHMRING_LOSSY, SHMRING_OLDEST));
	struct shmring_consumer_info two =
		consumer_info(new_consumer(ring, SHMRING_LOSSY, SHMRING_OLDEST));

	cr_assert_neq(one.subscription[0], '\0');
	cr_assert_neq(two.subscription[0], '\0');
	cr_assert_str_neq(one.subscription, two.subscription);
}
