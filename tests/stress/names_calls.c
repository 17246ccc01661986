/* SPDX-License-Identifier: MIT */
#include "names_calls.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <shmring/shmring.h>

#include "names_birth.h"

/* A consumer reads at most so many records of a ring. */
#define READS     20
/* The longest that it has a ring open before it does. */
#define LINGER_NS 40000

/* This process. */
static struct race *race;
static struct worker *self;
static struct random *dice;

void calls_begin(struct race *which, struct worker *worker, struct random *random)
{
	race = which;
	self = worker;
	dice = random;
}

static void add(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* Times of different processes are compared: they are all of one clock, and no two are the same. */
static uint64_t tick(void)
{
	return atomic_fetch_add_explicit(&race->clock, 1, memory_order_seq_cst) + 1;
}

/* ---- Writing down what is done --------------------------------------------------------------- */

/* Before a call: `event` is what will have happened if the process is killed after that. */
static struct entry *begin(unsigned int name, bool counts, struct event event,
			   enum leftover leftover)
{
	const uint32_t number = atomic_load_explicit(&self->entries, memory_order_relaxed);
	struct entry *entry = &self->entry[number];

	*entry = (struct entry){
		.name = name,
		.counts = counts,
		.pending = true,
		.leftover = leftover,
		.event = event,
	};
	entry->event.began = tick();
	/* Release: the judge reads the entry, also if this process dies now. */
	atomic_store_explicit(&self->entries, number + 1, memory_order_release);
	add(&self->calls);
	return entry;
}

static void end(struct entry *entry, enum event_kind kind, uint64_t ring)
{
	/*
	 * The kernel kills between any two stores: `ended` is the last, and the rest counts only
	 * with it.
	 */
	const uint64_t ended = tick();

	entry->event.kind = kind;
	entry->event.ring = ring;
	entry->counts = true;
	atomic_signal_fence(memory_order_seq_cst);
	entry->event.ended = ended;
	atomic_signal_fence(memory_order_seq_cst);
	entry->pending = false;
}

/* A call that says nothing about the name. */
static void end_mute(struct entry *entry)
{
	entry->counts = false;
	atomic_signal_fence(memory_order_seq_cst);
	entry->pending = false;
}

static void wrong_error(const char *call, int error)
{
	add(&race->wrong_errors);
	race_complain(race, "%s: %d (%s)", call, error, shmring_strerror(error));
}

static void check_birth(const char *what, const char *problem, uint64_t ring, bool with_control)
{
	if (!problem && random_once_in(dice, 2))
		problem = birth_mapped(ring, with_control);
	add(&self->attached);
	if (!problem)
		return;
	add(&race->mixed);
	race_complain(race, "%s of ring %llx: %s", what, (unsigned long long)ring, problem);
}

/* ---- The calls ------------------------------------------------------------------------------- */

static const struct event looking = { .kind = EVENT_NONE };

uint64_t calls_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Time for others to do something to the ring that this process has open. */
static void linger(void)
{
	uint64_t until;

	if (!random_once_in(dice, 3))
		return;
	until = calls_now_ns() + random_below(dice, LINGER_NS);
	while (calls_now_ns() < until)
		;
}

/* `wanted`: the only ring that will do, or NO_RING for any. */
static void do_produce(unsigned int name, uint64_t wanted)
{
	struct shmring_producer_options options = SHMRING_PRODUCER_OPTIONS_INIT;
	const struct birth_tag tag = birth_tag(wanted);
	struct entry *entry = begin(name, false, looking, LEAVES_NOTHING);
	struct shmring_producer *producer;
	uint64_t ring = NO_RING;
	const char *problem;
	int error;

	if (wanted) {
		options.tag = tag.bytes;
		options.tag_length = sizeof(tag.bytes);
	}
	error = shmring_producer_open(&producer, race->names[name], &options);
	if (error == -ENOENT)
		end(entry, EVENT_NONE, NO_RING);
	else if (error == -EBUSY)
		end(entry, wanted ? EVENT_FOUND : EVENT_FOUND_SOME, wanted);
	else if (error == -EPROTOTYPE && wanted)
		end(entry, EVENT_FOUND_OTHER, wanted);
	else if (error != 0)
		wrong_error("shmring_producer_open", error);
	if (error != 0)
		return;
	problem = birth_produce(producer, &ring);
	if (wanted && ring != wanted)
		problem = "attached to a ring without the tag required";
	end(entry, EVENT_FOUND, ring);
	check_birth("producer", problem, ring, true);
	linger();
	shmring_producer_close(producer);
}

static void do_create(unsigned int name)
{
	const uint64_t index = (uint64_t)(self - race->worker);
	const uint64_t ring = (++self->creations * WORKERS + index) % BIRTH_LIMIT;
	const struct birth_tag tag = birth_tag(ring);
	const struct shmring_create_options options = birth_options(ring, &tag);
	struct entry *entry =
		begin(name, true, (struct event){ EVENT_CREATED, ring, 0, 0 }, LEAVES_ORPHAN);
	int error = shmring_create(race->names[name], &options);

	if (error == -EEXIST)
		end(entry, EVENT_EXISTS, NO_RING);
	else if (error != 0)
		wrong_error("shmring_create", error);
	if (error != 0)
		return;
	end(entry, EVENT_CREATED, ring);
	add(&self->created);
	if (random_once_in(dice, 2))
		do_produce(name, ring);
}

static void do_unlink(unsigned int name)
{
	struct entry *entry =
		begin(name, true, (struct event){ EVENT_UNLINKED, NO_RING, 0, 0 }, LEAVES_ORPHAN);
	int error = shmring_unlink(race->names[name]);

	if (error == 0) {
		end(entry, EVENT_UNLINKED, NO_RING);
		add(&self->unlinked);
	} else if (error == -ENOENT) {
		end(entry, EVENT_NONE, NO_RING);
	} else {
		wrong_error("shmring_unlink", error);
	}
}

static void do_consume(unsigned int name, bool observe)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct entry *entry = begin(name, false, looking, LEAVES_NOTHING);
	struct shmring_consumer *consumer;
	uint64_t ring = NO_RING;
	const char *problem;
	int error;

	if (!observe && random_once_in(dice, 2))
		options.policy = SHMRING_LOSSY;
	error = observe ? shmring_observer_open(&consumer, race->names[name], &options)
			: shmring_consumer_open(&consumer, race->names[name], &options);
	if (error == -ENOENT)
		end(entry, EVENT_NONE, NO_RING);
	else if (error != 0)
		wrong_error(observe ? "shmring_observer_open" : "shmring_consumer_open", error);
	if (error != 0)
		return;
	linger();
	problem = birth_consume(consumer, READS, &ring);
	end(entry, EVENT_FOUND, ring);
	check_birth(observe ? "observer" : "consumer", problem, ring, !observe);
	shmring_consumer_close(consumer);
}

static void do_inspect(unsigned int name)
{
	struct entry *entry = begin(name, false, looking, LEAVES_NOTHING);
	struct shmring_inspector *inspector;
	uint64_t ring = NO_RING;
	const char *problem;
	int error = shmring_inspector_open(&inspector, race->names[name]);

	if (error == -ENOENT)
		end(entry, EVENT_NONE, NO_RING);
	else if (error != 0)
		wrong_error("shmring_inspector_open", error);
	if (error != 0)
		return;
	linger();
	problem = birth_inspect(inspector, &ring);
	end(entry, EVENT_FOUND, ring);
	check_birth("inspector", problem, ring, true);
	shmring_inspector_close(inspector);
}

static int note_problem(const struct shmring_problem *problem, void *argument)
{
	const char **found = argument;

	*found = problem->what;
	return 0;
}

static void do_check(unsigned int name)
{
	struct entry *entry = begin(name, false, looking, LEAVES_NOTHING);
	const char *problem = NULL;
	int error = shmring_check(race->names[name], note_problem, &problem);

	if (problem) {
		add(&race->mixed);
		race_complain(race, "shmring_check: %s", problem);
	}
	if (error == 0)
		end(entry, EVENT_FOUND_SOME, NO_RING);
	else if (error == -ENOENT)
		end(entry, EVENT_NONE, NO_RING);
	else
		wrong_error("shmring_check", error);
}

static int pass_over(const struct shmring_entry *entry, void *argument)
{
	(void)entry;
	(void)argument;
	return 0;
}

/* On all names; an orphan that it is about to remove when it is killed stays. */
static void do_collect(unsigned int name)
{
	struct entry *entry = begin(name, false, looking, LEAVES_NOTHING);
	int error = shmring_collect(random_once_in(dice, 4), pass_over, NULL);

	if (error != 0)
		wrong_error("shmring_collect", error);
	end_mute(entry);
}

static void do_list(unsigned int name)
{
	struct entry *entry = begin(name, false, looking, LEAVES_NOTHING);
	int error = shmring_list(pass_over, NULL);

	if (error != 0)
		wrong_error("shmring_list", error);
	end_mute(entry);
}

void calls_any(void)
{
	const unsigned int name = random_once_in(dice, 4) ? 1 : 0;

	switch (random_below(dice, 16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		do_create(name);
		break;
	case 4:
	case 5:
	case 6:
		do_unlink(name);
		break;
	case 7:
	case 8:
		do_collect(name);
		break;
	case 9:
		do_produce(name, NO_RING);
		break;
	case 10:
	case 11:
		do_consume(name, false);
		break;
	case 12:
		do_consume(name, true);
		break;
	case 13:
		do_inspect(name);
		break;
	case 14:
		do_check(name);
		break;
	default:
		do_list(name);
		break;
	}
}
