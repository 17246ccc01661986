/* SPDX-License-Identifier: MIT */
/* What came of it, for people: 80 columns. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include <shmring/shmring.h>

#include "bench.h"
#include "bench_tell.h"
#include "units.h"

#define NAME_WIDTH 18

/* Three digits and a letter, five characters: "1.23M", "45.6k", "789". */
static const char *short_number(char text[UNITS_TEXT], double number, const char *const *units)
{
	int unit = 0;

	while (number >= 999.5 && units[unit + 1]) {
		number /= 1000;
		unit++;
	}
	snprintf(text, UNITS_TEXT, "%.*f%s",
		 number < 9.995   ? 2
		 : number < 99.95 ? 1
				  : 0,
		 number, units[unit]);
	return text;
}

static const char *print_count(char text[UNITS_TEXT], double number)
{
	static const char *const units[] = { "", "k", "M", "G", "T", NULL };

	return short_number(text, number, units);
}

/* Nanoseconds, and from a thousand of them on larger units. */
static const char *print_ns(char text[UNITS_TEXT], double ns)
{
	static const char *const units[] = { "n", "u", "m", "s", NULL };

	return short_number(text, ns, units);
}

static const char *print_size(char text[UNITS_TEXT], size_t size)
{
	if (size % (1 << 20) == 0)
		snprintf(text, UNITS_TEXT, "%zuM", size >> 20);
	else if (size % 1024 == 0)
		snprintf(text, UNITS_TEXT, "%zuK", size >> 10);
	else
		snprintf(text, UNITS_TEXT, "%zu", size);
	return text;
}

static const char *print_percentile(char text[UNITS_TEXT], const struct bench_histogram *histogram,
				    double per_mille, double share)
{
	const double ns = bench_tell_percentile(histogram, per_mille);

	if (ns < 0)
		return strcpy(text, "-");
	return print_ns(text, ns / share);
}

/* Of a transport there is something to tell in some group of that task. */
static bool in_task(const struct bench_plan *plan, enum bench_task task, int which)
{
	for (int i = 0; i < plan->group_count; i++)
		if (plan->groups[i].job.task == task &&
		    plan->groups[i].cells[which].state != BENCH_UNTRIED &&
		    plan->groups[i].cells[which].state != BENCH_SKIPPED)
			return true;
	return false;
}

/* ---- by size ---- */

static void print_by_size(const struct bench_plan *plan, enum bench_task task)
{
	char text[UNITS_TEXT];

	printf("%-*s", NAME_WIDTH, "bytes");
	for (int i = 0; i < plan->size_count; i++)
		printf(" %5s", print_size(text, plan->sizes[i]));
	printf("\n");
	for (int which = 0; which < bench_transport_count; which++) {
		if (!in_task(plan, task, which))
			continue;
		printf("%-*s", NAME_WIDTH, bench_transports[which].name);
		for (int i = 0; i < plan->size_count; i++) {
			const struct bench_group *group = bench_find(plan, task, plan->sizes[i], 0);
			const struct bench_cell *cell = &group->cells[which];
			double ns;

			if (cell->state != BENCH_DONE) {
				printf(" %5s", cell->state == BENCH_LARGE ? "large" : "");
				continue;
			}
			ns = bench_quartiles(cell->ns, plan->rounds).median;
			printf(" %5s", task == BENCH_STREAM ? print_count(text, 1e9 / ns)
							    : print_ns(text, ns));
		}
		printf("\n");
	}
	printf("\n");
}

/* ---- one size in detail ---- */

static void print_ratio(const struct bench_plan *plan, const struct bench_group *group, int which)
{
	const int reference = bench_transport(BENCH_REFERENCE);
	struct bench_quartiles q;

	if (!bench_done(group, reference)) {
		printf("  %20s", "");
		return;
	}
	q = bench_ratios(plan, group, which, reference);
	printf("  %6.*f [%5.*f %5.*f]", q.median < 99.95 ? 2 : 0, q.median, q.low < 99.95 ? 2 : 0,
	       q.low, q.high < 99.95 ? 2 : 0, q.high);
}

static void print_cost(const struct bench_plan *plan, const struct bench_cell *cell, int which)
{
	const bool hidden = bench_transports[which].hidden_calls;
	const double cpu = bench_quartiles(cell->cpu, plan->rounds).median;
	char calls[UNITS_TEXT], shown[UNITS_TEXT + 1], seconds[UNITS_TEXT];

	print_count(calls, bench_quartiles(cell->calls, plan->rounds).median * 1e6);
	snprintf(shown, sizeof(shown), "%s%s", hidden ? ">" : "", calls);
	/* Nanoseconds for one are as many milliseconds for a million. */
	printf("  %6s %5s", shown, print_count(seconds, cpu / 1e3));
}

static void print_stream_details(const struct bench_plan *plan)
{
	const struct bench_group *group =
		bench_find(plan, BENCH_STREAM, bench_detail_size(plan), 0);
	char text[UNITS_TEXT];

	printf("Throughput, %zu-byte records: how many times as long as " BENCH_REFERENCE
	       " a record takes\n(median of per-round ratios [quartiles]); for a million records, "
	       "system calls\nand CPU seconds of both processes (>: some more are hidden)\n",
	       group->job.size);
	printf("%-*s  records/s  %6s [quartiles  ]  %6s %5s\n", NAME_WIDTH, "", "times", "calls",
	       "CPU s");
	for (int which = 0; which < bench_transport_count; which++) {
		const struct bench_cell *cell = &group->cells[which];

		if (cell->state != BENCH_DONE)
			continue;
		printf("%-*s  %9s", NAME_WIDTH, bench_transports[which].name,
		       print_count(text, 1e9 / bench_quartiles(cell->ns, plan->rounds).median));
		print_ratio(plan, group, which);
		if (bench_transports[which].family != BENCH_FLOOR)
			print_cost(plan, cell, which);
		printf("\n");
	}
	printf("\n");
}

static void print_percentiles(const struct bench_plan *plan, const struct bench_group *group,
			      bool ratio)
{
	static const double per_mille[] = { 500, 990, 999, 1000 };
	const bool trip = group->job.task == BENCH_TRIP;

	printf("%-*s  %5s %5s %5s %5s", NAME_WIDTH, "", "p50", "p99", "p99.9", "max");
	printf("%s  %6s %5s\n", ratio ? "   times [quartiles  ]" : "", "calls", "CPU s");
	for (int which = 0; which < bench_transport_count; which++) {
		const struct bench_cell *cell = &group->cells[which];
		char text[UNITS_TEXT];

		if (cell->state != BENCH_DONE)
			continue;
		printf("%-*s ", NAME_WIDTH, bench_transports[which].name);
		for (size_t i = 0; i < sizeof(per_mille) / sizeof(per_mille[0]); i++)
			printf(" %5s",
			       print_percentile(text, cell->histogram, per_mille[i], trip ? 2 : 1));
		if (ratio)
			print_ratio(plan, group, which);
		print_cost(plan, cell, which);
		if (cell->pace < BENCH_PACE_KEPT)
			printf("  behind");
		printf("\n");
	}
	printf("\n");
}

static void print_trip_details(const struct bench_plan *plan)
{
	const struct bench_group *group = bench_find(plan, BENCH_TRIP, bench_detail_size(plan), 0);

	printf("One way, %zu-byte records: half of there and back; max and percentiles over all\n"
	       "rounds; times " BENCH_REFERENCE "'s p50 (median of per-round ratios)\n",
	       group->job.size);
	print_percentiles(plan, group, true);
}

static void print_paced(const struct bench_plan *plan)
{
	for (int i = 0; i < BENCH_PACES; i++) {
		const struct bench_group *group =
			bench_find(plan, BENCH_PACED, bench_detail_size(plan), bench_paces[i]);

		printf("One way, a %zu-byte record every %llu us, from when it is due%s\n",
		       group->job.size, (unsigned long long)bench_paces[i] / 1000,
		       i == 0 ? " (behind: cannot\nkeep up with that)" : "");
		print_percentiles(plan, group, false);
	}
}

/* ---- requests ---- */

static void print_requests(const struct bench_plan *plan)
{
	static const char *const names[] = { "unix-stream", "ring-spin", "ring-adaptive",
					     "ring-block" };
	const struct bench_group *group = bench_find(plan, BENCH_TRIP, bench_detail_size(plan), 0);
	const int socket = bench_transport(names[0]);
	bool any = false;

	if (!bench_done(group, socket))
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const int which = bench_transport(names[i]);
		char rate[UNITS_TEXT], middle[UNITS_TEXT], high[UNITS_TEXT];
		struct bench_quartiles q;

		if (!bench_done(group, which))
			continue;
		if (!any)
			printf("Request and reply, %zu bytes each: one UNIX stream socket, and "
			       "pairs\n"
			       "of rings that answer so many times as fast\n"
			       "%-*s  requests/s    p50    p99   times [quartiles  ]\n",
			       group->job.size, NAME_WIDTH, "");
		any = true;
		q = bench_ratios(plan, group, socket, which);
		printf("%-*s  %10s  %5s  %5s  %6.1f [%5.1f %5.1f]\n", NAME_WIDTH, names[i],
		       print_count(
			       rate,
			       5e8 / bench_quartiles(group->cells[which].ns, plan->rounds).median),
		       print_percentile(middle, group->cells[which].histogram, 500, 1),
		       print_percentile(high, group->cells[which].histogram, 990, 1), q.median,
		       q.low, q.high);
	}
	printf("\n");
}

/* ---- all of it ---- */

void bench_print_head(const struct bench_plan *plan)
{
	char processor[128];
	struct utsname system;
	const int version = shmring_version();

	uname(&system);
	printf("%s, %s %s, CPUs %d and %d\n", bench_processor(processor, sizeof(processor)),
	       system.sysname, system.release, plan->cpus[0], plan->cpus[1]);
	printf("shmring %d.%d.%d", version / 10000, version / 100 % 100, version % 100);
}

static void print_reasons(const struct bench_plan *plan)
{
	for (int which = 0; which < bench_transport_count; which++)
		if (plan->reasons[which][0] != '\0')
			printf("%s was skipped: %s\n", bench_transports[which].name,
			       plan->reasons[which]);
}

static void print_noise(const struct bench_plan *plan)
{
	const double noise = bench_noise(plan);
	char spread[128] = "";

	if (noise >= 0)
		snprintf(spread, sizeof(spread),
			 "the bare hand-over's quartiles are %.0f %% apart, ", noise * 100);
	if (bench_too_noisy(plan))
		printf("TOO NOISY: %s\n", spread);
	else
		printf("Quiet enough: %s\n", spread);
	printf("another process had a core in %ld of %ld runs, after %ld that were repeated.\n%s\n",
	       plan->disturbed, plan->runs, plan->repeated,
	       bench_too_noisy(plan) ? "Something else runs here; do not rely on these numbers.\n"
				     : "");
}

void bench_print_table(const struct bench_plan *plan)
{
	bench_print_head(plan);
	printf("; %d rounds of %.3g s each, %.0f s in all\n", plan->rounds, plan->seconds,
	       plan->elapsed);
	printf("n, u, m are nano-, micro- and milliseconds; reading the clock takes %llu ns\n",
	       (unsigned long long)plan->clock_ns);
	printf("large: more than the transport takes in one message\n");
	print_reasons(plan);
	printf("\nThroughput: records a second (medians over the rounds)\n");
	print_by_size(plan, BENCH_STREAM);
	printf("One way: half of there and back (medians over the rounds)\n");
	print_by_size(plan, BENCH_TRIP);
	print_stream_details(plan);
	print_trip_details(plan);
	print_paced(plan);
	print_requests(plan);
	bench_print_aims(plan);
	print_noise(plan);
	bench_print_figures(plan);
}
