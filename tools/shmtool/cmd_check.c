/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include <shmring/shmring.h>

#include "arguments.h"
#include "describe.h"
#include "report.h"
#include "shmtool.h"
#include "units.h"

enum {
	KEY_JSON = KEY_FIRST,
	KEY_LIMIT,
};

#define LIMIT_DEFAULT 20

struct check {
	const char *name;
	bool json;
	uint64_t limit;                      /* problems to print; 0: all */
	uint64_t count;                      /* of problems found */
	struct shmring_inspector *inspector; /* null: it cannot be looked at */
	json_t *problems;
};

static const struct argp_option options[] = {
	{ "json", KEY_JSON, NULL, 0, "Print JSON", 0 },
	{ "limit", KEY_LIMIT, "N", 0,
	  "Print the first N problems (20 by default), and how many more there are; "
	  "0: print all",
	  0 },
	OPTION_HELP,
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct check *check = state->input;

	switch (key) {
	case KEY_JSON:
		check->json = true;
		return 0;
	case KEY_LIMIT:
		if (!parse_number(argument, 0, UINT64_MAX, &check->limit))
			return arguments_error(state, "--limit takes a number, not '%s'", argument);
		return 0;
	case ARGP_KEY_ARG:
		return arguments_name(&check->name, argument, state);
	default:
		return arguments_common(key, argument, state);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "NAME",
	.doc = "Verifies everything about a ring that can be verified, while it is in use, and "
	       "says what is wrong and where. It changes nothing. The status is 0 if nothing is "
	       "wrong, 1 if something is."
	       "\vEach problem is a line: the object, the offset in it, what is wrong, what was "
	       "found there, and what it may be. Without permission to read the control object, "
	       "only the records are verified.",
};

/* ---- one problem ---- */

/* The name of the subscription that a problem is about; its slot, where that cannot be seen. */
static const char *subscription_of(const struct check *check, const struct shmring_problem *problem,
				   char text[DESCRIBE_NAME])
{
	struct shmring_subscription_info info = SHMRING_SUBSCRIPTION_INFO_INIT;

	if (check->inspector &&
	    shmring_inspect_subscription(check->inspector, (unsigned int)problem->subscription,
					 &info) == 0 &&
	    info.name[0] != '\0')
		return describe_name(text, info.name);
	snprintf(text, DESCRIBE_NAME, "in slot %" PRId64, problem->subscription);
	return text;
}

static void print_problem(const struct check *check, const struct shmring_problem *problem)
{
	char subscription[DESCRIBE_NAME];

	printf("%s object, byte %" PRIu64 ": %s: found ", problem->object, problem->offset,
	       problem->what);
	/* Without a range it is no number, but bits. */
	if (problem->low == 0 && problem->high == 0)
		printf("0x%" PRIx64, problem->found);
	else if (problem->low == problem->high)
		printf("%" PRIu64 ", must be %" PRIu64, problem->found, problem->low);
	else
		printf("%" PRIu64 ", may be %" PRIu64 " to %" PRIu64, problem->found, problem->low,
		       problem->high);
	if (problem->subscription >= 0)
		printf(" (subscription %s)", subscription_of(check, problem, subscription));
	putchar('\n');
}

static json_t *json_problem(const struct check *check, const struct shmring_problem *problem)
{
	const bool ranged = problem->low != 0 || problem->high != 0;
	char subscription[DESCRIBE_NAME];
	json_t *object = json_object();

	json_object_set_new(object, "what", json_string(problem->what));
	json_object_set_new(object, "object", json_string(problem->object));
	json_object_set_new(object, "offset", json_number(problem->offset));
	json_object_set_new(object, "found", json_number(problem->found));
	json_object_set_new(object, "low", ranged ? json_number(problem->low) : json_null());
	json_object_set_new(object, "high", ranged ? json_number(problem->high) : json_null());
	json_object_set_new(object, "subscription",
			    problem->subscription < 0
				    ? json_null()
				    : json_string(subscription_of(check, problem, subscription)));
	return object;
}

static int on_problem(const struct shmring_problem *problem, void *argument)
{
	struct check *check = argument;

	check->count++;
	if (check->limit != 0 && check->count > check->limit)
		return 0;
	if (check->json)
		json_array_append_new(check->problems, json_problem(check, problem));
	else
		print_problem(check, problem);
	return 0;
}

/* ---- all of them ---- */

static int print_end(const struct check *check)
{
	if (check->limit != 0 && check->count > check->limit)
		printf("and %" PRIu64 " more; --limit=0 shows all\n", check->count - check->limit);
	if (check->count == 0)
		printf("nothing is wrong\n");
	return check->count == 0 ? STATUS_DONE : STATUS_FAILED;
}

static int print_json(struct check *check)
{
	int status = json_print(json_pack(
		"{s:s, s:o, s:O}", "name", check->name[0] == '/' ? check->name + 1 : check->name,
		"count", json_number(check->count), "problems", check->problems));

	return check->count == 0 ? status : STATUS_FAILED;
}

int cmd_check(int argc, char **argv)
{
	struct check check = { .limit = LIMIT_DEFAULT };
	int status, error;

	if (arguments_parse(&argp, argc, argv, &check, &status) != 0)
		return status;
	if (shmring_inspector_open(&check.inspector, check.name) != 0)
		check.inspector = NULL;
	check.problems = json_array();
	error = shmring_check(check.name, on_problem, &check);
	if (error)
		status = report_error(check.name, error, TO_CHECK);
	else
		status = check.json ? print_json(&check) : print_end(&check);
	json_decref(check.problems);
	shmring_inspector_close(check.inspector);
	return status;
}
