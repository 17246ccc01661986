/* SPDX-License-Identifier: MIT */
/* The schedule: rounds of groups of transports, each of which gets its turn in every round. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bench_bar.h"
#include "report.h"
#include "shmtool.h"
#include "signals.h"
#include "units.h"

/* How often a run is made at most, if another process takes a core from it each time. */
#define TRIES 3

/* ---- preparing ---- */

static bool prepare_cell(const struct bench_plan *plan, struct bench_group *group, int which)
{
	struct bench_cell *cell = &group->cells[which];
	const struct bench_transport *transport = &bench_transports[which];
	const size_t rounds = (size_t)plan->rounds;

	cell->state = BENCH_UNTRIED;
	if (!plan->wanted[which] || !(transport->tasks & group->job.task) ||
	    (transport->largest != 0 && group->job.size > transport->largest))
		return true;
	cell->state = BENCH_DONE;
	cell->pace = 1;
	cell->ns = calloc(rounds, sizeof(double));
	cell->calls = calloc(rounds, sizeof(double));
	cell->cpu = calloc(rounds, sizeof(double));
	if (group->job.task != BENCH_STREAM)
		cell->histogram = calloc(1, sizeof(*cell->histogram));
	return cell->ns && cell->calls && cell->cpu &&
	       (cell->histogram || group->job.task == BENCH_STREAM);
}

static bool prepare_group(struct bench_plan *plan, enum bench_task task, size_t size,
			  uint64_t interval_ns)
{
	struct bench_group *group = &plan->groups[plan->group_count++];
	bool good = true;

	group->job = (struct bench_job){
		.task = task,
		.size = size,
		.interval_ns = interval_ns,
		.run_ns = (uint64_t)(plan->seconds * 1e9),
		.ways = task == BENCH_TRIP ? 2 : 1,
	};
	for (int which = 0; which < bench_transport_count; which++)
		good &= prepare_cell(plan, group, which);
	return good;
}

static bool prepare(struct bench_plan *plan)
{
	bool good = true;

	for (int i = 0; i < plan->size_count; i++)
		good &= prepare_group(plan, BENCH_STREAM, plan->sizes[i], 0);
	for (int i = 0; i < plan->size_count; i++)
		good &= prepare_group(plan, BENCH_TRIP, plan->sizes[i], 0);
	for (int i = 0; i < BENCH_PACES; i++)
		good &= prepare_group(plan, BENCH_PACED, bench_detail_size(plan), bench_paces[i]);
	return good;
}

static uint64_t clock_cost(void)
{
	const uint64_t start = monotonic_ns();
	uint64_t now = start;

	for (int i = 0; i < 10000; i++)
		now = monotonic_ns();
	return (now - start + 5000) / 10000;
}

/* ---- a run ---- */

static void run_side(enum bench_side side, void *argument)
{
	struct bench_run *run = argument;

	run->transport->run(run, side);
}

static void note_run(struct bench_plan *plan, const struct bench_job *job, struct bench_cell *cell,
		     int round)
{
	const struct bench_measured *near = &plan->shared->measured[BENCH_NEAR];
	const struct bench_measured *far = &plan->shared->measured[BENCH_FAR];
	double kept;

	plan->runs++;
	plan->disturbed += near->preempted + far->preempted > 0;
	cell->records += far->records;
	for (int side = 0; side < 2; side++) {
		const struct bench_measured *measured = &plan->shared->measured[side];

		if (measured->all > 0)
			cell->calls[round] += (double)measured->calls / (double)measured->all;
		if (measured->records > 0)
			cell->cpu[round] += (double)measured->cpu_ns / (double)measured->records;
	}
	if (job->task == BENCH_STREAM) {
		cell->ns[round] = (double)far->ns / (double)far->records;
		return;
	}
	cell->ns[round] = bench_percentile(&plan->shared->histogram, 500);
	if (job->task == BENCH_TRIP) {
		cell->ns[round] /= 2;
		/* A trip is two records. */
		cell->calls[round] /= 2;
		cell->cpu[round] /= 2;
	}
	bench_merge(cell->histogram, &plan->shared->histogram);
	kept = (double)(near->records * job->interval_ns) / (double)near->ns;
	if (job->task == BENCH_PACED && kept < cell->pace)
		cell->pace = kept;
}

/* Whatever round it is skipped in, it has no results for this group. */
static void skip(struct bench_plan *plan, struct bench_group *group, int which,
		 enum bench_opened opened, const char *reason)
{
	group->cells[which].state = opened == BENCH_TOO_LARGE ? BENCH_LARGE : BENCH_SKIPPED;
	if (opened == BENCH_REFUSED && plan->reasons[which][0] == '\0')
		snprintf(plan->reasons[which], BENCH_REASON, "%s", reason);
}

/* All transports have the same chances of another try, until a quarter of all runs was repeated. */
static bool try_again(struct bench_plan *plan, int tries)
{
	const struct bench_measured *measured = plan->shared->measured;

	if (measured[BENCH_NEAR].preempted + measured[BENCH_FAR].preempted == 0 || tries >= TRIES ||
	    plan->repeated >= plan->expected / 4)
		return false;
	plan->repeated++;
	return true;
}

static int run_one(struct bench_plan *plan, struct bench_group *group, int which, int round)
{
	struct bench_run run = {
		.transport = &bench_transports[which],
		.job = group->job,
		.shared = plan->shared,
	};
	enum bench_opened opened;
	int status = STATUS_DONE;
	int tries = 0;

	do {
		opened = run.transport->open(&run);
		if (opened == BENCH_OPEN)
			status = bench_fork_two(plan, run.transport->name, run_side, &run);
		run.transport->close(&run);
	} while (opened == BENCH_OPEN && status == STATUS_DONE && try_again(plan, ++tries));
	if (opened != BENCH_OPEN)
		skip(plan, group, which, opened, run.reason);
	else if (status == STATUS_DONE)
		note_run(plan, &group->job, &group->cells[which], round);
	return signals_came() ? signals_status() : status;
}

/* Each round begins with another group, and each group with another transport. */
static int run_round(struct bench_plan *plan, struct bench_bar *bar, int round)
{
	for (int i = 0; i < plan->group_count; i++) {
		struct bench_group *group = &plan->groups[(i + round) % plan->group_count];

		for (int j = 0; j < bench_transport_count; j++) {
			const int which = (j + i + round) % bench_transport_count;
			int status;

			if (group->cells[which].state != BENCH_DONE)
				continue;
			status = run_one(plan, group, which, round);
			if (status != STATUS_DONE)
				return status;
			bench_bar_step(bar);
		}
	}
	return STATUS_DONE;
}

static uint64_t count_runs(const struct bench_plan *plan)
{
	uint64_t count = 0;

	for (int i = 0; i < plan->group_count; i++)
		for (int which = 0; which < bench_transport_count; which++)
			count += plan->groups[i].cells[which].state == BENCH_DONE;
	return count * (uint64_t)plan->rounds;
}

int bench_execute(struct bench_plan *plan)
{
	struct bench_bar bar;
	int status = STATUS_DONE;

	if (!prepare(plan))
		return report("bench",
			      "this process is out of memory; ask for fewer sizes or rounds");
	plan->clock_ns = clock_cost();
	plan->expected = (long)count_runs(plan);
	bench_bar_start(&bar, (uint64_t)plan->expected);
	for (int round = 0; round < plan->rounds && status == STATUS_DONE; round++)
		status = run_round(plan, &bar, round);
	plan->elapsed = bench_bar_end(&bar);
	return status;
}
