/* SPDX-License-Identifier: MIT */
/* The aims, and figures for programs. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench.h"
#include "bench_tell.h"

const char *bench_processor(char *text, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	struct utsname system;
	char line[256];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		const char *colon = strchr(line, ':');

		found = strncmp(line, "model name", 10) == 0 && colon && colon[1] == ' ';
		if (found)
			snprintf(text, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
	}
	if (file)
		fclose(file);
	if (!found && uname(&system) == 0)
		snprintf(text, size, "%s", system.machine);
	return text;
}

double bench_tell_percentile(const struct bench_histogram *histogram, double per_mille)
{
	/* At least one is beyond it, but for the largest. */
	if (histogram->count == 0 ||
	    (per_mille < 1000 && (double)histogram->count * (1 - per_mille / 1000) < 1))
		return -1;
	if (per_mille >= 1000)
		return (double)histogram->maximum;
	return bench_percentile(histogram, per_mille);
}

/* ---- aims ---- */

static const struct aim {
	enum bench_task task;
	const char *ours, *theirs; /* at 64 bytes: theirs over ours, or ours over theirs */
	double limit;
	bool at_most;
} aims[] = {
	{ BENCH_STREAM, "ring-spin", "pipe", 15, false },
	{ BENCH_STREAM, "ring-spin", "fifo", 15, false },
	{ BENCH_STREAM, "ring-spin", "unix-stream", 40, false },
	{ BENCH_STREAM, "ring-spin", "unix-seqpacket", 40, false },
	{ BENCH_STREAM, "ring-spin", "unix-datagram", 40, false },
	{ BENCH_STREAM, "ring-spin", "tcp", 40, false },
	{ BENCH_STREAM, "ring-spin", "udp", 40, false },
	{ BENCH_STREAM, "ring-spin", "sysv-queue", 40, false },
	{ BENCH_STREAM, "ring-spin", "posix-queue", 40, false },
	{ BENCH_TRIP, "ring-block", "futex", 1.1, true },
};

void bench_print_aims(const struct bench_plan *plan)
{
	bool any = false;

	for (size_t i = 0; i < sizeof(aims) / sizeof(aims[0]); i++) {
		const struct aim *aim = &aims[i];
		const struct bench_group *group = bench_find(plan, aim->task, 64, 0);
		const int ours = bench_transport(aim->ours);
		const int theirs = bench_transport(aim->theirs);
		struct bench_quartiles q;
		bool reached;

		if (!bench_done(group, ours) || !bench_done(group, theirs))
			continue;
		if (!any)
			printf("Aims at 64 bytes (medians of per-round ratios [quartiles])\n");
		any = true;
		q = aim->at_most ? bench_ratios(plan, group, ours, theirs)
				 : bench_ratios(plan, group, theirs, ours);
		reached = aim->at_most ? q.median <= aim->limit : q.median >= aim->limit;
		printf("  %-10s %-24s %6.2f [%6.2f %6.2f]  %s %4.1f: %s\n", aim->ours, aim->theirs,
		       q.median, q.low, q.high, aim->at_most ? "at most " : "at least", aim->limit,
		       reached ? "yes" : "NO");
	}
	if (any)
		printf("\n");
}

/* ---- figures ---- */

/* A name's dashes become underscores. */
static const char *word(char text[32], const char *name)
{
	snprintf(text, 32, "%s", name);
	for (char *c = text; *c; c++)
		if (*c == '-')
			*c = '_';
	return text;
}

static void figure_with_quartiles(const char *name, struct bench_quartiles q)
{
	printf("figure %s %.3f\n", name, q.median);
	printf("figure %s_low %.3f\n", name, q.low);
	printf("figure %s_high %.3f\n", name, q.high);
}

static void stream_figures(const struct bench_plan *plan, const struct bench_group *group)
{
	const int ring = bench_transport(BENCH_REFERENCE);

	for (int which = 0; which < bench_transport_count; which++) {
		char name[128], other[32];

		if (!bench_done(group, which))
			continue;
		word(other, bench_transports[which].name);
		printf("figure record_ns_%zu_%s %.2f\n", group->job.size, other,
		       bench_quartiles(group->cells[which].ns, plan->rounds).median);
		if (which == ring || !bench_done(group, ring))
			continue;
		snprintf(name, sizeof(name), "throughput_%zu_ring_spin_over_%s", group->job.size,
			 other);
		figure_with_quartiles(name, bench_ratios(plan, group, which, ring));
	}
}

static void trip_figures(const struct bench_plan *plan, const struct bench_group *group)
{
	const int ring = bench_transport(BENCH_REFERENCE);
	const int block = bench_transport("ring-block");
	const int handover = bench_transport("handover");
	const int futex = bench_transport("futex");
	char name[128], other[32];

	for (int which = 0; which < bench_transport_count; which++) {
		if (!bench_done(group, which))
			continue;
		word(other, bench_transports[which].name);
		printf("figure one_way_ns_%zu_%s %.1f\n", group->job.size, other,
		       bench_quartiles(group->cells[which].ns, plan->rounds).median);
		if (bench_transports[which].family != BENCH_KERNEL || !bench_done(group, ring))
			continue;
		snprintf(name, sizeof(name), "one_way_%zu_%s_over_ring_spin", group->job.size,
			 other);
		figure_with_quartiles(name, bench_ratios(plan, group, which, ring));
	}
	if (bench_done(group, ring) && bench_done(group, handover)) {
		snprintf(name, sizeof(name), "one_way_%zu_ring_spin_over_handover",
			 group->job.size);
		figure_with_quartiles(name, bench_ratios(plan, group, ring, handover));
	}
	if (bench_done(group, block) && bench_done(group, futex)) {
		snprintf(name, sizeof(name), "one_way_%zu_ring_block_over_futex", group->job.size);
		figure_with_quartiles(name, bench_ratios(plan, group, block, futex));
	}
}

static void paced_figures(const struct bench_plan *plan, const struct bench_group *group)
{
	for (int which = 0; which < bench_transport_count; which++) {
		const struct bench_cell *cell = &group->cells[which];
		const double high =
			bench_done(group, which) ? bench_tell_percentile(cell->histogram, 990) : -1;
		char other[32];

		if (!bench_done(group, which))
			continue;
		word(other, bench_transports[which].name);
		printf("figure paced_%llu_us_p50_ns_%s %.1f\n",
		       (unsigned long long)group->job.interval_ns / 1000, other,
		       bench_quartiles(cell->ns, plan->rounds).median);
		if (high >= 0)
			printf("figure paced_%llu_us_p99_ns_%s %.1f\n",
			       (unsigned long long)group->job.interval_ns / 1000, other, high);
	}
}

void bench_print_figures(const struct bench_plan *plan)
{
	const double noise = bench_noise(plan);

	for (int i = 0; i < plan->group_count; i++) {
		const struct bench_group *group = &plan->groups[i];

		if (group->job.task == BENCH_PACED)
			paced_figures(plan, group);
		else if (group->job.size != bench_detail_size(plan))
			continue;
		else if (group->job.task == BENCH_STREAM)
			stream_figures(plan, group);
		else
			trip_figures(plan, group);
	}
	printf("figure clock_ns %llu\n", (unsigned long long)plan->clock_ns);
	if (noise >= 0)
		printf("figure handover_spread %.3f\n", noise);
	printf("figure disturbed_runs %ld\n", plan->disturbed);
}
