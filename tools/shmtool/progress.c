/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "progress.h"
#include "units.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MAX 120

void progress_start(struct progress *progress, uint64_t size)
{
	*progress = (struct progress){ .shown = size > 0 && isatty(STDERR_FILENO), .size = size };
	progress->started = progress->drawn_at = monotonic_ns();
}

static int terminal_width(void)
{
	struct winsize window;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0)
		return WIDTH_DEFAULT;
	return window.ws_col < WIDTH_MAX ? window.ws_col : WIDTH_MAX;
}

static void draw(struct progress *progress, uint64_t done, uint64_t now)
{
	static const char hashes[WIDTH_MAX + 1] = "################################################################"
						  "########################################################";
	char done_text[UNITS_TEXT], size_text[UNITS_TEXT], rate_text[UNITS_TEXT], figures[4 * UNITS_TEXT];
	/* The file may have grown meanwhile. */
	const double part = done < progress->size ? (double)done / (double)progress->size : 1;
	const double seconds = (double)(now - progress->started) / 1e9;
	const double rate = seconds > 0 ? (double)(uint64_t)((double)done / seconds) : 0;
	int length, bar;

	length = snprintf(figures, sizeof(figures), "%3.0f %%  %s of %s  %s/s", part * 100,
			  print_bytes(done_text, (double)done), print_bytes(size_text, (double)progress->size),
			  print_bytes(rate_text, rate));
	bar = terminal_width() - length - (int)strlen("[] ") - 1;
	if (bar >= 8)
		fprintf(stderr, "\r[%-*.*s] %s\033[K", bar, (int)(part * bar), hashes, figures);
	else
		fprintf(stderr, "\r%s\033[K", figures);
	fflush(stderr);
	progress->drawn_at = now;
}

void progress_update(struct progress *progress, uint64_t done)
{
	uint64_t now;

	if (!progress->shown)
		return;
	now = monotonic_ns();
	if (now - progress->drawn_at >= PROGRESS_NS)
		draw(progress, done, now);
}

void progress_end(struct progress *progress, uint64_t done)
{
	if (!progress->shown)
		return;
	draw(progress, done, monotonic_ns());
	fputc('\n', stderr);
	progress->shown = false;
}
