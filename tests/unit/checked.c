/* SPDX-License-Identifier: MIT */
#include "checked.h"
#include "unit.h"

#include <stdio.h>

#include "../support/objects.h"

#define PROBLEMS 100

struct findings {
	const char *name;
	unsigned int count;
	struct shmring_problem problems[PROBLEMS];
};

/* Whatever is told must make sense. */
static int note(const struct shmring_problem *problem, void *argument)
{
	struct findings *findings = argument;
	enum object object = problem->object[0] == 'd' ? OBJECT_DATA : OBJECT_CONTROL;

	cr_assert(problem->what && problem->what[0] != '\0');
	cr_assert(strcmp(problem->object, "data") == 0 || strcmp(problem->object, "control") == 0,
		  "object %s", problem->object);
	/* Of an object that is missing, or too short to have the word, it is the first word. */
	cr_assert(problem->offset == 0 || problem->offset < object_size(findings->name, object),
		  "%s", problem->what);
	cr_assert_eq(problem->offset % 4, 0, "%s", problem->what);
	cr_assert_geq(problem->subscription, -1);
	cr_assert_lt(problem->subscription, SHMRING_SUBSCRIPTIONS);
	cr_assert((problem->low == 0 && problem->high == 0) || problem->found < problem->low ||
			  problem->found > problem->high,
		  "%s: 0x%llx is wrong, though between 0x%llx and 0x%llx", problem->what,
		  (unsigned long long)problem->found, (unsigned long long)problem->low,
		  (unsigned long long)problem->high);
	if (findings->count < PROBLEMS)
		findings->problems[findings->count] = *problem;
	findings->count++;
	return 0;
}

static int look(const char *name, struct findings *findings)
{
	findings->name = name;
	findings->count = 0;
	return shmring_check(name, note, findings);
}

static void print(const struct findings *findings)
{
	for (unsigned int i = 0; i < findings->count && i < PROBLEMS; i++) {
		const struct shmring_problem *problem = &findings->problems[i];

		fprintf(stderr, "%s+%llu: %s: 0x%llx, not 0x%llx..0x%llx (subscription %lld)\n",
			problem->object, (unsigned long long)problem->offset, problem->what,
			(unsigned long long)problem->found, (unsigned long long)problem->low,
			(unsigned long long)problem->high, (long long)problem->subscription);
	}
}

int expect_sound_or_busy(const char *name)
{
	struct findings findings;
	int result = look(name, &findings);

	print(&findings);
	cr_assert_eq(findings.count, 0, "%u problems, see above", findings.count);
	cr_assert(result == 0 || result == -EAGAIN, "%d (%s)", result, shmring_strerror(result));
	return result == 0;
}

void expect_sound(const char *name)
{
	cr_assert(expect_sound_or_busy(name), "busy");
}

void expect_named(const char *name, const char *object, uint64_t offset, uint64_t value,
		  int64_t subscription)
{
	struct findings findings;

	expect_ok(look(name, &findings));
	for (unsigned int i = 0; i < findings.count && i < PROBLEMS; i++) {
		const struct shmring_problem *problem = &findings.problems[i];

		if (strcmp(problem->object, object) != 0 || problem->offset != offset ||
		    problem->found != value)
			continue;
		cr_assert_eq(problem->subscription, subscription, "subscription %lld, not %lld",
			     (long long)problem->subscription, (long long)subscription);
		return;
	}
	print(&findings);
	cr_assert_fail("%s+%llu = 0x%llx was not named; see above what was", object,
		       (unsigned long long)offset, (unsigned long long)value);
}

void expect_unsound(const char *name)
{
	struct findings findings;

	expect_ok(look(name, &findings));
	cr_assert_gt(findings.count, 0);
}
