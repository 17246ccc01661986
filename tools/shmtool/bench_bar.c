/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <unistd.h>

#include "bench_bar.h"
#include "units.h"

#define BAR_NS    200000000 /* between two drawings */
#define BAR_WIDTH 40

void bench_bar_start(struct bench_bar *bar, uint64_t runs)
{
	*bar = (struct bench_bar){ .shown = isatty(STDERR_FILENO), .runs = runs };
	bar->started = monotonic_ns();
}

void bench_bar_step(struct bench_bar *bar)
{
	static const char hashes[BAR_WIDTH + 1] = "########################################";
	const uint64_t now = monotonic_ns();
	double part, left;

	bar->done++;
	if (!bar->shown || now - bar->drawn < BAR_NS)
		return;
	bar->drawn = now;
	/* What is skipped makes it end early. */
	part = bar->done < bar->runs ? (double)bar->done / (double)bar->runs : 1;
	left = (double)(now - bar->started) / 1e9 * (1 - part) / part;
	fprintf(stderr, "\r[%-*.*s] %3.0f %%, %.0f s left \033[K", BAR_WIDTH,
		(int)(part * BAR_WIDTH), hashes, part * 100, left);
	fflush(stderr);
}

double bench_bar_end(struct bench_bar *bar)
{
	if (bar->shown)
		fputs("\r\033[K", stderr);
	return (double)(monotonic_ns() - bar->started) / 1e9;
}
