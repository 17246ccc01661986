/* SPDX-License-Identifier: MIT */
/* What came of it, for programs: everything, also each round's numbers. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include <shmring/shmring.h>

#include "bench.h"
#include "bench_json.h"
#include "bench_tell.h"
#include "report.h"
#include "shmtool.h"

static const char *family_name(enum bench_family family)
{
	return family == BENCH_RING ? "ring" : family == BENCH_KERNEL ? "kernel" : "floor";
}

static const char *task_name(enum bench_task task)
{
	return task == BENCH_STREAM ? "stream" : task == BENCH_TRIP ? "one_way" : "paced";
}

static json_t *quartiles(struct bench_quartiles q)
{
	return json_pack("{s:f, s:f, s:f}", "low", q.low, "median", q.median, "high", q.high);
}

static json_t *percentile(const struct bench_histogram *histogram, double per_mille, double share)
{
	const double ns = bench_tell_percentile(histogram, per_mille);

	return ns < 0 ? json_null() : json_real(ns / share);
}

static json_t *rounds(const double *numbers, int count)
{
	json_t *array = json_array();

	for (int i = 0; i < count; i++)
		json_array_append_new(array, json_real(numbers[i]));
	return array;
}

static void add_latencies(json_t *object, const struct bench_group *group, int which)
{
	const struct bench_cell *cell = &group->cells[which];
	const double share = group->job.task == BENCH_TRIP ? 2 : 1;

	json_object_set_new(object, "p50_ns", percentile(cell->histogram, 500, share));
	json_object_set_new(object, "p99_ns", percentile(cell->histogram, 990, share));
	json_object_set_new(object, "p99_9_ns", percentile(cell->histogram, 999, share));
	json_object_set_new(object, "max_ns", percentile(cell->histogram, 1000, share));
	if (group->job.task == BENCH_PACED)
		json_object_set_new(object, "kept_up", json_boolean(cell->pace >= BENCH_PACE_KEPT));
}

static json_t *cell_object(const struct bench_plan *plan, const struct bench_group *group,
			   int which)
{
	const struct bench_cell *cell = &group->cells[which];
	const int reference = bench_transport(BENCH_REFERENCE);
	json_t *object = json_pack("{s:s, s:s}", "transport", bench_transports[which].name, "state",
				   cell->state == BENCH_DONE    ? "done"
				   : cell->state == BENCH_LARGE ? "too_large"
								: "skipped");

	if (cell->state != BENCH_DONE)
		return object;
	json_object_set_new(object, "records", json_integer((json_int_t)cell->records));
	json_object_set_new(object, "record_ns",
			    quartiles(bench_quartiles(cell->ns, plan->rounds)));
	json_object_set_new(object, "rounds_ns", rounds(cell->ns, plan->rounds));
	if (bench_done(group, reference))
		json_object_set_new(object, "times_reference",
				    quartiles(bench_ratios(plan, group, which, reference)));
	json_object_set_new(object, "calls_per_million",
			    json_real(bench_quartiles(cell->calls, plan->rounds).median * 1e6));
	json_object_set_new(object, "cpu_seconds_per_million",
			    json_real(bench_quartiles(cell->cpu, plan->rounds).median / 1e3));
	if (cell->histogram)
		add_latencies(object, group, which);
	return object;
}

static json_t *group_object(const struct bench_plan *plan, const struct bench_group *group)
{
	json_t *object = json_pack("{s:s, s:I}", "task", task_name(group->job.task), "bytes",
				   (json_int_t)group->job.size);
	json_t *cells = json_array();

	if (group->job.task == BENCH_PACED)
		json_object_set_new(object, "interval_ns",
				    json_integer((json_int_t)group->job.interval_ns));
	for (int which = 0; which < bench_transport_count; which++)
		if (group->cells[which].state != BENCH_UNTRIED)
			json_array_append_new(cells, cell_object(plan, group, which));
	json_object_set_new(object, "transports", cells);
	return object;
}

static json_t *transport_objects(const struct bench_plan *plan)
{
	json_t *array = json_array();

	for (int which = 0; which < bench_transport_count; which++) {
		const struct bench_transport *transport = &bench_transports[which];
		json_t *object;

		if (!plan->wanted[which])
			continue;
		object = json_pack("{s:s, s:s, s:b}", "name", transport->name, "family",
				   family_name(transport->family), "calls_are_at_least",
				   transport->hidden_calls);
		json_object_set_new(object, "skipped",
				    plan->reasons[which][0] != '\0'
					    ? json_string(plan->reasons[which])
					    : json_null());
		json_array_append_new(array, object);
	}
	return array;
}

json_t *bench_json_head(const struct bench_plan *plan)
{
	char processor[128], library[32];
	const int version = shmring_version();
	struct utsname system;

	uname(&system);
	snprintf(library, sizeof(library), "%d.%d.%d", version / 10000, version / 100 % 100,
		 version % 100);
	return json_pack("{s:s, s:s, s:s, s:[i, i], s:i, s:f}", "library", library, "processor",
			 bench_processor(processor, sizeof(processor)), "kernel", system.release,
			 "cpus", plan->cpus[0], plan->cpus[1], "rounds", plan->rounds, "seconds",
			 plan->seconds);
}

int bench_json_print(json_t *root)
{
	int status = STATUS_DONE;

	if (!root || json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0)
		status = report("bench", "cannot print JSON; see that there is memory and room");
	else
		putchar('\n');
	json_decref(root);
	return status;
}

int bench_print_json(const struct bench_plan *plan)
{
	json_t *root = bench_json_head(plan);
	json_t *groups = json_array();
	const double noise = bench_noise(plan);

	json_object_set_new(root, "elapsed_seconds", json_real(plan->elapsed));
	json_object_set_new(root, "clock_ns", json_integer((json_int_t)plan->clock_ns));
	json_object_set_new(root, "runs", json_integer(plan->runs));
	json_object_set_new(root, "repeated_runs", json_integer(plan->repeated));
	json_object_set_new(root, "disturbed_runs", json_integer(plan->disturbed));
	json_object_set_new(root, "handover_spread", noise < 0 ? json_null() : json_real(noise));
	json_object_set_new(root, "too_noisy", json_boolean(bench_too_noisy(plan)));
	json_object_set_new(root, "reference", json_string(BENCH_REFERENCE));
	json_object_set_new(root, "transports", transport_objects(plan));
	for (int i = 0; i < plan->group_count; i++)
		json_array_append_new(groups, group_object(plan, &plan->groups[i]));
	json_object_set_new(root, "results", groups);
	return bench_json_print(root);
}
