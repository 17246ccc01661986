/* SPDX-License-Identifier: MIT */
/* Latency and throughput by size, as a picture; gnuplot draws it, as a child. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "bench_tell.h"
#include "report.h"
#include "shmtool.h"

#define GNUPLOT "gnuplot"

/* A line's colour, its dashes and its points; families have colours in common. */
static const struct style {
	const char *name;
	const char *colour;
	int dashes, point;
	double width;
} styles[] = {
	{ "ring-spin", "#d00000", 1, 7, 3 },
	{ "ring-adaptive", "#ff8a00", 1, 7, 3 },
	{ "ring-block", "#8c4600", 1, 7, 3 },
	{ "ring-spin-copy", "#d00000", 2, 6, 1.5 },
	{ "ring-adaptive-copy", "#ff8a00", 2, 6, 1.5 },
	{ "ring-block-copy", "#8c4600", 2, 6, 1.5 },
	{ "pipe", "#1f5fbf", 1, 5, 1.5 },
	{ "fifo", "#1f5fbf", 2, 4, 1.5 },
	{ "unix-stream", "#108040", 1, 9, 1.5 },
	{ "unix-seqpacket", "#108040", 2, 8, 1.5 },
	{ "unix-datagram", "#108040", 3, 10, 1.5 },
	{ "tcp", "#7ab800", 1, 11, 1.5 },
	{ "udp", "#7ab800", 2, 10, 1.5 },
	{ "sysv-queue", "#7d2ae8", 1, 13, 1.5 },
	{ "posix-queue", "#7d2ae8", 2, 12, 1.5 },
	{ "file-mutex", "#e0409a", 1, 3, 1.5 },
	{ "sysv-mutex", "#e0409a", 2, 1, 1.5 },
	{ "eventfd", "#00a0b0", 1, 2, 1.5 },
	{ "handover", "#404040", 4, 15, 1.5 },
	{ "futex", "#808080", 4, 14, 1.5 },
	{ "memcpy", "#000000", 3, 0, 2 },
};

static const struct style *style_of(int which)
{
	for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++)
		if (strcmp(styles[i].name, bench_transports[which].name) == 0)
			return &styles[i];
	return &styles[0];
}

static bool has_points(const struct bench_plan *plan, enum bench_task task, int which)
{
	for (int i = 0; i < plan->size_count; i++)
		if (bench_done(bench_find(plan, task, plan->sizes[i], 0), which))
			return true;
	return false;
}

/* ---- gnuplot's input ---- */

/* Microseconds, or MB/s. */
static double plotted(const struct bench_plan *plan, const struct bench_group *group, int which)
{
	const double ns = bench_quartiles(group->cells[which].ns, plan->rounds).median;

	return group->job.task == BENCH_TRIP ? ns / 1e3 : (double)group->job.size / ns * 1e3;
}

static void write_data(FILE *to, const struct bench_plan *plan)
{
	for (int which = 0; which < bench_transport_count; which++) {
		for (int task = BENCH_STREAM; task <= BENCH_TRIP; task++) {
			if (!has_points(plan, (enum bench_task)task, which))
				continue;
			fprintf(to, "$data_%d_%d << END\n", task, which);
			for (int i = 0; i < plan->size_count; i++) {
				const struct bench_group *group =
					bench_find(plan, (enum bench_task)task, plan->sizes[i], 0);
				double ns;

				if (!bench_done(group, which))
					continue;
				ns = bench_quartiles(group->cells[which].ns, plan->rounds).median;
				/* Microseconds; MB/s. */
				fprintf(to, "%zu %.6g\n", plan->sizes[i],
					task == BENCH_TRIP ? ns / 1e3
							   : (double)plan->sizes[i] / ns * 1e3);
			}
			fprintf(to, "END\n");
		}
	}
}

/* Whole powers of ten: one point alone would be no range. */
static void write_range(FILE *to, const struct bench_plan *plan, enum bench_task task)
{
	double least = 1e9, most = 1e-9;

	for (int which = 0; which < bench_transport_count; which++) {
		for (int i = 0; i < plan->size_count; i++) {
			const struct bench_group *group = bench_find(plan, task, plan->sizes[i], 0);
			double value;

			if (!bench_done(group, which))
				continue;
			value = plotted(plan, group, which);
			least = value < least ? value : least;
			most = value > most ? value : most;
		}
	}
	if (least > most)
		least = most = 1;
	fprintf(to, "set yrange [1e%d:1e%d]\n", (int)floor(log10(least)),
		(int)floor(log10(most)) + 1);
}

/* Both panels show the same names; a line that one panel has alone is in the key all the same. */
static void write_panel(FILE *to, const struct bench_plan *plan, enum bench_task task, bool key)
{
	/* Something is drawn in any case, if only nothing. */
	fprintf(to, "plot NaN notitle");
	for (int which = 0; which < bench_transport_count; which++) {
		const struct style *style = style_of(which);
		const bool drawn = has_points(plan, task, which);
		const bool named = key && (has_points(plan, BENCH_STREAM, which) ||
					   has_points(plan, BENCH_TRIP, which));

		if (!drawn && !named)
			continue;
		fprintf(to, ", \\\n     ");
		if (drawn)
			fprintf(to, "$data_%d_%d using 1:2", task, which);
		else
			fprintf(to, "NaN");
		fprintf(to, " with linespoints lw %g dt %d pt %d ps 0.7 lc rgb '%s' ", style->width,
			style->dashes, style->point, style->colour);
		if (named)
			fprintf(to, "title '%s'", style->name);
		else
			fprintf(to, "notitle");
	}
	fprintf(to, "\n");
}

static void write_tics(FILE *to, const struct bench_plan *plan)
{
	fprintf(to, "set xtics (");
	for (int i = 0; i < plan->size_count; i++) {
		const size_t size = plan->sizes[i];

		if (size % (1 << 20) == 0)
			fprintf(to, "%s'%zu MiB' %zu", i ? ", " : "", size >> 20, size);
		else if (size % 1024 == 0)
			fprintf(to, "%s'%zu KiB' %zu", i ? ", " : "", size >> 10, size);
		else
			fprintf(to, "%s'%zu B' %zu", i ? ", " : "", size, size);
	}
	fprintf(to, ") rotate by -35\n");
	fprintf(to, "set xrange [%g:%g]\n", (double)plan->sizes[0] / 1.4,
		(double)plan->sizes[plan->size_count - 1] * 1.4);
}

/* Powers of ten with their units: what is plotted are microseconds, and MB/s. */
static const char time_tics[] =
	"set ytics ('1 ns' 1e-3, '10 ns' 1e-2, '100 ns' 0.1, '1 us' 1, '10 us' 10, '100 us' 100, "
	"'1 ms' 1e3, '10 ms' 1e4, '100 ms' 1e5, '1 s' 1e6, '10 s' 1e7)\n";
static const char rate_tics[] =
	"set ytics ('1 kB/s' 1e-3, '10 kB/s' 1e-2, '100 kB/s' 0.1, '1 MB/s' 1, '10 MB/s' 10, "
	"'100 MB/s' 100, '1 GB/s' 1e3, '10 GB/s' 1e4, '100 GB/s' 1e5)\n";

static void write_all(FILE *to, const struct bench_plan *plan, int fd)
{
	const size_t length = strlen(plan->plot);
	const bool svg = strcmp(plan->plot + length - 4, ".svg") == 0;
	char processor[128];

	bench_processor(processor, sizeof(processor));
	for (char *c = processor; *c; c++)
		if (*c == '\'' || *c == '\\')
			*c = ' ';
	if (svg)
		fprintf(to, "set terminal svg size 1000,540 enhanced font 'DejaVu "
			    "Sans,Helvetica,Arial,13' "
			    "background '#ffffff'\n");
	else
		fprintf(to, "set terminal pngcairo size 1500,840 enhanced font 'sans,12' "
			    "background '#ffffff'\n");
	/* Opened before: no name has to be quoted. */
	fprintf(to, "set output '/dev/fd/%d'\n", fd);
	write_data(to, plan);
	fprintf(to,
		"set multiplot\n"
		"set logscale xy\n"
		"set grid xtics ytics mytics lt 1 lc rgb '#d8d8d8' lw 0.7, lt 1 lc rgb '#eeeeee' "
		"lw 0.5\n"
		"set border lc rgb '#606060'\n"
		"set label 1 at screen 0.5,0.965 center noenhanced "
		"'%s, %d rounds of %.3g s, medians%s'\n",
		processor, plan->rounds, plan->seconds,
		bench_too_noisy(plan) ? "; THE MACHINE WAS TOO NOISY" : "");
	write_tics(to, plan);
	fprintf(to,
		"unset key\n"
		"set lmargin at screen 0.065\nset rmargin at screen 0.40\n"
		"set bmargin at screen 0.11\nset tmargin at screen 0.88\n"
		"set title 'One way (half of there and back)'\n%s",
		time_tics);
	write_range(to, plan, BENCH_TRIP);
	write_panel(to, plan, BENCH_TRIP, false);
	fprintf(to,
		"unset label 1\n"
		"set lmargin at screen 0.475\nset rmargin at screen 0.81\n"
		"set key at screen 0.995,0.88 right top Left reverse samplen 3 spacing 1.15 "
		"font ',11' noenhanced\n"
		"set title 'Throughput'\n%s",
		rate_tics);
	write_range(to, plan, BENCH_STREAM);
	write_panel(to, plan, BENCH_STREAM, true);
	fprintf(to, "unset multiplot\nunset output\n");
}

/* ---- gnuplot ---- */

/* Starts it with what `to` is written to as its input; returns its process, or -1. */
static pid_t start_gnuplot(FILE **to)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	child = fork();
	if (child == 0) {
		char name[] = GNUPLOT;
		char *arguments[] = { name, NULL };

		dup2(ends[0], STDIN_FILENO);
		/* What it prints is no part of what we print. */
		dup2(STDERR_FILENO, STDOUT_FILENO);
		signal(SIGPIPE, SIG_DFL);
		execvp(arguments[0], arguments);
		_exit(127);
	}
	close(ends[0]);
	*to = child < 0 ? NULL : fdopen(ends[1], "w");
	if (!*to)
		close(ends[1]);
	return child;
}

static int end_gnuplot(pid_t child, FILE *to)
{
	bool written = to && ferror(to) == 0;
	int how = 0;
	pid_t ended;

	if (to && fclose(to) != 0)
		written = false;
	do {
		ended = waitpid(child, &how, 0);
	} while (ended < 0 && errno == EINTR);
	if (WIFEXITED(how) && WEXITSTATUS(how) == 127)
		return report(
			"bench",
			"there is no gnuplot to draw with; install it (Debian: gnuplot-nox), or "
			"leave out --plot");
	if (how != 0 || !written)
		return report("bench", "gnuplot failed; see what it said, or leave out --plot");
	return STATUS_DONE;
}

static int open_picture(const char *file, int extra)
{
	/* Not closed on exec: gnuplot writes to it. */
	return open(file, O_RDWR | O_CREAT | extra, 0666);
}

int bench_check_plot(const char *file)
{
	const bool there = access(file, F_OK) == 0;
	const int fd = open_picture(file, O_CLOEXEC);
	FILE *to = NULL;
	pid_t child;

	if (fd < 0)
		return report("bench", "cannot write %s: %s; take another file", file,
			      strerror(errno));
	close(fd);
	if (!there)
		unlink(file);
	signal(SIGPIPE, SIG_IGN);
	child = start_gnuplot(&to);
	if (child < 0)
		return report("bench", "cannot start gnuplot: %s; leave out --plot",
			      strerror(errno));
	return end_gnuplot(child, to);
}

int bench_draw_plot(const struct bench_plan *plan)
{
	const int fd = open_picture(plan->plot, O_TRUNC);
	FILE *to = NULL;
	pid_t child;
	int status;

	if (fd < 0)
		return report("bench", "cannot write %s: %s; take another file", plan->plot,
			      strerror(errno));
	child = start_gnuplot(&to);
	if (child < 0) {
		close(fd);
		return report("bench", "cannot start gnuplot: %s; leave out --plot",
			      strerror(errno));
	}
	if (to)
		write_all(to, plan, fd);
	status = end_gnuplot(child, to);
	close(fd);
	return status;
}
