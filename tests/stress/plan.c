/* SPDX-License-Identifier: MIT */
#include "plan.h"
#include "../support/random.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const sabotages[] = { "none", "drop", "tear", "swap", "hang",
					 "short", "resume", "repeat", "skip", "deaf",
					 "twice", "flag" };
#define SABOTAGES (sizeof(sabotages) / sizeof(sabotages[0]))

static const char *const policies[] = {
	[SHMRING_RELIABLE] = "reliable",
	[SHMRING_LOSSY] = "lossy",
	[SHMRING_DEADLINE] = "deadline",
};

static void usage(FILE *to, const char *program)
{
	fprintf(to,
		"Usage: %s [OPTION...]\n"
		"One producer and many readers on one ring; every byte is checked.\n"
		"  --seconds N        how long (default: $SHMRING_STRESS_SECONDS, or 5; with\n"
		"                     --kills 0)\n"
		"  --kills N          kills N processes with SIGKILL and starts them again; with\n"
		"                     --seconds too, the run ends when both have been reached\n"
		"  --consumers N      RELIABLE consumers\n"
		"  --lossy N          LOSSY consumers\n"
		"  --deadline N       DEADLINE consumers, that are late now and then\n"
		"  --durable N        durable consumers: RELIABLE, DEADLINE, LOSSY, and again\n"
		"  --observers N      observers\n"
		"  --joiners N        readers that come and go all the time\n"
		"  --members N        members of one group, that share the records\n"
		"  --claim N          most records that a member takes at once\n"
		"  --policy reliable|lossy|deadline\n"
		"                     the group's\n"
		"  --durable-group    it is durable, and all of its members may be dead\n"
		"  --size MIN:MAX     payload bytes (default: 0 to what the ring takes)\n"
		"  --capacity N       bytes; K, M, G\n"
		"  --batch N          most records in a batch; 0: none\n"
		"  --mode fence|none  wake mode\n"
		"  --flat-out         the producer never pauses\n"
		"  --threads          threads of one process, instead of processes\n"
		"  --seed N           repeats the choices of an earlier run\n"
		"  --patience N       seconds without progress after which somebody counts as "
		"stuck\n"
		"  --sabotage drop|tear|swap|hang|short|resume|repeat|skip|deaf|twice|flag\n"
		"                     makes a mistake, which the run must report\n"
		"Exit status: 0 all is well, 1 something was lost, torn, out of order or stuck, 2 "
		"usage.\n",
		program);
}

static void refuse(const struct plan *plan, const char *what, const char *value)
{
	fprintf(stderr, "%s: %s: %s\n", plan->program, value, what);
	usage(stderr, plan->program);
	exit(2);
}

static uint64_t number(const struct plan *plan, const char *text, char **end)
{
	unsigned long long value;

	errno = 0;
	value = strtoull(text, end, 0);
	if (errno || *end == text || text[0] == '-')
		refuse(plan, "not a number", text);
	switch (**end) {
	case 'G':
		value <<= 10;
		__attribute__((fallthrough));
	case 'M':
		value <<= 10;
		__attribute__((fallthrough));
	case 'K':
		value <<= 10;
		++*end;
	}
	return value;
}

static uint64_t whole_number(const struct plan *plan, const char *text)
{
	char *end;
	uint64_t value = number(plan, text, &end);

	if (*end)
		refuse(plan, "not a number", text);
	return value;
}

static void parse_size(struct plan *plan, const char *text)
{
	char *end;

	plan->size_minimum = number(plan, text, &end);
	plan->size_maximum = *end == ':' ? whole_number(plan, end + 1) : plan->size_minimum;
	if ((*end && *end != ':') || plan->size_minimum > plan->size_maximum)
		refuse(plan, "not MIN:MAX", text);
}

static enum sabotage parse_sabotage(const struct plan *plan, const char *text)
{
	for (size_t i = 0; i < SABOTAGES; i++)
		if (strcmp(text, sabotages[i]) == 0)
			return (enum sabotage)i;
	refuse(plan, "no such sabotage", text);
	return SABOTAGE_NONE;
}

static enum shmring_policy parse_policy(const struct plan *plan, const char *text)
{
	for (unsigned int i = 0; i < 3; i++)
		if (strcmp(text, policies[i]) == 0)
			return (enum shmring_policy)i;
	refuse(plan, "no such policy", text);
	return SHMRING_RELIABLE;
}

/*
 * A ring's capacity is a power of two, and at least this; a quarter of it is the longest payload.
 */
#define CAPACITY_LEAST 65536u

static void check(struct plan *plan)
{
	uint64_t capacity = CAPACITY_LEAST;

	while (capacity < plan->capacity)
		capacity *= 2;
	plan->capacity = capacity;
	if (plan->size_maximum == UINT64_MAX)
		plan->size_maximum = capacity / 4;
	if (plan->size_maximum > capacity / 4 || plan->size_minimum > plan->size_maximum) {
		fprintf(stderr, "%s: records are too long for this capacity\n", plan->program);
		exit(2);
	}
	if (plan->consumers + plan->lossy + plan->deadline + plan->durable + plan->joiners +
		    (plan->members != 0) >
	    64) {
		fprintf(stderr, "%s: a ring has 64 subscriptions\n", plan->program);
		exit(2);
	}
	if (plan->members > 100 || plan->claim > SHMRING_CLAIM_MAX) {
		fprintf(stderr, "%s: too many members, or too many records at once\n",
			plan->program);
		exit(2);
	}
	if (plan->kills && plan->threads)
		refuse(plan,
		       "a thread cannot be killed; this takes processes, not ThreadSanitizer",
		       "--kills");
}

/* The program as it was called, where libtool's wrapper called the real one behind it. */
static const char *program_name(const char *called)
{
	static const char hidden[] = "/.libs/";
	const char *found = strstr(called, hidden);
	static char name[4096];

	if (!found)
		return called;
	snprintf(name, sizeof(name), "%.*s/%s", (int)(found - called), called,
		 found + sizeof(hidden) - 1);
	return name;
}

void plan_parse(struct plan *plan, int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "consumers", required_argument, NULL, 'c' },
		{ "lossy", required_argument, NULL, 'l' },
		{ "deadline", required_argument, NULL, 'd' },
		{ "durable", required_argument, NULL, 'D' },
		{ "kills", required_argument, NULL, 'k' },
		{ "observers", required_argument, NULL, 'o' },
		{ "joiners", required_argument, NULL, 'j' },
		{ "members", required_argument, NULL, 'M' },
		{ "claim", required_argument, NULL, 'n' },
		{ "policy", required_argument, NULL, 'P' },
		{ "durable-group", no_argument, NULL, 'G' },
		{ "size", required_argument, NULL, 'z' },
		{ "capacity", required_argument, NULL, 'C' },
		{ "batch", required_argument, NULL, 'b' },
		{ "mode", required_argument, NULL, 'm' },
		{ "flat-out", no_argument, NULL, 'f' },
		{ "threads", no_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 'S' },
		{ "patience", required_argument, NULL, 'p' },
		{ "sabotage", required_argument, NULL, 'x' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *seconds = getenv("SHMRING_STRESS_SECONDS");
	int option;

	plan->program = program_name(argv[0]);
	plan->seconds = UINT64_MAX;
	plan->seed = random_fresh_seed();
	plan->threads |= UNDER_TSAN;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			plan->seconds = whole_number(plan, optarg);
			break;
		case 'c':
			plan->consumers = whole_number(plan, optarg);
			break;
		case 'l':
			plan->lossy = whole_number(plan, optarg);
			break;
		case 'd':
			plan->deadline = whole_number(plan, optarg);
			break;
		case 'D':
			plan->durable = whole_number(plan, optarg);
			break;
		case 'k':
			plan->kills = whole_number(plan, optarg);
			break;
		case 'o':
			plan->observers = whole_number(plan, optarg);
			break;
		case 'j':
			plan->joiners = whole_number(plan, optarg);
			break;
		case 'M':
			plan->members = whole_number(plan, optarg);
			break;
		case 'n':
			plan->claim = whole_number(plan, optarg);
			break;
		case 'P':
			plan->policy = parse_policy(plan, optarg);
			break;
		case 'G':
			plan->durable_group = 1;
			break;
		case 'z':
			parse_size(plan, optarg);
			break;
		case 'C':
			plan->capacity = whole_number(plan, optarg);
			break;
		case 'b':
			plan->batch = whole_number(plan, optarg);
			break;
		case 'm':
			plan->wake_none = strcmp(optarg, "none") == 0;
			if (!plan->wake_none && strcmp(optarg, "fence") != 0)
				refuse(plan, "no such mode", optarg);
			break;
		case 'f':
			plan->flat_out = 1;
			break;
		case 't':
			plan->threads = 1;
			break;
		case 'S':
			plan->seed = whole_number(plan, optarg);
			break;
		case 'p':
			plan->patience = whole_number(plan, optarg);
			break;
		case 'x':
			plan->sabotage = parse_sabotage(plan, optarg);
			break;
		case 'h':
			usage(stdout, plan->program);
			exit(0);
		default:
			usage(stderr, plan->program);
			exit(2);
		}
	}
	if (optind < argc)
		refuse(plan, "unexpected", argv[optind]);
	if (plan->seconds == UINT64_MAX)
		plan->seconds = plan->kills           ? 0
				: seconds && *seconds ? whole_number(plan, seconds)
						      : 5;
	check(plan);
}

void plan_print_command(const struct plan *plan)
{
	printf("%s --seconds %" PRIu64 " --kills %" PRIu64 " --consumers %" PRIu64
	       " --lossy %" PRIu64 " --deadline %" PRIu64 " --durable %" PRIu64
	       " --observers %" PRIu64 " --joiners %" PRIu64 " --size %" PRIu64 ":%" PRIu64
	       " --capacity %" PRIu64 " --batch %" PRIu64 " --mode %s --patience %" PRIu64
	       " --seed %" PRIu64 "%s%s",
	       plan->program, plan->seconds, plan->kills, plan->consumers, plan->lossy,
	       plan->deadline, plan->durable, plan->observers, plan->joiners, plan->size_minimum,
	       plan->size_maximum, plan->capacity, plan->batch, plan->wake_none ? "none" : "fence",
	       plan->patience, plan->seed, plan->threads ? " --threads" : "",
	       plan->flat_out ? " --flat-out" : "");
	if (plan->members)
		printf(" --members %" PRIu64 " --claim %" PRIu64 " --policy %s%s", plan->members,
		       plan->claim, policies[plan->policy],
		       plan->durable_group ? " --durable-group" : "");
	if (plan->sabotage != SABOTAGE_NONE)
		printf(" --sabotage %s", sabotages[plan->sabotage]);
	putchar('\n');
}
