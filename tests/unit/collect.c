/* SPDX-License-Identifier: MIT */
/*
 * Collecting what is left of rings, and what stands in its way. It goes over all of /dev/shm, so
 * each of these tests has one of its own, where it is allowed to.
 */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/layout.h"
#include "../support/objects.h"
#include "../support/outside.h"
#include "../support/sandbox.h"

#define SHM_BYTES (16u << 20)

/* What shmring_collect visited. */
struct visits {
	unsigned int count, stop_at; /* 0: never */
	bool odd;                    /* one was no control object, or not of that name */
	const char *name;
	char file[256];
};

static int visit(const struct shmring_entry *entry, void *argument)
{
	struct visits *visits = argument;

	visits->count++;
	visits->odd = visits->odd || entry->kind != SHMRING_ENTRY_ORPHAN ||
		      strcmp(entry->name, visits->name) != 0;
	snprintf(visits->file, sizeof(visits->file), "%s", entry->file);
	return visits->count == visits->stop_at ? 42 : 0;
}

static struct visits collect(const char *name, bool dry_run)
{
	struct visits visits = { .name = name };

	expect_ok(shmring_collect(dry_run, visit, &visits));
	cr_assert(!visits.odd, "visits something that is no orphan of %s", name);
	return visits;
}

static struct outside look(void)
{
	static struct outside outside;

	outside_look(&outside, "", true);
	return outside;
}

static void own_shm(void)
{
	int error = sandbox_small_shm(SHM_BYTES);

	if (error)
		cr_skip("no private mount of /dev/shm is allowed here: %s", strerror(-error));
}

static void remove_data(const char *name)
{
	char path[SHM_PATH_SIZE];

	shm_data_path(path, name);
	cr_assert_eq(unlink(path), 0);
}

static const char *new_orphan(void)
{
	const char *name = new_ring(0);

	remove_data(name);
	return name;
}

Test(collect, removes_an_orphan_and_leaves_rings_alone)
{
	struct shmring_consumer *consumer;
	struct shmring_producer *producer;
	struct outside before, after;
	struct visits visits;
	const char *ring, *name;

	own_shm();
	ring = new_ring(0);
	producer = new_producer(ring);
	write_records(producer, 3, 5);
	before = look();
	name = new_orphan();
	visits = collect(name, false);
	cr_assert_eq(visits.count, 1);
	cr_assert_eq(visits.file[0], '.');
	cr_assert_eq(strncmp(visits.file + 1, name, strlen(name)), 0);
	after = look();
	cr_assert_eq(outside_state(&after), outside_state(&before), "the ring was changed");
	consumer = new_consumer(ring, SHMRING_RELIABLE, SHMRING_OLDEST);
	expect_run(consumer, 0, 3, 5);
	cr_assert_eq(collect(name, false).count, 0);
}

Test(collect, needs_no_visitor)
{
	own_shm();
	new_orphan();
	expect_ok(shmring_collect(0, NULL, NULL));
	cr_assert_eq(look().count, 0);
}

Test(collect, removes_nothing_in_a_dry_run)
{
	struct outside before, after;
	const char *name;

	own_shm();
	name = new_orphan();
	before = look();
	cr_assert_eq(collect(name, true).count, 1);
	cr_assert_eq(collect(name, true).count, 1);
	after = look();
	cr_assert_eq(outside_state(&after), outside_state(&before));
	expect_ok(shmring_collect(1, NULL, NULL));
	cr_assert_eq(look().count, 1);
	cr_assert_eq(collect(name, false).count, 1);
	cr_assert_eq(look().count, 0);
}

Test(collect, stops_when_told_and_leaves_that_one)
{
	struct visits visits = { .stop_at = 1 };

	own_shm();
	visits.name = new_orphan();
	for (int i = 0; i < 2; i++) {
		expect_ok(shmring_create(visits.name, NULL));
		remove_data(visits.name);
	}
	expect_result(shmring_collect(0, visit, &visits), 42);
	cr_assert_eq(visits.count, 1);
	cr_assert_eq(look().count, 3);
	visits.count = 0;
	visits.stop_at = 2;
	expect_result(shmring_collect(0, visit, &visits), 42);
	cr_assert_eq(visits.count, 2);
	cr_assert_eq(look().count, 2, "the first should be gone, the second not");
	cr_assert_eq(collect(visits.name, false).count, 2);
	cr_assert_eq(look().count, 0);
}

/* Takes LOCK_NAMES of a ring's control object, as who makes or removes it does. */
static int take_names(const char *name)
{
	struct flock lock = { .l_type = F_WRLCK, .l_start = LOCK_NAMES, .l_len = 1 };
	char path[SHM_PATH_SIZE];
	int fd;

	if (shm_control_path(path, name) != 0)
		return -1;
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0 ? fd : -1;
}

struct holder {
	const char *name;
	int holding;
};

static int hold_names_for_ever(void *argument)
{
	const struct holder *holder = argument;

	CHILD_CHECK(take_names(holder->name) >= 0);
	gate_open(holder->holding);
	for (;;)
		pause();
}

static void see_who_holds(bool removed)
{
	struct holder holder;
	const char *name;
	pid_t child;

	own_shm();
	name = new_ring(0);
	holder = (struct holder){ name, gate_new() };
	if (removed)
		remove_data(name);
	child = child_start(hold_names_for_ever, &holder);
	gate_pass(holder.holding);
	cr_assert_eq(collect(name, true).count, 0, "not while somebody is at it");
	cr_assert_eq(collect(name, false).count, 0, "not while somebody is at it");
	cr_assert_eq(look().count, removed ? 1 : 2);
	if (!removed)
		remove_data(name);
	child_kill(child);
	cr_assert_eq(collect(name, true).count, 1);
	cr_assert_eq(collect(name, false).count, 1);
	cr_assert_eq(look().count, 0);
}

Test(collect, waits_for_the_death_of_whoever_is_at_the_names)
{
	see_who_holds(true);
	see_who_holds(false);
}

Test(collect, asks_only_for_the_lock_of_the_names)
{
	struct shmring_producer *producer;
	struct shmring_consumer *consumer;
	const char *name;

	/*
	 * Producer and consumer live, and go on with what is in the ring; but its name is gone, and
	 * so it stays.
	 */
	own_shm();
	name = new_ring(0);
	producer = new_producer(name);
	consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	write_records(producer, 3, 3);
	remove_data(name);
	cr_assert_eq(collect(name, false).count, 1);
	cr_assert_eq(look().count, 0);
	write_records(producer, 2, 3);
	expect_run(consumer, 0, 5, 3);
	expect_result(shmring_wait(consumer, -1), -ESTALE);
}

Test(collect, tells_a_replaced_ring_from_its_successor)
{
	struct shmring_info info;
	const char *name;

	own_shm();
	name = new_orphan();
	expect_ok(shmring_create(name, NULL));
	write_records(new_producer(name), 3, 3);
	info = ring_info(name);
	cr_assert_eq(collect(name, false).count, 1);
	cr_assert_eq(look().count, 2);
	cr_assert_eq(memcmp(info.uuid, ring_info(name).uuid, sizeof(info.uuid)), 0);
	expect_run(new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST), 0, 3, 3);
	expect_ok(shmring_unlink(name));
	cr_assert_eq(look().count, 0);
}

/* Removing a ring that is damaged leaves its control object, whose UUID cannot be trusted. */
Test(collect, removes_what_is_left_of_a_damaged_ring_only_once_it_is_removed)
{
	struct layout_header *header;
	const char *name;
	size_t size;

	own_shm();
	name = new_ring(0);
	header = object_map(name, OBJECT_DATA, &size);
	header->checksum ^= 1;
	object_unmap(header, size);
	cr_assert_eq(collect(name, false).count, 0);
	cr_assert_eq(look().count, 2);
	expect_ok(shmring_unlink(name));
	cr_assert_eq(look().count, 1);
	cr_assert_eq(collect(name, false).count, 1);
	cr_assert_eq(look().count, 0);
}

/* ---- What only looks like one ---------------------------------------------------------------- */

#define DIGITS "0123456789abcdef0123456789abcdef"

/* Files with a control object's content, whose names are not quite a control object's. */
static const char *const wrong_names[] = {
	"." DIGITS,
	".." DIGITS,
	"x." DIGITS,
	".x" DIGITS,
	".x." DIGITS "0",
	".x.123456789abcdef0123456789abcdef",
	".x.0123456789ABCDEF0123456789abcdef",
	".x y." DIGITS,
	"..x." DIGITS,
};

Test(collect, leaves_alone_what_is_not_named_like_a_control_object)
{
	const char *name;
	char *control;
	size_t size;

	own_shm();
	name = new_ring(0);
	control = object_map(name, OBJECT_CONTROL, &size);
	for (unsigned int i = 0; i < sizeof(wrong_names) / sizeof(wrong_names[0]); i++)
		object_write(wrong_names[i], control, size);
	object_unmap(control, size);
	cr_assert_eq(collect("", false).count, 0);
	cr_assert_eq(look().count, 2 + sizeof(wrong_names) / sizeof(wrong_names[0]));
}

Test(collect, leaves_alone_what_is_no_control_object)
{
	static const char text[] = "somebody's notes, and longer than a magic number";
	struct outside before, after;
	struct stat status;
	const char *name;
	char path[SHM_PATH_SIZE];

	own_shm();
	name = new_orphan();
	object_write(".a." DIGITS, text, sizeof(text));
	object_write(".b." DIGITS, "", 0);
	cr_assert_eq(mkdir("/dev/shm/.c." DIGITS, 0700), 0);
	cr_assert_eq(mkfifo("/dev/shm/.d." DIGITS, 0600), 0);
	cr_assert_eq(shm_control_path(path, name), 0);
	cr_assert_eq(symlink(path, "/dev/shm/.e." DIGITS), 0);
	cr_assert_eq(symlink("nowhere", "/dev/shm/.f." DIGITS), 0);
	cr_assert_eq(shmring_unlink(name), -ENOENT);
	cr_assert_eq(collect(name, false).count, 1);
	cr_assert_eq(lstat("/dev/shm/.c." DIGITS, &status), 0);
	cr_assert_eq(lstat("/dev/shm/.d." DIGITS, &status), 0);
	cr_assert_eq(lstat("/dev/shm/.e." DIGITS, &status), 0);
	cr_assert_eq(lstat("/dev/shm/.f." DIGITS, &status), 0);
	cr_assert_eq(unlink("/dev/shm/.d." DIGITS), 0);
	cr_assert_eq(unlink("/dev/shm/.e." DIGITS), 0);
	cr_assert_eq(unlink("/dev/shm/.f." DIGITS), 0);
	before = look();
	cr_assert_eq(collect(name, false).count, 0);
	after = look();
	cr_assert_eq(outside_state(&after), outside_state(&before));
	cr_assert_eq(rmdir("/dev/shm/.c." DIGITS), 0);
}

/* ---- Permissions ----------------------------------------------------------------------------- */

/* What somebody else finds who collects. */
struct outsider {
	const char *name;
	int result;
	unsigned int visits;
};

static int collect_as_nobody(void *argument)
{
	const struct outsider *expected = argument;
	struct visits visits = { .name = expected->name };
	int result;

	if (sandbox_become_nobody() != 0)
		return SANDBOX_UNAVAILABLE;
	errno = ERRNO_CANARY;
	result = shmring_collect(0, visit, &visits);
	CHILD_CHECK(result == expected->result, "%d", result);
	CHILD_CHECK(visits.count == expected->visits, "%u visits", visits.count);
	CHILD_CHECK(errno == ERRNO_CANARY, "errno was changed to %d", errno);
	CHILD_CHECK(!visits.odd);
	return 0;
}

static void expect_left_alone(uint32_t mode, struct outsider expected)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	int result;

	options.capacity = SMALL;
	options.control_mode = mode;
	expected.name = new_ring_with(&options);
	remove_data(expected.name);
	result = child_run(collect_as_nobody, &expected);
	if (result == SANDBOX_UNAVAILABLE)
		cr_skip("cannot become the user nobody");
	cr_assert_eq(result, 0, "mode %o: see above", mode);
	cr_assert_eq(look().count, 1);
	cr_assert_eq(collect(expected.name, false).count, 1);
	cr_assert_eq(look().count, 0);
}

Test(collect, leaves_alone_what_may_not_be_opened_or_removed)
{
	if (geteuid() != 0)
		cr_skip("only root can make an orphan that is somebody else's");
	own_shm();
	expect_left_alone(0600, (struct outsider){ NULL, 0, 0 });
	expect_left_alone(0644, (struct outsider){ NULL, 0, 0 });
	/* /dev/shm is sticky: others may open it, not remove it. */
	expect_left_alone(0666, (struct outsider){ NULL, -EACCES, 1 });
}

/* ---- Removing waits for whoever makes or removes --------------------------------------------- */

Test(collect, unlink_waits_for_whoever_is_at_the_names)
{
	struct outside before, after;
	const char *name;
	int fd;

	own_shm();
	name = new_ring(0);
	fd = take_names(name);
	cr_assert(fd >= 0);
	before = look();
	expect_result(shmring_unlink(name), -ETIMEDOUT);
	after = look();
	cr_assert_eq(outside_state(&after), outside_state(&before));
	close(fd);
	expect_ok(shmring_unlink(name));
	cr_assert_eq(look().count, 0);
}
