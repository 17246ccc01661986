/* SPDX-License-Identifier: MIT */
#include "names_after.h"

#include "../../lib/layout.h"

#include <errno.h>
#include <string.h>

/* ---- Collecting names what is left over, and nothing else ------------------------------------ */

struct collected {
	const struct outside *outside;
	unsigned int right, wrong;
};

static int compare(const struct shmring_entry *entry, void *argument)
{
	struct collected *collected = argument;

	for (unsigned int i = 0; i < collected->outside->count; i++) {
		const struct outside_file *file = &collected->outside->files[i];

		if (strcmp(file->file, entry->file) != 0)
			continue;
		if (file->orphan && !(file->locks & 1u << LOCK_NAMES) &&
		    strcmp(file->name, entry->name) == 0 && entry->kind == SHMRING_ENTRY_ORPHAN)
			collected->right++;
		else
			collected->wrong++;
		return 0;
	}
	collected->wrong++;
	return 0;
}

/* Orphans that nobody is at. */
static unsigned int free_orphans(const struct outside *outside)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < outside->count; i++)
		count += outside->files[i].orphan && !(outside->files[i].locks & 1u << LOCK_NAMES);
	return count;
}

static const char *collect(const struct outside *before, bool dry_run)
{
	const unsigned int due = free_orphans(before);
	struct collected collected = { .outside = before };
	struct outside after;

	if (shmring_collect(dry_run, compare, &collected) != 0)
		return "shmring_collect fails";
	outside_look(&after, "", true);
	if (collected.wrong)
		return "shmring_collect visits what is in use, or no control object";
	if (collected.right != due)
		return "shmring_collect passes over what is left over";
	if (dry_run && outside_state(&after) != outside_state(before))
		return "shmring_collect changes something, though it is a dry run";
	if (!dry_run && (after.count != before->count - due || free_orphans(&after) != 0))
		return "shmring_collect does not remove just what it visits";
	return strangers_intact() ? NULL : "shmring_collect changes what is no ring's";
}

/* ---- Rings are whole or not there ------------------------------------------------------------ */

static const char *check_files(const struct scene *scene, const struct outside *outside)
{
	for (unsigned int i = 0; i < outside->count; i++) {
		const struct outside_file *file = &outside->files[i];

		if (file->links == 0 || stranger(file) || scene->damaged)
			continue;
		if (!file->whole)
			return "an object has a name before it is whole";
		if (!file->control && !outside_control(outside, file->name))
			return "a data object has a name, and its control object has none";
	}
	return NULL;
}

static int count_problem(const struct shmring_problem *problem, void *argument)
{
	(void)problem;
	++*(unsigned int *)argument;
	return 0;
}

/* What is called so, as far as it can be attached to. */
enum there {
	NONE,
	DAMAGED,
	WHOLE,
};

static enum there what_is_there(const struct scene *scene, const struct outside *outside)
{
	const struct outside_file *data = outside_data(outside, stage_name);

	if (!data)
		return NONE;
	return scene->damaged && !data->whole ? DAMAGED : WHOLE;
}

/* Attaching without changing anything finds a ring, or none. */
static const char *look_inside(const char *name, enum there there)
{
	struct shmring_inspector *inspector;
	unsigned int problems = 0;
	int error = shmring_inspector_open(&inspector, name);

	if (error == 0)
		shmring_inspector_close(inspector);
	if (there == DAMAGED)
		return error == -EBADMSG ? NULL : "a damaged ring can be attached to";
	if (error != (there ? 0 : -ENOENT))
		return "attaching does not find what is there";
	if (shmring_check(name, count_problem, &problems) != (there ? 0 : -ENOENT))
		return "shmring_check does not find what is there";
	return problems ? "shmring_check finds something wrong" : NULL;
}

const char *check_beside(const struct scene *scene, const struct outside *outside)
{
	/* Orphans of old would really be collected, and the victim's plans upset. */
	const bool dry_run = free_orphans(outside) != 0;
	const char *problem = check_files(scene, outside);

	if (!problem && free_orphans(outside) > scene->orphans + scene->damaged)
		problem = "a control object without data is not locked by who is at it";
	if (!problem)
		problem = look_inside(stage_name, what_is_there(scene, outside));
	if (!problem && !dry_run)
		problem = collect(outside, true);
	if (!problem)
		problem = collect(outside, dry_run);
	return problem;
}

/* ---- A ring works ---------------------------------------------------------------------------- */

static const char *pass_a_record(struct shmring_producer *producer,
				 struct shmring_consumer *consumer)
{
	static const char text[] = "still here";
	struct shmring_record record;

	if (shmring_write(producer, text, sizeof(text), 7, 0) != 0)
		return "a ring cannot be written to";
	if (shmring_read(consumer, &record) != 0 || record.length != sizeof(text) ||
	    memcmp(record.data, text, sizeof(text)) != 0 || record.sequence != 0 ||
	    record.lost != 0 || shmring_release(consumer) != 0)
		return "a ring cannot be read";
	return NULL;
}

static const char *use(const char *name)
{
	struct shmring_producer *producer;
	struct shmring_consumer *consumer;
	const char *problem;

	if (shmring_consumer_open(&consumer, name, NULL) != 0)
		return "a ring cannot be opened to read";
	if (shmring_producer_open(&producer, name, NULL) != 0) {
		shmring_consumer_close(consumer);
		return "a ring cannot be opened to write";
	}
	problem = pass_a_record(producer, consumer);
	shmring_producer_close(producer);
	shmring_consumer_close(consumer);
	return problem;
}

/* Nothing by that name can be opened in any role. */
static const char *none_there(const char *name)
{
	struct shmring_producer *producer;
	struct shmring_consumer *consumer;

	if (shmring_consumer_open(&consumer, name, NULL) != -ENOENT ||
	    shmring_observer_open(&consumer, name, NULL) != -ENOENT ||
	    shmring_producer_open(&producer, name, NULL) != -ENOENT)
		return "a ring that is not there can be opened, or is not simply not there";
	return shmring_unlink(name) == -ENOENT ? NULL : "a ring that is not there can be removed";
}

static const char *use_and_remove(const char *name, enum there there)
{
	const char *problem = there == WHOLE ? use(name) : NULL;

	if (!problem)
		problem = look_inside(name, there);
	if (!problem && shmring_create(name, NULL) != -EEXIST)
		problem = "a ring that is there can be created";
	if (!problem && shmring_unlink(name) != 0)
		problem = "a ring cannot be removed";
	return problem;
}

static const char *create_again(void)
{
	if (stage_create(MADE_AFTERWARDS) != 0)
		return "the ring cannot be created again";
	return use_and_remove(stage_name, WHOLE);
}

const char *check_after(const struct scene *scene)
{
	const char *problem;
	struct outside outside;
	enum there there;

	outside_look(&outside, "", true);
	for (unsigned int i = 0; i < outside.count; i++)
		if (outside.files[i].locks != 0)
			return "a lock outlives its owner";
	there = what_is_there(scene, &outside);
	problem = check_files(scene, &outside);
	if (!problem)
		problem = collect(&outside, true);
	if (!problem)
		problem = collect(&outside, false);
	if (!problem)
		problem = look_inside(stage_name, there);
	if (!problem)
		problem = there ? use_and_remove(stage_name, there) : none_there(stage_name);
	if (!problem)
		problem = create_again();
	if (problem)
		return problem;
	/* A damaged ring's control object is nobody's when its data is gone. */
	if (scene->damaged && shmring_collect(0, NULL, NULL) != 0)
		return "shmring_collect fails";
	outside_look(&outside, "", true);
	if (outside.count != STRANGERS)
		return "something is left behind";
	return strangers_intact() ? NULL : "what is no ring's has been changed";
}
